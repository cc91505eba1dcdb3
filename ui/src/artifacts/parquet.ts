// Parquet files over ranges: the footer first, then the rows that somebody looks at. The library is
// loaded with the first such file.
import type { Compressors, FileMetaData } from 'hyparquet';
import { readRange } from './api';

export interface ParquetFile {
  columns: string[];
  count: number;
  /** Reads rows from `start` to before `end`, each as its cells. */
  rows: (start: number, end: number) => Promise<unknown[][]>;
}

// What Snappy, which the library knows, leaves out of what writers commonly use.
async function loadCompressors(): Promise<Compressors> {
  const [zstd, flate] = await Promise.all([import('fzstd'), import('fflate')]);
  return {
    ZSTD: (input, length) => zstd.decompress(input, new Uint8Array(length)),
    GZIP: (input, length) => flate.gunzipSync(input, { out: new Uint8Array(length) }),
  };
}

/** Opens a file by the path of its bytes. */
export async function openParquet(path: string, signal?: AbortSignal): Promise<ParquetFile> {
  const { parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import('hyparquet');
  const { size } = await readRange(path, [0, 4], signal);
  const file = {
    byteLength: size,
    slice: async (start: number, end = size) => {
      const from = start < 0 ? size + start : start;
      return (await readRange(path, [from, end])).bytes.buffer;
    },
  };
  const metadata: FileMetaData = await parquetMetadataAsync(file);
  const compressors = await loadCompressors();
  const columns = parquetSchema(metadata).children.map((child) => child.element.name);
  return {
    columns,
    count: Number(metadata.num_rows),
    rows: async (rowStart, rowEnd) => {
      const found = await parquetReadObjects({ file, metadata, rowStart, rowEnd, compressors });
      return found.map((row) => columns.map((column) => row[column] as unknown));
    },
  };
}
