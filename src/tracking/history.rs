//! The history of a metric: folded blocks, packs and fresh segments, read as one sorted series.

use super::series::{self, Point, block, segment};
use super::{run, run::Run};
use crate::db::{Cursor, Tx, Value, placeholders};
use crate::error::Result;
use crate::params;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Points of one run in an interval sample, at the most.
pub const MAX_SAMPLE: usize = 2_500;
/// Points of a bulk answer, over all its runs.
pub const MAX_BULK: usize = 25_000;
/// Runs of a bulk or interval request.
pub const MAX_RUNS: usize = 100;

/// The metric of a run whose history is read.
#[derive(Debug, Clone, Copy)]
pub struct SeriesOf<'n> {
    pub run_uuid: &'n str,
    pub key: &'n str,
}

/// A page of a history in the order (timestamp, step, value), and the token of the next one.
#[derive(Debug, Default)]
pub struct Page {
    pub points: Vec<Point>,
    pub next: Option<String>,
}

/// Where a page ended: the last point it gave.
#[derive(Serialize, Deserialize)]
struct Position {
    timestamp: i64,
    step: i64,
    value: f64,
    is_nan: bool,
}

/// Reads a page of a metric's history; an unknown run or key is an empty history.
pub fn page(
    tx: &mut Tx<'_>,
    of: SeriesOf<'_>,
    limit: Option<usize>,
    token: Option<&str>,
) -> Result<Page> {
    let after = token
        .map(Cursor::decode::<Position>)
        .transpose()?
        .map(|position| Point {
            timestamp: position.timestamp,
            step: position.step,
            value: position.value,
            is_nan: position.is_nan,
        });
    let Some(series) = Series::find(tx, of)? else {
        return Ok(Page::default());
    };
    let mut points = series.read_after(tx, after, limit)?;
    let mut next = None;
    if let Some(limit) = limit
        && points.len() > limit
    {
        points.truncate(limit);
        next = points
            .last()
            .map(|last| {
                Cursor::encode(&Position {
                    timestamp: last.timestamp,
                    step: last.step,
                    value: last.value,
                    is_nan: last.is_nan,
                })
            })
            .transpose()?;
    }
    Ok(Page { points, next })
}

/// Reads the histories of several runs, sorted by run id and cut after `limit` points in all.
pub fn bulk(
    tx: &mut Tx<'_>,
    run_uuids: &[String],
    key: &str,
    limit: usize,
) -> Result<Vec<(Arc<str>, Point)>> {
    let mut sorted: Vec<&String> = run_uuids.iter().collect();
    sorted.sort();
    sorted.dedup();
    let mut found = Vec::new();
    for uuid in sorted {
        let left = limit - found.len();
        if left == 0 {
            break;
        }
        let page = page(
            tx,
            SeriesOf {
                run_uuid: uuid,
                key,
            },
            Some(left),
            None,
        )?;
        let uuid: Arc<str> = uuid.as_str().into();
        found.extend(page.points.into_iter().map(|point| (uuid.clone(), point)));
    }
    Ok(found)
}

/// Reads the whole histories of a run by the ids of their keys, each sorted; `None` for all keys.
///
/// What lies packed together is read once for all of them.
pub fn whole(
    tx: &mut Tx<'_>,
    run_id: i64,
    key_ids: Option<&[i64]>,
) -> Result<BTreeMap<i64, Vec<Point>>> {
    let mut found: BTreeMap<i64, Vec<Point>> = BTreeMap::new();
    let mut params = vec![Value::Int(run_id)];
    let of_keys = match key_ids {
        None => String::new(),
        Some([]) => return Ok(found),
        Some(ids) => {
            params.extend(ids.iter().map(|id| Value::Int(*id)));
            format!("and key_id in ({})", placeholders(2, ids.len()))
        }
    };
    let sql = format!(
        "select key_id, body from metric_blocks where run_id = $1 {of_keys}
         order by key_id, number"
    );
    tx.query(&sql, &params, |row| {
        block::decode(
            &row.get::<Vec<u8>>(1)?,
            found.entry(row.get(0)?).or_default(),
        )
    })?;
    // Blocks follow each other in order: only what is loose makes sorting necessary.
    let mut unsorted = BTreeSet::new();
    for table in ["metric_packs", "metric_segments"] {
        tx.query(
            &format!("select body from {table} where run_id = $1 order by id"),
            params![run_id],
            |row| {
                for keyed in segment::decode(&row.get::<Vec<u8>>(0)?)? {
                    if key_ids.is_none_or(|ids| ids.contains(&keyed.key_id)) {
                        found.entry(keyed.key_id).or_default().push(keyed.point);
                        unsorted.insert(keyed.key_id);
                    }
                }
                Ok(())
            },
        )?;
    }
    for key_id in unsorted {
        if let Some(points) = found.get_mut(&key_id) {
            series::merge(points);
        }
    }
    Ok(found)
}

/// Samples a run's history evenly over its points in the order (step, timestamp, value): the first
/// of each of `count` equal buckets, and always the last point.
///
/// `steps` are the first and the last step to look at. The buckets are those of SQL's `ntile`: as
/// equal as can be, the larger ones first.
pub fn sample(
    tx: &mut Tx<'_>,
    of: SeriesOf<'_>,
    count: usize,
    steps: Option<(i64, i64)>,
) -> Result<Vec<Point>> {
    let Some(series) = Series::find(tx, of)? else {
        return Ok(Vec::new());
    };
    let mut points = series.read_after(tx, None, None)?;
    if let Some((first, last)) = steps {
        points.retain(|point| (first..=last).contains(&point.step));
    }
    points.sort_unstable_by(by_step);
    Ok(pick_evenly(&points, count))
}

fn by_step(a: &Point, b: &Point) -> std::cmp::Ordering {
    (a.step, a.timestamp)
        .cmp(&(b.step, b.timestamp))
        .then_with(|| a.value.total_cmp(&b.value))
        .then_with(|| a.is_nan.cmp(&b.is_nan))
}

fn pick_evenly(points: &[Point], count: usize) -> Vec<Point> {
    let buckets = count.clamp(1, points.len().max(1));
    let (size, larger) = (points.len() / buckets, points.len() % buckets);
    let starts = (0..buckets).map(|bucket| bucket * size + bucket.min(larger));
    let mut picked: Vec<Point> = starts
        .filter_map(|start| points.get(start))
        .copied()
        .collect();
    if let (Some(last), Some(picked_last)) = (points.last(), picked.last().copied())
        && picked_last != *last
    {
        if picked.len() >= count {
            picked.pop();
        }
        picked.push(*last);
    }
    picked
}

/// One metric of one run.
struct Series {
    run: Run,
    key_id: i64,
}

impl Series {
    fn find(tx: &mut Tx<'_>, of: SeriesOf<'_>) -> Result<Option<Self>> {
        let Some(run) = run::find_optional(tx, of.run_uuid)? else {
            return Ok(None);
        };
        Ok(tx.find_key(of.key)?.map(|key_id| Self { run, key_id }))
    }

    /// Reads the points after `after`, sorted; with a limit at least one more than it, if there are.
    fn read_after(
        &self,
        tx: &mut Tx<'_>,
        after: Option<Point>,
        limit: Option<usize>,
    ) -> Result<Vec<Point>> {
        let mut loose = self.loose_points(tx)?;
        let later = |point: &Point| after.is_none_or(|after| *point > after);
        loose.retain(later);
        let from = after.map_or(i64::MIN, |after| after.timestamp);
        let numbers = tx.query(
            "select number from metric_blocks where run_id = $1 and key_id = $2
             and last_timestamp >= $3 order by number",
            params![self.run.id, self.key_id, from],
            |row| row.get::<i64>(0),
        )?;
        let mut points: Vec<Point> = Vec::new();
        for number in numbers {
            let start = points.len();
            self.read_block(tx, number, &mut points)?;
            if after.is_some() {
                let tail = points.split_off(start);
                points.extend(tail.into_iter().filter(later));
            }
            // Blocks follow each other in order, so that what is read is the start of the rest.
            if limit.is_some_and(|limit| points.len() > limit) {
                let end = points.last().copied();
                loose.retain(|point| end.is_none_or(|end| *point <= end));
                break;
            }
        }
        points.append(&mut loose);
        series::merge(&mut points);
        Ok(points)
    }

    /// Reads the points that are in no block: those of segments, and of the run's packs.
    fn loose_points(&self, tx: &mut Tx<'_>) -> Result<Vec<Point>> {
        let mut points = Vec::new();
        for table in ["metric_packs", "metric_segments"] {
            tx.query(
                &format!("select body from {table} where run_id = $1 order by id"),
                params![self.run.id],
                |row| segment::decode_key(&row.get::<Vec<u8>>(0)?, self.key_id, &mut points),
            )?;
        }
        Ok(points)
    }

    fn read_block(&self, tx: &mut Tx<'_>, number: i64, points: &mut Vec<Point>) -> Result<()> {
        tx.query(
            "select body from metric_blocks where run_id = $1 and key_id = $2 and number = $3",
            params![self.run.id, self.key_id, number],
            |row| block::decode(&row.get::<Vec<u8>>(0)?, points),
        )?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picked_steps(points: i64, count: usize) -> Vec<i64> {
        let points: Vec<_> = (0..points)
            .map(|step| Point::new(step, step, 0.0))
            .collect();
        pick_evenly(&points, count)
            .iter()
            .map(|point| point.step)
            .collect()
    }

    #[test]
    fn a_sample_has_the_first_point_of_each_bucket_and_the_last_point() {
        let check = |points, count, expected: &[i64]| {
            assert_eq!(
                picked_steps(points, count),
                expected,
                "{points} points, {count} buckets"
            );
        };
        check(0, 5, &[]);
        check(1, 5, &[0]);
        check(5, 5, &[0, 1, 2, 3, 4]);
        check(10, 3, &[0, 4, 9]);
        check(10, 1, &[9]);
        check(3, 10, &[0, 1, 2]);
    }
}
