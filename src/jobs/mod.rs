//! Work that goes on beside the requests: folding metrics, watching for silent runs, giving free
//! room of the database back, delivering events to webhooks, writing down who resolved what, and
//! looking after what clients send to the object store by themselves.
//!
//! Each job is a loop of short transactions. A job that fails logs why and goes on at its next
//! turn; it never stops the server.

pub mod deliver;
pub mod follow;
pub mod sighting;
pub mod uploads;

use crate::app::{App, Ctx};
use crate::audit::checkpoint;
use crate::config::Tracking;
use crate::db::Db;
use crate::error::Result;
use crate::registry::consumer;
use crate::tracking::{fold, watch};
use std::time::Duration;
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

/// The running jobs.
pub struct Jobs {
    stop: CancellationToken,
    running: Vec<JoinHandle<()>>,
}

impl Jobs {
    /// Starts the jobs.
    pub fn start(app: &App, settings: &Tracking) -> Self {
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
        let (sighting, forgetting) = (app.clone(), app.clone());
        let (reading, sweeping, reading_stops) = (app.clone(), app.clone(), stop.clone());
        let running = vec![
            repeat("fold", fold_every, &stop, move || {
                fold_once(folding.clone(), segments)
            }),
            repeat("watch", watch_every, &stop, move || {
                watch_once(watching.clone(), limits)
            }),
            repeat("reclaim", RECLAIM_EVERY, &stop, move || {
                reclaim_once(reclaiming.clone())
            }),
            repeat("sign", SIGN_EVERY, &stop, move || {
                sign_once(signing.clone())
            }),
            tokio::spawn(deliver::run(app.clone(), stop.clone())),
            tokio::spawn(deliver::clean(app.clone(), stop.clone())),
            repeat("sightings", SIGHTINGS_EVERY, &stop, move || {
                sight_once(sighting.clone())
            }),
            repeat("consumers", FORGET_EVERY, &stop, move || {
                forget_once(forgetting.clone())
            }),
            repeat("read uploads", uploads::READ_EVERY, &stop, move || {
                uploads::read_unless(reading.clone(), reading_stops.clone())
            }),
            repeat("sweep uploads", uploads::SWEEP_EVERY, &stop, move || {
                uploads::sweep(sweeping.clone())
            }),
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
    name: &'static str,
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
            let done = unless_failed(name, turn().await);
            if done > 0 {
                tracing::debug!(job = name, done, "a job did its turn");
            }
            let pause = if done > 0 { every / 10 } else { every };
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(pause) => {}
            }
        }
    })
}

/// Gives what a job did; logs why it failed, and gives that it did nothing.
fn unless_failed<T: Default>(name: &'static str, turn: Result<T>) -> T {
    turn.unwrap_or_else(|error| {
        let cause = error
            .cause
            .as_ref()
            .map(ToString::to_string)
            .unwrap_or_default();
        tracing::warn!(job = name, %cause, at = %error.at, "a job failed: {error}");
        T::default()
    })
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
