//! Work that a client which leaves does not cut off.

use crate::error::{Error, Result};
use crate::traces;
use tracing::Instrument;

/// Runs work to its end, also when the request that began it is dropped.
pub(super) async fn to_the_end<T: Send + 'static>(
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    let work = traces::carried(work.instrument(tracing::Span::current()));
    let task = tokio::spawn(work);
    task.await.map_err(|error| {
        Error::unavailable("The server is shutting down; send the request again in a moment.")
            .with_cause(error)
    })?
}
