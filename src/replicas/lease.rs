//! Which server does a job of the background.
//!
//! A lease is a row with an owner, a token that goes up with each new owner, and an end by the clock
//! of the database. Its owner renews it; the first server that finds it ended takes it. The token
//! fences the work: a transaction that begins with `Tenure::check` is committed only while no later
//! owner is there.
//!
//! Invariant: a renewal changes no key and a take-over locks the row, so that a transaction of the
//! owner holds up the take-over and never the renewal.

use crate::db::{Db, Insert, Lock, Tx, Value};
use crate::error::{Code, Error, Result};
use crate::metrics;
use crate::params;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a lease lasts that is not renewed.
const LASTS: Duration = Duration::from_secs(6);

/// The jobs that have one owner among all servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Task(&'static str);

impl Task {
    pub const FOLD: Task = Task("fold");
    pub const WATCH: Task = Task("watch");
    pub const RECLAIM: Task = Task("reclaim");
    pub const SIGN: Task = Task("sign");
    pub const DELIVER: Task = Task("deliver");
    pub const CLEAN: Task = Task("clean");
    pub const CHANGES: Task = Task("changes");
    pub const CONSUMERS: Task = Task("consumers");
    pub const AGED: Task = Task("aged");
    pub const READ_UPLOADS: Task = Task("read uploads");
    pub const SWEEP_UPLOADS: Task = Task("sweep uploads");

    /// All of them.
    pub const ALL: [Task; 11] = [
        Task::AGED,
        Task::CHANGES,
        Task::CLEAN,
        Task::CONSUMERS,
        Task::DELIVER,
        Task::FOLD,
        Task::READ_UPLOADS,
        Task::RECLAIM,
        Task::SIGN,
        Task::SWEEP_UPLOADS,
        Task::WATCH,
    ];

    /// Gives the name of the job.
    pub fn name(self) -> &'static str {
        self.0
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.0 == name)
    }
}

/// One server's time as the owner of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tenure {
    pub task: Task,
    /// Higher than that of each earlier owner.
    pub token: i64,
}

impl Tenure {
    /// Makes sure that the job still belongs to this owner, and stays so until the transaction ends.
    ///
    /// # Errors
    /// 409 when another server has it.
    pub fn check(self, tx: &mut Tx<'_>) -> Result<()> {
        let found = tx.query_locked(
            Lock::Pin,
            "select token from leases where name = $1 and token = $2",
            params![self.task.0, self.token],
            |_| Ok(()),
        )?;
        match found.is_empty() {
            false => Ok(()),
            true => Err(Error::new(
                Code::Conflict,
                format!(
                    "Another server has taken over the job '{}'; this one leaves it alone.",
                    self.task.0
                ),
            )),
        }
    }

    /// Runs `work` as one write transaction, if the job still belongs to this owner.
    ///
    /// # Errors
    /// What `work` and the database give; 409 when another server has the job.
    pub async fn write<T, F>(self, db: &Db, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        db.write(move |tx| {
            self.check(tx)?;
            work(tx)
        })
        .await
    }
}

/// The leases of this server; cheap to clone.
#[derive(Clone)]
pub struct Leases(Arc<Shared>);

struct Shared {
    db: Db,
    owner: String,
    figures: metrics::Leases,
    held: Mutex<BTreeMap<Task, Held>>,
}

#[derive(Clone, Copy)]
struct Held {
    token: i64,
    /// `None` where no other server can be.
    until: Option<Instant>,
}

impl Leases {
    /// Begins without any lease.
    pub fn new(db: Db, owner: String, figures: metrics::Leases) -> Self {
        // They are there from the start, so that the first change is seen as one.
        Task::ALL.iter().for_each(|task| figures.own(task.0, false));
        Self(Arc::new(Shared {
            db,
            owner,
            figures,
            held: Mutex::default(),
        }))
    }

    /// Gives the tenure of a job, if it belongs to this server now.
    pub fn tenure(&self, task: Task) -> Option<Tenure> {
        let held = self.0.held().get(&task).copied()?;
        let token = held.token;
        let lasts = held.until.is_none_or(|until| Instant::now() < until);
        lasts.then_some(Tenure { task, token })
    }

    /// Renews what this server has, and takes what nobody has.
    ///
    /// # Errors
    /// Those of the database; what could not be renewed ends by itself.
    pub async fn look(&self) -> Result<()> {
        let (shared, begun) = (self.0.clone(), Instant::now());
        let alone = !shared.db.is_shared();
        if alone && !shared.held().is_empty() {
            return Ok(());
        }
        let owner = shared.owner.clone();
        let read = shared.db.read(move |tx| is_work(tx, &owner));
        // Of several servers all but one find nothing to do, and write nothing.
        if !alone && !read.await? {
            shared.replace(BTreeMap::new());
            return Ok(());
        }
        let owner = shared.owner.clone();
        let write = move |tx: &mut Tx<'_>| match alone {
            true => take_all(tx, &owner),
            false => renew_and_take(tx, &owner),
        };
        let tokens = shared.db.write(write).await?;
        let until = (!alone).then(|| begun + LASTS);
        let held = tokens
            .into_iter()
            .map(|(task, token)| (task, Held { token, until }));
        shared.replace(held.collect());
        Ok(())
    }

    /// Gives every lease up, so that another server may take it at once.
    ///
    /// # Errors
    /// Those of the database; then the leases end by themselves.
    pub async fn release(&self) -> Result<()> {
        self.0.replace(BTreeMap::new());
        let owner = self.0.owner.clone();
        self.0
            .db
            .write(move |tx| {
                tx.execute(
                    "update leases set owner = '', expires_at = 0 where owner = $1",
                    params![&owner],
                )
            })
            .await?;
        Ok(())
    }
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, BTreeMap<Task, Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn replace(&self, new: BTreeMap<Task, Held>) {
        let mut held = self.held();
        let (mut taken, mut left) = (Vec::new(), Vec::new());
        for task in Task::ALL {
            let (before, after) = (held.get(&task), new.get(&task));
            if let Some(after) = after
                && before.is_none_or(|before| before.token != after.token)
            {
                taken.push(task.0);
                self.figures.taken(task.0);
            }
            if before.is_some() && after.is_none() {
                left.push(task.0);
            }
            self.figures.own(task.0, after.is_some());
        }
        *held = new;
        drop(held);
        if !taken.is_empty() {
            tracing::info!(jobs = taken.join(", "), "took jobs over");
        }
        if !left.is_empty() {
            tracing::info!(jobs = left.join(", "), "does jobs no more");
        }
    }
}

/// Says whether there is a lease to renew or to take.
fn is_work(tx: &mut Tx<'_>, owner: &str) -> Result<bool> {
    let now = tx.database_time()?;
    let others: i64 = tx.query_one(
        "select count(*) from leases where owner <> $1 and expires_at > $2",
        params![owner, now],
        |row| row.get(0),
    )?;
    Ok(others < Task::ALL.len() as i64)
}

type Tokens = Vec<(Task, i64)>;

fn renew_and_take(tx: &mut Tx<'_>, owner: &str) -> Result<Tokens> {
    ensure_rows(tx)?;
    let now = tx.database_time()?;
    let until = now + LASTS.as_millis() as i64;
    tx.send(
        "update leases set expires_at = $2 where owner = $1",
        params![owner, until],
    )?;
    let free = tx.query_locked(
        Lock::ChangeIfFree,
        "select name from leases where owner <> $1 and expires_at <= $2 order by name",
        params![owner, now],
        |row| row.get::<String>(0),
    )?;
    for name in free {
        tx.send(
            "update leases set owner = $2, token = token + 1, expires_at = $3 where name = $1",
            params![&name, owner, until],
        )?;
    }
    tokens(tx, owner)
}

/// Takes every lease, whoever had it: on a database that belongs to one server, its last start.
fn take_all(tx: &mut Tx<'_>, owner: &str) -> Result<Tokens> {
    ensure_rows(tx)?;
    tx.send(
        "update leases set owner = $1, token = token + 1, expires_at = $2",
        params![owner, i64::MAX],
    )?;
    tokens(tx, owner)
}

fn ensure_rows(tx: &mut Tx<'_>) -> Result<()> {
    let insert = Insert {
        table: "leases",
        columns: &["name", "owner", "token", "expires_at"],
        conflict: "on conflict do nothing",
    };
    let rows = Task::ALL.map(|task| {
        [
            Value::from(task.0),
            Value::from(""),
            Value::Int(0),
            Value::Int(0),
        ]
    });
    tx.send_many(&insert, rows)?;
    Ok(())
}

fn tokens(tx: &mut Tx<'_>, owner: &str) -> Result<Tokens> {
    let found: Vec<(String, i64)> = tx.query(
        "select name, token from leases where owner = $1 order by name limit 100",
        params![owner],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    // A later release of the server may know more jobs.
    let known = found
        .into_iter()
        .filter_map(|(name, token)| Some((Task::named(&name)?, token)));
    Ok(known.collect())
}
