import { expect, test } from 'vitest';
import { seriesDash, seriesToken } from './colors';
import { alignLines, groupLine, type Line, rangeWithoutOutliers, repeatsOf } from './lines';
import { decodeBulk, decodeSeries, describeFlags, overMetric, type Series } from './series';
import { emaOf, gaussian, runningMean, smooth, timeWeightedEma } from './smooth';

function exactBlock(x: number[], y: number[]): ArrayBuffer {
  const buffer = new ArrayBuffer(64 + 16 * x.length);
  const view = new DataView(buffer);
  for (const [index, letter] of [...'TWS1'].entries()) view.setUint8(index, letter.charCodeAt(0));
  view.setUint32(8, x.length, true);
  for (const [place, value] of [x.length, x.length, x[0] ?? Number.NaN, x.at(-1) ?? Number.NaN].entries()) {
    view.setFloat64(16 + 8 * place, value, true);
  }
  for (const [index, value] of [...x, ...y].entries()) view.setFloat64(64 + 8 * index, value, true);
  return buffer;
}

function bucketBlock(): ArrayBuffer {
  const buffer = new ArrayBuffer(64 + 2 * 40);
  const view = new DataView(buffer);
  for (const [index, letter] of [...'TWS1'].entries()) view.setUint8(index, letter.charCodeAt(0));
  view.setUint32(4, 1, true);
  view.setUint32(8, 2, true);
  view.setFloat64(16, 1_000_000, true);
  view.setFloat64(24, 1_000_000, true);
  const floats = [0, 500_000, -1, -2, 9, 8, 0.5, Number.NaN];
  for (const [index, value] of floats.entries()) view.setFloat64(64 + 8 * index, value, true);
  for (const [index, value] of [500_000, 500_000, 0, 1].entries()) view.setUint32(128 + 4 * index, value, true);
  return buffer;
}

const seriesOf = (x: number[], y: number[]): Series => decodeSeries(exactBlock(x, y));
const lineOf = (x: number[], y: number[]): Line => ({ label: 'a', color: 0, series: seriesOf(x, y) });
const PLAIN = { smoothing: 'none', strength: 0, logX: false, logY: false } as const;

test('exact points are read with what is not a number', () => {
  const series = decodeSeries(exactBlock([1, 2, 3], [0.5, Number.NaN, Number.POSITIVE_INFINITY]));
  expect(series.exact).toBe(true);
  expect([...series.x]).toEqual([1, 2, 3]);
  expect([...series.flags]).toEqual([0, 1, 2]);
  expect(describeFlags(3)).toBe('NaN, ∞');
});

test('buckets are read with their smallest and largest values', () => {
  const series = decodeSeries(bucketBlock());
  expect(series).toMatchObject({ exact: false, points: 1_000_000 });
  expect([...series.min]).toEqual([-1, -2]);
  expect([...series.max]).toEqual([9, 8]);
  expect([...series.flags]).toEqual([0, 1]);
});

test('many curves are read from one answer', () => {
  const block = new Uint8Array(exactBlock([1, 2], [3, 4]));
  const buffer = new ArrayBuffer(8 + 2 * (16 + block.length));
  const view = new DataView(buffer);
  for (const [index, letter] of [...'TWB1'].entries()) view.setUint8(index, letter.charCodeAt(0));
  view.setUint32(4, 2, true);
  for (let at = 0; at < 2; at += 1) {
    const start = 8 + at * (16 + block.length);
    view.setUint32(start, at, true);
    view.setUint32(start + 4, 7, true);
    view.setUint32(start + 8, block.length, true);
    new Uint8Array(buffer).set(block, start + 16);
  }
  const found = decodeBulk(buffer);
  expect(found.map(({ run, key }) => [run, key])).toEqual([
    [0, 7],
    [1, 7],
  ]);
  expect([...(found[1]?.series.y ?? [])]).toEqual([3, 4]);
});

test('bytes that are no curve are refused', () => {
  expect(() => decodeSeries(new ArrayBuffer(64))).toThrow('damaged');
  expect(() => decodeBulk(new ArrayBuffer(4))).toThrow('damaged');
});

test('lines with different steps share one axis, and a gap stays a gap', () => {
  const aligned = alignLines([lineOf([0, 2, 4], [1, Number.NaN, 3]), lineOf([1, 2], [5, 6])], PLAIN);
  expect(aligned.x).toEqual([0, 1, 2, 4]);
  expect(aligned.columns[0]?.values).toEqual([1, undefined, null, 3]);
  expect(aligned.columns[1]?.values).toEqual([undefined, 5, 6, undefined]);
});

test('buckets are drawn as a band behind their line', () => {
  const aligned = alignLines([{ label: 'a', color: 0, series: decodeSeries(bucketBlock()) }], PLAIN);
  expect(aligned.columns.map((column) => column.role)).toEqual(['low', 'high', 'line']);
});

test('smoothing keeps the raw line behind it', () => {
  const aligned = alignLines([lineOf([0, 1, 2], [0, 10, 0])], { ...PLAIN, smoothing: 'ema', strength: 0.5 });
  expect(aligned.columns.map((column) => column.role)).toEqual(['raw', 'line']);
  expect(aligned.columns[0]?.values).toEqual([0, 10, 0]);
});

test('a logarithmic axis leaves out what it cannot show', () => {
  const aligned = alignLines([lineOf([0, 1, 2], [-1, 0, 5])], { ...PLAIN, logX: true, logY: true });
  expect(aligned.x).toEqual([1, 2]);
  expect(aligned.columns[0]?.values).toEqual([null, 5]);
});

test('every smoothing leaves a constant curve alone and keeps gaps', () => {
  const x = Float64Array.from([0, 1, 2, 5, 9]);
  const y = Float64Array.from([2, 2, Number.NaN, 2, 2]);
  for (const kind of ['ema', 'time', 'mean', 'gaussian'] as const) {
    const smoothed = [...smooth(kind, 0.7, x, y)];
    expect(smoothed[2]).toBeNaN();
    for (const at of [0, 1, 3, 4]) expect(smoothed[at]).toBeCloseTo(2, 12);
  }
});

test('the averages follow their formulas', () => {
  const y = Float64Array.from([1, 3, 5]);
  const ema = emaOf(y, 0.5);
  expect(ema[0]).toBeCloseTo(1);
  expect(ema[1]).toBeCloseTo((1 * 0.25 + 3 * 0.5) / 0.75);
  expect([...runningMean(y, 1)]).toEqual([2, 3, 4]);
  expect(gaussian(y, 1)[1]).toBeCloseTo(3);
  const even = timeWeightedEma(Float64Array.from([0, 1, 2]), y, 0.5);
  expect(even[2]).toBeCloseTo(ema[2] ?? 0);
});

test('a curve over another metric ascends in that metric', () => {
  const shifted = overMetric(seriesOf([0, 1, 2], [10, 20, 30]), seriesOf([0, 1, 2], [3, 1, 2]));
  expect([...shifted.x]).toEqual([1, 2, 3]);
  expect([...shifted.y]).toEqual([20, 30, 10]);
});

test('a group is drawn as its mean with its deviation', () => {
  const members = [seriesOf([0, 1], [1, 3]), seriesOf([0, 1], [3, 5])];
  const line = groupLine({ label: 'g', color: 0, members }, 'deviation');
  expect([...line.series.y]).toEqual([2, 4]);
  expect([...(line.band?.low ?? [])]).toEqual([1, 3]);
  const range = groupLine({ label: 'g', color: 0, members }, 'range');
  expect([...(range.band?.high ?? [])]).toEqual([3, 5]);
});

test('a run that ended early does not hold the mean of its group', () => {
  const members = [seriesOf([0, 1], [0, 0]), seriesOf([0, 1, 2], [10, 10, 10])];
  expect([...groupLine({ label: 'g', color: 0, members }, 'range').series.y]).toEqual([5, 5, 10]);
});

test('one outlier does not flatten the rest', () => {
  const y = Array.from({ length: 200 }, (_, index) => index / 200);
  y[7] = 1e9;
  const aligned = alignLines([lineOf(Array.from(y.keys()), y)], PLAIN);
  const range = rangeWithoutOutliers(aligned.columns);
  expect(range?.[1]).toBeLessThan(2);
});

test('lines of one colour get different dashes', () => {
  const lines = [0, 8, 1, 16].map((color) => ({ ...lineOf([0], [1]), color }));
  expect(repeatsOf(lines)).toEqual([0, 1, 0, 2]);
  expect(seriesToken(8)).toBe(seriesToken(0));
  expect(seriesDash(1)).not.toEqual(seriesDash(2));
});

test('a group of thinned curves does not claim to show every point', () => {
  const members = [decodeSeries(bucketBlock())];
  expect(groupLine({ label: 'g', color: 0, members }, 'range').series.exact).toBe(false);
});
