//! Reads on a standby of PostgreSQL, and whether it has what a client may know of.
//!
//! A read is answered there only when the standby has replayed everything that the primary had
//! written when the read came: whatever was acknowledged before, to whom and by which server ever, is
//! in it. Otherwise the caller reads at the primary. It never makes a read fail.

use super::session::{self, Session};
use super::{Postgres, PostgresOptions, joined, run};
use crate::db::Tx;
use crate::error::{Code, Error, Result};
use crate::metrics;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How long a read waits for a connection to the standby.
const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// How long a read waits for the standby to catch up, unless the last one waited in vain.
const CATCH_UP_WITHIN: Duration = Duration::from_millis(50);
/// The pause between two looks at how far it is.
const LOOK_EVERY: Duration = Duration::from_millis(3);
/// For how long a standby that failed is left alone.
const REST: Duration = Duration::from_secs(5);

/// Where the primary will write next; every commit that was acknowledged is before it.
const WRITTEN: &str = "select (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::bigint";
/// How far the standby is; null where it is none.
const REPLAYED: &str = "select case when pg_is_in_recovery()
    then (pg_last_wal_replay_lsn() - '0/0'::pg_lsn)::bigint end";

/// A standby and what is known of it.
pub(in crate::db) struct Standby {
    driver: Postgres,
    figures: metrics::Database,
    /// Where the primary was, and when that look began.
    written: tokio::sync::Mutex<Option<(Instant, i64)>>,
    rests_until: Mutex<Option<Instant>>,
    is_behind: AtomicBool,
}

/// What became of a read at the standby.
enum Tried<T> {
    Answered(Result<T>),
    Behind,
    Failed(Error),
}

impl Standby {
    /// Makes the pool; nothing is connected yet, since the server can do without it.
    pub(in crate::db) fn open(
        options: PostgresOptions,
        figures: metrics::Database,
    ) -> Result<Self> {
        let options = PostgresOptions {
            wait: CONNECT_WITHIN,
            ..options
        };
        Ok(Self {
            driver: Postgres::open(options, figures.clone())?,
            figures,
            written: tokio::sync::Mutex::default(),
            rests_until: Mutex::default(),
            is_behind: AtomicBool::new(false),
        })
    }

    /// Runs a read, if the standby has all that was written before this call; `None` sends the
    /// caller to the primary.
    pub(in crate::db) async fn read<T, F>(&self, primary: &Postgres, work: F) -> Option<Result<T>>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let tried = match self.rests() {
            true => Err(Error::unavailable("The standby failed a moment ago.")),
            false => self.attempt(primary, work).await,
        };
        match tried.unwrap_or_else(Tried::Failed) {
            Tried::Answered(answer) => {
                self.is_behind.store(false, Ordering::Relaxed);
                self.figures.read_at_standby("standby");
                Some(answer)
            }
            Tried::Behind => {
                self.is_behind.store(true, Ordering::Relaxed);
                self.figures.read_at_standby("behind");
                None
            }
            Tried::Failed(error) => {
                self.rest(&error);
                self.figures.read_at_standby("unavailable");
                None
            }
        }
    }

    async fn attempt<T, F>(&self, primary: &Postgres, work: F) -> Result<Tried<T>>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let written = self.written(primary).await?;
        let session = tokio::time::timeout(CONNECT_WITHIN, self.driver.session());
        let late = |_| Error::unavailable("The standby did not take a connection in time.");
        let session = session.await.map_err(late)??;
        let patience = match self.is_behind.load(Ordering::Relaxed) {
            true => Duration::ZERO,
            false => CATCH_UP_WITHIN,
        };
        let keys = self.driver.keys.clone();
        let task = move || {
            match has_replayed(&session, written, patience) {
                Ok(true) => {}
                outcome => {
                    session.end(outcome.is_ok());
                    return outcome.map(|_| Tried::Behind);
                }
            }
            let outcome = session
                .begin(session::BEGIN_READ)
                .and_then(|()| run(&session, &keys, work));
            let failure = session.end(false);
            Ok(match (outcome, failure) {
                // Among others a query that the standby's replay stood in the way of.
                (Err(_), Some(failure)) => Tried::Failed(failure.error),
                (Err(error), None) if error.code == Code::Internal => Tried::Failed(error),
                (Err(error), None) => Tried::Answered(Err(error)),
                (Ok((answer, hooks)), _) => {
                    hooks.into_iter().for_each(|hook| hook());
                    Tried::Answered(Ok(answer))
                }
            })
        };
        joined(tokio::task::spawn_blocking(task).await)
    }

    /// Says where the primary writes, looked up after this call began; callers at the same time
    /// share a look.
    async fn written(&self, primary: &Postgres) -> Result<i64> {
        let came = Instant::now();
        let mut last = self.written.lock().await;
        if let Some((_, written)) = last.filter(|(begun, _)| *begun >= came) {
            return Ok(written);
        }
        let begun = Instant::now();
        let look = |tx: &mut Tx<'_>| tx.query_one(WRITTEN, &[], |row| row.get(0));
        let written = primary.read(look).await?;
        *last = Some((begun, written));
        Ok(written)
    }

    fn rests(&self) -> bool {
        let until = self.rests_until.lock();
        let until = *until.unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn rest(&self, error: &Error) {
        let mut until = self
            .rests_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if until.is_none_or(|until| until <= now) {
            tracing::warn!(%error, "the standby cannot be read; its reads go to the primary");
            *until = Some(now + REST);
        }
    }

    /// Closes the connections as they come back.
    pub(in crate::db) fn close(&self) {
        self.driver.close();
    }
}

/// Waits until the standby has replayed up to `written`, but not for longer than `patience`.
///
/// Each look is a statement of its own: the read's snapshot is taken after the last of them.
fn has_replayed(session: &Session, written: i64, patience: Duration) -> Result<bool> {
    let deadline = Instant::now() + patience;
    loop {
        let replayed = session.query(REPLAYED, &[], |row| row.get::<Option<i64>>(0))?;
        let Some(replayed) = replayed.into_iter().next().flatten() else {
            return Err(Error::unavailable(
                "The database of database.read_url is no standby.",
            ));
        };
        if replayed >= written {
            return Ok(true);
        }
        if Instant::now() >= deadline {
            return Ok(false);
        }
        Handle::current().block_on(tokio::time::sleep(LOOK_EVERY));
    }
}
