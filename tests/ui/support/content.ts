// What stands on the server while the tests run, beside the made-up company: many runs, a long
// curve, and texts and files that try to run scripts in the page.
import { Client, inParallel, type Metric } from './client.ts';

export const MANY_RUNS = 10_000;
export const MANY_COLUMNS = 30;
export const LONG_POINTS = 1_000_000;
/** The one step at which the long curve has a spike, and how high it is. */
export const SPIKE = { step: 654_321, value: 42.5 };
/** What a script of hostile content would leave behind in the page's window. */
export const MARK = '__owned';

const script = `<script>window.${MARK}=1</script>`;
const image = `<img src=x onerror="window.${MARK}=2">`;
export const HOSTILE_NAME = `${script}${image}"'><svg onload="window.${MARK}=3">`;

export const hostileFiles: [string, string][] = [
  ['page.html', `<!doctype html><h1>Report</h1>${script}${image}<form action="/api/2.0/mlflow/experiments/create" method="post"><button>go</button></form>`],
  [
    'drawing.svg',
    `<svg xmlns="http://www.w3.org/2000/svg" width="80" height="40" onload="window.${MARK}=4"><script>parent.${MARK}=5;window.${MARK}=5</script><rect width="80" height="40" fill="teal"/></svg>`,
  ],
  [
    'notes.md',
    `# Notes\n\n${script}${image}\n\n[link](javascript:window.${MARK}=6)\n\n<iframe srcdoc="<script>parent.${MARK}=7</script>"></iframe>\n\n![away](http://192.0.2.1/pixel.png)\n`,
  ],
  ['table.csv', `name,value\n"${script.replaceAll('"', '""')}",1\n"=cmd()",2\n`],
  ['data.json', JSON.stringify({ [script]: image, list: [script, 1, null] })],
  ['log.txt', `${script}\n\u001b[31mred\u001b[0m\n`],
];

export interface Content {
  url: string;
  many: string;
  long: { experiment: string; run: string };
  hostile: { experiment: string; run: string; model: string };
}

export async function fill(url: string): Promise<Content> {
  const client = new Client(url);
  const hostile = await fillHostile(client);
  const [many, long] = await Promise.all([fillMany(client), fillLong(client)]);
  return { url, many, long, hostile };
}

async function fillMany(client: Client): Promise<string> {
  const experiment = await client.experiment('many-runs');
  const half = MANY_COLUMNS / 2;
  const numbers = Array.from({ length: MANY_RUNS }, (_, index) => index);
  const start = 1_750_000_000_000;
  await inParallel(numbers, 12, async (index) => {
    const run = await client.run(experiment, `run-${String(index).padStart(5, '0')}`, [], start + index * 1000);
    const metrics: Metric[] = [];
    const params = [];
    for (let column = 0; column < half; column++) {
      // A permutation of the runs for each metric, so that sorting by it is told apart.
      const value = (index * (2 * column + 7)) % MANY_RUNS;
      metrics.push({ key: `m${String(column).padStart(2, '0')}`, value, step: 0, timestamp: start + index * 1000 });
      params.push({ key: `p${String(column).padStart(2, '0')}`, value: String((index + column) % 50) });
    }
    await client.log(run, metrics, params);
    await client.end(run, 'FINISHED', start + index * 1000 + 60_000);
  });
  return experiment;
}

async function fillLong(client: Client): Promise<{ experiment: string; run: string }> {
  const experiment = await client.experiment('long-curve');
  const start = 1_750_000_000_000;
  const run = await client.run(experiment, 'a-million-points', [], start);
  const batches = Array.from({ length: LONG_POINTS / 1000 }, (_, index) => index);
  await inParallel(batches, 2, async (batch) => {
    const metrics = Array.from({ length: 1000 }, (_, index) => {
      const step = batch * 1000 + index;
      const value = step === SPIKE.step ? SPIKE.value : Math.exp(-step / 300_000) + 0.01 * Math.sin(step / 50);
      return { key: 'loss', value, step, timestamp: start + step };
    });
    await client.log(run, metrics);
  });
  await client.end(run, 'FINISHED', start + LONG_POINTS);
  return { experiment, run };
}

async function fillHostile(client: Client): Promise<{ experiment: string; run: string; model: string }> {
  const experiment = await client.experiment(`hostile ${HOSTILE_NAME}`, [
    { key: 'mlflow.note.content', value: hostileFiles[2][1] },
    { key: HOSTILE_NAME.slice(0, 40).replaceAll(/[^\w ./-]/g, '-'), value: HOSTILE_NAME },
  ]);
  const tags = [
    { key: 'mlflow.note.content', value: hostileFiles[2][1] },
    { key: 'mlflow.source.git.commit', value: HOSTILE_NAME },
    { key: 'team', value: HOSTILE_NAME },
  ];
  const run = await client.run(experiment, HOSTILE_NAME, tags);
  const metrics = [0, 1, 2].map((step) => ({ key: 'loss', value: 1 / (step + 1), step, timestamp: Date.now() + step }));
  await client.log(run, metrics, [{ key: 'p', value: HOSTILE_NAME }]);
  for (const [path, content] of hostileFiles) await client.keep(run, path, content);
  await client.end(run);
  const model = 'hostile-model';
  await client.call('registered-models/create', { name: model, description: hostileFiles[2][1], tags: [{ key: 'owner', value: HOSTILE_NAME }] });
  await client.call('model-versions/create', { name: model, source: `runs:/${run}/model`, run_id: run, description: HOSTILE_NAME });
  await client.call('registered-models/alias', { name: model, alias: 'champion', version: '1' });
  return { experiment, run, model };
}
