// What the registry's routes answer, as far as the pages use it.

export interface Tag {
  key: string;
  value: string;
}

export interface AliasOf {
  alias: string;
  version: string;
}

export interface Model {
  name: string;
  creation_timestamp: number;
  last_updated_timestamp: number;
  description?: string;
  latest_versions?: ModelVersion[];
  tags?: Tag[];
  aliases?: AliasOf[];
}

export interface ModelVersion {
  name: string;
  version: string;
  creation_timestamp: number;
  last_updated_timestamp: number;
  description?: string;
  user_id?: string;
  current_stage: string;
  source: string;
  run_id?: string;
  run_link?: string;
  status: string;
  status_message?: string;
  tags?: Tag[];
  aliases?: string[];
  model_id?: string;
}

export interface Manifest {
  name: string;
  version: string;
  state: 'frozen' | 'growing' | 'unmanaged';
  digest: string | null;
  files: number;
  bytes: number;
  note: string;
  created_at: number;
  verified_at: number | null;
  verified: 'intact' | 'broken' | null;
}

export interface FileDigest {
  path: string;
  size: number;
  sha256: string;
}

export interface Verified {
  result: 'intact' | 'broken';
  verified_at: number;
  digest: string;
  found_digest: string;
  missing: FileDigest[];
  changed: (FileDigest & { found_size: number; found_sha256: string })[];
  extra: FileDigest[];
}

export interface Consumer {
  consumer: string;
  instance: string;
  uri: string;
  status: 'in_sync' | 'behind' | 'failed' | 'stale';
  since: number;
  reason: string;
  desired_version: string | null;
  loaded_version: string | null;
  state: string;
  error: string;
  reported_at: number;
}

export interface FactMetric {
  key: string;
  value: number | string;
  step: number;
  timestamp: number;
  dataset?: string;
}

export interface FactDataset {
  name: string;
  digest: string;
  context: string | null;
  source_type: string;
}

export interface FactPackage {
  name: string;
  manager: string;
  version: string | null;
  specifier: string | null;
  url: string | null;
  file: string;
}

export interface VersionFacts {
  model: string;
  version: string;
  created_at: number;
  missing: { link: string; why: string }[];
  facts: {
    copied_from: string | null;
    run: {
      id: string;
      known: boolean;
      name: string;
      experiment_id: string;
      experiment_name: string;
      user: string;
      start_time: number | null;
    } | null;
    code: {
      commit: string | null;
      branch: string | null;
      repository: string | null;
      dirty: boolean | null;
      source: string | null;
      entry_point: string | null;
    };
    params: Tag[];
    metrics: FactMetric[];
    datasets: FactDataset[];
    seeds: Tag[];
    logged_model: { id: string; name: string; params: Tag[]; metrics: FactMetric[] } | null;
    files: { location: string; problem: string | null };
    model: { mlflow_version?: string | null; python_version?: string | null; flavors?: Record<string, unknown> } | null;
    signature: unknown;
    environment: {
      python: string | null;
      pinning: string;
      packages: FactPackage[];
      docker_image: string | null;
    };
    cut: { what: string; kept: number; of: number }[];
  };
}
