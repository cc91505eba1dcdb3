import { expect, test } from 'vitest';
import { boxOf, niceTicks, scaleOf } from './axis';
import { nearestPoint, passes } from './plain';

const mark = (values: (number | string | null)[]) => ({ key: 'k', label: 'l', color: 0, strong: false, values });

test('ticks are round numbers', () => {
  expect(niceTicks(0, 1, 5)).toEqual([0, 0.2, 0.4, 0.6, 0.8, 1]);
  expect(niceTicks(3, 3, 5)).toEqual([3]);
});

test('numbers written as texts are placed by their value, other texts side by side', () => {
  const numbers = scaleOf(['1', '3', null], 4, String);
  expect(numbers.place('2')).toBeCloseTo(0.5);
  expect(numbers.place(null)).toBeUndefined();
  const texts = scaleOf(['gbm', 'mlp', 'gbm'], 4, String);
  expect(texts.place('mlp')).toBe(1);
  expect(texts.ticks.map((tick) => tick.label)).toEqual(['gbm', 'mlp']);
});

test('a wide range is placed by its logarithm', () => {
  const scale = scaleOf([0.0001, 0.01, 1], 4, String);
  expect(scale.place(0.01)).toBeCloseTo(0.5);
});

test('what is not a number has no place', () => {
  const scale = scaleOf([1, Number.NaN, 2], 4, String);
  expect(scale.place(Number.NaN)).toBeUndefined();
});

test('a box has the quartiles of its values', () => {
  expect(boxOf([1, 2, 3, 4, Number.NaN])).toEqual({
    low: 1,
    firstQuarter: 1.75,
    median: 2.5,
    thirdQuarter: 3.25,
    high: 4,
    count: 4,
  });
  expect(boxOf([])).toBeUndefined();
});

test('a brush keeps the runs that pass through it', () => {
  const scale = scaleOf([0, 10], 4, String);
  const dimensions = [{ title: 'a', scale, brush: [0.4, 1] as [number, number] }];
  expect(passes(mark([5]), dimensions)).toBe(true);
  expect(passes(mark([1]), dimensions)).toBe(false);
  expect(passes(mark([null]), dimensions)).toBe(false);
});

test('the nearest point within reach is found', () => {
  const points = [
    { mark: mark([1]), x: 10, y: 10 },
    { mark: mark([2]), x: 20, y: 10 },
  ];
  expect(nearestPoint(points, 18, 10)?.x).toBe(20);
  expect(nearestPoint(points, 100, 100)).toBeUndefined();
});
