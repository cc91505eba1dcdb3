// What a client logs while a page is open, and a server that goes away and comes back.
import { randomUUID } from 'node:crypto';
import { Client } from '../support/client.ts';
import { Server } from '../support/server.ts';
import { expect, settled, test } from '../support/test.ts';

// A test may be repeated on the same server.
const fresh = (name: string) => `${name}-${randomUUID().slice(0, 8)}`;

test('new runs are announced without moving the table', async ({ page, open, content }) => {
  const client = new Client(content.url);
  const experiment = await client.experiment(fresh('live-runs'));
  await client.end(await client.run(experiment, 'the-first'));
  await open(`/experiments/${experiment}/runs`);
  const grid = page.getByRole('grid', { name: 'Runs' });
  await expect(grid).toContainText('the-first');
  await expect(page.locator('[data-live="live"]')).toBeVisible();
  await client.run(experiment, 'the-second');
  const pill = page.getByRole('button', { name: /1 new/ });
  await expect(pill).toBeVisible();
  await expect(grid).not.toContainText('the-second');
  await pill.click();
  await expect(grid).toContainText('the-second');
});

test('the state of a run in the list follows the client', async ({ page, open, content }) => {
  const client = new Client(content.url);
  const name = fresh('live-state');
  const experiment = await client.experiment(name);
  const run = await client.run(experiment, 'still-going');
  await open('/experiments');
  const row = page.getByRole('row').filter({ hasText: name });
  await expect(row).toContainText('1');
  await expect(page.locator('[data-live="live"]')).toBeVisible();
  await client.end(run, 'FAILED');
  await expect(row).toContainText('1 failed');
});

test('a curve grows while it is logged', async ({ page, open, content }) => {
  const client = new Client(content.url);
  const experiment = await client.experiment(fresh('live-curve'));
  const run = await client.run(experiment, 'training');
  const point = (step: number) => ({ key: 'loss', value: 1 / (step + 1), step, timestamp: Date.now() });
  await client.log(run, [0, 1, 2, 3, 4].map(point));
  await open(`/runs/${run}?tab=charts`);
  const curve = page.locator('main').getByRole('img', { name: /^loss: 1 curve/ });
  await expect(curve).toHaveAttribute('aria-label', /\b5 points/);
  await expect(page.locator('[data-live="live"]')).toBeVisible();
  await client.log(run, [5, 6, 7].map(point));
  await expect(curve).toHaveAttribute('aria-label', /\b8 points/);
});

test('what is logged before the page listens is shown', async ({ page, open, content }) => {
  const client = new Client(content.url);
  const run = await client.run(await client.experiment(fresh('live-early')), 'training');
  const point = (step: number) => ({ key: 'loss', value: 1 / (step + 1), step, timestamp: Date.now() });
  await client.log(run, [0, 1, 2, 3, 4].map(point));
  let late = false;
  await page.route('**/api/1.0/events?**', async (route) => {
    // The first connection is held back until the page shows a curve, and then more is logged.
    if (!late) {
      late = true;
      await expect(page.locator('main').getByRole('img', { name: /^loss: 1 curve/ })).toHaveAttribute('aria-label', /\b5 points/);
      await client.log(run, [5, 6, 7].map(point));
    }
    await route.continue();
  });
  await open(`/runs/${run}?tab=charts`);
  const curve = page.locator('main').getByRole('img', { name: /^loss: 1 curve/ });
  await expect(curve).toHaveAttribute('aria-label', /\b8 points/);
});

test('after a restart of the server the page is live again and up to date', async ({ page, guard }) => {
  // What the browser says of a server that is away is no fault of the page.
  guard.allow(/ERR_CONNECTION_REFUSED|ERR_EMPTY_RESPONSE|ERR_INCOMPLETE_CHUNKED_ENCODING|ERR_CONNECTION_RESET|asked another host/);
  const server = await Server.start();
  try {
    const client = new Client(server.url);
    const experiment = await client.experiment('restarted');
    await client.end(await client.run(experiment, 'before'));
    await page.goto(`${server.url}/experiments/${experiment}/runs`);
    await settled(page);
    await expect(page.getByRole('grid', { name: 'Runs' })).toContainText('before');
    await expect(page.locator('[data-live="live"]')).toBeVisible();
    await server.halt();
    await expect(page.locator('[data-live="live"]')).toHaveCount(0);
    await server.launch();
    await client.end(await client.run(experiment, 'after'));
    await expect(page.locator('[data-live="live"]')).toBeVisible();
    const shown = page.getByRole('grid', { name: 'Runs' }).getByText('after');
    await expect(page.getByRole('button', { name: /1 new/ }).or(shown).first()).toBeVisible();
  } finally {
    await server.stop();
  }
});
