//! The metrics of a run, each in one line.

use super::number::Num;
use crate::db::Tx;
use crate::error::Result;
use crate::params;
use crate::tracking::series::Point;
use crate::tracking::{curve, history, metric, run};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashMap;

/// The metrics of a run, by key.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RunMetrics {
    pub run_id: String,
    pub start_time: i64,
    pub metrics: Vec<MetricSummary>,
}

/// One metric from its first point to its last; the least and the largest are of finite values, and
/// the last value where there is none.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MetricSummary {
    pub key: String,
    /// The value of the largest step.
    pub last: Num,
    pub min: Num,
    pub max: Num,
    pub count: usize,
    /// Points whose value is NaN or infinite.
    pub nonfinite: usize,
    pub first_step: i64,
    pub last_step: i64,
    pub min_step: i64,
    pub max_step: i64,
    pub first_time: i64,
    pub last_time: i64,
    /// Whether it is a metric of the machine.
    pub system: bool,
}

/// Sums the metrics of a run up; an unknown run is a 404.
pub fn of_run(tx: &mut Tx<'_>, uuid: &str) -> Result<RunMetrics> {
    let run = run::find(tx, uuid)?;
    let histories = history::whole(tx, run.id, None)?;
    let names: HashMap<i64, String> = tx
        .query(
            "select k.id, k.name from latest_metrics m join keys k on k.id = m.key_id
             where m.run_id = $1 order by k.id",
            params![run.id],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .into_iter()
        .collect();
    let mut metrics: Vec<MetricSummary> = histories
        .iter()
        .filter_map(|(key_id, points)| summary(names.get(key_id)?, points))
        .collect();
    metrics.sort_by(|a, b| a.key.cmp(&b.key));
    Ok(RunMetrics {
        run_id: run.uuid,
        start_time: run.start_time,
        metrics,
    })
}

/// Sums a history up. It is in the order of time, in which the steps may go back.
fn summary(key: &str, points: &[Point]) -> Option<MetricSummary> {
    let (first, newest) = (points.first()?, points.last()?);
    let (mut last, mut first_step) = (first, first.step);
    let (mut least, mut most, mut nonfinite) = (None::<&Point>, None::<&Point>, 0);
    for point in points {
        first_step = first_step.min(point.step);
        if (point.step, point.timestamp) >= (last.step, last.timestamp) {
            last = point;
        }
        if !curve::value(point).is_finite() {
            nonfinite += 1;
            continue;
        }
        if least.is_none_or(|least| point.value.total_cmp(&least.value).is_lt()) {
            least = Some(point);
        }
        if most.is_none_or(|most| point.value.total_cmp(&most.value).is_ge()) {
            most = Some(point);
        }
    }
    let (least, most) = (least.unwrap_or(last), most.unwrap_or(last));
    Some(MetricSummary {
        key: key.to_owned(),
        last: Num::of(last),
        min: Num::of(least),
        max: Num::of(most),
        count: points.len(),
        nonfinite,
        first_step,
        last_step: last.step,
        min_step: least.step,
        max_step: most.step,
        first_time: first.timestamp,
        last_time: newest.timestamp,
        system: metric::is_system(key),
    })
}
