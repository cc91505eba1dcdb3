// Fetches curves for charts: what is asked for within one turn goes to the server as one request.
import { decodeBulk, type Series } from '$/chart/series';
import { api, OWN } from '$/lib/api';

export interface Window {
  runIds: string[];
  x: 'step' | 'relative' | 'time';
  zoom: { from: number; to: number } | undefined;
}

/** The curves of one metric by the id of their run. */
export type Curves = Map<string, Series>;

interface Waiting {
  key: string;
  resolve: (curves: Curves) => void;
  reject: (cause: unknown) => void;
}

// What one request may hold: the server's own bounds.
const MAX_SERIES = 1000;
const MAX_BUCKETS = 400_000;
const MAX_KEYS = 100;
const MAX_RUNS = 500;
const BUCKETS = 600;
const GATHER_MS = 20;

export class CurveLoader {
  #waiting = new Map<string, { window: Window; list: Waiting[] }>();

  /** The curves of a metric in a window. */
  load(key: string, window: Window): Promise<Curves> {
    const group = JSON.stringify(window);
    return new Promise((resolve, reject) => {
      const known = this.#waiting.get(group);
      if (known) {
        known.list.push({ key, resolve, reject });
        return;
      }
      this.#waiting.set(group, { window, list: [{ key, resolve, reject }] });
      setTimeout(() => this.#send(group), GATHER_MS);
    });
  }

  #send(group: string) {
    const found = this.#waiting.get(group);
    this.#waiting.delete(group);
    if (!found) return;
    const runIds = found.window.runIds.slice(0, MAX_RUNS);
    const size = Math.max(1, Math.min(MAX_KEYS, Math.floor(MAX_SERIES / Math.max(1, runIds.length))));
    for (let at = 0; at < found.list.length; at += size) {
      void this.#request({ ...found.window, runIds }, found.list.slice(at, at + size));
    }
  }

  async #request(window: Window, list: Waiting[]): Promise<void> {
    const keys = [...new Set(list.map((one) => one.key))];
    const buckets = Math.min(BUCKETS, Math.floor(MAX_BUCKETS / Math.max(1, keys.length * window.runIds.length)));
    const body = { run_ids: window.runIds, keys, x: window.x, buckets, ...(window.zoom ?? {}) };
    try {
      const { buffer } = await api.postForBytes(`${OWN}/series/bulk`, body);
      const byKey = new Map<string, Curves>(keys.map((key) => [key, new Map()]));
      for (const { run, key, series } of decodeBulk(buffer)) {
        byKey.get(keys[key] ?? '')?.set(window.runIds[run] ?? '', series);
      }
      for (const { key, resolve } of list) resolve(byKey.get(key) ?? new Map());
    } catch (cause) {
      for (const { reject } of list) reject(cause);
    }
  }
}
