import { describe, expect, it } from 'vitest';
import { partsOf } from './ansi';

const ESC = '\u001b';
const check = (text: string, expected: [string, string?, boolean?][]) =>
  expect(partsOf(text).map((part) => [part.text, part.color, part.bold])).toEqual(
    expected.map(([piece, color, bold]) => [piece, color, bold ?? false]),
  );

describe('the colours of a log', () => {
  it('leave a text without sequences as it is', () => check('plain [31m', [['plain [31m']]));

  it('last until they are reset', () =>
    check(`a${ESC}[31mred${ESC}[1m bold${ESC}[0mb`, [['a'], ['red', 'red'], [' bold', 'red', true], ['b']]));

  it('know the bright ones and the default', () => check(`${ESC}[92mok${ESC}[39m.`, [['ok', 'green'], ['.']]));

  it('do not take the numbers of other colours for codes', () =>
    check(`${ESC}[38;5;31mx${ESC}[38;2;1;31;32my`, [['xy']]));

  it('vanish with all other sequences', () =>
    check(`${ESC}[2K${ESC}[1Aline${ESC}]0;title\u0007!${ESC}[?25h`, [['line!']]));

  it('are dropped where there are too many', () => {
    const parts = partsOf(`${ESC}[31mx${ESC}[32my`.repeat(3_000));
    expect(parts).toEqual([{ text: 'xy'.repeat(3_000), bold: false }]);
  });
});
