//! Runs that say they are running although nobody writes to them any more.
//!
//! Such a run gets a tag that says so, and is ended as killed where the operator wants that. The
//! next write takes both back: the server never ends a run for good.

use super::experiment::{Lifecycle, Pair};
use super::run::{self, Run, Staleness, Status};
use super::{change, tag};
use crate::ctx::Ctx;
use crate::db::{Lock, Tx};
use crate::error::Result;
use crate::params;

/// The tag of a stale run; its value says since when nothing was written.
pub const STALE_TAG: &str = "trackway.stale";
/// The tag of a run that the server ended; its value says why.
pub const ENDED_TAG: &str = "trackway.endedReason";
/// Runs that one transaction looks at.
const PAGE: i64 = 200;

/// When a silent run counts as stale and when it is ended, in milliseconds; 0 is never.
///
/// Either is found a few seconds later, by as much as the stored time of the last write may lag:
/// a run that was written to within the limit is never touched.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    pub stale_after_ms: i64,
    pub end_after_ms: i64,
}

/// Marks and ends silent runs, a page at a time, and gives how many it changed.
pub fn mark_silent(tx: &mut Tx<'_>, ctx: &Ctx, limits: Limits) -> Result<usize> {
    let mut changed = 0;
    if limits.end_after_ms > 0 {
        let before = ctx.now - limits.end_after_ms - run::TOUCH_EVERY_MS;
        for run in silent(tx, before, Staleness::Ended)? {
            end(tx, ctx, &run)?;
            changed += 1;
        }
    }
    if limits.stale_after_ms > 0 {
        let before = ctx.now - limits.stale_after_ms - run::TOUCH_EVERY_MS;
        for run in silent(tx, before, Staleness::Stale)? {
            set(
                tx,
                &run,
                STALE_TAG,
                &format!("nothing written since {}", utc(run.written_at)),
            )?;
            note(tx, &run, Staleness::Stale)?;
            changed += 1;
        }
    }
    Ok(changed)
}

fn silent(tx: &mut Tx<'_>, before: i64, below: Staleness) -> Result<Vec<Run>> {
    let sql = format!(
        "select {} from runs r where r.status = 1 and r.lifecycle = $1 and r.written_at < $2
             and r.staleness < $3 order by r.written_at, r.id limit {PAGE}",
        run::COLUMNS
    );
    // A run that somebody has right now is not silent.
    tx.query_locked(
        Lock::ChangeIfFree,
        &sql,
        params![Lifecycle::Active.number(), before, below as i64],
        run::from_row,
    )
}

fn end(tx: &mut Tx<'_>, ctx: &Ctx, run: &Run) -> Result<()> {
    let reason = format!(
        "ended by the server at {}: nothing was written since {}; a write revives the run",
        utc(ctx.now),
        utc(run.written_at)
    );
    set(tx, run, ENDED_TAG, &reason)?;
    tag::remove(tx, run, STALE_TAG)?;
    tx.send(
        "update runs set status = $2, end_time = $3 where id = $1",
        params![run.id, Status::Killed.number(), run.written_at],
    )?;
    note(tx, run, Staleness::Ended)
}

/// Takes back what was said of a silent run, as it is written to again.
pub fn revive(tx: &mut Tx<'_>, ctx: &Ctx, run: &mut Run) -> Result<()> {
    tag::remove(tx, run, STALE_TAG)?;
    tag::remove(tx, run, ENDED_TAG)?;
    if run.staleness == Staleness::Ended && run.status == Status::Killed {
        run.status = Status::Running;
        run.end_time = None;
    }
    run.staleness = Staleness::Live;
    run.written_at = ctx.now;
    tx.send(
        "update runs set status = $2, end_time = $3, staleness = 0, written_at = $4 where id = $1",
        params![run.id, run.status.number(), run.end_time, run.written_at],
    )?;
    change::mark(tx, run, change::Kind::Updated)
}

/// Notes a write that came as a file: an unknown or deleted run is none of its business.
pub fn note_write(tx: &mut Tx<'_>, ctx: &Ctx, run_uuid: &str) -> Result<()> {
    match run::find_optional(tx, run_uuid)? {
        Some(run) if run.lifecycle == Lifecycle::Active => run::open(tx, ctx, run_uuid).map(|_| ()),
        _ => Ok(()),
    }
}

fn set(tx: &mut Tx<'_>, run: &Run, key: &str, value: &str) -> Result<()> {
    tag::store(
        tx,
        run,
        &[Pair {
            key: key.into(),
            value: value.into(),
        }],
    )
}

fn note(tx: &mut Tx<'_>, run: &Run, staleness: Staleness) -> Result<()> {
    tx.send(
        "update runs set staleness = $2 where id = $1",
        params![run.id, staleness as i64],
    )?;
    change::mark(tx, run, change::Kind::Updated)
}

fn utc(milliseconds: i64) -> String {
    time::OffsetDateTime::from_unix_timestamp(milliseconds / 1000)
        .ok()
        .and_then(|time| {
            time.format(&time::format_description::well_known::Rfc3339)
                .ok()
        })
        .unwrap_or_else(|| format!("{milliseconds} ms"))
}
