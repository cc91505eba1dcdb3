//! What holds for every route: unknown ones, methods, request ids, prefixes, who may ask.

use crate::server::TestServer;
use crate::support::PROXY;
use axum::body::Body;
use axum::http::{HeaderName, Request};
use serde_json::json;
use trackway::http::router;

const REQUEST_ID: HeaderName = router::REQUEST_ID;

#[tokio::test]
async fn health_and_version_are_plain_text() {
    let server = TestServer::start().await;
    assert_eq!(server.get("/health").await.text(), "OK");
    assert_eq!(server.get("/version").await.text(), "3.17.2");
}

#[tokio::test]
async fn the_server_says_what_it_can_do() {
    let server = TestServer::start_in_folder().await;
    let info = server.get("/api/3.0/mlflow/server-info").await;
    assert_eq!(info.header("content-type"), "application/json");
    insta::assert_snapshot!(info.shown(), @r#"
    200
    {
      "features_enabled": {
        "gateway": false
      },
      "multipart_downloads_enabled": false,
      "multipart_uploads_enabled": false,
      "presigned_upload_model_id_supported": true,
      "presigned_upload_run_id_supported": true,
      "store_type": "SqlStore",
      "trace_archival_enabled": false,
      "workspaces_enabled": false
    }
    "#);
    let ajax = server.get("/ajax-api/3.0/mlflow/server-info").await;
    assert_eq!(ajax.ok(), info.ok());
}

#[tokio::test]
async fn an_unknown_route_is_404_in_the_shape_of_mlflow() {
    let server = TestServer::start().await;
    insta::assert_snapshot!(server.get("/api/2.0/mlflow/no/such").await.shown(), @r#"
    404
    {
      "error_class": "RESOURCE_NOT_FOUND",
      "error_code": "ENDPOINT_NOT_FOUND",
      "message": "There is no route GET /api/2.0/mlflow/no/such. `trackway routes` lists what there is.",
      "sqlstate": "KAM00"
    }
    "#);
    for (method, path) in [
        ("GET", "/nothing"),
        ("POST", "/api/2.0/mlflow/runs/getting"),
        ("DELETE", "/api/9.0/mlflow/runs/get"),
        ("GET", "/api/2.0/mlflow/metrics/get-history-bulk"),
        ("GET", "//health"),
        ("PUT", "/api/2.0/mlflow-artifacts/artifacts/"),
    ] {
        let (status, code, message) = server.bare(method, path).await.refused();
        assert_eq!(
            (status, code.as_str()),
            (404, "ENDPOINT_NOT_FOUND"),
            "{path}"
        );
        assert!(message.contains(&format!("{method} {path}")), "{message}");
    }
}

#[tokio::test]
async fn routes_of_areas_that_are_not_here_are_501() {
    let server = TestServer::start().await;
    let scorers = server.get("/api/3.0/mlflow/scorers/list").await;
    insta::assert_snapshot!(scorers.shown(), @r#"
    501
    {
      "error_code": "NOT_IMPLEMENTED",
      "message": "GET /api/3.0/mlflow/scorers/list: this server does not have MLflow's scorers API."
    }
    "#);
    for (method, path) in [
        ("POST", "/api/3.0/mlflow/traces/search"),
        ("POST", "/api/3.0/mlflow/gateway/secrets/create"),
        ("GET", "/api/3.0/mlflow/workspaces"),
    ] {
        let (status, code, _) = server.bare(method, path).await.refused();
        assert_eq!((status, code.as_str()), (501, "NOT_IMPLEMENTED"), "{path}");
    }
}

#[tokio::test]
async fn a_wrong_method_is_405() {
    let server = TestServer::start().await;
    let answer = server.bare("DELETE", "/api/2.0/mlflow/runs/get").await;
    insta::assert_snapshot!(answer.shown(), @r#"
    405
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "BAD_REQUEST",
      "message": "The method DELETE is not allowed for /api/2.0/mlflow/runs/get.",
      "sqlstate": "KAM00"
    }
    "#);
    for (method, path) in [
        ("GET", "/api/2.0/mlflow/runs/create"),
        ("PUT", "/ajax-api/2.0/mlflow/runs/log-batch"),
        ("POST", "/health"),
        ("PATCH", "/api/2.0/mlflow-artifacts/artifacts/a"),
    ] {
        let (status, code, _) = server.bare(method, path).await.refused();
        assert_eq!((status, code.as_str()), (405, "BAD_REQUEST"), "{path}");
    }
}

#[tokio::test]
async fn a_request_id_is_echoed_and_a_missing_or_silly_one_is_made() {
    let server = TestServer::start().await;
    let made = "00000000000000000000000000000001";
    assert_eq!(server.get("/health").await.header("x-request-id"), made);
    let echoed = server.get_with("/health", (REQUEST_ID, "mine-7")).await;
    assert_eq!(echoed.header("x-request-id"), "mine-7");
    let refused = server.get_with("/nothing", (REQUEST_ID, "mine-8")).await;
    assert_eq!(refused.header("x-request-id"), "mine-8");
    for silly in ["", &"x".repeat(129)] {
        let answer = server.get_with("/health", (REQUEST_ID, silly)).await;
        assert_eq!(answer.header("x-request-id").len(), 32, "{silly:?}");
    }
}

#[tokio::test]
async fn a_static_prefix_stands_before_every_route() {
    let server = TestServer::start_with(|c| c.server.static_prefix = "/ml".into()).await;
    assert_eq!(server.get("/ml/health").await.text(), "OK");
    assert_eq!(server.get("/health").await.refused().0, 404);
    let body = json!({ "name": "e" });
    let created = server
        .post("/ml/api/2.0/mlflow/experiments/create", body.clone())
        .await;
    assert_eq!(created.ok(), json!({ "experiment_id": "1" }));
    assert_eq!(
        server.post("experiments/create", body).await.refused().0,
        404
    );
    let put = Request::put(format!("/ml{PROXY}/a/b.txt"));
    let put = server.send(put.body(Body::from("x")).unwrap()).await;
    assert_eq!(put.status, 200);
    assert_eq!(server.get(&format!("/ml{PROXY}/a/b.txt")).await.text(), "x");
    let area = server.get("/ml/api/3.0/mlflow/traces/x").await;
    assert_eq!(area.refused().0, 501);
}

/// Fills the parameters of a route's path.
fn filled(path: &str) -> String {
    path.replace("{*path}", "a/b.txt")
        .replace("{model_id}", "m-1")
        .replace("{tag_key}", "k")
}

#[tokio::test]
async fn a_server_of_artifacts_alone_answers_503_to_everything_else() {
    let server = TestServer::start_with(|c| c.artifacts.only = true).await;
    let answer = server.get("runs/get?run_id=r").await;
    insta::assert_snapshot!(answer.shown(), @r#"
    503
    {
      "error_class": "CLIENT_INTERNAL_ERROR",
      "error_code": "TEMPORARILY_UNAVAILABLE",
      "message": "Endpoint: /api/2.0/mlflow/runs/get disabled due to the mlflow server running in `--artifacts-only` mode. To enable tracking server functionality, run `mlflow server` without `--artifacts-only`",
      "sqlstate": "XXM00"
    }
    "#);
    let mut off = 0;
    for route in router::table() {
        let path = filled(&route.path);
        let answer = server.bare(route.method, &path).await;
        let stays = path.contains("/mlflow-artifacts/")
            || ["/", "/health", "/metrics", "/ready", "/version"].contains(&path.as_str())
            || path.ends_with("/server-info");
        assert_eq!(answer.status == 503, !stays, "{} {path}", route.method);
        if !stays {
            let (_, code, message) = answer.refused();
            assert_eq!(code, "TEMPORARILY_UNAVAILABLE");
            assert!(message.contains(&path), "{message}");
            off += 1;
        }
    }
    assert!(off > 40, "{off}");
    assert_eq!(server.put_file("a/b.txt", "x").await.text(), "");
    assert_eq!(server.get(&format!("{PROXY}/a/b.txt")).await.text(), "x");
    assert_eq!(server.get("/health").await.text(), "OK");
    assert_eq!(
        server
            .bare("DELETE", "/api/2.0/mlflow/runs/get")
            .await
            .refused()
            .0,
        405
    );
}

#[tokio::test]
async fn a_server_without_artifacts_answers_503_to_the_proxy_alone() {
    let server = TestServer::start_with(|c| c.artifacts.serve = false).await;
    insta::assert_snapshot!(server.put_file("a/b.txt", "x").await.shown(), @r#"
    503
    {
      "error_class": "CLIENT_INTERNAL_ERROR",
      "error_code": "TEMPORARILY_UNAVAILABLE",
      "message": "Artifact serving is disabled. Start the server with `--serve-artifacts` to enable it, or reach the artifacts at their own location.",
      "sqlstate": "XXM00"
    }
    "#);
    for method in ["GET", "DELETE"] {
        let answer = server.bare(method, &format!("{PROXY}/a/b.txt")).await;
        assert_eq!(answer.refused().0, 503, "{method}");
    }
    assert_eq!(server.get(PROXY).await.refused().0, 503);
    server.experiment("e").await;
}

#[tokio::test]
async fn a_foreign_host_is_refused_before_anything_is_read() {
    let server = TestServer::start().await;
    let host = HeaderName::from_static("host");
    let path = "/api/2.0/mlflow/experiments/get?experiment_id=0";
    let refused = server.get_with(path, (host.clone(), "evil.example")).await;
    insta::assert_snapshot!(refused.shown(), @"
    403
    Invalid Host header - possible DNS rebinding attack detected
    ");
    for (host_name, status) in [
        ("127.0.0.1:5000", 200),
        ("10.1.2.3", 200),
        ("a.example", 403),
    ] {
        let answer = server.get_with(path, (host.clone(), host_name)).await;
        assert_eq!(answer.status, status, "{host_name}");
    }
    let health = server.get_with("/health", (host, "evil.example")).await;
    assert_eq!(health.text(), "OK");
}

#[tokio::test]
async fn a_change_from_a_foreign_page_is_refused_and_changes_nothing() {
    let server = TestServer::start().await;
    let create = async |origin: &str| {
        let request = Request::post("/api/2.0/mlflow/experiments/create")
            .header("content-type", "application/json")
            .header("origin", origin);
        let body = Body::from(json!({ "name": origin }).to_string());
        server.send(request.body(body).unwrap()).await
    };
    insta::assert_snapshot!(create("https://evil.example").await.shown(), @"
    403
    Cross-origin request blocked
    ");
    let path = "experiments/get-by-name?experiment_name=https://evil.example";
    assert_eq!(server.get(path).await.refused().0, 404);
    create("http://localhost:3000").await.ok();
}

#[tokio::test]
async fn the_checks_can_be_widened_and_switched_off() {
    let listed = TestServer::start_with(|c| {
        c.server.allowed_hosts = vec!["tracking.example".into()];
        c.server.cors_allowed_origins = vec!["https://app.example".into()];
    })
    .await;
    let off = TestServer::start_with(|c| c.server.security_checks = false).await;
    let create = async |server: &TestServer, host: &str, origin: &str| {
        let request = Request::post("/api/2.0/mlflow/experiments/create")
            .header("content-type", "application/json")
            .header("host", host)
            .header("origin", origin);
        let body = Body::from(json!({ "name": format!("{host} {origin}") }).to_string());
        server
            .send(request.body(body).unwrap())
            .await
            .status
            .as_u16()
    };
    let (host, origin) = ("tracking.example", "https://app.example");
    assert_eq!(create(&listed, host, origin).await, 200);
    assert_eq!(create(&listed, "localhost", origin).await, 403);
    assert_eq!(create(&listed, host, "https://evil.example").await, 403);
    assert_eq!(
        create(&off, "evil.example", "https://evil.example").await,
        200
    );
}
