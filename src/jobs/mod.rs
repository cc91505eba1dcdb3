//! Work that goes on beside the requests: folding metrics, watching for silent runs, giving free
//! room of the database back, delivering events to webhooks, writing down who resolved what, telling
//! of versions that are in Production for too long, and looking after what clients send to the object
//! store by themselves.
//!
//! Each job is a loop of short transactions. A job that fails logs why and goes on at its next
//! turn; it never stops the server. Of the servers that share a database one has the lease of a job
//! and does it; only sightings, which a server has in its own memory, are written by each.

pub mod deliver;
pub mod figures;
pub mod follow;
pub mod ready;
pub mod sighting;
pub mod stream;
pub mod uploads;

use crate::app::{App, Ctx};
use crate::audit::checkpoint;
use crate::config::Tracking;
use crate::ctx::Clock;
use crate::db::{Db, Tx};
use crate::error::Result;
use crate::metrics;
use crate::registry::{aged, consumer, past};
use crate::replicas::lease::Task;
use crate::replicas::{self, Leases, Tenure};
use crate::tracking::{change, fold, watch};
use std::time::{Duration, Instant};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A run that was not written to for this long is folded whole.
const IDLE_MS: i64 = 30_000;
/// How often silent runs are looked for, at the most.
const WATCH_EVERY: Duration = Duration::from_secs(30);

/// How often free room of the database is looked for.
const RECLAIM_EVERY: Duration = Duration::from_secs(5);

/// How often new entries of the audit log are signed for.
const SIGN_EVERY: Duration = Duration::from_secs(1);
/// How often it is written down which consumers resolved what.
const SIGHTINGS_EVERY: Duration = Duration::from_secs(3);

/// How often consumers are looked for that were not heard of for long.
const FORGET_EVERY: Duration = Duration::from_secs(600);

/// How often versions are looked for that are in Production for too long.
const AGED_EVERY: Duration = Duration::from_secs(3600);

/// How often a job looks whether it belongs to this server by now.
const OWNER_EVERY: Duration = Duration::from_millis(100);

/// The running jobs.
pub struct Jobs {
    stop: CancellationToken,
    running: Vec<JoinHandle<()>>,
    keeper: JoinHandle<()>,
    app: App,
}

impl Jobs {
    /// Starts the jobs.
    pub fn start(app: &App, settings: &Tracking) -> Self {
        let app = &app.for_own_work();
        let stop = CancellationToken::new();
        let segments = i64::try_from(settings.fold_after_segments).unwrap_or(i64::MAX);
        let limits = watch::Limits {
            stale_after_ms: milliseconds(settings.stale_after_s),
            end_after_ms: milliseconds(settings.end_stale_after_s),
        };
        let shortest = [limits.stale_after_ms, limits.end_after_ms]
            .into_iter()
            .filter(|limit| *limit > 0)
            .min();
        let watch_every = shortest.map_or(WATCH_EVERY, |limit| {
            WATCH_EVERY.min(Duration::from_millis((limit / 4).max(100) as u64))
        });
        let fold_every = Duration::from_millis(settings.fold_interval_ms);
        let reading_stops = stop.clone();
        let owned = Owned { app, stop: &stop };
        let running = vec![
            owned.repeat(Task::FOLD, fold_every, move |app, tenure| {
                fold_once(app, tenure, segments)
            }),
            owned.repeat(Task::WATCH, watch_every, move |app, tenure| {
                watch_once(app, tenure, limits)
            }),
            owned.repeat(Task::RECLAIM, RECLAIM_EVERY, |app, _| {
                reclaim_once(app.db.clone())
            }),
            owned.repeat(Task::SIGN, SIGN_EVERY, sign_once),
            tokio::spawn(deliver::run(app.clone(), stop.clone())),
            owned.repeat(Task::CLEAN, deliver::CLEAN_EVERY, deliver::clean),
            owned.repeat(Task::CONSUMERS, FORGET_EVERY, forget_once),
            owned.repeat(Task::AGED, AGED_EVERY, |app, _| tell_aged(app)),
            owned.repeat(Task::READ_UPLOADS, uploads::READ_EVERY, move |app, _| {
                uploads::read_unless(app, reading_stops.clone())
            }),
            owned.repeat(Task::SWEEP_UPLOADS, uploads::SWEEP_EVERY, |app, _| {
                uploads::sweep(app)
            }),
            owned.repeat(Task::CHANGES, FORGET_EVERY, forget_changes),
            sight(app.clone(), stop.clone()),
        ];
        let keeper = tokio::spawn(keep(app.clone(), stop.clone()));
        Self {
            stop,
            running,
            keeper,
            app: app.clone(),
        }
    }

    /// Lets each job finish its transaction, stops it, and gives its lease to who comes next.
    pub async fn stop(self) {
        self.stop.cancel();
        for job in self.running.into_iter().chain([self.keeper]) {
            // A job that panicked has stopped already, and the panic is in the log.
            let _ = job.await;
        }
        let released = self.app.leases.release().await;
        let given_back = released.and(self.app.claims.clean().await);
        if let Err(error) = given_back {
            tracing::warn!("leases were not given back, and end by themselves: {error}");
        }
    }
}

/// Renews the leases and claims of this server until it stops.
async fn keep(app: App, stop: CancellationToken) {
    while !stop.is_cancelled() {
        let looked = app.leases.look().await;
        if let Err(error) = looked.and(app.claims.renew().await) {
            tracing::debug!(%error, "leases and claims could not be renewed");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(replicas::RENEW_EVERY) => {}
        }
    }
}

fn milliseconds(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX)
}

/// Starts jobs that have one owner among all servers.
struct Owned<'a> {
    app: &'a App,
    stop: &'a CancellationToken,
}

impl Owned<'_> {
    /// Repeats the turns of a job for as long as it belongs to this server, the first one as soon
    /// as it does.
    fn repeat<F>(
        &self,
        task: Task,
        every: Duration,
        turn: impl Fn(App, Tenure) -> F + Send + 'static,
    ) -> JoinHandle<()>
    where
        F: Future<Output = Result<usize>> + Send,
    {
        let (app, stop) = (self.app.clone(), self.stop.clone());
        let job = Watched::new(&app, task.name());
        tokio::spawn(async move {
            while let Some(tenure) = owned(&app.leases, task, &stop).await {
                let done = job.turn(turn(app.clone(), tenure)).await;
                if done > 0 {
                    tracing::debug!(job = task.name(), done, "a job did its turn");
                }
                let pause = if done > 0 { every / 10 } else { every };
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = tokio::time::sleep(pause) => {}
                }
            }
        })
    }
}

/// Waits until a job belongs to this server; `None` once it stops.
async fn owned(leases: &Leases, task: Task, stop: &CancellationToken) -> Option<Tenure> {
    loop {
        if stop.is_cancelled() {
            return None;
        }
        if let Some(tenure) = leases.tenure(task) {
            return Some(tenure);
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(OWNER_EVERY) => {}
        }
    }
}

/// Writes down who resolved what, which each server has in its own memory.
fn sight(app: App, stop: CancellationToken) -> JoinHandle<()> {
    let job = Watched::new(&app, "sightings");
    tokio::spawn(async move {
        while !stop.is_cancelled() {
            job.turn(app.sightings.flush(&app.db)).await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = tokio::time::sleep(SIGHTINGS_EVERY) => {}
            }
        }
    })
}

/// A job whose turns are counted and whose failures are logged.
struct Watched {
    figures: metrics::Job,
    clock: Clock,
}

impl Watched {
    fn new(app: &App, name: &'static str) -> Self {
        Self {
            figures: app.metrics.jobs.named(name),
            clock: app.clock.clone(),
        }
    }

    /// Gives what a turn did; logs why it failed, and gives that it did nothing.
    async fn turn<T: Default>(&self, turn: impl Future<Output = Result<T>>) -> T {
        let started = Instant::now();
        let outcome = turn.await;
        let now = self.clock.now();
        self.figures.ended(outcome.is_ok(), started.elapsed(), now);
        outcome.unwrap_or_else(|error| {
            let cause = error
                .cause
                .as_ref()
                .map(ToString::to_string)
                .unwrap_or_default();
            let job = self.figures.name;
            tracing::warn!(job, %cause, at = %error.at, "a job failed: {error}");
            T::default()
        })
    }
}

/// Folds every run that is due, one transaction a run, and gives how many segments that were.
async fn fold_once(app: App, tenure: Tenure, segments: i64) -> Result<usize> {
    let policy = fold::Policy {
        segments,
        idle_since: app.clock.now() - IDLE_MS,
    };
    let due = app.db.read(move |tx| fold::due(tx, policy)).await?;
    let mut folded = 0;
    for run_id in due {
        folded += tenure
            .write(&app.db, move |tx| fold::fold(tx, run_id))
            .await?;
    }
    Ok(folded)
}

async fn watch_once(app: App, tenure: Tenure, limits: watch::Limits) -> Result<usize> {
    let ctx = Ctx::of_server("watch", app.clock.now());
    let mark = move |tx: &mut Tx<'_>| watch::mark_silent(tx, &ctx, limits);
    tenure.write(&app.db, mark).await
}

async fn sign_once(app: App, tenure: Tenure) -> Result<usize> {
    if !app.db.read(checkpoint::is_due).await? {
        return Ok(0);
    }
    let (key, now) = (app.audit_key.clone(), app.clock.now());
    tenure
        .write(&app.db, move |tx| checkpoint::sign(tx, now, &key))
        .await?;
    // One head a turn is enough, however busy the log is.
    Ok(0)
}

async fn reclaim_once(db: Db) -> Result<usize> {
    db.reclaim().await
}

async fn forget_changes(app: App, tenure: Tenure) -> Result<usize> {
    let forgotten = tenure.write(&app.db, change::forget_old).await?;
    tracing::debug!(forgotten, "forgot old traces of changes");
    Ok(0)
}

async fn forget_once(app: App, tenure: Tenure) -> Result<usize> {
    let before = app.clock.now() - app.settings.consumer_kept_ms;
    let forgotten = tenure
        .write(&app.db, move |tx| consumer::forget_old(tx, before))
        .await?;
    tracing::debug!(
        forgotten,
        "forgot consumers that were not heard of for long"
    );
    Ok(0)
}

/// Tells of the versions that are in Production for longer than they may be, each once.
///
/// # Errors
/// Those of the database; what was told before is told.
pub async fn tell_aged(app: App) -> Result<usize> {
    let max_age_ms = app.settings.production_max_age_ms;
    if max_age_ms == 0 {
        return Ok(0);
    }
    let mut count = 0;
    loop {
        let ctx = Ctx::of_server("aged", app.clock.now());
        let now = ctx.now;
        let told = app
            .db
            .write(move |tx| aged::tell(tx, &ctx, max_age_ms))
            .await?;
        for version in &told {
            tracing::warn!(
                model = version.model_name,
                version = version.number,
                since = past::spelled(version.since),
                days = version.days(now),
                "a version is in Production for longer than registry.production_max_age_days"
            );
        }
        if told.is_empty() {
            tracing::debug!(
                count,
                "told of versions that are in Production for too long"
            );
            return Ok(0);
        }
        count += told.len();
    }
}
