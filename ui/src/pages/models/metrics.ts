// The metrics of the runs behind a model's versions, made ready for the small chart.
import type { Num } from '$/api/types';
import { toNumber } from '$/lib/wire';
import type { ModelVersion } from '$/registry/types';

/** The part of a comparison of runs that the chart needs. */
export interface ComparedMetrics {
  runs: { run_id: string }[];
  metrics: { key: string; differs: boolean; last: (Num | null)[] }[];
}

export interface MetricPoint {
  /** The place of the version on the axis, from 0. */
  at: number;
  version: string;
  stage: string;
  value: number;
}

/** The metric that is shown first: of a validation or test set, not of the machine. */
export function goalOf(metrics: ComparedMetrics['metrics']): string | undefined {
  const keys = metrics.map((metric) => metric.key).filter((key) => !key.startsWith('system/'));
  return keys.find((key) => /^(test|val|valid|validation|eval)[/_.]/i.test(key)) ?? keys[0] ?? metrics[0]?.key;
}

/** One point for each version whose run has the metric, in the order of the versions given. */
export function pointsOf(data: ComparedMetrics, metric: string, versions: ModelVersion[]): MetricPoint[] {
  const places = new Map(data.runs.map((run, index) => [run.run_id, index]));
  const values = data.metrics.find((one) => one.key === metric)?.last ?? [];
  return versions.flatMap((version, at) => {
    const place = places.get(version.run_id ?? '');
    const value = place === undefined ? null : toNumber(values[place]);
    return value === null ? [] : [{ at, version: version.version, stage: version.current_stage, value }];
  });
}
