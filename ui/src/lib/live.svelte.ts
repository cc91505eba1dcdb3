// What changes on the server while a page is open: one event stream per tab. It resumes where it
// broke off; when no stream can be had, subscribers are called every 10 s to fetch again. Events
// come in batches: every 250 ms while the tab is seen, every 5 s while it is not.

import { untrack } from 'svelte';
import type { Change } from '$/api/types';
import { addressOf, OWN } from './api';

/** What is new. `everything`: what happened is not known one by one, so fetch all of it again. */
export interface News {
  changes: Change[];
  everything: boolean;
}

type Callback = (news: News) => void;
const STREAM = `${OWN}/events`;
const POLL_MS = 10_000;
const BATCH_VISIBLE_MS = 250;
const BATCH_HIDDEN_MS = 5_000;
const RETRY_MS = [500, 1_000, 2_000, 5_000, 10_000];

class Live {
  /** What the dot in the top bar shows. */
  state = $state<'off' | 'connecting' | 'live' | 'reconnecting' | 'polling'>('off');
  /** When something was last heard from the server. */
  since = $state(Date.now());
  #subscriptions = new Map<Callback, string[]>();
  #stream: EventSource | undefined;
  #topics = '';
  /** The last event that was heard; at first what the page says of when it was sent. */
  #lastId = document.querySelector<HTMLMetaElement>('meta[name="mark"]')?.content ?? '';
  /** The event before the oldest subscription that no stream has greeted yet. */
  #unheardFrom: string | undefined;
  #isGreeted = false;
  #failures = 0;
  #batch: News = { changes: [], everything: false };
  #flushTimer: ReturnType<typeof setTimeout> | undefined;
  #retryTimer: ReturnType<typeof setTimeout> | undefined;
  #pollTimer: ReturnType<typeof setInterval> | undefined;
  #connectTimer: ReturnType<typeof setTimeout> | undefined;

  /** Calls back with the events of these topics; gives what stops it. */
  subscribe(topics: string[], callback: Callback): () => void {
    this.#subscriptions.set(callback, topics);
    // Until a stream with these topics is there, others move on: this one begins here.
    this.#unheardFrom ??= this.#lastId;
    this.#reconnectSoon();
    return () => {
      this.#subscriptions.delete(callback);
      this.#reconnectSoon();
    };
  }

  // Pages come and go together with their topics: one connection is made for all of them.
  #reconnectSoon() {
    clearTimeout(this.#connectTimer);
    this.#connectTimer = setTimeout(() => this.#connect(), 30);
  }

  #connect() {
    this.#connectTimer = undefined;
    const topics = [...new Set([...this.#subscriptions.values()].flat())].sort().join(',');
    if (topics === this.#topics && this.#stream && this.#stream.readyState !== EventSource.CLOSED) {
      if (this.#isGreeted) this.#unheardFrom = undefined;
      return;
    }
    clearTimeout(this.#retryTimer);
    this.#stream?.close();
    this.#stream = undefined;
    this.#topics = topics;
    if (topics === '') {
      this.state = 'off';
      this.#stopPolling();
      return;
    }
    this.#open(topics);
  }

  #open(topics: string) {
    if (this.state === 'off') this.state = 'connecting';
    this.#isGreeted = false;
    const last_event_id = this.#unheardFrom ?? this.#lastId;
    const stream = new EventSource(addressOf(STREAM, { topics, last_event_id }));
    this.#stream = stream;
    stream.addEventListener('hello', (message) => {
      const wasAway = this.#failures > 0;
      this.#failures = 0;
      this.#isGreeted = true;
      this.state = 'live';
      this.#remember(message);
      // A subscription that came after this stream was opened waits for the next one.
      if (this.#connectTimer === undefined) this.#unheardFrom = undefined;
      this.#stopPolling();
      // A server that was restarted may not remember the last event: ask once for everything.
      if (wasAway) this.#take([], true);
    });
    stream.addEventListener('changes', (message) => {
      this.#remember(message);
      this.#take(changesOf(message), false);
    });
    stream.addEventListener('reset', (message) => {
      this.#remember(message);
      this.#take([], true);
    });
    stream.onerror = () => this.#fail(stream);
  }

  #remember(message: MessageEvent) {
    this.since = Date.now();
    if (message.lastEventId) this.#lastId = message.lastEventId;
  }

  #take(changes: Change[], everything: boolean) {
    this.#batch.changes.push(...changes);
    this.#batch.everything ||= everything;
    this.#flushTimer ??= setTimeout(() => this.#flush(), document.hidden ? BATCH_HIDDEN_MS : BATCH_VISIBLE_MS);
  }

  #flush() {
    this.#flushTimer = undefined;
    const batch = this.#batch;
    this.#batch = { changes: [], everything: false };
    for (const [callback, topics] of this.#subscriptions) {
      // Names are percent-encoded in a question and plain in its answers.
      const plain = new Set(topics.map(decodeURIComponent));
      const changes = batch.changes.filter((change) => plain.has(change.topic));
      if (batch.everything || changes.length > 0) callback({ changes, everything: batch.everything });
    }
  }

  #fail(stream: EventSource) {
    if (stream !== this.#stream) return;
    stream.close();
    this.#failures += 1;
    this.state = this.#failures > 2 ? 'polling' : 'reconnecting';
    if (this.#failures > 2) this.#startPolling();
    const wait = RETRY_MS[Math.min(this.#failures, RETRY_MS.length) - 1];
    clearTimeout(this.#retryTimer);
    this.#retryTimer = setTimeout(() => {
      if (this.#topics) this.#open(this.#topics);
    }, wait);
  }

  #startPolling() {
    this.#pollTimer ??= setInterval(() => this.#take([], true), POLL_MS);
  }

  #stopPolling() {
    clearInterval(this.#pollTimer);
    this.#pollTimer = undefined;
  }
}

function changesOf(message: MessageEvent): Change[] {
  const data = JSON.parse(String(message.data)) as { changes: Change[] };
  return data.changes;
}

export const live = new Live();

/** Events of these topics for as long as the component is shown. */
export function onLive(topics: () => string[], callback: Callback) {
  // The topics as one text: an equal list is no reason to connect anew.
  const wanted = $derived(topics().join('\n'));
  $effect(() => {
    const list = wanted.split('\n').filter((topic) => topic !== '');
    return untrack(() => live.subscribe(list, callback));
  });
}
