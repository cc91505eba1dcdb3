//! The page that Prometheus reads: what is on it, which labels there are, and that they count.

use crate::server::{Answer, TestServer};
use crate::support::PROXY;
use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// A page as its samples, by name and labels as they are written.
struct Page(BTreeMap<String, f64>);

impl Page {
    async fn of(server: &TestServer) -> Self {
        let text = server.get("/metrics").await.text();
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let samples = lines.map(|line| {
            let (name, value) = line.rsplit_once(' ').unwrap();
            (name.to_owned(), value.parse().unwrap())
        });
        Self(samples.collect())
    }

    /// Asks for the page until it is as wanted: what it tells of the database keeps its last value
    /// where the database does not answer in time.
    async fn until(server: &TestServer, wanted: impl Fn(&Self) -> bool) -> Self {
        let asking = async {
            loop {
                let page = Self::of(server).await;
                if wanted(&page) {
                    return page;
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        let page = tokio::time::timeout(Duration::from_secs(60), asking).await;
        page.expect("the page never came to be as wanted")
    }

    /// Gives a sample; 0 where it is not there yet.
    fn value(&self, name: &str) -> f64 {
        self.0.get(name).copied().unwrap_or(0.0)
    }

    /// Gives the different values of a label.
    fn labels(&self, label: &str) -> BTreeSet<String> {
        let start = format!("{label}=\"");
        let found = self.0.keys().filter_map(|name| {
            let (_, rest) = name.split_once(&start)?;
            rest.split_once('"').map(|(value, _)| value.to_owned())
        });
        found.collect()
    }
}

#[tokio::test]
async fn the_page_is_text_of_prometheus() {
    let server = TestServer::start().await;
    let answer = server.get("/metrics").await;
    let kind = answer.header("content-type");
    assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
    let text = answer.text();
    assert!(
        text.contains("# TYPE trackway_db_writes_pending gauge\n"),
        "{text}"
    );
    let build = format!(
        "trackway_build_info{{version=\"{}\"}} 1\n",
        env!("CARGO_PKG_VERSION")
    );
    assert!(text.contains(&build), "{text}");
    for name in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
        let own = name.starts_with("trackway_") || name.starts_with("process_");
        assert!(own, "{name}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_route_and_never_by_path() {
    let server = TestServer::start().await;
    for number in 0..40 {
        server.get(&format!("/nothing/{number}")).await;
        server.get(&format!("{PROXY}/{number}/x.txt")).await;
        server.bare(&format!("M{number}"), "/health").await;
        server
            .get(&format!("/api/1.0/models/m{number}/history"))
            .await;
    }
    let page = Page::of(&server).await;
    let routes = page.labels("route");
    let known: BTreeSet<String> = trackway::http::router::table()
        .into_iter()
        .map(|route| route.path)
        .chain(["unknown".to_owned()])
        .collect();
    assert!(routes.is_subset(&known), "{routes:?}");
    assert!(page.labels("method").is_subset(&labels(&["GET", "other"])));
    let count = |method: &str, route: &str, status: u16| {
        page.value(&format!(
            "trackway_http_requests_total{{method=\"{method}\",route=\"{route}\",status=\"{status}\"}}"
        ))
    };
    let proxy = format!("{PROXY}/{{*path}}");
    assert_eq!(count("GET", "unknown", 404), 40.0);
    assert_eq!(count("GET", &proxy, 404), 40.0);
    assert_eq!(count("other", "/health", 405), 40.0);
    let histogram =
        format!("trackway_http_request_duration_seconds_count{{method=\"GET\",route=\"{proxy}\"}}");
    assert_eq!(page.value(&histogram), 40.0);
}

/// A client that is put off is told to come back in a few seconds.
#[track_caller]
fn check_retry_after(answer: &Answer) {
    let seconds: u32 = answer.header("retry-after").parse().unwrap();
    assert!((1..=3).contains(&seconds), "{seconds}");
}

fn labels(list: &[&str]) -> BTreeSet<String> {
    list.iter().map(|text| text.to_string()).collect()
}

#[tokio::test]
async fn what_is_logged_and_stored_is_counted_once_it_is_acknowledged() {
    let server = TestServer::start().await;
    let run_id = server.run("0").await;
    let before = Page::of(&server).await;
    let batch = json!({
        "run_id": run_id,
        "metrics": [
            { "key": "a", "value": 1, "timestamp": 1, "step": 0 },
            { "key": "a", "value": 2, "timestamp": 2, "step": 1 },
        ],
        "params": [{ "key": "p", "value": "1" }],
        "tags": [{ "key": "t", "value": "1" }],
    });
    server.post("runs/log-batch", batch).await.ok();
    server.log_metrics(&run_id, &[("b", json!(1), 1, 0)]).await;
    let tag = json!({ "run_id": run_id, "key": "u", "value": "1" });
    server.post("runs/set-tag", tag).await.ok();
    let changed = json!({ "run_id": run_id, "key": "p", "value": "2" });
    server.post("runs/log-parameter", changed).await.refused();
    let stored = server.put_file("a/b.txt", vec![b'x'; 1000]).await;
    assert_eq!(stored.status, 200, "{stored:?}");
    let read = server.get(&format!("{PROXY}/a/b.txt")).await;
    assert_eq!((read.status.as_u16(), read.body.len()), (200, 1000));
    let after = Page::until(&server, |page| page.value("trackway_audit_entries") > 0.0).await;
    for (name, more) in [
        ("trackway_logged_points_total", 3.0),
        ("trackway_logged_params_total", 1.0),
        ("trackway_logged_tags_total", 2.0),
        ("trackway_artifact_received_bytes_total", 1000.0),
        ("trackway_artifact_sent_bytes_total", 1000.0),
    ] {
        assert_eq!(after.value(name) - before.value(name), more, "{name}");
    }
    let commits = "trackway_db_commit_duration_seconds_count";
    assert!(after.value(commits) > before.value(commits));
    assert_eq!(after.value("trackway_http_requests_in_flight"), 1.0);
}

#[tokio::test]
async fn the_page_can_be_switched_off() {
    let server = TestServer::start_with(|c| c.server.metrics = false).await;
    let (status, code, _) = server.get("/metrics").await.refused();
    assert_eq!((status, code.as_str()), (404, "ENDPOINT_NOT_FOUND"));
    let apart = TestServer::start_with(|c| c.server.metrics_listen = "127.0.0.1:0".into()).await;
    assert_eq!(apart.get("/metrics").await.refused().0, 404);
}

#[tokio::test]
async fn more_requests_than_the_limit_are_put_off_and_told_when_to_come_back() {
    let server = TestServer::start_with(|c| {
        c.server.max_requests = 1;
        c.server.max_transfers = 1;
    })
    .await;
    let (sender, body) = tokio::sync::mpsc::channel::<Result<&str, std::io::Error>>(1);
    let body = futures_util::stream::unfold(body, async |mut body| {
        body.recv().await.map(|piece| (piece, body))
    });
    let slow = Request::put(format!("{PROXY}/slow.txt")).body(Body::from_stream(body));
    let uploading = server.send(slow.unwrap());
    let meanwhile = async {
        sender.send(Ok("x")).await.unwrap();
        let refused = server.put_file("b.txt", "x").await;
        insta::assert_snapshot!(refused.shown(), @r#"
        429
        {
          "error_code": "REQUEST_LIMIT_EXCEEDED",
          "message": "The server works on as many transfers as server.max_transfers allows. Send the request again in a moment."
        }
        "#);
        check_retry_after(&refused);
        // Other requests have a limit of their own.
        server.experiment("e").await;
        assert_eq!(server.get("/health").await.text(), "OK");
        drop(sender);
    };
    let (uploaded, ()) = tokio::join!(uploading, meanwhile);
    assert_eq!(uploaded.status, 200);
    assert_eq!(server.put_file("b.txt", "x").await.status, 200);
    let page = Page::of(&server).await;
    let refused = "trackway_http_refused_total{limit=\"transfers\"}";
    assert_eq!(page.value(refused), 1.0);
}

#[tokio::test]
async fn bodies_that_do_not_fit_into_memory_are_put_off() {
    let server = TestServer::start_with(|c| c.server.max_bodies_mib = 1).await;
    let text = format!("{{\"name\": \"{}\"}}", "x".repeat(2 * 1024 * 1024));
    let refused = server.send_text("POST", "experiments/create", text).await;
    check_retry_after(&refused);
    let (status, code, message) = refused.refused();
    assert_eq!((status, code.as_str()), (429, "REQUEST_LIMIT_EXCEEDED"));
    assert!(message.contains("server.max_bodies_mib"), "{message}");
    for number in 0..4 {
        // What was taken is given back: each of these takes more than half of it.
        let pad = " ".repeat(700 * 1024);
        let text = format!("{{\"name\": \"e{number}\"}}{pad}");
        let answer = server.send_text("POST", "experiments/create", text).await;
        assert_eq!(answer.status, 200);
    }
}

#[tokio::test]
async fn a_body_that_stands_still_is_408() {
    let server = TestServer::start_with(|c| c.server.stall_timeout_s = 1).await;
    let never =
        || Body::from_stream(futures_util::stream::pending::<Result<&str, std::io::Error>>());
    let json = server
        .send_text("POST", "experiments/create", never())
        .await;
    insta::assert_snapshot!(json.shown(), @r#"
    408
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "BAD_REQUEST",
      "message": "The body of the request did not arrive in time. Send the request again; server.stall_timeout_s and server.body_timeout_s say how long it may take.",
      "sqlstate": "KAM00"
    }
    "#);
    assert_eq!(server.put_file("a.txt", never()).await.refused().0, 408);
    let page = Page::of(&server).await;
    assert_eq!(page.value("trackway_http_timeouts_total{of=\"body\"}"), 2.0);
}

#[tokio::test]
async fn writes_beyond_the_queue_are_put_off() {
    let server = TestServer::start_with(|c| c.database.max_waiting_writes = 1).await;
    let db = server.app.db.clone();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let (began, begun) = tokio::sync::oneshot::channel();
    let began = std::sync::Mutex::new(Some(began));
    let holding = tokio::spawn(async move {
        db.write(move |_| {
            if let Some(began) = began.lock().unwrap().take() {
                began.send(()).unwrap();
                held.lock().unwrap().recv().unwrap();
            }
            Ok(())
        })
        .await
    });
    begun.await.unwrap();
    let body = json!({ "name": "e" });
    let refused = server.post("experiments/create", body.clone()).await;
    check_retry_after(&refused);
    insta::assert_snapshot!(refused.shown(), @r#"
    429
    {
      "error_code": "REQUEST_LIMIT_EXCEEDED",
      "message": "Too many writes of the database wait. Send the request again in a moment; database.max_waiting_writes says how many may wait."
    }
    "#);
    // Reading goes on, and a full queue is no reason to send the clients elsewhere.
    server.get("experiments/get?experiment_id=0").await.ok();
    assert_eq!(server.get("/ready").await.status, 200);
    release.send(()).unwrap();
    holding.await.unwrap().unwrap();
    server.post("experiments/create", body).await.ok();
}

#[tokio::test]
async fn every_metric_is_explained_in_the_documentation_and_no_other() {
    let server = TestServer::start().await;
    server.get("/health").await;
    let text = server.get("/metrics").await.text();
    let job = server.app.metrics.jobs.named("fold");
    job.ended(true, Duration::ZERO, 0);
    let text = text + &server.get("/metrics").await.text();
    let live: BTreeSet<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next())
        .collect();
    let page = include_str!("../../docs/observability.md");
    let told: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
        .filter(|name| name.starts_with("trackway_") || name.starts_with("process_"))
        .collect();
    assert_eq!(told, live);
}
