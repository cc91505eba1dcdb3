//! Saved views.

use super::OWN;
use crate::server::{Answer, TestServer};
use serde_json::{Value as Json, json};

async fn create(server: &TestServer, body: Json) -> Answer {
    server.post(&format!("{OWN}/views"), body).await
}

fn view(name: &str) -> Json {
    json!({"experiment_id": "0", "kind": "runs", "name": name, "state": {"columns": ["a"], "camelCase": 1}})
}

#[tokio::test]
async fn a_view_is_created_listed_changed_and_deleted() {
    let server = TestServer::start().await;
    let created = create(&server, view("mine")).await.ok()["view"].clone();
    assert_eq!(
        (&created["owner"], &created["shared"]),
        (&json!("anonymous"), &json!(false))
    );
    assert_eq!(created["state"], json!({"columns": ["a"], "camelCase": 1}));
    let id = created["view_id"].as_str().unwrap();
    let path = format!("{OWN}/views/{id}");
    assert_eq!(server.get(&path).await.ok()["view"], created);
    let listed = server.own("views?experiment_id=0&kind=runs").await;
    assert_eq!(listed["views"], json!([created]));
    assert_eq!(
        server.own("views?experiment_id=0&kind=compare").await["views"],
        json!([])
    );
    assert_eq!(server.own("views").await["views"], json!([]));
    server.advance(1_000);
    let changed = server
        .send_json("PATCH", &path, json!({"name": "yours", "state": {}}))
        .await;
    let changed = changed.ok()["view"].clone();
    assert_eq!(
        (&changed["name"], &changed["state"]),
        (&json!("yours"), &json!({}))
    );
    assert_ne!(changed["updated_at"], created["updated_at"]);
    assert_eq!(server.bare("DELETE", &path).await.status, 200);
    assert_eq!(server.get(&path).await.refused().0, 404);
    assert_eq!(server.bare("DELETE", &path).await.refused().0, 404);
    let log = server.own("audit/entries").await.to_string();
    for action in ["view.create", "view.update", "view.delete"] {
        assert!(log.contains(action), "{log}");
    }
}

#[tokio::test]
async fn one_shared_view_of_a_page_is_the_default() {
    let server = TestServer::start().await;
    let mut ids = Vec::new();
    for name in ["a", "b"] {
        let mut body = view(name);
        body["shared"] = json!(true);
        body["is_default"] = json!(true);
        let created = create(&server, body).await.ok();
        ids.push(created["view"]["view_id"].as_str().unwrap().to_owned());
    }
    let defaults = async || {
        let listed = server.own("views?experiment_id=0").await;
        let views = listed["views"].as_array().unwrap().clone();
        views
            .iter()
            .map(|view| view["is_default"].as_bool().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(defaults().await, [false, true]);
    let path = format!("{OWN}/views/{}", ids[0]);
    server
        .send_json("PATCH", &path, json!({"is_default": true}))
        .await
        .ok();
    assert_eq!(defaults().await, [true, false]);
    // What is shared no more is no default either.
    server
        .send_json("PATCH", &path, json!({"shared": false}))
        .await
        .ok();
    assert_eq!(defaults().await, [false, false]);
    let refused = server
        .send_json("PATCH", &path, json!({"is_default": true}))
        .await;
    assert_eq!(refused.refused().0, 400);
}

#[tokio::test]
async fn odd_views_are_refused() {
    let server = TestServer::start().await;
    create(&server, view("taken")).await.ok();
    assert_eq!(create(&server, view("taken")).await.refused().0, 409);
    let with = |field: &str, value: Json| {
        let mut body = view("other");
        body[field] = value;
        body
    };
    for (body, status) in [
        (with("name", json!("")), 400),
        (with("name", json!("x".repeat(201))), 400),
        (with("name", json!("a\u{7}b")), 400),
        (with("name", json!("a\0b")), 400),
        (with("kind", json!("Runs!")), 400),
        (with("state", json!("text")), 400),
        (with("state", json!(null)), 400),
        (with("state", json!({"big": "x".repeat(70_000)})), 413),
        (with("shared", json!("yes")), 400),
        (with("is_default", json!(true)), 400),
        (with("experiment_id", json!("999")), 404),
        (with("experiment_id", json!("x")), 400),
    ] {
        let answer = create(&server, body.clone()).await;
        assert_eq!(answer.refused().0, status, "{:.200}", body.to_string());
    }
}
