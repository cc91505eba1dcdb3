//! Folds the segments of a run into blocks, one series per key.
//!
//! A request appends one small segment, which is cheap to write and dear to read; folding turns
//! many of them into few compressed blocks. It changes how points are stored and never which
//! points there are.

use super::series::{self, Point, block, segment};
use crate::db::Tx;
use crate::error::Result;
use crate::params;
use std::collections::BTreeMap;

/// Segments folded in one transaction, so that other writers wait a few milliseconds at most.
const SEGMENTS: i64 = 256;
/// Runs listed at once.
const RUNS: i64 = 100;

/// Which runs are worth folding.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// A running run is folded when it has this many segments.
    pub segments: i64,
    /// A run that ended, or was last written to before this time in milliseconds, is folded whole.
    pub idle_since: i64,
}

/// Lists runs that are worth folding.
pub fn due(tx: &mut Tx<'_>, policy: Policy) -> Result<Vec<i64>> {
    tx.query(
        "select r.id
         from (select run_id, count(*) as segments from metric_segments group by run_id) s
         join runs r on r.id = s.run_id
         where s.segments >= $1 or r.status > 2 or r.written_at < $2
         order by r.id limit $3",
        params![policy.segments, policy.idle_since, RUNS],
        |row| row.get(0),
    )
}

/// Folds the oldest segments of a run and gives how many they were.
pub fn fold(tx: &mut Tx<'_>, run_id: i64) -> Result<usize> {
    tx.lock("runs", &[run_id])?;
    let mut fresh: BTreeMap<i64, Vec<Point>> = BTreeMap::new();
    let ids = tx.query(
        "select id, body from metric_segments where run_id = $1 order by id limit $2",
        params![run_id, SEGMENTS],
        |row| {
            for keyed in segment::decode(&row.get::<Vec<u8>>(1)?)? {
                fresh.entry(keyed.key_id).or_default().push(keyed.point);
            }
            row.get::<i64>(0)
        },
    )?;
    let Some(last) = ids.last() else { return Ok(0) };
    for (key_id, points) in fresh {
        fold_series(tx, run_id, key_id, points)?;
    }
    tx.execute(
        "delete from metric_segments where run_id = $1 and id <= $2",
        params![run_id, *last],
    )?;
    Ok(ids.len())
}

/// Merges points into the blocks of a series; blocks that they cannot touch stay as they are.
fn fold_series(tx: &mut Tx<'_>, run_id: i64, key_id: i64, mut points: Vec<Point>) -> Result<()> {
    let first = points
        .iter()
        .map(|point| point.timestamp)
        .min()
        .unwrap_or(i64::MIN);
    let (mut number, open) = tx.query_one(
        "select coalesce(min(number), -1), coalesce(min(points), 0) from metric_blocks
         where run_id = $1 and key_id = $2 and number = (
             select max(number) from metric_blocks where run_id = $1 and key_id = $2)",
        params![run_id, key_id],
        |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)),
    )?;
    // The last block is rewritten while it has room; a full one is left alone.
    if number < 0 || open >= block::MAX_POINTS as i64 {
        number += 1;
    }
    let touched = tx.query_one(
        "select coalesce(min(number), $4) from metric_blocks
         where run_id = $1 and key_id = $2 and last_timestamp >= $3",
        params![run_id, key_id, first, number],
        |row| row.get::<i64>(0),
    )?;
    let number = number.min(touched);
    tx.query(
        "select body from metric_blocks where run_id = $1 and key_id = $2 and number >= $3
         order by number",
        params![run_id, key_id, number],
        |row| block::decode(&row.get::<Vec<u8>>(0)?, &mut points),
    )?;
    series::merge(&mut points);
    store(tx, (run_id, key_id, number), &points)
}

/// Replaces the blocks of a series from `number` on.
fn store(tx: &mut Tx<'_>, from: (i64, i64, i64), points: &[Point]) -> Result<()> {
    let (run_id, key_id, first) = from;
    tx.execute(
        "delete from metric_blocks where run_id = $1 and key_id = $2 and number >= $3",
        params![run_id, key_id, first],
    )?;
    for (number, points) in (first..).zip(series::split(points)) {
        let last = points.last().map_or(0, |point| point.timestamp);
        tx.execute(
            "insert into metric_blocks (run_id, key_id, number, points, last_timestamp, body)
             values ($1, $2, $3, $4, $5, $6)",
            params![
                run_id,
                key_id,
                number,
                points.len() as i64,
                last,
                &block::encode(points)
            ],
        )?;
    }
    Ok(())
}
