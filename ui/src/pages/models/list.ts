// The list of models: what is asked of the server, and in which order it is shown.
import type { ProductionRow } from '$/api/types';
import { literal } from '$/registry/api';
import type { AliasOf, Model, ModelVersion } from '$/registry/types';

/** The filter for a part of a name and a team; undefined where neither is given. */
export function filterOf(name: string, team: string): string | undefined {
  const clauses = [];
  if (name !== '') clauses.push(`name ILIKE ${literal(`%${withoutOneQuote(name)}%`)}`);
  if (team !== '') clauses.push(`tags.team = ${literal(withoutOneQuote(team))}`);
  return clauses.length > 0 ? clauses.join(' AND ') : undefined;
}

// The filter language has no escape: a text with both kinds of quotes is asked for by a wildcard.
function withoutOneQuote(text: string): string {
  return text.includes("'") ? text.replaceAll('"', '_') : text;
}

/** A tag of a model by its plain name or with the server's prefix. */
export function tagOf(model: Pick<Model, 'tags'>, key: string): string {
  const tags = model.tags ?? [];
  const found = tags.find((tag) => tag.key === key) ?? tags.find((tag) => tag.key === `trackway.${key}`);
  return found?.value ?? '';
}

/** The version of a model that is newest in a stage. */
export function inStage(model: Model, stage: string): ModelVersion | undefined {
  return model.latest_versions?.find((version) => version.current_stage === stage);
}

/** The newest version that the list knows of: the number it has is the highest given out. */
export function newestOf(model: Model): ModelVersion | undefined {
  return [...(model.latest_versions ?? [])].sort((a, b) => Number(b.version) - Number(a.version))[0];
}

/** Aliases by the version they point at, the highest version first. */
export function aliasesByVersion(aliases: readonly AliasOf[]): [string, string[]][] {
  const found = new Map<string, string[]>();
  for (const { alias, version } of aliases) found.set(version, [...(found.get(version) ?? []), alias]);
  return [...found].sort(([a], [b]) => Number(b) - Number(a));
}

/** Models by name, by their last promotion or by their last change. */
export function sortModels(models: Model[], promotions: Map<string, ProductionRow>, sort: string): Model[] {
  const byName = (a: Model, b: Model) => a.name.localeCompare(b.name);
  const promotedAt = (model: Model) => promotions.get(model.name)?.promoted?.at ?? 0;
  if (sort === 'promoted') return [...models].sort((a, b) => promotedAt(b) - promotedAt(a) || byName(a, b));
  if (sort === 'updated') return [...models].sort((a, b) => b.last_updated_timestamp - a.last_updated_timestamp);
  return [...models].sort(byName);
}

/** The filter that finds the versions of one model. What it finds besides is to be left out. */
export function filterOfModel(name: string): string {
  const both = name.includes("'") && name.includes('"');
  return both ? `name LIKE ${literal(withoutOneQuote(name))}` : `name = ${literal(name)}`;
}

// What teams call the alias of the version in use, in the order of preference.
const IN_USE = ['production', 'champion'];

/** The version that is in use: of those in Production the one with such an alias, else the highest. */
export function versionInUse(versions: ModelVersion[], aliases: readonly AliasOf[]): string | undefined {
  const staged = versions.filter((version) => version.current_stage === 'Production').map((version) => version.version);
  const aliased = IN_USE.flatMap((name) => aliases.filter((one) => one.alias === name).map((one) => one.version));
  const highest = [...staged].sort((a, b) => Number(b) - Number(a))[0];
  return aliased.find((version) => staged.includes(version)) ?? highest ?? aliased[0];
}
