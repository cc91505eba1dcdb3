//! Schema steps: one portable file each, applied in order and never edited once released.
//!
//! Two words stand for what the databases spell differently: `{identity}` is an integer primary
//! key that the database numbers itself, `{clustered}` stores a table in the order of its key.

use super::{Tx, Value};
use crate::error::Result;
use std::time::{SystemTime, UNIX_EPOCH};

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
];

/// Which schema steps are applied and which are missing; after a migration none is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationReport {
    pub applied: Vec<String>,
    pub pending: Vec<String>,
    /// The steps that this call applied.
    pub newly_applied: Vec<String>,
}

pub(super) fn run(tx: &mut Tx<'_>) -> Result<MigrationReport> {
    tx.execute(
        "create table if not exists schema_steps (
             version bigint primary key, name text not null, applied_at bigint not null)",
        &[],
    )?;
    let applied = applied_versions(tx)?;
    let mut newly_applied = Vec::new();
    for (version, name, text) in STEPS.iter().filter(|step| !applied.contains(&step.0)) {
        tx.execute_script(&spell(text))?;
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        tx.execute(
            "insert into schema_steps (version, name, applied_at) values ($1, $2, $3)",
            &[
                Value::Int(*version),
                Value::from(*name),
                Value::Int(now as i64),
            ],
        )?;
        newly_applied.push(label(*version, name));
    }
    let mut report = state(tx)?;
    report.newly_applied = newly_applied;
    Ok(report)
}

pub(super) fn state(tx: &mut Tx<'_>) -> Result<MigrationReport> {
    let exists = tx.query_optional(
        "select 1 from sqlite_master where type = 'table' and name = 'schema_steps'",
        &[],
        |_| Ok(()),
    )?;
    let applied = match exists {
        Some(()) => applied_versions(tx)?,
        None => Vec::new(),
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

fn spell(text: &str) -> String {
    text.replace("{identity}", "integer primary key")
        .replace("{clustered}", "without rowid")
}
