//! Folds the segments of a run into blocks, one series per key, and short series into packs.
//!
//! A request appends one small segment, which is cheap to write and dear to read; folding turns
//! many of them into few compressed blocks. A series of few points would cost more as a row of its
//! own than its points do: such series of a run share the rows of a pack until they grow. Folding
//! changes how points are stored and never which points there are.
//!
//! Invariant: a series is in packs or in blocks, never in both.

use super::series::{self, Point, block, segment};
use crate::db::Tx;
use crate::error::Result;
use crate::params;
use std::collections::{BTreeMap, BTreeSet};

/// Segments folded in one transaction, so that other writers wait a few milliseconds at most.
const SEGMENTS: i64 = 256;
/// Runs listed at once.
const RUNS: i64 = 100;
/// Points of a series in a pack, at the most.
const PACKED_SERIES: usize = 128;
/// Points of all the packs of a run, about: a fold rewrites them all.
const PACKED_RUN: usize = 131_072;
/// Points of one row of a pack.
const PACKED_ROW: usize = 32_768;

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

/// The points of a run by the id of their key.
type Series = BTreeMap<i64, Vec<Point>>;

/// Folds the oldest segments of a run and gives how many they were.
pub fn fold(tx: &mut Tx<'_>, run_id: i64) -> Result<usize> {
    tx.lock("runs", &[run_id])?;
    let mut fresh = Series::new();
    let ids = tx.query(
        "select id, body from metric_segments where run_id = $1 order by id limit $2",
        params![run_id, SEGMENTS],
        |row| {
            gather(&mut fresh, &row.get::<Vec<u8>>(1)?)?;
            row.get::<i64>(0)
        },
    )?;
    let Some(last) = ids.last() else { return Ok(0) };
    let blocked = keys_with_blocks(tx, run_id)?;
    let mut short = Series::new();
    for (key_id, points) in fresh {
        if blocked.contains(&key_id) {
            fold_series(tx, run_id, key_id, points)?;
        } else {
            short.insert(key_id, points);
        }
    }
    if !short.is_empty() {
        pack(tx, run_id, short)?;
    }
    tx.send(
        "delete from metric_segments where run_id = $1 and id <= $2",
        params![run_id, *last],
    )?;
    Ok(ids.len())
}

fn gather(series: &mut Series, body: &[u8]) -> Result<()> {
    for keyed in segment::decode(body)? {
        series.entry(keyed.key_id).or_default().push(keyed.point);
    }
    Ok(())
}

fn keys_with_blocks(tx: &mut Tx<'_>, run_id: i64) -> Result<BTreeSet<i64>> {
    let keys = tx.query(
        "select distinct key_id from metric_blocks where run_id = $1 order by key_id",
        params![run_id],
        |row| row.get(0),
    )?;
    Ok(keys.into_iter().collect())
}

/// Adds series without blocks to the packs of a run; those that are long by now become blocks.
fn pack(tx: &mut Tx<'_>, run_id: i64, mut series: Series) -> Result<()> {
    tx.query(
        "select body from metric_packs where run_id = $1 order by id",
        params![run_id],
        |row| gather(&mut series, &row.get::<Vec<u8>>(0)?),
    )?;
    tx.send(
        "delete from metric_packs where run_id = $1",
        params![run_id],
    )?;
    let limit = (PACKED_RUN / series.len().max(1)).clamp(1, PACKED_SERIES);
    let mut packed = Vec::new();
    for (key_id, mut points) in series {
        series::merge(&mut points);
        if points.len() >= limit {
            fold_series(tx, run_id, key_id, points)?;
            continue;
        }
        packed.extend(
            points
                .into_iter()
                .map(|point| segment::KeyedPoint { key_id, point }),
        );
    }
    for row in packed.chunks(PACKED_ROW) {
        tx.send(
            "insert into metric_packs (run_id, body) values ($1, $2)",
            params![run_id, &segment::encode(row)],
        )?;
    }
    Ok(())
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
    tx.send(
        "delete from metric_blocks where run_id = $1 and key_id = $2 and number >= $3",
        params![run_id, key_id, first],
    )?;
    for (number, points) in (first..).zip(series::split(points)) {
        let last = points.last().map_or(0, |point| point.timestamp);
        tx.send(
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
