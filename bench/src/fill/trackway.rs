//! Our own schema, filled in bulk.

use super::each_run;
use crate::data::Run;
use anyhow::Result;
use rusqlite::{Connection, params};
use std::collections::HashMap;
use trackway::tracking::series::Point;
use trackway::tracking::series::segment::{self, KeyedPoint};

/// Tables whose indexes are built after the rows.
const TABLES: &str = "('params', 'tags', 'latest_metrics', 'runs')";

/// Stores the runs in an experiment.
pub(super) fn fill(conn: &mut Connection, experiment: i64, runs: u64) -> Result<()> {
    let indexes = take_indexes(conn)?;
    let tx = conn.transaction()?;
    let keys = intern(&tx)?;
    let key = |name: &str| keys.get(name).copied().unwrap_or(0);
    {
        let mut run_row = tx.prepare(
            "insert into runs (uuid, experiment_id, name, user_id, status, start_time, end_time,
                 artifact_uri, lifecycle, written_at, staleness)
             values (?1, ?2, ?3, 'bench', 3, ?4, ?5, ?6, 1, ?5, 0)",
        )?;
        let pair = "(run_id, key_id, experiment_id, value) values (?1, ?2, ?3, ?4)";
        let mut param_row = tx.prepare(&format!("insert into params {pair}"))?;
        let mut tag_row = tx.prepare(&format!("insert into tags {pair}"))?;
        let mut latest_row = tx.prepare(
            "insert into latest_metrics
                 (run_id, key_id, experiment_id, value, is_nan, step, timestamp)
             values (?1, ?2, ?3, ?4, 0, 0, ?5)",
        )?;
        let mut pack_row = tx.prepare("insert into metric_packs (run_id, body) values (?1, ?2)")?;
        each_run(runs, |number| {
            let run = Run(number);
            let (uuid, start) = (run.uuid(), run.start_time());
            let uri = format!("mlflow-artifacts:/{experiment}/{uuid}/artifacts");
            run_row.execute(params![
                uuid,
                experiment,
                run.name(),
                start,
                run.end_time(),
                uri
            ])?;
            let id = tx.last_insert_rowid();
            for (name, value) in run.params() {
                param_row.execute(params![id, key(&name), experiment, value])?;
            }
            for (name, value) in run.tags() {
                tag_row.execute(params![id, key(&name), experiment, value])?;
            }
            let mut points = Vec::new();
            for (name, value) in run.metrics() {
                latest_row.execute(params![id, key(&name), experiment, value, start])?;
                let point = Point::new(start, 0, value);
                points.push(KeyedPoint {
                    key_id: key(&name),
                    point,
                });
            }
            pack_row.execute(params![id, segment::encode(&points)])?;
            Ok(())
        })?;
    }
    for index in indexes {
        tx.execute_batch(&index)?;
    }
    Ok(tx.commit()?)
}

/// Drops the indexes that are no constraints, and gives the statements that make them again.
fn take_indexes(conn: &Connection) -> Result<Vec<String>> {
    let sql = format!(
        "select name, sql from sqlite_schema
         where type = 'index' and sql is not null and tbl_name in {TABLES}"
    );
    let mut statement = conn.prepare(&sql)?;
    let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let indexes: Vec<(String, String)> = rows.collect::<rusqlite::Result<_>>()?;
    for (name, _) in &indexes {
        conn.execute_batch(&format!("drop index {name}"))?;
    }
    Ok(indexes.into_iter().map(|(_, sql)| sql).collect())
}

/// Stores the names of all params, tags and metrics, and gives their ids.
fn intern(conn: &Connection) -> Result<HashMap<String, i64>> {
    let run = Run(0);
    let pairs = run.params().into_iter().chain(run.tags());
    let names = pairs
        .map(|(name, _)| name)
        .chain(run.metrics().into_iter().map(|(name, _)| name));
    let mut keys = HashMap::new();
    for name in names {
        let sql = "insert into keys (name) values (?1) on conflict (name) do update set name = name
                   returning id";
        let id = conn.query_row(sql, [&name], |row| row.get(0))?;
        keys.insert(name, id);
    }
    Ok(keys)
}
