// Checks the whole audit log in the browser: every entry is hashed here, the tree is built here, and
// its root is compared with the one that the server has signed. The server is asked for data alone,
// never for the verdict. What only a copy kept elsewhere can show (an earlier head) is left to
// `trackway audit verify --since`.

import { leafHash, nodeHash } from './merkle';
import { fromBase64, toBase64 } from './sha256';

/** An entry as the database holds it. */
export interface StoredRecord {
  position: number;
  at: number;
  actor: string;
  action: string;
  object: string;
  result: string;
  request_id: string;
  leaf: string;
  leaf_hash: string;
}

export interface Finding {
  position: number | null;
  text: string;
}

/** More findings than these are counted and not told. */
const MOST_FINDINGS = 20;
const COLUMNS = ['at', 'actor', 'action', 'object', 'result', 'request_id'] as const;

/** Builds a Merkle tree leaf by leaf: the roots of its whole subtrees, the largest first. */
export class Frontier {
  size = 0;
  #roots: { hash: Uint8Array; leaves: number }[] = [];

  add(leaf: Uint8Array) {
    this.#roots.push({ hash: leaf, leaves: 1 });
    this.size += 1;
    for (;;) {
      const [left, right] = this.#roots.slice(-2);
      if (!left || !right || left.leaves !== right.leaves) return;
      this.#roots.splice(-2, 2, { hash: nodeHash(left.hash, right.hash), leaves: left.leaves * 2 });
    }
  }

  /** The root of the tree; null while it is empty. */
  root(): Uint8Array | null {
    const hashes = this.#roots.map((one) => one.hash).reverse();
    const [last, ...rest] = hashes;
    if (!last) return null;
    return rest.reduce((below, left) => nodeHash(left, below), last);
  }
}

/** Reads a log from its beginning, and says what is not as it was written. */
export class LogCheck {
  readonly findings: Finding[] = [];
  /** All of them, also those that are not told. */
  found = 0;
  #frontier = new Frontier();

  get read(): number {
    return this.#frontier.size;
  }

  /** Takes the next entries in their order. */
  take(records: readonly StoredRecord[]) {
    for (const record of records) this.#takeOne(record);
  }

  /** Compares with what was signed: the size of the tree and its root. */
  finish(head: { tree_size: number; root_hash: string }) {
    if (this.read < head.tree_size) {
      this.#note(null, `${head.tree_size} entries were signed, and ${this.read} are there: the newest were removed.`);
      return;
    }
    const root = this.#frontier.root();
    if (head.tree_size > 0 && (!root || toBase64(root) !== head.root_hash)) {
      this.#note(null, 'The entries lead to another root than the one that was signed.');
    }
  }

  #takeOne(record: StoredRecord) {
    const { position } = record;
    if (position !== this.read) this.#note(this.read, `Entry ${this.read} is missing: the next one is ${position}.`);
    const hash = leafHash(record.leaf);
    const isGenuine = toBase64(hash) === record.leaf_hash;
    if (!isGenuine) this.#note(position, 'The entry is not the one that was written: its hash is another.');
    else this.#compareColumns(record);
    // With the stored hash the tree above a changed entry is still checked by itself.
    this.#frontier.add(fromBase64(record.leaf_hash) ?? hash);
  }

  #compareColumns(record: StoredRecord) {
    let entry: Record<string, unknown>;
    try {
      entry = JSON.parse(record.leaf) as Record<string, unknown>;
    } catch {
      this.#note(record.position, 'The entry cannot be read.');
      return;
    }
    const other = COLUMNS.find((column) => entry[column] !== record[column]);
    if (other) this.#note(record.position, `The column ${other} beside the entry says something else than the entry.`);
  }

  #note(position: number | null, text: string) {
    this.found += 1;
    if (this.findings.length < MOST_FINDINGS) this.findings.push({ position, text });
  }
}

export interface Checkpoint {
  origin: string;
  size: number;
  root: string;
  /** The text that is signed. */
  signed: string;
  /** Ed25519, 64 bytes each. */
  signatures: Uint8Array[];
}

/** Reads a checkpoint (C2SP tlog-checkpoint); null for a text that is none. */
export function readCheckpoint(note: string): Checkpoint | null {
  const end = note.indexOf('\n\n');
  if (end < 0) return null;
  const signed = note.slice(0, end + 1);
  const [origin = '', size = '', root = ''] = signed.split('\n');
  const lines = note.slice(end + 2).split('\n');
  const encoded = lines.filter((line) => line.startsWith('— ')).map((line) => line.split(' ')[2] ?? '');
  // The first four bytes say which key signed.
  const signatures = encoded.map(fromBase64).filter((bytes) => bytes?.length === 68);
  if (!/^\d+$/.test(size) || !fromBase64(root)) return null;
  return {
    origin,
    size: Number(size),
    root,
    signed,
    signatures: signatures.map((bytes) => (bytes as Uint8Array).slice(4)),
  };
}

/** Whether a key has signed a checkpoint; null where the browser cannot check Ed25519. */
export async function isSigned(checkpoint: Checkpoint, pem: string): Promise<boolean | null> {
  const der = fromBase64(pem.replace(/-----[^-]+-----|\s/g, ''));
  if (!der || !globalThis.crypto?.subtle) return null;
  try {
    const key = await crypto.subtle.importKey('spki', der.slice(), { name: 'Ed25519' }, false, ['verify']);
    const text = new TextEncoder().encode(checkpoint.signed);
    for (const signature of checkpoint.signatures) {
      if (await crypto.subtle.verify({ name: 'Ed25519' }, key, signature.slice(), text)) return true;
    }
    return false;
  } catch {
    return null;
  }
}
