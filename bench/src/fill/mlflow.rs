//! The schema of MLflow, which its relatives share but for some columns of their own.

use super::{ALIAS, MODELS, VERSIONS, each_run, model_name};
use crate::body::{FIRST_STEP, FIRST_TIMESTAMP, metric_name};
use crate::data::{FIRST_START, Run, value_of};
use crate::server::Kind;
use crate::workload::history::BATCH;
use anyhow::Result;
use rusqlite::{Connection, Transaction, TransactionBehavior, params};

/// Stores the runs in an experiment.
pub(super) fn fill(conn: &mut Connection, kind: Kind, experiment: i64, runs: u64) -> Result<()> {
    let tx = conn.transaction()?;
    insert(&tx, &Spelling::of(kind), experiment, runs)?;
    if kind == Kind::FastTrackMl {
        // It numbers the runs in the order of their creation.
        tx.execute_batch("update runs set row_num = rowid - 1")?;
    }
    Ok(tx.commit()?)
}

/// Where the schemas differ: more columns, and their values.
struct Spelling {
    param: &'static str,
    metric: (&'static str, &'static str),
    latest: (&'static str, &'static str),
}

impl Spelling {
    fn of(kind: Kind) -> Self {
        match kind {
            Kind::FastTrackMl => Self {
                param: "value_str",
                metric: (", iter, context_id", ", 1, 1"),
                latest: (", last_iter, context_id", ", 1, 1"),
            },
            _ => Self {
                param: "value",
                metric: ("", ""),
                latest: ("", ""),
            },
        }
    }
}

fn insert(tx: &Transaction<'_>, spelling: &Spelling, experiment: i64, runs: u64) -> Result<()> {
    let mut run_row = tx.prepare(
        "insert into runs (run_uuid, name, source_type, source_name, entry_point_name, user_id,
             status, start_time, end_time, source_version, lifecycle_stage, artifact_uri,
             experiment_id)
         values (?1, ?2, 'UNKNOWN', '', '', 'bench', 'FINISHED', ?3, ?4, '', 'active', ?5, ?6)",
    )?;
    let param = spelling.param;
    let mut param_row = tx.prepare(&format!(
        "insert into params (run_uuid, key, {param}) values (?1, ?2, ?3)"
    ))?;
    let mut tag_row = tx.prepare("insert into tags (run_uuid, key, value) values (?1, ?2, ?3)")?;
    let mut metric_row = tx.prepare(&metric("metrics", spelling.metric))?;
    let mut latest_row = tx.prepare(&metric("latest_metrics", spelling.latest))?;
    each_run(runs, |number| {
        let run = Run(number);
        let (uuid, start) = (run.uuid(), run.start_time());
        let uri = format!("mlflow-artifacts:/{experiment}/{uuid}/artifacts");
        run_row.execute(params![
            uuid,
            run.name(),
            start,
            run.end_time(),
            uri,
            experiment
        ])?;
        for (name, value) in run.params() {
            param_row.execute(params![uuid, name, value])?;
        }
        for (name, value) in run.tags() {
            tag_row.execute(params![uuid, name, value])?;
        }
        for (name, value) in run.metrics() {
            metric_row.execute(params![uuid, name, value, start, 0])?;
            latest_row.execute(params![uuid, name, value, start, 0])?;
        }
        Ok(())
    })
}

/// The statement that stores a point: run, name, value, timestamp, step.
fn metric(table: &str, (columns, values): (&str, &str)) -> String {
    format!(
        "insert into {table} (run_uuid, key, value, timestamp, step, is_nan{columns})
         values (?1, ?2, ?3, ?4, ?5, 0{values})"
    )
}

/// Stores the history of a metric.
pub(super) fn history(conn: &mut Connection, kind: Kind, run: &str, points: usize) -> Result<()> {
    let spelling = Spelling::of(kind);
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let mut row = tx.prepare(&metric("metrics", spelling.metric))?;
        let mut latest = tx.prepare(&metric("latest_metrics", spelling.latest))?;
        for number in 0..points {
            let value = value_of(0, (number % BATCH) as u64);
            let (at, step) = (FIRST_TIMESTAMP + number as i64, FIRST_STEP + number as i64);
            let point = params![run, metric_name(0), value, at, step];
            row.execute(point)?;
            if number + 1 == points {
                latest.execute(point)?;
            }
        }
    }
    Ok(tx.commit()?)
}

/// Stores the registry.
pub(super) fn register(conn: &mut Connection) -> Result<()> {
    let tx = conn.transaction()?;
    {
        let mut model_row = tx.prepare(
            "insert into registered_models (name, creation_time, last_updated_time, description)
             values (?1, ?2, ?2, '')",
        )?;
        let mut version_row = tx.prepare(
            "insert into model_versions (name, version, creation_time, last_updated_time,
                 description, user_id, current_stage, source, run_id, status, status_message,
                 run_link, storage_location)
             values (?1, ?2, ?3, ?3, '', null, 'None', 'mlflow-artifacts:/bench/model', '', 'READY',
                 null, '', 'mlflow-artifacts:/bench/model')",
        )?;
        let mut alias_row = tx.prepare(
            "insert into registered_model_aliases (name, alias, version) values (?1, ?2, 1)",
        )?;
        for number in 0..MODELS {
            let name = model_name(number);
            let at = FIRST_START + number as i64;
            model_row.execute(params![name, at])?;
            for version in 1..=VERSIONS as i64 {
                version_row.execute(params![name, version, at + version])?;
            }
            alias_row.execute(params![name, ALIAS])?;
        }
    }
    Ok(tx.commit()?)
}
