// The only place that fetches, but for what `ahead.ts` asks early. Every answer that is not a success
// becomes an `ApiError` that says what was asked, why it failed and under which request id the server
// logged it.

import { takeAhead } from './ahead';
import { BASE } from './router.svelte';

/** The base of Trackway's own API, and of MLflow's as its pages may use it. */
export const OWN = '/api/1.0';
export const MLFLOW = '/ajax-api/2.0/mlflow';

export type Query = Record<string, string | number | boolean | string[] | null | undefined>;

export interface RequestOptions {
  /** The first and the last byte that are wanted of a file. */
  range?: [number, number];
  query?: Query;
  signal?: AbortSignal;
  /** Why a change is made, in the words of who asks: kept in the history and the audit log. */
  reason?: string;
}

/** The failure of one request. `status` is 0 when no answer came. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | undefined;
  readonly path: string;
  /** Everything else that the server said about the failure. */
  readonly details: Record<string, unknown>;

  constructor(path: string, status: number, message: string, rest: Partial<ApiError> = {}) {
    super(message);
    this.name = 'ApiError';
    this.path = path;
    this.status = status;
    this.code = rest.code ?? '';
    this.requestId = rest.requestId;
    this.details = rest.details ?? {};
  }
}

type Listener = (reachable: boolean) => void;
const listeners = new Set<Listener>();

/** Calls back whenever a request shows whether the server can be reached; gives what stops it. */
export function onReachability(listener: Listener): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** A path of the server with its query, as `fetch`, `<img>` and downloads take it. */
export function addressOf(path: string, query: Query = {}): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value === null || value === undefined || value === '') continue;
    if (Array.isArray(value)) for (const one of value) search.append(name, one);
    else search.set(name, String(value));
  }
  const text = search.toString();
  return BASE + (text === '' ? path : `${path}?${text}`);
}

async function send(path: string, init: RequestInit, query?: Query): Promise<Response> {
  const address = addressOf(path, query);
  let response: Response;
  try {
    const isPlain = init.method === undefined && init.headers === undefined;
    const ahead = isPlain ? takeAhead(address) : undefined;
    response = await (ahead ?? fetch(address, { credentials: 'same-origin', ...init }));
  } catch (cause) {
    if (init.signal?.aborted) throw cause;
    for (const listener of listeners) listener(false);
    throw new ApiError(path, 0, 'The server did not answer. Check that it runs and can be reached, then retry.');
  }
  for (const listener of listeners) listener(true);
  if (!response.ok) throw await readError(path, response);
  return response;
}

async function readError(path: string, response: Response): Promise<ApiError> {
  const requestId = response.headers.get('x-request-id') ?? undefined;
  const text = await response.text().catch(() => '');
  let details: Record<string, unknown> = {};
  try {
    const parsed: unknown = JSON.parse(text);
    if (parsed && typeof parsed === 'object') details = parsed as Record<string, unknown>;
  } catch {
    // Not JSON: a proxy in between may have answered. Its text is shown as it is.
  }
  const message =
    typeof details.message === 'string'
      ? details.message
      : text.slice(0, 300) || `The server answered ${response.status}.`;
  const code = typeof details.error_code === 'string' ? details.error_code : '';
  return new ApiError(path, response.status, message, { code, requestId, details });
}

function jsonInit(method: string, body: unknown, { signal, reason }: RequestOptions): RequestInit {
  const headers: Record<string, string> = { 'content-type': 'application/json' };
  if (reason) headers['x-trackway-reason'] = encodeURIComponent(reason);
  return { method, headers, body: JSON.stringify(body ?? {}), signal: signal ?? null };
}

async function sendJson<T>(method: string, path: string, body: unknown, options: RequestOptions): Promise<T> {
  const response = await send(path, jsonInit(method, body, options), options.query);
  const text = await response.text();
  return (text === '' ? {} : JSON.parse(text)) as T;
}

export const api = {
  /** Asks for JSON. */
  async get<T>(path: string, options: RequestOptions = {}): Promise<T> {
    const response = await send(path, { signal: options.signal ?? null }, options.query);
    return (await response.json()) as T;
  },
  /** Asks only for what the answer says of itself. */
  async headers(path: string, options: RequestOptions = {}): Promise<Headers> {
    const response = await send(path, { method: 'HEAD', signal: options.signal ?? null }, options.query);
    return response.headers;
  },
  /** Asks for bytes, such as the buckets of a curve. */
  async bytes(path: string, options: RequestOptions = {}): Promise<{ buffer: ArrayBuffer; headers: Headers }> {
    const headers: HeadersInit = options.range ? { range: `bytes=${options.range[0]}-${options.range[1]}` } : {};
    const response = await send(path, { headers, signal: options.signal ?? null }, options.query);
    return { buffer: await response.arrayBuffer(), headers: response.headers };
  },
  /** Sends JSON and gets bytes, for requests that do not fit into an address. */
  async postForBytes(path: string, body: unknown, options: RequestOptions = {}) {
    const response = await send(path, jsonInit('POST', body, options), options.query);
    return { buffer: await response.arrayBuffer(), headers: response.headers };
  },
  /** Asks for a text of at most `maxBytes` bytes, or all of it. */
  async text(path: string, options: RequestOptions & { maxBytes?: number } = {}): Promise<string> {
    const headers: HeadersInit = options.maxBytes ? { range: `bytes=0-${options.maxBytes - 1}` } : {};
    const response = await send(path, { headers, signal: options.signal ?? null }, options.query);
    return response.text();
  },
  post<T>(path: string, body: unknown, options: RequestOptions = {}): Promise<T> {
    return sendJson<T>('POST', path, body, options);
  },
  patch<T>(path: string, body: unknown, options: RequestOptions = {}): Promise<T> {
    return sendJson<T>('PATCH', path, body, options);
  },
  put<T>(path: string, body: unknown, options: RequestOptions = {}): Promise<T> {
    return sendJson<T>('PUT', path, body, options);
  },
  delete<T>(path: string, body?: unknown, options: RequestOptions = {}): Promise<T> {
    return sendJson<T>('DELETE', path, body, options);
  },
};
