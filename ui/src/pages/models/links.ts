// Where the pages of the registry stand. Names are anything that people typed: each is encoded.
import { href, type QueryPatch } from '$/lib/router.svelte';

export function modelHref(name: string, query: QueryPatch = {}): string {
  return href(`/models/${encodeURIComponent(name)}`, query);
}

export function versionHref(name: string, version: string, query: QueryPatch = {}): string {
  return href(`/models/${encodeURIComponent(name)}/versions/${encodeURIComponent(version)}`, query);
}

export function diffHref(name: string, a: string, b: string): string {
  return href(`/models/${encodeURIComponent(name)}/compare`, { a, b });
}

export function runHref(id: string): string {
  return href(`/runs/${encodeURIComponent(id)}`);
}

/** The topic of a model's changes: the name may hold a comma, which parts topics. */
export function modelTopic(name: string): string {
  return `model:${encodeURIComponent(name)}`;
}
