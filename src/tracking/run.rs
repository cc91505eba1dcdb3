//! Runs: one execution of a training script, its state and its life.

use super::experiment::{self, Lifecycle, Pair};
use super::{change, tag};
use crate::artifacts::location;
use crate::audit::note::Change;
use crate::ctx::{Ctx, Ids};
use crate::db::{Lock, Row, Tx};
use crate::error::{Error, Result};
use crate::params;
use schemars::JsonSchema;
use serde_json::{Value as Json, json};

/// The tag that names a run; it always equals the run's name.
pub const NAME_TAG: &str = "mlflow.runName";
/// The tag of a nested run that names the run around it.
pub const PARENT_TAG: &str = "mlflow.parentRunId";
/// How stale the stored time of the last write may be, in milliseconds: one update saved for most
/// writes of a busy run.
pub const TOUCH_EVERY_MS: i64 = 5_000;

/// Where a run stands; stored as 1 to 5, as MLflow numbers them on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "UPPERCASE")]
pub enum Status {
    Running = 1,
    Scheduled = 2,
    Finished = 3,
    Failed = 4,
    Killed = 5,
}

impl Status {
    /// All statuses with their names.
    pub const ALL: [(Status, &'static str); 5] = [
        (Status::Running, "RUNNING"),
        (Status::Scheduled, "SCHEDULED"),
        (Status::Finished, "FINISHED"),
        (Status::Failed, "FAILED"),
        (Status::Killed, "KILLED"),
    ];

    pub fn number(self) -> i64 {
        self as i64
    }

    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(status, _)| *status == self)
            .map_or("RUNNING", |(_, name)| name)
    }

    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL
            .iter()
            .map(|(status, _)| *status)
            .find(|status| status.number() == number)
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL
            .iter()
            .find(|(_, other)| *other == name)
            .map(|(status, _)| *status)
    }
}

/// What the server thinks of a run that says it is running; stored as 0 to 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Staleness {
    /// Written to lately, or ended by its client.
    Live = 0,
    /// Not written to for long, and tagged so.
    Stale = 1,
    /// Ended by the server because nothing was written; the next write revives it.
    Ended = 2,
}

/// A run without what it recorded.
#[derive(Debug, Clone)]
pub struct Run {
    pub id: i64,
    pub uuid: String,
    pub experiment_id: i64,
    pub name: String,
    pub user_id: String,
    pub status: Status,
    pub start_time: i64,
    pub end_time: Option<i64>,
    pub artifact_uri: String,
    pub lifecycle: Lifecycle,
    pub written_at: i64,
    pub staleness: Staleness,
    /// When it was last said that metrics changed.
    pub marked_at: i64,
}

impl Run {
    /// What the audit log calls the run.
    pub fn object(&self) -> String {
        format!("run:{}", self.uuid)
    }

    /// Says whether the run has ended, so that what is written to it now is a late change.
    pub fn is_over(&self) -> bool {
        !matches!(self.status, Status::Running | Status::Scheduled)
    }

    fn state(&self) -> Json {
        json!({ "name": self.name, "status": self.status.name(), "end_time": self.end_time })
    }
}

/// The columns that `from_row` reads, for a query that calls the table `r`.
pub const COLUMNS: &str = "r.id, r.uuid, r.experiment_id, r.name, r.user_id, r.status, \
    r.start_time, r.end_time, r.artifact_uri, r.lifecycle, r.written_at, r.staleness, \
    r.marked_at";

/// Reads a run of a query that selects `COLUMNS` first.
pub fn from_row(row: &Row<'_>) -> Result<Run> {
    Ok(Run {
        id: row.get(0)?,
        uuid: row.get(1)?,
        experiment_id: row.get(2)?,
        name: row.get(3)?,
        user_id: row.get(4)?,
        status: Status::from_number(row.get(5)?)
            .ok_or_else(|| Error::internal("The database holds an unknown run status."))?,
        start_time: row.get(6)?,
        end_time: row.get(7)?,
        artifact_uri: row.get(8)?,
        lifecycle: Lifecycle::from_number(row.get(9)?),
        written_at: row.get(10)?,
        staleness: match row.get::<i64>(11)? {
            0 => Staleness::Live,
            1 => Staleness::Stale,
            _ => Staleness::Ended,
        },
        marked_at: row.get(12)?,
    })
}

/// A checked request for a new run.
#[derive(Debug, Clone)]
pub struct NewRun {
    pub experiment_id: i64,
    pub user_id: String,
    pub start_time: i64,
    /// Empty for a name that the server makes up.
    pub name: String,
    pub tags: Vec<Pair>,
}

/// Creates a run and gives it with its tags, in the order of the request.
pub fn create(tx: &mut Tx<'_>, ctx: &Ctx, ids: &Ids, new: &NewRun) -> Result<(Run, Vec<Pair>)> {
    // The experiment is not deleted, with its runs, before this one is there.
    let experiment = experiment::find_active_locked(tx, new.experiment_id, Lock::Hold)?;
    let mut tags = new.tags.clone();
    let tagged = tags
        .iter()
        .find(|tag| tag.key == NAME_TAG)
        .map(|tag| tag.value.clone());
    let name = match (new.name.as_str(), tagged.as_deref().unwrap_or("")) {
        ("", "") => ids.name(),
        ("", name) | (name, "") => name.to_owned(),
        (name, tag) if name == tag => name.to_owned(),
        (name, tag) => {
            return Err(Error::invalid(format!(
                "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with \
                 different values (run_name='{name}', mlflow.runName='{tag}')."
            )));
        }
    };
    match tags.iter_mut().find(|tag| tag.key == NAME_TAG) {
        Some(tag) => tag.value.clone_from(&name),
        None => tags.push(Pair {
            key: NAME_TAG.into(),
            value: name.clone(),
        }),
    }
    let uuid = ids.next();
    let mut run = Run {
        id: 0,
        artifact_uri: location::of_run(&experiment.artifact_location, &uuid)?,
        uuid,
        experiment_id: experiment.id,
        name,
        user_id: new.user_id.clone(),
        status: Status::Running,
        start_time: new.start_time,
        end_time: None,
        lifecycle: Lifecycle::Active,
        written_at: ctx.now,
        staleness: Staleness::Live,
        marked_at: 0,
    };
    run.id = insert(tx, &run)?;
    change::mark(tx, &run, change::Kind::Created)?;
    tag::store(tx, &run, &tags)?;
    Change::of(&run.object(), "run_created")
        .after(json!({ "name": run.name, "experiment_id": run.experiment_id.to_string() }))
        .note(tx);
    Ok((run, tags))
}

fn insert(tx: &mut Tx<'_>, run: &Run) -> Result<i64> {
    tx.query_one(
        "insert into runs (uuid, experiment_id, name, user_id, status, start_time, artifact_uri,
             lifecycle, written_at, staleness)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, 0) returning id",
        params![
            &run.uuid,
            run.experiment_id,
            &run.name,
            &run.user_id,
            run.status.number(),
            run.start_time,
            &run.artifact_uri,
            run.lifecycle.number(),
            run.written_at,
        ],
        |row| row.get(0),
    )
}

/// Finds a run, be it deleted; an unknown id is a 404.
pub fn find(tx: &mut Tx<'_>, uuid: &str) -> Result<Run> {
    find_optional(tx, uuid)?
        .ok_or_else(|| Error::not_found(format!("Run with id={uuid} not found")))
}

/// Finds a run, be it deleted, or nothing.
pub fn find_optional(tx: &mut Tx<'_>, uuid: &str) -> Result<Option<Run>> {
    let sql = format!("select {COLUMNS} from runs r where r.uuid = $1");
    tx.query_optional(&sql, params![uuid], from_row)
}

/// Says whether there is such a run, it is not deleted, and it has not ended.
pub fn is_under_way(tx: &mut Tx<'_>, uuid: &str) -> Result<bool> {
    let run = find_optional(tx, uuid)?;
    Ok(run.is_some_and(|run| !run.is_over() && run.lifecycle == Lifecycle::Active))
}

/// Finds a run as `find` does, and locks it.
pub fn find_locked(tx: &mut Tx<'_>, uuid: &str, lock: Lock) -> Result<Run> {
    let sql = format!("select {COLUMNS} from runs r where r.uuid = $1");
    tx.query_locked(lock, &sql, params![uuid], from_row)?
        .pop()
        .ok_or_else(|| Error::not_found(format!("Run with id={uuid} not found")))
}

/// Finds a run that is about to be written to: locks it, refuses a deleted one, and notes the time
/// of the write. A run that the server ended for lack of writes runs again.
pub fn open(tx: &mut Tx<'_>, ctx: &Ctx, uuid: &str) -> Result<Run> {
    let mut run = find_locked(tx, uuid, Lock::Change)?;
    if run.lifecycle != Lifecycle::Active {
        return Err(Error::invalid(format!(
            "The run {uuid} must be in the 'active' state. Current state is deleted."
        )));
    }
    if run.staleness != Staleness::Live {
        super::watch::revive(tx, ctx, &mut run)?;
    } else if ctx.now - run.written_at >= TOUCH_EVERY_MS {
        tx.send(
            "update runs set written_at = $2 where id = $1",
            params![run.id, ctx.now],
        )?;
    }
    Ok(run)
}

/// What an update of a run changes; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct Update {
    pub status: Option<Status>,
    pub end_time: Option<i64>,
    pub name: Option<String>,
}

/// Updates an active run and gives it as it is then.
pub fn update(tx: &mut Tx<'_>, ctx: &Ctx, uuid: &str, update: &Update) -> Result<Run> {
    let mut run = open(tx, ctx, uuid)?;
    let before = run.state();
    run.status = update.status.unwrap_or(run.status);
    run.end_time = update.end_time.or(run.end_time);
    tx.send(
        "update runs set status = $2, end_time = $3, written_at = $4 where id = $1",
        params![run.id, run.status.number(), run.end_time, ctx.now],
    )?;
    if let Some(name) = update.name.as_deref().filter(|name| !name.is_empty()) {
        let tag = Pair {
            key: NAME_TAG.into(),
            value: name.to_owned(),
        };
        tag::store(tx, &run, &[tag])?;
        run.name = name.to_owned();
    }
    let after = run.state();
    if before != after {
        change::mark(tx, &run, change::Kind::Updated)?;
        Change::of(&run.object(), "run_updated")
            .before(before)
            .after(after)
            .note(tx);
    }
    Ok(run)
}

/// Marks a run as deleted, again if it already is.
pub fn delete(tx: &mut Tx<'_>, uuid: &str) -> Result<()> {
    change_lifecycle(tx, uuid, Lifecycle::Deleted)
}

/// Revives a run, again if it is active.
pub fn restore(tx: &mut Tx<'_>, uuid: &str) -> Result<()> {
    change_lifecycle(tx, uuid, Lifecycle::Active)
}

fn change_lifecycle(tx: &mut Tx<'_>, uuid: &str, to: Lifecycle) -> Result<()> {
    let run = find_locked(tx, uuid, Lock::Change)?;
    tx.send(
        "update runs set lifecycle = $2 where id = $1",
        params![run.id, to.number()],
    )?;
    if run.lifecycle != to {
        let (change, kind) = match to {
            Lifecycle::Active => ("run_restored", change::Kind::Restored),
            Lifecycle::Deleted => ("run_deleted", change::Kind::Deleted),
        };
        change::mark(tx, &run, kind)?;
        Change::of(&run.object(), change).note(tx);
    }
    Ok(())
}
