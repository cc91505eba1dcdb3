//! What a client still sends after its request was answered: it is read and thrown away for a while,
//! because a connection that is closed with bytes unread takes the answer away from the client.

use super::socket::Line;
use axum::body::Body;
use hyper::body::Body as _;
use std::pin::pin;
use std::time::Duration;
use tokio::time::timeout;

/// How a rest is read.
#[derive(Debug, Clone)]
pub(super) struct Patience {
    /// How long nothing may come.
    pub(super) still: Duration,
    /// How long it may take in all. Who sends for longer is cut off, and may not see the answer.
    pub(super) whole: Duration,
    /// The line it comes by: it stays busy, so that the rest does not pass for a late head.
    pub(super) line: Option<Line>,
}

/// Reads the rest of a body in the background.
pub(super) fn discard(body: Body, patience: Patience) {
    // Without a runtime there is no connection either.
    let Ok(runtime) = tokio::runtime::Handle::try_current() else {
        return;
    };
    let call = patience.line.as_ref().map(Line::begin);
    runtime.spawn(async move {
        // Whether it came to its end or not, the answer was given.
        let _ = timeout(patience.whole, read_on(body, patience.still)).await;
        drop(call);
    });
}

async fn read_on(body: Body, still: Duration) {
    let mut body = pin!(body);
    let mut next = async || std::future::poll_fn(|cx| body.as_mut().poll_frame(cx)).await;
    while let Ok(Some(Ok(_))) = timeout(still, next()).await {
        // A fast client must not keep the other tasks from their turn.
        tokio::task::yield_now().await;
    }
}
