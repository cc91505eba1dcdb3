//! What clients send to the object store by themselves: the server reads it once for its digest, and
//! throws away what was never completed.

use crate::app::App;
use crate::artifacts::{ArtifactPath, survey};
use crate::error::{Code, Result};
use crate::traces;
use crate::tracking::artifact;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// How often files are looked for that nobody has read.
pub(super) const READ_EVERY: Duration = Duration::from_secs(2);
/// How often uploads are looked for that were never completed.
pub(super) const SWEEP_EVERY: Duration = Duration::from_secs(600);

/// Files that one turn reads.
const FILES: usize = 16;

/// Reads files unless the server stops, which does not wait for a large one: its next start reads
/// it.
pub(super) async fn read_unless(app: App, stop: CancellationToken) -> Result<usize> {
    tokio::select! {
        () = stop.cancelled() => Ok(0),
        read = read(&app) => read,
    }
}

/// Reads the files that nobody has read yet, a few at a time, and gives how many that were.
pub async fn read(app: &App) -> Result<usize> {
    let unread = app.db.read(|tx| artifact::find_unread(tx, FILES)).await?;
    let Ok(store) = app.artifacts.own() else {
        return Ok(0);
    };
    let count = unread.len();
    for file in unread {
        let path = ArtifactPath::parse(&file.path)?;
        let digest = survey::digest(store, &path);
        let stored = match traces::within(app.traces.apart(), digest).await {
            Ok(stored) => Some(stored),
            Err(error) if error.code == Code::NotFound => None,
            Err(error) => return Err(error),
        };
        let file = Arc::new(file);
        app.db
            .write(move |tx| artifact::settle(tx, &file, stored))
            .await?;
    }
    Ok(count)
}

/// Throws away uploads in parts that are too old, and gives that nothing more is to be done.
pub async fn sweep(app: App) -> Result<usize> {
    if let Ok(store) = app.artifacts.own() {
        let before = app.clock.now() - app.settings.abandoned_upload_ms;
        let sweep = store.sweep_parts(before);
        let swept = traces::within(app.traces.apart(), sweep).await?;
        if swept > 0 {
            tracing::info!(swept, "threw away uploads that were never completed");
        }
    }
    Ok(0)
}
