// SHA-256 and the ways bytes are written. The browser's own SHA-256 is only there on secure origins, and
// a server on a trusted network is often reached by plain HTTP; a proof that cannot be checked there
// proves nothing.
export { sha256 } from '@noble/hashes/sha2.js';

/** Writes bytes in lower-case hexadecimal digits. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Writes bytes in base64, as hashes of the audit log are written. */
export function toBase64(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes));
}

/** Reads base64; null for a text that is none. */
export function fromBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return null;
  }
}
