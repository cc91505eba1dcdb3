// What single pages show: ways on from what is not there, colours of logs, digests, charts by groups.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Client } from '../support/client.ts';
import { hostileFiles } from '../support/content.ts';
import { expect, test } from '../support/test.ts';

test('a run that is not there offers a search and the way up', async ({ page, open, guard }) => {
  guard.allow(/status of 404/);
  await page.goto('/runs/nobody-made-it');
  await expect(page.getByRole('alert')).toContainText('not found');
  await expect(page.getByRole('searchbox', { name: 'Search experiments, runs, models and pages' })).toHaveValue('nobody-made-it');
  await page.locator('main').getByRole('link', { name: 'Experiments' }).click();
  await expect(page).toHaveURL(/\/experiments$/);
  await open('/nothing/here');
  await page.locator('main').getByRole('link', { name: 'Production', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Production' })).toBeVisible();
});

test('the entry of the audit log is one click from the history of a model', async ({ page, open }) => {
  await open('/models/churn-classifier?tab=history');
  const link = page.locator('main a[href*="request_id="]').first();
  const request = new URL((await link.getAttribute('href')) ?? '', 'http://here').searchParams.get('request_id');
  await link.click();
  await expect(page.getByLabel('Request', { exact: true })).toHaveValue(request ?? 'none');
  await expect(page.locator('main tbody tr').first()).toBeVisible();
  expect(await page.locator('main tbody tr').count()).toBeLessThan(10);
});

test('a log has its colours and no codes, and its digest is the recorded one', async ({ page, open, content }) => {
  const [path, text] = hostileFiles.find(([name]) => name === 'log.txt') ?? ['', ''];
  await open(`/runs/${content.hostile.run}/artifacts/${path}`);
  const shown = page.getByLabel(`Content of ${path}`);
  await expect(shown.locator('.red')).toHaveText('red');
  await expect(shown).not.toContainText('[31m');
  const digest = createHash('sha256').update(text).digest('hex');
  await expect(page.locator('main code', { hasText: digest.slice(0, 12) })).toHaveAttribute('title', new RegExp(`Recorded by the server.*${digest}`));
  await page.getByRole('button', { name: 'Verify' }).click();
  await expect(page.locator('main').getByText('verified')).toBeVisible();
});

test('charts are put together by colour, dashes and facets at once', async ({ page, open, content }) => {
  const client = new Client(content.url);
  const experiment = await client.experiment(`grouped-${Date.now()}`);
  for (const [optimizer, depth] of [['adam', '2'], ['adam', '4'], ['sgd', '2'], ['sgd', '4']] as const) {
    const run = await client.run(experiment, `${optimizer}-${depth}`);
    const points = [0, 1, 2].map((step) => ({ key: 'loss', value: 1 / (step + Number(depth)), step, timestamp: Date.now() }));
    await client.log(run, points, [{ key: 'optimizer', value: optimizer }, { key: 'depth', value: depth }]);
    await client.end(run);
  }
  await open(`/experiments/${experiment}/runs?v=charts&color=params.optimizer&stroke=params.depth`);
  await expect(page.getByRole('img', { name: /^loss: 4 curves/ })).toBeVisible();
  await expect(page.getByLabel('Colours')).toContainText(/adam.*sgd/);
  await expect(page.getByLabel('Dashes')).toContainText(/2.*4/);
  await page.getByRole('button', { name: /^Group/ }).click();
  await page.getByLabel('A chart for each').selectOption('params.optimizer');
  await expect(page).toHaveURL(/facet=params\.optimizer/);
  await expect(page.getByRole('img', { name: /^loss · adam: 2 curves/ })).toBeVisible();
  await expect(page.getByRole('img', { name: /^loss · sgd: 2 curves/ })).toBeVisible();
});

test('the lists fit the window', async ({ page, open }) => {
  for (const width of [1440, 900]) {
    await page.setViewportSize({ width, height: 900 });
    for (const path of ['/models', '/experiments']) {
      await open(path);
      const over = await page.evaluate(() => [document.documentElement, ...document.querySelectorAll('.scroll')].map((one) => one.scrollWidth - one.clientWidth));
      expect(Math.max(...over), `${path} at ${width}`).toBeLessThanOrEqual(0);
    }
  }
});

test('all rows of the view come as CSV and as Parquet', async ({ page, open, content }) => {
  const client = new Client(content.url);
  const experiment = await client.experiment(`exported-${Date.now()}`);
  for (const kind of ['kept', 'kept', 'left']) {
    const run = await client.run(experiment, kind);
    await client.log(run, [{ key: 'loss', value: 0.5, step: 0, timestamp: Date.now() }], [{ key: 'kind', value: kind }]);
    await client.end(run);
  }
  await open(`/experiments/${experiment}/runs?filter=${encodeURIComponent("params.kind = 'kept'")}`);
  const get = async (format: string) => {
    await page.getByRole('button', { name: 'Download all rows' }).click();
    const coming = page.waitForEvent('download');
    await page.getByRole('link', { name: format, exact: true }).click();
    const download = await coming;
    return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
  };
  const csv = await get('CSV');
  expect(csv.name).toBe('runs.csv');
  const lines = csv.bytes.toString().trimEnd().split('\r\n');
  expect(lines.map((line) => line.split(',')[2])).toEqual(['name', 'kept', 'kept']);
  const parquet = await get('Parquet');
  expect(parquet.name).toBe('runs.parquet');
  expect([parquet.bytes.subarray(0, 4).toString(), parquet.bytes.subarray(-4).toString()]).toEqual(['PAR1', 'PAR1']);
  expect(parquet.bytes.includes('metrics.loss')).toBe(true);
});
