//! Whether the server is there and can serve, which version it speaks, what it can do, and how it
//! does.

use super::reply::Reply;
use super::router::{Access, Route, get};
use crate::app::App;
use crate::artifacts::ArtifactStore;
use crate::error::{Code, Error, Result};
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing};
use serde::Serialize;

/// The MLflow version whose protocol the server speaks; clients gate features on it.
pub const MLFLOW_VERSION: &str = "3.17.2";

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("health", Access::Open, health).at_root(),
        get("ready", Access::Open, ready).at_root(),
        get("metrics", Access::Open, metrics).at_root(),
        get("version", Access::Open, version).at_root(),
        get("3.0/mlflow/server-info", Access::Open, server_info),
    ]
}

async fn health() -> &'static str {
    "OK"
}

/// Says whether the server can serve, and what is missing; load balancers go by the status.
async fn ready(State(app): State<App>) -> Response {
    let found = app.lookout.look(&app).await;
    let status = match found.ready {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut response = Reply(found).into_response();
    *response.status_mut() = status;
    response
}

/// The metrics in Prometheus' text format 0.0.4.
async fn metrics(State(app): State<App>) -> Result<impl IntoResponse> {
    if !app.settings.serves_metrics {
        return Err(Error::new(
            Code::EndpointNotFound,
            "Metrics are not served here: server.metrics is off, or server.metrics_listen names \
             another address.",
        ));
    }
    metrics_page(&app).await
}

async fn metrics_page(app: &App) -> Result<impl IntoResponse + use<>> {
    let kind = (
        header::CONTENT_TYPE,
        "text/plain; version=0.0.4; charset=utf-8",
    );
    Ok(([kind], app.figures.page(app).await?))
}

/// Builds the service of an address apart: what watches the server, and nothing else.
pub fn apart(app: App) -> Router {
    let metrics = async |State(app): State<App>| metrics_page(&app).await;
    Router::new()
        .route("/metrics", routing::get(metrics))
        .route("/health", routing::get(health))
        .route("/ready", routing::get(ready))
        .with_state(app)
}

async fn version() -> impl IntoResponse {
    (
        [(header::CONTENT_TYPE, "text/html; charset=utf-8")],
        MLFLOW_VERSION,
    )
}

#[derive(Serialize)]
struct ServerInfo {
    store_type: &'static str,
    workspaces_enabled: bool,
    trace_archival_enabled: bool,
    multipart_uploads_enabled: bool,
    multipart_downloads_enabled: bool,
    presigned_upload_run_id_supported: bool,
    presigned_upload_model_id_supported: bool,
    features_enabled: Features,
}

#[derive(Serialize)]
struct Features {
    gateway: bool,
}

async fn server_info(State(app): State<App>) -> Reply<ServerInfo> {
    let own = app.artifacts.own().ok();
    let is_direct = own.is_some_and(ArtifactStore::is_direct);
    Reply(ServerInfo {
        store_type: "SqlStore",
        workspaces_enabled: false,
        trace_archival_enabled: false,
        multipart_uploads_enabled: is_direct,
        multipart_downloads_enabled: is_direct,
        presigned_upload_run_id_supported: true,
        presigned_upload_model_id_supported: true,
        features_enabled: Features { gateway: false },
    })
}
