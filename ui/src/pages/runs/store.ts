// The runs that have arrived, column by column, and the rows that a view makes of them: sorted,
// nested or grouped. Pure: no page, no requests.
import type { Table } from '$/api/types';
import { toNumber } from '$/lib/wire';
import type { Sort } from './view';

export type Value = number | string | null;

export interface RunFacts {
  id: string;
  experimentId: string;
  name: string;
  user: string;
  status: string;
  deleted: boolean;
  startTime: number;
  endTime: number | null;
  stale: boolean;
  parentId: string | null;
  children: number;
}

export class RunStore {
  readonly runs: RunFacts[] = [];
  readonly #index = new Map<string, number>();
  readonly #columns = new Map<string, Value[]>();

  get length(): number {
    return this.runs.length;
  }

  indexOf(id: string): number | undefined {
    return this.#index.get(id);
  }

  has(id: string): boolean {
    return this.#index.has(id);
  }

  /** Adds what has arrived; a run that is there already is brought up to date in its place. */
  put(table: Table) {
    const places = table.run_id.map((id, row) => this.#putFacts(id, table, row));
    for (const column of table.columns) {
      const known = this.#columns.get(column.name) ?? [];
      this.#columns.set(column.name, known);
      for (const [row, place] of places.entries()) {
        const value = column.values[row] ?? null;
        known[place] = column.kind === 'metric' ? toNumber(value as number | null) : value;
      }
    }
  }

  #putFacts(id: string, table: Table, row: number): number {
    const facts: RunFacts = {
      id,
      experimentId: table.experiment_id[row] ?? '',
      name: table.name[row] ?? '',
      user: table.user[row] ?? '',
      status: table.status[row] ?? '',
      deleted: table.lifecycle[row] === 'deleted',
      startTime: table.start_time[row] ?? 0,
      endTime: table.end_time[row] ?? null,
      stale: table.stale[row] ?? false,
      parentId: table.parent_run_id[row] ?? null,
      children: table.children[row] ?? 0,
    };
    const known = this.#index.get(id);
    if (known !== undefined) {
      this.runs[known] = facts;
      return known;
    }
    this.#index.set(id, this.runs.length);
    return this.runs.push(facts) - 1;
  }

  /** The value of a run in a column, as it is sorted and compared. */
  value(index: number, column: string): Value {
    const run = this.runs[index];
    if (!run) return null;
    switch (column) {
      case 'name':
        return run.name;
      case 'attributes.status':
        return run.status;
      case 'attributes.user':
        return run.user;
      case 'attributes.start_time':
        return run.startTime;
      case 'attributes.duration':
        return run.endTime === null ? null : run.endTime - run.startTime;
      default:
        return this.#columns.get(column)?.[index] ?? null;
    }
  }

  hasColumn(column: string): boolean {
    return column === 'name' || column.startsWith('attributes.') || this.#columns.has(column);
  }

  /** Whether all rows have the same value there. */
  isConstant(column: string): boolean {
    const first = this.value(0, column);
    for (let index = 1; index < this.runs.length; index += 1) {
      if (!Object.is(this.value(index, column), first)) return false;
    }
    return true;
  }

  numbersOf(column: string): number[] {
    return (this.#columns.get(column) ?? []).filter((value): value is number => typeof value === 'number');
  }
}

/**
 * Compares two values as the server orders them: what is missing comes last in both directions,
 * NaN before that, texts by their code units.
 */
export function compareValues(a: Value, b: Value, descending: boolean): number {
  const rankA = rankOf(a);
  const rankB = rankOf(b);
  if (rankA !== rankB) return rankA - rankB;
  if (rankA > 0 || a === null || b === null || a === b) return 0;
  const order = a < b ? -1 : 1;
  return descending ? -order : order;
}

function rankOf(value: Value): number {
  if (value === null) return 2;
  return typeof value === 'number' && Number.isNaN(value) ? 1 : 0;
}

/** The places of all runs in an order; what is equal keeps the newest first. */
export function sortedPlaces(store: RunStore, sort: Sort[]): number[] {
  const keys = sort.map(({ column, descending }) => ({
    values: store.runs.map((_, index) => store.value(index, column)),
    descending,
  }));
  const places = store.runs.map((_, index) => index);
  return places.sort((a, b) => {
    for (const { values, descending } of keys) {
      const order = compareValues(values[a] ?? null, values[b] ?? null, descending);
      if (order !== 0) return order;
    }
    const runA = store.runs[a];
    const runB = store.runs[b];
    if (!runA || !runB) return 0;
    return runB.startTime - runA.startTime || (runA.id < runB.id ? -1 : 1);
  });
}

export interface RunEntry {
  kind: 'run';
  place: number;
  level: number;
  expanded: boolean | undefined;
}

export interface GroupEntry {
  kind: 'group';
  key: string;
  label: string;
  places: number[];
  expanded: boolean;
}

export type Entry = RunEntry | GroupEntry;

export interface Arrangement {
  group: string;
  /** Keys of groups and ids of parents that are unfolded. */
  unfolded: ReadonlySet<string>;
  pinned: ReadonlySet<string>;
}

/** The rows of a view from the places in their order. Pinned runs come first and keep their order. */
export function arrange(store: RunStore, places: number[], { group, unfolded, pinned }: Arrangement): Entry[] {
  const first: number[] = [];
  const rest: number[] = [];
  for (const place of places) (pinned.has(store.runs[place]?.id ?? '') ? first : rest).push(place);
  const top = first.map((place): Entry => ({ kind: 'run', place, level: 0, expanded: undefined }));
  if (group === '') return top.concat(rest.map((place) => ({ kind: 'run', place, level: 0, expanded: undefined })));
  return top.concat(group === 'children' ? nest(store, rest, unfolded) : groupBy(store, rest, group, unfolded));
}

function nest(store: RunStore, places: number[], unfolded: ReadonlySet<string>): Entry[] {
  const children = new Map<string, number[]>();
  const roots: number[] = [];
  for (const place of places) {
    const parent = store.runs[place]?.parentId;
    if (!parent || !store.has(parent)) roots.push(place);
    else children.set(parent, [...(children.get(parent) ?? []), place]);
  }
  const entries: Entry[] = [];
  const visit = (place: number, level: number) => {
    const id = store.runs[place]?.id ?? '';
    const below = children.get(id);
    const expanded = below ? unfolded.has(id) : undefined;
    entries.push({ kind: 'run', place, level, expanded });
    if (below && expanded) for (const child of below) visit(child, level + 1);
  };
  for (const place of roots) visit(place, 0);
  return entries;
}

// Groups stand in the order of their first run: sorting by a metric brings the best group up.
function groupBy(store: RunStore, places: number[], column: string, unfolded: ReadonlySet<string>): Entry[] {
  const groups = new Map<string, number[]>();
  for (const place of places) {
    const value = store.value(place, column);
    const label = value === null ? '(none)' : String(value);
    const members = groups.get(label);
    if (members) members.push(place);
    else groups.set(label, [place]);
  }
  const entries: Entry[] = [];
  for (const [label, members] of groups) {
    const key = `${column}=${label}`;
    const expanded = unfolded.has(key);
    entries.push({ kind: 'group', key, label, places: members, expanded });
    if (expanded) for (const place of members) entries.push({ kind: 'run', place, level: 1, expanded: undefined });
  }
  return entries;
}

/** The mean of the finite numbers of some runs in a column. */
export function meanOf(
  store: RunStore,
  places: number[],
  column: string,
): { mean: number; deviation: number } | undefined {
  const values: number[] = [];
  for (const place of places) {
    const value = store.value(place, column);
    if (typeof value === 'number' && Number.isFinite(value)) values.push(value);
  }
  if (values.length === 0) return undefined;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
  return { mean, deviation: Math.sqrt(variance) };
}
