// The routes of one run. Metrics of every key come with last, least and greatest from the pages'
// own API; the rest is MLflow's.
import { api, MLFLOW } from '$/lib/api';
import type { Tag } from '$/registry/types';
import { RUN_PATH } from './paths';

export interface RunInfo {
  run_id: string;
  run_name?: string;
  experiment_id: string;
  user_id?: string;
  status: string;
  start_time?: number;
  end_time?: number;
  artifact_uri: string;
  lifecycle_stage: string;
}

export interface MetricValue {
  key: string;
  value: number | string;
  timestamp: number;
  step: number;
}

export interface DatasetInput {
  tags?: Tag[];
  dataset: { name: string; digest: string; source_type: string; source: string; schema?: string; profile?: string };
}

export interface Run {
  info: RunInfo;
  data: { metrics?: MetricValue[]; params?: Tag[]; tags?: Tag[] };
  inputs?: { dataset_inputs?: DatasetInput[]; model_inputs?: { model_id: string }[] };
  outputs?: { model_outputs?: { model_id: string; step?: number }[] };
}

export interface LoggedModel {
  info: { model_id: string; name: string; status: string; creation_timestamp_ms: number; model_type?: string };
  data?: { tags?: Tag[]; params?: Tag[]; metrics?: (MetricValue & { dataset_name?: string })[] };
}

export const runs = {
  async find(run_id: string, signal?: AbortSignal): Promise<Run> {
    const answer = await api.get<{ run: Run }>(RUN_PATH, { query: { run_id }, signal });
    return answer.run;
  },

  async search(body: Record<string, unknown>, signal?: AbortSignal): Promise<{ list: Run[]; next: string | null }> {
    const path = `${MLFLOW}/runs/search`;
    const answer = await api.post<{ runs?: Run[]; next_page_token?: string }>(path, body, { signal });
    return { list: answer.runs ?? [], next: answer.next_page_token || null };
  },

  async experiment(experiment_id: string, signal?: AbortSignal): Promise<{ name: string }> {
    const path = `${MLFLOW}/experiments/get`;
    const answer = await api.get<{ experiment: { name: string } }>(path, { query: { experiment_id }, signal });
    return answer.experiment;
  },

  async loggedModel(id: string, signal?: AbortSignal): Promise<LoggedModel> {
    const answer = await api.get<{ model: LoggedModel }>(`${MLFLOW}/logged-models/${id}`, { signal });
    return answer.model;
  },

  setTag(run_id: string, key: string, value: string) {
    return api.post(`${MLFLOW}/runs/set-tag`, { run_id, key, value });
  },

  deleteTag(run_id: string, key: string) {
    return api.post(`${MLFLOW}/runs/delete-tag`, { run_id, key });
  },

  rename(run_id: string, run_name: string) {
    return api.post(`${MLFLOW}/runs/update`, { run_id, run_name });
  },
};

/** Gives the value of a tag. */
export function tagOf(run: Run, key: string): string | undefined {
  return run.data.tags?.find((tag) => tag.key === key)?.value;
}

/** The name of a run, or its id where it has none. */
export function nameOfRun(run: Run): string {
  return run.info.run_name || run.info.run_id;
}
