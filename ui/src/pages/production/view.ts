// What the dashboard shows of the models in production: which of them, and how their consumers stand.
import type { ProductionRow } from '$/api/types';

export interface ProductionFilter {
  /** Part of the name or the description. */
  text: string;
  team: string;
  tier: string;
}

type Tone = 'plain' | 'good' | 'warn' | 'bad';

/** Models that pass the filter, in their order. */
export function filterModels(models: readonly ProductionRow[], filter: ProductionFilter): ProductionRow[] {
  const text = filter.text.trim().toLowerCase();
  return models.filter(
    (model) =>
      (filter.team === '' || model.team === filter.team) &&
      (filter.tier === '' || model.tier === filter.tier) &&
      (text === '' || `${model.name}\n${model.description}`.toLowerCase().includes(text)),
  );
}

/** The values that a filter offers: each once, sorted, with the number of its models. */
export function choicesOf(models: readonly ProductionRow[], field: 'team' | 'tier'): [string, number][] {
  const counts = new Map<string, number>();
  for (const model of models) {
    const value = model[field];
    if (value) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const order = new Intl.Collator('en', { numeric: true });
  return [...counts].sort(([a], [b]) => order.compare(a, b));
}

/** Which clause of the filter hides the most models, when together they hide all of them. */
export function tightestClause(
  models: readonly ProductionRow[],
  filter: ProductionFilter,
): keyof ProductionFilter | undefined {
  const clauses = (['text', 'team', 'tier'] as const).filter((clause) => filter[clause].trim() !== '');
  const without = (clause: keyof ProductionFilter) => filterModels(models, { ...filter, [clause]: '' }).length;
  return clauses.sort((a, b) => without(b) - without(a))[0];
}

/** How the serving processes of a model stand, in a few words. */
export function consumersOf(consumers: ProductionRow['consumers']): { text: string; tone: Tone; title: string } {
  const { total, on_desired: current, behind, failed } = consumers;
  if (total === 0) return { text: 'none reported', tone: 'plain', title: 'No serving process has reported.' };
  const stale = 'stale' in consumers ? Number(consumers.stale) : 0;
  const parts = [
    behind > 0 ? `${behind} behind` : '',
    failed > 0 ? `${failed} failed` : '',
    stale > 0 ? `${stale} silent` : '',
  ].filter((part) => part !== '');
  const title = `${current} of ${total} serve this version.`;
  if (parts.length === 0) return { text: `${current} in sync`, tone: 'good', title };
  return { text: `${current} of ${total}, ${parts.join(', ')}`, tone: failed > 0 ? 'bad' : 'warn', title };
}

/** Why a version counts as production: its stage and its aliases. */
export function placesOf(via: ProductionRow['via']): string[] {
  return [...(via.stage ? [via.stage] : []), ...via.aliases.map((alias) => `@${alias}`)];
}
