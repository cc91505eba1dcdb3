// Metrics of one run: their sections, and the small curves beside their values.
import type { MetricSummary } from '$/api/types';
import { type BulkSeries, decodeBulk, type Series } from '$/chart/series';
import { api, OWN } from '$/lib/api';

/** What the server gives at most in one answer. */
const MAX_KEYS = 100;

export interface Section {
  prefix: string;
  metrics: MetricSummary[];
}

/** Puts metrics into sections by what stands before the first slash of their keys. */
export function sectionsOf(metrics: MetricSummary[]): Section[] {
  const sections = new Map<string, MetricSummary[]>();
  for (const metric of metrics) {
    const slash = metric.key.indexOf('/');
    const prefix = slash > 0 ? metric.key.slice(0, slash) : '';
    const list = sections.get(prefix);
    if (list) list.push(metric);
    else sections.set(prefix, [metric]);
  }
  return [...sections].map(([prefix, list]) => ({ prefix, metrics: list }));
}

export interface CurveQuestion {
  runId: string;
  keys: string[];
  buckets: number;
  x?: string;
  from?: number;
  to?: number;
}

/** Reads the curves of some metrics of a run, by their keys. */
export async function readCurves(question: CurveQuestion, signal?: AbortSignal): Promise<Map<string, Series>> {
  const { runId, keys, ...rest } = question;
  const found = new Map<string, Series>();
  for (let at = 0; at < keys.length; at += MAX_KEYS) {
    const part = keys.slice(at, at + MAX_KEYS);
    const body = { run_ids: [runId], keys: part, ...rest };
    const { buffer } = await api.postForBytes(`${OWN}/series/bulk`, body, signal ? { signal } : {});
    for (const { key, series } of decodeBulk(buffer) as BulkSeries[]) found.set(part[key] ?? '', series);
  }
  return found;
}

/** Gives the path of a small curve as SVG draws it; empty where nothing can be drawn. */
export function sparkPath(series: Series, width: number, height: number): string {
  const finite = [...series.y].filter(Number.isFinite);
  const [first, last] = [series.x[0], series.x.at(-1)];
  if (finite.length < 2 || first === undefined || last === undefined) return '';
  const low = finite.reduce((a, b) => Math.min(a, b));
  const high = finite.reduce((a, b) => Math.max(a, b));
  const across = last - first || 1;
  const up = high - low;
  let path = '';
  let pen = 'M';
  for (const [index, value] of series.y.entries()) {
    if (!Number.isFinite(value)) {
      pen = 'M';
      continue;
    }
    const x = (((series.x[index] ?? first) - first) / across) * width;
    const y = up === 0 ? height / 2 : height - ((value - low) / up) * height;
    path += `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
    pen = 'L';
  }
  return path;
}
