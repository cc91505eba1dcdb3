use super::resolve::resolve;
use super::{model, point, stage, version};
use crate::server::{Answer, START_MS, TestServer};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};
use trackway::registry::consumer;

/// A model with three versions, the second of which is the champion.
async fn churn() -> TestServer {
    let server = TestServer::start().await;
    model(&server, "churn").await;
    for _ in 0..3 {
        version(&server, "churn").await;
    }
    point(&server, "churn", ("champion", "2"), "").await;
    server
}

async fn report(server: &TestServer, body: Json) -> Answer {
    server.post("/api/1.0/consumers", body).await
}

/// A report of a process that follows the champion.
fn loaded(consumer: &str, version: &str) -> Json {
    json!({
        "consumer": consumer,
        "uri": "models:/churn@champion",
        "state": "loaded",
        "loaded_version": version,
    })
}

async fn listed(server: &TestServer, query: &str) -> Json {
    let path = format!("/api/1.0/models/churn/consumers{query}");
    server.get(&path).await.ok()
}

/// Gives how each consumer stands: its name, status, the milliseconds since the start since when,
/// and the reason.
async fn standing(server: &TestServer) -> Vec<String> {
    let listed = listed(server, "").await;
    let consumers = listed["consumers"].as_array().unwrap().iter();
    let lines = consumers.map(|one| {
        let text = |name: &str| one[name].as_str().unwrap().to_owned();
        let since = one["since"].as_i64().unwrap() - START_MS;
        let line = format!(
            "{} {} {since} {}",
            text("consumer"),
            text("status"),
            text("reason")
        );
        line.trim().to_owned()
    });
    lines.collect()
}

#[tokio::test]
async fn a_report_is_told_beside_what_should_be_loaded() {
    let server = churn().await;
    server.advance(100);
    let body = json!({
        "consumer": "scoring",
        "instance": "pod-1",
        "name": "churn",
        "alias": "champion",
        "state": "loading",
        "loaded_version": "1",
        "loaded_digest": "d1",
        "metadata": { "image": "scoring:7" },
    });
    let told = report(&server, body).await;
    insta::assert_snapshot!(told.shown(), @r#"
    200
    {
      "consumer": "scoring",
      "desired_digest": null,
      "desired_version": "2",
      "error": "",
      "instance": "pod-1",
      "loaded_digest": "d1",
      "loaded_version": "1",
      "metadata": {
        "image": "scoring:7"
      },
      "reason": "It serves version 1 and should serve 2.",
      "reported_at": 1700000000100,
      "resolved_at": null,
      "since": 1700000000100,
      "state": "loading",
      "status": "behind",
      "uri": "models:/churn@champion"
    }
    "#);
    let listed = listed(&server, "").await;
    assert_eq!(
        listed,
        json!({ "consumers": [told.ok()], "next_page_token": null })
    );
}

#[tokio::test]
async fn who_is_in_sync_and_who_is_behind_is_told_with_since_when() {
    let server = churn().await;
    server.advance(100);
    report(&server, loaded("a", "2")).await.ok();
    report(&server, loaded("b", "1")).await.ok();
    let mut broken = loaded("c", "1");
    broken["state"] = json!("failed");
    broken["error"] = json!("no such file: model.pkl");
    report(&server, broken.clone()).await.ok();
    insta::assert_snapshot!(standing(&server).await.join("\n"), @r"
    a in_sync 100
    b behind 100 It serves version 1 and should serve 2.
    c failed 100 no such file: model.pkl
    ");
    server.advance(100);
    // What is said again is no change.
    report(&server, loaded("a", "2")).await.ok();
    report(&server, broken).await.ok();
    insta::assert_snapshot!(standing(&server).await.join("\n"), @r"
    a in_sync 100
    b behind 100 It serves version 1 and should serve 2.
    c failed 100 no such file: model.pkl
    ");
    server.advance(100);
    point(&server, "churn", ("champion", "3"), "").await;
    insta::assert_snapshot!(standing(&server).await.join("\n"), @r"
    a behind 300 It serves version 2 and should serve 3.
    b behind 300 It serves version 1 and should serve 3.
    c failed 100 no such file: model.pkl
    ");
    server.advance(100);
    report(&server, loaded("a", "3")).await.ok();
    report(&server, loaded("b", "3")).await.ok();
    report(&server, loaded("c", "3")).await.ok();
    insta::assert_snapshot!(standing(&server).await.join("\n"), @r"
    a in_sync 400
    b in_sync 400
    c in_sync 400
    ");
    server.advance(100);
    let body = json!({ "name": "churn", "alias": "champion" });
    server
        .send_json("DELETE", "registered-models/alias", body)
        .await
        .ok();
    insta::assert_snapshot!(standing(&server).await.join("\n"), @r"
    a behind 500 The alias 'champion' of the registered model 'churn' was deleted at 2023-11-14T22:13:20.5Z by anonymous. It pointed at version 3.
    b behind 500 The alias 'champion' of the registered model 'churn' was deleted at 2023-11-14T22:13:20.5Z by anonymous. It pointed at version 3.
    c behind 500 The alias 'champion' of the registered model 'churn' was deleted at 2023-11-14T22:13:20.5Z by anonymous. It pointed at version 3.
    ");
}

#[tokio::test]
async fn one_who_does_not_report_for_long_is_stale() {
    let server = churn().await;
    report(&server, loaded("a", "2")).await.ok();
    server.advance(900_000);
    assert_eq!(standing(&server).await, ["a in_sync 0"]);
    server.advance(1);
    assert_eq!(
        standing(&server).await,
        ["a stale 900000 It has not reported for longer than it may."]
    );
    let patient = listed(&server, "?stale_after_s=1000").await;
    assert_eq!(patient["consumers"][0]["status"], "in_sync");
    report(&server, loaded("a", "2")).await.ok();
    assert_eq!(standing(&server).await, ["a in_sync 0"]);
}

#[tokio::test]
async fn stages_and_the_latest_version_are_followed_too() {
    let server = churn().await;
    server.advance(10);
    stage(&server, "churn", "1", "Production").await;
    let mut staged = loaded("staged", "1");
    staged["uri"] = json!("models:/churn/Production");
    let mut latest = loaded("latest", "3");
    latest["uri"] = json!("models:/churn/latest");
    let mut fixed = loaded("fixed", "1");
    fixed["uri"] = json!("models:/churn/1");
    for body in [staged, latest, fixed] {
        report(&server, body).await.ok();
    }
    server.advance(10);
    stage(&server, "churn", "2", "Production").await;
    server.advance(10);
    version(&server, "churn").await;
    insta::assert_snapshot!(standing(&server).await.join("\n"), @r"
    fixed in_sync 10
    latest behind 30 It serves version 3 and should serve 4.
    staged behind 20 It serves version 1 and should serve 2.
    ");
}

#[tokio::test]
async fn bad_reports_are_refused_by_name() {
    let server = churn().await;
    let mut shown = Vec::new();
    for (field, value) in [
        ("consumer", json!("")),
        ("consumer", json!("x".repeat(257))),
        ("instance", json!("a\u{7}")),
        ("uri", json!("models:/churn")),
        ("uri", json!("models:/never@champion")),
        ("alias", json!("champion")),
        ("state", json!("happy")),
        ("state", json!("failed")),
        ("loaded_version", json!("one")),
        ("loaded_version", Json::Null),
        ("loaded_digest", json!("d".repeat(257))),
        ("metadata", json!([])),
        ("metadata", json!({ "a": "x".repeat(5000) })),
        ("version", json!("1")),
    ] {
        let mut body = loaded("a", "2");
        body[field] = value;
        let (status, _, message) = report(&server, body).await.refused();
        shown.push(format!("{status} {message}"));
    }
    insta::assert_snapshot!(shown.join("\n"), @r#"
    400 Missing value for required parameter 'consumer'. See the API docs for more information about request parameters.
    400 The consumer has more than 256 characters.
    400 The instance contains a control character.
    400 The uri 'models:/churn' names no version. A logged model that nobody registered cannot be resolved: register it first. Write models:/NAME@ALIAS, models:/NAME/VERSION, models:/NAME/STAGE or models:/NAME/latest.
    404 There is no registered model 'never', and there never was one.
    400 Say what is followed either by uri, or by name and alias.
    400 The state must be loaded, loading or failed, and is 'happy'.
    400 Missing value for required parameter 'error'. See the API docs for more information about request parameters.
    400 Invalid value "one" for parameter 'loaded_version' supplied:  Hint: Value was of type 'str'. See the API docs for more information about request parameters.
    400 Missing value for required parameter 'loaded_version'. See the API docs for more information about request parameters.
    400 loaded_digest has more than 256 characters.
    400 metadata must be a JSON object.
    400 metadata has 5008 bytes as JSON, and may have 4096.
    400 There is no parameter 'version' here. The parameters are consumer, instance, uri, name, alias, state, loaded_version, loaded_digest, error and metadata.
    "#);
    let unknown = server.get("/api/1.0/models/never/consumers").await;
    assert_eq!(unknown.refused().0, 404);
    let odd = server.get("/api/1.0/models/churn/consumers?sort=x").await;
    assert_eq!(
        odd.refused().2,
        "There is no parameter 'sort' here. The parameters are stale_after_s, max_results and \
         page_token."
    );
}

#[tokio::test]
async fn a_long_error_is_cut_and_not_refused() {
    let server = churn().await;
    let mut body = loaded("a", "1");
    body["state"] = json!("failed");
    body["error"] = json!("e".repeat(10_000));
    let told = report(&server, body).await.ok();
    assert_eq!(told["error"].as_str().unwrap().len(), 4_000);
}

#[tokio::test]
async fn consumers_come_in_pages() {
    let server = churn().await;
    for (consumer, instance) in [("b", ""), ("a", "2"), ("a", "1"), ("c", "")] {
        let mut body = loaded(consumer, "2");
        body["instance"] = json!(instance);
        report(&server, body).await.ok();
    }
    let mut names = Vec::new();
    let mut query = "?max_results=3".to_owned();
    loop {
        let page = listed(&server, &query).await;
        for one in page["consumers"].as_array().unwrap() {
            names.push(format!("{}{}", one["consumer"], one["instance"]).replace('"', ""));
        }
        let Some(token) = page["next_page_token"].as_str() else {
            break;
        };
        query = format!("?max_results=3&page_token={token}");
    }
    assert_eq!(names, ["a1", "a2", "b", "c"]);
}

/// Asks where a URI leads, and says who asks.
async fn resolve_as(server: &TestServer, consumer: &str, uri: &str) -> Answer {
    let request = Request::get(format!("/api/1.0/resolve?uri={uri}"));
    let request = request.header("x-trackway-consumer", consumer);
    server.send(request.body(Body::empty()).unwrap()).await
}

async fn resolutions(server: &TestServer, query: &str) -> Json {
    let path = format!("/api/1.0/models/churn/resolutions{query}");
    server.get(&path).await.ok()
}

#[tokio::test]
async fn who_resolved_what_and_when_is_remembered() {
    let server = churn().await;
    resolve_as(&server, "batch", "models:/churn@champion")
        .await
        .ok();
    server.advance(100);
    resolve_as(&server, "batch", "models:/churn@champion")
        .await
        .ok();
    resolve_as(&server, "gr%C3%B6%C3%9Fe", "models:/churn/1")
        .await
        .ok();
    // Nobody's name, and nowhere to lead to.
    resolve(&server, "models:/churn@champion").await.ok();
    resolve_as(&server, "batch", "models:/churn@other")
        .await
        .refused();
    point(&server, "churn", ("champion", "3"), "").await;
    server.advance(100);
    resolve_as(&server, "batch", "models:/churn@champion")
        .await
        .ok();
    assert_eq!(resolutions(&server, "").await["resolutions"], json!([]));
    let written = server.app.sightings.flush(&server.app.db).await;
    assert_eq!(written.unwrap(), 3);
    let told = resolutions(&server, "").await;
    insta::assert_snapshot!(serde_json::to_string_pretty(&told).unwrap(), @r#"
    {
      "next_page_token": null,
      "resolutions": [
        {
          "consumer": "batch",
          "first_at": 1700000000000,
          "last_at": 1700000000100,
          "times": 2,
          "uri": "models:/churn@champion",
          "version": "2"
        },
        {
          "consumer": "batch",
          "first_at": 1700000000200,
          "last_at": 1700000000200,
          "times": 1,
          "uri": "models:/churn@champion",
          "version": "3"
        },
        {
          "consumer": "größe",
          "first_at": 1700000000100,
          "last_at": 1700000000100,
          "times": 1,
          "uri": "models:/churn/1",
          "version": "1"
        }
      ]
    }
    "#);
    resolve_as(&server, "batch", "models:/churn@champion")
        .await
        .ok();
    server.app.sightings.flush(&server.app.db).await.unwrap();
    let told = resolutions(&server, "?consumer=batch&max_results=1").await;
    let token = told["next_page_token"].as_str().unwrap();
    let query = format!("?consumer=batch&max_results=1&page_token={token}");
    let rest = resolutions(&server, &query).await;
    assert_eq!(rest["resolutions"][0]["times"], 2);
    assert_eq!(rest["next_page_token"], Json::Null);
    report(&server, loaded("batch", "3")).await.ok();
    let listed = listed(&server, "").await;
    assert_eq!(listed["consumers"][0]["resolved_at"], START_MS + 200);
    let silly = resolve_as(&server, "%FF", "models:/churn/1").await;
    assert_eq!(
        silly.refused().2,
        "The header x-trackway-consumer is not percent-encoded UTF-8."
    );
}

#[tokio::test]
async fn a_consumer_is_forgotten_by_name_and_by_instance() {
    let server = churn().await;
    for instance in ["1", "2"] {
        let mut body = loaded("a/b", "2");
        body["instance"] = json!(instance);
        report(&server, body).await.ok();
    }
    resolve_as(&server, "a/b", "models:/churn/1").await.ok();
    server.app.sightings.flush(&server.app.db).await.unwrap();
    let path = "/api/1.0/consumers/a%2Fb";
    let forget = async |query: &str| {
        let answer = server.bare("DELETE", &format!("{path}{query}")).await;
        answer.shown().split_whitespace().collect::<String>()
    };
    assert_eq!(forget("?name=other").await.get(..3), Some("404"));
    assert_eq!(forget("?instance=1").await, r#"200{"forgotten":1}"#);
    assert_eq!(forget("?instance=1").await.get(..3), Some("404"));
    assert_eq!(forget("?name=churn").await, r#"200{"forgotten":2}"#);
    assert_eq!(listed(&server, "").await["consumers"], json!([]));
    let body = server
        .send_json("DELETE", path, json!({ "instance": "1" }))
        .await;
    assert_eq!(
        body.refused().2,
        "This request takes no body: write its parameters into the query."
    );
}

#[tokio::test]
async fn what_was_not_said_again_for_long_is_forgotten() {
    let server = churn().await;
    report(&server, loaded("old", "2")).await.ok();
    resolve_as(&server, "old", "models:/churn/1").await.ok();
    server.advance(1_000);
    report(&server, loaded("new", "2")).await.ok();
    resolve_as(&server, "new", "models:/churn/1").await.ok();
    server.app.sightings.flush(&server.app.db).await.unwrap();
    let before = START_MS + 1_000;
    let write = server
        .app
        .db
        .write(move |tx| consumer::forget_old(tx, before));
    assert_eq!(write.await.unwrap(), 2);
    let left = listed(&server, "").await;
    assert_eq!(left["consumers"][0]["consumer"], "new");
    assert_eq!(left["consumers"].as_array().unwrap().len(), 1);
    let left = resolutions(&server, "").await;
    assert_eq!(left["resolutions"][0]["consumer"], "new");
}
