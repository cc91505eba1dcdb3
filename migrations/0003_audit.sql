-- The audit log: rows are added and never changed or deleted. An entry's bytes are a leaf of a
-- Merkle tree as RFC 9162 builds it.
create table audit_entries (
    -- counted from 0 without a gap
    position bigint not null,
    -- the columns up to the entry repeat what stands in it, so that it can be found
    at bigint not null,
    actor text not null,
    action text not null,
    object text not null,
    result text not null,
    request_id text not null,
    -- JSON; its bytes are what is hashed
    entry text not null,
    leaf_hash bytea not null,
    primary key (position)
) {clustered};
create index audit_entries_by_object on audit_entries (object, position);
create index audit_entries_by_actor on audit_entries (actor, position);
create index audit_entries_by_action on audit_entries (action, position);
create index audit_entries_by_time on audit_entries (at, position);

-- The hashes of complete subtrees; those of level 0 stand with the entries.
create table audit_nodes (
    -- a subtree of 2 to the power of `level` entries
    level bigint not null,
    -- counted from 0 among those of its level
    position bigint not null,
    hash bytea not null,
    primary key (level, position)
) {clustered};

-- One row: how far the tree has grown.
create table audit_tree (
    id bigint primary key,
    -- names the log in its signed tree heads
    origin text not null,
    size bigint not null,
    -- the hashes of the complete subtrees that make up the tree, the largest first
    peaks bytea not null
);

create table audit_heads (
    size bigint not null,
    at bigint not null,
    -- the signed checkpoint
    note text not null,
    primary key (size)
) {clustered};

-- The keys that ever signed a head.
create table audit_keys (
    -- SHA-256 of the raw public key, in hexadecimal
    fingerprint text primary key,
    -- PEM
    public_key text not null,
    since bigint not null
);
