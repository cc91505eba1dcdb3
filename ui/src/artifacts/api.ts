// The routes of artifacts: of a run, and of a registered version.
import { addressOf, api } from '$/lib/api';
import type { FileEntry } from './outline';

export interface Bytes {
  bytes: Uint8Array;
  /** Of the whole file. */
  size: number;
  isCut: boolean;
}

/** The address of a file of a run, as it is. */
export function fileAddress(runId: string, path: string): string {
  return addressOf('/get-artifact', { run_id: runId, path });
}

/** Lists a folder of a run; empty is the top. */
export async function listFolder(runId: string, folder: string, signal?: AbortSignal): Promise<FileEntry[]> {
  const entries: FileEntry[] = [];
  let token: string | undefined;
  do {
    const query = { run_id: runId, path: folder, page_token: token };
    const path = '/api/2.0/mlflow/artifacts/list';
    const answer = await api.get<{ files?: FileEntry[]; next_page_token?: string }>(path, { query, signal });
    entries.push(...(answer.files ?? []));
    token = answer.next_page_token;
  } while (token);
  return entries;
}

/** Reads bytes `from` to before `until` of a file, or what there is of them. */
export async function readRange(address: string, range: [number, number], signal?: AbortSignal): Promise<Bytes> {
  const { buffer, headers } = await api.bytes(address, { range, signal });
  const bytes = new Uint8Array(buffer);
  const total = /\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1];
  const size = total === undefined ? bytes.length : Number(total);
  return { bytes, size, isCut: range[0] + bytes.length < size };
}
