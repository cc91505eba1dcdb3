// Reads the header of NumPy's `.npy` format, versions 1 to 3, and the first values of plain numbers.
// The header is a Python literal; it is read by patterns and never evaluated.

export interface NpyInfo {
  version: string;
  dtype: string;
  fortranOrder: boolean;
  shape: number[];
  /** The first values, where the type is a plain number. */
  values: (number | bigint | boolean)[];
}

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const MOST_VALUES = 200;

/** Reads the beginning of a file; null for one that is no `.npy`. */
export function readNpy(bytes: Uint8Array): NpyInfo | null {
  if (bytes.length < 12 || !MAGIC.every((byte, index) => bytes[index] === byte)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const major = view.getUint8(6);
  const wide = major >= 2;
  const start = wide ? 12 : 10;
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const header = new TextDecoder('utf-8').decode(bytes.subarray(start, start + length));
  const shape = header.match(/'shape':\s*\(([^)]*)\)/);
  if (!shape) return null;
  const dtype = header.match(/'descr':\s*'([^']*)'/)?.[1] ?? structured(header);
  const sizes = (shape[1] ?? '').split(',').map((part) => part.trim());
  return {
    version: `${major}.${view.getUint8(7)}`,
    dtype,
    fortranOrder: /'fortran_order':\s*True/.test(header),
    shape: sizes.filter((part) => part !== '').map(Number),
    values: valuesOf(view, start + length, dtype),
  };
}

function structured(header: string): string {
  return header.match(/'descr':\s*(\[.*?\])\s*,\s*'fortran/)?.[1] ?? 'unknown';
}

type Reader = [number, (view: DataView, at: number, little: boolean) => number | bigint | boolean];

const READERS: Record<string, Reader> = {
  f4: [4, (view, at, little) => view.getFloat32(at, little)],
  f8: [8, (view, at, little) => view.getFloat64(at, little)],
  i1: [1, (view, at) => view.getInt8(at)],
  i2: [2, (view, at, little) => view.getInt16(at, little)],
  i4: [4, (view, at, little) => view.getInt32(at, little)],
  i8: [8, (view, at, little) => view.getBigInt64(at, little)],
  u1: [1, (view, at) => view.getUint8(at)],
  u2: [2, (view, at, little) => view.getUint16(at, little)],
  u4: [4, (view, at, little) => view.getUint32(at, little)],
  u8: [8, (view, at, little) => view.getBigUint64(at, little)],
  b1: [1, (view, at) => view.getUint8(at) !== 0],
};

function valuesOf(view: DataView, from: number, dtype: string): NpyInfo['values'] {
  const reader = READERS[dtype.slice(1)];
  if (!reader) return [];
  const [size, read] = reader;
  const little = dtype[0] !== '>';
  const values: NpyInfo['values'] = [];
  for (let at = from; at + size <= view.byteLength && values.length < MOST_VALUES; at += size) {
    values.push(read(view, at, little));
  }
  return values;
}
