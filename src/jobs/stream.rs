//! Streams of what changes, for pages that are open.
//!
//! However many streams there are, one task of the process looks at the database, four times a
//! second and only while somebody listens, and tells them all. It looks at the database and not at
//! the process, so that changes which other servers on the same database make are seen, too. What it
//! tells is that something changed, never to what.

mod mark;
mod sight;

pub use mark::Mark;

use crate::ctx::Clock;
use crate::db::Db;
use crate::error::{Code, Error, Result};
use crate::tracking::change::{Kind, Trace};
use sight::Sight;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;

/// How often the database is looked at while somebody listens.
const EVERY: Duration = Duration::from_millis(250);
/// How long a new stream waits for the first look.
const PATIENCE: Duration = Duration::from_secs(20);
/// Streams at the same time.
pub const MAX_STREAMS: usize = 1_000;
/// Rounds that a stream may be behind before it is told to begin anew.
const ROUNDS: usize = 256;
/// How far behind the newest row others may still appear on a database with many writers, where the
/// row with the lower id may be committed later.
const LATE_IDS: i64 = 1_000;

/// What was seen in one look.
#[derive(Debug, Clone, Default)]
pub struct Round {
    pub mark: Mark,
    /// Of each experiment, its runs and what changed of them.
    pub runs: BTreeMap<i64, BTreeMap<String, BTreeSet<Kind>>>,
    /// Of each model, the kinds of its history.
    pub models: BTreeMap<String, BTreeSet<String>>,
    pub audit: bool,
    pub deliveries: bool,
    pub experiments: bool,
    /// Whether more changed than was looked at: everything may have.
    pub more: bool,
}

impl Round {
    fn is_empty(&self) -> bool {
        self.runs.is_empty()
            && self.models.is_empty()
            && !(self.audit || self.deliveries || self.experiments || self.more)
    }

    fn add(&mut self, trace: &Trace) {
        let of_experiment = self.runs.entry(trace.experiment_id).or_default();
        let kinds = of_experiment.entry(trace.run_uuid.clone()).or_default();
        kinds.insert(trace.kind);
    }
}

/// The place where streams listen; cheap to clone.
#[derive(Clone)]
pub struct Streams(Arc<Shared>);

struct Shared {
    db: Db,
    clock: Clock,
    stop: CancellationToken,
    rounds: broadcast::Sender<Arc<Round>>,
    /// Whether what changes from now on will be seen.
    is_seeing: watch::Sender<bool>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    listening: usize,
    is_looking: bool,
}

impl Streams {
    pub fn new(db: Db, clock: Clock) -> Self {
        Self(Arc::new(Shared {
            db,
            clock,
            stop: CancellationToken::new(),
            rounds: broadcast::Sender::new(ROUNDS),
            is_seeing: watch::Sender::new(false),
            state: Mutex::default(),
        }))
    }

    /// Ends every stream, now and from now on.
    pub fn stop(&self) {
        self.0.stop.cancel();
    }

    /// Takes a place among those who listen.
    ///
    /// # Errors
    /// 429 when too many listen already.
    pub fn join(&self) -> Result<Listener> {
        let mut state = self.0.state();
        if state.listening >= MAX_STREAMS {
            return Err(Error::new(
                Code::TooManyRequests,
                format!(
                    "{MAX_STREAMS} streams of events are open already, which is the most. Ask \
                     again in a moment, or look without a stream."
                ),
            ));
        }
        state.listening += 1;
        let rounds = self.0.rounds.subscribe();
        if !state.is_looking {
            state.is_looking = true;
            tokio::spawn(look(self.0.clone()));
        }
        drop(state);
        Ok(Listener {
            rounds,
            shared: self.0.clone(),
        })
    }

    /// Reads where everything stands: what is fetched from now on is not older.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn mark(&self) -> Result<Mark> {
        let at = self.0.clock.now();
        self.0.db.read(move |tx| mark::now(tx, at)).await
    }

    /// Reads what happened since a mark; `None` where that is not known any more.
    ///
    /// # Errors
    /// Those of the database.
    pub async fn since(&self, from: Mark) -> Result<Option<Round>> {
        let at = self.0.at();
        self.0.db.read(move |tx| sight::since(tx, from, at)).await
    }

    /// Gives how many streams are open.
    pub fn listening(&self) -> usize {
        self.0.state().listening
    }
}

impl Shared {
    /// Gives the time, and how far behind the newest row others may still appear.
    fn at(&self) -> (i64, i64) {
        let late = if self.db.is_shared() { LATE_IDS } else { 0 };
        (self.clock.now(), late)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at the database until nobody listens any more.
async fn look(shared: Arc<Shared>) {
    let mut sight: Option<Sight> = None;
    let mut lost = false;
    loop {
        let (before, at) = (sight.take(), shared.at());
        match shared.db.read(move |tx| Sight::next(tx, before, at)).await {
            Ok((next, mut round)) => {
                sight = Some(next);
                // What changed while nothing could be read is not known.
                round.more |= std::mem::take(&mut lost);
                if !round.is_empty() {
                    // Nobody may be listening any more.
                    let _ = shared.rounds.send(Arc::new(round));
                }
                shared.is_seeing.send_replace(true);
            }
            Err(error) => {
                tracing::debug!(%error, "changes cannot be looked for");
                lost = true;
            }
        }
        tokio::time::sleep(EVERY).await;
        let mut state = shared.state();
        if state.listening == 0 {
            state.is_looking = false;
            shared.is_seeing.send_replace(false);
            return;
        }
    }
}

/// What a listener hears.
#[derive(Debug)]
pub enum Heard {
    News(Arc<Round>),
    /// Too much happened to be told of one by one.
    Lost,
    /// The server is shutting down.
    Stop,
}

/// The place of one stream; it is given up when it is dropped.
pub struct Listener {
    shared: Arc<Shared>,
    rounds: broadcast::Receiver<Arc<Round>>,
}

impl Listener {
    /// Waits until whatever changes from then on will be heard.
    ///
    /// # Errors
    /// 503 when the database cannot be looked at for long.
    pub async fn ready(&self) -> Result<()> {
        let mut is_seeing = self.shared.is_seeing.subscribe();
        let seen = tokio::time::timeout(PATIENCE, is_seeing.wait_for(|seeing| *seeing)).await;
        match seen {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(_)) | Err(_) => Err(Error::unavailable(
                "The database cannot be looked at for changes now. Ask again in a moment.",
            )),
        }
    }

    /// Waits for the next news.
    pub async fn hear(&mut self) -> Heard {
        tokio::select! {
            () = self.shared.stop.cancelled() => Heard::Stop,
            heard = self.rounds.recv() => match heard {
                Ok(round) if round.more => Heard::Lost,
                Ok(round) => Heard::News(round),
                Err(broadcast::error::RecvError::Lagged(_)) => Heard::Lost,
                Err(broadcast::error::RecvError::Closed) => Heard::Stop,
            },
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.state().listening -= 1;
    }
}
