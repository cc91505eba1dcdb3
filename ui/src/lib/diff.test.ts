import { expect, test } from 'vitest';
import { diffLines } from './diff';

const marks = { same: ' ', removed: '-', added: '+' };
const written = (a: string, b: string) => diffLines(a, b).map((line) => marks[line.kind] + line.text);

test('lines that were removed stand before those that were added', () => {
  expect(written('numpy==1\npandas==2\nscipy==1\n', 'numpy==2\npandas==2\nscipy==1\nxgboost==2\n')).toEqual([
    '-numpy==1',
    '+numpy==2',
    ' pandas==2',
    ' scipy==1',
    '+xgboost==2',
  ]);
});

test('equal texts have no differences, whatever their ends of lines', () => {
  expect(written('a\r\nb\r\n', 'a\nb')).toEqual([' a', ' b']);
});

test('each line knows its number in both texts', () => {
  const lines = diffLines('a\nb\nc', 'a\nc');
  expect(lines.map((line) => [line.left, line.right])).toEqual([
    [1, 1],
    [2, undefined],
    [3, 2],
  ]);
});

test('texts that are too long to compare line by line are a block removed and a block added', () => {
  const long = (mark: string) => Array.from({ length: 3000 }, (_, index) => mark + index).join('\n');
  const lines = diffLines(long('a'), long('b'));
  expect(lines).toHaveLength(6000);
  expect(lines[0]?.kind).toBe('removed');
  expect(lines.at(-1)?.kind).toBe('added');
});
