use super::{model, stage, told, version};
use crate::server::{START_MS, TestServer};
use serde_json::json;

#[tokio::test]
async fn a_model_shows_its_latest_versions_tags_and_aliases() {
    let server = TestServer::start().await;
    let body = json!({
        "name": "churn",
        "description": "who leaves",
        "tags": [{"key": "team", "value": "a"}, {"key": "team", "value": "b"}],
    });
    server.post("registered-models/create", body).await.ok();
    for _ in 0..3 {
        version(&server, "churn").await;
    }
    stage(&server, "churn", "1", "Production").await;
    let alias = json!({ "name": "churn", "alias": "champion", "version": "1" });
    server.post("registered-models/alias", alias).await.ok();
    let found = server.get("registered-models/get?name=churn").await.ok();
    let found = &found["registered_model"];
    assert_eq!(found["description"], "who leaves");
    assert_eq!(found["tags"], json!([{"key": "team", "value": "b"}]));
    assert_eq!(
        found["aliases"],
        json!([{"alias": "champion", "version": "1"}])
    );
    let latest = found["latest_versions"].as_array().unwrap();
    let latest: Vec<_> = latest
        .iter()
        .map(|version| (version["version"].clone(), version["current_stage"].clone()))
        .collect();
    assert_eq!(
        latest,
        [
            (json!("1"), json!("Production")),
            (json!("3"), json!("None"))
        ]
    );
}

#[tokio::test]
async fn a_name_is_taken_once_and_free_after_a_deletion() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    let again = server
        .post("registered-models/create", json!({ "name": "m" }))
        .await;
    assert_eq!(
        again.refused(),
        (
            400,
            "RESOURCE_ALREADY_EXISTS".into(),
            "Registered Model (name=m) already exists.".into()
        )
    );
    version(&server, "m").await;
    let body = json!({ "name": "m" });
    server
        .send_json("DELETE", "registered-models/delete", body)
        .await
        .ok();
    let gone = server.get("model-versions/get?name=m&version=1").await;
    assert_eq!(gone.refused().0, 404);
    model(&server, "m").await;
    assert_eq!(version(&server, "m").await, "1");
}

#[tokio::test]
async fn a_rename_takes_everything_along() {
    let server = TestServer::start().await;
    model(&server, "old").await;
    model(&server, "other").await;
    version(&server, "old").await;
    let alias = json!({ "name": "old", "alias": "a", "version": "1" });
    server.post("registered-models/alias", alias).await.ok();
    server.advance(5);
    let taken = json!({ "name": "old", "new_name": "other" });
    let taken = server.post("registered-models/rename", taken).await;
    assert_eq!(taken.refused().1, "RESOURCE_ALREADY_EXISTS");
    let body = json!({ "name": "old", "new_name": "new" });
    let renamed = server.post("registered-models/rename", body).await.ok();
    let renamed = &renamed["registered_model"];
    assert_eq!(renamed["last_updated_timestamp"], START_MS + 5);
    assert_eq!(renamed["latest_versions"][0]["name"], "new");
    let found = server.get("registered-models/alias?name=new&alias=a").await;
    assert_eq!(found.ok()["model_version"]["version"], "1");
    let gone = server.get("registered-models/get?name=old").await;
    assert_eq!(gone.refused().2, "Registered Model with name=old not found");
    assert_eq!(
        told(&server, "new").await,
        [
            "model_created - - - old",
            "version_created 1 - - s3://bucket/files",
            "alias_set 1 a - 1",
            "model_renamed - - old new",
        ]
    );
}

#[tokio::test]
async fn names_that_no_file_could_have_are_refused() {
    let server = TestServer::start().await;
    for name in ["a/b", "a:b", "..", "a\u{0}b", " ", &"n".repeat(257)] {
        let body = json!({ "name": name });
        let answer = server.post("registered-models/create", body).await;
        assert_eq!(answer.refused().0, 400, "{name:?}");
    }
}

#[tokio::test]
async fn a_model_and_a_prompt_cannot_share_a_name() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    let body = json!({
        "name": "m",
        "tags": [{"key": "mlflow.prompt.is_prompt", "value": "true"}],
    });
    let answer = server.post("registered-models/create", body).await;
    assert_eq!(
        answer.refused().2,
        "Tried to create a prompt with name 'm', but the name is already taken by a registered \
         model. MLflow does not allow creating a model and a prompt with the same name."
    );
}

#[tokio::test]
async fn tags_are_set_over_and_deleted() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    for value in ["1", "2", "2"] {
        let body = json!({ "name": "m", "key": "k", "value": value });
        server.post("registered-models/set-tag", body).await.ok();
    }
    for key in ["k", "k", "unknown"] {
        let body = json!({ "name": "m", "key": key });
        server
            .send_json("DELETE", "registered-models/delete-tag", body)
            .await
            .ok();
    }
    // What changes nothing leaves no trace.
    assert_eq!(
        told(&server, "m").await,
        [
            "model_created - - - m",
            "model_tag_set - k - 1",
            "model_tag_set - k 1 2",
            "model_tag_deleted - k 2 -",
        ]
    );
}
