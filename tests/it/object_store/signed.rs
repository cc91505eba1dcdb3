//! Runs whose files are in an allowed store, and the URLs that clients get for them.

use super::is_direct;
use crate::artifacts::HELLO;
use crate::server::{Answer, TestServer, remote_place};
use serde_json::{Value as Json, json};

/// Starts a server with a run in an allowed store, a place of its own, which holds
/// `model/a.txt`; gives the server, the place and the run. `None` without a remote store.
async fn elsewhere() -> Option<(TestServer, String, String)> {
    let place = remote_place()?;
    let allowed = place.clone();
    let change = |config: &mut trackway::config::Config| {
        config.artifacts.allowed_stores = vec![allowed];
    };
    let server = TestServer::start_with(change).await;
    let body = json!({ "name": "elsewhere", "artifact_location": format!("{place}/e") });
    let experiment = server.post("experiments/create", body).await.ok();
    let run = server
        .run(experiment["experiment_id"].as_str().unwrap())
        .await;
    let stored = upload(&server, &run, "model/a.txt", "hello").await;
    stored.text();
    Some((server, place, run))
}

/// Sends a small file of a run through the server.
async fn upload(server: &TestServer, run: &str, path: &str, content: &'static str) -> Answer {
    let route = format!("/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path={path}");
    server.send_text("POST", &route, content).await
}

async fn read(server: &TestServer, run: &str, path: &str) -> String {
    let route = format!("/get-artifact?run_id={run}&path={path}");
    server.get(&route).await.text()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_elsewhere_in_an_allowed_store_are_served_and_signed_for() {
    let Some((server, place, run)) = elsewhere().await else {
        let server = TestServer::start_with(|config| config.artifacts.allowed_stores.clear()).await;
        assert!(!is_direct(&server).await);
        return;
    };
    let body = json!({ "run_id": run, "path": "model/b.txt" });
    if is_direct(&server).await {
        let signed = signed_for(&server, &run, "model/b.txt").await;
        assert_eq!(
            signed["headers"],
            json!({ "Content-Type": "text/plain", "if-none-match": "*" })
        );
        assert_eq!(send_to(&signed, "direct").await, 200);
        let signed = server.post("artifacts/presigned-download-url", body).await;
        assert_eq!(signed.ok()["file_size"], 6);
    } else {
        let refused = server.post("artifacts/presigned-upload-url", body).await;
        assert_eq!(refused.refused().0, 501);
        upload(&server, &run, "model/b.txt", "direct").await.text();
    }
    let listing = server
        .get(&format!("artifacts/list?run_id={run}&path=model"))
        .await
        .ok();
    assert_eq!(
        listing["files"][1],
        json!({ "path": "model/b.txt", "is_dir": false, "file_size": 6 })
    );
    assert_eq!(read(&server, &run, "model/b.txt").await, "direct");

    register(&server, &place, &run).await;
    let files = server.get("/api/1.0/models/m/versions/1/files").await.ok();
    assert_eq!(files["files"][0]["sha256"], HELLO, "{files}");
    let refused = upload(&server, &run, "model/a.txt", "changed").await;
    assert_eq!(refused.refused().0, 409);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_upload_replaces_no_file_although_it_is_older_than_the_version() {
    let Some((server, place, run)) = elsewhere().await else {
        return;
    };
    if !is_direct(&server).await {
        return;
    }
    let late = signed_for(&server, &run, "model/b.txt").await;
    let used = signed_for(&server, &run, "model/c.txt").await;
    assert_eq!(send_to(&used, "direct").await, 200);
    assert_eq!(send_to(&used, "another").await, 412);
    let body = json!({ "run_id": run, "path": "model/c.txt" });
    let refused = server.post("artifacts/presigned-upload-url", body).await;
    assert_eq!(refused.refused().0, 409);
    upload(&server, &run, "model/b.txt", "hello").await.text();

    register(&server, &place, &run).await;
    for url in [&late, &used] {
        assert_eq!(send_to(url, "changed").await, 412);
    }
    let mut unguarded = late.clone();
    unguarded["headers"] = json!({ "Content-Type": "text/plain" });
    assert_eq!(send_to(&unguarded, "changed").await, 403);
    assert_eq!(read(&server, &run, "model/b.txt").await, "hello");
    assert_eq!(read(&server, &run, "model/c.txt").await, "direct");
    for path in ["model/b.txt", "model/new.txt"] {
        let body = json!({ "run_id": run, "path": path });
        let refused = server.post("artifacts/presigned-upload-url", body).await;
        let (status, _, message) = refused.refused();
        assert_eq!(status, 409, "{message}");
        assert!(message.contains("m/1"), "{message}");
    }
}

/// Registers the folder `model` of a run as the first version of the model `m`.
async fn register(server: &TestServer, place: &str, run: &str) {
    let body = json!({ "name": "m" });
    server.post("registered-models/create", body).await.ok();
    let source = format!("{place}/e/{run}/artifacts/model");
    let body = json!({ "name": "m", "source": source, "run_id": run });
    server.post("model-versions/create", body).await.ok();
}

/// Gets a URL for the upload of a file of a run.
async fn signed_for(server: &TestServer, run: &str, path: &str) -> Json {
    let body = json!({ "run_id": run, "path": path });
    server
        .post("artifacts/presigned-upload-url", body)
        .await
        .ok()
}

/// Sends a file to a signed URL with the headers that belong to it, and gives the status.
async fn send_to(signed: &Json, content: &'static str) -> u16 {
    let signed = signed.clone();
    let sending = tokio::task::spawn_blocking(move || {
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .new_agent();
        let mut request = agent.put(signed["presigned_url"].as_str().unwrap());
        for (name, value) in signed["headers"].as_object().unwrap() {
            request = request.header(name, value.as_str().unwrap());
        }
        request.send(content).unwrap().status().as_u16()
    });
    sending.await.unwrap()
}
