// From the wire to what the interface works with.
import type { Num } from '$/api/types';

/** A number as the API sends it: NaN and the infinities come as words. */
export function toNumber(value: Num | null | undefined): number | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'number' ? value : Number(value);
}

/** A text as a literal of the filter grammar. */
export function quoteText(text: string): string {
  return text.includes("'") ? `"${text.replaceAll('"', '')}"` : `'${text}'`;
}

/** A field of the filter grammar: keys with odd characters stand in backticks. */
export function fieldName(kind: 'metrics' | 'params' | 'tags', key: string): string {
  return /^[\w.]+$/.test(key) ? `${kind}.${key}` : `${kind}.\`${key}\``;
}
