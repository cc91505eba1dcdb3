// The lines in which two texts differ.

export interface DiffLine {
  kind: 'same' | 'removed' | 'added';
  text: string;
  /** The numbers of the line in the first and in the second text, from 1. */
  left: number | undefined;
  right: number | undefined;
}

// The table of common subsequences has a cell per pair of lines that are not common ends.
const MAX_CELLS = 4_000_000;

/**
 * A shortest list of removed and added lines that turns `a` into `b` (longest common subsequence).
 * Texts that differ too widely for that are shown as one block removed and one added.
 */
export function diffLines(a: string, b: string): DiffLine[] {
  const left = linesOf(a);
  const right = linesOf(b);
  let start = 0;
  while (start < left.length && start < right.length && left[start] === right[start]) start += 1;
  let endLeft = left.length;
  let endRight = right.length;
  while (endLeft > start && endRight > start && left[endLeft - 1] === right[endRight - 1]) {
    endLeft -= 1;
    endRight -= 1;
  }
  const lines: DiffLine[] = [];
  const push = (kind: DiffLine['kind'], atLeft: number, atRight: number) => {
    const text = (kind === 'added' ? right[atRight] : left[atLeft]) ?? '';
    lines.push({
      kind,
      text,
      left: kind === 'added' ? undefined : atLeft + 1,
      right: kind === 'removed' ? undefined : atRight + 1,
    });
  };
  for (let at = 0; at < start; at += 1) push('same', at, at);
  diffMiddle(left.slice(start, endLeft), right.slice(start, endRight), (kind, i, j) =>
    push(kind, start + i, start + j),
  );
  for (let at = 0; at < left.length - endLeft; at += 1) push('same', endLeft + at, endRight + at);
  return lines;
}

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

type Push = (kind: DiffLine['kind'], atLeft: number, atRight: number) => void;

function diffMiddle(left: string[], right: string[], push: Push) {
  const width = right.length + 1;
  // common[i * width + j]: how many lines left[i..] and right[j..] have in common, in order.
  const fits = (left.length + 1) * width <= MAX_CELLS;
  const common = new Uint32Array(fits ? (left.length + 1) * width : 0);
  const at = (i: number, j: number) => common[i * width + j] ?? 0;
  if (fits) {
    for (let i = left.length - 1; i >= 0; i -= 1) {
      for (let j = right.length - 1; j >= 0; j -= 1) {
        common[i * width + j] = left[i] === right[j] ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
      }
    }
  }
  let i = 0;
  let j = 0;
  while (i < left.length || j < right.length) {
    if (fits && i < left.length && j < right.length && left[i] === right[j]) push('same', i++, j++);
    else if (i < left.length && (j >= right.length || !fits || at(i + 1, j) >= at(i, j + 1))) push('removed', i++, j);
    else push('added', i, j++);
  }
}
