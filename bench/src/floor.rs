//! The floor: an HTTP server that reads each request into the server's own types and answers `{}`.
//!
//! It stores nothing. What it reaches is what any server on this stack could reach at best.

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use trackway::http::wire::batch::LogBatch;
use trackway::http::wire::body;
use trackway::http::wire::metric::LogMetric;
use trackway::tracking::rule::LongValues;

/// Answers on a port of this machine until it is killed.
pub(crate) fn serve(port: u16) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
        Ok(axum::serve(listener, routes()).await?)
    })
}

fn routes() -> Router {
    Router::new()
        .route("/health", get(|| async { "OK" }))
        .route("/api/2.0/mlflow/runs/log-batch", post(log_batch))
        .route("/api/2.0/mlflow/runs/log-metric", post(log_metric))
        .layer(axum::extract::DefaultBodyLimit::disable())
}

async fn log_batch(bytes: Bytes) -> impl IntoResponse {
    answer(body::read::<LogBatch>(&bytes).and_then(|batch| batch.check(LongValues::Refuse)))
}

async fn log_metric(bytes: Bytes) -> impl IntoResponse {
    answer(body::read::<LogMetric>(&bytes).and_then(LogMetric::check))
}

fn answer<T>(read: trackway::error::Result<T>) -> impl IntoResponse {
    let status = match read {
        Ok(read) => {
            std::hint::black_box(&read);
            StatusCode::OK
        }
        Err(_) => StatusCode::BAD_REQUEST,
    };
    (status, [(header::CONTENT_TYPE, "application/json")], "{}")
}
