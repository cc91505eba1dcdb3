//! Whether the server can serve, and what is missing.
//!
//! The answer is looked up at most once a second, however often it is asked for, and never waits
//! long for a database or a store that hangs.

use crate::app::App;
use crate::error::{Code, Error, Result};
use crate::jobs::figures::space;
use serde::Serialize;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long an answer counts as new.
const FRESH_FOR: Duration = Duration::from_secs(1);
/// How long one look may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// One thing that serving needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub ok: bool,
    /// What is wrong and what to do; empty where all is well.
    pub message: String,
}

/// What was found, one check for each thing that serving needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Readiness {
    pub ready: bool,
    pub checks: Vec<Check>,
}

/// What was last found, and whether the server is stopping; cheap to clone.
#[derive(Clone, Default)]
pub struct Lookout(Arc<Shared>);

#[derive(Default)]
struct Shared {
    stopping: CancellationToken,
    last: Mutex<Option<(Instant, Vec<Check>)>>,
}

impl Lookout {
    /// From now on the server is not ready.
    pub fn stop(&self) {
        self.0.stopping.cancel();
    }

    /// Says whether the server can serve.
    pub async fn look(&self, app: &App) -> Readiness {
        let mut last = self.0.last.lock().await;
        let known = last.take().filter(|(since, _)| since.elapsed() < FRESH_FOR);
        let (since, checks) = match known {
            Some(known) => known,
            None => (Instant::now(), all(app).await),
        };
        *last = Some((since, checks.clone()));
        drop(last);
        let mut checks = checks;
        let stopping = match self.0.stopping.is_cancelled() {
            true => Err(Error::unavailable("The server is shutting down.")),
            false => Ok(()),
        };
        checks.push(check("running", stopping));
        Readiness {
            ready: checks.iter().all(|check| check.ok),
            checks,
        }
    }
}

async fn all(app: &App) -> Vec<Check> {
    let (reads, writes, files, disk) = tokio::join!(
        in_time(schema(app)),
        in_time(app.db.write(|_| Ok(()))),
        in_time(store(app)),
        in_time(disks(app)),
    );
    vec![
        check("database", reads),
        check("writer", writes),
        check("artifacts", files),
        check("disk", disk),
    ]
}

async fn in_time<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| {
        let seconds = PATIENCE.as_secs();
        Error::unavailable(format!("There was no answer within {seconds} s."))
    };
    tokio::time::timeout(PATIENCE, work).await.map_err(late)?
}

/// A full queue is no failure: the server serves, and says so to those whom it puts off.
fn check<T>(name: &'static str, outcome: Result<T>) -> Check {
    let failure = outcome.err();
    let failure = failure.filter(|error| error.code != Code::TooManyRequests);
    Check {
        name,
        ok: failure.is_none(),
        message: failure.map(|error| error.message).unwrap_or_default(),
    }
}

async fn schema(app: &App) -> Result<()> {
    let state = app.db.migration_state().await?;
    match state.pending.is_empty() {
        true => Ok(()),
        false => Err(Error::unavailable(
            "The schema of the database is older than the server. Run `trackway migrate`.",
        )),
    }
}

async fn store(app: &App) -> Result<()> {
    match app.artifacts.own() {
        Ok(store) => store.probe().await,
        // A server that offers no artifacts needs no store.
        Err(_) => Ok(()),
    }
}

async fn disks(app: &App) -> Result<()> {
    let settings = app.settings.clone();
    let look = move || {
        let short = settings.disks.iter().find_map(|(of, folder)| {
            let space = space(folder)?;
            (space.free < settings.min_free_bytes).then_some((of, space.free))
        });
        let Some((of, free)) = short else {
            return Ok(());
        };
        Err(Error::unavailable(format!(
            "The disk of the {of} has {} MiB left, fewer than server.min_free_disk_mib asks for.",
            free / (1024 * 1024)
        )))
    };
    tokio::task::spawn_blocking(look)
        .await
        .map_err(|error| Error::internal("The disks could not be looked at.").with_cause(error))?
}
