//! The pages themselves: which addresses give them, and from where a page may change something.

use super::OWN;
use crate::server::TestServer;
use axum::body::Body;
use axum::http::{Request, header};
use serde_json::json;

#[tokio::test]
async fn the_first_address_is_never_blank() {
    let server = TestServer::start().await;
    let answer = server.get("/").await;
    let text = answer.text();
    match answer.header("content-type").starts_with("text/html") {
        true => {
            let policy = answer.header("content-security-policy");
            assert!(
                policy.contains("default-src 'none'; script-src 'self'"),
                "{policy}"
            );
            assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
            assert_eq!(answer.header("cache-control"), "no-cache");
        }
        false => assert!(text.contains("npm run build"), "{text}"),
    }
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
}

#[tokio::test]
async fn addresses_of_pages_give_the_first_page_to_browsers_alone() {
    let server = TestServer::start().await;
    let first = server.get("/").await.body;
    let browser = (header::ACCEPT, "text/html,application/xhtml+xml,*/*;q=0.8");
    for path in [
        "/experiments",
        "/runs/abc/artifacts/a/b.txt",
        "/models/churn",
        "/compare?runs=a",
    ] {
        assert_eq!(
            server.get_with(path, browser.clone()).await.body,
            first,
            "{path}"
        );
        assert_eq!(server.get(path).await.refused().0, 404, "{path}");
    }
    for path in [
        "/api/1.0/nothing",
        "/ajax-api/2.0/nothing",
        "/graphql/x",
        "/health/x",
        "/assets/none.js",
    ] {
        assert_eq!(
            server.get_with(path, browser.clone()).await.refused().0,
            404,
            "{path}"
        );
    }
    let post = Request::post("/experiments").header(header::ACCEPT, "text/html");
    let answer = server.send(post.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.refused().0, 404);
}

#[tokio::test]
async fn a_page_behind_a_prefix_is_told_so() {
    let server =
        TestServer::start_with(|config| config.server.static_prefix = "/ml".to_owned()).await;
    let answer = server.get("/ml/").await;
    if answer.header("content-type").starts_with("text/html") {
        assert!(answer.text().contains("<base href=\"/ml/\">"));
    }
    assert_eq!(answer.status, 200);
    assert_eq!(server.get("/").await.refused().0, 404);
}

/// Sends a change from a page of an origin to a host, and gives the status.
async fn change(server: &TestServer, origin: &str, host: &str) -> u16 {
    let body = json!({"kind": "runs", "name": format!("{origin}{host}"), "state": {}});
    let request = Request::post(format!("{OWN}/views"))
        .header(header::HOST, host)
        .header(header::ORIGIN, origin)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_string()))
        .unwrap();
    server.send(request).await.status.as_u16()
}

#[tokio::test]
async fn a_page_of_this_server_may_change_and_one_of_another_may_not() {
    let server = TestServer::start().await;
    for (origin, host, status) in [
        ("http://192.168.1.7:5000", "192.168.1.7:5000", 200),
        ("https://10.0.0.1", "10.0.0.1:443", 200),
        ("http://192.168.1.7:5000", "192.168.1.8:5000", 403),
        ("http://192.168.1.7:5001", "192.168.1.7:5000", 403),
        ("http://evil.example", "192.168.1.7:5000", 403),
        ("http://evil.example", "evil.example", 403),
        ("null", "192.168.1.7:5000", 403),
        ("file://192.168.1.7:5000", "192.168.1.7:5000", 403),
    ] {
        assert_eq!(
            change(&server, origin, host).await,
            status,
            "{origin} to {host}"
        );
    }
}

#[tokio::test]
async fn a_listed_name_is_its_own_origin_and_any_name_is_not() {
    let named = TestServer::start_with(|config| {
        config.server.allowed_hosts = vec!["ml.example.com".to_owned()];
    })
    .await;
    assert_eq!(
        change(&named, "https://ml.example.com", "ml.example.com").await,
        200
    );
    assert_eq!(
        change(&named, "https://other.example.com", "ml.example.com").await,
        403
    );
    let open =
        TestServer::start_with(|config| config.server.allowed_hosts = vec!["*".to_owned()]).await;
    // A stranger may have pointed any name at this machine, but no address.
    assert_eq!(
        change(&open, "http://evil.example", "evil.example").await,
        403
    );
    assert_eq!(
        change(&open, "http://8.8.4.4:5000", "8.8.4.4:5000").await,
        200
    );
}

#[tokio::test]
async fn a_form_of_another_page_changes_nothing() {
    let server = TestServer::start().await;
    let request = Request::post(format!("{OWN}/views"))
        .header(header::CONTENT_TYPE, "text/plain")
        .body(Body::from(
            json!({"kind": "runs", "name": "x", "state": {}}).to_string(),
        ))
        .unwrap();
    assert_eq!(server.send(request).await.refused().0, 400);
}
