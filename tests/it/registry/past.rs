use super::{model, point, stage, version};
use crate::server::{START_MS, TestServer};
use serde_json::{Value as Json, json};

async fn alias_at(server: &TestServer, name: &str, at: i64) -> Json {
    let path = format!("/api/1.0/models/{name}/aliases/champion?at={at}");
    let answer = server.get(&path).await;
    match answer.status.as_u16() {
        200 => answer.json()["version"].clone(),
        _ => answer.json()["message"].clone(),
    }
}

#[tokio::test]
async fn an_alias_is_known_as_it_was() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    version(&server, "m").await;
    version(&server, "m").await;
    server.advance(100);
    point(&server, "m", ("champion", "1"), "first").await;
    server.advance(100);
    point(&server, "m", ("champion", "2"), "better%20auc").await;
    server.advance(100);
    let delete = json!({ "name": "m", "alias": "champion" });
    server
        .send_json("DELETE", "registered-models/alias", delete)
        .await
        .ok();
    let unset = |time: &str| {
        json!(format!(
            "The alias 'champion' of the registered model 'm' was not set at {time}."
        ))
    };
    for (at, expected) in [
        (0, unset("2023-11-14T22:13:20Z")),
        (99, unset("2023-11-14T22:13:20.099Z")),
        (100, json!("1")),
        (199, json!("1")),
        (200, json!("2")),
        (299, json!("2")),
        (300, unset("2023-11-14T22:13:20.3Z")),
    ] {
        assert_eq!(
            alias_at(&server, "m", START_MS + at).await,
            expected,
            "{at}"
        );
    }
    let path = "/api/1.0/models/m/aliases/champion?at=2023-11-14T23:13:20.250%2B01:00";
    assert_eq!(
        server.get(path).await.ok(),
        json!({
            "name": "m",
            "model_id": 1,
            "alias": "champion",
            "at": START_MS + 250,
            "version": "2",
            "generation": 2,
            "since": START_MS + 200,
            "actor": "anonymous",
            "reason": "better auc",
            "request_id": "req-1",
        })
    );
}

#[tokio::test]
async fn a_stage_is_known_as_it_was() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    for _ in 0..3 {
        version(&server, "m").await;
    }
    server.advance(10);
    stage(&server, "m", "1", "Production").await;
    stage(&server, "m", "3", "Production").await;
    server.advance(10);
    let body = json!({
        "name": "m", "version": "2", "stage": "Production", "archive_existing_versions": true,
    });
    server
        .post("model-versions/transition-stage", body)
        .await
        .ok();
    server.advance(10);
    let delete = json!({ "name": "m", "version": "2" });
    server
        .send_json("DELETE", "model-versions/delete", delete)
        .await
        .ok();
    let versions = async |stage: &str, at: i64| {
        let at = START_MS + at;
        let path = format!("/api/1.0/models/m/stages/{stage}?at={at}");
        let answer = server.get(&path).await;
        match answer.status.as_u16() {
            200 => answer.json()["versions"]
                .as_array()
                .unwrap()
                .iter()
                .map(|version| version["version"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
                .join(" "),
            status => status.to_string(),
        }
    };
    assert_eq!(versions("none", 0).await, "3 2 1");
    assert_eq!(versions("production", 0).await, "404");
    assert_eq!(versions("Production", 10).await, "3 1");
    assert_eq!(versions("Production", 20).await, "2");
    assert_eq!(versions("Archived", 20).await, "3 1");
    assert_eq!(versions("Production", 30).await, "404");
    assert_eq!(versions("None", 30).await, "404");
    let path = "/api/1.0/models/m/stages/Production";
    assert_eq!(
        server.get(path).await.refused().2,
        "No version of the registered model 'm' was in the stage Production at \
         2023-11-14T22:13:20.03Z."
    );
    let path = "/api/1.0/models/m/stages/prod";
    assert_eq!(
        server.get(path).await.refused().2,
        "Invalid Model Version stage: prod. Value must be one of None, Staging, Production, \
         Archived."
    );
}

#[tokio::test]
async fn a_name_means_the_model_that_had_it_then() {
    let server = TestServer::start().await;
    let promote = async |name: &str, versions: usize| {
        for _ in 0..versions {
            version(&server, name).await;
        }
        let last = versions.to_string();
        point(&server, name, ("champion", &last), "").await;
    };
    model(&server, "m").await;
    promote("m", 1).await;
    server.advance(100);
    let rename = json!({ "name": "m", "new_name": "m2" });
    server.post("registered-models/rename", rename).await.ok();
    server.advance(100);
    model(&server, "m").await;
    promote("m", 2).await;
    server.advance(100);
    let delete = json!({ "name": "m" });
    server
        .send_json("DELETE", "registered-models/delete", delete)
        .await
        .ok();
    server.advance(100);
    model(&server, "m").await;
    promote("m", 3).await;
    let absent = json!("The registered model 'm' did not exist at 2023-11-14T22:13:20.15Z.");
    for (name, at, expected) in [
        ("m", 50, json!("1")),
        ("m", 150, absent),
        ("m", 250, json!("2")),
        ("m", 450, json!("3")),
        ("m2", 150, json!("1")),
        // The one model that is called so now, under the name it had before.
        ("m2", 50, json!("1")),
    ] {
        assert_eq!(
            alias_at(&server, name, START_MS + at).await,
            expected,
            "{name} {at}"
        );
    }
}

#[tokio::test]
async fn what_never_was_is_named() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    let refused = async |path: &str| {
        let answer = server.get(&format!("/api/1.0/models/{path}")).await;
        answer.refused()
    };
    assert_eq!(
        refused("m/aliases/champion").await.2,
        "The registered model 'm' never had an alias 'champion'."
    );
    assert_eq!(
        refused("zz/aliases/champion").await.2,
        "There is no registered model 'zz', and there never was one."
    );
    assert_eq!(
        refused("m/stages/Staging?at=0").await.2,
        "The registered model 'm' did not exist at 1970-01-01T00:00:00Z."
    );
    let (status, _, message) = refused("m/aliases/champion?at=yesterday").await;
    assert_eq!(status, 400);
    assert!(message.starts_with("'yesterday' is no time."));
}
