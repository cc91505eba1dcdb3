-- What serving processes say that they have loaded. They follow names: a row stays when a model is
-- renamed or deleted.
create table consumer_reports (
    model_name text not null,
    consumer text not null,
    -- which process of the consumer; empty where it does not say
    instance text not null,
    -- what it follows, as models:/churn@champion
    uri text not null,
    -- 1 loaded, 2 loading, 3 failed
    state bigint not null,
    -- the version that it serves; null where it serves none
    loaded_version bigint,
    loaded_digest text,
    -- what went wrong; empty where nothing did
    error text not null,
    -- a JSON object
    metadata text not null,
    -- since when it says the same state
    state_since bigint not null,
    -- since when it says the same version and digest
    loaded_since bigint not null,
    reported_at bigint not null,
    primary key (model_name, consumer, instance, uri)
) {clustered};
create index consumer_reports_by_consumer on consumer_reports (consumer);
create index consumer_reports_by_time on consumer_reports (reported_at);

-- Which consumer asked where a URI leads, which version it was told, and when.
create table consumer_resolutions (
    model_name text not null,
    consumer text not null,
    uri text not null,
    version bigint not null,
    first_at bigint not null,
    last_at bigint not null,
    times bigint not null,
    primary key (model_name, consumer, uri, version)
) {clustered};
create index consumer_resolutions_by_consumer on consumer_resolutions (consumer);
create index consumer_resolutions_by_time on consumer_resolutions (last_at);
create index consumer_resolutions_of_models on consumer_resolutions (model_name, last_at);
