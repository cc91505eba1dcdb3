//! The writer thread of SQLite: group commit.
//!
//! It drains its queue into one transaction, commits once, and answers every job after that commit.
//! It never answers before.

use super::{GROUP_LIMIT, Message, run_plain};
use crate::db::tx::{self, CommitHook};
use crate::db::{KeyCache, Tx};
use crate::error::{Error, Result};
use crate::metrics;
use rusqlite::Connection;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::Receiver;
use std::time::Instant;
use tokio::sync::oneshot;

/// A write job as the writer thread sees it, whatever it answers with.
pub(super) trait Job: Send {
    /// Runs the job and says whether it succeeded.
    fn attempt(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Puts the failure of the transaction in place of a success.
    fn fail(&mut self, error: Error);
    fn answer(self: Box<Self>);
}

pub(super) struct TypedJob<T, F> {
    pub(super) work: F,
    pub(super) outcome: Option<Result<T>>,
    pub(super) reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Job for TypedJob<T, F>
where
    T: Send,
    F: Fn(&mut Tx<'_>) -> Result<T> + Send,
{
    fn attempt(&mut self, tx: &mut Tx<'_>) -> bool {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(tx))).unwrap_or_else(|_| {
            Err(Error::internal(
                "A write stopped unexpectedly; see the log.",
            ))
        });
        self.outcome.insert(outcome).is_ok()
    }

    fn fail(&mut self, error: Error) {
        if !matches!(self.outcome, Some(Err(_))) {
            self.outcome = Some(Err(error));
        }
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            // A failed send says that the client has gone; the write stands all the same.
            let _ = self.reply.send(outcome);
        }
    }
}

/// What the writer thread has.
pub(super) struct Writer {
    pub(super) conn: Connection,
    pub(super) keys: KeyCache,
    pub(super) figures: metrics::Database,
}

impl Writer {
    /// Works until it is told to close.
    pub(super) fn run(&self, queue: &Receiver<Message>) {
        while let Ok(first) = queue.recv() {
            let mut closing = false;
            let mut jobs = Vec::new();
            for message in std::iter::once(first).chain(queue.try_iter()) {
                match message {
                    Message::Job(job) => jobs.push(job),
                    Message::Close => closing = true,
                }
                if closing || jobs.len() >= GROUP_LIMIT {
                    break;
                }
            }
            let started = Instant::now();
            self.commit_group(&mut jobs);
            self.figures.committed(jobs.len(), started.elapsed());
            jobs.into_iter().for_each(Job::answer);
            if closing {
                return;
            }
        }
    }

    /// Commits the jobs together, or, when the shared transaction fails, each one alone: a job
    /// that fills the disk must not take the others with it.
    fn commit_group(&self, jobs: &mut [Box<dyn Job>]) {
        if jobs.len() > 1 {
            // A savepoint for each job copies every page that the job changes, so that the jobs are
            // first tried without. Few fail; then all begin again, as no effect is left of them.
            match self.commit(jobs, Guard::Transaction) {
                Ok(Group::Committed) => return,
                Ok(Group::Refused) if self.commit(jobs, Guard::Savepoints).is_ok() => return,
                _ => {}
            }
        }
        for job in jobs.chunks_mut(1) {
            if let Err(error) = self.commit(job, Guard::Transaction) {
                job.iter_mut().for_each(|job| job.fail(error.duplicate()));
            }
        }
    }

    fn commit(&self, jobs: &mut [Box<dyn Job>], guard: Guard) -> Result<Group> {
        run_plain(&self.conn, "begin immediate")?;
        let outcome = self.run_jobs(jobs, guard);
        let outcome = outcome.and_then(|hooks| {
            if hooks.is_some() {
                run_plain(&self.conn, "commit")?;
            }
            Ok(hooks)
        });
        if !self.conn.is_autocommit() {
            run_plain(&self.conn, "rollback")?;
        }
        let Some(hooks) = outcome? else {
            return Ok(Group::Refused);
        };
        hooks.into_iter().for_each(|hook| hook());
        Ok(Group::Committed)
    }

    /// Runs the jobs and gives what to do after the commit; `None` if there must be none.
    fn run_jobs(&self, jobs: &mut [Box<dyn Job>], guard: Guard) -> Result<Option<Vec<CommitHook>>> {
        let mut hooks = Vec::new();
        for job in jobs {
            if guard == Guard::Savepoints {
                run_plain(&self.conn, "savepoint job")?;
            }
            let mut tx = Tx::new(tx::Connection::Sqlite(&self.conn), &self.keys);
            if job.attempt(&mut tx) {
                hooks.extend(tx.into_hooks());
            } else if self.conn.is_autocommit() {
                // SQLite itself rolled the whole transaction back, as it does on a full disk.
                return Err(Error::unavailable(
                    "The database rolled the transaction back.",
                ));
            } else if guard == Guard::Transaction {
                return Ok(None);
            } else {
                run_plain(&self.conn, "rollback to job")?;
            }
            if guard == Guard::Savepoints {
                run_plain(&self.conn, "release job")?;
            }
        }
        Ok(Some(hooks))
    }
}

/// What undoes a job that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Guard {
    /// The rollback of the whole transaction.
    Transaction,
    /// A savepoint of its own; the others stand.
    Savepoints,
}

/// What became of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Committed,
    /// A job failed, and nothing was stored.
    Refused,
}
