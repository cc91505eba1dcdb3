// The wire types of Trackway's own API.

export type Num = number | "NaN" | "Infinity" | "-Infinity";      // metric values in JSON
export type Status = "RUNNING" | "SCHEDULED" | "FINISHED" | "FAILED" | "KILLED";

export interface Counts {
  server: { version: string; time: number; authentication: boolean; user: string /* "anonymous" */; database: "sqlite" | "postgresql" };
  experiments: number; runs: number; running: number; models: number; versions: number;
  deliveries: { pending: number; parked: number };   // webhooks
  audit_entries: number;
}

export interface Production {
  models: ProductionRow[];        // one per model with a production version, by name; at most 1000
  truncated: boolean;
  aliases: string[];              // which aliases count as production here, e.g. ["production","champion"]
  running: RunningRun[]; running_total: number;
}
export interface ProductionRow {
  name: string; version: string;
  via: { stage: "Production" | null; aliases: string[] };      // why this version counts as production
  promoted: { at: number; by: string; reason: string; request_id: string } | null;   // newest entry of the history that made it so
  previous: { version: string; until: number; exists: boolean } | null;
  created_at: number; run_id: string | null; experiment_id: string | null; digest: string | null;
  description: string;
  owner: string | null; team: string | null; tier: string | null;   // model tags "owner","team","tier" (else "trackway.owner", ...)
  tags: Record<string, string>;   // of the model
  consumers: { total: number; on_desired: number; behind: number; failed: number; last_report: number | null };
}
export interface RunningRun { run_id: string; name: string; experiment_id: string; experiment_name: string; user: string; start_time: number; stale: boolean }

export interface ExperimentSummaries { experiments: ExperimentSummary[]; total: number; next_cursor: string | null }
export interface ExperimentSummary {
  experiment_id: string; name: string; lifecycle: "active" | "deleted"; created_at: number; updated_at: number;
  runs: number; running: number; failed: number; last_activity: number | null;
  goal: { key: string; direction: "min" | "max"; declared: boolean /* by tags of the experiment, else guessed */; best: Num | null; best_run_id: string | null } | null;
  owner: string | null; description: string /* mlflow.note.content */; tags: Record<string, string>;
}

export interface Columns {
  total: number;            // matching runs
  sampled: number;          // runs looked at (the newest ones; = total when all); <= 2000
  metrics: NumberColumn[]; params: TextColumn[]; tags: TextColumn[];
  default_columns: string[];    // e.g. ["metrics.val_loss","params.lr"]: goal metric(s) then up to 4 varying params
  truncated: boolean;           // more than 2000 keys of a kind
}
export interface NumberColumn { name: string /* "metrics.val_loss" */; key: string; share: number /* 0..1 */; distinct: number; distinct_capped: boolean;
  min: Num | null; max: Num | null; mean: Num | null; variance: Num | null; nonfinite: number; is_goal: boolean; direction: "min" | "max"; system: boolean }
export interface TextColumn { name: string; key: string; share: number; distinct: number; distinct_capped: boolean; numeric: boolean;
  min: number | null; max: number | null; values: string[] /* most frequent first, <= 10, each cut at 100 characters */ }

export interface TableQuestion {
  experiment_ids: string[];
  filter?: string;                 // MLflow grammar
  order_by?: string[];             // "metrics.val_loss DESC", "attributes.start_time DESC" (default); ties: newest start first, then run id
  view?: "active" | "deleted" | "all";
  columns?: string[];              // "metrics.k", "params.k", "tags.k"; default none; <= 200
  aggregate?: "last" | "min" | "max" | "best";   // default last; others read histories: limit <= 500
  parent?: string;                 // only the children of this run
  cursor?: string; limit?: number; // default 500, max 5000
}
export interface Table {
  total: number; next_cursor: string | null; rows: number;
  run_id: string[]; experiment_id: string[]; name: string[]; user: string[]; status: Status[];
  lifecycle: ("active" | "deleted")[]; start_time: number[]; end_time: (number | null)[];
  stale: boolean[]; parent_run_id: (string | null)[]; children: number[];   // active children
  columns: TableColumn[];          // in the order asked for
}
export type TableColumn = { name: string; kind: "metric"; key: string; values: (Num | null)[] }
                 | { name: string; kind: "param" | "tag"; key: string; values: (string | null)[] };

export interface RunMetrics { run_id: string; start_time: number; metrics: MetricSummary[] }   // by key
export interface MetricSummary { key: string; last: Num; min: Num; max: Num; /* of finite values; = last if none is finite */ count: number; nonfinite: number;
  first_step: number; last_step: number; min_step: number; max_step: number; /* steps at which min and max are */
  first_time: number; last_time: number; system: boolean }

export interface Comparison {
  runs: ComparedRun[];  missing: string[];      // runs in the order asked for; the arrays below have one value per run of `runs`
  params: { key: string; differs: boolean; values: (string | null)[] }[];
  metrics: { key: string; differs: boolean; last: (Num | null)[]; min: (Num | null)[] | null; max: (Num | null)[] | null }[];
  tags: { key: string; differs: boolean; values: (string | null)[] }[];
  datasets: { name: string; context: string | null; differs: boolean; digests: (string | null)[] }[];
  commit: { differs: boolean; values: (string | null)[] };
}
export interface ComparedRun { run_id: string; experiment_id: string; experiment_name: string; name: string; user: string; status: Status;
  start_time: number; end_time: number | null; commit: string | null; source: string | null; parent_run_id: string | null; artifact_uri: string }

export interface View { view_id: string; experiment_id: string | null; kind: string /* "runs", "compare", ... [a-z_]{1,32} */; name: string; owner: string;
  shared: boolean; is_default: boolean; state: unknown /* object, <= 64 kB as JSON */; created_at: number; updated_at: number }

export interface Change { topic: string; kinds: string[]; runs: string[]; more: boolean /* more runs than the 200 named */ }
