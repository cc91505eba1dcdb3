//! Requests that wait for the registry to change.
//!
//! However many wait, one task of the process looks at the history, five times a second and only
//! while somebody waits; it wakes them all, and those that follow the same thing share one reading
//! of it. It looks at the database and not at the process, so that changes which other servers on
//! the same database make are seen, too.

use crate::db::{Db, Tx};
use crate::error::{Error, Result};
use crate::params;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often the history is looked at while somebody waits.
const EVERY: Duration = Duration::from_millis(200);
/// Requests that wait at the same time.
const MAX_WAITING: usize = 10_000;
/// Readings for waiting requests at the same time: fewer than the database has readers, so that
/// other requests are not held up.
const MAX_READINGS: usize = 2;
/// How far behind the newest entry others may still appear: on a database with many writers the
/// entry with the lower id may be committed later.
const LATE_IDS: i64 = 1_000;

/// What is told to everybody who follows the same thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The HTTP status.
    pub status: u16,
    /// A quoted text that differs whenever the body does.
    pub etag: String,
    pub body: Vec<u8>,
    /// Headers that repeat parts of the body, by their names in lower case.
    pub headers: Vec<(&'static str, String)>,
    /// The version that was found.
    pub version: Option<i64>,
}

/// The place where requests wait; cheap to clone.
#[derive(Clone)]
pub struct Followers(Arc<Shared>);

struct Shared {
    db: Db,
    /// Counts the changes that were seen; the first look after a pause counts as one.
    rounds: watch::Sender<u64>,
    stop: CancellationToken,
    readings: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    waiting: usize,
    is_looking: bool,
    /// The round that `told` belongs to.
    round: u64,
    told: HashMap<String, Arc<OnceCell<Arc<Told>>>>,
}

impl Followers {
    pub fn new(db: Db) -> Self {
        Self(Arc::new(Shared {
            db,
            rounds: watch::Sender::new(0),
            stop: CancellationToken::new(),
            readings: Semaphore::new(MAX_READINGS),
            state: Mutex::default(),
        }))
    }

    /// Lets everybody who waits go, now and from now on.
    pub fn stop(&self) {
        self.0.stop.cancel();
    }

    /// Takes a place among those who wait. Whatever is read after this call, a later change of it
    /// ends the waiting.
    ///
    /// # Errors
    /// 503 when too many wait already.
    pub fn join(&self) -> Result<Place> {
        let rounds = self.0.rounds.subscribe();
        let mut state = self.0.state();
        if state.waiting >= MAX_WAITING {
            return Err(Error::unavailable(format!(
                "{MAX_WAITING} requests wait for a change already, which is the most. Ask again \
                 in a moment, or without waiting."
            )));
        }
        state.waiting += 1;
        if !state.is_looking {
            state.is_looking = true;
            tokio::spawn(look(self.0.clone()));
        }
        drop(state);
        Ok(Place {
            shared: self.0.clone(),
            rounds,
        })
    }

    /// Gives how many requests wait.
    pub fn waiting(&self) -> usize {
        self.0.state().waiting
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at the history until nobody waits any more.
async fn look(shared: Arc<Shared>) {
    // What was there before is not known, so that the first look counts as a change.
    let mut seen = None;
    loop {
        match shared.db.read(newest).await {
            Ok(now) if seen != Some(now) => {
                seen = Some(now);
                shared.rounds.send_modify(|round| *round += 1);
            }
            Ok(_) => {}
            Err(error) => tracing::debug!(%error, "the history of the registry cannot be read"),
        }
        tokio::time::sleep(EVERY).await;
        let mut state = shared.state();
        if state.waiting == 0 {
            state.is_looking = false;
            state.told.clear();
            return;
        }
    }
}

/// Gives what differs whenever an entry was added to the history: the newest id, and how many of
/// the last ids there are.
fn newest(tx: &mut Tx<'_>) -> Result<(i64, i64)> {
    let newest: i64 = tx.query_one(
        "select coalesce(max(id), 0) from registry_history",
        &[],
        |row| row.get(0),
    )?;
    let count = tx.query_one(
        "select count(*) from registry_history where id > $1",
        params![newest - LATE_IDS],
        |row| row.get(0),
    )?;
    Ok((newest, count))
}

/// Why the waiting ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The registry changed somewhere.
    Change,
    Timeout,
    /// The server is shutting down.
    Stop,
}

/// The place of one request that waits; it is given up when it is dropped.
pub struct Place {
    shared: Arc<Shared>,
    rounds: watch::Receiver<u64>,
}

impl Place {
    /// Waits until the registry changes, but no longer than until `deadline`.
    pub async fn wait(&mut self, deadline: Instant) -> End {
        tokio::select! {
            () = self.shared.stop.cancelled() => End::Stop,
            () = tokio::time::sleep_until(deadline) => End::Timeout,
            changed = self.rounds.changed() => match changed {
                Ok(()) => End::Change,
                Err(_) => End::Stop,
            },
        }
    }

    /// Gives what `read` gives, read once for everybody who follows `key` since the last change.
    pub async fn shared<F>(&self, key: &str, read: impl FnOnce() -> F) -> Result<Arc<Told>>
    where
        F: Future<Output = Result<Told>>,
    {
        let cell = self.cell(key);
        let told = cell.get_or_try_init(|| async {
            // The semaphore is never closed; without a permit the reading is only less polite.
            let _permit = self.shared.readings.acquire().await;
            read().await.map(Arc::new)
        });
        told.await.cloned()
    }

    fn cell(&self, key: &str) -> Arc<OnceCell<Arc<Told>>> {
        let round = *self.rounds.borrow();
        let mut state = self.shared.state();
        if state.round != round {
            state.round = round;
            state.told.clear();
        }
        state.told.entry(key.to_owned()).or_default().clone()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.shared.state().waiting -= 1;
    }
}
