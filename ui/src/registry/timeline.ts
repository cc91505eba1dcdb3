// What a model's history says of its aliases and stages: who held which place from when to when.

export interface HistoryEntry {
  id: number;
  time: number;
  actor: string;
  model_id: number;
  model_name: string;
  version: string | null;
  kind: string;
  key: string | null;
  from: string | null;
  to: string | null;
  generation: number | null;
  reason: string;
  request_id: string;
}

/** A version in one place, from a moment to another; null as long as it lasts. */
export interface Span {
  version: string;
  from: number;
  until: number | null;
  actor: string;
  reason: string;
}

/** An alias or a stage, with the versions that held it, the oldest first. */
export interface Lane {
  kind: 'stage' | 'alias';
  name: string;
  spans: Span[];
}

const STAGE_ORDER = ['Production', 'Staging'];

/** Turns a history, in any order, into one lane for each place that was ever held. */
export function lanesOf(history: readonly HistoryEntry[]): Lane[] {
  const lanes = new Map<string, Lane>();
  const lane = (kind: Lane['kind'], name: string): Lane => {
    const key = `${kind}:${name}`;
    const known = lanes.get(key);
    if (known) return known;
    const made: Lane = { kind, name, spans: [] };
    lanes.set(key, made);
    return made;
  };
  for (const entry of [...history].sort((a, b) => a.id - b.id)) {
    if (entry.kind === 'stage_changed') moveStage(lane, entry);
    else if (entry.kind === 'alias_set' && entry.key) moveAlias(lane('alias', entry.key), entry);
    else if (entry.kind === 'alias_deleted' && entry.key) end(lane('alias', entry.key), entry.time);
    else if (entry.kind === 'version_deleted') endVersion(lanes, entry);
    else if (entry.kind === 'model_deleted') for (const each of lanes.values()) end(each, entry.time);
  }
  return [...lanes.values()].filter((each) => each.spans.length > 0).sort(byWeight);
}

function moveStage(lane: (kind: 'stage', name: string) => Lane, entry: HistoryEntry) {
  const { version, from, to } = entry;
  if (!version || from === to) return;
  if (from && STAGE_ORDER.includes(from)) end(lane('stage', from), entry.time, version);
  if (to && STAGE_ORDER.includes(to)) begin(lane('stage', to), version, entry);
}

function moveAlias(lane: Lane, entry: HistoryEntry) {
  end(lane, entry.time);
  const version = entry.to ?? entry.version;
  if (version) begin(lane, version, entry);
}

function begin(lane: Lane, version: string, entry: HistoryEntry) {
  const { time: from, actor, reason } = entry;
  lane.spans.push({ version, from, until: null, actor, reason });
}

function end(lane: Lane, at: number, version?: string) {
  for (const span of lane.spans) {
    if (span.until === null && (version === undefined || span.version === version)) span.until = at;
  }
}

function endVersion(lanes: Map<string, Lane>, entry: HistoryEntry) {
  if (!entry.version) return;
  for (const lane of lanes.values()) end(lane, entry.time, entry.version);
}

function byWeight(a: Lane, b: Lane): number {
  if (a.kind !== b.kind) return a.kind === 'stage' ? -1 : 1;
  if (a.kind === 'stage') return STAGE_ORDER.indexOf(a.name) - STAGE_ORDER.indexOf(b.name);
  return a.name.localeCompare(b.name);
}

/** Says in words what an entry of the history tells. */
export function sentenceOf(entry: HistoryEntry): string {
  const { from, to, key, version } = entry;
  const of = version ? `version ${version}` : 'the model';
  switch (entry.kind) {
    case 'model_created':
      return 'Model created';
    case 'model_renamed':
      return `Renamed from ${from} to ${to}`;
    case 'model_updated':
    case 'version_updated':
      return `Description of ${of} changed`;
    case 'model_deleted':
      return 'Model deleted';
    case 'version_created':
      return `Version ${version} registered`;
    case 'version_deleted':
      return `Version ${version} deleted`;
    case 'stage_changed':
      return `Version ${version}: ${from} → ${to}`;
    case 'alias_set':
      return from ? `Alias ${key}: version ${from} → ${to}` : `Alias ${key} set to version ${to}`;
    case 'alias_deleted':
      return `Alias ${key} taken from version ${from}`;
    case 'model_tag_set':
    case 'version_tag_set':
      return `Tag ${key} of ${of}: ${from === null ? to : `${from} → ${to}`}`;
    case 'model_tag_deleted':
    case 'version_tag_deleted':
      return `Tag ${key} of ${of} removed`;
    case 'version_verified':
      return `Files of version ${version} verified: intact`;
    case 'version_broken':
      return `Files of version ${version} are not those that were registered: ${key}`;
    case 'version_aged':
      return `Version ${version} is in Production for ${key} days`;
    default:
      return `${entry.kind.replaceAll('_', ' ')}${version ? `, version ${version}` : ''}`;
  }
}
