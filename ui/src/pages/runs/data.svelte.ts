// The data of the page of runs: which columns there are, the rows that have arrived, and what has
// happened since. Rows come page by page until all are there; sorting them is then the browser's
// own business. The page says what it wants with `ask`; it never waits for more than its first rows.
import type { Columns, Table, View } from '$/api/types';
import { type ApiError, api, OWN } from '$/lib/api';
import type { News } from '$/lib/live.svelte';
import { asApiError } from '$/lib/resource.svelte';
import { quoteText } from '$/lib/wire';
import { RunStore } from './store';
import { type Aggregate, orderBy, type Sort } from './view';

export interface Question {
  experimentIds: string[];
  filter: string;
  lifecycle: 'active' | 'deleted' | 'all';
  aggregate: Aggregate;
  columns: string[];
  sort: Sort[];
}

const FIRST_ROWS = 1000;
const MORE_ROWS = 5000;
/** Other aggregates read histories: the server gives fewer rows at a time. */
const ROWS_WITH_HISTORY = 500;
/** So many rows are fetched once somebody turns to the table; beyond, scrolling fetches them. */
export const AHEAD = 20_000;
const SKELETON_AFTER_MS = 150;

export class RunsData {
  store = $state.raw(new RunStore());
  /** Counts changes of the store, whose arrays are changed in place. */
  version = $state(0);
  total = $state(0);
  complete = $state(false);
  loading = $state(false);
  slow = $state(false);
  loaded = $state(false);
  error = $state.raw<ApiError>();
  /** Runs that have begun since the rows were fetched. */
  fresh = $state.raw<ReadonlySet<string>>(new Set());
  /** The order in which the server sent the rows. */
  serverSort = $state.raw<Sort[]>([]);
  #question: Question | undefined;
  #cursor: string | null = null;
  #abort: AbortController | undefined;
  #wanted = 0;
  #fetching = false;
  /** What happened while the answer was on its way, which may be older. */
  #missed: News[] = [];

  /** Fetches the rows of a question. What is there stays until the answer has come. */
  async ask(question: Question): Promise<void> {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#question = question;
    this.#cursor = null;
    this.#fetching = false;
    this.loading = true;
    const timer = setTimeout(() => {
      this.slow = true;
    }, SKELETON_AFTER_MS);
    try {
      const table = await this.#fetch(question, null, FIRST_ROWS, abort.signal);
      if (abort.signal.aborted) return;
      const store = new RunStore();
      store.put(table);
      this.store = store;
      this.serverSort = question.sort;
      this.fresh = new Set();
      this.loaded = true;
      this.error = undefined;
      this.#wanted = Math.max(this.#wanted, FIRST_ROWS);
      this.#took(table);
    } catch (cause) {
      if (!abort.signal.aborted) this.error = asApiError(cause);
    } finally {
      clearTimeout(timer);
      if (this.#abort === abort) {
        this.loading = false;
        this.slow = false;
        void this.#fetchMore(abort.signal);
        for (const news of this.#missed.splice(0)) void this.take(news);
      }
    }
  }

  /** Makes sure that the row at an index will arrive; all rows for infinity. */
  want(index: number) {
    if (index <= this.#wanted || this.complete) return;
    this.#wanted = index;
    if (this.#abort && !this.loading) void this.#fetchMore(this.#abort.signal);
  }

  /** Asks the same again, for new rows and values. */
  refresh = async (): Promise<void> => {
    if (this.#question) await this.ask(this.#question);
  };

  stop() {
    this.#abort?.abort();
  }

  /** Takes in what the server says has happened: known runs change in place, new ones are counted. */
  async take(news: News): Promise<void> {
    if (this.loading) {
      this.#missed.push(news);
      return;
    }
    if (news.everything || news.changes.some((change) => change.more)) return this.#refreshInPlace();
    const known = new Set<string>();
    const fresh = new Set(this.fresh);
    for (const { runs, kinds } of news.changes) {
      for (const id of runs) {
        if (this.store.has(id)) known.add(id);
        else if (kinds.includes('created')) fresh.add(id);
      }
    }
    if (fresh.size !== this.fresh.size) this.fresh = fresh;
    if (known.size > 0) await this.#fetchByIds([...known]);
  }

  async #refreshInPlace(): Promise<void> {
    if (!this.#question) return;
    if (this.store.length <= FIRST_ROWS) return this.refresh();
    await this.#fetchByIds(this.store.runs.filter((run) => run.status === 'RUNNING').map((run) => run.id));
  }

  async #fetchByIds(ids: string[]): Promise<void> {
    const question = this.#question;
    if (!question || ids.length === 0) return;
    const filter = `run_id IN (${ids.slice(0, ROWS_WITH_HISTORY).map(quoteText).join(', ')})`;
    try {
      const signal = this.#abort?.signal ?? new AbortController().signal;
      const asked: Question = { ...question, filter, lifecycle: 'all', sort: [] };
      this.store.put(await this.#fetch(asked, null, ROWS_WITH_HISTORY, signal));
      this.version += 1;
    } catch {
      // The rows stay as they were; the next event or the live dot says how old they are.
    }
  }

  async #fetchMore(signal: AbortSignal): Promise<void> {
    const question = this.#question;
    if (this.#fetching || !question) return;
    this.#fetching = true;
    try {
      while (this.#cursor !== null && this.store.length < this.#wanted && !signal.aborted) {
        const table = await this.#fetch(question, this.#cursor, MORE_ROWS, signal);
        if (signal.aborted) return;
        this.store.put(table);
        this.#took(table);
      }
    } catch (cause) {
      if (!signal.aborted) this.error = asApiError(cause);
    } finally {
      if (!signal.aborted) this.#fetching = false;
    }
  }

  #took(table: Table) {
    this.#cursor = table.next_cursor;
    this.complete = table.next_cursor === null;
    this.total = this.complete ? this.store.length : Math.max(table.total, this.store.length);
    this.version += 1;
  }

  #fetch(question: Question, cursor: string | null, rows: number, signal: AbortSignal): Promise<Table> {
    const limit = question.aggregate === 'last' ? rows : Math.min(rows, ROWS_WITH_HISTORY);
    const body = {
      experiment_ids: question.experimentIds,
      filter: question.filter,
      view: question.lifecycle,
      order_by: orderBy(question.sort),
      columns: question.columns,
      aggregate: question.aggregate,
      limit,
      ...(cursor === null ? {} : { cursor }),
    };
    return api.post<Table>(`${OWN}/runs/table`, body, { signal });
  }
}

/** Which columns the runs of some experiments have. */
export function fetchColumns(
  experimentIds: string[],
  filter: string,
  view: string,
  signal: AbortSignal,
): Promise<Columns> {
  return api.post<Columns>(`${OWN}/experiments/columns`, { experiment_ids: experimentIds, filter, view }, { signal });
}

/** How many runs a filter finds. */
export async function countRuns(experimentIds: string[], filter: string, view: string): Promise<number> {
  const body = { experiment_ids: experimentIds, filter, view, limit: 1 };
  return (await api.post<Table>(`${OWN}/runs/table`, body)).total;
}

/** The query of the view with which an experiment opens, if its people have chosen one. */
export async function fetchDefaultView(experimentId: string): Promise<Record<string, string[]> | undefined> {
  const query = { experiment_id: experimentId, kind: 'runs' };
  const { views } = await api.get<{ views: View[] }>(`${OWN}/views`, { query });
  return views.find((view) => view.is_default)?.state as Record<string, string[]> | undefined;
}
