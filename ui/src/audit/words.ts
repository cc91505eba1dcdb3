// What an entry of the audit log says, in words: the change in one line, and where its object stands.
import { href } from '$/lib/router.svelte';
import type { AuditChange, AuditEntry } from './api';

/** Characters of a value that are shown in a line. */
const MOST = 80;

/** A value before or after a change, in one line. */
export function valueText(value: unknown): string {
  if (value === null || value === undefined) return '–';
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  if (text === '') return '(empty)';
  return text.length > MOST ? `${text.slice(0, MOST - 1)}…` : text;
}

/** What a change is about: its name in words, and the key that it concerns. */
export function changeName(change: AuditChange): string {
  const name = change.change.replaceAll('_', ' ');
  return change.key ? `${name} ${change.key}` : name;
}

/** Whether a change has something before or after it. */
export function hasValues(change: AuditChange): boolean {
  return change.before !== undefined || change.after !== undefined;
}

/** The kind and the id of an object such as `model_version:churn/3`. */
export function partsOf(object: string): { kind: string; id: string } {
  const colon = object.indexOf(':');
  return colon < 0 ? { kind: object, id: '' } : { kind: object.slice(0, colon), id: object.slice(colon + 1) };
}

/** The page of an object; undefined where it has none. */
export function pageOf(object: string): string | undefined {
  const { kind, id } = partsOf(object);
  if (id === '') return undefined;
  switch (kind) {
    case 'registered_model':
      return href(`/models/${encodeURIComponent(id)}`);
    case 'model_version': {
      // The name may hold slashes; the number does not.
      const slash = id.lastIndexOf('/');
      if (slash < 0) return undefined;
      const version = encodeURIComponent(id.slice(slash + 1));
      return href(`/models/${encodeURIComponent(id.slice(0, slash))}/versions/${version}`);
    }
    case 'run':
      return href(`/runs/${encodeURIComponent(id)}`);
    case 'experiment':
      return /^\d+$/.test(id) ? href(`/experiments/${id}/runs`) : undefined;
    case 'webhook':
      return href('/settings', { tab: 'webhooks', hook: id });
    default:
      return undefined;
  }
}

/** `registered_model.set_alias` as people say it: `set alias`. */
export function actionName(action: string): string {
  return action.slice(action.indexOf('.') + 1).replaceAll('_', ' ');
}

/** The first change of an entry, and how many follow. */
export function headlineOf(entry: AuditEntry): { change: AuditChange | undefined; more: number } {
  const changes = entry.changes ?? [];
  return { change: changes[0], more: Math.max(0, changes.length - 1) };
}

/** A local date and time of an input as the API takes it; empty for none or a broken one. */
export function momentOf(local: string, utc: boolean): string {
  if (local === '') return '';
  const date = new Date(utc ? `${local}Z` : local);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

/** The other way round: what the input shows for a moment of the address. */
export function inputOf(moment: string, utc: boolean): string {
  const date = new Date(/^\d+$/.test(moment) ? Number(moment) : moment);
  if (moment === '' || Number.isNaN(date.getTime())) return '';
  const shown = utc ? date : new Date(date.getTime() - date.getTimezoneOffset() * 60_000);
  return shown.toISOString().slice(0, 16);
}
