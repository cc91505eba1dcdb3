-- Named states of pages: what is shown, and how, as the page wrote it.
create table saved_views (
    id {identity},
    uuid text not null unique,
    -- -1 for views that belong to no experiment
    experiment_id bigint not null,
    -- which page
    kind text not null,
    name text not null,
    owner text not null,
    shared boolean not null,
    -- shown where nobody chose a view
    is_default boolean not null,
    -- JSON
    state text not null,
    created_at bigint not null,
    updated_at bigint not null,
    unique (experiment_id, kind, owner, name)
);
create unique index saved_views_default on saved_views (experiment_id, kind) where is_default;

-- That something of a run changed, and what, for those who watch. Rows are added; old ones go.
create table run_changes (
    id {identity},
    run_id bigint not null,
    experiment_id bigint not null,
    -- 1 created, 2 updated, 3 params, 4 tags, 5 metrics, 6 inputs, 7 deleted, 8 restored
    kind bigint not null
);

-- When it was last said that metrics of the run changed: not more often than twice a second.
alter table runs add column marked_at bigint not null default 0;
