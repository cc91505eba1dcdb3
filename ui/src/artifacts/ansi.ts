// The control sequences of terminals in a log: colours become parts of the text, all others vanish.

export type AnsiColor = 'red' | 'green' | 'yellow' | 'blue' | 'magenta' | 'cyan' | 'gray';

export interface Part {
  text: string;
  color?: AnsiColor | undefined;
  bold: boolean;
}

const ESCAPE = String.fromCharCode(27);
// A sequence that begins with `[` (CSI), one of an operating system (OSC), or one of two letters.
const SEQUENCE = new RegExp(
  `${ESCAPE}(?:\\[([0-9;:?<=>]*)[ -/]*([@-~])|\\][^\u0007${ESCAPE}]*(?:\u0007|${ESCAPE}\\\\)?|[@-Z\\\\-_])`,
  'g',
);
const COLORS: (AnsiColor | undefined)[] = ['gray', 'red', 'green', 'yellow', 'blue', 'magenta', 'cyan', undefined];
/** A text with more changes of colour is shown without any. */
const MAX_PARTS = 5_000;

/** The parts of a text between its changes of colour. */
export function partsOf(text: string): Part[] {
  if (!text.includes(ESCAPE)) return [{ text, bold: false }];
  const parts: Part[] = [];
  let style: Omit<Part, 'text'> = { bold: false };
  let from = 0;
  const add = (until: number) => {
    if (until <= from) return;
    const piece = text.slice(from, until);
    const last = parts.at(-1);
    if (last && last.color === style.color && last.bold === style.bold) last.text += piece;
    else parts.push({ text: piece, ...style });
  };
  for (const match of text.matchAll(SEQUENCE)) {
    add(match.index);
    from = match.index + match[0].length;
    if (match[2] === 'm') style = restyled(style, match[1] ?? '');
  }
  add(text.length);
  if (parts.length <= MAX_PARTS) return parts;
  return [{ text: parts.map((part) => part.text).join(''), bold: false }];
}

function restyled(style: Omit<Part, 'text'>, codes: string): Omit<Part, 'text'> {
  let { color, bold } = style;
  const numbers = codes.split(';').map(Number);
  for (let at = 0; at < numbers.length; at += 1) {
    const code = numbers[at] ?? 0;
    if (code === 0) [color, bold] = [undefined, false];
    else if (code === 1) bold = true;
    else if (code === 22) bold = false;
    else if (code === 39) color = undefined;
    else if (code >= 30 && code <= 37) color = COLORS[code - 30];
    else if (code >= 90 && code <= 97) color = COLORS[code - 90];
    // A colour out of 256, or one of red, green and blue: its numbers are no codes.
    else if (code === 38 || code === 48) at += numbers[at + 1] === 5 ? 2 : 4;
  }
  return { color, bold };
}
