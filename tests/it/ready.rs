//! Whether the server says that it can serve, and what it says is missing.

use crate::server::TestServer;
use crate::support::PROXY;

#[tokio::test]
async fn a_server_that_can_serve_is_ready() {
    let server = TestServer::start().await;
    insta::assert_snapshot!(server.get("/ready").await.shown(), @r#"
    200
    {
      "checks": [
        {
          "message": "",
          "name": "database",
          "ok": true
        },
        {
          "message": "",
          "name": "writer",
          "ok": true
        },
        {
          "message": "",
          "name": "artifacts",
          "ok": true
        },
        {
          "message": "",
          "name": "disk",
          "ok": true
        },
        {
          "message": "",
          "name": "running",
          "ok": true
        }
      ],
      "ready": true
    }
    "#);
}

#[tokio::test]
async fn a_stopping_server_is_not_ready_and_serves_on() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/ready").await.status, 200);
    server.app.lookout.stop();
    insta::assert_snapshot!(server.get("/ready").await.shown(), @r#"
    503
    {
      "checks": [
        {
          "message": "",
          "name": "database",
          "ok": true
        },
        {
          "message": "",
          "name": "writer",
          "ok": true
        },
        {
          "message": "",
          "name": "artifacts",
          "ok": true
        },
        {
          "message": "",
          "name": "disk",
          "ok": true
        },
        {
          "message": "The server is shutting down.",
          "name": "running",
          "ok": false
        }
      ],
      "ready": false
    }
    "#);
    assert_eq!(server.get("/health").await.text(), "OK");
    server.experiment("e").await;
}

#[tokio::test]
async fn a_server_whose_artifact_folder_is_gone_is_not_ready() {
    let server = TestServer::start().await;
    server.put_file("a/b.txt", "x").await;
    std::fs::remove_dir_all(server.folder.path().join("artifacts")).unwrap();
    let answer = server.get("/ready").await;
    assert_eq!(answer.status, 503);
    let checks = answer.json()["checks"].clone();
    let artifacts = &checks[2];
    assert_eq!(artifacts["name"], "artifacts");
    assert_eq!(artifacts["ok"], false);
    let message = artifacts["message"].as_str().unwrap();
    assert!(message.contains("is not there"), "{message}");
    assert_eq!(server.get(&format!("{PROXY}/a/b.txt")).await.status, 404);
}

#[tokio::test]
async fn a_server_without_its_writer_is_not_ready() {
    let server = TestServer::start().await;
    server.app.db.close().await.unwrap();
    let answer = server.get("/ready").await;
    assert_eq!(answer.status, 503);
    let checks = answer.json()["checks"].clone();
    assert_eq!(checks[0]["ok"], false, "{checks}");
    assert_eq!(checks[1]["ok"], false, "{checks}");
    assert_eq!(checks[3]["ok"], true, "{checks}");
    assert_eq!(server.get("/health").await.text(), "OK");
}

#[tokio::test]
async fn a_disk_that_is_nearly_full_is_named() {
    let server = TestServer::start_with(|c| c.server.min_free_disk_mib = 1 << 40).await;
    let answer = server.get("/ready").await;
    assert_eq!(answer.status, 503);
    let disk = answer.json()["checks"][3].clone();
    let message = disk["message"].as_str().unwrap();
    assert!(message.contains("server.min_free_disk_mib"), "{message}");
}

#[tokio::test]
async fn readiness_is_told_under_any_host_name() {
    let server = TestServer::start().await;
    let host = axum::http::HeaderName::from_static("host");
    let answer = server
        .get_with("/ready", (host.clone(), "evil.example"))
        .await;
    assert_eq!(answer.status, 200);
    let metrics = server.get_with("/metrics", (host, "evil.example")).await;
    assert_eq!(metrics.status, 403);
}
