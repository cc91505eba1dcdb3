import { expect, test } from 'vitest';
import type { Comparison } from '$/api/types';
import { compareLines, describeDelta, toCsv } from './rows';

const run = (run_id: string) => ({
  run_id,
  experiment_id: '1',
  experiment_name: 'e',
  name: `name ${run_id}`,
  user: 'ada',
  status: 'FINISHED' as const,
  start_time: 0,
  end_time: 1000,
  commit: null,
  source: null,
  parent_run_id: null,
  artifact_uri: '',
});

const comparison: Comparison = {
  runs: [run('a'), run('b')],
  missing: [],
  params: [{ key: 'note', differs: true, values: ['say "hi", twice', null] }],
  metrics: [
    { key: 'auc', differs: true, last: [0.8, 0.9], min: null, max: null },
    { key: 'loss', differs: true, last: [0.5, 'NaN'], min: null, max: null },
  ],
  tags: [{ key: 'mlflow.user', differs: false, values: ['ada', 'ada'] }],
  datasets: [],
  commit: { differs: false, values: [null, null] },
};

test('a difference says by how much and by which share', () => {
  expect(describeDelta(0.9, 0.8)).toBe('+0.1 (+12.5 %)');
  expect(describeDelta(1, 2)).toBe('−1 (−50 %)');
  expect(describeDelta(3, 3)).toBe('±0');
  expect(describeDelta(3, 0)).toBe('+3');
  expect(describeDelta(Number.NaN, 1)).toBeUndefined();
});

const aims = { directions: new Map([['auc', 'max' as const]]), goal: 'auc' };

test('a metric is better when it moved to where it should', () => {
  const lines = compareLines(comparison, 0, aims, true);
  const auc = lines.find((line) => line.name === 'auc');
  expect(auc?.cells[0]).toEqual({ text: '0.8', title: '0.8' });
  expect(auc?.cells[1]).toMatchObject({ delta: '+0.1 (+12.5 %)', better: true });
  const against = compareLines(comparison, 1, aims, true).find((line) => line.name === 'auc');
  expect(against?.cells[0]).toMatchObject({ better: false });
});

test('what is not a number is compared with nothing', () => {
  const loss = compareLines(comparison, 0, { directions: new Map(), goal: undefined }, true).find(
    (line) => line.name === 'loss',
  );
  expect(loss?.cells[1]).toEqual({ text: 'NaN', title: 'NaN' });
});

test('an export keeps quotes and commas and leaves absent values empty', () => {
  const lines = compareLines(comparison, 0, { directions: new Map(), goal: undefined }, true).filter(
    (line) => line.name === 'note',
  );
  expect(toCsv(comparison, lines)).toBe('section,name,name a,name b\r\nParams,note,"say ""hi"", twice",');
});

test('the goal comes first, the machine last and uncoloured', () => {
  const metric = (key: string) => ({ key, differs: true, last: [1, 2], min: null, max: null });
  const metrics = ['system/cpu', 'loss', 'auc'].map(metric);
  const directions = new Map([['system/cpu', 'max' as const]]);
  const lines = compareLines({ ...comparison, metrics }, 0, { directions, goal: 'auc' }, true);
  const found = lines.filter((line) => line.section === 'Metrics');
  expect(found.map((line) => line.name)).toEqual(['auc', 'loss', 'system/cpu']);
  expect(found[2]?.cells[1]?.better).toBeUndefined();
});
