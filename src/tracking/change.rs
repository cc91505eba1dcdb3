//! Traces of what changes in runs, so that pages that show them learn of it from whichever server.
//!
//! A trace says that something changed and never to what; whoever reads it looks again. It is
//! written in the transaction of the change.

use super::run::Run;
use crate::db::{Row, Tx};
use crate::error::{Error, Result};
use crate::params;

/// How often metrics leave a trace, in milliseconds for each run: a busy run would double its
/// writes otherwise. Whoever reads traces looks once more when this time is over.
pub const METRICS_EVERY_MS: i64 = 500;
/// Traces that are kept.
const KEPT: i64 = 100_000;

/// What changed; stored as 1 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Created = 1,
    /// The status, the end or the name.
    Updated = 2,
    Params = 3,
    Tags = 4,
    Metrics = 5,
    /// Datasets and models that went in or came out.
    Inputs = 6,
    Deleted = 7,
    Restored = 8,
}

impl Kind {
    /// All kinds with their names.
    const ALL: [(Kind, &'static str); 8] = [
        (Kind::Created, "created"),
        (Kind::Updated, "updated"),
        (Kind::Params, "params"),
        (Kind::Tags, "tags"),
        (Kind::Metrics, "metrics"),
        (Kind::Inputs, "inputs"),
        (Kind::Deleted, "deleted"),
        (Kind::Restored, "restored"),
    ];

    /// Gives the name of the kind.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(kind, _)| *kind == self);
        found.map_or("updated", |(_, name)| name)
    }

    fn from_number(number: i64) -> Result<Self> {
        let found = Self::ALL.iter().find(|(kind, _)| *kind as i64 == number);
        found.map(|(kind, _)| *kind).ok_or_else(|| {
            Error::internal("The database holds an unknown kind of change of a run.")
        })
    }
}

/// Leaves a trace.
pub fn mark(tx: &mut Tx<'_>, run: &Run, kind: Kind) -> Result<()> {
    tx.send(
        "insert into run_changes (run_id, experiment_id, kind) values ($1, $2, $3)",
        params![run.id, run.experiment_id, kind as i64],
    )?;
    Ok(())
}

/// Leaves a trace of metrics, unless there is a fresh one.
pub fn mark_metrics(tx: &mut Tx<'_>, run: &Run, now: i64) -> Result<()> {
    if (0..METRICS_EVERY_MS).contains(&now.saturating_sub(run.marked_at)) {
        return Ok(());
    }
    tx.send(
        "update runs set marked_at = $2 where id = $1",
        params![run.id, now],
    )?;
    mark(tx, run, Kind::Metrics)
}

/// A trace that was found.
#[derive(Debug, Clone)]
pub struct Trace {
    pub id: i64,
    pub run_uuid: String,
    pub experiment_id: i64,
    pub kind: Kind,
    /// When metrics of the run left a trace last, in milliseconds since 1970.
    pub marked_at: i64,
}

/// Reads traces with a larger id, the oldest first.
pub fn after(tx: &mut Tx<'_>, id: i64, limit: i64) -> Result<Vec<Trace>> {
    tx.query(
        "select c.id, r.uuid, c.experiment_id, c.kind, r.marked_at from run_changes c
         join runs r on r.id = c.run_id where c.id > $1 order by c.id limit $2",
        params![id, limit],
        from_row,
    )
}

fn from_row(row: &Row<'_>) -> Result<Trace> {
    Ok(Trace {
        id: row.get(0)?,
        run_uuid: row.get(1)?,
        experiment_id: row.get(2)?,
        kind: Kind::from_number(row.get(3)?)?,
        marked_at: row.get(4)?,
    })
}

/// Gives the ids of the oldest and of the newest trace; 0 where there is none.
pub fn bounds(tx: &mut Tx<'_>) -> Result<(i64, i64)> {
    tx.query_one(
        "select coalesce(min(id), 0), coalesce(max(id), 0) from run_changes",
        &[],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

/// Drops all but the newest traces, and says how many those were.
pub fn forget_old(tx: &mut Tx<'_>) -> Result<u64> {
    let (_, newest) = bounds(tx)?;
    tx.execute(
        "delete from run_changes where id <= $1",
        params![newest - KEPT],
    )
}
