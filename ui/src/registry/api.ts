// The registry's routes: MLflow's for what a client could do as well, our own for the rest.
import { addressOf, api, MLFLOW, OWN } from '$/lib/api';
import type { VersionDiff } from './diff';
import type { HistoryEntry } from './timeline';
import type { Consumer, FileDigest, Manifest, Model, ModelVersion, Verified, VersionFacts } from './types';

function ofModel(name: string): string {
  return `${OWN}/models/${encodeURIComponent(name)}`;
}

function ofVersion(name: string, version: string): string {
  return `${ofModel(name)}/versions/${encodeURIComponent(version)}`;
}

/** Writes a text as a literal of the filter language. */
export function literal(text: string): string {
  return text.includes("'") ? `"${text}"` : `'${text}'`;
}

interface Pages<T> {
  list: T[];
  next: string | null;
}

export const registry = {
  async models(options: { filter?: string; token?: string; signal?: AbortSignal } = {}): Promise<Pages<Model>> {
    const query = { filter: options.filter, page_token: options.token, max_results: 500 };
    const path = `${MLFLOW}/registered-models/search`;
    const answer = await api.get<{ registered_models?: Model[]; next_page_token?: string }>(path, {
      query,
      signal: options.signal,
    });
    return { list: answer.registered_models ?? [], next: answer.next_page_token || null };
  },

  async model(name: string, signal?: AbortSignal): Promise<Model> {
    const path = `${MLFLOW}/registered-models/get`;
    const answer = await api.get<{ registered_model: Model }>(path, { query: { name }, signal });
    return answer.registered_model;
  },

  async versions(filter: string, options: { token?: string; max?: number; signal?: AbortSignal } = {}) {
    const query = {
      filter,
      page_token: options.token,
      max_results: options.max ?? 1_000,
      order_by: ['version_number DESC'],
    };
    const path = `${MLFLOW}/model-versions/search`;
    const answer = await api.get<{ model_versions?: ModelVersion[]; next_page_token?: string }>(path, {
      query,
      signal: options.signal,
    });
    return { list: answer.model_versions ?? [], next: answer.next_page_token || null } as Pages<ModelVersion>;
  },

  async version(name: string, version: string, signal?: AbortSignal): Promise<ModelVersion> {
    const path = `${MLFLOW}/model-versions/get`;
    const answer = await api.get<{ model_version: ModelVersion }>(path, { query: { name, version }, signal });
    return answer.model_version;
  },

  facts(name: string, version: string, signal?: AbortSignal): Promise<VersionFacts> {
    return api.get(`${ofVersion(name, version)}/facts`, { signal });
  },

  manifest(name: string, version: string, signal?: AbortSignal): Promise<Manifest> {
    return api.get(`${ofVersion(name, version)}/manifest`, { signal });
  },

  async files(name: string, version: string, signal?: AbortSignal): Promise<FileDigest[]> {
    const answer = await api.get<{ files: FileDigest[] }>(`${ofVersion(name, version)}/files`, { signal });
    return answer.files;
  },

  verify(name: string, version: string): Promise<Verified> {
    return api.post(`${ofVersion(name, version)}/verify`, {});
  },

  async history(
    name: string,
    options: { version?: string; kinds?: string[]; token?: string | null; max?: number; signal?: AbortSignal } = {},
  ): Promise<Pages<HistoryEntry>> {
    const { version, kinds: kind, token, max = 1_000, signal } = options;
    const query = { version, kind, page_token: token, max_results: max };
    const answer = await api.get<{ entries: HistoryEntry[]; next_page_token: string | null }>(
      `${ofModel(name)}/history`,
      { query, signal },
    );
    return { list: answer.entries, next: answer.next_page_token };
  },

  async consumers(name: string, signal?: AbortSignal): Promise<Consumer[]> {
    const query = { max_results: 1_000 };
    const answer = await api.get<{ consumers: Consumer[] }>(`${ofModel(name)}/consumers`, { query, signal });
    return answer.consumers;
  },

  diff(name: string, a: string, b: string, signal?: AbortSignal): Promise<VersionDiff> {
    return api.get(`${ofModel(name)}/diff`, { query: { a, b }, signal });
  },

  setAlias(name: string, alias: string, version: string, reason: string) {
    return api.post(`${MLFLOW}/registered-models/alias`, { name, alias, version }, { reason });
  },

  deleteAlias(name: string, alias: string, reason: string) {
    return api.delete(`${MLFLOW}/registered-models/alias`, { name, alias }, { reason });
  },

  transition(name: string, version: string, to: { stage: string; archive: boolean; reason: string }) {
    const body = { name, version, stage: to.stage, archive_existing_versions: to.archive };
    return api.post(`${MLFLOW}/model-versions/transition-stage`, body, { reason: to.reason });
  },

  describeModel(name: string, description: string) {
    return api.patch(`${MLFLOW}/registered-models/update`, { name, description });
  },

  describeVersion(name: string, version: string, description: string) {
    return api.patch(`${MLFLOW}/model-versions/update`, { name, version, description });
  },

  setModelTag(name: string, key: string, value: string) {
    return api.post(`${MLFLOW}/registered-models/set-tag`, { name, key, value });
  },

  deleteModelTag(name: string, key: string) {
    return api.delete(`${MLFLOW}/registered-models/delete-tag`, { name, key });
  },

  setVersionTag(name: string, version: string, key: string, value: string) {
    return api.post(`${MLFLOW}/model-versions/set-tag`, { name, version, key, value });
  },

  deleteVersionTag(name: string, version: string, key: string) {
    return api.delete(`${MLFLOW}/model-versions/delete-tag`, { name, version, key });
  },

  createModel(name: string, reason: string) {
    return api.post(`${MLFLOW}/registered-models/create`, { name }, { reason });
  },

  async createVersion(
    given: { name: string; source: string; run_id: string; model_id?: string },
    reason: string,
  ): Promise<ModelVersion> {
    const path = `${MLFLOW}/model-versions/create`;
    const answer = await api.post<{ model_version: ModelVersion }>(path, given, { reason });
    return answer.model_version;
  },
};

/** The address of one file of a version, for a link that saves it. */
export function versionFileAddress(name: string, version: string, path: string): string {
  const parts = path.split('/').map(encodeURIComponent).join('/');
  return addressOf(`${ofVersion(name, version)}/artifacts/${parts}`, { download: true });
}
