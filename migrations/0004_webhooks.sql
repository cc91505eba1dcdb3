-- A deleted webhook keeps its row for the log of what was sent to it; its secret is gone.
create table webhooks (
    id {identity},
    uuid text not null,
    name text not null,
    -- empty where there is none
    description text not null,
    url text not null,
    -- signs the payloads; null where there is none
    secret text,
    -- whether the secret is a Fernet token of the key that the server was started with
    secret_sealed boolean not null,
    -- 1 active, 2 disabled
    status bigint not null,
    -- of the payload: mlflow, cloudevents, slack, teams
    format text not null,
    -- 1 active, 2 deleted
    lifecycle bigint not null,
    created_at bigint not null,
    updated_at bigint not null,
    unique (uuid)
);
create index webhooks_by_time on webhooks (created_at, id) where lifecycle = 1;

create table webhook_events (
    webhook_id bigint not null,
    -- entity and action, as model_version.created
    event text not null,
    primary key (webhook_id, event)
) {clustered};
create index webhook_events_by_event on webhook_events (event, webhook_id);

-- One row for each event and each webhook that asked for it, written with the change itself.
create table webhook_deliveries (
    id {identity},
    -- the delivery id that the receiver sees; the same for every attempt
    uuid text not null,
    webhook_id bigint not null,
    event text not null,
    -- what changed, as registered_model:churn; deliveries of one object keep their order
    object text not null,
    -- of a renaming, the object as it is called from then on
    next_object text,
    occurred_at bigint not null,
    -- JSON from which the payload is made, in whatever format the webhook has when it is sent
    facts text not null,
    -- 1 pending, 2 delivered, 3 parked, 4 cancelled
    state bigint not null,
    -- whether no earlier delivery of the object is pending
    ready boolean not null,
    -- attempts since the event or since it was last asked for again
    attempts bigint not null,
    first_attempt_at bigint,
    next_attempt_at bigint not null,
    -- until when the server that is sending it has it for itself
    claimed_until bigint not null,
    finished_at bigint,
    -- why it was parked or cancelled; empty otherwise
    note text not null,
    unique (uuid)
);
create index webhook_deliveries_due on webhook_deliveries (webhook_id, next_attempt_at, id)
    where state = 1 and ready;
create index webhook_deliveries_of_object on webhook_deliveries (webhook_id, object, state, id);
create index webhook_deliveries_of_next_object
    on webhook_deliveries (webhook_id, next_object, state, id) where next_object is not null;
create index webhook_deliveries_by_state on webhook_deliveries (webhook_id, state, id);
create index webhook_deliveries_by_webhook on webhook_deliveries (webhook_id, id);
create index webhook_deliveries_finished on webhook_deliveries (finished_at)
    where finished_at is not null;

create table webhook_attempts (
    id {identity},
    delivery_id bigint not null,
    -- when it was sent
    at bigint not null,
    -- the HTTP status; null where there was no answer
    status bigint,
    latency_ms bigint not null,
    -- the beginning of the answer's body
    response_head text not null,
    error text,
    -- JSON of the headers that were sent
    request_headers text not null,
    -- SHA-256 of the body that was sent, in hexadecimal
    request_digest text not null
);
create index webhook_attempts_by_delivery on webhook_attempts (delivery_id, id);
