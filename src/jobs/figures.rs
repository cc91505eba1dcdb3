//! The figures that are looked up when somebody asks for the page of metrics: the outbox, the audit
//! log, the disks, the process.
//!
//! A figure that cannot be had in time keeps its last value; that the database did not answer is
//! counted where it happened.

use crate::app::App;
use crate::audit::{checkpoint, log};
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::events::outbox::{self, Backlog};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// How long what was read from the database counts as new.
const FRESH_FOR: Duration = Duration::from_secs(2);
/// How long the page waits for the database.
const PATIENCE: Duration = Duration::from_secs(2);

/// When the figures were last read; what could not be read is asked for again by the next page.
/// Cheap to clone.
#[derive(Clone, Default)]
pub struct Figures(Arc<Mutex<Option<Instant>>>);

/// Free space and size of a disk, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub free: u64,
    pub size: u64,
}

impl Figures {
    /// Looks the figures up and gives the page in Prometheus' text format 0.0.4.
    pub async fn page(&self, app: &App) -> Result<String> {
        let mut last = self.0.lock().await;
        if last.is_none_or(|last| last.elapsed() >= FRESH_FOR) {
            let db = app.db.for_own_work();
            let read = db.read(|tx| Ok((outbox::backlog(tx)?, audit(tx)?)));
            match tokio::time::timeout(PATIENCE, read).await {
                Ok(Ok((backlog, audited))) => {
                    show(app, backlog, audited);
                    *last = Some(Instant::now());
                }
                Ok(Err(error)) => tracing::debug!(%error, "figures could not be read"),
                Err(_) => tracing::debug!("figures could not be read in time"),
            }
        }
        app.metrics.waiting.set(app.followers.waiting() as i64);
        let app = app.clone();
        let page = tokio::task::spawn_blocking(move || {
            for (of, folder) in &app.settings.disks {
                if let Some(space) = space(folder) {
                    app.metrics.disk.set(of, space.free, space.size);
                }
            }
            app.metrics.process.refresh();
            app.metrics.area.page()
        });
        page.await.map_err(|error| {
            Error::internal("The page of metrics could not be made.").with_cause(error)
        })?
    }
}

/// How far the audit log has grown and is signed.
struct Audited {
    entries: u64,
    signed: u64,
    signed_at: i64,
}

fn audit(tx: &mut Tx<'_>) -> Result<Audited> {
    let (entries, _) = log::stored_tree(tx)?;
    let head = checkpoint::newest(tx)?;
    let head = head.map_or((0, 0), |head| (head.size, head.at));
    Ok(Audited {
        entries,
        signed: head.0,
        signed_at: head.1,
    })
}

fn show(app: &App, backlog: Backlog, audited: Audited) {
    let (webhooks, audit) = (&app.metrics.webhooks, &app.metrics.audit);
    webhooks.pending.set(backlog.pending);
    webhooks.parked.set(backlog.parked);
    let age = backlog.oldest_at.map_or(0, |at| app.clock.now() - at);
    webhooks.oldest_age.set(age.max(0) as f64 / 1000.0);
    audit.entries.set(audited.entries as i64);
    audit.signed.set(audited.signed as i64);
    audit.signed_at.set(audited.signed_at as f64 / 1000.0);
}

/// Gives the space of the disk that holds a folder, or would hold it; blocking.
pub fn space(folder: &Path) -> Option<Space> {
    let there = folder.ancestors().find(|path| path.exists())?;
    let found = rustix::fs::statvfs(there).ok()?;
    Some(Space {
        free: found.f_bavail.saturating_mul(found.f_frsize),
        size: found.f_blocks.saturating_mul(found.f_frsize),
    })
}
