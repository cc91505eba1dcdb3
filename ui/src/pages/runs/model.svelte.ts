// What the page of runs shows, derived from its address and its data. The table, the charts and the
// toolbar read it; it draws nothing.
import { untrack } from 'svelte';
import { SvelteSet } from 'svelte/reactivity';
import type { Columns } from '$/api/types';
import { COLORS } from '$/chart/colors';
import { onLive } from '$/lib/live.svelte';
import { type Resource, resource } from '$/lib/resource.svelte';
import { location, navigate, patchedSearch } from '$/lib/router.svelte';
import { changeView } from '$/lib/view.svelte';
import { fetchColumns, fetchDefaultView, type Question, RunsData } from './data.svelte';
import { arrange, type Entry, type RunFacts, sortedPlaces } from './store';
import { COMPUTED, MAX_SELECTED_IN_ADDRESS, nextSort, type RunsView, readView, writeSort } from './view';

export const ATTRIBUTES: Record<string, string> = {
  'attributes.status': 'State',
  'attributes.start_time': 'Started',
  'attributes.duration': 'Duration',
  'attributes.user': 'User',
  'attributes.run_id': 'Run ID',
  'attributes.experiment': 'Experiment',
};

const DEFAULT_ATTRIBUTES = ['attributes.status', 'attributes.start_time', 'attributes.duration', 'attributes.user'];
/** Curves of more runs than this are not told apart any more. */
export const DEFAULT_DRAWN = 10;

export class RunsModel {
  readonly data = new RunsData();
  readonly unfolded = new SvelteSet<string>();
  readonly experimentIds: () => string[];
  readonly columns: Resource<Columns>;
  selected = $state.raw<ReadonlySet<string>>(new Set());
  /** Whether it is known with which view the experiment opens. */
  #opened = $state(false);
  /** Columns that a chart needs although the table does not show them. */
  #needed = $state.raw<string[]>([]);
  #asked = '';
  #askedColumns: string[] = [];

  readonly view: RunsView = $derived(readView(location.query));
  readonly drawn = $derived(Number(location.query.get('n')) || DEFAULT_DRAWN);

  constructor(experimentIds: () => string[]) {
    this.experimentIds = experimentIds;
    this.selected = new Set(readView(location.query).selected);
    void this.#openDefaultView(experimentIds());
    this.columns = resource(
      () => ({ ids: experimentIds(), view: readView(location.query).lifecycle }),
      ({ ids, view }, signal) => fetchColumns(ids, '', view, signal),
      ({ ids }) => ids,
    );
    $effect(() => this.#ask());
    $effect(() => () => this.data.stop());
    onLive(
      () => experimentIds().map((id) => `experiment:${id}`),
      (news) => void this.data.take(news),
    );
  }

  /** The columns of the view in their order, whether or not they differ. */
  readonly chosen: string[] = $derived.by(() => {
    const proposed = this.columns.data?.default_columns ?? [];
    const several = this.experimentIds().length > 1 ? ['attributes.experiment'] : [];
    const chosen = this.view.columns ?? [...DEFAULT_ATTRIBUTES, ...several, ...proposed];
    return [...new Set([...chosen, ...this.#byRule()])];
  });

  /** The columns that are shown. */
  readonly shown: string[] = $derived.by(() => {
    void this.data.version;
    if (!this.view.onlyDiffering || this.data.store.length < 2) return this.chosen;
    return this.chosen.filter((column) => column.startsWith('attributes.') || !this.data.store.isConstant(column));
  });

  readonly goal = $derived.by(() => this.columns.data?.metrics.find((metric) => metric.is_goal));

  /** The places of all runs that have arrived, in the order of the view. */
  readonly places: number[] = $derived.by(() => {
    void this.data.version;
    const { store, complete } = this.data;
    const { sort } = this.view;
    if (!complete) return store.runs.map((_, place) => place);
    return sortedPlaces(store, sort.length > 0 ? sort : [{ column: 'attributes.start_time', descending: true }]);
  });

  readonly entries: Entry[] = $derived.by(() => {
    const { group, pinned } = this.view;
    const unfolded = new Set(this.unfolded);
    return arrange(this.data.store, this.places, { group, unfolded, pinned: new Set(pinned) });
  });

  /** The number of the colour of each run, by its place. */
  readonly colors: number[] = $derived.by(() => {
    void this.data.version;
    const { store } = this.data;
    if (this.view.color !== '') {
      const values = new Map<string, number>();
      return store.runs.map((_, place) => {
        const value = String(store.value(place, this.view.color));
        const known = values.get(value) ?? values.size;
        values.set(value, known);
        return known;
      });
    }
    // By age, so that a run keeps its colour when the order changes and when newer ones come.
    const byAge = store.runs.map((_, place) => place);
    byAge.sort((a, b) => (store.runs[a]?.startTime ?? 0) - (store.runs[b]?.startTime ?? 0));
    const colors: number[] = [];
    for (const [age, place] of byAge.entries()) colors[place] = age % COLORS;
    return spreadColors(colors, this.drawnPlaces);
  });

  /** The runs that charts draw: those selected, else the first of the order, without the hidden. */
  readonly drawnPlaces: number[] = $derived.by(() => {
    const { runs } = this.data.store;
    const hidden = new Set(this.view.hidden);
    const pinned = new Set(this.view.pinned);
    const ordered = [...this.places].sort(
      (a, b) => Number(pinned.has(runs[b]?.id ?? '')) - Number(pinned.has(runs[a]?.id ?? '')),
    );
    const visible = ordered.filter((place) => !hidden.has(runs[place]?.id ?? ''));
    if (this.selected.size > 0) return visible.filter((place) => this.selected.has(runs[place]?.id ?? ''));
    return visible.slice(0, this.drawn);
  });

  /** What the drawn runs have in a column, in order. */
  drawnValues(column: string): string[] {
    void this.data.version;
    const values = new Set(this.drawnPlaces.map((place) => this.valueText(place, column)));
    return [...values].sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  }

  /** The value of a run in a column, for people. */
  valueText(place: number, column: string): string {
    return String(this.data.store.value(place, column) ?? '(none)');
  }

  runAt(entry: Entry | undefined): RunFacts | undefined {
    return entry?.kind === 'run' ? this.data.store.runs[entry.place] : undefined;
  }

  descendingFirst(column: string): boolean {
    const metric = this.columns.data?.metrics.find((one) => one.name === column);
    return metric ? metric.direction === 'max' : column === 'attributes.start_time';
  }

  /** Makes sure that the values of these columns arrive. */
  need(columns: string[]) {
    const missing = untrack(() => columns.filter((column) => !this.#needed.includes(column)));
    untrack(() => this.data.want(Number.POSITIVE_INFINITY));
    if (missing.length > 0) this.#needed = [...untrack(() => this.#needed), ...missing];
  }

  sortBy(column: string, additive: boolean) {
    const next = nextSort(this.view.sort, column, additive, this.descendingFirst(column));
    changeView({ sort: writeSort(next) });
  }

  /** The best run by a metric on top. */
  sortBestFirst(column: string) {
    changeView({ sort: writeSort([{ column, descending: this.descendingFirst(column) }]), group: null });
  }

  select(keys: Iterable<string>) {
    this.selected = new Set(keys);
    const inAddress = this.selected.size <= MAX_SELECTED_IN_ADDRESS ? [...this.selected] : [];
    const search = patchedSearch(location.search, { sel: inAddress });
    // Not a change of the view that one would want to undo step by step.
    navigate(location.path + search, { replace: true, keepScroll: true });
  }

  setColumns(columns: string[]) {
    changeView({ col: columns });
  }

  // An address without a query opens the view that the experiment's people have made its default.
  async #openDefaultView([experimentId, ...others]: string[]): Promise<void> {
    const path = location.path;
    if (location.search === '' && others.length === 0) {
      const state = await fetchDefaultView(experimentId ?? '').catch(() => undefined);
      if (state && location.search === '' && location.path === path) {
        navigate(path + patchedSearch('', state), { replace: true, keepScroll: true });
      }
    }
    this.#opened = true;
  }

  #byRule(): string[] {
    const { rule } = this.view;
    const info = this.columns.data;
    if (rule === '' || !info) return [];
    const pattern = patternOf(rule);
    return [...info.metrics, ...info.params, ...info.tags].map((one) => one.name).filter((name) => pattern.test(name));
  }

  // Asks for rows when what is wanted is not what is there.
  #ask() {
    const { filter, lifecycle, aggregate, sort, group, color, stroke, facet } = this.view;
    const experimentIds = this.experimentIds();
    // The columns that the server proposes decide what is asked for: wait for them.
    if (!this.#opened) return;
    if (!this.columns.data && !this.columns.error && this.view.columns === undefined) return;
    const extra = [...this.#needed, group, color, stroke, facet, ...sort.map((one) => one.column)];
    const columns = [...new Set([...this.chosen, ...extra])].filter((name) => /^(metrics|params|tags)\./.test(name));
    const question = { experimentIds, filter, lifecycle, aggregate, columns, sort };
    untrack(() => this.#askIfNew(question));
  }

  #askIfNew(question: Question) {
    const { experimentIds, filter, lifecycle, aggregate, columns, sort } = question;
    const asked = JSON.stringify([experimentIds, filter, lifecycle, aggregate]);
    const computed = sort.some((one) => COMPUTED.includes(one.column));
    if (this.view.group !== '' || computed) queueMicrotask(() => this.data.want(Number.POSITIVE_INFINITY));
    if (asked === this.#asked && columns.every((name) => this.#askedColumns.includes(name))) {
      const sorted = JSON.stringify(sort) === JSON.stringify(this.data.serverSort);
      if (this.data.complete || sorted || this.data.loading) return;
    }
    this.#asked = asked;
    this.#askedColumns = columns;
    void this.data.ask(question);
  }
}

// Runs that are drawn together get different colours as long as there are any; each keeps its own
// unless another one has it.
function spreadColors(colors: number[], drawn: number[]): number[] {
  const taken = new Set<number>();
  for (const place of drawn) {
    let color = colors[place] ?? 0;
    for (let step = 0; step < COLORS && taken.has(color) && taken.size < COLORS; step += 1)
      color = (color + 1) % COLORS;
    taken.add(color);
    colors[place] = color;
  }
  return colors;
}

/** A pattern as somebody types it: a regular expression, or plain text when it is none. */
export function patternOf(text: string): RegExp {
  try {
    return new RegExp(text, 'i');
  } catch {
    return new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'i');
  }
}
