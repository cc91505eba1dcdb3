// Names, tags and files that try to run scripts stay text.
import { HOSTILE_NAME, hostileFiles, MARK } from '../support/content.ts';
import { expect, settled, test } from '../support/test.ts';

// What the browser says when a sandbox or a policy did its work.
const REFUSED = /sandboxed|Content Security Policy|Content-Security-Policy|policy:|Blocked script execution|ERR_BLOCKED|Not allowed to load/i;

test('texts of runs, experiments and models are shown, not run', async ({ page, open, content }) => {
  const { experiment, run, model } = content.hostile;
  const compared = `/compare?runs=${run},${content.long.run}`;
  const paths = ['/', '/experiments', `/experiments/${experiment}/runs`, `/experiments/${experiment}/runs?v=charts`, compared, `/runs/${run}`, '/models', `/models/${model}`, `/models/${model}/versions/1`, '/audit'];
  for (const path of paths) {
    await test.step(path, async () => {
      await open(path);
      expect(await page.evaluate((mark) => mark in window, MARK)).toBe(false);
      expect(await page.locator('main script, main iframe:not([sandbox])').count()).toBe(0);
    });
  }
  await open(`/runs/${run}`);
  await expect(page.locator('main .markdown').first()).toContainText(`window.${MARK}=1`);
  await open(`/experiments/${experiment}/runs`);
  await expect(page.getByRole('grid', { name: 'Runs' })).toContainText(HOSTILE_NAME.slice(0, 20));
});

test('files are shown without running what is in them', async ({ page, content, guard }) => {
  guard.allow(REFUSED);
  for (const [path] of hostileFiles) {
    await test.step(path, async () => {
      await page.goto(`/runs/${content.hostile.run}/artifacts/${path}`);
      await settled(page);
      await expect(page.locator('main').getByText(path).first()).toBeVisible();
      expect(await page.evaluate((mark) => mark in window, MARK)).toBe(false);
      for (const frame of page.frames().slice(1)) {
        expect(await frame.evaluate((mark) => mark in window, MARK).catch(() => false)).toBe(false);
        // A null origin has neither the page's cookies nor its API.
        expect(await frame.evaluate(() => window.origin).catch(() => 'null')).toBe('null');
      }
    });
  }
});

test('the bytes of a file come with a policy that runs nothing', async ({ request, content }) => {
  for (const [path] of hostileFiles) {
    const answer = await request.get(`${content.url}/api/1.0/runs/${content.hostile.run}/artifacts/${path}`);
    expect(answer.status(), path).toBe(200);
    const headers = answer.headers();
    expect(headers['content-security-policy']).toContain('sandbox');
    expect(headers['content-security-policy']).not.toContain('allow-same-origin');
    expect(headers['x-content-type-options']).toBe('nosniff');
  }
});

test('the pages themselves come with a strict policy', async ({ request, content }) => {
  const answer = await request.get(`${content.url}/experiments`, { headers: { accept: 'text/html' } });
  const policy = answer.headers()['content-security-policy'] ?? '';
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("script-src 'self'");
  expect(policy).not.toMatch(/script-src[^;]*unsafe/);
  expect(policy).toContain("frame-ancestors 'none'");
});
