// Ten thousand runs with thirty columns, and a curve of a million points.
import { LONG_POINTS, MANY_COLUMNS, MANY_RUNS, SPIKE } from '../support/content.ts';
import { expect, test } from '../support/test.ts';

const columns = (kind: string, letter: string) =>
  Array.from({ length: MANY_COLUMNS / 2 }, (_, index) => `${kind}.${letter}${String(index).padStart(2, '0')}`);
const ALL = [...columns('metrics', 'm'), ...columns('params', 'p')];
const MAX_NODES = 1500;

test('all of ten thousand runs are reached, with few nodes', async ({ page, open, content }) => {
  const query = ALL.map((column) => `col=${encodeURIComponent(column)}`).join('&');
  await open(`/experiments/${content.many}/runs?${query}`);
  const grid = page.getByRole('grid', { name: 'Runs' });
  await expect(grid).toHaveAttribute('aria-rowcount', String(MANY_RUNS + 1));
  const nodes = () => page.evaluate(() => document.querySelectorAll('*').length);
  expect(await nodes()).toBeLessThanOrEqual(MAX_NODES);
  const scroller = grid.locator('.grid-scroller');
  for (const index of [0, 2_500, 5_000, 7_500, MANY_RUNS - 1]) {
    // A few rows above it, so that the heading does not stand in front of it.
    await scroller.evaluate((element, part) => {
      element.scrollTop = part * element.scrollHeight;
    }, Math.max(0, index - 4) / MANY_RUNS);
    // The newest run stands first.
    const name = `run-${String(MANY_RUNS - 1 - index).padStart(5, '0')}`;
    await expect(grid.getByText(name, { exact: true })).toBeVisible();
    expect(await nodes()).toBeLessThanOrEqual(MAX_NODES);
  }
});

test('sorting by a metric puts the best of all rows first', async ({ page, open, content }) => {
  await open(`/experiments/${content.many}/runs?col=metrics.m03`);
  const grid = page.getByRole('grid', { name: 'Runs' });
  const head = grid.getByRole('columnheader').filter({ hasText: 'm03' });
  await head.click();
  await expect(head).toHaveAttribute('aria-sort', /ascending|descending/);
  if ((await head.getAttribute('aria-sort')) === 'descending') await head.click();
  await expect(head).toHaveAttribute('aria-sort', 'ascending');
  // The value 0 belongs to the run with the number 0.
  await expect(grid.locator('[role="row"][aria-rowindex="2"]').first()).toBeVisible();
  await expect(grid.getByRole('rowheader').first()).toContainText('run-00000');
});

test('a curve of a million points says what it shows and is exact when zoomed', async ({ page, open, content }) => {
  await open(`/experiments/${content.long.experiment}/runs?v=charts`);
  const label = LONG_POINTS.toLocaleString('en-US');
  const curve = page.locator('main').getByRole('img', { name: /^loss: 1 curve/ });
  await expect(curve).toHaveAttribute('aria-label', new RegExp(`min/max of ${label} points`));
  await curve.scrollIntoViewIfNeeded();
  const answered = page.waitForResponse((response) => /\/api\/1\.0\/series/.test(response.url()));
  const box = await curve.boundingBox();
  if (!box) throw new Error('the curve has no place on the page');
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width * 0.4, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.5, y, { steps: 5 });
  await page.mouse.up();
  const refined = await (await answered).body();
  expect(refined.subarray(0, 3).toString()).toMatch(/^TW[SB]/);
  await expect(page.getByRole('button', { name: 'Whole curve' })).toBeVisible();
  await page.getByRole('button', { name: 'Whole curve' }).click();
  await expect(curve).toHaveAttribute('aria-label', new RegExp(`min/max of ${label} points`));
});

test('the spike of a million points survives every width', async ({ request, content }) => {
  for (const buckets of [1, 50, 800, 1600]) {
    const query = `run_id=${content.long.run}&key=loss&buckets=${buckets}`;
    const answer = await request.get(`${content.url}/api/1.0/series?${query}`);
    expect(answer.status()).toBe(200);
    const body = await answer.body();
    expect(body.length).toBeLessThanOrEqual(64 * 1024);
    const view = new DataView(body.buffer, body.byteOffset, body.length);
    const n = view.getUint32(8, true);
    const highest = Array.from({ length: n }, (_, index) => view.getFloat64(64 + 8 * (2 * n + index), true));
    expect(Math.max(...highest)).toBe(SPIKE.value);
  }
});
