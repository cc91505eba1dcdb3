// Checks the proof that an entry is in the audit log, by RFC 9162 (2.1.3.2). The server is asked for
// the proof and not for the verdict: the page computes that itself.

import { fromBase64, sha256, toBase64 } from './sha256';

export interface InclusionProof {
  position: number;
  leaf: string;
  leaf_hash: string;
  tree_size: number;
  root_hash: string;
  inclusion_path: string[];
}

export type ProofVerdict = { holds: true } | { holds: false; why: string };

function join(prefix: number, ...parts: Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(1 + parts.reduce((sum, part) => sum + part.length, 0));
  whole[0] = prefix;
  let at = 1;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** Gives the hash of an entry: SHA-256 of the byte 0 and the entry. */
export function leafHash(leaf: string): Uint8Array {
  return sha256(join(0, new TextEncoder().encode(leaf)));
}

/** Gives the hash of a node: SHA-256 of the byte 1 and its two children. */
export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(join(1, left, right));
}

/** Climbs from a leaf to the root; null where the path does not fit the position and the size. */
export function climb(start: Uint8Array, place: [number, number], path: Uint8Array[]) {
  let [index, last] = [place[0], place[1] - 1];
  let hash = start;
  for (const sibling of path) {
    if (last === 0) return null;
    if (index % 2 === 1 || index === last) {
      hash = nodeHash(sibling, hash);
      while (index % 2 === 0 && index !== 0) {
        index = Math.floor(index / 2);
        last = Math.floor(last / 2);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 ? hash : null;
}

/** Says whether a proof holds, and if not, where it breaks. */
export function checkProof(proof: InclusionProof): ProofVerdict {
  const leaf = leafHash(proof.leaf);
  if (toBase64(leaf) !== proof.leaf_hash) {
    return { holds: false, why: 'The entry is not the one that was written: its hash is another.' };
  }
  const path = proof.inclusion_path.map(fromBase64);
  if (!path.every((hash) => hash !== null)) {
    return { holds: false, why: 'The proof holds a hash that cannot be read.' };
  }
  const root = climb(leaf, [proof.position, proof.tree_size], path);
  if (root === null) {
    return { holds: false, why: 'The proof does not fit the position and the size of the tree.' };
  }
  return toBase64(root) === proof.root_hash
    ? { holds: true }
    : { holds: false, why: 'The hashes lead to another root than that of the tree.' };
}
