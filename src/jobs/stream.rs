//! Streams of what changes, for pages that are open.
//!
//! However many streams there are, one task of the process looks at the database, four times a
//! second and only while somebody listens, and tells them all. It looks at the database and not at
//! the process, so that changes which other servers on the same database make are seen, too. What it
//! tells is that something changed, never to what.

use crate::db::{Db, Tx};
use crate::error::{Code, Error, Result};
use crate::params;
use crate::tracking::change::{self, Kind, METRICS_EVERY_MS, Trace};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How often the database is looked at while somebody listens.
const EVERY: Duration = Duration::from_millis(250);
/// How long a new stream waits for the first look.
const PATIENCE: Duration = Duration::from_secs(20);
/// Streams at the same time.
pub const MAX_STREAMS: usize = 1_000;
/// Rounds that a stream may be behind before it is told to begin anew.
const ROUNDS: usize = 256;
/// Traces that are read in one look.
const MAX_TRACES: i64 = 5_000;
/// How far behind the newest row others may still appear: on a database with many writers the row
/// with the lower id may be committed later.
const LATE_IDS: i64 = 1_000;

/// Where everything stands: what a stream was told of, and goes on from after a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// The newest trace of a run.
    pub runs: i64,
    /// The newest entry of the registry's history.
    pub history: i64,
    /// Entries of the audit log.
    pub audit: i64,
    /// The newest delivery, and the newest attempt at one.
    pub deliveries: (i64, i64),
    /// What differs whenever an experiment is created, changed or deleted.
    pub experiments: (i64, i64),
}

impl Mark {
    /// Writes the mark as the id of an event.
    pub fn id(&self) -> String {
        format!(
            "{}.{}.{}.{}.{}.{}.{}",
            self.runs,
            self.history,
            self.audit,
            self.deliveries.0,
            self.deliveries.1,
            self.experiments.0,
            self.experiments.1
        )
    }

    /// Reads what `id` wrote.
    pub fn parse(id: &str) -> Option<Self> {
        let numbers: Vec<i64> = id
            .split('.')
            .map(|part| part.parse().ok())
            .collect::<Option<_>>()?;
        let [runs, history, audit, a, b, c, d] = numbers.try_into().ok()?;
        Some(Self {
            runs,
            history,
            audit,
            deliveries: (a, b),
            experiments: (c, d),
        })
    }
}

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
    pub fn new(db: Db) -> Self {
        Self(Arc::new(Shared {
            db,
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

    /// Gives how many streams are open.
    pub fn listening(&self) -> usize {
        self.0.state().listening
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at the database until nobody listens any more.
async fn look(shared: Arc<Shared>) {
    let mut sight: Option<Sight> = None;
    let mut lost = false;
    loop {
        let before = sight.take();
        match shared.db.read(move |tx| Sight::next(tx, before)).await {
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

/// What the task has seen so far.
struct Sight {
    mark: Mark,
    /// Late rows that were told of already: ids of traces and of the history.
    traces: BTreeSet<i64>,
    entries: BTreeSet<i64>,
    /// When to tell once more of a run whose metrics left a trace.
    again: HashMap<(i64, String), Instant>,
}

impl Sight {
    /// Looks for the first time, or for what is new since.
    fn next(tx: &mut Tx<'_>, before: Option<Self>) -> Result<(Self, Round)> {
        let mark = now(tx)?;
        let Some(mut sight) = before else {
            let mut sight = Self {
                mark,
                traces: BTreeSet::new(),
                entries: BTreeSet::new(),
                again: HashMap::new(),
            };
            // What is there already is no news, however late it came.
            let late = change::after(tx, mark.runs - LATE_IDS, LATE_IDS)?;
            sight.traces.extend(late.iter().map(|trace| trace.id));
            sight.entries.extend(
                entries(tx, mark.history - LATE_IDS)?
                    .iter()
                    .map(|entry| entry.0),
            );
            return Ok((
                sight,
                Round {
                    mark,
                    ..Round::default()
                },
            ));
        };
        let mut round = sight.differences(mark);
        let traces = change::after(tx, sight.mark.runs - LATE_IDS, LATE_IDS + MAX_TRACES)?;
        round.more = traces.len() as i64 == LATE_IDS + MAX_TRACES;
        for trace in traces {
            if sight.traces.insert(trace.id) {
                round.add(&trace);
                sight.later(&trace);
            }
        }
        for (id, model, kind) in entries(tx, sight.mark.history - LATE_IDS)? {
            if sight.entries.insert(id) {
                round.models.entry(model).or_default().insert(kind);
            }
        }
        sight.due(&mut round);
        sight.mark = mark;
        sight.traces = sight.traces.split_off(&(mark.runs - LATE_IDS));
        sight.entries = sight.entries.split_off(&(mark.history - LATE_IDS));
        round.mark = mark;
        Ok((sight, round))
    }

    fn differences(&self, mark: Mark) -> Round {
        Round {
            audit: mark.audit != self.mark.audit,
            deliveries: mark.deliveries != self.mark.deliveries,
            experiments: mark.experiments != self.mark.experiments,
            ..Round::default()
        }
    }

    /// Remembers to tell of metrics once more: what comes soon after a trace leaves none.
    fn later(&mut self, trace: &Trace) {
        if trace.kind == Kind::Metrics {
            let pause = Duration::from_millis(METRICS_EVERY_MS.unsigned_abs());
            let run = (trace.experiment_id, trace.run_uuid.clone());
            self.again.insert(run, Instant::now() + pause);
        }
    }

    fn due(&mut self, round: &mut Round) {
        let now = Instant::now();
        self.again.retain(|(experiment_id, run), at| {
            if *at > now {
                return true;
            }
            let runs = round.runs.entry(*experiment_id).or_default();
            runs.entry(run.clone()).or_default().insert(Kind::Metrics);
            false
        });
    }
}

/// Reads where everything stands.
pub fn now(tx: &mut Tx<'_>) -> Result<Mark> {
    let mut one = |sql: &str| tx.query_one(sql, &[], |row| row.get::<i64>(0));
    let mark = Mark {
        runs: one("select coalesce(max(id), 0) from run_changes")?,
        history: one("select coalesce(max(id), 0) from registry_history")?,
        audit: one("select coalesce(max(size), 0) from audit_tree")?,
        deliveries: (
            one("select coalesce(max(id), 0) from webhook_deliveries")?,
            one("select coalesce(max(id), 0) from webhook_attempts")?,
        ),
        experiments: (
            one("select coalesce(max(updated_at), 0) from experiments")?,
            one("select count(*) + coalesce(max(id), 0) from experiments where lifecycle = 1")?,
        ),
    };
    Ok(mark)
}

/// Reads the registry's history after an id: id, model and kind.
fn entries(tx: &mut Tx<'_>, after: i64) -> Result<Vec<(i64, String, String)>> {
    tx.query(
        "select id, model_name, kind from registry_history where id > $1 order by id limit $2",
        params![after, LATE_IDS + MAX_TRACES],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}

/// Reads what happened since a stream broke off; `None` where that is not known any more.
pub fn since(tx: &mut Tx<'_>, from: Mark) -> Result<Option<Round>> {
    let mark = now(tx)?;
    let (oldest, _) = change::bounds(tx)?;
    let is_known = from.runs + 1 >= oldest
        && from.runs <= mark.runs
        && mark.runs - from.runs < MAX_TRACES
        && from.history <= mark.history
        && mark.history - from.history < MAX_TRACES;
    if !is_known {
        return Ok(None);
    }
    let mut round = Round {
        mark,
        audit: mark.audit != from.audit,
        deliveries: mark.deliveries != from.deliveries,
        experiments: mark.experiments != from.experiments,
        ..Round::default()
    };
    if mark.runs != from.runs {
        for trace in change::after(tx, from.runs - LATE_IDS, LATE_IDS + MAX_TRACES)? {
            round.add(&trace);
        }
    }
    if mark.history != from.history {
        for (_, model, kind) in entries(tx, from.history - LATE_IDS)? {
            round.models.entry(model).or_default().insert(kind);
        }
    }
    Ok(Some(round))
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
