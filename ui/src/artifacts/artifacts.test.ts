import { describe, expect, it } from 'vitest';
import { guessDelimiter, parseCsv, parseRecords } from './csv';
import { extensionOf, folderOf, isLog, kindOf, looksLikeText, nameOf } from './kind';
import { readNpy } from './npy';
import { fileRows, firstOpen, foldersAbove, jsonRows } from './outline';
import { cellText, numericColumns, tableOf } from './table';

describe('csv', () => {
  it('reads quotes, doubled quotes, and line feeds inside of them', () => {
    expect(parseRecords('a,"b,""c""\nd",e\r\n1,,3\n', ',')).toEqual([
      ['a', 'b,"c"\nd', 'e'],
      ['1', '', '3'],
    ]);
  });

  it('keeps an empty last field and leaves empty lines out', () => {
    expect(parseRecords('a,b\n\n1,', ',')).toEqual([
      ['a', 'b'],
      ['1', ''],
    ]);
  });

  it('drops the broken last record of a file that was cut', () => {
    expect(parseCsv('x,y\n1,2\n3,', true).rows).toEqual([['1', '2']]);
    expect(parseCsv('x,y\n1,2\n3,', false).rows).toHaveLength(2);
  });

  it('ends a quote that is never closed with the text', () => {
    expect(parseRecords('a,"open', ',')).toEqual([['a', 'open']]);
  });

  it('guesses the delimiter and leaves out a byte order mark', () => {
    expect(guessDelimiter('a\tb\tc,d\n')).toBe('\t');
    expect(parseCsv('\uFEFFa;b\n1;2', false)).toEqual({ columns: ['a', 'b'], rows: [['1', '2']] });
  });

  it('names columns that the head does not', () => {
    expect(parseCsv('a\n1,2', false).columns).toEqual(['a', 'column 2']);
  });
});

describe('kinds', () => {
  it('tells them by extension, by name, or not at all', () => {
    const kinds = ['a/B.PNG', 'x.svg', 't.tsv', 'model/MLmodel', 'm.pkl', '.gitignore'].map(kindOf);
    expect(kinds).toEqual(['image', 'svg', 'csv', 'text', 'binary', 'binary']);
  });

  it('takes paths apart', () => {
    expect([nameOf('a/b.c'), folderOf('a/b.c'), folderOf('b'), extensionOf('a.b/c')]).toEqual(['b.c', 'a', '', '']);
    expect(isLog('x/train.log')).toBe(true);
  });

  it('knows text from bytes, also where UTF-8 is cut', () => {
    expect(looksLikeText(new TextEncoder().encode('grüße').subarray(0, 3))).toBe(true);
    expect(looksLikeText(Uint8Array.of(0x41, 0, 0x42))).toBe(false);
    expect(looksLikeText(Uint8Array.from({ length: 64 }, (_, n) => 0x80 + n))).toBe(false);
  });
});

describe('tables', () => {
  it('reads what log_table writes and lists of objects', () => {
    expect(tableOf({ columns: ['a'], data: [[1], [2]] })).toEqual({
      columns: ['a'],
      rows: [[1], [2]],
    });
    expect(tableOf([{ a: 1 }, { b: 2 }])?.rows).toEqual([
      [1, undefined],
      [undefined, 2],
    ]);
    expect(tableOf({ a: 1 })).toBeNull();
    expect(tableOf([1])).toBeNull();
  });

  it('writes cells', () => {
    const cells = [null, 3n, new Date(0), { n: 1n }, new Uint8Array(3)].map(cellText);
    expect(cells).toEqual(['', '3', '1970-01-01T00:00:00.000Z', '{"n":"1"}', '3 bytes']);
  });

  it('aligns columns of numbers alone', () => {
    expect(numericColumns({ columns: ['a', 'b', 'c'], rows: [['1', 'x', '']] })).toEqual([true, false, false]);
  });
});

describe('npy', () => {
  const file = (header: string, data: number[]) => {
    const text = new TextEncoder().encode(header);
    return Uint8Array.from([0x93, 78, 85, 77, 80, 89, 1, 0, text.length, 0, ...text, ...data]);
  };

  it('reads the header and the first values', () => {
    const bytes = file("{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }\n", [1, 0, 255, 255]);
    expect(readNpy(bytes)).toEqual({
      version: '1.0',
      dtype: '<i2',
      fortranOrder: false,
      shape: [2],
      values: [1, -1],
    });
  });

  it('names a structured type and shows no values of it', () => {
    const bytes = file("{'descr': [('a', '<f4')], 'fortran_order': True, 'shape': (), }", [1, 2]);
    expect(readNpy(bytes)).toMatchObject({ dtype: "[('a', '<f4')]", shape: [], values: [] });
  });

  it('refuses what is no npy', () => {
    expect(readNpy(new Uint8Array(20))).toBeNull();
  });
});

describe('outlines', () => {
  it('shows what is open of a document', () => {
    const value = { 'a/b': [1, '<x>'], n: null };
    const rows = jsonRows(value, new Set(['', '/a~1b']));
    expect(rows.map((row) => [row.depth, row.label, row.text])).toEqual([
      [0, '', '{2}'],
      [1, 'a/b', '[2]'],
      [2, '0', '1'],
      [2, '1', '"<x>"'],
      [1, 'n', 'null'],
    ]);
  });

  it('opens upper levels while they are few', () => {
    expect([...firstOpen({ a: { b: 1 } })]).toEqual(['', '/a']);
    expect([...firstOpen({ a: Array.from({ length: 500 }, () => 1) })]).toEqual(['']);
  });

  it('counts what it does not show', () => {
    const rows = jsonRows(
      Array.from({ length: 1_200 }, () => 0),
      new Set(['']),
    );
    expect(rows.at(-1)?.text).toBe('200 more, in the raw file');
  });

  it('puts folders first and orders numbers as numbers', () => {
    const folders = new Map([
      [
        '',
        [
          { path: 'f10', is_dir: false },
          { path: 'f2', is_dir: false },
          { path: 'z', is_dir: true },
        ],
      ],
      ['z', [{ path: 'z/a', is_dir: false }]],
    ]);
    const rows = fileRows(folders, new Set(['z']));
    expect(rows.map((row) => [row.path, row.depth])).toEqual([
      ['z', 0],
      ['z/a', 1],
      ['f2', 0],
      ['f10', 0],
    ]);
    expect(foldersAbove('a/b/c')).toEqual(['a', 'a/b']);
  });
});
