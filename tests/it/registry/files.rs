use super::model;
use crate::server::TestServer;
use axum::body::Body;
use axum::http::Request;
use serde_json::json;

/// Uploads a file of a run and registers the folder it is in.
async fn registered(server: &TestServer, source: impl Fn(&str, &str) -> String) {
    let experiment_id = server.experiment("e").await;
    let run = server.run(&experiment_id).await;
    let path = format!(
        "/api/2.0/mlflow-artifacts/artifacts/{experiment_id}/{run}/artifacts/model/MLmodel"
    );
    let upload = Request::put(path).body(Body::from("flavors: {}")).unwrap();
    assert_eq!(server.send(upload).await.status, 200);
    model(server, "m").await;
    let body = json!({ "name": "m", "source": source(&experiment_id, &run), "run_id": run });
    server.post("model-versions/create", body).await.ok();
}

#[tokio::test]
async fn a_file_of_a_version_is_read_where_the_version_is_stored() {
    let server = TestServer::start().await;
    registered(&server, |experiment_id, run| {
        format!("mlflow-artifacts:/{experiment_id}/{run}/artifacts/model")
    })
    .await;
    let path = "/model-versions/get-artifact?name=m&version=1&path=MLmodel";
    let answer = server.get(path).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.body, b"flavors: {}");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
}

#[tokio::test]
async fn a_source_of_a_run_is_looked_up() {
    let server = TestServer::start().await;
    registered(&server, |_, run| format!("runs:/{run}/model")).await;
    let path = "/model-versions/get-artifact?name=m&version=1&path=MLmodel";
    assert_eq!(server.get(path).await.body, b"flavors: {}");
}

#[tokio::test]
async fn what_is_not_a_file_of_the_version_is_refused() {
    let server = TestServer::start().await;
    registered(&server, |_, run| format!("runs:/{run}/model")).await;
    for (query, status) in [
        ("name=m&version=1&path=../x", 400),
        ("name=m&version=1&path=%252e%252e/x", 400),
        ("name=m&version=1&path=missing", 404),
        ("name=m&version=2&path=MLmodel", 404),
        ("name=zz&version=1&path=MLmodel", 404),
        ("name=m&version=x&path=MLmodel", 400),
        ("name=m&version=1", 400),
        ("path=MLmodel", 400),
    ] {
        let path = format!("/model-versions/get-artifact?{query}");
        assert_eq!(server.get(&path).await.refused().0, status, "{query}");
    }
}

#[tokio::test]
async fn a_source_outside_of_its_run_is_refused_on_creation() {
    let server = TestServer::start().await;
    let experiment_id = server.experiment("e").await;
    let run = server.run(&experiment_id).await;
    let other = server.run(&experiment_id).await;
    model(&server, "m").await;
    let root = format!("mlflow-artifacts:/{experiment_id}/{run}/artifacts");
    for source in [
        format!("mlflow-artifacts:/{experiment_id}/{other}/artifacts"),
        format!("{root}/../../{other}/artifacts"),
        format!("{root}/%2e%2e/x"),
        format!("{root}/%252e%252e/x"),
        "mlflow-artifacts:/".to_owned(),
        "/etc".to_owned(),
        "file:///etc/passwd".to_owned(),
        "http://169.254.169.254/latest".to_owned(),
        format!("runs:/{other}/model"),
        "s3://b/\u{0}".to_owned(),
    ] {
        let body = json!({ "name": "m", "source": source, "run_id": run });
        let answer = server.post("model-versions/create", body).await;
        assert_eq!(answer.refused().0, 400, "{source}");
    }
    let versions = server.get("model-versions/search").await.ok();
    assert_eq!(versions, json!({}));
}
