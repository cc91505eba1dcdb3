//! Filters and orders of experiments.

use super::joined;
use crate::server::TestServer;
use serde_json::json;

async fn found(server: &TestServer, body: serde_json::Value) -> String {
    let page = server.post("experiments/search", body).await.ok();
    joined(&page["experiments"], |experiment| &experiment["name"])
}

async fn two_experiments(server: &TestServer) {
    for (name, team) in [("vision", "ml"), ("billing", "ops")] {
        server.advance(1);
        let id = server.experiment(name).await;
        let tag = json!({ "experiment_id": id, "key": "team", "value": team });
        server
            .post("experiments/set-experiment-tag", tag)
            .await
            .ok();
    }
}

#[tokio::test]
async fn experiments_are_found_by_name_and_tag() {
    let server = TestServer::start().await;
    two_experiments(&server).await;
    let cases = [
        ("name LIKE '%i%'", "billing vision"),
        ("tags.team = 'ml' OR name = 'Default'", "vision Default"),
        ("NOT tags.team IS NULL", "billing vision"),
        ("experiment_id IN ('1')", "vision"),
    ];
    for (filter, expected) in cases {
        let body = json!({ "max_results": 10, "filter": filter });
        let found = found(&server, body).await;
        let mut sorted: Vec<_> = found.split(' ').collect();
        sorted.sort_unstable();
        let mut wanted: Vec<_> = expected.split(' ').collect();
        wanted.sort_unstable();
        assert_eq!(sorted, wanted, "{filter}");
    }
}

#[tokio::test]
async fn experiments_are_ordered_and_paged() {
    let server = TestServer::start().await;
    two_experiments(&server).await;
    let body = json!({ "max_results": 2, "order_by": ["name"] });
    let first = server.post("experiments/search", body).await.ok();
    assert_eq!(
        joined(&first["experiments"], |one| &one["name"]),
        "Default billing"
    );
    let body = json!({
        "max_results": 2,
        "order_by": ["name"],
        "page_token": first["next_page_token"],
    });
    assert_eq!(found(&server, body).await, "vision");
}

#[tokio::test]
async fn a_search_by_query_string_is_the_same() {
    let server = TestServer::start().await;
    two_experiments(&server).await;
    let path =
        "experiments/search?max_results=5&order_by=name%20DESC&filter=name%20!%3D%20'vision'";
    let page = server.get(path).await.ok();
    assert_eq!(
        joined(&page["experiments"], |one| &one["name"]),
        "billing Default"
    );
}

#[tokio::test]
async fn deleted_experiments_are_found_if_they_are_asked_for() {
    let server = TestServer::start().await;
    two_experiments(&server).await;
    server
        .post("experiments/delete", json!({ "experiment_id": "1" }))
        .await
        .ok();
    let view = |view: &str| json!({ "max_results": 5, "view_type": view, "order_by": ["name"] });
    assert_eq!(found(&server, view("ACTIVE_ONLY")).await, "Default billing");
    assert_eq!(found(&server, view("DELETED_ONLY")).await, "vision");
    assert_eq!(found(&server, view("ALL")).await, "Default billing vision");
}
