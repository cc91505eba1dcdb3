-- What the files of a version were when it was registered.
create table model_version_manifests (
    version_id bigint primary key,
    -- 1 frozen, 2 frozen but the folder may grow, 3 without a digest
    state bigint not null,
    -- null where there is none
    digest text,
    files bigint not null,
    bytes bigint not null,
    -- why there is no digest; empty where there is one
    note text not null,
    -- where the files are: a path of the server's own store, or an absolute path of this machine;
    -- null where there is no digest
    root text,
    created_at bigint not null,
    -- null as long as the files were not read again
    verified_at bigint,
    -- what that gave: 1 intact, 2 broken
    verified bigint
) {clustered};
create index model_version_manifests_by_root on model_version_manifests (root, version_id);

create table model_version_files (
    version_id bigint not null,
    -- below the root
    path text not null,
    size bigint not null,
    sha256 text not null,
    primary key (version_id, path)
) {clustered};

create index model_versions_by_logged_model on model_versions (model_uuid)
    where model_uuid <> '';
