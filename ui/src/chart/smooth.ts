// Smoothing of curves. Values that are not finite are gaps: they stay gaps and do not touch their
// neighbours. Every function gives an array of the length of `y`.

export type Smoothing = 'none' | 'ema' | 'time' | 'mean' | 'gaussian';

/** Smooths with a strength from 0 (nothing) to 1 (everything). */
export function smooth(kind: Smoothing, strength: number, x: Float64Array, y: Float64Array): Float64Array {
  if (kind === 'none' || strength <= 0 || y.length < 2) return y;
  if (kind === 'ema') return emaOf(y, Math.min(strength, 0.999));
  if (kind === 'time') return timeWeightedEma(x, y, Math.min(strength, 0.999));
  if (kind === 'mean') return runningMean(y, Math.max(1, Math.round(strength * MAX_HALF_WINDOW)));
  return gaussian(y, Math.max(0.5, strength * MAX_SIGMA));
}

const MAX_HALF_WINDOW = 50;
const MAX_SIGMA = 25;

/**
 * Exponential moving average, corrected for its start: without the correction the first values
 * would be drawn towards zero (Kingma and Ba 2015, section 3).
 */
export function emaOf(y: Float64Array, weight: number): Float64Array {
  let sum = 0;
  let total = 0;
  return y.map((value) => {
    if (!Number.isFinite(value)) return value;
    sum = sum * weight + value * (1 - weight);
    total = total * weight + (1 - weight);
    return sum / total;
  });
}

/** The same with a weight that fades by distance in x: unevenly logged points count evenly. */
export function timeWeightedEma(x: Float64Array, y: Float64Array, weight: number): Float64Array {
  const span = (x.at(-1) ?? 0) - (x[0] ?? 0);
  const usual = span / Math.max(1, x.length - 1) || 1;
  let sum = 0;
  let total = 0;
  let lastX = x[0] ?? 0;
  return y.map((value, index) => {
    if (!Number.isFinite(value)) return value;
    const at = x[index] ?? lastX;
    const fade = weight ** ((at - lastX) / usual || 1);
    lastX = at;
    sum = sum * fade + value * (1 - fade || 1 - weight);
    total = total * fade + (1 - fade || 1 - weight);
    return sum / total;
  });
}

/** The mean of up to `half` values on both sides; fewer at the ends. */
export function runningMean(y: Float64Array, half: number): Float64Array {
  const sums = new Float64Array(y.length + 1);
  const counts = new Uint32Array(y.length + 1);
  for (let index = 0; index < y.length; index += 1) {
    const value = y[index] ?? Number.NaN;
    const finite = Number.isFinite(value);
    sums[index + 1] = (sums[index] ?? 0) + (finite ? value : 0);
    counts[index + 1] = (counts[index] ?? 0) + (finite ? 1 : 0);
  }
  return y.map((value, index) => {
    if (!Number.isFinite(value)) return value;
    const from = Math.max(0, index - half);
    const to = Math.min(y.length, index + half + 1);
    return ((sums[to] ?? 0) - (sums[from] ?? 0)) / ((counts[to] ?? 0) - (counts[from] ?? 0));
  });
}

/** A mean weighted by a bell of `sigma` points, cut at three of them. */
export function gaussian(y: Float64Array, sigma: number): Float64Array {
  const half = Math.ceil(3 * sigma);
  const weights = Float64Array.from({ length: half + 1 }, (_, at) => Math.exp(-(at * at) / (2 * sigma * sigma)));
  return y.map((value, index) => {
    if (!Number.isFinite(value)) return value;
    let sum = 0;
    let total = 0;
    for (let at = Math.max(0, index - half); at <= Math.min(y.length - 1, index + half); at += 1) {
      const other = y[at] ?? Number.NaN;
      if (!Number.isFinite(other)) continue;
      const weight = weights[Math.abs(at - index)] ?? 0;
      sum += other * weight;
      total += weight;
    }
    return sum / total;
  });
}
