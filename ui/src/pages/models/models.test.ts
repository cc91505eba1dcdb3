import { describe, expect, it } from 'vitest';
import type { ProductionRow } from '$/api/types';
import type { Lane } from '$/registry/timeline';
import type { Model, ModelVersion } from '$/registry/types';
import { barsOf, bestScale, rowsOf } from './lanes';
import { diffHref, modelHref, modelTopic, versionHref } from './links';
import { aliasesByVersion, filterOf, filterOfModel, newestOf, sortModels, tagOf, versionInUse } from './list';
import { goalOf, pointsOf } from './metrics';

const version = (number: string, stage = 'None', run_id = ''): ModelVersion => ({
  name: 'm',
  version: number,
  creation_timestamp: 0,
  last_updated_timestamp: 0,
  current_stage: stage,
  source: '',
  status: 'READY',
  run_id,
});
const model = (name: string, fields: Partial<Model> = {}): Model => ({
  name,
  creation_timestamp: 0,
  last_updated_timestamp: 0,
  ...fields,
});

describe('links', () => {
  it('encode every name, whatever is in it', () => {
    const name = `a/b?c#d%2F<x>'"`;
    const encoded = `a%2Fb%3Fc%23d%252F%3Cx%3E'%22`;
    expect(modelHref(name)).toBe(`/models/${encoded}`);
    expect(versionHref(name, '3', { tab: 'files' })).toBe(`/models/${encoded}/versions/3?tab=files`);
    expect(diffHref('m', '@champion', '2')).toBe('/models/m/compare?a=%40champion&b=2');
    expect(modelTopic('a,b')).toBe('model:a%2Cb');
  });
});

describe('the list of models', () => {
  it('asks for what was typed, with either kind of quote', () => {
    expect(filterOf('', '')).toBeUndefined();
    expect(filterOf('ch', '')).toBe("name ILIKE '%ch%'");
    expect(filterOf("o'x", 'a')).toBe(`name ILIKE "%o'x%" AND tags.team = 'a'`);
    expect(filterOf(`'"`, '')).toBe(`name ILIKE "%'_%"`);
    expect(filterOfModel('a"b')).toBe(`name = 'a"b'`);
    expect(filterOfModel(`a'"b`)).toBe(`name LIKE "a'_b"`);
  });

  it('takes a tag by its plain name before the prefixed one', () => {
    const tags = [
      { key: 'trackway.owner', value: 'b' },
      { key: 'owner', value: 'a' },
      { key: 'trackway.team', value: 't' },
    ];
    expect([tagOf({ tags }, 'owner'), tagOf({ tags }, 'team'), tagOf({}, 'team')]).toEqual(['a', 't', '']);
  });

  it('orders versions by their number, not by their letters', () => {
    expect(newestOf(model('m', { latest_versions: [version('9'), version('10')] }))?.version).toBe('10');
    const aliases = [
      { alias: 'a', version: '9' },
      { alias: 'b', version: '10' },
      { alias: 'c', version: '9' },
    ];
    expect(aliasesByVersion(aliases)).toEqual([
      ['10', ['b']],
      ['9', ['a', 'c']],
    ]);
  });

  it('puts the latest promotion first when asked to', () => {
    const row = (at: number) => ({ promoted: { at } }) as ProductionRow;
    const promotions = new Map([
      ['a', row(1)],
      ['c', row(2)],
    ]);
    const names = sortModels([model('b'), model('a'), model('c')], promotions, 'promoted').map((one) => one.name);
    expect(names).toEqual(['c', 'a', 'b']);
  });
});

describe('the version in use', () => {
  it('is the one in Production that has the alias, else the highest there, else the aliased one', () => {
    const staged = [version('5', 'Production'), version('4', 'Production'), version('3')];
    expect(versionInUse(staged, [{ alias: 'champion', version: '4' }])).toBe('4');
    expect(versionInUse(staged, [{ alias: 'champion', version: '3' }])).toBe('5');
    expect(versionInUse([version('3')], [{ alias: 'production', version: '3' }])).toBe('3');
    expect(versionInUse([version('3')], [])).toBeUndefined();
  });
});

describe('the time-line', () => {
  const span = (from: number, until: number | null) => ({ version: '1', from, until, actor: '', reason: '' });
  const lane = (spans: Lane['spans']): Lane => ({ kind: 'stage', name: 'Production', spans });

  it('is to scale where there is room, and one step for each change where there is not', () => {
    const roomy = [lane([span(0, 500), span(500, null)])];
    const crowded = [lane([span(0, 1), span(1, 2), span(2, null)])];
    expect(bestScale(roomy, 1000)).toBe('time');
    expect(bestScale(crowded, 100_000)).toBe('order');
  });

  it('draws versions that hold a stage at the same time below each other', () => {
    const shared = lane([span(0, 10), span(5, 20), span(10, null)]);
    expect(barsOf(shared, [shared], 'time', 30).map((bar) => bar.row)).toEqual([0, 1, 0]);
    expect(rowsOf(barsOf(shared, [shared], 'time', 30))).toBe(2);
  });

  it('gives what lasts the rest of the width', () => {
    const lanes = [lane([span(0, 1), span(1, null)])];
    const [first, last] = barsOf(lanes[0] as Lane, lanes, 'order', 100_000);
    expect([first?.left, first?.width, last?.left, last?.width]).toEqual([0, 50, 50, 50]);
  });
});

describe('metrics by version', () => {
  const metric = (key: string, last: (number | 'NaN' | null)[] = []) => ({ key, differs: true, last });

  it('start with one of a validation set, not with one of the machine', () => {
    expect(goalOf(['system/cpu', 'train/loss', 'val/auc'].map((key) => metric(key)))).toBe('val/auc');
    expect(goalOf(['system/cpu', 'train/loss'].map((key) => metric(key)))).toBe('train/loss');
    expect(goalOf([])).toBeUndefined();
  });

  it('leave out versions whose run lacks the metric, and keep NaN', () => {
    const data = {
      runs: [{ run_id: 'x' }, { run_id: 'y' }, { run_id: 'z' }],
      metrics: [metric('m', [1, null, 'NaN'])],
    };
    const points = pointsOf(data, 'm', [
      version('1', 'None', 'y'),
      version('2', 'None', 'x'),
      version('3', 'None', 'z'),
    ]);
    expect(points.map((point) => [point.at, point.version, point.value])).toEqual([
      [1, '2', 1],
      [2, '3', Number.NaN],
    ]);
  });
});
