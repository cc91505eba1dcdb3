-- Which server does a job of the background, so that each is done by one of them.
create table leases (
    name text primary key,
    -- the server that has it; empty where none has
    owner text not null,
    -- goes up with each new owner: what an earlier one still wants to write is refused
    token bigint not null,
    -- by the clock of the database, in milliseconds since 1970
    expires_at bigint not null
) {clustered};

-- Which files are being changed, and by which server: of the rows that overlap the lowest holds.
create table artifact_claims (
    id {identity},
    -- a file or folder by its one name; empty for everything
    spot text not null,
    owner text not null,
    -- by the clock of the database, in milliseconds since 1970
    expires_at bigint not null
);
create index artifact_claims_by_spot on artifact_claims (spot, id);

-- The token of the owner that claimed the delivery; only that one's claim counts.
alter table webhook_deliveries add column claim_token bigint not null default 0;
