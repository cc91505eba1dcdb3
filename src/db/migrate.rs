//! Schema steps: one portable file each, applied in order and never edited once released.
//!
//! Two words stand for what the databases spell differently: `{identity}` is an integer primary
//! key that the database numbers itself, `{clustered}` stores a table in the order of its key. On
//! PostgreSQL, texts are ordered and compared by their bytes, and bytes are stored as they are.
//!
//! Several servers may migrate one database at once: one does it, and the others wait for it.

use super::tx::Connection;
use super::{Tx, Value, statement};
use crate::error::Result;

const STEPS: &[(i64, &str, &str)] = &[
    (1, "init", include_str!("../../migrations/0001_init.sql")),
    (
        2,
        "registry",
        include_str!("../../migrations/0002_registry.sql"),
    ),
    (3, "audit", include_str!("../../migrations/0003_audit.sql")),
    (
        4,
        "webhooks",
        include_str!("../../migrations/0004_webhooks.sql"),
    ),
    (
        5,
        "manifests",
        include_str!("../../migrations/0005_manifests.sql"),
    ),
    (
        6,
        "version_facts",
        include_str!("../../migrations/0006_version_facts.sql"),
    ),
    (
        7,
        "consumers",
        include_str!("../../migrations/0007_consumers.sql"),
    ),
    (
        8,
        "uploads",
        include_str!("../../migrations/0008_uploads.sql"),
    ),
    (
        9,
        "replicas",
        include_str!("../../migrations/0009_replicas.sql"),
    ),
    (10, "views", include_str!("../../migrations/0010_views.sql")),
];

/// Which schema steps are applied and which are missing; after a migration none is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationReport {
    pub applied: Vec<String>,
    pub pending: Vec<String>,
    /// The steps that this call applied.
    pub newly_applied: Vec<String>,
}

/// Makes PostgreSQL's migrations wait for each other until the transaction ends; the number is ours.
const POSTGRES_ALONE: &str =
    "set local lock_timeout = 0; select pg_advisory_xact_lock(7235419866142377)";

/// `like` and `ilike` of `db::like`, as PostgreSQL does them: nothing escapes, A to Z alone are
/// folded, and of null nothing matches.
const POSTGRES_FUNCTIONS: &str = r#"
    create function matches_like(value text, pattern text) returns boolean
    language sql immutable parallel safe as
    $$ select coalesce(value collate "C" like pattern collate "C" escape '', false) $$;
    create function matches_ilike(value text, pattern text) returns boolean
    language sql immutable parallel safe as
    $$ select coalesce(lower(value collate "C") like lower(pattern collate "C") escape '', false) $$;
"#;

/// Has PostgreSQL store blocks as they are: they are packed already.
const POSTGRES_STORAGE: &str = r#"
    do $$ declare found record; begin
        for found in
            select a.attrelid::regclass as owner, a.attname from pg_attribute a
            join pg_class c on c.oid = a.attrelid
            where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace
                and a.atttypid = 'bytea'::regtype and a.attnum > 0 and a.attstorage <> 'e'
        loop
            execute format('alter table %s alter column %I set storage external',
                found.owner, found.attname);
        end loop;
    end $$;
"#;

pub(super) fn run(tx: &mut Tx<'_>) -> Result<MigrationReport> {
    let is_postgres = matches!(tx.connection(), Connection::Postgres(_));
    if is_postgres {
        tx.execute_script(POSTGRES_ALONE)?;
        if !exists(tx)? {
            tx.execute_script(POSTGRES_FUNCTIONS)?;
        }
    }
    tx.execute(
        &spell(
            tx,
            "create table if not exists schema_steps (
                 version bigint primary key, name text not null, applied_at bigint not null)",
        ),
        &[],
    )?;
    let applied = applied_versions(tx)?;
    let mut newly_applied = Vec::new();
    for (version, name, text) in STEPS.iter().filter(|step| !applied.contains(&step.0)) {
        tx.execute_script(&spell(tx, text))?;
        let now = statement::now();
        tx.execute(
            "insert into schema_steps (version, name, applied_at) values ($1, $2, $3)",
            &[Value::Int(*version), Value::from(*name), Value::Int(now)],
        )?;
        newly_applied.push(label(*version, name));
    }
    if is_postgres && !newly_applied.is_empty() {
        tx.execute_script(POSTGRES_STORAGE)?;
    }
    let mut report = state(tx)?;
    report.newly_applied = newly_applied;
    Ok(report)
}

pub(super) fn state(tx: &mut Tx<'_>) -> Result<MigrationReport> {
    let applied = match exists(tx)? {
        true => applied_versions(tx)?,
        false => Vec::new(),
    };
    let (done, missing): (Vec<_>, Vec<_>) = STEPS
        .iter()
        .partition(|(version, _, _)| applied.contains(version));
    let labels = |steps: Vec<&(i64, &str, &str)>| {
        steps
            .into_iter()
            .map(|(version, name, _)| label(*version, name))
            .collect()
    };
    Ok(MigrationReport {
        applied: labels(done),
        pending: labels(missing),
        newly_applied: Vec::new(),
    })
}

/// Says whether the database was ever migrated.
fn exists(tx: &mut Tx<'_>) -> Result<bool> {
    let sql = match tx.connection() {
        Connection::Sqlite(_) => {
            "select count(*) from sqlite_master where type = 'table' and name = 'schema_steps'"
        }
        Connection::Postgres(_) => {
            "select count(*) from pg_class where relkind = 'r' and relname = 'schema_steps'
                 and relnamespace = current_schema()::regnamespace"
        }
    };
    Ok(tx.query_one(sql, &[], |row| row.get::<i64>(0))? > 0)
}

fn applied_versions(tx: &mut Tx<'_>) -> Result<Vec<i64>> {
    tx.query(
        "select version from schema_steps order by version",
        &[],
        |row| row.get(0),
    )
}

fn label(version: i64, name: &str) -> String {
    format!("{version:04}_{name}")
}

fn spell(tx: &Tx<'_>, text: &str) -> String {
    match tx.connection() {
        Connection::Sqlite(_) => text
            .replace("{identity}", "integer primary key")
            .replace("{clustered}", "without rowid"),
        Connection::Postgres(_) => {
            let text = text
                .replace(
                    "{identity}",
                    "bigint generated by default as identity primary key",
                )
                .replace("{clustered}", "");
            text.lines().map(order_by_bytes).collect()
        }
    }
}

/// Gives a line of a schema step with its text columns ordered by bytes, whatever language the
/// database was created for.
fn order_by_bytes(line: &str) -> String {
    let (code, _comment) = line.split_once("--").unwrap_or((line, ""));
    let mut spelled = String::with_capacity(line.len() + 20);
    for (number, word) in code.split(' ').enumerate() {
        if number > 0 {
            spelled.push(' ');
        }
        match word.strip_prefix("text") {
            Some(end) if matches!(end, "" | "," | ")" | ");") => {
                spelled.push_str("text collate \"C\"");
                spelled.push_str(end);
            }
            _ => spelled.push_str(word),
        }
    }
    spelled.push('\n');
    spelled
}
