//! Work that goes on beside the requests: folding metrics, watching for silent runs, giving free
//! room of the database back, delivering events to webhooks, writing down who resolved what, telling
//! of versions that are in Production for too long, and looking after what clients send to the object
//! store by themselves.
//!
//! Each job is a loop of short transactions. A job that fails logs why and goes on at its next
//! turn; it never stops the server.

pub mod deliver;
pub mod figures;
pub mod follow;
pub mod ready;
pub mod sighting;
pub mod uploads;

use crate::app::{App, Ctx};
use crate::audit::checkpoint;
use crate::config::Tracking;
use crate::ctx::Clock;
use crate::db::Db;
use crate::error::Result;
use crate::metrics;
use crate::registry::{aged, consumer, past};
use crate::tracking::{fold, watch};
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

/// The running jobs.
pub struct Jobs {
    stop: CancellationToken,
    running: Vec<JoinHandle<()>>,
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
        let (folding, watching, reclaiming) = (app.clone(), app.clone(), app.db.clone());
        let signing = app.clone();
        let (sighting, forgetting, aging) = (app.clone(), app.clone(), app.clone());
        let (reading, sweeping, reading_stops) = (app.clone(), app.clone(), stop.clone());
        let known = |name| Watched::new(app, name);
        let running = vec![
            repeat(known("fold"), fold_every, &stop, move || {
                fold_once(folding.clone(), segments)
            }),
            repeat(known("watch"), watch_every, &stop, move || {
                watch_once(watching.clone(), limits)
            }),
            repeat(known("reclaim"), RECLAIM_EVERY, &stop, move || {
                reclaim_once(reclaiming.clone())
            }),
            repeat(known("sign"), SIGN_EVERY, &stop, move || {
                sign_once(signing.clone())
            }),
            tokio::spawn(deliver::run(app.clone(), stop.clone())),
            tokio::spawn(deliver::clean(app.clone(), stop.clone())),
            repeat(known("sightings"), SIGHTINGS_EVERY, &stop, move || {
                sight_once(sighting.clone())
            }),
            repeat(known("consumers"), FORGET_EVERY, &stop, move || {
                forget_once(forgetting.clone())
            }),
            repeat(known("aged"), AGED_EVERY, &stop, move || {
                tell_aged(aging.clone())
            }),
            repeat(
                known("read uploads"),
                uploads::READ_EVERY,
                &stop,
                move || uploads::read_unless(reading.clone(), reading_stops.clone()),
            ),
            repeat(
                known("sweep uploads"),
                uploads::SWEEP_EVERY,
                &stop,
                move || uploads::sweep(sweeping.clone()),
            ),
        ];
        Self { stop, running }
    }

    /// Lets each job finish its transaction, and stops it.
    pub async fn stop(self) {
        self.stop.cancel();
        for job in self.running {
            // A job that panicked has stopped already, and the panic is in the log.
            let _ = job.await;
        }
    }
}

fn milliseconds(seconds: u64) -> i64 {
    i64::try_from(seconds.saturating_mul(1000)).unwrap_or(i64::MAX)
}

fn repeat<F>(
    job: Watched,
    every: Duration,
    stop: &CancellationToken,
    turn: impl Fn() -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = Result<usize>> + Send,
{
    let stop = stop.clone();
    tokio::spawn(async move {
        loop {
            let done = job.turn(turn()).await;
            if done > 0 {
                tracing::debug!(job = job.figures.name, done, "a job did its turn");
            }
            let pause = if done > 0 { every / 10 } else { every };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
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
async fn fold_once(app: App, segments: i64) -> Result<usize> {
    let policy = fold::Policy {
        segments,
        idle_since: app.clock.now() - IDLE_MS,
    };
    let due = app.db.read(move |tx| fold::due(tx, policy)).await?;
    let mut folded = 0;
    for run_id in due {
        folded += app.db.write(move |tx| fold::fold(tx, run_id)).await?;
    }
    Ok(folded)
}

async fn watch_once(app: App, limits: watch::Limits) -> Result<usize> {
    let ctx = Ctx::of_server("watch", app.clock.now());
    app.db
        .write(move |tx| watch::mark_silent(tx, &ctx, limits))
        .await
}

async fn sign_once(app: App) -> Result<usize> {
    if !app.db.read(checkpoint::is_due).await? {
        return Ok(0);
    }
    let (key, now) = (app.audit_key.clone(), app.clock.now());
    app.db
        .write(move |tx| checkpoint::sign(tx, now, &key))
        .await?;
    // One head a turn is enough, however busy the log is.
    Ok(0)
}

async fn reclaim_once(db: Db) -> Result<usize> {
    db.reclaim().await
}

/// Writes down who resolved what. It never asks for an early next turn: what was seen may gather.
async fn sight_once(app: App) -> Result<usize> {
    app.sightings.flush(&app.db).await?;
    Ok(0)
}

async fn forget_once(app: App) -> Result<usize> {
    let before = app.clock.now() - app.settings.consumer_kept_ms;
    let forgotten = app
        .db
        .write(move |tx| consumer::forget_old(tx, before))
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
