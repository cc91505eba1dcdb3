-- What was known of a version when it was created: one document, written once.
create table model_version_facts (
    version_id bigint primary key,
    -- JSON; its field `format` numbers its layout
    facts text not null,
    created_at bigint not null
) {clustered};
