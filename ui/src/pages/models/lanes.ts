// Where the bars of the time-line stand: along the time, or one step for each change.
import type { Lane, Span } from '$/registry/timeline';

export type LineScale = 'time' | 'order';

export interface Bar {
  span: Span;
  /** From the left edge, and how wide, in percent. */
  left: number;
  width: number;
  /** Counted from the top: versions that hold a place at the same time stand below each other. */
  row: number;
}

// What still lasts gets some room after the last change, in parts of the whole.
const TAIL = 0.04;
const MIN_WIDTH = 0.6;
// Below this share of the width the name of a version has no room in its bar.
const CROWDED = 3;

/** By time, unless most bars would be too narrow to be read. */
export function bestScale(lanes: Lane[], now: number): LineScale {
  const widths = lanes.flatMap((lane) => barsOf(lane, lanes, 'time', now)).map((bar) => bar.width);
  return widths.filter((width) => width < CROWDED).length * 2 > widths.length ? 'order' : 'time';
}

export function barsOf(lane: Lane, lanes: Lane[], scale: LineScale, now: number): Bar[] {
  const place = placesOf(lanes, scale, now);
  // When each row is free again.
  const free: number[] = [];
  return lane.spans.map((span) => {
    const left = place(span.from);
    const right = span.until === null ? 100 : place(span.until);
    const found = free.findIndex((time) => time <= span.from);
    const row = found < 0 ? free.length : found;
    free[row] = span.until ?? Number.POSITIVE_INFINITY;
    return { span, left, width: Math.max(MIN_WIDTH, right - left), row };
  });
}

/** How many rows the bars of a lane take. */
export function rowsOf(bars: Bar[]): number {
  return Math.max(1, ...bars.map((bar) => bar.row + 1));
}

function placesOf(lanes: Lane[], scale: LineScale, now: number): (time: number) => number {
  const spans = lanes.flatMap((lane) => lane.spans);
  const times = [...new Set(spans.flatMap((span) => (span.until === null ? [span.from] : [span.from, span.until])))];
  times.sort((a, b) => a - b);
  if (scale === 'order') {
    const steps = new Map(times.map((time, index) => [time, (index / times.length) * 100]));
    return (time) => steps.get(time) ?? 100;
  }
  const start = times[0] ?? now;
  const whole = Math.max(1, now - start) * (1 + TAIL);
  return (time) => ((time - start) / whole) * 100;
}
