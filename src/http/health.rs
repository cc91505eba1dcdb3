//! Whether the server is there, which version it speaks, and what it can do.

use super::reply::Reply;
use super::router::{Access, Route, get};
use crate::app::App;
use crate::artifacts::ArtifactStore;
use axum::extract::State;
use axum::http::header;
use axum::response::IntoResponse;
use serde::Serialize;

/// The MLflow version whose protocol the server speaks; clients gate features on it.
pub const MLFLOW_VERSION: &str = "3.17.2";

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("", Access::Open, home).at_root(),
        get("health", Access::Open, health).at_root(),
        get("version", Access::Open, version).at_root(),
        get("3.0/mlflow/server-info", Access::Open, server_info),
    ]
}

/// What a person sees who opens the server's address in a browser.
async fn home() -> &'static str {
    concat!(
        "Trackway ",
        env!("CARGO_PKG_VERSION"),
        " is running. This version has no web pages: use it as the tracking URI of an mlflow \
         client, as in mlflow.set_tracking_uri(\"http://127.0.0.1:5000\").\n"
    )
}

async fn health() -> &'static str {
    "OK"
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
    Reply(ServerInfo {
        store_type: "SqlStore",
        workspaces_enabled: false,
        trace_archival_enabled: false,
        multipart_uploads_enabled: own.is_some_and(ArtifactStore::is_direct),
        multipart_downloads_enabled: own.is_some_and(ArtifactStore::signs_downloads),
        presigned_upload_run_id_supported: true,
        presigned_upload_model_id_supported: true,
        features_enabled: Features { gateway: false },
    })
}
