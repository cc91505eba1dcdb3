// What may come next in a filter: fields that the runs have, comparisons, and the values of a param.
import type { Columns } from '$/api/types';
import { formatNumber, formatShare } from '$/lib/format';
import { quoteText } from '$/lib/wire';
import { apiField } from './view';

export interface Suggestion {
  text: string;
  note: string;
}

const MAX = 12;
const ATTRIBUTES: [string, string][] = [
  ['run_name', 'name of the run'],
  ['status', "'RUNNING', 'FINISHED', 'FAILED', 'KILLED'"],
  ['user_id', 'who logged it'],
  ['start_time', 'milliseconds since 1970'],
  ['dataset.name', 'name of a dataset it used'],
];
const STATES = ['RUNNING', 'FINISHED', 'FAILED', 'KILLED', 'SCHEDULED'];

/** Suggestions for what stands before the cursor. */
export function suggest(before: string, columns: Columns | undefined): Suggestion[] {
  const value = /([\w.`]+|(?:params|tags)\.`[^`]+`)\s*(=|!=)\s*(['"]?)([^'"\s]*)$/.exec(before);
  if (value) return valuesOf(value[1] ?? '', value[4] ?? '', columns);
  const operator = /(?:^|\s|\()([\w.]+|\w+\.`[^`]+`)\s+$/.exec(before);
  if (operator && !/^(and|or|not)$/i.test(operator[1] ?? '')) return operatorsOf(operator[1] ?? '');
  const word = lastWord(before);
  if (word === '' && before.trim() !== '' && !/(\band|\bor|\bnot|\()\s*$/i.test(before)) {
    return [
      { text: 'and', note: 'both must hold' },
      { text: 'or', note: 'one of them must hold' },
    ];
  }
  return fieldsWith(word, columns);
}

/** The text with the last word before the cursor replaced. */
export function takeSuggestion(text: string, cursor: number, suggestion: string): { text: string; cursor: number } {
  const before = text.slice(0, cursor);
  const value = /(=|!=)\s*(['"]?[^'"\s]*)$/.exec(before);
  const kept = value
    ? before.slice(0, before.length - (value[2]?.length ?? 0))
    : before.slice(0, before.length - lastWord(before).length);
  const spaced = kept === '' || /[\s(]$/.test(kept) ? kept : `${kept} `;
  const start = `${spaced}${suggestion} `;
  return { text: start + text.slice(cursor).trimStart(), cursor: start.length };
}

function lastWord(text: string): string {
  return /[\w.`]*$/.exec(text)?.[0] ?? '';
}

function fieldsWith(word: string, columns: Columns | undefined): Suggestion[] {
  const wanted = word.toLowerCase();
  const known: Suggestion[] = [
    ...(columns?.metrics ?? []).map((one) => ({
      text: apiField(one.name),
      note: `${formatNumber(Number(one.min))} to ${formatNumber(Number(one.max))}`,
    })),
    ...(columns?.params ?? []).map((one) => ({ text: apiField(one.name), note: one.values.slice(0, 4).join(', ') })),
    ...ATTRIBUTES.map(([text, note]) => ({ text, note })),
    ...(columns?.tags ?? []).map((one) => ({
      text: apiField(one.name),
      note: `in ${formatShare(one.share)} of the runs`,
    })),
  ];
  const begins = known.filter((one) => one.text.toLowerCase().startsWith(wanted));
  const contains = known.filter((one) => !begins.includes(one) && one.text.toLowerCase().includes(wanted));
  return [...begins, ...contains].filter((one) => one.text !== word).slice(0, MAX);
}

function operatorsOf(field: string): Suggestion[] {
  const numeric = /^metrics\.|_time$/.test(field);
  const operators = numeric
    ? ['>', '>=', '<', '<=', '=', '!=']
    : ['=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN', 'IS NULL', 'IS NOT NULL'];
  return operators.map((text) => ({ text, note: numeric ? 'a number follows' : '' }));
}

function valuesOf(field: string, typed: string, columns: Columns | undefined): Suggestion[] {
  const known = [...(columns?.params ?? []), ...(columns?.tags ?? [])].find((one) => apiField(one.name) === field);
  const values = /status$/.test(field) ? STATES : (known?.values ?? []);
  return values
    .filter((value) => value.toLowerCase().includes(typed.toLowerCase()) && value !== typed)
    .map((value) => ({ text: quoteText(value), note: '' }));
}
