use super::{because, entries, line, model, point, told, version};
use crate::server::{START_MS, TestServer};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};

#[tokio::test]
async fn an_entry_says_who_when_and_why() {
    let server = TestServer::start().await;
    model(&server, "churn rate").await;
    version(&server, "churn rate").await;
    server.advance(10);
    let why = "gr%C3%BCn nach Pr%C3%BCfung";
    point(&server, "churn rate", ("champion", "1"), why).await;
    let page = server
        .get("/api/1.0/models/churn%20rate/history?max_results=1")
        .await
        .ok();
    let mut entry = page["entries"][0].clone();
    entry["id"] = Json::Null;
    assert_eq!(
        entry,
        json!({
            "id": null,
            "time": START_MS + 10,
            "actor": "anonymous",
            "model_id": 1,
            "model_name": "churn rate",
            "version": "1",
            "kind": "alias_set",
            "key": "champion",
            "from": null,
            "to": "1",
            "generation": 1,
            "reason": "grün nach Prüfung",
            "request_id": "req-1",
        })
    );
}

#[tokio::test]
async fn a_reason_that_cannot_be_read_is_refused() {
    let server = TestServer::start().await;
    let create = async |why: &[u8]| {
        let request = Request::post("/api/2.0/mlflow/registered-models/create")
            .header("content-type", "application/json")
            .header("x-trackway-reason", why)
            .body(Body::from(r#"{"name": "m"}"#))
            .unwrap();
        server.send(request).await
    };
    let long = "%C3%BC".repeat(2_001);
    for (why, what) in [
        ("%FF", "is not percent-encoded UTF-8"),
        (long.as_str(), "has more than 2000 characters"),
        ("a%00b", "contains a NUL"),
    ] {
        assert_eq!(
            create(why.as_bytes()).await.refused().2,
            format!("The header x-trackway-reason {what}.")
        );
    }
    create("%C3%BC".repeat(2_000).as_bytes()).await.ok();
}

#[tokio::test]
async fn pages_follow_each_other_from_the_newest_on() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    for _ in 0..6 {
        version(&server, "m").await;
    }
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let path = format!("/api/1.0/models/m/history?max_results=3&page_token={token}");
        let page = server.get(&path).await.ok();
        seen.extend(entries(&page).iter().map(line));
        // What happens in between does not move the pages.
        version(&server, "m").await;
        match page["next_page_token"].as_str() {
            Some(next) => token = next.replace('=', "%3D").replace('+', "%2B"),
            None => break,
        }
    }
    let mut expected = told(&server, "m").await;
    expected.truncate(7);
    expected.reverse();
    assert_eq!(seen, expected);
    let other = format!("/api/1.0/models/m/history?version=1&page_token={token}");
    assert!(
        server
            .get(&other)
            .await
            .refused()
            .2
            .contains("belongs to another search")
    );
}

#[tokio::test]
async fn kinds_and_versions_can_be_chosen() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    for _ in 0..2 {
        version(&server, "m").await;
    }
    point(&server, "m", ("a", "2"), "").await;
    let told = async |query: &str| {
        let path = format!("/api/1.0/models/m/history?{query}");
        let page = server.get(&path).await.ok();
        entries(&page).iter().map(line).collect::<Vec<_>>()
    };
    assert_eq!(
        told("version=2").await,
        [
            "alias_set 2 a - 2",
            "version_created 2 - - s3://bucket/files"
        ]
    );
    assert_eq!(
        told("kind=alias_set&kind=model_created").await,
        ["alias_set 2 a - 2", "model_created - - - m"]
    );
    for (query, part) in [
        ("kind=foo", "There is no kind 'foo' of a change."),
        ("version=x", "Parameter 'version' must be an integer"),
        ("max_results=0", "between 1 and 1000"),
        ("max_results=1001", "between 1 and 1000"),
        ("page_token=x", "Invalid page token"),
    ] {
        let path = format!("/api/1.0/models/m/history?{query}");
        let (status, _, message) = server.get(&path).await.refused();
        assert!(
            status == 400 && message.contains(part),
            "{query}: {message}"
        );
    }
}

#[tokio::test]
async fn two_lives_under_one_name_are_told_apart() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    let body = json!({ "name": "m" });
    let why = (body, "no longer used");
    because(&server, "DELETE", "registered-models/delete", why)
        .await
        .ok();
    let after_deletion = told(&server, "m").await;
    assert_eq!(
        after_deletion,
        ["model_created - - - m", "model_deleted - - m -"]
    );
    model(&server, "m").await;
    let page = server.get("/api/1.0/models/m/history").await.ok();
    let lives: Vec<_> = entries(&page)
        .iter()
        .map(|entry| entry["model_id"].as_i64().unwrap())
        .collect();
    assert_eq!(lives, [2, 1, 1]);
    assert_eq!(page["entries"][1]["reason"], "no longer used");
}

#[tokio::test]
async fn a_name_without_a_model_is_a_404_that_says_more() {
    let server = TestServer::start().await;
    model(&server, "old").await;
    let rename = json!({ "name": "old", "new_name": "new" });
    server.post("registered-models/rename", rename).await.ok();
    let refused = async |name: &str| {
        let path = format!("/api/1.0/models/{name}/history");
        server.get(&path).await.refused()
    };
    assert_eq!(
        refused("old").await.2,
        "There is no registered model 'old'. The model that was called so is called 'new' now."
    );
    let delete = json!({ "name": "new" });
    server
        .send_json("DELETE", "registered-models/delete", delete)
        .await
        .ok();
    assert_eq!(
        refused("old").await.2,
        "There is no registered model 'old'. The model that was called so was called 'new' when \
         it was deleted."
    );
    assert_eq!(refused("%FF").await.0, 400);
    assert_eq!(
        refused("never").await,
        (
            404,
            "RESOURCE_DOES_NOT_EXIST".into(),
            "There is no registered model 'never', and there never was one.".into()
        )
    );
}

#[tokio::test]
async fn times_never_go_back_when_requests_overtake_each_other() {
    let server = TestServer::start().await;
    server.advance(1_000);
    model(&server, "m").await;
    server.advance(-500);
    version(&server, "m").await;
    let page = server.get("/api/1.0/models/m/history").await.ok();
    assert_eq!(page["entries"][0]["kind"], "version_created");
    assert_eq!(page["entries"][0]["time"], START_MS + 1_000);
}
