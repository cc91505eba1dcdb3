// The types of Trackway's own API, written from its OpenAPI document; do not change them by hand.
// `TRACKWAY_WRITE_TYPES=1 cargo test --test it ui::types` writes them anew.

/** The versions that are aged, by the name of the model and the number. */
export interface AgedReply {
  /** 0 where versions never age. */
  max_age_days: number;
  /** Whether there are more versions than are told. */
  more: boolean;
  versions: AgedVersion[];
}

export interface AgedVersion {
  aliases: string[];
  days: number;
  model: string;
  since: number;
  version: string;
}

/** What an alias pointed at, since when, by whom and why. */
export interface AliasThenReply {
  actor: string;
  alias: string;
  at: number;
  generation: number | null;
  model_id: number;
  name: string;
  reason: string;
  request_id: string;
  since: number;
  version: string;
}

export interface AttemptReply {
  error: string | null;
  latency_ms: number;
  request_headers: unknown;
  request_sha256: string;
  response_head: string;
  status: number | null;
  time: number;
}

/** The name of a column and its values, one for each row. */
export interface CellsOfNum {
  key: string;
  name: string;
  values: (Num | null)[];
}

/** The name of a column and its values, one for each row. */
export interface CellsOfstring {
  key: string;
  name: string;
  values: (string | null)[];
}

/** What changed of one topic; not to what. */
export interface Change {
  kinds: string[];
  more: boolean;
  runs: string[];
  topic: string;
}

/** A file that is not what it was. */
export interface ChangedFile {
  found_sha256: string;
  found_size: number;
  path: string;
  sha256: string;
  size: number;
}

/** What changed since the event before. */
export interface Changes {
  at: number;
  changes: Change[];
}

/** The columns of matching runs, the most common first. */
export interface Columns {
  /** The goal, then params that vary. */
  default_columns: string[];
  metrics: NumberColumn[];
  params: TextColumn[];
  /** The newest of them, that were looked at. */
  sampled: number;
  tags: TextColumn[];
  /** Matching runs. */
  total: number;
  /** Whether some kind has more columns than are told. */
  truncated: boolean;
}

/** The commits of the code. */
export interface CommitRow {
  differs: boolean;
  values: (string | null)[];
}

/** A question for runs side by side. */
export interface CompareRuns {
  /** Whether to look for the least and the largest value of each metric, too. */
  ranges?: boolean;
  /** 1 to 500; each counts once. */
  run_ids: string[];
}

/** A run as a column. */
export interface ComparedRun {
  artifact_uri: string;
  commit: string | null;
  end_time: number | null;
  experiment_id: string;
  experiment_name: string;
  name: string;
  parent_run_id: string | null;
  run_id: string;
  source: string | null;
  start_time: number;
  status: Status;
  user: string;
}

/** Runs side by side; every array has one value for each of `runs`. */
export interface Comparison {
  commit: CommitRow;
  datasets: DatasetRow[];
  metrics: MetricRow[];
  /** Ids that no run has. */
  missing: string[];
  params: TextRow[];
  /** In the order in which they were asked for. */
  runs: ComparedRun[];
  tags: TextRow[];
}

/** The proof that one tree is the beginning of another. */
export interface ConsistencyReply {
  consistency_path: string[];
  first: number;
  second: number;
}

/** A process, what it reported, and how it stands. */
export interface ConsumerReply {
  consumer: string;
  desired_digest: string | null;
  desired_version: string | null;
  error: string;
  instance: string;
  loaded_digest: string | null;
  loaded_version: string | null;
  metadata: unknown;
  reason: string;
  reported_at: number;
  resolved_at: number | null;
  since: number;
  state: string;
  status: string;
  uri: string;
}

/** How the processes that serve a model stand to what they should serve. */
export interface Consumers {
  behind: number;
  failed: number;
  last_report: number | null;
  on_desired: number;
  /** Not heard of for longer than they may. */
  stale: number;
  total: number;
}

/** The consumers of a model. */
export interface ConsumersReply {
  consumers: ConsumerReply[];
  next_page_token: string | null;
}

/** What the server holds now. */
export interface Counts {
  audit_entries: number;
  deliveries: Deliveries;
  /** Active ones. */
  experiments: number;
  models: number;
  /** Active runs that say they are running. */
  running: number;
  /** Active ones. */
  runs: number;
  server: ServerFacts;
  versions: number;
}

/** A request for a new view. */
export interface CreateView {
  /** Absent for a view of no experiment. */
  experiment_id?: string;
  is_default?: boolean;
  /** Which page it is a state of, as `runs`. */
  kind: string;
  name: string;
  shared?: boolean;
  state: State;
}

/** A dataset by its name and what it was used for. */
export interface DatasetRow {
  context: string | null;
  differs: boolean;
  digests: (string | null)[];
  name: string;
}

/** Deliveries to webhooks. */
export interface Deliveries {
  /** Given up until somebody asks for them again. */
  parked: number;
  pending: number;
}

/** A delivery with its attempts and the body, in the format that the webhook has now. */
export interface DeliveryDetail {
  attempts: AttemptReply[];
  delivery: DeliveryReply;
  payload: unknown;
}

export interface DeliveryPage {
  deliveries: DeliveryReply[];
  next_page_token: string | null;
}

/** One delivery. Times are milliseconds since 1970. */
export interface DeliveryReply {
  attempts: number;
  delivery_id: string;
  event: string;
  finished_at: number | null;
  /** Whether an earlier delivery of the object must end first. */
  is_waiting: boolean;
  next_attempt_at: number | null;
  note: string;
  object: string;
  occurred_at: number;
  state: string;
}

/** What differs between two versions. */
export interface DiffReply {
  a: SideReply;
  b: SideReply;
}

/** Which values of a metric are the better ones. */
export type Direction = "min" | "max";

/** The answer of a route that has nothing to say: `{}`. */
export type Empty = Record<string, unknown>;

/** A page of entries, newest first. */
export interface EntriesReply {
  entries: EntryReply2[];
  next_page_token: string | null;
}

export interface EntryReply {
  actor: string;
  from: string | null;
  generation: number | null;
  id: number;
  key: string | null;
  kind: string;
  model_id: number;
  model_name: string;
  reason: string;
  request_id: string;
  time: number;
  to: string | null;
  version: string | null;
}

/** An entry with its position and hash. */
export interface EntryReply2 {
  entry: unknown;
  leaf_hash: string;
  position: number;
}

export interface Error {
  error_code: string;
  message: string;
}

/** A page of the list. */
export interface ExperimentSummaries {
  experiments: ExperimentSummary[];
  next_cursor: string | null;
  /** Matching experiments of all pages. */
  total: number;
}

/** One experiment. */
export interface ExperimentSummary {
  created_at: number;
  description: string;
  experiment_id: string;
  failed: number;
  goal: Goal | null;
  /** When a run was last written to. */
  last_activity: number | null;
  lifecycle: Lifecycle;
  name: string;
  owner: string | null;
  running: number;
  /** Active runs, as all counts here. */
  runs: number;
  tags: Record<string, string>;
  updated_at: number;
}

/** What a version remembers, and which links of its lineage are missing. */
export interface FactsReply {
  /** When the facts were taken: milliseconds since 1970, UTC. */
  created_at: number;
  facts: Record<string, unknown>;
  missing: MissingReply[];
  model: string;
  version: string;
}

/** A page of files, in the order of their paths. */
export interface FilePage {
  files: FileReply[];
  next_page_token: string | null;
}

export interface FileReply {
  path: string;
  sha256: string;
  size: number;
}

/** A question for the columns of runs. */
export interface FindColumns {
  experiment_ids: string[];
  filter?: string;
  /** active, deleted or all. */
  view?: string;
}

/** How much was forgotten. */
export interface ForgottenReply {
  forgotten: number;
}

/** What an experiment is about. */
export interface Goal {
  best: Num | null;
  best_run_id: string | null;
  /** Whether tags of the experiment say so; it is guessed from names otherwise. */
  declared: boolean;
  direction: Direction;
  key: string;
}

/** The log as it is now. */
export interface HeadReply {
  /** When it was signed, in milliseconds since 1970. */
  at: number;
  /** A checkpoint as C2SP's `tlog-checkpoint` defines it. */
  checkpoint: string;
  /** The keys that ever signed a head, the newest first. */
  keys: KeyWire[];
  origin: string;
  root_hash: string;
  tree_size: number;
}

/** A signed head. */
export interface HeadWire {
  /** When it was signed, in milliseconds since 1970. */
  at: number;
  /** A checkpoint as C2SP's `tlog-checkpoint` defines it. */
  checkpoint: string;
  tree_size: number;
}

/** Heads in the order of their sizes. */
export interface HeadsReply {
  heads: HeadWire[];
}

/** The first event of a stream. */
export interface Hello {
  at: number;
  resumed: boolean;
  topics: string[];
}

export interface HistoryReply {
  entries: EntryReply[];
  next_page_token: string | null;
}

/** One entry with the proof that it is in a tree. */
export interface InclusionReply {
  entry: unknown;
  /** From the entry's neighbor up to the root's. */
  inclusion_path: string[];
  /** The bytes that were hashed, as text. */
  leaf: string;
  leaf_hash: string;
  position: number;
  root_hash: string;
  tree_size: number;
}

/** A public key. */
export interface KeyWire {
  /** SHA-256 of the raw key, in hexadecimal. */
  fingerprint: string;
  /** SPKI in PEM. */
  public_key: string;
}

/** Whether a thing is there or marked as deleted; stored as 1 or 2. */
export type Lifecycle = "active" | "deleted";

/** What is known of the files of a version. */
export interface ManifestReply {
  bytes: number;
  created_at: number;
  digest: string | null;
  files: number;
  name: string;
  note: string;
  state: string;
  verified: string | null;
  verified_at: number | null;
  version: string;
}

/** What became of the runs. */
export interface ManyReply {
  changed: string[];
  /** Ids that no run has. */
  missing: string[];
  /** Those that were as they should be already. */
  unchanged: string[];
}

/** Which runs are deleted or restored. */
export interface ManyRuns {
  /** 1 to 1,000; each counts once. */
  run_ids: string[];
}

/** A metric; the least and the largest are null where they were not asked for. */
export interface MetricRow {
  differs: boolean;
  key: string;
  last: (Num | null)[];
  max: (Num | null)[] | null;
  min: (Num | null)[] | null;
}

/** One metric from its first point to its last; the least and the largest are of finite values, and the last value where there is none. */
export interface MetricSummary {
  count: number;
  first_step: number;
  first_time: number;
  key: string;
  /** The value of the largest step. */
  last: Num;
  last_step: number;
  last_time: number;
  max: Num;
  max_step: number;
  min: Num;
  min_step: number;
  /** Points whose value is NaN or infinite. */
  nonfinite: number;
  /** Whether it is a metric of the machine. */
  system: boolean;
}

export interface MissingReply {
  link: string;
  why: string;
}

/** A request that has nothing to say. */
export type NoFields = Record<string, unknown>;

/** A double; JSON has no other way to write what is not finite. */
export type Num = number | "NaN" | "Infinity" | "-Infinity";

/** A column of metrics; what is counted of values is of the last value of each run. */
export interface NumberColumn {
  direction: Direction;
  distinct: number;
  distinct_capped: boolean;
  is_goal: boolean;
  key: string;
  max: Num | null;
  mean: Num | null;
  min: Num | null;
  name: string;
  /** Values that are NaN or infinite; the figures above are without them. */
  nonfinite: number;
  /** The share of the runs that have it, 0 to 1. */
  share: number;
  /** Whether it is a metric of the machine. */
  system: boolean;
  variance: Num | null;
}

export interface OneDelivery {
  delivery: DeliveryReply;
}

/** One view. */
export interface OneView {
  view: View;
}

/** A version that was in production. */
export interface Previous {
  /** Whether the version is still there. */
  exists: boolean;
  until: number;
  version: string;
}

/** Everything of the page. */
export interface Production {
  /** The aliases that count as production. */
  aliases: string[];
  /** By name. */
  models: ProductionRow[];
  /** The newest ones. */
  running: RunningRun[];
  running_total: number;
  /** Whether more models have a version in production. */
  truncated: boolean;
}

/** A model and its version in production. */
export interface ProductionRow {
  consumers: Consumers;
  created_at: number;
  /** Of the model. */
  description: string;
  digest: string | null;
  experiment_id: string | null;
  name: string;
  owner: string | null;
  /** The version that was there before. */
  previous: Previous | null;
  /** The newest change that brought the version there. */
  promoted: Promotion | null;
  run_id: string | null;
  /** Of the model. */
  tags: Record<string, string>;
  team: string | null;
  tier: string | null;
  version: string;
  via: Via;
}

/** When, by whom and why. */
export interface Promotion {
  at: number;
  by: string;
  reason: string;
  request_id: string;
}

/** A question for the curves of many runs. */
export interface ReadManySeries {
  /** Slices of each curve. */
  buckets?: number;
  from?: number;
  /** 1 to 100. */
  keys: string[];
  /** 1 to 500. */
  run_ids: string[];
  to?: number;
  /** step, time or relative. */
  x?: string;
}

/** Why a stream ends, or begins anew. */
export interface Reason {
  reason: string;
}

/** A record as the database holds it, for those who check the log. */
export interface RecordWire {
  action: string;
  actor: string;
  /** Null where the database holds no number. */
  at: number | null;
  /** The bytes that were hashed, as text. */
  leaf: string;
  leaf_hash: string;
  object: string;
  position: number;
  request_id: string;
  result: string;
}

/** Records in their order. */
export interface RecordsReply {
  records: RecordWire[];
}

/** A request to send a delivery again: the path says all. */
export type Redeliver = Record<string, unknown>;

/** What a serving process reports. */
export interface ReportLoaded {
  alias?: string;
  consumer?: string;
  error?: string;
  instance?: string;
  loaded_digest?: string;
  loaded_version?: number;
  metadata?: unknown;
  name?: string;
  state?: string;
  uri?: string;
}

export interface ResolutionReply {
  consumer: string;
  first_at: number;
  last_at: number;
  times: number;
  uri: string;
  version: string;
}

/** Who was told which version, and when. */
export interface ResolutionsReply {
  next_page_token: string | null;
  resolutions: ResolutionReply[];
}

/** Where a URI leads. */
export interface ResolvedReply {
  aliases: string[];
  digest: string | null;
  download_uri: string;
  generation: number | null;
  logged_model_id: string | null;
  name: string;
  run_id: string | null;
  signature: unknown;
  stage: string;
  storage_uri: string | null;
  uri: string;
  version: string;
}

/** The metrics of a run, by key. */
export interface RunMetrics {
  metrics: MetricSummary[];
  run_id: string;
  start_time: number;
}

/** A run that says it is running. */
export interface RunningRun {
  experiment_id: string;
  experiment_name: string;
  name: string;
  run_id: string;
  stale: boolean;
  start_time: number;
  user: string;
}

/** What the server says of itself. */
export interface ServerFacts {
  /** Whether the server asks who somebody is. */
  authentication: boolean;
  database: string;
  /** Milliseconds since 1970, in UTC. */
  time: number;
  /** Who asks, as far as the server knows. */
  user: string;
  version: string;
}

/** One of the two versions that are compared. */
export interface SideReply {
  aliases: string[];
  created_at: number;
  model: string;
  run_id: string;
  stage: string;
  version: string;
}

/** Which versions were in a stage, the highest first, each since when, by whom and why. */
export interface StageThenReply {
  at: number;
  model_id: number;
  /** Whether there were more versions than are told. */
  more: boolean;
  name: string;
  stage: string;
  versions: VersionThen[];
}

/** A state of a page: an object that only the page understands. */
export type State = Record<string, unknown>;

/** Where a run stands; stored as 1 to 5, as MLflow numbers them on the wire. */
export type Status = "RUNNING" | "SCHEDULED" | "FINISHED" | "FAILED" | "KILLED";

/** A page of a table. */
export interface Table {
  /** Active runs that name this one as their parent. */
  children: number[];
  /** In the order in which they were asked for. */
  columns: TableColumn[];
  end_time: (number | null)[];
  experiment_id: string[];
  lifecycle: Lifecycle[];
  name: string[];
  next_cursor: string | null;
  parent_run_id: (string | null)[];
  /** Runs of this page: the length of every array. */
  rows: number;
  run_id: string[];
  /** Whether a run says it is running although nothing was written for long. */
  stale: boolean[];
  start_time: number[];
  status: Status[];
  /** Runs of all pages. */
  total: number;
  user: string[];
}

/** One column; null where a run has no such thing. */
export type TableColumn = CellsOfNum & {
  kind: "metric";
} | CellsOfstring & {
  kind: "param";
} | CellsOfstring & {
  kind: "tag";
};

/** A question for a table of runs. */
export interface TableQuestion {
  /** last, min, max or best: which value stands for a metric. */
  aggregate?: string;
  /** As `metrics.loss`, `params.lr` and `tags.team`; at most 200, and 2,000 of a file. */
  columns?: string[];
  cursor?: string;
  experiment_ids: string[];
  /** A filter in MLflow's grammar. */
  filter?: string;
  /** At most 5,000, and 500 where `aggregate` is not last. */
  limit?: number;
  /** As `metrics.loss DESC`; the newest start first where nothing else decides. */
  order_by?: string[];
  /** Only the children of this run. */
  parent?: string;
  /** active, deleted or all. */
  view?: string;
}

/** Tags that are set and removed on many runs. */
export interface TagRuns {
  /** Keys. */
  remove?: string[];
  /** 1 to 1,000; each counts once. */
  run_ids: string[];
  set?: Tags;
}

/** Tags by their keys. */
export type Tags = Record<string, string>;

/** A column of params or tags. */
export interface TextColumn {
  distinct: number;
  distinct_capped: boolean;
  key: string;
  max: number | null;
  min: number | null;
  name: string;
  /** Whether every value is a number. */
  numeric: boolean;
  share: number;
  /** The most frequent values, each cut short where it is long. */
  values: string[];
}

/** A param or a tag; a run without it differs from one that has it. */
export interface TextRow {
  differs: boolean;
  key: string;
  values: (string | null)[];
}

/** A request to change a view; what is absent stays. */
export interface UpdateView {
  is_default?: boolean;
  name?: string;
  shared?: boolean;
  state?: State;
}

/** What reading the files of a version again gave. */
export interface VerifyReply {
  bytes: number;
  changed: ChangedFile[];
  digest: string;
  extra: FileReply[];
  files: number;
  found_digest: string;
  missing: FileReply[];
  name: string;
  result: string;
  verified_at: number;
  version: string;
}

export interface VersionThen {
  actor: string;
  reason: string;
  request_id: string;
  since: number;
  version: string | null;
}

/** Why a version counts as the one in production. */
export interface Via {
  aliases: string[];
  stage: string | null;
}

/** A saved view. */
export interface View {
  created_at: number;
  experiment_id: string | null;
  is_default: boolean;
  kind: string;
  name: string;
  owner: string;
  shared: boolean;
  state: Record<string, unknown>;
  updated_at: number;
  view_id: string;
}

/** Views by name. */
export interface Views {
  views: View[];
}

/** A webhook with all its events, and without its secret. */
export interface WebhookInfo {
  creation_timestamp: number;
  description: string;
  /** Entity and action, as `model_version.created`. */
  events: string[];
  format: string;
  is_signed: boolean;
  last_updated_timestamp: number;
  name: string;
  status: string;
  url: string;
  webhook_id: string;
}

export interface WebhookInfoPage {
  next_page_token: string | null;
  webhooks: WebhookInfo[];
}
