-- A deleted model keeps its row, so that its id is never given out again and its history has an
-- owner; what belonged to it is gone.
create table registered_models (
    id {identity},
    -- of a deleted model, the name it had last
    name text not null,
    description text not null,
    -- 1 active, 2 deleted
    lifecycle bigint not null,
    created_at bigint not null,
    updated_at bigint not null
);
create unique index registered_models_by_name on registered_models (name) where lifecycle = 1;
create index registered_models_of_all_lives on registered_models (name, id);
create index registered_models_by_update on registered_models (updated_at, name);

create table registered_model_tags (
    model_id bigint not null,
    key text not null,
    value text not null,
    primary key (model_id, key)
) {clustered};

-- A deleted version keeps its row, and with it its number.
create table model_versions (
    id {identity},
    model_id bigint not null,
    -- the name of the model, by which versions are searched and ordered
    model_name text not null,
    number bigint not null,
    -- null where none was given
    description text,
    -- 1 None, 2 Staging, 3 Production, 4 Archived
    stage bigint not null,
    source text not null,
    -- where the files are
    storage_location text not null,
    -- empty where no run made the version
    run_id text not null,
    run_link text not null,
    -- the logged model; empty where there is none
    model_uuid text not null,
    -- 1 active, 2 deleted
    lifecycle bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    unique (model_id, number)
);
create index model_versions_by_stage on model_versions (model_id, lifecycle, stage, number);
create index model_versions_by_name on model_versions (model_name, number);
create index model_versions_by_run on model_versions (run_id);
-- Without the lifecycle, which would make it look better than the two above.
create index model_versions_by_update
    on model_versions (updated_at desc, model_name, number desc);

create table model_version_tags (
    version_id bigint not null,
    key text not null,
    value text not null,
    model_id bigint not null,
    primary key (version_id, key)
) {clustered};
create index model_version_tags_by_model on model_version_tags (model_id);
create index prompt_versions on model_version_tags (model_id)
    where key = 'mlflow.prompt.is_prompt' and value = 'true';

create table model_aliases (
    model_id bigint not null,
    alias text not null,
    -- the number of a version of this model
    version bigint not null,
    generation bigint not null,
    primary key (model_id, alias)
) {clustered};

-- How often an alias was moved under a name of a model; never lowered and never deleted.
create table alias_generations (
    model_name text not null,
    alias text not null,
    generation bigint not null,
    primary key (model_name, alias)
) {clustered};

-- What ever happened to models and versions. Rows are added, and never changed or deleted. The
-- times of one model never go back from a row to a later one.
create table registry_history (
    id {identity},
    at bigint not null,
    actor text not null,
    model_id bigint not null,
    -- the name of the model when it happened
    model_name text not null,
    version bigint,
    kind text not null,
    -- an alias, a tag key or a stage
    key text,
    old_value text,
    new_value text,
    -- of an alias, after it was moved
    generation bigint,
    reason text not null,
    request_id text not null
);
create index registry_history_by_model on registry_history (model_id, id);
create index registry_history_by_version on registry_history (model_id, version, id);
create index registry_history_by_key on registry_history (model_id, key, id);
-- What a model was called, and from when to when it was there.
create index registry_history_of_lives on registry_history (model_id, id)
    where kind in ('model_created', 'model_renamed', 'model_deleted');
-- In which stage a version was.
create index registry_history_of_stages on registry_history (model_id, version, id)
    where kind in ('version_created', 'stage_changed', 'version_deleted');
create index registry_history_by_name on registry_history (new_value, model_id)
    where kind in ('model_created', 'model_renamed');
