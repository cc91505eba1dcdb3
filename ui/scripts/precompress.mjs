// Writes a `.br` and a `.gz` beside every file of the build that gets smaller, so that the server
// never compresses at request time. A file that would not shrink gets none.
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants, gzip } from 'node:zlib';

const TEXT = /\.(js|css|html|svg|json|txt)$/;
const brotliAsync = promisify(brotliCompress);
const gzipAsync = promisify(gzip);

async function compressFile(file) {
  const raw = await readFile(file);
  const brotliOptions = {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY,
      [constants.BROTLI_PARAM_SIZE_HINT]: raw.length,
    },
  };
  const packed = [
    ['.br', await brotliAsync(raw, brotliOptions)],
    ['.gz', await gzipAsync(raw, { level: 9 })],
  ];
  for (const [suffix, bytes] of packed) {
    if (bytes.length < raw.length) await writeFile(file + suffix, bytes);
  }
}

/** The Vite plugin: runs once, after everything has been written. */
export function precompress() {
  let folder = 'dist';
  return {
    name: 'precompress',
    apply: 'build',
    configResolved(config) {
      folder = config.build.outDir;
    },
    async closeBundle() {
      const entries = await readdir(folder, { recursive: true, withFileTypes: true });
      const files = entries
        .filter((entry) => entry.isFile() && TEXT.test(entry.name))
        .map((entry) => join(entry.parentPath, entry.name));
      await Promise.all(files.map(compressFile));
    },
  };
}
