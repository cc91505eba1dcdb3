import { describe, expect, it } from 'vitest';
import { checkProof, climb, leafHash, nodeHash } from './merkle';
import { fromBase64, sha256, toBase64, toHex } from './sha256';

describe('sha256', () => {
  it("agrees with the standard's examples", () => {
    expect(toHex(sha256(new TextEncoder().encode('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
  });

  it('agrees with another implementation for every length around a block', async () => {
    for (let length = 0; length < 200; length += 1) {
      const bytes = Uint8Array.from({ length }, (_, index) => (index * 7) % 256);
      const theirs = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      expect(toHex(sha256(bytes))).toBe(toHex(theirs));
    }
  });

  it('reads base64 and refuses what is none', () => {
    expect(fromBase64(toBase64(Uint8Array.of(1, 2, 255)))).toEqual(Uint8Array.of(1, 2, 255));
    expect(fromBase64('%')).toBeNull();
  });
});

/** The largest power of two below a number. */
function split(size: number): number {
  let k = 1;
  while (k * 2 < size) k *= 2;
  return k;
}

function root(leaves: Uint8Array[]): Uint8Array {
  if (leaves.length === 1) return leaves[0] as Uint8Array;
  const k = split(leaves.length);
  return nodeHash(root(leaves.slice(0, k)), root(leaves.slice(k)));
}

function pathOf(index: number, leaves: Uint8Array[]): Uint8Array[] {
  if (leaves.length === 1) return [];
  const k = split(leaves.length);
  return index < k
    ? [...pathOf(index, leaves.slice(0, k)), root(leaves.slice(k))]
    : [...pathOf(index - k, leaves.slice(k)), root(leaves.slice(0, k))];
}

describe('proofs of inclusion', () => {
  it('hold for every entry of trees of every small size', () => {
    for (let size = 1; size <= 17; size += 1) {
      const leaves = Array.from({ length: size }, (_, index) => leafHash(`entry ${index}`));
      for (let index = 0; index < size; index += 1) {
        const found = climb(leaves[index] as Uint8Array, [index, size], pathOf(index, leaves));
        expect(found && toBase64(found)).toBe(toBase64(root(leaves)));
      }
    }
  });

  const texts = ['a', 'b', 'c', 'd', 'e'];
  const leaves = texts.map(leafHash);
  const proof = {
    position: 2,
    leaf: 'c',
    leaf_hash: toBase64(leafHash('c')),
    tree_size: 5,
    root_hash: toBase64(root(leaves)),
    inclusion_path: pathOf(2, leaves).map(toBase64),
  };

  it('are judged with the reason', () => {
    expect(checkProof(proof)).toEqual({ holds: true });
    expect(checkProof({ ...proof, leaf: 'C' })).toMatchObject({ holds: false });
    expect(checkProof({ ...proof, position: 3 })).toMatchObject({ holds: false });
    expect(checkProof({ ...proof, tree_size: 50 })).toMatchObject({
      why: 'The proof does not fit the position and the size of the tree.',
    });
    expect(checkProof({ ...proof, inclusion_path: ['%'] })).toMatchObject({ holds: false });
  });
});
