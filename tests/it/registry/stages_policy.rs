//! What the operator decides about stages: archiving what has an alias, stages that agree with
//! aliases, and how old a version in Production may get.

use super::{because, entries, model, point, stage, told, version};
use crate::server::{Answer, START_MS, TestServer};
use crate::webhooks::{deliver, receiver::Receiver};
use serde_json::{Value as Json, json};
use trackway::config::Config;
use trackway::jobs::tell_aged;

const DAY: i64 = 86_400_000;

/// A server with a model `m` of some versions.
async fn start(versions: usize, change: impl FnOnce(&mut Config)) -> TestServer {
    let server = TestServer::start_with(change).await;
    model(&server, "m").await;
    for _ in 0..versions {
        version(&server, "m").await;
    }
    server
}

/// A server on which stages agree with aliases.
async fn mapped(versions: usize, entries: &[&str]) -> TestServer {
    start(versions, |config| {
        config.registry.stage_aliases = entries.iter().map(|&entry| entry.into()).collect();
    })
    .await
}

/// Moves a version into Production and archives the others.
async fn replace(server: &TestServer, version: &str) -> Answer {
    let body = json!({
        "name": "m", "version": version, "stage": "Production", "archive_existing_versions": true,
    });
    let path = "model-versions/transition-stage";
    because(server, "POST", path, (body, "better")).await
}

async fn remove(server: &TestServer, path: &str, body: Json) {
    because(server, "DELETE", path, (body, "gone")).await.ok();
}

fn not_archived(answer: &Answer) -> &str {
    let header = answer.headers.get("x-trackway-not-archived");
    header.map_or("", |value| value.to_str().unwrap())
}

/// Gives the stage of each version, by number, and the aliases.
async fn standing(server: &TestServer) -> String {
    let path = "model-versions/search?filter=name%3D'm'&order_by=version_number";
    let found = server.get(path).await.ok();
    let versions = found["model_versions"].as_array().unwrap().clone();
    let stages: Vec<String> = versions
        .iter()
        .map(|version| {
            let text = |name: &str| version[name].as_str().unwrap().to_owned();
            format!("{} {}", text("version"), text("current_stage"))
        })
        .collect();
    let found = server.get("registered-models/get?name=m").await.ok();
    let aliases = found["registered_model"]["aliases"].as_array().cloned();
    let aliases: Vec<String> = aliases
        .unwrap_or_default()
        .iter()
        .map(|alias| {
            let text = |name: &str| alias[name].as_str().unwrap().to_owned();
            format!("{}={}", text("alias"), text("version"))
        })
        .collect();
    format!("{}; {}", stages.join(", "), aliases.join(" "))
}

/// Gives what the newest audit entry says was changed, one line a change.
async fn audited(server: &TestServer) -> Vec<String> {
    let page = server.get("/api/1.0/audit/entries?max_results=1").await;
    let entry = page.ok()["entries"][0]["entry"].take();
    let changes = entry["changes"].as_array().cloned().unwrap_or_default();
    let text = |value: &Json| value.as_str().unwrap_or("-").to_owned();
    changes
        .iter()
        .map(|change| {
            let fields = ["object", "change", "key", "before", "after"];
            fields.map(|name| text(&change[name])).join(" ")
        })
        .collect()
}

#[tokio::test]
async fn a_version_with_an_alias_is_not_archived_along() {
    let server = start(3, |_| {}).await;
    for version in ["1", "2"] {
        stage(&server, "m", version, "Production").await;
    }
    point(&server, "m", ("champion", "2"), "").await;
    point(&server, "m", ("canary", "2"), "").await;
    let answer = replace(&server, "3").await;
    assert_eq!(answer.ok()["model_version"]["current_stage"], "Production");
    assert_eq!(not_archived(&answer), "m/2 (canary champion)");
    assert_eq!(
        standing(&server).await,
        "1 Archived, 2 Production, 3 Production; canary=2 champion=2"
    );
    assert_eq!(
        audited(&server).await,
        [
            "model_version:m/1 stage_changed Archived Production Archived",
            "model_version:m/2 stage_kept canary Production Production",
            "model_version:m/2 stage_kept champion Production Production",
            "model_version:m/3 stage_changed Production None Production",
        ]
    );
    let told = told(&server, "m").await;
    assert_eq!(
        told[told.len() - 2..],
        [
            "stage_changed 1 Archived Production Archived",
            "stage_changed 3 Production None Production",
        ]
    );
}

#[tokio::test]
async fn an_answer_that_kept_nothing_has_mlflows_headers_alone() {
    let server = start(3, |_| {}).await;
    stage(&server, "m", "1", "Production").await;
    point(&server, "m", ("champion", "1"), "").await;
    stage(&server, "m", "2", "Staging").await;
    let moved = json!({ "name": "m", "version": "2", "stage": "Production" });
    let answer = server.post("model-versions/transition-stage", moved).await;
    assert_eq!(not_archived(&answer), "");
    // The version that moves is none of the others, whatever points at it.
    point(&server, "m", ("champion", "2"), "").await;
    let answer = replace(&server, "2").await;
    assert_eq!(not_archived(&answer), "");
    assert_eq!(
        standing(&server).await,
        "1 Archived, 2 Production, 3 None; champion=2"
    );
}

#[tokio::test]
async fn the_operator_may_want_mlflows_archiving() {
    let server = start(2, |config| config.registry.archive_aliased = true).await;
    stage(&server, "m", "1", "Production").await;
    point(&server, "m", ("champion", "1"), "").await;
    let answer = replace(&server, "2").await;
    assert_eq!(not_archived(&answer), "");
    assert_eq!(
        standing(&server).await,
        "1 Archived, 2 Production; champion=1"
    );
}

#[tokio::test]
async fn an_alias_follows_its_stage() {
    let server = mapped(3, &["Production=live", "Staging=next"]).await;
    stage(&server, "m", "1", "Staging").await;
    assert_eq!(standing(&server).await, "1 Staging, 2 None, 3 None; next=1");
    stage(&server, "m", "1", "Production").await;
    stage(&server, "m", "3", "Production").await;
    stage(&server, "m", "2", "Production").await;
    assert_eq!(
        standing(&server).await,
        "1 Production, 2 Production, 3 Production; live=2"
    );
    stage(&server, "m", "2", "Archived").await;
    assert_eq!(
        standing(&server).await,
        "1 Production, 2 Archived, 3 Production; live=3"
    );
    stage(&server, "m", "1", "None").await;
    let body = json!({ "name": "m", "version": "3" });
    remove(&server, "model-versions/delete", body).await;
    assert_eq!(standing(&server).await, "1 None, 2 Archived; ");
    let told = told(&server, "m").await;
    assert_eq!(
        told[4..],
        [
            "stage_changed 1 Staging None Staging",
            "alias_set 1 next - 1",
            "stage_changed 1 Production Staging Production",
            "alias_deleted 1 next 1 -",
            "alias_set 1 live - 1",
            "stage_changed 3 Production None Production",
            "alias_set 3 live 1 3",
            "stage_changed 2 Production None Production",
            "alias_set 2 live 3 2",
            "stage_changed 2 Archived Production Archived",
            "alias_set 3 live 2 3",
            "stage_changed 1 None Production None",
            "alias_deleted 3 live 3 -",
            "version_deleted 3 - - -",
        ]
    );
}

#[tokio::test]
async fn a_stage_follows_its_alias() {
    let server = mapped(3, &["Production=live", "Staging=next!"]).await;
    point(&server, "m", ("live", "1"), "").await;
    point(&server, "m", ("live", "2"), "").await;
    point(&server, "m", ("next", "3"), "").await;
    assert_eq!(
        standing(&server).await,
        "1 Production, 2 Production, 3 Staging; live=2 next=3"
    );
    point(&server, "m", ("next", "1"), "").await;
    assert_eq!(
        standing(&server).await,
        "1 Staging, 2 Production, 3 Archived; live=2 next=1"
    );
    point(&server, "m", ("live", "1"), "").await;
    let body = json!({ "name": "m", "alias": "live" });
    remove(&server, "registered-models/alias", body).await;
    assert_eq!(standing(&server).await, "1 None, 2 None, 3 Archived; ");
    let history = server.get("/api/1.0/models/m/history").await.ok();
    let last: Vec<Json> = entries(&history).into_iter().take(3).collect();
    assert!(last.iter().all(|entry| entry["reason"] == "gone"));
}

#[tokio::test]
async fn a_stage_for_one_keeps_what_another_alias_points_at() {
    let server = mapped(3, &["Production=live!"]).await;
    point(&server, "m", ("live", "1"), "").await;
    point(&server, "m", ("canary", "1"), "").await;
    let body = json!({ "name": "m", "alias": "live", "version": "2" });
    let answer = server.post("registered-models/alias", body).await;
    assert_eq!(answer.ok(), json!({}));
    assert_eq!(not_archived(&answer), "m/1 (canary)");
    stage(&server, "m", "3", "Production").await;
    assert_eq!(
        standing(&server).await,
        "1 Production, 2 Archived, 3 Production; canary=1 live=3"
    );
    point(&server, "m", ("live", "3"), "").await;
    assert_eq!(audited(&server).await, Vec::<String>::new());
}

#[tokio::test]
async fn the_alias_of_the_stage_keeps_no_version() {
    let server = mapped(2, &["Production=live"]).await;
    stage(&server, "m", "1", "Production").await;
    let answer = replace(&server, "2").await;
    assert_eq!(not_archived(&answer), "");
    assert_eq!(standing(&server).await, "1 Archived, 2 Production; live=2");
    let body = json!({ "name": "m" });
    remove(&server, "registered-models/delete", body).await;
}

#[tokio::test]
async fn aliases_of_prompts_move_no_stage() {
    let server = mapped(0, &["Production=live"]).await;
    let tags = json!([{ "key": "mlflow.prompt.is_prompt", "value": "true" }]);
    let body = json!({ "name": "p", "tags": tags });
    server.post("registered-models/create", body).await.ok();
    let body = json!({ "name": "p", "source": "dummy-source", "tags": tags });
    server.post("model-versions/create", body).await.ok();
    point(&server, "p", ("live", "1"), "").await;
    assert_eq!(
        told(&server, "p").await.last().unwrap(),
        "alias_set 1 live - 1"
    );
}

async fn aging(versions: usize) -> TestServer {
    start(versions, |config| {
        config.registry.production_max_age_days = 30;
        config.webhooks.allowed_schemes = vec!["http".into()];
        config.webhooks.allowed_private_networks = vec!["127.0.0.0/8".into()];
    })
    .await
}

async fn aged_lines(server: &TestServer) -> Vec<String> {
    let lines = told(server, "m").await;
    let aged = lines
        .into_iter()
        .filter(|line| line.starts_with("version_aged"));
    aged.collect()
}

#[tokio::test]
async fn an_old_version_in_production_is_told_once_for_each_stay() {
    let server = aging(2).await;
    stage(&server, "m", "1", "Production").await;
    server.advance(DAY);
    stage(&server, "m", "2", "Production").await;
    // Moving it where it is does not make it younger.
    stage(&server, "m", "1", "Production").await;
    server.advance(29 * DAY);
    tell_aged(server.app.clone()).await.unwrap();
    assert_eq!(aged_lines(&server).await, Vec::<String>::new());
    server.advance(1);
    let both = [tell_aged(server.app.clone()), tell_aged(server.app.clone())];
    for outcome in futures_util::future::join_all(both).await {
        outcome.unwrap();
    }
    let first = "version_aged 1 30 2023-11-14T22:13:20Z -";
    assert_eq!(aged_lines(&server).await, [first]);
    stage(&server, "m", "1", "Archived").await;
    stage(&server, "m", "1", "Production").await;
    server.advance(30 * DAY + 1);
    tell_aged(server.app.clone()).await.unwrap();
    assert_eq!(
        aged_lines(&server).await,
        [
            first,
            "version_aged 1 30 2023-12-14T22:13:20.001Z -",
            "version_aged 2 59 2023-11-15T22:13:20Z -",
        ]
    );
    let page = "/api/1.0/audit/entries?max_results=1&action=model_version.tell_aged";
    let entry = server.get(page).await.ok()["entries"][0]["entry"].take();
    assert_eq!(entry["actor"], "server");
    assert_eq!(entry["changes"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn old_versions_are_listed_while_they_are_old() {
    let server = aging(3).await;
    stage(&server, "m", "1", "Production").await;
    stage(&server, "m", "2", "Production").await;
    stage(&server, "m", "3", "Staging").await;
    point(&server, "m", ("champion", "2"), "").await;
    server.advance(45 * DAY);
    let path = "/api/1.0/registry/aged";
    assert_eq!(
        server.get(path).await.ok(),
        json!({
            "max_age_days": 30,
            "versions": [
                { "model": "m", "version": "1", "since": START_MS, "days": 45, "aliases": [] },
                { "model": "m", "version": "2", "since": START_MS, "days": 45,
                  "aliases": ["champion"] },
            ],
            "more": false,
        })
    );
    stage(&server, "m", "1", "Archived").await;
    let body = json!({ "name": "m", "version": "2" });
    remove(&server, "model-versions/delete", body).await;
    assert_eq!(server.get(path).await.ok()["versions"], json!([]));
    let refused = server.get(&format!("{path}?days=3")).await.refused();
    assert_eq!(
        refused.2,
        "There is no parameter 'days' here; this list takes none."
    );
}

#[tokio::test]
async fn versions_never_age_unless_the_operator_says_when() {
    let server = start(1, |_| {}).await;
    stage(&server, "m", "1", "Production").await;
    server.advance(40_000 * DAY);
    tell_aged(server.app.clone()).await.unwrap();
    assert_eq!(aged_lines(&server).await, Vec::<String>::new());
    assert_eq!(
        server.get("/api/1.0/registry/aged").await.ok(),
        json!({ "max_age_days": 0, "versions": [], "more": false })
    );
}

#[tokio::test]
async fn webhooks_are_told_of_an_old_version() {
    let (server, receiver) = (aging(1).await, Receiver::start().await);
    let event = json!([{ "entity": "MODEL_VERSION", "action": "AGED" }]);
    for format in ["mlflow", "slack"] {
        let body = json!({
            "name": format, "url": receiver.url, "events": event, "format": format,
        });
        server.post("webhooks", body).await.ok();
    }
    stage(&server, "m", "1", "Production").await;
    server.advance(31 * DAY);
    tell_aged(server.app.clone()).await.unwrap();
    deliver(&server).await;
    let mut bodies: Vec<Json> = receiver.take().iter().map(|letter| letter.json()).collect();
    bodies.sort_by_key(|body| body["text"].is_string());
    assert_eq!(bodies[0]["action"], "aged");
    assert_eq!(
        bodies[0]["data"],
        json!({
            "name": "m", "version": "1", "since": "2023-11-14T22:13:20Z", "days": 31,
            "actor": "server", "reason": "", "request_id": "aged",
        })
    );
    let text = "m version 1 has been in Production for 31 days by server";
    assert_eq!(bodies[1]["text"], text);
}
