//! How much work waits for the database, how much may, and what became of it.
//!
//! A place in a queue belongs to the work and not to the request: where the client leaves, work
//! that is queued still counts. It knows no driver.

use crate::error::{Code, Error, Result};
use crate::metrics;
use prometheus::IntGauge;

/// How much work may wait for the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Writes that wait or are carried out.
    pub writes: usize,
    /// Reads that wait for a connection.
    pub reads: usize,
}

/// The work of one database; cheap to clone.
#[derive(Clone)]
pub(super) struct Load {
    pub(super) figures: metrics::Database,
    pub(super) limits: Limits,
}

impl Load {
    pub(super) fn new(figures: metrics::Database) -> Self {
        let limits = Limits {
            writes: usize::MAX,
            reads: usize::MAX,
        };
        Self { figures, limits }
    }

    /// Takes a place among the writes.
    pub(super) fn queue_write(&self) -> Result<WritePlace> {
        if is_full(&self.figures.writes_pending, self.limits.writes) {
            self.figures.refused("writes");
            return Err(busy("write", "database.max_waiting_writes"));
        }
        Ok(WritePlace(Held::of(&self.figures.writes_pending)))
    }

    /// Takes a place among the reads.
    pub(super) fn queue_read(&self) -> Result<ReadPlace> {
        if is_full(&self.figures.reads_waiting, self.limits.reads) {
            self.figures.refused("reads");
            return Err(busy("read", "database.max_waiting_reads"));
        }
        Ok(ReadPlace {
            waiting: Held::of(&self.figures.reads_waiting),
            running: self.figures.reads_running.clone(),
        })
    }

    /// Counts a failure of the database; a refusal by a rule of the domain is none.
    pub(super) fn judge<T>(&self, outcome: Result<T>) -> Result<T> {
        if let Err(error) = &outcome {
            match error.code {
                Code::Unavailable => self.figures.failed("unavailable"),
                Code::Internal => self.figures.failed("internal"),
                _ => {}
            }
        }
        outcome
    }
}

/// The gauge may be passed by as many as ask in the same moment, which does no harm.
fn is_full(gauge: &IntGauge, limit: usize) -> bool {
    usize::try_from(gauge.get()).is_ok_and(|number| number >= limit)
}

fn busy(what: &str, key: &str) -> Error {
    Error::new(
        Code::TooManyRequests,
        format!(
            "Too many requests wait to {what}. Send the request again in a moment; {key} says how \
             many may wait."
        ),
    )
}

/// One more of a gauge, as long as it lives.
pub(super) struct Held(IntGauge);

impl Held {
    fn of(gauge: &IntGauge) -> Self {
        gauge.inc();
        Self(gauge.clone())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// The place of a write, until it is answered or given up.
pub(super) struct WritePlace(#[expect(dead_code, reason = "it counts while it lives")] Held);

impl WritePlace {
    /// Runs the work; it may be called again.
    pub(super) fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        work()
    }
}

/// The place of a read, which waits first and runs then.
pub(super) struct ReadPlace {
    waiting: Held,
    running: IntGauge,
}

impl ReadPlace {
    /// Runs the work.
    pub(super) fn run<T>(self, work: impl FnOnce() -> T) -> T {
        drop(self.waiting);
        let _running = Held::of(&self.running);
        work()
    }
}
