//! The stream of events.

use super::OWN;
use crate::server::TestServer;
use axum::body::Body;
use axum::http::Request;
use http_body_util::BodyExt;
use serde_json::{Value as Json, json};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(60);

/// An open stream, read event by event.
struct Events {
    body: Body,
    text: String,
}

/// An event: its name, its id and its data.
type Event = (String, String, Json);

impl Events {
    async fn open(server: &TestServer, query: &str, last: Option<&str>) -> Self {
        let mut request = Request::get(format!("{OWN}/events?{query}"));
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = server.respond(request.body(Body::empty()).unwrap()).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self {
            body: response.into_body(),
            text: String::new(),
        }
    }

    /// Waits for the next event; `None` at the end of the stream.
    async fn next(&mut self) -> Option<Event> {
        // Signs of life keep the stream going while nothing happens.
        let read = tokio::time::timeout(PATIENCE, self.read()).await;
        read.expect("no event came")
    }

    async fn read(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                let field = |name: &str| {
                    let line = event.lines().find_map(|line| line.strip_prefix(name));
                    line.unwrap_or_default().to_owned()
                };
                let data = serde_json::from_str(&field("data: ")).unwrap_or_default();
                let read = (field("event: "), field("id: "), data);
                self.text = rest;
                match read.0.is_empty() {
                    true => continue,
                    false => return Some(read),
                }
            }
            let frame = self.body.frame().await?.unwrap().into_data().unwrap();
            self.text.push_str(std::str::from_utf8(&frame).unwrap());
        }
    }

    /// Waits for a change of a topic that has this kind, and gives the id of its event and the runs.
    async fn wait(&mut self, topic: &str, kind: &str) -> (String, Json) {
        loop {
            let (name, id, data) = self.next().await.expect("the stream ended");
            assert_ne!(name, "reset", "{data}");
            for change in data["changes"].as_array().into_iter().flatten() {
                let kinds = change["kinds"].as_array().unwrap();
                if change["topic"] == topic && kinds.contains(&json!(kind)) {
                    return (id, change["runs"].clone());
                }
            }
        }
    }
}

#[tokio::test]
async fn a_stream_tells_what_happens_to_runs_models_and_the_log() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let topics = format!("topics=experiment:{experiment},models,audit&topics=model:a%252Cb");
    let mut events = Events::open(&server, &topics, None).await;
    let (name, id, hello) = events.next().await.unwrap();
    assert_eq!((name.as_str(), &hello["resumed"]), ("hello", &json!(false)));
    assert!(!id.is_empty());
    let topic = format!("experiment:{experiment}");
    let run = server.run(&experiment).await;
    assert_eq!(events.wait(&topic, "created").await.1, json!([run]));
    server.log_metrics(&run, &[("m", json!(1), 1, 1)]).await;
    assert_eq!(events.wait(&topic, "metrics").await.1, json!([run]));
    // What comes right after a trace leaves none, and is told of all the same.
    server.log_metrics(&run, &[("m", json!(2), 2, 2)]).await;
    events.wait(&topic, "metrics").await;
    for (path, body, kind) in [
        (
            "runs/log-parameter",
            json!({"run_id": run, "key": "p", "value": "1"}),
            "params",
        ),
        (
            "runs/set-tag",
            json!({"run_id": run, "key": "t", "value": "1"}),
            "tags",
        ),
        (
            "runs/update",
            json!({"run_id": run, "status": "FINISHED"}),
            "updated",
        ),
        ("runs/delete", json!({"run_id": run}), "deleted"),
        ("runs/restore", json!({"run_id": run}), "restored"),
    ] {
        server.post(path, body).await.ok();
        events.wait(&topic, kind).await;
    }
    server
        .post("registered-models/create", json!({"name": "a,b"}))
        .await
        .ok();
    events.wait("model:a,b", "model_created").await;
}

#[tokio::test]
async fn a_stream_of_one_topic_hears_nothing_of_others() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let (a, b) = (server.run(&experiment).await, server.run(&experiment).await);
    let mut events = Events::open(&server, &format!("topics=run:{b}"), None).await;
    events.next().await.unwrap();
    for run in [&a, &b] {
        let body = json!({"run_id": run, "key": "t", "value": "1"});
        server.post("runs/set-tag", body).await.ok();
    }
    let (name, _, data) = events.next().await.unwrap();
    assert_eq!(
        (name.as_str(), &data["changes"][0]["runs"]),
        ("changes", &json!([b]))
    );
    assert_eq!(data["changes"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_stream_goes_on_where_it_broke_off_and_says_when_it_cannot() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let topics = format!("topics=experiment:{experiment}");
    let mut events = Events::open(&server, &topics, None).await;
    let (_, id, _) = events.next().await.unwrap();
    drop(events);
    let run = server.run(&experiment).await;
    let mut again = Events::open(&server, &topics, Some(&id)).await;
    assert_eq!(again.next().await.unwrap().2["resumed"], json!(true));
    let topic = format!("experiment:{experiment}");
    assert_eq!(again.wait(&topic, "created").await.1, json!([run]));
    for last in ["nonsense", "9999999.0.0.0.0.0.0.0", "1.2.3"] {
        let mut lost = Events::open(&server, &topics, Some(last)).await;
        assert_eq!(
            lost.next().await.unwrap().2["resumed"],
            json!(false),
            "{last}"
        );
        assert_eq!(lost.next().await.unwrap().0, "reset", "{last}");
    }
}

#[tokio::test]
async fn metrics_that_leave_no_trace_are_told_of_to_streams_that_come_after_the_trace() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let run = server.run(&experiment).await;
    let topic = format!("run:{run}");
    let topics = format!("topics={topic}");
    server.log_metrics(&run, &[("m", json!(1), 1, 1)]).await;
    let mut events = Events::open(&server, &topics, None).await;
    let (_, id, _) = events.next().await.unwrap();
    server.log_metrics(&run, &[("m", json!(2), 2, 2)]).await;
    events.wait(&topic, "metrics").await;
    drop(events);
    server.log_metrics(&run, &[("m", json!(3), 3, 3)]).await;
    let mut again = Events::open(&server, &topics, Some(&id)).await;
    assert_eq!(again.next().await.unwrap().2["resumed"], json!(true));
    again.wait(&topic, "metrics").await;
}

#[tokio::test]
async fn a_stream_that_goes_on_from_the_mark_of_a_page_tells_what_came_after_the_page() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    server.run(&experiment).await;
    let page = server.get("/").await.text();
    // A server that was built without its pages has no mark in them.
    let mark = match page.split_once("<meta name=\"mark\" content=\"") {
        Some((_, rest)) => rest.split('"').next().unwrap().to_owned(),
        None => server.app.streams.mark().await.unwrap().id(),
    };
    let run = server.run(&experiment).await;
    let topic = format!("experiment:{experiment}");
    let mut events = Events::open(&server, &format!("topics={topic}"), Some(&mark)).await;
    assert_eq!(events.next().await.unwrap().2["resumed"], json!(true));
    assert_eq!(events.wait(&topic, "created").await.1, json!([run]));
}

#[tokio::test]
async fn a_stream_tells_what_another_server_did_on_the_same_database() {
    let server = TestServer::start().await;
    let other = TestServer::start_with(|config| config.database.url = server.database_url()).await;
    let experiment = server.experiment("e").await;
    let mut events = Events::open(&server, &format!("topics=experiment:{experiment}"), None).await;
    events.next().await.unwrap();
    let body = json!({"experiment_id": experiment, "run_name": "far"});
    // Both count their ids from 1.
    let made = other.post("runs/create", body).await.ok();
    let topic = format!("experiment:{experiment}");
    let told = events.wait(&topic, "created").await.1;
    assert_eq!(told, json!([made["run"]["info"]["run_id"]]));
}

#[tokio::test]
async fn a_stream_ends_with_the_server() {
    let server = TestServer::start().await;
    let mut events = Events::open(&server, "topics=audit", None).await;
    assert_eq!(events.next().await.unwrap().0, "hello");
    assert_eq!(server.app.streams.listening(), 1);
    server.app.streams.stop();
    assert_eq!(events.next().await.unwrap().0, "bye");
    assert!(events.next().await.is_none());
    assert_eq!(server.app.streams.listening(), 0);
}

#[tokio::test]
async fn streams_are_bounded_and_topics_are_checked() {
    let server = TestServer::start().await;
    for query in [
        "",
        "topics=",
        "topics=run:",
        "topics=nothing",
        "topics=experiment:x",
        "topics=%25ff",
    ] {
        let answer = server.get(&format!("{OWN}/events?{query}")).await;
        assert_eq!(answer.refused().0, 400, "{query}");
    }
    let many: Vec<String> = (0..101).map(|number| format!("run:{number}")).collect();
    let answer = server
        .get(&format!("{OWN}/events?topics={}", many.join(",")))
        .await;
    assert_eq!(answer.refused().0, 400);
    let places: Vec<_> = (0..trackway::jobs::stream::MAX_STREAMS)
        .map(|_| server.app.streams.join().unwrap())
        .collect();
    let answer = server.get(&format!("{OWN}/events?topics=audit")).await;
    assert_eq!(answer.refused().0, 429);
    assert!(!answer.header("retry-after").is_empty());
    drop(places);
    Events::open(&server, "topics=audit", None)
        .await
        .next()
        .await
        .unwrap();
}
