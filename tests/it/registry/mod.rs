//! The model registry and its history.

mod aliases;
mod consumers;
mod files;
mod history;
mod models;
mod past;
mod random;
mod resolve;
mod resolve_random;
mod search;
mod versions;

use crate::server::{Answer, TestServer};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};

/// Creates a registered model.
async fn model(server: &TestServer, name: &str) {
    let body = json!({ "name": name });
    server.post("registered-models/create", body).await.ok();
}

/// Creates a version with a source in a bucket and gives its number.
async fn version(server: &TestServer, name: &str) -> String {
    let body = json!({ "name": name, "source": "s3://bucket/files" });
    let created = server.post("model-versions/create", body).await.ok();
    text(&created["model_version"]["version"])
}

/// Moves a version to a stage.
async fn stage(server: &TestServer, name: &str, version: &str, stage: &str) {
    let body = json!({ "name": name, "version": version, "stage": stage });
    let answer = server.post("model-versions/transition-stage", body).await;
    answer.ok();
}

/// Points an alias at a version, with a reason.
async fn point(server: &TestServer, name: &str, (alias, version): (&str, &str), why: &str) {
    let body = json!({ "name": name, "alias": alias, "version": version });
    let answer = because(server, "POST", "registered-models/alias", (body, why)).await;
    answer.ok();
}

/// Sends a request that says why it is made.
async fn because(
    server: &TestServer,
    method: &str,
    path: &str,
    (body, why): (Json, &str),
) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/2.0/mlflow/{path}"))
        .header("content-type", "application/json")
        .header("x-trackway-reason", why)
        .header("x-request-id", "req-1")
        .body(Body::from(body.to_string()))
        .unwrap();
    server.send(request).await
}

/// Gives the history of a name, oldest first, one line an entry: kind, version, key, from and to.
async fn told(server: &TestServer, name: &str) -> Vec<String> {
    let path = format!("/api/1.0/models/{name}/history?max_results=1000");
    let page = server.get(&path).await.ok();
    let mut lines: Vec<String> = entries(&page).iter().map(line).collect();
    lines.reverse();
    lines
}

fn entries(page: &Json) -> Vec<Json> {
    page["entries"].as_array().unwrap().clone()
}

fn line(entry: &Json) -> String {
    let parts = ["kind", "version", "key", "from", "to"].map(|name| match &entry[name] {
        Json::Null => "-".to_owned(),
        value => text(value),
    });
    parts.join(" ")
}

#[track_caller]
fn text(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}
