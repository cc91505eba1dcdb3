// Measures pages of the web interface and of MLflow's own, in turns, and prints a Markdown table.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

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
const RUNS = option('runs', 10_000);
const POINTS = option('points', 1_000_000);
/** How many runs are logged at a time. */
const CLIENTS = 8;
/** Points of one request. */
const BATCH = 1000;
/** How often and how far the wheel is turned, in CSS pixels; the 100 rows that MLflow shows have an end. */
const TURNS = 60;
const TURN = 70;

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
  return { name, url, folder, stop };
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

const BEGIN = 1_750_000_000_000;

/** What a run of the table holds. */
function content(index) {
  const pair = (name, key) => [`${name}_${key}`, ((index * 37 + key * 11) % 1000) / 1000];
  return {
    name: `run-${String(index).padStart(5, '0')}`,
    start: BEGIN + index * 1000,
    end: BEGIN + index * 1000 + 500,
    metrics: Array.from({ length: 8 }, (_, key) => pair('metric', key)),
    params: Array.from({ length: 8 }, (_, key) => [`param_${key}`, String((index + key) % 9)]),
  };
}

const LONG = { name: 'long-curve', start: BEGIN + RUNS * 1000, end: BEGIN + RUNS * 1000 + POINTS };

const loss = (step) => Math.exp(-step / POINTS) + 0.01 * Math.sin(step);

/** Fills our server through the API of MLflow: a table of runs, and one run with a long curve. */
async function fillOurs(server) {
  const { experiment_id } = await call(server, 'experiments/create', { name: 'bench' });
  const create = async ({ name, start }) => {
    const made = await call(server, 'runs/create', { experiment_id, run_name: name, start_time: start });
    return made.run.info.run_id;
  };
  const finish = (run_id, { end }) => call(server, 'runs/update', { run_id, status: 'FINISHED', end_time: end });
  const client = async (first) => {
    for (let index = first; index < RUNS; index += CLIENTS) {
      const run = content(index);
      const run_id = await create(run);
      const metrics = run.metrics.map(([key, value]) => ({ key, value, step: 0, timestamp: run.start }));
      const params = run.params.map(([key, value]) => ({ key, value }));
      await call(server, 'runs/log-batch', { run_id, metrics, params });
      await finish(run_id, run);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, first) => client(first)));
  const run_id = await create(LONG);
  for (let from = 0; from < POINTS; from += BATCH) {
    const metrics = Array.from({ length: Math.min(BATCH, POINTS - from) }, (_, index) => {
      const step = from + index;
      return { key: 'loss', value: loss(step), step, timestamp: LONG.start + step };
    });
    await call(server, 'runs/log-batch', { run_id, metrics });
  }
  await finish(run_id, LONG);
  return { experiment_id, run_id };
}

/** Fills MLflow with the same, straight into its database: by HTTP it would take an hour. */
async function fillAnchor(server) {
  const { experiment_id } = await call(server, 'experiments/create', { name: 'bench' });
  const loader = spawn(process.env.TRACKWAY_PYTHON, [
    fileURLToPath(new URL('load.py', import.meta.url)), join(server.folder, 'mlflow.db'),
  ], { stdio: ['pipe', 'inherit', 'inherit'] });
  const gone = once(loader, 'exit');
  const write = async (row) => {
    if (!loader.stdin.write(`${JSON.stringify(row)}\n`)) await once(loader.stdin, 'drain');
  };
  const into = (table, columns) => write({ table, columns: columns.split(' ') });
  const id = (index) => index.toString(16).padStart(32, '0');
  const indexes = Array.from({ length: RUNS }, (_, index) => index);
  await into('runs', 'run_uuid name source_type source_name entry_point_name user_id status start_time end_time '
    + 'source_version lifecycle_stage artifact_uri experiment_id');
  for (const index of [...indexes, RUNS]) {
    const { name, start, end } = index === RUNS ? LONG : content(index);
    const uri = `mlflow-artifacts:/${experiment_id}/${id(index)}/artifacts`;
    await write([id(index), name, 'UNKNOWN', '', '', 'bench', 'FINISHED', start, end, '', 'active', uri,
      Number(experiment_id)]);
  }
  await into('tags', 'run_uuid key value');
  for (const index of [...indexes, RUNS]) {
    await write([id(index), 'mlflow.runName', (index === RUNS ? LONG : content(index)).name]);
  }
  await into('params', 'run_uuid key value');
  for (const index of indexes) {
    for (const [key, value] of content(index).params) await write([id(index), key, value]);
  }
  for (const table of ['metrics', 'latest_metrics']) {
    await into(table, 'run_uuid key value timestamp step is_nan');
    for (const index of indexes) {
      const { metrics, start } = content(index);
      for (const [key, value] of metrics) await write([id(index), key, value, start, 0, 0]);
    }
    for (let step = table === 'metrics' ? 0 : POINTS - 1; step < POINTS; step++) {
      await write([id(RUNS), 'loss', loss(step), LONG.start + step, step, 0]);
    }
  }
  loader.stdin.end();
  const [code] = await gone;
  if (code !== 0) throw new Error(`the rows of ${server.name} could not be stored, see above`);
  return { experiment_id, run_id: id(RUNS) };
}

/** The pages, and what shows that they have their data. */
const PAGES = [
  {
    name: 'runs page',
    ours: ({ experiment_id }) => `/experiments/${experiment_id}/runs`,
    anchor: ({ experiment_id }) => `/#/experiments/${experiment_id}/runs`,
    shown: (page) => page.getByText(content(RUNS - 1).name).first(),
    scrolls: true,
  },
  {
    name: 'run page with its curve',
    ours: ({ run_id }) => `/runs/${run_id}?tab=charts`,
    anchor: ({ experiment_id, run_id }) => `/#/experiments/${experiment_id}/runs/${run_id}/model-metrics`,
    shown: (page) => page.locator('main canvas, .js-plotly-plot .main-svg').first(),
  },
];

async function measure(browser, address, { shown, scrolls }) {
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
  figures.cpu = await busy(devtools);
  figures.nodes = await page.evaluate(() => document.querySelectorAll('*').length);
  // What scrolling fetches is no part of a page's start.
  const whole = { ...figures };
  if (scrolls) Object.assign(whole, await scroll(page, devtools));
  await context.close();
  return whole;
}

/** How long the main thread has worked so far, in milliseconds of CPU. */
async function busy(devtools) {
  const { metrics } = await devtools.send('Performance.getMetrics');
  return (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? 0) * 1000;
}

/** Turns the wheel over the table, down and up again, and looks at the frames meanwhile. */
async function scroll(page, devtools) {
  const { width, height } = page.viewportSize();
  await page.mouse.move(width * 0.6, height * 0.6);
  const before = await busy(devtools);
  await page.evaluate(() => {
    globalThis.benchFrames = [];
    const frame = (at) => {
      globalThis.benchFrames.push(at);
      globalThis.benchNext = requestAnimationFrame(frame);
    };
    globalThis.benchNext = requestAnimationFrame(frame);
  });
  for (let turn = 0; turn < TURNS / 2; turn++) await page.mouse.wheel(0, TURN);
  const scrolled = await page.evaluate(() =>
    Math.max(...[...document.querySelectorAll('*')].map((element) => element.scrollTop)),
  );
  for (let turn = 0; turn < TURNS / 2; turn++) await page.mouse.wheel(0, -TURN);
  const frames = await page.evaluate(() => {
    cancelAnimationFrame(globalThis.benchNext);
    return globalThis.benchFrames;
  });
  const gaps = frames.slice(1).map((at, index) => at - frames[index]).sort((a, b) => a - b);
  const part = (share) => gaps[Math.min(gaps.length - 1, Math.floor(gaps.length * share))];
  return {
    scrolled,
    frameHalf: part(0.5),
    frameSlow: part(0.95),
    frameCpu: ((await busy(devtools)) - before) / gaps.length,
  };
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
  ['scrolled down, then up', 'scrolled', (value) => `${value.toFixed(0)} px`],
  ['scrolling, frame, p50', 'frameHalf', (value) => `${value.toFixed(1)} ms`],
  ['scrolling, frame, p95', 'frameSlow', (value) => `${value.toFixed(1)} ms`],
  ['scrolling, main thread a frame', 'frameCpu', (value) => `${value.toFixed(1)} ms`],
];

function print(samples) {
  console.log(`| page | what | MLflow | Trackway | ratio |\n|---|---|---:|---:|---:|`);
  for (const { name } of PAGES) {
    for (const [what, key, format] of ROWS) {
      const of = (side) => median(samples[side][name].map((figures) => figures[key]));
      const [ours, anchor] = [of('ours'), of('anchor')];
      if (!Number.isFinite(ours)) continue;
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
  const ids = { ours: await fillOurs(ours), anchor: await fillAnchor(anchor) };
  browser = await chromium.launch({ executablePath: process.env.TRACKWAY_CHROMIUM, args: BROWSER_FLAGS });
  const samples = { ours: {}, anchor: {} };
  for (let round = 0; round < SAMPLES; round++) {
    for (const page of PAGES) {
      for (const [side, server] of [['ours', ours], ['anchor', anchor]]) {
        const figures = await measure(browser, server.url + page[side](ids[side]), page);
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
