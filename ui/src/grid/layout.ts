// Which rows and columns are in view. Pure arithmetic, so that it can be tested without a browser.

// In CSS pixels, at the size and the boldest weight in which cells are written.
const WIDEST_DIGIT = 9;
const WIDEST_LETTER = 14;
const CELL_PADDING = 20;

export interface Span {
  /** The first index in view. */
  first: number;
  /** The index behind the last one in view. */
  end: number;
}

/** The rows of a viewport, with some more on both sides so that scrolling shows no gaps. */
export function rowsInView(scrollTop: number, height: number, rowHeight: number, count: number, extra: number): Span {
  const first = Math.max(0, Math.floor(scrollTop / rowHeight) - extra);
  const end = Math.min(count, Math.ceil((scrollTop + height) / rowHeight) + extra);
  return { first: Math.min(first, end), end };
}

/** Where each column starts; the last entry is where all of them end. */
export function columnOffsets(widths: number[]): number[] {
  const offsets = [0];
  for (const width of widths) offsets.push((offsets.at(-1) ?? 0) + width);
  return offsets;
}

/** The columns between two places, found by halving. */
export function columnsInView(offsets: number[], left: number, width: number): Span {
  const count = offsets.length - 1;
  if (count <= 0) return { first: 0, end: 0 };
  const first = Math.max(0, Math.min(count - 1, lastAtMost(offsets, left)));
  let end = first;
  while (end < count && (offsets[end] ?? 0) < left + width) end += 1;
  return { first, end };
}

function lastAtMost(sorted: number[], value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((sorted[middle] ?? 0) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** Where to scroll so that a row is wholly in view; the place itself when it already is. */
export function scrollToRow(index: number, rowHeight: number, scrollTop: number, height: number): number {
  const top = index * rowHeight;
  if (top < scrollTop) return top;
  if (top + rowHeight > scrollTop + height) return top + rowHeight - height;
  return scrollTop;
}

/**
 * Whether a text could be wider than its cell. The browser keeps a clip of its own for each cell that
 * cuts its text, which scrolling pays for: most cells hold short numbers and need none.
 */
export function mayNotFit(text: string, width: number): boolean {
  const widest = /^[-+\d.,:e ]*$/.test(text) ? WIDEST_DIGIT : WIDEST_LETTER;
  return text.length * widest > width - CELL_PADDING;
}
