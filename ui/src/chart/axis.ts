// Scales and ticks of the charts that are drawn on a plain canvas.

/** Round places between two values, at most `count` of them. */
export function niceTicks(low: number, high: number, count: number): number[] {
  if (!(high > low) || count < 1) return [low];
  const rough = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((one) => one >= rough) ?? power * 10;
  const ticks: number[] = [];
  for (let tick = Math.ceil(low / step) * step; tick <= high + step * 1e-9; tick += step) {
    // Sums of decimals drift: 0.1 + 0.2 is written 0.3.
    ticks.push(Number(tick.toPrecision(12)));
  }
  return ticks;
}

/** A scale of numbers, or of texts in the order of their first appearance. */
export interface Scale {
  /** From 0 to 1. */
  place: (value: number | string | null) => number | undefined;
  ticks: { at: number; label: string }[];
}

const MAX_TEXT_TICKS = 12;

/** A scale for the values of a column: numbers (also those written as text) on a line, texts side by side. */
export function scaleOf(values: (number | string | null)[], ticks: number, format: (value: number) => string): Scale {
  const texts = values.filter((value): value is string => typeof value === 'string');
  const isText = texts.some((text) => text.trim() === '' || Number.isNaN(Number(text)));
  if (isText) return textScale([...new Set(texts)]);
  const finite = values
    .filter((value) => value !== null)
    .map(Number)
    .filter(Number.isFinite);
  return finite.length > 0 ? numberScale(finite, ticks, format) : textScale([]);
}

function numberScale(finite: number[], count: number, format: (value: number) => string): Scale {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of finite) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  if (low === high) {
    low -= Math.abs(low) * 0.5 || 0.5;
    high += Math.abs(high) * 0.5 || 0.5;
  }
  // Values that span several powers of ten, such as learning rates, are told apart by their logarithm.
  const logarithmic = low > 0 && high / low >= 100;
  const from = logarithmic ? Math.log10(low) : low;
  const to = logarithmic ? Math.log10(high) : high;
  const at = (value: number) => ((logarithmic ? Math.log10(value) : value) - from) / (to - from);
  const places = logarithmic ? powersBetween(from, to) : niceTicks(low, high, count);
  return {
    place: (value) => {
      const number = typeof value === 'string' ? Number(value) : value;
      return number === null || !Number.isFinite(number) ? undefined : at(number);
    },
    ticks: places.map((value) => ({ at: at(value), label: format(value) })),
  };
}

function powersBetween(from: number, to: number): number[] {
  const powers: number[] = [];
  for (let power = Math.ceil(from - 1e-9); power <= to + 1e-9; power += 1) powers.push(10 ** power);
  return powers;
}

function textScale(texts: string[]): Scale {
  const places = new Map(texts.map((text, index) => [text, texts.length === 1 ? 0.5 : index / (texts.length - 1)]));
  const every = Math.ceil(texts.length / MAX_TEXT_TICKS);
  return {
    place: (value) => (value === null ? undefined : places.get(String(value))),
    ticks: texts.filter((_, index) => index % every === 0).map((text) => ({ at: places.get(text) ?? 0, label: text })),
  };
}

export interface Box {
  low: number;
  firstQuarter: number;
  median: number;
  thirdQuarter: number;
  high: number;
  count: number;
}

/** The five numbers of a box plot; quartiles by linear interpolation (Hyndman and Fan 1996, type 7). */
export function boxOf(values: number[]): Box | undefined {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return undefined;
  const quantile = (share: number) => {
    const at = (sorted.length - 1) * share;
    const below = sorted[Math.floor(at)] ?? 0;
    const above = sorted[Math.ceil(at)] ?? below;
    return below + (above - below) * (at - Math.floor(at));
  };
  return {
    low: quantile(0),
    firstQuarter: quantile(0.25),
    median: quantile(0.5),
    thirdQuarter: quantile(0.75),
    high: quantile(1),
    count: sorted.length,
  };
}
