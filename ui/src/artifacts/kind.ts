// Decides by a file's name how it is shown. What a file claims to be is never trusted further than
// this: every preview draws text or pixels, and HTML runs in a frame without an origin.

export type PreviewKind =
  | 'image'
  | 'svg'
  | 'csv'
  | 'parquet'
  | 'json'
  | 'markdown'
  | 'html'
  | 'npy'
  | 'text'
  | 'pdf'
  | 'binary';

const BY_EXTENSION: Record<string, PreviewKind> = {
  png: 'image',
  jpg: 'image',
  jpeg: 'image',
  gif: 'image',
  webp: 'image',
  bmp: 'image',
  avif: 'image',
  ico: 'image',
  svg: 'svg',
  csv: 'csv',
  tsv: 'csv',
  parquet: 'parquet',
  pq: 'parquet',
  json: 'json',
  ipynb: 'json',
  geojson: 'json',
  md: 'markdown',
  markdown: 'markdown',
  html: 'html',
  htm: 'html',
  npy: 'npy',
  pdf: 'pdf',
};

const TEXT_EXTENSIONS = new Set(
  (
    'txt log out err jsonl ndjson yaml yml toml ini cfg conf lock py r jl sh bash sql js ts css xml ' +
    'rst tex java scala go rs c h cpp hpp cu dockerfile env properties diff patch'
  ).split(' '),
);

const TEXT_NAMES = new Set(['mlmodel', 'dockerfile', 'makefile', 'license', 'readme', 'requirements']);

/** Bytes that are read of a file at most before the page says that it shows the beginning. */
export const HEAD_BYTES = 2 * 1024 * 1024;

/** Bytes of a log's end that are shown first. */
export const TAIL_BYTES = 256 * 1024;

/** Bytes that a preview which needs the whole file may have. */
export const WHOLE_BYTES = 32 * 1024 * 1024;

/** Gives the part of a path after its last slash. */
export function nameOf(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** Gives the folder of a path; empty for one that lies at the top. */
export function folderOf(path: string): string {
  const slash = path.lastIndexOf('/');
  return slash < 0 ? '' : path.slice(0, slash);
}

/** Gives a name's extension in lower case, without the dot. */
export function extensionOf(path: string): string {
  const name = nameOf(path);
  const dot = name.lastIndexOf('.');
  return dot <= 0 ? '' : name.slice(dot + 1).toLowerCase();
}

/** Says how a file is shown. */
export function kindOf(path: string): PreviewKind {
  const extension = extensionOf(path);
  const known = BY_EXTENSION[extension];
  if (known) return known;
  if (TEXT_EXTENSIONS.has(extension)) return 'text';
  if (TEXT_NAMES.has(nameOf(path).toLowerCase())) return 'text';
  return 'binary';
}

/** Says whether the end of a file is what people look for. */
export function isLog(path: string): boolean {
  return ['log', 'out', 'err'].includes(extensionOf(path));
}

/** Says whether the first bytes of a file look like text: no NUL, and valid UTF-8 but for a cut end. */
export function looksLikeText(bytes: Uint8Array): boolean {
  const head = bytes.subarray(0, 4096);
  if (head.includes(0)) return false;
  const text = new TextDecoder('utf-8').decode(head);
  const broken = text.slice(0, -1).split('\uFFFD').length - 1;
  return broken * 50 < Math.max(text.length, 1);
}
