import { describe, expect, it } from 'vitest';
import type { ProductionRow } from '$/api/types';
import { choicesOf, consumersOf, filterModels, placesOf, tightestClause } from './view';

function model(name: string, team: string | null, tier: string | null): ProductionRow {
  return {
    name,
    version: '2',
    via: { stage: 'Production', aliases: ['champion'] },
    promoted: null,
    previous: null,
    created_at: 0,
    run_id: null,
    experiment_id: null,
    digest: null,
    description: `the ${name}`,
    owner: null,
    team,
    tier,
    tags: {},
    consumers: consumers(0, 0),
  };
}

function consumers(total: number, current: number, rest: Record<string, number> = {}) {
  return { total, on_desired: current, behind: 0, failed: 0, stale: 0, last_report: null, ...rest };
}

const models = [model('churn', 'growth', '1'), model('fraud', 'risk', '1'), model('price', 'growth', '10')];

describe('the filter of the dashboard', () => {
  it('joins its clauses with and', () => {
    const names = (filter: object) =>
      filterModels(models, { text: '', team: '', tier: '', ...filter }).map((one) => one.name);
    expect(names({})).toEqual(['churn', 'fraud', 'price']);
    expect(names({ team: 'growth', tier: '1' })).toEqual(['churn']);
    expect(names({ text: ' FRAU ' })).toEqual(['fraud']);
  });

  it('offers each value once, numbers as numbers', () => {
    expect(choicesOf([...models, model('x', null, '2')], 'tier')).toEqual([
      ['1', 2],
      ['2', 1],
      ['10', 1],
    ]);
  });

  it('names the clause that hides the most', () => {
    expect(tightestClause(models, { text: 'nothing', team: 'growth', tier: '' })).toBe('text');
    expect(tightestClause(models, { text: '', team: '', tier: '' })).toBeUndefined();
  });
});

describe('consumers', () => {
  it('are told in words, the worst by its tone', () => {
    expect(consumersOf(consumers(0, 0))).toMatchObject({ text: 'none reported', tone: 'plain' });
    expect(consumersOf(consumers(4, 4))).toMatchObject({ text: '4 in sync', tone: 'good' });
    expect(consumersOf(consumers(6, 5, { behind: 1 }))).toMatchObject({ text: '5 of 6, 1 behind', tone: 'warn' });
    expect(consumersOf(consumers(6, 3, { behind: 1, failed: 1, stale: 1 }))).toMatchObject({
      text: '3 of 6, 1 behind, 1 failed, 1 silent',
      tone: 'bad',
    });
  });

  it('stand beside the places that make a version production', () => {
    expect(placesOf({ stage: 'Production', aliases: ['champion'] })).toEqual(['Production', '@champion']);
    expect(placesOf({ stage: null, aliases: [] })).toEqual([]);
  });
});
