// Measures pages of the web interface and of MLflow's own, in turns, and prints a Markdown table.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const { chromium } = createRequire(new URL('../../tests/ui/package.json', import.meta.url))('@playwright/test');

const READY_MS = 180_000;
const SHOWN_MS = 120_000;
const BROWSER_FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];

function option(name, fallback) {
  const at = process.argv.indexOf(`--${name}`);
  if (at < 0) return fallback;
  const value = Number(process.argv[at + 1]);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} takes a number from 1 on`);
  return value;
}

const SAMPLES = option('samples', 10);
const RUNS = option('runs', 600);
const POINTS = option('points', 20_000);

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

// Neither server is to read settings that were meant for another one.
const inherited = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(TRACKWAY|MLFLOW)_/.test(name)),
);

async function start(name, program, flags) {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), `bench-ui-${name}-`));
  const child = spawn(program, flags(port, folder), {
    cwd: folder,
    // A process group of its own: MLflow's server starts others, and all of them end together.
    detached: true,
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...inherited, MLFLOW_DISABLE_TELEMETRY: 'true', DO_NOT_TRACK: '1' },
  });
  let log = '';
  child.stderr.on('data', (data) => {
    log = (log + data).slice(-5000);
  });
  const url = `http://127.0.0.1:${port}`;
  const end = Date.now() + READY_MS;
  for (;;) {
    const answer = await fetch(`${url}/health`).catch(() => undefined);
    if (answer?.ok) break;
    if (Date.now() > end || child.exitCode !== null) throw new Error(`${name} does not start:\n${log}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const stop = async () => {
    const gone = new Promise((resolve) => child.once('exit', resolve));
    if (child.exitCode === null) {
      process.kill(-child.pid, 'SIGTERM');
      await gone;
    }
    rmSync(folder, { recursive: true, force: true });
  };
  return { name, url, stop };
}

async function call(server, path, body) {
  const answer = await fetch(`${server.url}/api/2.0/mlflow/${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${server.name}: ${path} answered ${answer.status}: ${await answer.text()}`);
  return answer.json();
}

/** The same runs for both: a table of them, and one with a long curve. */
async function fill(server) {
  const { experiment_id } = await call(server, 'experiments/create', { name: 'bench' });
  const begin = 1_750_000_000_000;
  const create = async (index, name) => {
    const made = await call(server, 'runs/create', { experiment_id, run_name: name, start_time: begin + index * 1000 });
    return made.run.info.run_id;
  };
  for (let index = 0; index < RUNS; index++) {
    const run_id = await create(index, `run-${String(index).padStart(5, '0')}`);
    const metrics = Array.from({ length: 8 }, (_, key) => ({
      key: `metric_${key}`, value: ((index * 37 + key * 11) % 1000) / 1000, step: 0, timestamp: begin + index * 1000,
    }));
    const params = Array.from({ length: 8 }, (_, key) => ({ key: `param_${key}`, value: String((index + key) % 9) }));
    await call(server, 'runs/log-batch', { run_id, metrics, params });
    await call(server, 'runs/update', { run_id, status: 'FINISHED', end_time: begin + index * 1000 + 500 });
  }
  const run_id = await create(RUNS, 'long-curve');
  for (let from = 0; from < POINTS; from += 1000) {
    const metrics = Array.from({ length: Math.min(1000, POINTS - from) }, (_, index) => {
      const step = from + index;
      return { key: 'loss', value: Math.exp(-step / POINTS) + 0.01 * Math.sin(step), step, timestamp: begin + step };
    });
    await call(server, 'runs/log-batch', { run_id, metrics });
  }
  await call(server, 'runs/update', { run_id, status: 'FINISHED', end_time: begin + POINTS });
  return { experiment_id, run_id };
}

/** The pages, and what shows that they have their data. */
const PAGES = [
  {
    name: 'runs page',
    ours: ({ experiment_id }) => `/experiments/${experiment_id}/runs`,
    anchor: ({ experiment_id }) => `/#/experiments/${experiment_id}/runs`,
    shown: (page) => page.getByText(`run-${String(RUNS - 1).padStart(5, '0')}`).first(),
  },
  {
    name: 'run page with its curve',
    ours: ({ run_id }) => `/runs/${run_id}?tab=charts`,
    anchor: ({ experiment_id, run_id }) => `/#/experiments/${experiment_id}/runs/${run_id}/model-metrics`,
    shown: (page) => page.locator('main canvas, .js-plotly-plot .main-svg').first(),
  },
];

async function measure(browser, address, shown) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  const devtools = await context.newCDPSession(page);
  await devtools.send('Network.enable');
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  const scripts = new Set();
  const figures = { requests: 0, sent: 0, script: 0, scriptRaw: 0 };
  devtools.on('Network.responseReceived', ({ requestId, response, type }) => {
    if (type !== 'EventSource' && !/^(data|blob):/.test(response.url)) figures.requests += 1;
    if (type === 'Script') scripts.add(requestId);
  });
  devtools.on('Network.dataReceived', ({ requestId, dataLength }) => {
    if (scripts.has(requestId)) figures.scriptRaw += dataLength;
  });
  devtools.on('Network.loadingFinished', ({ requestId, encodedDataLength }) => {
    figures.sent += encodedDataLength;
    if (scripts.has(requestId)) figures.script += encodedDataLength;
  });
  const begin = performance.now();
  await page.goto(address, { waitUntil: 'commit', timeout: SHOWN_MS });
  await shown(page).waitFor({ state: 'visible', timeout: SHOWN_MS });
  figures.shown = performance.now() - begin;
  // What is still on its way when the first row stands belongs to the page, too.
  await page.waitForLoadState('load');
  await quiet(page);
  const { metrics } = await devtools.send('Performance.getMetrics');
  figures.cpu = (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0) * 1000;
  figures.nodes = await page.evaluate(() => document.querySelectorAll('*').length);
  await context.close();
  return figures;
}

/** Waits until no request has begun or ended for a second. */
async function quiet(page) {
  let last = Date.now();
  const touch = () => {
    last = Date.now();
  };
  for (const event of ['request', 'requestfinished', 'requestfailed']) page.on(event, touch);
  const end = Date.now() + SHOWN_MS;
  while (Date.now() - last < 1000 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 100));
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

const ROWS = [
  ['script sent', 'script', (value) => `${(value / 1000).toFixed(0)} kB`],
  ['script, raw', 'scriptRaw', (value) => `${(value / 1000).toFixed(0)} kB`],
  ['everything sent', 'sent', (value) => `${(value / 1000).toFixed(0)} kB`],
  ['requests', 'requests', (value) => value.toFixed(0)],
  ['DOM elements', 'nodes', (value) => value.toFixed(0)],
  ['main thread, CPU', 'cpu', (value) => `${value.toFixed(0)} ms`],
  ['until shown', 'shown', undefined],
];

function print(samples) {
  console.log(`| page | what | MLflow | Trackway | ratio |\n|---|---|---:|---:|---:|`);
  for (const { name } of PAGES) {
    for (const [what, key, format] of ROWS) {
      const of = (side) => median(samples[side][name].map((figures) => figures[key]));
      const [ours, anchor] = [of('ours'), of('anchor')];
      const cells = format ? [format(anchor), format(ours)] : ['', ''];
      console.log(`| ${name} | ${what} | ${cells.join(' | ')} | ${(ours / anchor).toFixed(3)} |`);
    }
  }
}

const servers = [];
let browser;
try {
  const flags = (port, folder) => ['server', '--host', '127.0.0.1', '--port', String(port), '--data-dir', folder];
  servers.push(await start('trackway', process.env.TRACKWAY_BIN, flags));
  servers.push(
    await start('mlflow', process.env.TRACKWAY_PYTHON, (port, folder) => [
      '-m', 'mlflow', 'server', '--host', '127.0.0.1', '--port', String(port), '--workers', '1',
      '--backend-store-uri', `sqlite:///${folder}/mlflow.db`, '--artifacts-destination', folder,
    ]),
  );
  const [ours, anchor] = servers;
  const ids = { ours: await fill(ours), anchor: await fill(anchor) };
  browser = await chromium.launch({ executablePath: process.env.TRACKWAY_CHROMIUM, args: BROWSER_FLAGS });
  const samples = { ours: {}, anchor: {} };
  for (let round = 0; round < SAMPLES; round++) {
    for (const page of PAGES) {
      for (const [side, server] of [['ours', ours], ['anchor', anchor]]) {
        const figures = await measure(browser, server.url + page[side](ids[side]), page.shown);
        samples[side][page.name] = [...(samples[side][page.name] ?? []), figures];
        console.error(`${round + 1}/${SAMPLES} ${server.name}, ${page.name}: ${JSON.stringify(figures)}`);
      }
    }
  }
  console.log(`${RUNS} runs, a curve of ${POINTS} points, medians of ${SAMPLES} cold starts in turns\n`);
  print(samples);
} finally {
  await browser?.close();
  for (const server of servers) await server.stop();
}
