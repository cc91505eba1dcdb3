import { expect, test } from 'vitest';
import type { Table } from '$/api/types';
import { arrange, compareValues, meanOf, RunStore, sortedPlaces } from './store';
import { apiField, nextSort, orderBy, patchFromSaved, readView, splitClauses, stateToSave, writeSort } from './view';

function tableOf(runs: { id: string; parent?: string; loss?: number | 'NaN' | null; model?: string }[]): Table {
  return {
    total: runs.length,
    next_cursor: null,
    rows: runs.length,
    run_id: runs.map((run) => run.id),
    experiment_id: runs.map(() => '1'),
    name: runs.map((run) => `name-${run.id}`),
    user: runs.map(() => 'ada'),
    status: runs.map(() => 'FINISHED' as const),
    lifecycle: runs.map(() => 'active' as const),
    start_time: runs.map((_, index) => index),
    end_time: runs.map((_, index) => index + 10),
    stale: runs.map(() => false),
    parent_run_id: runs.map((run) => run.parent ?? null),
    children: runs.map(() => 0),
    columns: [
      { name: 'metrics.loss', kind: 'metric', key: 'loss', values: runs.map((run) => run.loss ?? null) },
      { name: 'params.model', kind: 'param', key: 'model', values: runs.map((run) => run.model ?? null) },
    ],
  };
}

function storeOf(runs: Parameters<typeof tableOf>[0]): RunStore {
  const store = new RunStore();
  store.put(tableOf(runs));
  return store;
}

const ids = (store: RunStore, places: number[]) => places.map((place) => store.runs[place]?.id).join('');

test('missing values come last in both directions and NaN before them', () => {
  const store = storeOf([
    { id: 'a', loss: null },
    { id: 'b', loss: 'NaN' },
    { id: 'c', loss: 2 },
    { id: 'd', loss: 1 },
  ]);
  expect(ids(store, sortedPlaces(store, [{ column: 'metrics.loss', descending: false }]))).toBe('dcba');
  expect(ids(store, sortedPlaces(store, [{ column: 'metrics.loss', descending: true }]))).toBe('cdba');
});

test('what is equal is ordered by the next column and then by the newest', () => {
  const store = storeOf([
    { id: 'a', model: 'x', loss: 1 },
    { id: 'b', model: 'x', loss: 1 },
    { id: 'c', model: 'w', loss: 5 },
  ]);
  const sort = [
    { column: 'params.model', descending: true },
    { column: 'metrics.loss', descending: false },
  ];
  expect(ids(store, sortedPlaces(store, sort))).toBe('bac');
  expect(compareValues('B', 'a', false)).toBeLessThan(0);
});

test('a run that arrives again is brought up to date in its place', () => {
  const store = storeOf([
    { id: 'a', loss: 3 },
    { id: 'b', loss: 4 },
  ]);
  store.put(tableOf([{ id: 'b', loss: 1 }]));
  expect(store.length).toBe(2);
  expect(store.value(1, 'metrics.loss')).toBe(1);
});

test('children stand below their parent when it is unfolded', () => {
  const store = storeOf([{ id: 'p' }, { id: 'c', parent: 'p' }, { id: 'o', parent: 'elsewhere' }]);
  const folded = arrange(store, [0, 1, 2], { group: 'children', unfolded: new Set(), pinned: new Set() });
  expect(folded).toMatchObject([
    { place: 0, expanded: false },
    { place: 2, expanded: undefined },
  ]);
  const open = arrange(store, [0, 1, 2], { group: 'children', unfolded: new Set(['p']), pinned: new Set() });
  expect(open).toMatchObject([
    { place: 0, expanded: true },
    { place: 1, level: 1 },
    { place: 2, level: 0 },
  ]);
});

test('groups stand in the order of their best run and pinned runs above them', () => {
  const store = storeOf([{ id: 'a', model: 'x' }, { id: 'b', model: 'y' }, { id: 'c', model: 'x' }, { id: 'd' }]);
  const entries = arrange(store, [1, 0, 2, 3], {
    group: 'params.model',
    unfolded: new Set(['params.model=x']),
    pinned: new Set(['b']),
  });
  expect(entries).toMatchObject([
    { kind: 'run', place: 1 },
    { kind: 'group', label: 'x', places: [0, 2], expanded: true },
    { kind: 'run', place: 0, level: 1 },
    { kind: 'run', place: 2, level: 1 },
    { kind: 'group', label: '(none)', places: [3] },
  ]);
});

test('the mean of a group leaves out what is not a number', () => {
  const store = storeOf([
    { id: 'a', loss: 1 },
    { id: 'b', loss: 'NaN' },
    { id: 'c', loss: 3 },
  ]);
  expect(meanOf(store, [0, 1, 2], 'metrics.loss')).toEqual({ mean: 2, deviation: 1 });
  expect(meanOf(store, [1], 'metrics.loss')).toBeUndefined();
});

test('a column is constant when every run has the same value', () => {
  const store = storeOf([
    { id: 'a', model: 'x', loss: 1 },
    { id: 'b', model: 'x', loss: 2 },
  ]);
  expect(store.isConstant('params.model')).toBe(true);
  expect(store.isConstant('metrics.loss')).toBe(false);
});

test('a view is read from an address', () => {
  const view = readView(
    new URLSearchParams('filter=a%3D1&sort=-metrics.loss&sort=name&col=params.lr&agg=min&w=params.lr:90&pin=r1'),
  );
  expect(view).toMatchObject({
    filter: 'a=1',
    sort: [
      { column: 'metrics.loss', descending: true },
      { column: 'name', descending: false },
    ],
    columns: ['params.lr'],
    aggregate: 'min',
    widths: { 'params.lr': 90 },
    pinned: ['r1'],
  });
  expect(writeSort(view.sort)).toEqual(['-metrics.loss', 'name']);
  expect(readView(new URLSearchParams('agg=nonsense&v=x'))).toMatchObject({
    aggregate: 'last',
    mode: 'table',
    columns: undefined,
  });
});

test('clicks on a heading go round: first order, the other one, none', () => {
  const once = nextSort([], 'metrics.a', false, true);
  expect(once).toEqual([{ column: 'metrics.a', descending: true }]);
  const twice = nextSort(once, 'metrics.a', false, true);
  expect(twice).toEqual([{ column: 'metrics.a', descending: false }]);
  expect(nextSort(twice, 'metrics.a', false, true)).toEqual([]);
  expect(nextSort(once, 'name', true, false)).toHaveLength(2);
});

test('orders and fields are written in the grammar of the API', () => {
  expect(orderBy([{ column: 'metrics.val loss', descending: true }])).toEqual(['metrics.`val loss` DESC']);
  expect(apiField('name')).toBe('attributes.run_name');
  expect(apiField('params.lr')).toBe('params.lr');
});

test('clauses of a filter are found outside of quotes and parentheses', () => {
  expect(splitClauses("metrics.a < 1 AND params.m = 'x and y' and (tags.t = '1' OR tags.t = '2')")).toEqual([
    'metrics.a < 1',
    "params.m = 'x and y'",
    "(tags.t = '1' OR tags.t = '2')",
  ]);
  expect(splitClauses("a = '1' OR b = '2' AND c = '3'")).toHaveLength(1);
  expect(splitClauses('')).toEqual([]);
});

test('a saved view brings back the address without its selection', () => {
  const query = new URLSearchParams('filter=x&sel=r1&col=a&col=b');
  const state = stateToSave(query);
  expect(state).toEqual({ filter: ['x'], col: ['a', 'b'] });
  expect(patchFromSaved(new URLSearchParams('group=children&filter=y'), state)).toEqual({
    group: null,
    filter: ['x'],
    col: ['a', 'b'],
  });
});
