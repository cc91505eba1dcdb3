// The view of a list of runs as its address says it, and back. Pure: the page asks, the tests ask.
import type { QueryPatch } from '$/lib/router.svelte';
import { fieldName } from '$/lib/wire';

export type Aggregate = 'last' | 'min' | 'max' | 'best';

export interface Sort {
  /** A column: `name`, `attributes.start_time`, `metrics.loss`, `params.lr`, `tags.team`. */
  column: string;
  descending: boolean;
}

export interface RunsView {
  mode: 'table' | 'charts';
  filter: string;
  lifecycle: 'active' | 'deleted' | 'all';
  sort: Sort[];
  /** The columns chosen by hand; `undefined` for those that the server proposes. */
  columns: string[] | undefined;
  /** A pattern: every column whose name it matches is shown as well. */
  rule: string;
  /** Columns whose value is the same in all rows are left out. */
  onlyDiffering: boolean;
  aggregate: Aggregate;
  /** `''` for none, `children` for nested runs, or a column. */
  group: string;
  /** The column whose values give the colours; `''` for one per run. */
  color: string;
  /** The column whose values give the dashes of curves; `''` for none. */
  stroke: string;
  /** The column for each value of which there is a chart of its own; `''` for none. */
  facet: string;
  pinned: string[];
  hidden: string[];
  selected: string[];
  widths: Record<string, number>;
}

/** More selected runs than this do not fit into an address that can be sent around. */
export const MAX_SELECTED_IN_ADDRESS = 50;

const AGGREGATES: Aggregate[] = ['last', 'min', 'max', 'best'];

export function readView(query: URLSearchParams): RunsView {
  const columns = query.getAll('col');
  const aggregate = query.get('agg') as Aggregate;
  const lifecycle = query.get('view');
  return {
    mode: query.get('v') === 'charts' ? 'charts' : 'table',
    filter: query.get('filter') ?? '',
    lifecycle: lifecycle === 'deleted' || lifecycle === 'all' ? lifecycle : 'active',
    sort: query.getAll('sort').map(readSort),
    columns: columns.length > 0 ? columns : undefined,
    rule: query.get('rule') ?? '',
    onlyDiffering: query.get('diff') === '1',
    aggregate: AGGREGATES.includes(aggregate) ? aggregate : 'last',
    group: query.get('group') ?? '',
    color: query.get('color') ?? '',
    stroke: query.get('stroke') ?? '',
    facet: query.get('facet') ?? '',
    pinned: query.getAll('pin'),
    hidden: query.getAll('hide'),
    selected: query.getAll('sel'),
    widths: readWidths(query.getAll('w')),
  };
}

function readSort(text: string): Sort {
  const descending = text.startsWith('-');
  return { column: descending ? text.slice(1) : text, descending };
}

function readWidths(texts: string[]): Record<string, number> {
  const widths: Record<string, number> = {};
  for (const text of texts) {
    const at = text.lastIndexOf(':');
    const width = Number(text.slice(at + 1));
    if (at > 0 && width > 0) widths[text.slice(0, at)] = Math.min(width, 1000);
  }
  return widths;
}

/** The part of an address that says an order. */
export function writeSort(sort: Sort[]): string[] {
  return sort.map(({ column, descending }) => (descending ? `-${column}` : column));
}

/** The order after a click on a heading: ascending, descending, none; `additive` keeps the others. */
export function nextSort(sort: Sort[], column: string, additive: boolean, descendingFirst: boolean): Sort[] {
  const others = additive ? sort.filter((one) => one.column !== column) : [];
  const current = sort.find((one) => one.column === column);
  if (!current) return [...others, { column, descending: descendingFirst }];
  if (current.descending === descendingFirst) {
    const turned = { column, descending: !descendingFirst };
    return additive ? sort.map((one) => (one.column === column ? turned : one)) : [turned];
  }
  return others;
}

/** Columns that the browser works out, so that only it can sort by them, once all rows are there. */
export const COMPUTED = ['attributes.duration'];

/** An order as the API takes it. */
export function orderBy(sort: Sort[]): string[] {
  return sort
    .filter(({ column }) => !COMPUTED.includes(column))
    .map(({ column, descending }) => `${apiField(column)} ${descending ? 'DESC' : 'ASC'}`);
}

const API_NAMES: Record<string, string> = {
  name: 'attributes.run_name',
  'attributes.user': 'attributes.user_id',
};

/** The name of a column in the grammar of filters and orders. */
export function apiField(column: string): string {
  const known = API_NAMES[column];
  if (known) return known;
  const at = column.indexOf('.');
  const kind = column.slice(0, at);
  if (kind === 'metrics' || kind === 'params' || kind === 'tags') return fieldName(kind, column.slice(at + 1));
  return column;
}

/** A set in an address with one more or one less. */
export function toggled(list: string[], one: string): string[] {
  return list.includes(one) ? list.filter((other) => other !== one) : [...list, one];
}

/** The view as a saved view keeps it: everything but what is selected. */
export function stateToSave(query: URLSearchParams): Record<string, string[]> {
  const state: Record<string, string[]> = {};
  for (const name of new Set(query.keys())) if (name !== 'sel' && name !== 'saved') state[name] = query.getAll(name);
  return state;
}

/** The change of an address that shows a saved view instead of what is there. */
export function patchFromSaved(query: URLSearchParams, state: Record<string, string[]>): QueryPatch {
  const patch: QueryPatch = {};
  for (const name of query.keys()) patch[name] = null;
  for (const [name, values] of Object.entries(state)) patch[name] = values;
  return patch;
}

/**
 * The clauses of a filter that stand side by side, joined by AND outside of quotes and parentheses.
 * A filter with an OR at the top is one clause.
 */
export function splitClauses(filter: string): string[] {
  const clauses: string[] = [];
  let depth = 0;
  let quote = '';
  let start = 0;
  for (let at = 0; at < filter.length; at += 1) {
    const letter = filter[at] ?? '';
    if (quote) {
      if (letter === quote) quote = '';
    } else if (letter === "'" || letter === '"' || letter === '`') quote = letter;
    else if (letter === '(') depth += 1;
    else if (letter === ')') depth -= 1;
    else if (depth === 0) {
      const word = /^\s(and|or)\s/i.exec(filter.slice(at, at + 5));
      if (word?.[1]?.toLowerCase() === 'or') return [filter.trim()];
      if (word) {
        clauses.push(filter.slice(start, at).trim());
        at += word[0].length - 2;
        start = at + 1;
      }
    }
  }
  clauses.push(filter.slice(start).trim());
  return clauses.filter((clause) => clause !== '');
}
