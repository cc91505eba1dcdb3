// Curves as the server sends them: exact points, or buckets with the smallest and largest value of
// each, so that no spike is lost however many points there are.

export interface Series {
  /** Exact points, or buckets when there are more points than the chart has pixels for. */
  exact: boolean;
  /** Points of the whole metric, and those of the window that was asked for. */
  points: number;
  windowPoints: number;
  /** The smallest and largest x of the whole metric. */
  firstX: number;
  lastX: number;
  /** Ascending. One value per point or bucket. */
  x: Float64Array;
  /** The value of a point, or the last value of a bucket: may be NaN or infinite. */
  y: Float64Array;
  /** The smallest and largest finite value of each bucket; the points themselves when exact. */
  min: Float64Array;
  max: Float64Array;
  /** Per point or bucket: whether it holds NaN (1), infinity (2) or minus infinity (4). */
  flags: Uint32Array;
}

export interface BulkSeries {
  run: number;
  key: number;
  series: Series;
}

const HEADER = 64;
const MAGIC_SERIES = 'TWS1';
const MAGIC_BULK = 'TWB1';
const HAS_NAN = 1;
const HAS_INFINITY = 2;
const HAS_MINUS_INFINITY = 4;

/** Reads one series. Throws when the bytes are not one. */
export function decodeSeries(buffer: ArrayBuffer, start = 0): Series {
  const view = new DataView(buffer, start);
  if (view.byteLength < HEADER || magicOf(view) !== MAGIC_SERIES) throw new Error('The curve that arrived is damaged.');
  const exact = view.getUint32(4, true) === 0;
  const count = view.getUint32(8, true);
  // Copied when the block does not begin at a multiple of eight, as typed arrays must.
  const floats = (part: number) =>
    new Float64Array(buffer.slice(start + HEADER + part * 8 * count, start + HEADER + (part + 1) * 8 * count));
  const x = floats(0);
  const head = {
    points: view.getFloat64(16, true),
    windowPoints: view.getFloat64(24, true),
    firstX: view.getFloat64(32, true),
    lastX: view.getFloat64(40, true),
  };
  if (exact) {
    const y = floats(1);
    return { exact, ...head, x, y, min: y, max: y, flags: flagsOf(y) };
  }
  const flagsStart = start + HEADER + 4 * 8 * count + 4 * count;
  const flags = new Uint32Array(buffer.slice(flagsStart, flagsStart + 4 * count));
  return { exact, ...head, x, min: floats(1), max: floats(2), y: floats(3), flags };
}

/** Reads many series with the places of their runs and keys in the question. */
export function decodeBulk(buffer: ArrayBuffer): BulkSeries[] {
  const view = new DataView(buffer);
  if (view.byteLength < 8 || magicOf(view) !== MAGIC_BULK) throw new Error('The curves that arrived are damaged.');
  const found: BulkSeries[] = [];
  let at = 8;
  for (let left = view.getUint32(4, true); left > 0; left -= 1) {
    const length = view.getUint32(at + 8, true);
    found.push({
      run: view.getUint32(at, true),
      key: view.getUint32(at + 4, true),
      series: decodeSeries(buffer, at + 16),
    });
    at += 16 + length;
  }
  return found;
}

function magicOf(view: DataView): string {
  return String.fromCharCode(view.getUint8(0), view.getUint8(1), view.getUint8(2), view.getUint8(3));
}

function flagsOf(values: Float64Array): Uint32Array {
  return Uint32Array.from(values, (value) => {
    if (Number.isNaN(value)) return HAS_NAN;
    if (value === Number.POSITIVE_INFINITY) return HAS_INFINITY;
    return value === Number.NEGATIVE_INFINITY ? HAS_MINUS_INFINITY : 0;
  });
}

/** What a flag says, for people. */
export function describeFlags(flags: number): string {
  const words: string[] = [];
  if (flags & HAS_NAN) words.push('NaN');
  if (flags & HAS_INFINITY) words.push('∞');
  if (flags & HAS_MINUS_INFINITY) words.push('−∞');
  return words.join(', ');
}

/**
 * The same curve over another metric: each value stands where that metric was at the same step.
 * Points before the other metric's first value are left out. The result ascends in x.
 */
export function overMetric(series: Series, other: Series): Series {
  const order: { x: number; index: number }[] = [];
  let at = 0;
  for (let index = 0; index < series.x.length; index += 1) {
    const step = series.x[index] ?? 0;
    while (at + 1 < other.x.length && (other.x[at + 1] ?? 0) <= step) at += 1;
    const x = other.y[at] ?? Number.NaN;
    if ((other.x[at] ?? Number.POSITIVE_INFINITY) <= step && Number.isFinite(x)) order.push({ x, index });
  }
  order.sort((a, b) => a.x - b.x);
  const pick = (from: Float64Array) => Float64Array.from(order, (one) => from[one.index] ?? Number.NaN);
  return {
    ...series,
    firstX: order[0]?.x ?? Number.NaN,
    lastX: order.at(-1)?.x ?? Number.NaN,
    x: Float64Array.from(order, (one) => one.x),
    y: pick(series.y),
    min: pick(series.min),
    max: pick(series.max),
    flags: Uint32Array.from(order, (one) => series.flags[one.index] ?? 0),
  };
}
