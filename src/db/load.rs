//! How much work waits for the database, how much may, and what became of it.
//!
//! A place in a queue belongs to the work and not to the request: where the client leaves, work
//! that is queued still counts. It knows no driver.

use crate::error::{Code, Error, Result};
use crate::metrics;
use prometheus::IntGauge;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How long work waits for a place in a full queue before it is refused: the places go round in the
/// order of asking, so that a client that comes back is not passed by those that never left.
const PATIENCE: Duration = Duration::from_millis(500);

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
    /// The places of writes and of reads; `None` for work that is never refused.
    places: Option<(Arc<Semaphore>, Arc<Semaphore>)>,
}

impl Load {
    pub(super) fn new(figures: metrics::Database) -> Self {
        let places = None;
        Self { figures, places }
    }

    pub(super) fn limit(&mut self, limits: Limits) {
        let of = |limit: usize| Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS)));
        self.places = Some((of(limits.writes), of(limits.reads)));
    }

    /// Takes a place among the writes.
    pub(super) async fn queue_write(&self) -> Result<WritePlace> {
        let permit = match &self.places {
            Some((writes, _)) => Some(self.place(writes, "writes").await?),
            None => None,
        };
        Ok(WritePlace {
            _pending: Held::of(&self.figures.writes_pending),
            _permit: permit,
        })
    }

    /// Takes a place among the reads.
    pub(super) async fn queue_read(&self) -> Result<ReadPlace> {
        let permit = match &self.places {
            Some((_, reads)) => Some(self.place(reads, "reads").await?),
            None => None,
        };
        Ok(ReadPlace {
            waiting: Held::of(&self.figures.reads_waiting),
            permit,
            running: self.figures.reads_running.clone(),
        })
    }

    async fn place(
        &self,
        places: &Arc<Semaphore>,
        queue: &'static str,
    ) -> Result<OwnedSemaphorePermit> {
        if let Ok(permit) = places.clone().try_acquire_owned() {
            return Ok(permit);
        }
        let waited = tokio::time::timeout(PATIENCE, places.clone().acquire_owned()).await;
        let Ok(Ok(permit)) = waited else {
            self.figures.refused(queue);
            return Err(busy(queue));
        };
        Ok(permit)
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

fn busy(queue: &str) -> Error {
    Error::new(
        Code::TooManyRequests,
        format!(
            "Too many {queue} of the database wait. Send the request again in a moment; \
             database.max_waiting_{queue} says how many may wait."
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
pub(super) struct WritePlace {
    _pending: Held,
    _permit: Option<OwnedSemaphorePermit>,
}

/// The place of a read, which waits first and runs then.
pub(super) struct ReadPlace {
    waiting: Held,
    permit: Option<OwnedSemaphorePermit>,
    running: IntGauge,
}

impl ReadPlace {
    /// Begins the work, which waits no more, and runs as long as what is given lives.
    pub(super) fn run(self) -> Held {
        drop((self.waiting, self.permit));
        Held::of(&self.running)
    }
}
