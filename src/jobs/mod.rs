//! Work that goes on beside the requests: folding metrics, watching for silent runs, giving free
//! room of the database back, delivering events to webhooks.
//!
//! Each job is a loop of short transactions. A job that fails logs why and goes on at its next
//! turn; it never stops the server.

pub mod deliver;

use crate::app::{App, Ctx};
use crate::config::Tracking;
use crate::db::Db;
use crate::error::Result;
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
            tokio::spawn(deliver::run(app.clone(), stop.clone())),
            tokio::spawn(deliver::clean(app.clone(), stop.clone())),
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
    let ctx = Ctx {
        request_id: "watch".into(),
        actor: "server".into(),
        reason: String::new(),
        now: app.clock.now(),
    };
    app.db
        .write(move |tx| watch::mark_silent(tx, &ctx, limits))
        .await
}

async fn reclaim_once(db: Db) -> Result<usize> {
    db.reclaim().await
}
