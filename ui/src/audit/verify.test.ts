import { describe, expect, it } from 'vitest';
import { leafHash, nodeHash } from './merkle';
import { toBase64 } from './sha256';
import { Frontier, isSigned, LogCheck, readCheckpoint, type StoredRecord } from './verify';

function record(position: number): StoredRecord {
  const columns = {
    at: position,
    actor: 'anna',
    action: 'run.create',
    object: 'run:1',
    result: 'done',
    request_id: 'r',
  };
  const leaf = JSON.stringify({ ...columns, reason: '' });
  return { position, ...columns, leaf, leaf_hash: toBase64(leafHash(leaf)) };
}

function root(leaves: Uint8Array[]): Uint8Array {
  if (leaves.length === 1) return leaves[0] as Uint8Array;
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return nodeHash(root(leaves.slice(0, k)), root(leaves.slice(k)));
}

const records = Array.from({ length: 11 }, (_, position) => record(position));
const head = { tree_size: 11, root_hash: toBase64(root(records.map((one) => leafHash(one.leaf)))) };

function findingsOf(given: StoredRecord[], signed = head) {
  const check = new LogCheck();
  check.take(given);
  check.finish(signed);
  return check.findings.map((finding) => [finding.position, finding.text.split(':')[0]]);
}

describe('the tree', () => {
  it('has the root of RFC 9162 at every size', () => {
    const leaves = records.map((one) => leafHash(one.leaf));
    const frontier = new Frontier();
    expect(frontier.root()).toBeNull();
    for (const [index, leaf] of leaves.entries()) {
      frontier.add(leaf);
      expect(frontier.root()).toEqual(root(leaves.slice(0, index + 1)));
    }
  });
});

describe('the check of the log', () => {
  const changed = (position: number, patch: Partial<StoredRecord>) =>
    records.map((one) => (one.position === position ? { ...one, ...patch } : one));

  it('finds nothing in a log that nobody touched', () => {
    expect(findingsOf(records)).toEqual([]);
  });

  it('names an entry that was changed, and the column beside one', () => {
    const leaf = records[4]?.leaf.replace('anna', 'berta') ?? '';
    expect(findingsOf(changed(4, { leaf }))).toEqual([[4, 'The entry is not the one that was written']]);
    const text = 'The column actor beside the entry says something else than the entry.';
    expect(findingsOf(changed(4, { actor: 'berta' }))).toEqual([[4, text]]);
  });

  it('finds an entry that was changed together with its hash', () => {
    const leaf = records[4]?.leaf.replace('"at":4', '"at":4 ') ?? '';
    const given = changed(4, { leaf, leaf_hash: toBase64(leafHash(leaf)) });
    expect(findingsOf(given)).toEqual([[null, 'The entries lead to another root than the one that was signed.']]);
  });

  it('misses entries that were removed', () => {
    expect(findingsOf(records.slice(0, 9))).toEqual([[null, '11 entries were signed, and 9 are there']]);
    expect(findingsOf(records.filter((one) => one.position !== 3))[0]).toEqual([3, 'Entry 3 is missing']);
  });

  it('tells twenty findings and counts the rest', () => {
    const check = new LogCheck();
    check.take(Array.from({ length: 50 }, (_, position) => ({ ...record(position), leaf: '{}' })));
    expect([check.findings.length, check.found]).toEqual([20, 50]);
  });
});

describe('checkpoints', () => {
  /** A checkpoint of the tree as a server signs it, and the public key. */
  async function signed() {
    const keys = (await crypto.subtle.generateKey({ name: 'Ed25519' }, true, ['sign', 'verify'])) as CryptoKeyPair;
    const der = new Uint8Array(await crypto.subtle.exportKey('spki', keys.publicKey));
    const pem = `-----BEGIN PUBLIC KEY-----\n${toBase64(der)}\n-----END PUBLIC KEY-----\n`;
    const text = `trackway/1\n11\n${head.root_hash}\n`;
    const bytes = new TextEncoder().encode(text);
    const signature = new Uint8Array(await crypto.subtle.sign({ name: 'Ed25519' }, keys.privateKey, bytes));
    const note = `${text}\n— trackway/1 ${toBase64(Uint8Array.of(1, 2, 3, 4, ...signature))}\n`;
    return { pem, note };
  }

  it('are read and their signature checked', async () => {
    const { pem, note } = await signed();
    const checkpoint = readCheckpoint(note);
    expect(checkpoint).toMatchObject({ origin: 'trackway/1', size: 11, root: head.root_hash });
    expect(checkpoint && (await isSigned(checkpoint, pem))).toBe(true);
    const other = readCheckpoint(note.replace('\n11\n', '\n12\n'));
    expect(other && (await isSigned(other, pem))).toBe(false);
  });

  it('are refused when they are none', () => {
    expect(readCheckpoint('nothing')).toBeNull();
    expect(readCheckpoint('a\nb\nc\n\n')).toBeNull();
  });
});
