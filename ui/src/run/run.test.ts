import { describe, expect, it } from 'vitest';
import type { MetricSummary } from '$/api/types';
import type { Series } from '$/chart/series';
import { sectionsOf, sparkPath } from './metrics';
import { historyFolders } from './register';

const metric = (key: string) => ({ key }) as MetricSummary;

function curve(y: number[]): Series {
  const values = Float64Array.from(y);
  const x = Float64Array.from(y, (_, index) => index);
  const flags = new Uint32Array(y.length);
  const head = { points: y.length, windowPoints: y.length, firstX: 0, lastX: y.length - 1 };
  return { exact: true, ...head, x, y: values, min: values, max: values, flags };
}

describe('metrics of a run', () => {
  it('stand in sections by what comes before their first slash', () => {
    const sections = sectionsOf(['val/a', 'loss', 'val/b/c', '/odd'].map(metric));
    const names = sections.map(({ prefix, metrics }) => [prefix, metrics.map((one) => one.key)]);
    expect(names).toEqual([
      ['val', ['val/a', 'val/b/c']],
      ['', ['loss', '/odd']],
    ]);
  });

  it('are drawn small from the lowest to the highest value', () => {
    expect(sparkPath(curve([0, 2, 1]), 10, 4)).toBe('M0.0 4.0L5.0 0.0L10.0 2.0');
  });

  it('have a gap where a value is not a number', () => {
    expect(sparkPath(curve([0, Number.NaN, 1, 1]), 9, 4)).toBe('M0.0 4.0M6.0 0.0L9.0 0.0');
  });

  it('are not drawn from one value', () => {
    expect(sparkPath(curve([1]), 9, 4)).toBe('');
    expect(sparkPath(curve([Number.NaN, 1]), 9, 4)).toBe('');
  });
});

describe('folders of models', () => {
  it('are read from the tag of older clients, each once', () => {
    expect(historyFolders('[{"artifact_path":"model"},{"artifact_path":"model"},{}]')).toEqual(['model']);
  });

  it('are none when the tag is damaged', () => {
    for (const text of ['{', '{}', '[null, 3]', undefined]) expect(historyFolders(text)).toEqual([]);
  });
});
