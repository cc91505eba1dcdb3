// The routes of webhooks and of the log of their deliveries.
import { api } from '$/lib/api';

export interface Webhook {
  webhook_id: string;
  name: string;
  description: string;
  url: string;
  events: string[];
  status: 'ACTIVE' | 'DISABLED';
  format: string;
  is_signed: boolean;
  creation_timestamp: number;
  last_updated_timestamp: number;
}

export interface WebhookDraft {
  name: string;
  url: string;
  description: string;
  events: string[];
  format: string;
  status: string;
  /** Undefined leaves a stored secret as it is, an empty one removes it. */
  secret: string | undefined;
}

export type DeliveryState = 'pending' | 'delivered' | 'parked' | 'cancelled';

export interface Delivery {
  delivery_id: string;
  event: string;
  object: string;
  occurred_at: number;
  state: DeliveryState;
  is_waiting: boolean;
  attempts: number;
  next_attempt_at: number | null;
  finished_at: number | null;
  note: string;
}

export interface Attempt {
  time: number;
  status: number | null;
  latency_ms: number;
  response_head: string;
  error: string | null;
  request_headers: Record<string, string>;
  request_sha256: string;
}

export interface DeliveryDetail {
  delivery: Delivery;
  payload: unknown;
  attempts: Attempt[];
}

export interface TestResult {
  success: boolean;
  response_status?: number;
  response_body?: string;
  error_message?: string;
}

export const FORMATS = ['mlflow', 'cloudevents', 'slack', 'teams'];

/** The events that a webhook can ask for, by what they are about. */
export const EVENTS: Record<string, string[]> = {
  registered_model: ['created', 'renamed', 'updated', 'deleted'],
  registered_model_tag: ['set', 'deleted'],
  model_version: ['created', 'updated', 'deleted', 'stage_transitioned', 'verified', 'broken', 'aged'],
  model_version_tag: ['set', 'deleted'],
  model_version_alias: ['created', 'moved', 'deleted'],
  prompt: ['created', 'renamed', 'updated', 'deleted'],
  prompt_tag: ['set', 'deleted'],
  prompt_version: ['created', 'updated', 'deleted', 'stage_transitioned'],
  prompt_version_tag: ['set', 'deleted'],
  prompt_alias: ['created', 'moved', 'deleted'],
};

const MLFLOW = '/api/2.0/mlflow/webhooks';
const OWN = '/api/1.0/webhooks';

function bodyOf(draft: WebhookDraft): Record<string, unknown> {
  const events = draft.events.map((event) => {
    const [entity = '', action = ''] = event.split('.');
    return { entity: entity.toUpperCase(), action: action.toUpperCase() };
  });
  const { secret, ...rest } = draft;
  return secret === undefined ? { ...rest, events } : { ...rest, events, secret };
}

export const webhooks = {
  async list(signal?: AbortSignal): Promise<Webhook[]> {
    const query = { max_results: 1_000 };
    return (await api.get<{ webhooks: Webhook[] }>(OWN, { query, signal })).webhooks;
  },

  create(draft: WebhookDraft): Promise<unknown> {
    return api.post(MLFLOW, bodyOf(draft));
  },

  update(id: string, draft: WebhookDraft): Promise<unknown> {
    return api.patch(`${MLFLOW}/${id}`, bodyOf(draft));
  },

  delete(id: string): Promise<unknown> {
    return api.delete(`${MLFLOW}/${id}`);
  },

  async test(id: string): Promise<TestResult> {
    return (await api.post<{ result: TestResult }>(`${MLFLOW}/${id}/test`, {})).result;
  },

  deliveries(id: string, state: string, token: string | null, signal?: AbortSignal) {
    const query = { state, page_token: token, max_results: 100 };
    return api.get<{ deliveries: Delivery[]; next_page_token: string | null }>(`${OWN}/${id}/deliveries`, {
      query,
      signal,
    });
  },

  delivery(id: string, delivery: string, signal?: AbortSignal): Promise<DeliveryDetail> {
    return api.get(`${OWN}/${id}/deliveries/${delivery}`, { signal });
  },

  redeliver(id: string, delivery: string): Promise<unknown> {
    return api.post(`${OWN}/${id}/deliveries/${delivery}/redeliver`, {});
  },
};
