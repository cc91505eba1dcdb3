//! Every recorded exchange of MLflow's own server, replayed against this one.

use crate::replay::{self, Answer, Request};
use crate::server::TestServer;
use axum::body::Body;
use std::path::Path;

/// The groups of routes that this server has.
const GROUPS: [&str; 9] = [
    "tracking-core",
    "metric-history",
    "inputs-outputs",
    "logged-models",
    "model-registry",
    "artifacts",
    "webhooks",
    "server",
    "setup",
];

async fn differences(file: &str) -> Vec<String> {
    let server = TestServer::start_in_folder().await;
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/replay")
        .join(file);
    let cwd = std::env::current_dir().unwrap();
    let exchanges = replay::load(&path, &cwd.display().to_string()).unwrap();
    let sent = exchanges
        .iter()
        .filter(|one| GROUPS.contains(&one.group.as_str()))
        .count();
    assert!(
        sent > 40,
        "{file} holds only {sent} exchanges of these groups"
    );
    replay::replay(&exchanges, &GROUPS, async |request| {
        server.advance(1);
        answer(&server, request).await
    })
    .await
}

async fn answer(server: &TestServer, request: Request) -> Answer {
    let mut builder = axum::http::Request::builder()
        .method(request.method.as_str())
        .uri(request.path.as_str());
    for (name, value) in &request.headers {
        builder = builder.header(name, value);
    }
    let body = request.body.map_or_else(Body::empty, Body::from);
    let answer = server.send(builder.body(body).unwrap()).await;
    let text = |value: &axum::http::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    Answer {
        status: answer.status.as_u16(),
        headers: answer
            .headers
            .iter()
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
        body: answer.body,
    }
}

#[tokio::test]
async fn probes_are_answered_as_mlflow_answers_them() {
    let differences = differences("probes.json").await;
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

#[tokio::test]
async fn the_calls_of_a_client_are_answered_as_mlflow_answers_them() {
    let differences = differences("goldens.json").await;
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}

#[tokio::test]
async fn the_registry_answers_as_mlflows_does() {
    let differences = differences("registry.json").await;
    assert!(
        differences.is_empty(),
        "{} differ:\n{}",
        differences.len(),
        differences.join("\n")
    );
}
