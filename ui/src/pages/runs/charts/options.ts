// How charts are drawn, as the address says it.
import type { CurveOptions, XKind } from '$/chart/curve';
import type { Smoothing } from '$/chart/smooth';

export type ChartKind = 'lines' | 'scatter' | 'parallel' | 'bars' | 'images';

export interface ChartOptions {
  kind: ChartKind;
  /** Which metrics: a pattern. */
  search: string;
  x: XKind;
  /** The metric on the x axis when it is one. */
  xMetric: string;
  smoothing: Smoothing;
  strength: number;
  logX: boolean;
  logY: boolean;
  ignoreOutliers: boolean;
  /** The band around the mean of a group. */
  band: 'deviation' | 'range';
  zoom: { from: number; to: number } | undefined;
  /** Charts that stand on top. */
  pinned: string[];
}

const KINDS: ChartKind[] = ['lines', 'scatter', 'parallel', 'bars', 'images'];
const SMOOTHINGS: Smoothing[] = ['ema', 'time', 'mean', 'gaussian'];

export function readChartOptions(query: URLSearchParams): ChartOptions {
  const kind = query.get('k') as ChartKind;
  const x = query.get('x') ?? 'step';
  const smoothing = query.get('s') as Smoothing;
  const from = query.get('from');
  const to = query.get('to');
  return {
    kind: KINDS.includes(kind) ? kind : 'lines',
    search: query.get('m') ?? '',
    x: x.startsWith('metrics.') ? 'metric' : x === 'relative' || x === 'time' ? x : 'step',
    xMetric: x.startsWith('metrics.') ? x.slice('metrics.'.length) : '',
    smoothing: SMOOTHINGS.includes(smoothing) ? smoothing : 'none',
    strength: Math.min(1, Math.max(0, Number(query.get('ss') ?? 0.6) || 0)),
    logX: query.get('lx') === '1',
    logY: query.get('ly') === '1',
    ignoreOutliers: query.get('io') === '1',
    band: query.get('band') === 'range' ? 'range' : 'deviation',
    zoom:
      from !== null && to !== null && Number(to) > Number(from) ? { from: Number(from), to: Number(to) } : undefined,
    pinned: query.getAll('pc'),
  };
}

export function curveOptions(options: ChartOptions, utc: boolean): CurveOptions {
  const { smoothing, strength, logX, logY, ignoreOutliers, zoom } = options;
  return { xKind: options.x, smoothing, strength, logX, logY, ignoreOutliers, utc, zoom };
}

export interface Section {
  name: string;
  metrics: string[];
}

/** Metrics by what stands before their first slash; those without one come first, the goal above all. */
export function sectionsOf(metrics: string[], pinned: string[], goal: string | undefined): Section[] {
  const sections = new Map<string, string[]>();
  const sorted = [...metrics].sort((a, b) => Number(b === goal) - Number(a === goal) || (a < b ? -1 : 1));
  for (const metric of sorted) {
    const at = metric.indexOf('/');
    const name = at > 0 ? metric.slice(0, at) : 'metrics';
    sections.set(name, [...(sections.get(name) ?? []), metric]);
  }
  const ordered = [...sections].map(([name, list]): Section => ({ name, metrics: list }));
  const hasGoal = (section: Section) => goal !== undefined && section.metrics.includes(goal);
  ordered.sort(
    (a, b) => Number(hasGoal(b)) - Number(hasGoal(a)) || rank(a.name) - rank(b.name) || a.name.localeCompare(b.name),
  );
  const onTop = pinned.filter((metric) => metrics.includes(metric));
  return onTop.length > 0 ? [{ name: 'pinned', metrics: onTop }, ...ordered] : ordered;
}

// Metrics of the machine are looked at last.
function rank(name: string): number {
  if (name === 'metrics') return 0;
  return name === 'system' ? 2 : 1;
}
