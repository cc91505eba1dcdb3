//! The files of runs and models: listed and sent by their ids, wherever their location is.

use crate::artifacts::{HELLO, fetch, list};
use crate::server::{Answer, TestServer};
use axum::body::Body;
use axum::http::Request;
use serde_json::json;

#[tokio::test]
async fn a_run_lists_and_sends_its_own_files() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let below = format!("0/{run}/artifacts");
    server
        .put_file(&format!("{below}/plots/roc.png"), "png")
        .await
        .text();
    server
        .put_file(&format!("{below}/a.txt"), "hello")
        .await
        .text();
    let listing = server.get(&format!("artifacts/list?run_id={run}")).await;
    insta::assert_snapshot!(listing.shown(), @r#"
    200
    {
      "files": [
        {
          "file_size": 5,
          "is_dir": false,
          "path": "a.txt"
        },
        {
          "is_dir": true,
          "path": "plots"
        }
      ],
      "root_uri": "mlflow-artifacts:/0/00000000000000000000000000000002/artifacts"
    }
    "#);
    let plots = server
        .get(&format!("artifacts/list?run_id={run}&path=plots"))
        .await;
    insta::assert_snapshot!(plots.shown(), @r#"
    200
    {
      "files": [
        {
          "file_size": 3,
          "is_dir": false,
          "path": "plots/roc.png"
        }
      ],
      "root_uri": "mlflow-artifacts:/0/00000000000000000000000000000002/artifacts"
    }
    "#);
    let file = async |path: &str| {
        server
            .get(&format!("/get-artifact?run_id={run}&path={path}"))
            .await
    };
    assert_eq!(file("plots/roc.png").await.text(), "png");
    assert_eq!(
        file("plots%2Froc.png").await.header("content-type"),
        "image/png"
    );
}

#[tokio::test]
async fn a_file_that_a_run_does_not_have_is_refused() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let stored = format!("0/{run}/artifacts/plots/a.txt");
    server.put_file(&stored, "x").await.text();
    let file = async |path: &str| {
        let route = format!("/get-artifact?run_id={run}&path={path}");
        server.get(&route).await
    };
    insta::assert_snapshot!(file("none.txt").await.shown(), @r#"
    404
    {
      "error_class": "RESOURCE_NOT_FOUND",
      "error_code": "RESOURCE_DOES_NOT_EXIST",
      "message": "No such artifact: '0/00000000000000000000000000000002/artifacts/none.txt'",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(file("plots").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Artifact path refers to a directory, not a file: '0/00000000000000000000000000000002/artifacts/plots'",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(file("../../x").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Invalid path",
      "sqlstate": "KAM00"
    }
    "#);
    let unnamed = server.get("/get-artifact?path=a.txt").await;
    insta::assert_snapshot!(unnamed.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Request must specify run_id.",
      "sqlstate": "KAM00"
    }
    "#);
    let unknown = server.get("/get-artifact?run_id=none&path=a.txt").await;
    assert_eq!(unknown.refused().0, 404);
    assert_eq!(
        server.get("artifacts/list?run_id=none").await.refused().0,
        404
    );
    assert_eq!(
        server
            .get(&format!("artifacts/list?run_id={run}&path=.."))
            .await
            .refused()
            .0,
        400
    );
}

async fn upload(server: &TestServer, run: &str, path: &str, body: impl Into<Body>) -> Answer {
    let path = format!("/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path={path}");
    server
        .send(Request::post(path).body(body.into()).unwrap())
        .await
}

#[tokio::test]
async fn a_small_upload_lands_with_the_files_of_its_run() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    assert_eq!(
        upload(&server, &run, "notes/a.txt", "hello").await.text(),
        ""
    );
    let path = format!("0/{run}/artifacts/notes/a.txt");
    assert_eq!(fetch(&server, &path).await.text(), "hello");
    assert_eq!(server.digest(&path).await.as_deref(), Some(HELLO));
    insta::assert_snapshot!(upload(&server, &run, "a.txt", "").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Request must specify data.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(upload(&server, "", "a.txt", "x").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Request must specify run_uuid.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(upload(&server, &run, "", "x").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Request must specify path.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(upload(&server, &run, "..%2Fa", "x").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Invalid path",
      "sqlstate": "KAM00"
    }
    "#);
    assert_eq!(upload(&server, "none", "a.txt", "x").await.refused().0, 404);
}

#[tokio::test]
async fn a_small_upload_has_at_most_ten_mebibytes() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let most = vec![b'x'; 10 * 1024 * 1024];
    let more = [most.as_slice(), b"x"].concat();
    assert_eq!(upload(&server, &run, "most.bin", most).await.text(), "");
    insta::assert_snapshot!(upload(&server, &run, "more.bin", more).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Artifact size is too large. Max size is 10MB.",
      "sqlstate": "KAM00"
    }
    "#);
    assert_eq!(
        list(&server, &format!("0/{run}/artifacts")).await,
        "most.bin=10485760"
    );
}

async fn experiment_at(server: &TestServer, location: &str) -> String {
    let body = json!({ "name": location, "artifact_location": location });
    let created = server.post("experiments/create", body).await.ok();
    created["experiment_id"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_small_upload_goes_to_the_location_of_its_experiment() {
    let server = TestServer::start().await;
    let experiment = experiment_at(&server, "mlflow-artifacts:/own/place").await;
    let run = server.run(&experiment).await;
    assert_eq!(upload(&server, &run, "a.txt", "hello").await.text(), "");
    let path = format!("own/place/{run}/artifacts/a.txt");
    assert_eq!(fetch(&server, &path).await.text(), "hello");
    assert_eq!(server.digest(&path).await.as_deref(), Some(HELLO));
    assert_eq!(list(&server, "").await, "own/");
    let listing = server
        .get(&format!("artifacts/list?run_id={run}"))
        .await
        .ok();
    assert_eq!(listing["files"][0]["path"], "a.txt");
}

#[tokio::test]
async fn a_local_location_outside_the_allowed_roots_is_403() {
    let server = TestServer::start().await;
    let outside = tempfile::tempdir().unwrap();
    std::fs::write(outside.path().join("secret.txt"), "secret").unwrap();
    let experiment = experiment_at(&server, outside.path().to_str().unwrap()).await;
    let run = server.run(&experiment).await;
    let refused = upload(&server, &run, "a.txt", "x").await;
    let (status, code, message) = refused.refused();
    assert_eq!((status, code.as_str()), (403, "PERMISSION_DENIED"));
    assert!(message.ends_with("The operator may allow it by artifacts.allowed_local_roots."));
    for path in [
        format!("artifacts/list?run_id={run}"),
        format!("/get-artifact?run_id={run}&path=secret.txt"),
        format!("/get-artifact?run_id={run}&path=../../secret.txt"),
    ] {
        let status = server.get(&path).await.refused().0;
        assert!(matches!(status, 400 | 403), "{path}: {status}");
    }
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn a_local_location_inside_the_allowed_roots_works() {
    let outside = tempfile::tempdir().unwrap();
    let root = outside.path().to_str().unwrap().to_owned();
    let allowed = root.clone();
    let server = TestServer::start_with(|c| c.artifacts.allowed_local_roots = vec![allowed]).await;
    for location in [format!("{root}/plain"), format!("file://{root}/uri")] {
        let experiment = experiment_at(&server, &location).await;
        let run = server.run(&experiment).await;
        assert_eq!(upload(&server, &run, "d/a.txt", "hello").await.text(), "");
        let listing = server
            .get(&format!("artifacts/list?run_id={run}&path=d"))
            .await
            .ok();
        assert_eq!(listing["files"][0]["path"], "d/a.txt");
        assert_eq!(listing["root_uri"], format!("{location}/{run}/artifacts"));
        let file = server
            .get(&format!("/get-artifact?run_id={run}&path=d/a.txt"))
            .await;
        assert_eq!(file.text(), "hello");
    }
    let beside = experiment_at(&server, &format!("{root}-beside")).await;
    let run = server.run(&beside).await;
    assert_eq!(upload(&server, &run, "a.txt", "x").await.refused().0, 403);
}

#[cfg(unix)]
#[tokio::test]
async fn a_link_inside_an_allowed_root_does_not_lead_out_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let (root, outside) = (folder.path().join("root"), folder.path().join("outside"));
    std::fs::create_dir(&root).unwrap();
    std::fs::create_dir(&outside).unwrap();
    std::os::unix::fs::symlink(&outside, root.join("link")).unwrap();
    let allowed = root.to_str().unwrap().to_owned();
    let server = TestServer::start_with(|c| c.artifacts.allowed_local_roots = vec![allowed]).await;
    let location = root.join("link/e");
    let experiment = experiment_at(&server, location.to_str().unwrap()).await;
    let run = server.run(&experiment).await;
    assert_eq!(upload(&server, &run, "a.txt", "x").await.refused().0, 403);
    assert_eq!(std::fs::read_dir(&outside).unwrap().count(), 0);
}

#[tokio::test]
async fn a_remote_location_is_501() {
    let server = TestServer::start().await;
    let experiment = experiment_at(&server, "s3://bucket/x").await;
    let run = server.run(&experiment).await;
    assert_eq!(upload(&server, &run, "a.txt", "x").await.refused().0, 501);
    let listing = server.get(&format!("artifacts/list?run_id={run}")).await;
    assert_eq!(listing.refused().0, 501);
}

#[tokio::test]
async fn the_files_of_a_model_are_listed_and_sent() {
    let server = TestServer::start().await;
    let body = json!({ "experiment_id": "0", "name": "m" });
    let model = server.post("logged-models", body).await.ok();
    let id = model["model"]["info"]["model_id"].as_str().unwrap();
    let below = format!("0/models/{id}/artifacts");
    server
        .put_file(&format!("{below}/MLmodel"), "hello")
        .await
        .text();
    server
        .put_file(&format!("{below}/code/x.py"), "pass")
        .await
        .text();
    let path = format!("logged-models/{id}/artifacts/directories");
    insta::assert_snapshot!(server.get(&path).await.shown(), @r#"
    200
    {
      "files": [
        {
          "file_size": 5,
          "is_dir": false,
          "path": "MLmodel"
        },
        {
          "is_dir": true,
          "path": "code"
        }
      ],
      "root_uri": "mlflow-artifacts:/0/models/m-00000000000000000000000000000002/artifacts"
    }
    "#);
    let code = server
        .get(&format!("{path}?artifact_directory_path=code"))
        .await
        .ok();
    assert_eq!(code["files"][0]["path"], "code/x.py");
    let file = async |path: &str| {
        let route = format!("/ajax-api/2.0/mlflow/logged-models/{id}/artifacts/files");
        server
            .get(&format!("{route}?artifact_file_path={path}"))
            .await
    };
    assert_eq!(file("MLmodel").await.text(), "hello");
    assert_eq!(file("code%2Fx.py").await.text(), "pass");
    assert_eq!(file("none").await.refused().0, 404);
    assert_eq!(file("..%2F..%2Fx").await.refused().0, 400);
}
