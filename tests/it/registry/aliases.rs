use super::{because, entries, model, point, told, version};
use crate::server::TestServer;
use serde_json::json;
use std::collections::BTreeMap;

async fn generation(server: &TestServer, name: &str, alias: &str) -> i64 {
    let path = format!("/api/1.0/models/{name}/aliases/{alias}");
    server.get(&path).await.ok()["generation"].as_i64().unwrap()
}

#[tokio::test]
async fn an_alias_is_moved_and_deleted_with_its_version() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    version(&server, "m").await;
    version(&server, "m").await;
    point(&server, "m", ("a", "1"), "").await;
    point(&server, "m", ("a", "2"), "").await;
    point(&server, "m", ("a", "2"), "").await;
    let body = json!({ "name": "m", "version": "2" });
    server
        .send_json("DELETE", "model-versions/delete", body)
        .await
        .ok();
    let gone = server.get("registered-models/alias?name=m&alias=a").await;
    assert_eq!(
        gone.refused(),
        (
            400,
            "INVALID_PARAMETER_VALUE".into(),
            "Registered model alias a not found.".into()
        )
    );
    let told = told(&server, "m").await;
    assert_eq!(
        told[3..],
        [
            "alias_set 1 a - 1",
            "alias_set 2 a 1 2",
            "alias_deleted 2 a 2 -",
            "version_deleted 2 - - -",
        ]
    );
}

#[tokio::test]
async fn latest_is_the_highest_version() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    let none = server
        .get("registered-models/alias?name=m&alias=latest")
        .await;
    assert_eq!(none.refused().2, "Latest version not found for model m.");
    version(&server, "m").await;
    version(&server, "m").await;
    let found = server
        .get("registered-models/alias?name=m&alias=Latest")
        .await;
    assert_eq!(found.ok()["model_version"]["version"], "2");
}

#[tokio::test]
async fn a_generation_never_goes_back_under_one_name() {
    let server = TestServer::start().await;
    let remove = async |path: &str, body| {
        let answer = server.send_json("DELETE", path, body).await;
        answer.ok();
    };
    model(&server, "m").await;
    version(&server, "m").await;
    version(&server, "m").await;
    point(&server, "m", ("a", "1"), "").await;
    point(&server, "m", ("a", "2"), "").await;
    assert_eq!(generation(&server, "m", "a").await, 2);
    let alias = json!({ "name": "m", "alias": "a" });
    remove("registered-models/alias", alias).await;
    point(&server, "m", ("a", "2"), "").await;
    assert_eq!(generation(&server, "m", "a").await, 4);
    remove("registered-models/delete", json!({ "name": "m" })).await;
    model(&server, "m").await;
    version(&server, "m").await;
    point(&server, "m", ("a", "1"), "").await;
    assert_eq!(generation(&server, "m", "a").await, 6);
}

#[tokio::test]
async fn a_rename_keeps_generations_above_those_of_the_new_name() {
    let server = TestServer::start().await;
    for name in ["x", "y"] {
        model(&server, name).await;
        version(&server, name).await;
        version(&server, name).await;
    }
    for version in ["1", "2", "1"] {
        point(&server, "x", ("a", version), "").await;
    }
    point(&server, "y", ("a", "1"), "").await;
    let delete = json!({ "name": "x" });
    server
        .send_json("DELETE", "registered-models/delete", delete)
        .await
        .ok();
    let rename = json!({ "name": "y", "new_name": "x" });
    server.post("registered-models/rename", rename).await.ok();
    // The deletion of the first model was the fourth move of x's alias.
    point(&server, "x", ("a", "2"), "").await;
    assert_eq!(generation(&server, "x", "a").await, 6);
}

#[tokio::test]
async fn of_many_that_move_an_alias_one_wins_each_generation() {
    const CLIENTS: usize = 100;
    let server = TestServer::start().await;
    model(&server, "m").await;
    for _ in 0..CLIENTS {
        version(&server, "m").await;
    }
    let moves = (1..=CLIENTS).map(|number| {
        let body = json!({ "name": "m", "alias": "champion", "version": number.to_string() });
        let server = &server;
        async move {
            let path = "registered-models/alias";
            because(server, "POST", path, (body, "race")).await.ok();
        }
    });
    futures_util::future::join_all(moves).await;
    let path = "/api/1.0/models/m/history?kind=alias_set&max_results=1000";
    let mut entries = entries(&server.get(path).await.ok());
    entries.reverse();
    let winners: BTreeMap<i64, String> = entries
        .iter()
        .map(|entry| {
            let version = entry["to"].as_str().unwrap().to_owned();
            (entry["generation"].as_i64().unwrap(), version)
        })
        .collect();
    assert_eq!(entries.len(), CLIENTS);
    let generations: Vec<i64> = winners.keys().copied().collect();
    assert_eq!(generations, (1..=CLIENTS as i64).collect::<Vec<_>>());
    for pair in entries.windows(2) {
        assert_eq!(pair[1]["from"], pair[0]["to"]);
    }
    let found = server
        .get("registered-models/alias?name=m&alias=champion")
        .await;
    let last = winners.values().next_back().unwrap();
    assert_eq!(found.ok()["model_version"]["version"], json!(last));
}
