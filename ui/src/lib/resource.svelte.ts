// Data that a page shows and that changes with the page's state. While something new is fetched
// the old stays (dimmed by whoever shows it); a skeleton is due only when nothing is there after
// 150 ms. A request that nobody waits for any more is aborted.
import { untrack } from 'svelte';
import { ApiError } from './api';

const SKELETON_AFTER_MS = 150;

export class Resource<T> {
  data = $state.raw<T | undefined>(undefined);
  error = $state.raw<ApiError | undefined>(undefined);
  loading = $state(false);
  /** Nothing to show yet, and it takes long enough to say so. */
  slow = $state(false);
  #load: (signal: AbortSignal) => Promise<T>;
  #abort: AbortController | undefined;
  /** Whether something happened since the request that is under way was sent. */
  #isOutdated = false;

  constructor(load: (signal: AbortSignal) => Promise<T>) {
    this.#load = load;
  }

  /** Fetches again and keeps what is there until the answer has come. */
  reload = async (): Promise<void> => {
    this.#abort?.abort();
    const abort = new AbortController();
    this.#abort = abort;
    this.#isOutdated = false;
    this.loading = true;
    const timer = setTimeout(() => {
      this.slow = this.data === undefined;
    }, SKELETON_AFTER_MS);
    try {
      const data = await this.#load(abort.signal);
      if (abort.signal.aborted) return;
      this.data = data;
      this.error = undefined;
    } catch (cause) {
      if (abort.signal.aborted) return;
      this.error = asApiError(cause);
    } finally {
      clearTimeout(timer);
      if (this.#abort === abort) {
        this.loading = false;
        this.slow = false;
        if (this.#isOutdated) void this.reload();
      }
    }
  };

  /** Fetches again, after what is under way: news may come faster than the server answers. */
  refresh = async (): Promise<void> => {
    if (this.loading) this.#isOutdated = true;
    else await this.reload();
  };

  /** Forgets the data: what comes next has nothing to do with it. */
  clear() {
    this.data = undefined;
    this.error = undefined;
  }

  stop() {
    this.#isOutdated = false;
    this.#abort?.abort();
  }
}

/** Any failure as an `ApiError`, so that panels show one kind. */
export function asApiError(cause: unknown): ApiError {
  if (cause instanceof ApiError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new ApiError('', 0, message);
}

/**
 * Data that follows `key`: loaded at once and again whenever the key changes. Data of another key
 * is kept while loading unless `identity` (what the page is about) has changed with it. `news` is
 * what differs when the same key may have other data.
 */
export function resource<K, T>(
  key: () => K,
  load: (key: K, signal: AbortSignal) => Promise<T>,
  identity: (key: K) => unknown = () => undefined,
  news: () => unknown = () => undefined,
): Resource<T> {
  let current: K;
  let about: unknown;
  const made = new Resource<T>((signal) => load(current, signal));
  $effect(() => {
    const next = key();
    const nextAbout = JSON.stringify(identity(next) ?? null);
    if (about !== undefined && about !== nextAbout) made.clear();
    about = nextAbout;
    current = next;
    // What loading reads is no reason to load again: only the key is.
    void untrack(made.reload);
    return () => made.stop();
  });
  let isFirst = true;
  $effect(() => {
    void news();
    if (!isFirst) void untrack(made.refresh);
    isFirst = false;
  });
  return made;
}
