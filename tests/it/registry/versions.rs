use super::{model, stage, told, version};
use crate::server::TestServer;
use serde_json::{Value as Json, json};

async fn stages(server: &TestServer, name: &str) -> String {
    let path = format!("model-versions/search?filter=name%3D'{name}'&order_by=version_number");
    let found = server.get(&path).await.ok();
    let found = found["model_versions"].as_array().unwrap().clone();
    let stages = found
        .iter()
        .map(|version| version["current_stage"].as_str().unwrap());
    stages.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn the_number_of_a_deleted_version_is_not_given_out_again() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    for _ in 0..3 {
        version(&server, "m").await;
    }
    let body = json!({ "name": "m", "version": "3" });
    server
        .send_json("DELETE", "model-versions/delete", body.clone())
        .await
        .ok();
    assert_eq!(version(&server, "m").await, "4");
    let again = server
        .send_json("DELETE", "model-versions/delete", body)
        .await;
    assert_eq!(
        again.refused().2,
        "Model Version (name=m, version=3) not found"
    );
}

#[tokio::test]
async fn a_transition_archives_the_others_if_it_is_asked_to() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    for _ in 0..3 {
        version(&server, "m").await;
    }
    stage(&server, "m", "1", "production").await;
    stage(&server, "m", "2", "Production").await;
    assert_eq!(stages(&server, "m").await, "Production Production None");
    let body = json!({
        "name": "m", "version": "3", "stage": "Production", "archive_existing_versions": true,
    });
    let moved = server.post("model-versions/transition-stage", body).await;
    assert_eq!(moved.ok()["model_version"]["current_stage"], "Production");
    assert_eq!(stages(&server, "m").await, "Archived Archived Production");
    let told = told(&server, "m").await;
    assert_eq!(
        told[told.len() - 3..],
        [
            "stage_changed 1 Archived Production Archived",
            "stage_changed 2 Archived Production Archived",
            "stage_changed 3 Production None Production",
        ]
    );
    let none = json!({
        "name": "m", "version": "3", "stage": "None", "archive_existing_versions": true,
    });
    let refused = server.post("model-versions/transition-stage", none).await;
    assert_eq!(refused.refused().0, 400);
    assert_eq!(stages(&server, "m").await, "Archived Archived Production");
}

#[tokio::test]
async fn a_refused_transition_archives_nothing() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    version(&server, "m").await;
    stage(&server, "m", "1", "Production").await;
    let body = json!({
        "name": "m", "version": "9", "stage": "Production", "archive_existing_versions": true,
    });
    let answer = server.post("model-versions/transition-stage", body).await;
    assert_eq!(answer.refused().0, 404);
    assert_eq!(stages(&server, "m").await, "Production");
}

async fn logged_model(server: &TestServer) -> (String, String) {
    let experiment_id = server.experiment("e").await;
    let run = server.run(&experiment_id).await;
    let body = json!({ "experiment_id": experiment_id, "name": "lm", "source_run_id": run });
    let created = server.post("logged-models", body).await.ok();
    let uuid = created["model"]["info"]["model_id"].as_str().unwrap();
    (run, uuid.to_owned())
}

async fn versions_tag(server: &TestServer, uuid: &str) -> String {
    let found = server.get(&format!("logged-models/{uuid}")).await.ok();
    let tags = found["model"]["info"]["tags"].as_array().unwrap().clone();
    let tag = tags.iter().find(|tag| tag["key"] == "mlflow.modelVersions");
    tag.unwrap()["value"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_logged_model_learns_which_versions_are_made_of_it() {
    let server = TestServer::start().await;
    let (run, uuid) = logged_model(&server).await;
    model(&server, "m").await;
    let source = format!("models:/{uuid}");
    let body = json!({ "name": "m", "source": source, "model_id": uuid });
    for _ in 0..2 {
        let created = server
            .post("model-versions/create", body.clone())
            .await
            .ok();
        assert_eq!(created["model_version"]["run_id"], json!(run));
    }
    assert_eq!(
        versions_tag(&server, &uuid).await,
        r#"[{"name": "m", "version": 1}, {"name": "m", "version": 2}]"#
    );
    let uri = "model-versions/get-download-uri?name=m&version=2";
    let uri = server.get(uri).await.ok()["artifact_uri"].clone();
    assert!(
        uri.as_str()
            .unwrap()
            .ends_with(&format!("{uuid}/artifacts"))
    );
}

#[tokio::test]
async fn a_version_of_an_unknown_logged_model_is_not_created() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    let body = json!({
        "name": "m", "source": "s3://b/x", "run_id": "r", "model_id": "m-1",
    });
    let answer = server.post("model-versions/create", body).await;
    assert_eq!(answer.refused().2, "Logged model with ID 'm-1' not found.");
    let versions = server.get("model-versions/search").await.ok();
    assert_eq!(versions, json!({}));
}

#[tokio::test]
async fn a_copy_keeps_where_the_original_came_from() {
    let server = TestServer::start().await;
    let (run, uuid) = logged_model(&server).await;
    model(&server, "m").await;
    model(&server, "copies").await;
    let body = json!({ "name": "m", "source": format!("models:/{uuid}"), "model_id": uuid });
    server.post("model-versions/create", body).await.ok();
    let alias = json!({ "name": "m", "alias": "champion", "version": "1" });
    server.post("registered-models/alias", alias).await.ok();
    let body = json!({ "name": "copies", "source": "models:/m@champion" });
    let copy = server.post("model-versions/create", body).await.ok();
    assert_eq!(copy["model_version"]["source"], "models:/m/1");
    assert_eq!(copy["model_version"]["run_id"], json!(run));
    let uri = async |name: &str| -> Json {
        let path = format!("model-versions/get-download-uri?name={name}&version=1");
        server.get(&path).await.ok()["artifact_uri"].clone()
    };
    assert_eq!(uri("copies").await, uri("m").await);
    let other = json!({ "name": "copies", "source": "models:/m/1", "model_id": uuid });
    server.post("model-versions/create", other).await.ok();
    let wrong = json!({ "name": "copies", "source": "models:/m/1", "run_id": "0" });
    let wrong = server.post("model-versions/create", wrong).await;
    assert!(wrong.refused().2.contains("must match the referenced"));
}

#[tokio::test]
async fn the_operator_may_say_what_a_source_looks_like() {
    let server = TestServer::start_with(|config| {
        config.registry.source_regex = "^s3://ours/".to_owned();
    })
    .await;
    model(&server, "m").await;
    let create = async |source: &str| {
        let body = json!({ "name": "m", "source": source });
        server.post("model-versions/create", body).await
    };
    create("s3://ours/x").await.ok();
    assert_eq!(
        create("s3://theirs/x").await.refused().2,
        "Invalid model version source: 's3://theirs/x'."
    );
}

#[tokio::test]
async fn a_description_can_be_taken_away() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    version(&server, "m").await;
    for description in [json!("first"), json!("first"), Json::Null] {
        let body = json!({ "name": "m", "version": "1", "description": description });
        server
            .send_json("PATCH", "model-versions/update", body)
            .await
            .ok();
    }
    let found = server.get("model-versions/get?name=m&version=1").await.ok();
    assert!(found["model_version"].get("description").is_none());
    let told = told(&server, "m").await;
    assert_eq!(
        told[told.len() - 2..],
        ["version_updated 1 -  first", "version_updated 1 - first ",]
    );
}
