// The routes of the audit log.
import { addressOf, api, OWN } from '$/lib/api';
import type { InclusionProof } from './merkle';
import type { StoredRecord } from './verify';

export interface AuditChange {
  object: string;
  change: string;
  key?: string;
  before?: unknown;
  after?: unknown;
  generation?: number;
}

export interface AuditEntry {
  at: number;
  actor: string;
  action: string;
  object: string;
  result: 'done' | 'unchanged' | 'refused';
  reason: string;
  request_id: string;
  method?: string;
  path?: string;
  request?: Record<string, unknown>;
  changes?: AuditChange[];
  refusal?: { status: number; error_code: string; message: string };
}

export interface AuditRecord {
  position: number;
  leaf_hash: string;
  /** A text where the stored entry can no longer be read. */
  entry: AuditEntry | string;
}

export interface AuditPage {
  entries: AuditRecord[];
  next_page_token: string | null;
}

export interface AuditHead {
  tree_size: number;
  at: number;
  checkpoint: string;
  origin: string;
  root_hash: string;
  keys: { fingerprint: string; public_key: string }[];
}

export interface AuditFilter {
  actor?: string;
  action?: string;
  object?: string;
  request_id?: string;
  result?: string;
  since?: string;
  until?: string;
}

export const PAGE_SIZE = 200;

export const audit = {
  entries(filter: AuditFilter, token: string | null, signal?: AbortSignal): Promise<AuditPage> {
    const query = { ...filter, page_token: token, max_results: PAGE_SIZE };
    return api.get(`${OWN}/audit/entries`, { query, signal });
  },

  proof(position: number, signal?: AbortSignal): Promise<InclusionProof & AuditRecord> {
    return api.get(`${OWN}/audit/entries/${position}`, { signal });
  },

  /** Entries as the database holds them, from a position on. */
  async records(from: number, signal?: AbortSignal): Promise<StoredRecord[]> {
    const query = { from, max_results: 1_000 };
    const answer = await api.get<{ records: StoredRecord[] }>(`${OWN}/audit/records`, { query, signal });
    return answer.records;
  },

  head(signal?: AbortSignal): Promise<AuditHead> {
    return api.get(`${OWN}/audit/head`, { signal });
  },
};

/** The address of the log as JSON lines. */
export function exportAddress(): string {
  return addressOf(`${OWN}/audit/export`);
}
