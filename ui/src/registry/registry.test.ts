import { describe, expect, it } from 'vitest';
import { higherIsBetter, percent, sectionsOf, signed, type VersionDiff } from './diff';
import { signatureOf } from './signature';
import { type HistoryEntry, lanesOf, sentenceOf } from './timeline';

let nextId = 0;

function entry(kind: string, fields: Partial<HistoryEntry>): HistoryEntry {
  nextId += 1;
  return {
    id: nextId,
    time: nextId * 1000,
    actor: 'anna',
    model_id: 1,
    model_name: 'churn',
    version: null,
    kind,
    key: null,
    from: null,
    to: null,
    generation: null,
    reason: '',
    request_id: 'r',
    ...fields,
  };
}

describe('lanes', () => {
  it('end where the next version takes the alias, and begin anew after a deletion', () => {
    const history = [
      entry('alias_set', { key: 'champion', to: '1', version: '1' }),
      entry('alias_set', { key: 'champion', from: '1', to: '2', version: '2' }),
      entry('alias_deleted', { key: 'champion', from: '2', version: '2' }),
      entry('alias_set', { key: 'champion', to: '1', version: '1' }),
    ];
    const [lane] = lanesOf([...history].reverse());
    expect(lane?.spans.map((span) => [span.version, span.until !== null])).toEqual([
      ['1', true],
      ['2', true],
      ['1', false],
    ]);
  });

  it('hold several versions of a stage at once, and put Production first', () => {
    const lanes = lanesOf([
      entry('alias_set', { key: 'canary', to: '9', version: '9' }),
      entry('stage_changed', { version: '1', from: 'None', to: 'Staging' }),
      entry('stage_changed', { version: '1', from: 'Staging', to: 'Production' }),
      entry('stage_changed', { version: '2', from: 'None', to: 'Production' }),
      entry('version_deleted', { version: '1' }),
    ]);
    expect(lanes.map((lane) => lane.name)).toEqual(['Production', 'Staging', 'canary']);
    expect(lanes[0]?.spans.map((span) => [span.version, span.until !== null])).toEqual([
      ['1', true],
      ['2', false],
    ]);
  });

  it('are told in sentences', () => {
    const move = entry('alias_set', { key: 'champion', from: '1', to: '2', version: '2' });
    expect(sentenceOf(move)).toBe('Alias champion: version 1 → 2');
    expect(sentenceOf(entry('something_new', { version: '2' }))).toBe('something new, version 2');
  });
});

const nothing = { equal: 0, differ: [], note: null };

describe('diffs', () => {
  it('put what differs first and count what breaks', () => {
    const row = { key: 'inputs.age', change: 'added', a: null, b: 'double' } as const;
    const diff = {
      metrics: { equal: 2, differ: [], note: null },
      signature: {
        equal: 1,
        differ: [
          { ...row, breaking: true },
          { ...row, breaking: false },
        ],
        note: null,
      },
      params: nothing,
    } as unknown as VersionDiff;
    const views = sectionsOf(diff);
    expect(views[0]).toMatchObject({ key: 'signature', breaking: 1, count: '2 differ, 1 breaking, 1 equal' });
    expect(views.find((view) => view.key === 'metrics')?.count).toBe('2 equal');
    expect(views.find((view) => view.key === 'files')?.count).toBe('none');
  });

  it('write deltas with their sign', () => {
    expect([signed(0.01234567), signed(-2), signed(0), signed('NaN'), signed(null)]).toEqual([
      '+0.01235',
      '−2',
      '0',
      'NaN',
      '',
    ]);
    expect(percent(-0.0512)).toBe('−5.12 %');
  });

  it('know which way a metric is better, or that they do not', () => {
    expect(['val/loss', 'auc', 'gain'].map(higherIsBetter)).toEqual([false, true, null]);
  });
});

describe('signatures', () => {
  it('are read from JSON in a text, with nested types', () => {
    const view = signatureOf({
      inputs: JSON.stringify([
        { type: 'double', name: 'tenure', required: true },
        { type: 'array', items: { type: 'string' }, name: 'tags', required: false },
        { type: 'object', name: 'o', properties: { a: { type: 'long' } } },
      ]),
      outputs: [{ type: 'tensor', 'tensor-spec': { dtype: 'int64', shape: [-1] } }],
      params: 'broken',
    });
    expect(view.inputs.map((column) => [column.name, column.type, column.isRequired])).toEqual([
      ['tenure', 'double', true],
      ['tags', 'array<string>', false],
      ['o', '{a: long}', true],
    ]);
    expect(view.outputs[0]).toMatchObject({ name: '[0]', type: 'tensor int64 [-1]' });
    expect(view.params).toEqual([]);
  });
});
