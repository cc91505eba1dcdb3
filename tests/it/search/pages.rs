//! Pages and their tokens.

use super::run;
use crate::server::TestServer;
use serde_json::{Value as Json, json};

async fn five_runs(server: &TestServer) -> String {
    let id = server.experiment("e").await;
    for number in 0..5 {
        let data = json!({ "start_time": number, "metrics": { "m": number % 2 } });
        run(server, &id, &number.to_string(), data).await;
    }
    id
}

fn page_of(id: &str, size: usize, token: &Json) -> Json {
    json!({
        "experiment_ids": [id],
        "max_results": size,
        "order_by": ["metrics.m DESC"],
        "page_token": token,
    })
}

#[tokio::test]
async fn the_last_full_page_has_no_token() {
    let server = TestServer::start().await;
    let id = five_runs(&server).await;
    let first = server
        .post("runs/search", page_of(&id, 5, &Json::Null))
        .await
        .ok();
    assert_eq!(first["runs"].as_array().unwrap().len(), 5);
    assert_eq!(first["next_page_token"], Json::Null);
}

#[tokio::test]
async fn pages_neither_repeat_nor_skip_when_runs_are_added() {
    let server = TestServer::start().await;
    let id = five_runs(&server).await;
    let first = server
        .post("runs/search", page_of(&id, 2, &Json::Null))
        .await
        .ok();
    // It comes first, so that every other run moves back by one place.
    let data = json!({ "start_time": 9, "metrics": { "m": 7 } });
    run(&server, &id, "new", data).await;
    let second = page_of(&id, 9, &first["next_page_token"]);
    let second = server.post("runs/search", second).await.ok();
    let names = |page: &Json| super::joined(&page["runs"], |run| &run["info"]["run_name"]);
    assert_eq!(
        (names(&first), names(&second)),
        ("3 1".into(), "4 2 0".into())
    );
}

#[tokio::test]
async fn a_token_of_another_search_is_refused() {
    let server = TestServer::start().await;
    let id = five_runs(&server).await;
    let first = server
        .post("runs/search", page_of(&id, 2, &Json::Null))
        .await
        .ok();
    let changes = [
        ("filter", json!("metrics.m > 0")),
        ("order_by", json!(["start_time"])),
        ("experiment_ids", json!(["0"])),
        ("run_view_type", json!("ALL")),
    ];
    for (field, value) in changes {
        let mut body = page_of(&id, 2, &first["next_page_token"]);
        body[field] = value;
        let (status, _, message) = server.post("runs/search", body).await.refused();
        assert_eq!(status, 400, "{field}");
        assert!(message.starts_with("Invalid page token, it belongs to another search"));
    }
    let of_experiments = json!({ "max_results": 2, "page_token": first["next_page_token"] });
    assert_eq!(
        server
            .post("experiments/search", of_experiments)
            .await
            .status,
        400
    );
}

#[tokio::test]
async fn a_broken_token_is_refused() {
    let server = TestServer::start().await;
    let id = five_runs(&server).await;
    let cases = [
        ("%", "Invalid page token, could not base64-decode"),
        ("eA==", "Invalid page token, decoded value=b'x'"),
        ("e30=", "Invalid page token, parsed value={}"),
    ];
    for (token, expected) in cases {
        let body = page_of(&id, 2, &json!(token));
        let (status, code, message) = server.post("runs/search", body).await.refused();
        assert_eq!((status, code.as_str()), (400, "INVALID_PARAMETER_VALUE"));
        assert_eq!(message, expected);
        let body = json!({ "experiment_ids": [id], "page_token": token });
        assert_eq!(server.post("logged-models/search", body).await.status, 400);
    }
}
