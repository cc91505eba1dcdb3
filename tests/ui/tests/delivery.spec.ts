// What the server sends: how much, how often, and how long the browser may keep it.
import { expect, settled, test } from '../support/test.ts';

const MAX_REQUESTS = 8;
const MAX_SENT = 120_000;
const MAX_RAW = 400_000;

test('the table of runs is there after few requests and few bytes', async ({ page, content }) => {
  const devtools = await page.context().newCDPSession(page);
  await devtools.send('Network.enable');
  const scripts = new Set<string>();
  let requests = 0;
  let sent = 0;
  let raw = 0;
  devtools.on('Network.responseReceived', ({ requestId, response, type }) => {
    // The stream of live changes stays open and is no part of the start.
    if (type !== 'EventSource' && !response.url.startsWith('data:')) requests += 1;
    if (type === 'Script') scripts.add(requestId);
  });
  devtools.on('Network.dataReceived', ({ requestId, dataLength }) => {
    if (scripts.has(requestId)) raw += dataLength;
  });
  devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    if (scripts.has(requestId)) sent += encodedDataLength;
  });
  await page.goto(`/experiments/${content.many}/runs`);
  await settled(page);
  await expect(page.getByRole('grid', { name: 'Runs' })).toContainText('run-09999');
  expect(scripts.size).toBeGreaterThan(0);
  expect(requests).toBeLessThanOrEqual(MAX_REQUESTS);
  expect(sent).toBeLessThanOrEqual(MAX_SENT);
  expect(raw).toBeLessThanOrEqual(MAX_RAW);
});

test('assets are compressed and kept for ever, the page itself is not', async ({ request, content }) => {
  const page = await request.get(`${content.url}/experiments`, { headers: { accept: 'text/html' } });
  expect(page.headers()['cache-control'] ?? '').not.toContain('immutable');
  const asset = /(?:src|href)="(?:\.\/|\/)?(assets\/[^"]+\.js)"/.exec(await page.text())?.[1];
  const answer = await request.get(`${content.url}/${asset}`, { headers: { 'accept-encoding': 'br, gzip' } });
  expect(answer.status()).toBe(200);
  expect(answer.headers()['cache-control']).toContain('immutable');
  expect(answer.headers()['content-encoding']).toBe('br');
});
