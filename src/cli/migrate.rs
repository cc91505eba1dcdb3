//! `trackway migrate`: brings the database up to date, or says what is missing.

use super::{FAILED, Outcome, json};
use crate::config::{Config, Loaded};
use crate::db::{Db, MigrationReport, Options};
use crate::error::{Error, Result};
use serde_json::json;

pub(super) fn run(loaded: &Loaded, check: bool, as_json: bool) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Error::internal(format!("No runtime: {error}.")))?;
    let report = runtime.block_on(report(&loaded.config, check))?;
    let stdout = match as_json {
        true => json(&json!({
            "applied": report.applied,
            "newly_applied": report.newly_applied,
            "pending": report.pending,
        })),
        false => text(&report),
    };
    Ok(Outcome {
        exit: if report.pending.is_empty() { 0 } else { FAILED },
        stdout,
        ..Outcome::default()
    })
}

async fn report(config: &Config, check: bool) -> Result<MigrationReport> {
    let options = config.database_options()?;
    if let Options::Sqlite(options) = &options {
        if check && !options.path.exists() {
            return Err(Error::not_found(format!(
                "The database {} is not there. `trackway migrate` without --check creates it.",
                options.path.display()
            )));
        }
        if !check {
            config.prepare_data_dir()?;
        }
    }
    let db = Db::open(options).await?;
    let outcome = match check {
        true => db.migration_state().await,
        false => db.migrate().await,
    };
    db.close().await?;
    outcome
}

fn text(report: &MigrationReport) -> String {
    let lines = |verb: &str, steps: &[String]| -> String {
        steps
            .iter()
            .map(|step| format!("{verb} {step}\n"))
            .collect()
    };
    let changes = lines("applied", &report.newly_applied) + &lines("missing", &report.pending);
    let count = report.applied.len();
    match (report.pending.is_empty(), changes.is_empty()) {
        (true, true) => format!("The database is up to date, with {count} steps applied.\n"),
        (true, false) => format!("{changes}The database is up to date.\n"),
        (false, _) => format!("{changes}Run `trackway migrate` to apply what is missing.\n"),
    }
}
