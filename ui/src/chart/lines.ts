// From curves to the aligned columns that uPlot draws. Pure: no canvas, no page.
import { seriesToken } from './colors';
import type { Series } from './series';
import { type Smoothing, smooth } from './smooth';

export interface Line {
  /** What it is, for the tooltip and the table. */
  label: string;
  /** Its number among the colours. */
  color: number;
  /** Its number among the dashes; otherwise lines of one colour are told apart by them. */
  stroke?: number | undefined;
  series: Series;
  /** A band around the line, such as the deviation of a group, instead of that of its buckets. */
  band?: { low: Float64Array; high: Float64Array } | undefined;
}

export type Role = 'line' | 'raw' | 'low' | 'high';

/** One column of what is drawn, with the line it belongs to. */
export interface Column {
  line: number;
  role: Role;
  values: (number | null | undefined)[];
}

export interface Aligned {
  x: number[];
  columns: Column[];
}

export interface LineOptions {
  smoothing: Smoothing;
  strength: number;
  logX: boolean;
  logY: boolean;
}

/**
 * Puts lines over one common x. A value that a line does not have at some x is `undefined` (the
 * line goes on), one that is not a number there is `null` (the line has a gap).
 */
export function alignLines(lines: Line[], options: LineOptions): Aligned {
  const places = new Set<number>();
  for (const { series } of lines) for (const x of series.x) if (!options.logX || x > 0) places.add(x);
  const x = Float64Array.from(places).sort();
  const rank = new Map<number, number>();
  for (let index = 0; index < x.length; index += 1) rank.set(x[index] ?? 0, index);
  const columns: Column[] = [];
  for (const [index, line] of lines.entries()) {
    for (const { role, values } of partsOf(line, options)) {
      columns.push({ line: index, role, values: spread(line.series.x, values, rank, x.length, options.logY) });
    }
  }
  return { x: Array.from(x), columns };
}

function partsOf(line: Line, options: LineOptions): { role: Role; values: Float64Array }[] {
  const { series } = line;
  const parts: { role: Role; values: Float64Array }[] = [];
  const low = line.band?.low ?? (series.exact ? undefined : series.min);
  const high = line.band?.high ?? (series.exact ? undefined : series.max);
  if (low && high) parts.push({ role: 'low', values: low }, { role: 'high', values: high });
  const smoothed = smooth(options.smoothing, options.strength, series.x, series.y);
  if (smoothed !== series.y && series.exact) parts.push({ role: 'raw', values: series.y });
  parts.push({ role: 'line', values: smoothed });
  return parts;
}

function spread(x: Float64Array, values: Float64Array, rank: Map<number, number>, length: number, positive: boolean) {
  const column: (number | null | undefined)[] = new Array(length).fill(undefined);
  for (let index = 0; index < x.length; index += 1) {
    const place = rank.get(x[index] ?? 0);
    const value = values[index];
    if (place === undefined || value === undefined) continue;
    column[place] = Number.isFinite(value) && (!positive || value > 0) ? value : null;
  }
  return column;
}

/**
 * For each line, how many before it have its colour: as many dash patterns further it is drawn, so
 * that no two lines of one chart look alike.
 */
export function repeatsOf(lines: Line[]): number[] {
  const seen = new Map<string, number>();
  return lines.map(({ color, stroke }) => {
    if (stroke !== undefined) return stroke;
    const token = seriesToken(color);
    const before = seen.get(token) ?? 0;
    seen.set(token, before + 1);
    return before;
  });
}

/** The range of y that leaves out the most extreme hundredth on each side. */
export function rangeWithoutOutliers(columns: Column[]): [number, number] | undefined {
  const values: number[] = [];
  for (const { role, values: column } of columns) {
    if (role === 'raw') continue;
    for (const value of column) if (typeof value === 'number') values.push(value);
  }
  if (values.length < 20) return undefined;
  values.sort((a, b) => a - b);
  const low = values[Math.floor(values.length * 0.01)] ?? 0;
  const high = values[Math.ceil(values.length * 0.99) - 1] ?? 0;
  const margin = (high - low) * 0.05 || Math.abs(high) * 0.05 || 1;
  return [low - margin, high + margin];
}

export interface GroupedLines {
  label: string;
  color: number;
  members: Series[];
}

/**
 * One line per group: the mean of its members at each x that any of them has (the value before it
 * stands for a member that has none there), with a band of one standard deviation (of the members
 * as a whole) or from the smallest to the largest.
 */
export function groupLine({ label, color, members }: GroupedLines, band: 'deviation' | 'range'): Line {
  const places = new Set<number>();
  for (const member of members) for (const x of member.x) places.add(x);
  const x = Float64Array.from(places).sort();
  const mean = new Float64Array(x.length);
  const low = new Float64Array(x.length);
  const high = new Float64Array(x.length);
  const at = members.map(() => -1);
  for (let index = 0; index < x.length; index += 1) {
    const values = valuesAt(members, at, x[index] ?? 0);
    const average = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - average) ** 2, 0) / values.length;
    mean[index] = values.length > 0 ? average : Number.NaN;
    low[index] = band === 'deviation' ? average - Math.sqrt(variance) : Math.min(...values);
    high[index] = band === 'deviation' ? average + Math.sqrt(variance) : Math.max(...values);
  }
  const series: Series = {
    exact: members.every((member) => member.exact),
    points: members.reduce((sum, member) => sum + member.points, 0),
    windowPoints: members.reduce((sum, member) => sum + member.windowPoints, 0),
    firstX: x[0] ?? Number.NaN,
    lastX: x.at(-1) ?? Number.NaN,
    x,
    y: mean,
    min: mean,
    max: mean,
    flags: new Uint32Array(x.length),
  };
  return { label, color, series, band: { low, high } };
}

// Moves each member on to the last of its points at or before `x`. A member counts from its first
// point to its last, so that a run that ended early does not hold the mean where it stopped.
function valuesAt(members: Series[], at: number[], x: number): number[] {
  const values: number[] = [];
  for (const [index, member] of members.entries()) {
    let place = at[index] ?? -1;
    while (place + 1 < member.x.length && (member.x[place + 1] ?? 0) <= x) place += 1;
    at[index] = place;
    const value = member.y[place];
    if (value !== undefined && Number.isFinite(value) && x <= (member.x.at(-1) ?? x)) values.push(value);
  }
  return values;
}
