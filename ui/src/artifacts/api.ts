// The bytes of artifacts, of a run or of a registered version, and what a folder has.
import { ApiError, api, MLFLOW } from '$/lib/api';
import type { FileEntry } from './outline';

export interface Bytes {
  bytes: Uint8Array<ArrayBuffer>;
  /** Of the whole file. */
  size: number;
  isCut: boolean;
}

/** Lists a folder of a run; empty is the top. */
export async function listFolder(runId: string, folder: string, signal?: AbortSignal): Promise<FileEntry[]> {
  const entries: FileEntry[] = [];
  let token: string | undefined;
  do {
    const query = { run_id: runId, path: folder, page_token: token };
    const options = signal ? { query, signal } : { query };
    const path = `${MLFLOW}/artifacts/list`;
    const answer = await api.get<{ files?: FileEntry[]; next_page_token?: string }>(path, options);
    entries.push(...(answer.files ?? []));
    token = answer.next_page_token;
  } while (token);
  return entries;
}

/** Reads bytes `from` to before `until` of a file, or what there is of them. */
export async function readRange(path: string, [from, until]: [number, number], signal?: AbortSignal): Promise<Bytes> {
  try {
    const range: [number, number] = [from, until - 1];
    const { buffer, headers } = await api.bytes(path, signal ? { range, signal } : { range });
    const bytes = new Uint8Array(buffer);
    const total = /\/(\d+)$/.exec(headers.get('content-range') ?? '')?.[1];
    const size = total === undefined ? bytes.length : Number(total);
    return { bytes, size, isCut: from + bytes.length < size };
  } catch (cause) {
    // An empty file has no first byte that could be asked for.
    const isEmpty = from === 0 && cause instanceof ApiError && cause.status === 416;
    if (!isEmpty) throw cause;
    return { bytes: new Uint8Array(0), size: 0, isCut: false };
  }
}

/** The SHA-256 that the server recorded when the file came in; null where it has none. */
export async function recordedDigest(path: string, signal?: AbortSignal): Promise<string | null> {
  const headers = await api.headers(path, signal ? { signal } : {});
  return headers.get('x-trackway-sha256');
}

/** Reads the last bytes of a file of a known size. */
export function readTail(path: string, size: number, most: number, signal?: AbortSignal): Promise<Bytes> {
  return readRange(path, [Math.max(0, size - most), size], signal);
}
