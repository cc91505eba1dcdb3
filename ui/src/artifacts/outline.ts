// Lists that are trees: a JSON document, and the folders of a run. Both become flat rows of what is
// open, so that one list with a roving focus draws either.

export interface JsonRow {
  /** A JSON pointer (RFC 6901); empty for the document. */
  pointer: string;
  depth: number;
  label: string;
  /** What a leaf holds, or what an object or a list has inside. */
  text: string;
  type: 'object' | 'list' | 'text' | 'number' | 'other';
  isOpen: boolean;
}

/** Rows of one level that are shown before the rest is counted. */
const MOST_CHILDREN = 1_000;

/** Gives the rows of a document in which the pointers of `open` are open. */
export function jsonRows(value: unknown, open: ReadonlySet<string>): JsonRow[] {
  const rows: JsonRow[] = [];
  addJson(rows, { value, label: '', pointer: '', depth: 0 }, open);
  return rows;
}

interface JsonNode {
  value: unknown;
  label: string;
  pointer: string;
  depth: number;
}

function addJson(rows: JsonRow[], node: JsonNode, open: ReadonlySet<string>) {
  const { value, label, pointer, depth } = node;
  if (typeof value !== 'object' || value === null) {
    const type = typeof value === 'string' ? 'text' : typeof value === 'number' ? 'number' : 'other';
    rows.push({ pointer, depth, label, type, text: JSON.stringify(value) ?? '', isOpen: false });
    return;
  }
  const isList = Array.isArray(value);
  const entries = Object.entries(value);
  const isOpen = open.has(pointer);
  const text = isList ? `[${entries.length}]` : `{${entries.length}}`;
  rows.push({ pointer, depth, label, type: isList ? 'list' : 'object', text, isOpen });
  if (!isOpen) return;
  for (const [key, inner] of entries.slice(0, MOST_CHILDREN)) {
    const step = key.replaceAll('~', '~0').replaceAll('/', '~1');
    addJson(rows, { value: inner, label: key, pointer: `${pointer}/${step}`, depth: depth + 1 }, open);
  }
  const left = entries.length - MOST_CHILDREN;
  if (left > 0) {
    const last = { pointer: `${pointer}/…`, depth: depth + 1, label: '…', isOpen: false };
    rows.push({ ...last, type: 'other', text: `${left} more, in the raw file` });
  }
}

/** Gives the pointers that are open at first: those of the upper levels, as long as they are few. */
export function firstOpen(value: unknown, mostRows = 200): Set<string> {
  const open = new Set<string>(['']);
  for (let level = 1; level < 4; level += 1) {
    const rows = jsonRows(value, open);
    const next = rows.filter((row) => row.depth === level && /^[[{][1-9]/.test(row.text));
    const more = next.filter((row) => row.type === 'object' || row.type === 'list');
    const grown = new Set([...open, ...more.map((row) => row.pointer)]);
    if (jsonRows(value, grown).length > mostRows) break;
    for (const pointer of grown) open.add(pointer);
  }
  return open;
}

export interface FileEntry {
  path: string;
  is_dir: boolean;
  file_size?: number | null;
}

export interface FileRow extends FileEntry {
  depth: number;
  isOpen: boolean;
}

/** Gives the visible rows of a tree of files; `folders` holds what each folder that was read has. */
export function fileRows(folders: ReadonlyMap<string, FileEntry[]>, open: ReadonlySet<string>): FileRow[] {
  const rows: FileRow[] = [];
  const add = (folder: string, depth: number) => {
    for (const entry of sorted(folders.get(folder) ?? [])) {
      const isOpen = entry.is_dir && open.has(entry.path);
      rows.push({ ...entry, depth, isOpen });
      if (isOpen) add(entry.path, depth + 1);
    }
  };
  add('', 0);
  return rows;
}

function sorted(entries: FileEntry[]): FileEntry[] {
  const order = new Intl.Collator('en', { numeric: true });
  return [...entries].sort((a, b) => Number(b.is_dir) - Number(a.is_dir) || order.compare(a.path, b.path));
}

/** Gives every folder above a path, the outermost first. */
export function foldersAbove(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
