use super::{because, model, point, stage, version};
use crate::server::{Answer, TestServer};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Asks where a URI leads; the query is written as it stands in a URL.
pub(super) async fn resolve(server: &TestServer, query: &str) -> Answer {
    server.get(&format!("/api/1.0/resolve?uri={query}")).await
}

/// Asks again for an answer that is known already.
pub(super) async fn again(server: &TestServer, query: &str, etag: &str) -> Answer {
    let request = Request::get(format!("/api/1.0/resolve?uri={query}"));
    let request = request.header("if-none-match", etag);
    server.send(request.body(Body::empty()).unwrap()).await
}

/// A model with two versions, the first of which is the champion.
async fn churn() -> Arc<TestServer> {
    let server = TestServer::start().await;
    model(&server, "churn").await;
    version(&server, "churn").await;
    version(&server, "churn").await;
    point(&server, "churn", ("champion", "1"), "").await;
    Arc::new(server)
}

async fn unset(server: &TestServer, alias: &str, why: &str) {
    let body = json!({ "name": "churn", "alias": alias });
    let answer = because(server, "DELETE", "registered-models/alias", (body, why)).await;
    answer.ok();
}

#[tokio::test]
async fn an_alias_leads_to_a_version_with_all_that_a_server_needs() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let run = server.run(&experiment).await;
    let file = format!("{experiment}/{run}/artifacts/model/MLmodel");
    let inputs = r#"[{"name": "tenure", "type": "double"}]"#;
    let text = format!("flavors: {{}}\nsignature:\n  inputs: '{inputs}'\n  outputs: null\n");
    assert_eq!(server.put_file(&file, text).await.status, 200);
    model(&server, "churn").await;
    let source = format!("mlflow-artifacts:/{experiment}/{run}/artifacts/model");
    let body = json!({ "name": "churn", "source": source, "run_id": run });
    server.post("model-versions/create", body).await.ok();
    point(&server, "churn", ("champion", "1"), "").await;
    stage(&server, "churn", "1", "Production").await;
    let found = resolve(&server, "models:/churn@champion").await;
    insta::assert_snapshot!(found.shown(), @r#"
    200
    {
      "aliases": [
        "champion"
      ],
      "digest": "48ad7ca03bb89d22179072f419a0a6b3754118c55d0cf2fc8f712ec7a6db5ea8",
      "download_uri": "mlflow-artifacts:/1/00000000000000000000000000000003/artifacts/model",
      "generation": 1,
      "logged_model_id": null,
      "name": "churn",
      "run_id": "00000000000000000000000000000003",
      "signature": {
        "inputs": [
          {
            "name": "tenure",
            "type": "double"
          }
        ],
        "outputs": null,
        "params": null
      },
      "stage": "Production",
      "storage_uri": "mlflow-artifacts:/1/00000000000000000000000000000003/artifacts/model",
      "uri": "models:/churn@champion",
      "version": "1"
    }
    "#);
    let shown = [
        "content-type",
        "cache-control",
        "x-trackway-model",
        "x-trackway-version",
        "x-trackway-run",
        "x-trackway-digest",
        "x-trackway-generation",
    ]
    .map(|name| format!("{name}: {}", found.header(name)));
    insta::assert_snapshot!(shown.join("\n"), @r"
    content-type: application/json
    cache-control: no-cache
    x-trackway-model: churn
    x-trackway-version: 1
    x-trackway-run: 00000000000000000000000000000003
    x-trackway-digest: 48ad7ca03bb89d22179072f419a0a6b3754118c55d0cf2fc8f712ec7a6db5ea8
    x-trackway-generation: 1
    ");
    let etag = found.header("etag");
    assert_eq!(etag.len(), 34, "{etag}");
}

#[tokio::test]
async fn every_form_of_a_uri_leads_to_its_version() {
    let server = churn().await;
    stage(&server, "churn", "1", "Production").await;
    for (uri, expected) in [
        ("models:/churn@champion", ("models:/churn@champion", "1")),
        ("models:/churn/2", ("models:/churn/2", "2")),
        ("models:/churn/latest", ("models:/churn/latest", "2")),
        ("models:/churn@latest", ("models:/churn/latest", "2")),
        (
            "models:/churn/production",
            ("models:/churn/Production", "1"),
        ),
        ("models:/churn/None", ("models:/churn/None", "2")),
    ] {
        let found = resolve(&server, uri).await.ok();
        let read = (found["uri"].as_str(), found["version"].as_str());
        assert_eq!(read, (Some(expected.0), Some(expected.1)), "{uri}");
        let is_alias = expected.0.contains('@');
        assert_eq!(
            found["generation"],
            if is_alias { json!(1) } else { Json::Null }
        );
    }
}

#[tokio::test]
async fn names_are_told_percent_encoded_in_headers() {
    let server = TestServer::start().await;
    model(&server, "größe 100%").await;
    version(&server, "größe 100%").await;
    let found = resolve(&server, "models:/gr%C3%B6%C3%9Fe%20100%25/1").await;
    assert_eq!(found.ok()["name"], "größe 100%");
    assert_eq!(found.header("x-trackway-model"), "gr%C3%B6%C3%9Fe 100%25");
    assert_eq!(found.header("x-trackway-run"), "");
}

#[tokio::test]
async fn a_source_in_a_run_is_told_as_it_stands_and_as_a_place() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let run = server.run(&experiment).await;
    model(&server, "m").await;
    let source = format!("runs:/{run}/model");
    let body = json!({ "name": "m", "source": source, "run_id": run });
    server.post("model-versions/create", body).await.ok();
    let found = resolve(&server, "models:/m/1").await.ok();
    assert_eq!(found["download_uri"], source);
    let place = format!("mlflow-artifacts:/{experiment}/{run}/artifacts/model");
    assert_eq!(found["storage_uri"], place);
}

#[tokio::test]
async fn bad_requests_are_refused_by_name() {
    let server = churn().await;
    let mut shown = Vec::new();
    for query in [
        "models:/m-0123456789abcdef0123456789abcdef",
        "runs:/0123/model",
        "models:/churn/nowhere",
        "models:/churn@a%20b",
        "models:/churn/1&wait=61",
        "models:/churn/1&wait=soon",
        "models:/churn/1&timeout=5",
        "",
    ] {
        let (status, _, message) = resolve(&server, query).await.refused();
        shown.push(format!("{status} {message}"));
    }
    insta::assert_snapshot!(shown.join("\n"), @r#"
    400 The uri 'models:/m-0123456789abcdef0123456789abcdef' names no version. A logged model that nobody registered cannot be resolved: register it first. Write models:/NAME@ALIAS, models:/NAME/VERSION, models:/NAME/STAGE or models:/NAME/latest.
    400 The uri 'runs:/0123/model' is no URI of this registry. Write models:/NAME@ALIAS, models:/NAME/VERSION, models:/NAME/STAGE or models:/NAME/latest.
    400 Invalid Model Version stage: nowhere. Value must be one of None, Staging, Production, Archived.
    400 Invalid alias name: 'a b'. Names may only contain alphanumerics, underscores (_), and dashes (-).
    400 wait must be between 0 and 60 seconds, and is 61.
    400 Invalid value "soon" for parameter 'wait' supplied:  Hint: Value was of type 'str'. See the API docs for more information about request parameters.
    400 There is no parameter 'timeout' here. The parameters are uri and wait.
    400 Missing value for required parameter 'uri'. See the API docs for more information about request parameters.
    "#);
}

#[tokio::test]
async fn what_is_gone_says_what_happened_when_and_who_did_it() {
    let server = churn().await;
    let mut shown = Vec::new();
    let mut show = async |query: &str| {
        let (status, _, message) = resolve(&server, query).await.refused();
        shown.push(format!("{status} {message}"));
    };
    show("models:/nothing@a").await;
    show("models:/churn@challenger").await;
    show("models:/churn/7").await;
    show("models:/churn/Production").await;
    server.advance(1_000);
    unset(&server, "champion", "rolled%20back").await;
    show("models:/churn@champion").await;
    stage(&server, "churn", "2", "Staging").await;
    stage(&server, "churn", "2", "Production").await;
    show("models:/churn/Staging").await;
    for number in ["1", "2"] {
        server.advance(1_000);
        let body = json!({ "name": "churn", "version": number });
        server
            .send_json("DELETE", "model-versions/delete", body)
            .await
            .ok();
    }
    show("models:/churn/1").await;
    show("models:/churn/Production").await;
    show("models:/churn/None").await;
    show("models:/churn/latest").await;
    let body = json!({ "name": "churn", "new_name": "attrition" });
    server.post("registered-models/rename", body).await.ok();
    show("models:/churn/latest").await;
    let body = json!({ "name": "attrition" });
    server
        .send_json("DELETE", "registered-models/delete", body)
        .await
        .ok();
    show("models:/churn@champion").await;
    show("models:/attrition@champion").await;
    model(&server, "attrition").await;
    show("models:/attrition@champion").await;
    show("models:/attrition/latest").await;
    insta::assert_snapshot!(shown.join("\n"), @r"
    404 There is no registered model 'nothing', and there never was one.
    404 The registered model 'churn' never had an alias 'challenger'.
    404 The registered model 'churn' never had a version 7.
    404 No version of the registered model 'churn' is in the stage Production, and none ever was.
    404 The alias 'champion' of the registered model 'churn' was deleted at 2023-11-14T22:13:21Z by anonymous ('rolled back'). It pointed at version 1.
    404 No version of the registered model 'churn' is in the stage Staging: version 2 was moved to Production at 2023-11-14T22:13:21Z by anonymous.
    404 Version 1 of the registered model 'churn' was deleted at 2023-11-14T22:13:22Z by anonymous.
    404 No version of the registered model 'churn' is in the stage Production: version 2 was deleted at 2023-11-14T22:13:23Z by anonymous.
    404 No version of the registered model 'churn' is in the stage None: version 1 was deleted at 2023-11-14T22:13:22Z by anonymous.
    404 The registered model 'churn' has no version any more: version 2 was deleted at 2023-11-14T22:13:23Z by anonymous.
    404 The registered model 'churn' was renamed to 'attrition' at 2023-11-14T22:13:23Z by anonymous.
    404 The registered model 'churn' was renamed to 'attrition' at 2023-11-14T22:13:23Z by anonymous.
    404 The registered model 'attrition' was deleted at 2023-11-14T22:13:23Z by anonymous.
    404 The registered model 'attrition' never had an alias 'champion'.
    404 The registered model 'attrition' has no version yet.
    ");
}

#[tokio::test]
async fn a_known_answer_is_304_without_a_body() {
    let server = churn().await;
    let first = resolve(&server, "models:/churn@champion").await;
    let etag = first.header("etag").to_owned();
    for known in [etag.clone(), format!("\"other\", W/{etag}"), "*".to_owned()] {
        let same = again(&server, "models:/churn@champion", &known).await;
        assert_eq!(same.status, 304, "{known}");
        assert!(same.body.is_empty());
        assert_eq!(same.header("etag"), etag);
        assert_eq!(same.header("x-trackway-version"), "1");
    }
    let other = again(&server, "models:/churn@champion", "\"other\"").await;
    assert_eq!(other.ok()["version"], "1");
    point(&server, "churn", ("champion", "2"), "").await;
    let moved = again(&server, "models:/churn@champion", &etag).await;
    assert_eq!(moved.ok()["version"], "2");
    assert_ne!(moved.header("etag"), etag);
}

#[tokio::test]
async fn a_wait_ends_with_304_when_nothing_changes() {
    let server = churn().await;
    let first = resolve(&server, "models:/churn@champion").await;
    let started = Instant::now();
    // Another model's life is no change of this answer.
    model(&server, "other").await;
    let query = "models:/churn@champion&wait=1";
    let same = again(&server, query, first.header("etag")).await;
    assert_eq!(same.status, 304);
    assert!(started.elapsed() >= Duration::from_secs(1));
    assert_eq!(server.app.followers.waiting(), 0);
}

#[tokio::test]
async fn a_first_request_does_not_wait() {
    let server = churn().await;
    let started = Instant::now();
    let found = resolve(&server, "models:/churn@champion&wait=60").await;
    assert_eq!(found.ok()["version"], "1");
    assert!(started.elapsed() < Duration::from_secs(10));
}

/// Starts a request that waits, and gives it once it does.
async fn waiting(server: &Arc<TestServer>, query: &'static str) -> tokio::task::JoinHandle<Answer> {
    let first = resolve(server, query).await;
    let etag = first.header("etag").to_owned();
    let (there, before) = (server.clone(), server.app.followers.waiting());
    let query = format!("{query}&wait=60");
    let request = tokio::spawn(async move { again(&there, &query, &etag).await });
    until(server, before + 1).await;
    request
}

async fn until(server: &TestServer, waiting: usize) {
    while server.app.followers.waiting() != waiting {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_wait_ends_when_the_alias_is_moved() {
    let server = churn().await;
    let request = waiting(&server, "models:/churn@champion").await;
    point(&server, "churn", ("champion", "2"), "").await;
    let moved = request.await.unwrap();
    let body = moved.ok();
    assert_eq!(
        (&body["version"], &body["generation"]),
        (&json!("2"), &json!(2))
    );
}

#[tokio::test]
async fn a_wait_ends_when_a_version_enters_the_stage_and_when_one_is_made() {
    let server = churn().await;
    stage(&server, "churn", "1", "Production").await;
    let staged = waiting(&server, "models:/churn/Production").await;
    let latest = waiting(&server, "models:/churn/latest").await;
    stage(&server, "churn", "2", "Production").await;
    assert_eq!(staged.await.unwrap().ok()["version"], "2");
    // The latest version is another answer now, as its stage is.
    assert_eq!(latest.await.unwrap().ok()["stage"], "Production");
    let latest = waiting(&server, "models:/churn/latest").await;
    version(&server, "churn").await;
    assert_eq!(latest.await.unwrap().ok()["version"], "3");
}

#[tokio::test]
async fn a_wait_ends_when_the_alias_is_deleted_and_one_can_wait_for_its_return() {
    let server = churn().await;
    let request = waiting(&server, "models:/churn@champion").await;
    unset(&server, "champion", "").await;
    let gone = request.await.unwrap();
    assert_eq!(
        gone.refused().2,
        "The alias 'champion' of the registered model 'churn' was deleted at \
         2023-11-14T22:13:20Z by anonymous. It pointed at version 1."
    );
    // One who knows that it is gone is told so again at the end of the wait.
    let query = "models:/churn@champion&wait=1";
    let still = again(&server, query, gone.header("etag")).await;
    assert_eq!(still.refused(), gone.refused());
    let request = waiting(&server, "models:/churn@champion").await;
    point(&server, "churn", ("champion", "2"), "").await;
    let back = request.await.unwrap().ok();
    assert_eq!(
        (&back["version"], &back["generation"]),
        (&json!("2"), &json!(3))
    );
}

#[tokio::test]
async fn a_wait_ends_when_the_server_stops() {
    let server = churn().await;
    let request = waiting(&server, "models:/churn@champion").await;
    server.app.followers.stop();
    assert_eq!(request.await.unwrap().status, 304);
    let first = resolve(&server, "models:/churn@champion").await;
    let query = "models:/churn@champion&wait=60";
    let started = Instant::now();
    let late = again(&server, query, first.header("etag")).await;
    assert_eq!(late.status, 304);
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn one_who_goes_away_gives_the_place_up() {
    let server = churn().await;
    let request = waiting(&server, "models:/churn@champion").await;
    request.abort();
    until(&server, 0).await;
}

#[tokio::test]
async fn five_hundred_who_wait_are_woken_by_one_move() {
    let server = churn().await;
    let first = resolve(&server, "models:/churn@champion").await;
    let etag = first.header("etag").to_owned();
    let mut requests = tokio::task::JoinSet::new();
    for _ in 0..500 {
        let (server, etag) = (server.clone(), etag.clone());
        requests.spawn(async move {
            let query = "models:/churn@champion&wait=60";
            again(&server, query, &etag).await
        });
    }
    until(&server, 500).await;
    point(&server, "churn", ("champion", "2"), "").await;
    let started = Instant::now();
    let answers = requests.join_all().await;
    assert!(started.elapsed() < Duration::from_secs(20));
    assert_eq!(answers.len(), 500);
    for answer in answers {
        assert_eq!(answer.ok()["version"], "2");
    }
    assert_eq!(server.app.followers.waiting(), 0);
}

#[tokio::test]
async fn a_change_that_another_server_makes_on_the_same_database_is_seen() {
    let server = churn().await;
    let request = waiting(&server, "models:/churn@champion").await;
    let other = TestServer::start_with(|config| config.database.url = server.database_url()).await;
    point(&other, "churn", ("champion", "2"), "").await;
    assert_eq!(request.await.unwrap().ok()["version"], "2");
}
