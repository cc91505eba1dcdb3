//! One look at the database after another: what is new since the last one, or since a mark.

use super::Round;
use super::mark::{self, Mark};
use crate::db::Tx;
use crate::error::Result;
use crate::params;
use crate::tracking::change::{self, Kind, METRICS_EVERY_MS, Trace};
use std::collections::{BTreeSet, HashMap};
use std::time::Duration;
use tokio::time::Instant;

/// Traces that are read in one look.
const MAX_TRACES: i64 = 5_000;
/// How much later than it says a batch of metrics may be committed on a busy server.
const SLOWNESS: Duration = Duration::from_millis(250);
/// How old a trace of metrics may be when something follows it that leaves none, in milliseconds,
/// clocks of several servers included.
const FOLLOWED_MS: i64 = 2_000;
/// Among how many of the newest traces such a one is looked for.
const FOLLOWED_IDS: i64 = 1_000;

/// What the task has seen so far.
pub(super) struct Sight {
    mark: Mark,
    /// Late rows that were told of already: ids of traces and of the history.
    traces: BTreeSet<i64>,
    entries: BTreeSet<i64>,
    /// When to tell once more of a run whose metrics left a trace.
    again: HashMap<(i64, String), Instant>,
}

impl Sight {
    /// Looks for the first time, or for what is new since; `at` is the time.
    pub(super) fn next(
        tx: &mut Tx<'_>,
        before: Option<Self>,
        (at, late): (i64, i64),
    ) -> Result<(Self, Round)> {
        let mark = mark::now(tx, at)?;
        match before {
            Some(sight) => sight.look(tx, mark, late),
            None => Self::first(tx, mark, late),
        }
    }

    fn first(tx: &mut Tx<'_>, mark: Mark, late: i64) -> Result<(Self, Round)> {
        let mut sight = Self {
            mark,
            traces: BTreeSet::new(),
            entries: BTreeSet::new(),
            again: HashMap::new(),
        };
        // What is there already is no news, however late it came.
        let traces = change::after(tx, mark.runs - late, late)?;
        sight.traces.extend(traces.iter().map(|trace| trace.id));
        let entries = entries(tx, mark.history - late)?;
        sight.entries.extend(entries.iter().map(|entry| entry.0));
        // These metrics left their trace before anybody looked; what follows soon leaves none.
        for trace in followed(tx, mark)? {
            sight.later(&trace);
        }
        let round = Round {
            mark,
            ..Round::default()
        };
        Ok((sight, round))
    }

    fn look(mut self, tx: &mut Tx<'_>, mark: Mark, late: i64) -> Result<(Self, Round)> {
        let mut round = self.differences(mark);
        let traces = change::after(tx, self.mark.runs - late, late + MAX_TRACES)?;
        round.more = traces.len() as i64 == late + MAX_TRACES;
        for trace in traces {
            if self.traces.insert(trace.id) {
                round.add(&trace);
                self.later(&trace);
            }
        }
        for (id, model, kind) in entries(tx, self.mark.history - late)? {
            if self.entries.insert(id) {
                round.models.entry(model).or_default().insert(kind);
            }
        }
        self.due(&mut round);
        self.mark = mark;
        self.traces = self.traces.split_off(&(mark.runs - late));
        self.entries = self.entries.split_off(&(mark.history - late));
        round.mark = mark;
        Ok((self, round))
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
            let pause = Duration::from_millis(METRICS_EVERY_MS.unsigned_abs()) + SLOWNESS;
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

/// Reads what happened since a mark of that time; `None` where that is not known any more.
pub(super) fn since(tx: &mut Tx<'_>, from: Mark, (at, late): (i64, i64)) -> Result<Option<Round>> {
    let mark = mark::now(tx, at)?;
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
        for mut trace in change::after(tx, from.runs - late, late + MAX_TRACES)? {
            // Hardly any of the older ones came late: whoever counts new runs must not count these.
            if trace.id <= from.runs && trace.kind == Kind::Created {
                trace.kind = Kind::Updated;
            }
            round.add(&trace);
        }
    }
    for trace in followed(tx, from)? {
        round.add(&trace);
    }
    if mark.history != from.history {
        for (_, model, kind) in entries(tx, from.history - late)? {
            round.models.entry(model).or_default().insert(kind);
        }
    }
    Ok(Some(round))
}

/// Reads the traces of metrics that were fresh at a mark: metrics that came after it may have left
/// none.
fn followed(tx: &mut Tx<'_>, mark: Mark) -> Result<Vec<Trace>> {
    let mut traces = change::after(tx, mark.runs - FOLLOWED_IDS, FOLLOWED_IDS)?;
    let fresh_after = mark.at.saturating_sub(FOLLOWED_MS);
    traces.retain(|trace| trace.kind == Kind::Metrics && trace.marked_at > fresh_after);
    Ok(traces)
}

/// Reads the registry's history after an id: id, model and kind.
fn entries(tx: &mut Tx<'_>, after: i64) -> Result<Vec<(i64, String, String)>> {
    tx.query(
        "select id, model_name, kind from registry_history where id > $1 order by id limit $2",
        params![after, 2 * MAX_TRACES],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )
}
