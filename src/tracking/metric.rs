//! Metrics of runs: each write appends one segment and keeps the latest value of each key.

use super::run::Run;
use super::series::{Point, segment};
use super::{change, logged_model};
use crate::ctx::Ctx;
use crate::db::{Insert, Tx, Value};
use crate::error::Result;
use crate::params;
use std::collections::BTreeMap;

/// One checked point of a metric.
#[derive(Debug, Clone)]
pub struct Metric {
    pub key: String,
    pub point: Point,
    /// The logged model and the dataset that the value also counts for.
    pub model: Option<Box<ModelLink>>,
}

/// The logged model that a metric belongs to, beside the run.
#[derive(Debug, Clone)]
pub struct ModelLink {
    pub model_uuid: String,
    pub dataset_name: Option<String>,
    pub dataset_digest: Option<String>,
}

/// Says whether a metric is one of the machine rather than of the training, by its name.
pub fn is_system(key: &str) -> bool {
    key.starts_with("system/")
}

/// Appends metrics to a run that was opened for writing.
pub fn append(tx: &mut Tx<'_>, ctx: &Ctx, run: &Run, metrics: &[Metric]) -> Result<()> {
    if metrics.is_empty() {
        return Ok(());
    }
    let keys: Vec<&str> = metrics.iter().map(|metric| metric.key.as_str()).collect();
    let points: Vec<segment::KeyedPoint> = tx
        .intern_keys(&keys)?
        .into_iter()
        .zip(metrics)
        .map(|(key_id, metric)| segment::KeyedPoint {
            key_id,
            point: metric.point,
        })
        .collect();
    let body = segment::encode(&points);
    tx.send(
        "insert into metric_segments (run_id, body) values ($1, $2)",
        params![run.id, &body],
    )?;
    change::mark_metrics(tx, run, ctx.now)?;
    keep_latest(tx, run, &points)?;
    logged_model::append_metrics(tx, run, metrics)
}

/// Keeps the largest point of each key by (step, timestamp, value); a NaN counts as 0.
fn keep_latest(tx: &mut Tx<'_>, run: &Run, points: &[segment::KeyedPoint]) -> Result<()> {
    let mut latest: BTreeMap<i64, Point> = BTreeMap::new();
    for keyed in points {
        let newest = latest.entry(keyed.key_id).or_insert(keyed.point);
        if recency(&keyed.point) > recency(newest) {
            *newest = keyed.point;
        }
    }
    let insert = Insert {
        table: "latest_metrics",
        columns: &[
            "run_id",
            "key_id",
            "experiment_id",
            "value",
            "is_nan",
            "step",
            "timestamp",
        ],
        conflict: "on conflict (run_id, key_id) do update set value = excluded.value,
             is_nan = excluded.is_nan, step = excluded.step, timestamp = excluded.timestamp
             where (excluded.step, excluded.timestamp, excluded.value)
                 > (latest_metrics.step, latest_metrics.timestamp, latest_metrics.value)",
    };
    tx.send_many(
        &insert,
        latest.into_iter().map(|(key_id, point)| {
            [
                Value::Int(run.id),
                Value::Int(key_id),
                Value::Int(run.experiment_id),
                Value::Real(point.value),
                Value::Bool(point.is_nan),
                Value::Int(point.step),
                Value::Int(point.timestamp),
            ]
        }),
    )?;
    Ok(())
}

fn recency(point: &Point) -> (i64, i64, f64) {
    (point.step, point.timestamp, point.value)
}
