-- Names of metrics, params and tags, stored once.
create table keys (
    id {identity},
    name text not null unique
);

create table experiments (
    id {identity},
    name text not null unique,
    artifact_location text not null,
    -- 1 active, 2 deleted
    lifecycle bigint not null,
    created_at bigint not null,
    updated_at bigint not null
);
create index experiments_by_creation on experiments (created_at, id);

create table experiment_tags (
    experiment_id bigint not null,
    key_id bigint not null,
    value text not null,
    primary key (experiment_id, key_id)
) {clustered};

create table runs (
    id {identity},
    uuid text not null unique,
    experiment_id bigint not null,
    name text not null,
    user_id text not null,
    -- 1 running, 2 scheduled, 3 finished, 4 failed, 5 killed
    status bigint not null,
    start_time bigint not null,
    end_time bigint,
    artifact_uri text not null,
    -- 1 active, 2 deleted
    lifecycle bigint not null,
    -- when the run was last written to; kept to within a few seconds
    written_at bigint not null,
    -- 0 live, 1 shown as stale, 2 ended by the server
    staleness bigint not null
);
create index runs_by_start on runs (experiment_id, lifecycle, start_time desc, uuid);
create index runs_to_watch on runs (written_at) where status = 1;

create table params (
    run_id bigint not null,
    key_id bigint not null,
    experiment_id bigint not null,
    value text not null,
    primary key (run_id, key_id)
) {clustered};
create index params_by_value on params (experiment_id, key_id, (substr(value, 1, 64)), run_id);

create table tags (
    run_id bigint not null,
    key_id bigint not null,
    experiment_id bigint not null,
    value text not null,
    primary key (run_id, key_id)
) {clustered};
create index tags_by_value on tags (experiment_id, key_id, (substr(value, 1, 64)), run_id);

-- The latest value of each metric of a run; a NaN is value 0 with is_nan.
create table latest_metrics (
    run_id bigint not null,
    key_id bigint not null,
    experiment_id bigint not null,
    value double precision not null,
    is_nan boolean not null,
    step bigint not null,
    timestamp bigint not null,
    primary key (run_id, key_id)
) {clustered};
create index latest_metrics_by_value
    on latest_metrics (experiment_id, key_id, is_nan, value, run_id);

-- What a request logged, until it is folded into blocks.
create table metric_segments (
    id {identity},
    run_id bigint not null,
    body bytea not null
);
create index metric_segments_by_run on metric_segments (run_id, id);

-- The short histories of a run, packed together; a metric is here or in blocks, never in both.
create table metric_packs (
    id {identity},
    run_id bigint not null,
    body bytea not null
);
create index metric_packs_by_run on metric_packs (run_id, id);

-- The folded history of one metric: blocks in the order (timestamp, step, value), none overlapping.
create table metric_blocks (
    id {identity},
    run_id bigint not null,
    key_id bigint not null,
    -- the blocks of a metric, counted from 0
    number bigint not null,
    points bigint not null,
    last_timestamp bigint not null,
    body bytea not null,
    unique (run_id, key_id, number)
);

create table datasets (
    id {identity},
    experiment_id bigint not null,
    name text not null,
    digest text not null,
    source_type text not null,
    source text not null,
    schema text,
    profile text,
    unique (experiment_id, name, digest)
);

create table run_datasets (
    run_id bigint not null,
    dataset_id bigint not null,
    -- the order in which the run named its datasets
    number bigint not null,
    primary key (run_id, dataset_id)
) {clustered};
create index run_datasets_by_dataset on run_datasets (dataset_id, run_id);

create table run_dataset_tags (
    run_id bigint not null,
    dataset_id bigint not null,
    key text not null,
    value text not null,
    primary key (run_id, dataset_id, key)
) {clustered};

create table logged_models (
    id {identity},
    uuid text not null unique,
    experiment_id bigint not null,
    name text not null,
    artifact_uri text not null,
    model_type text not null,
    -- empty where no run made the model
    source_run_id text not null,
    -- 1 pending, 2 ready, 3 failed
    status bigint not null,
    -- 1 active, 2 deleted
    lifecycle bigint not null,
    created_at bigint not null,
    updated_at bigint not null
);
create index logged_models_by_creation
    on logged_models (experiment_id, lifecycle, created_at desc, uuid);

create table logged_model_params (
    model_id bigint not null,
    key text not null,
    value text not null,
    primary key (model_id, key)
) {clustered};

create table logged_model_tags (
    model_id bigint not null,
    key text not null,
    value text not null,
    primary key (model_id, key)
) {clustered};

create table logged_model_metrics (
    model_id bigint not null,
    key text not null,
    timestamp bigint not null,
    step bigint not null,
    run_uuid text not null,
    value double precision not null,
    is_nan boolean not null,
    dataset_name text,
    dataset_digest text,
    primary key (model_id, key, timestamp, step, run_uuid)
) {clustered};

create table run_model_inputs (
    run_id bigint not null,
    model_uuid text not null,
    primary key (run_id, model_uuid)
) {clustered};

create table run_model_outputs (
    id {identity},
    run_id bigint not null,
    model_uuid text not null,
    step bigint not null,
    unique (run_id, model_uuid)
);

-- The digest of each file that came in through the server, by its path under the destination.
create table artifacts (
    path text primary key,
    size bigint not null,
    sha256 text not null,
    stored_at bigint not null
) {clustered};
