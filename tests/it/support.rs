//! What several areas need beside the server: answers as snapshots show them, files, folding.

use crate::server::{Answer, TestServer};
use axum::body::Body;
use axum::http::{HeaderName, Request};
use serde_json::{Value as Json, json};
use trackway::artifacts::ArtifactPath;
use trackway::tracking::{artifact, fold, run};

impl Answer {
    /// Gives the status and the body as a snapshot shows them: JSON has its keys sorted.
    pub(crate) fn shown(&self) -> String {
        let body = match serde_json::from_slice::<Json>(&self.body) {
            Ok(body) => serde_json::to_string_pretty(&body).unwrap(),
            Err(_) => String::from_utf8_lossy(&self.body).into_owned(),
        };
        format!("{}\n{body}", self.status.as_u16())
    }

    /// Gives a header of the answer; empty where there is none.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }

    /// Gives the body of a 200 as text.
    #[track_caller]
    pub(crate) fn text(&self) -> String {
        let text = String::from_utf8_lossy(&self.body).into_owned();
        assert_eq!(self.status, 200, "{text}");
        text
    }
}

/// The route of the artifact proxy.
pub(crate) const PROXY: &str = "/api/2.0/mlflow-artifacts/artifacts";

impl TestServer {
    /// Sends a request without a body and with one header.
    pub(crate) async fn get_with(&self, path: &str, header: (HeaderName, &str)) -> Answer {
        let request = Request::get(path).header(header.0, header.1);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Sends a request without a body or a content type.
    pub(crate) async fn bare(&self, method: &str, path: &str) -> Answer {
        let request = Request::builder().method(method).uri(path);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Stores a file through the proxy; the path is written as it stands in a URL.
    pub(crate) async fn put_file(&self, path: &str, body: impl Into<Body>) -> Answer {
        let request = Request::put(format!("{PROXY}/{path}"));
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Gives a run as `runs/get` shows it.
    pub(crate) async fn whole_run(&self, run_id: &str) -> Json {
        let answer = self.get(&format!("runs/get?run_id={run_id}")).await;
        answer.ok()["run"].take()
    }

    /// Logs metrics, each of a key, a value, a timestamp and a step.
    pub(crate) async fn log_metrics(&self, run_id: &str, metrics: &[(&str, Json, i64, i64)]) {
        let metrics: Vec<Json> = metrics
            .iter()
            .map(|(key, value, timestamp, step)| {
                json!({ "key": key, "value": value, "timestamp": timestamp, "step": step })
            })
            .collect();
        let body = json!({ "run_id": run_id, "metrics": metrics });
        self.post("runs/log-batch", body).await.ok();
    }

    /// Gives the points of a history as (value, timestamp, step), in the order of the answer.
    pub(crate) async fn history(&self, run_id: &str, key: &str) -> Vec<(Json, i64, i64)> {
        let path = format!("metrics/get-history?run_id={run_id}&metric_key={key}");
        points(&self.get(&path).await.ok())
    }

    /// Folds all segments of a run into blocks, and gives how many they were.
    pub(crate) async fn fold(&self, run_id: &str) -> usize {
        let mut folded = 0;
        loop {
            let uuid = run_id.to_owned();
            let write = self.app.db.write(move |tx| {
                let run = run::find(tx, &uuid)?;
                fold::fold(tx, run.id)
            });
            match write.await.unwrap() {
                0 => return folded,
                segments => folded += segments,
            }
        }
    }

    /// Gives the SHA-256 that is recorded for a path of the own store.
    pub(crate) async fn digest(&self, path: &str) -> Option<String> {
        let path = ArtifactPath::parse(path).unwrap();
        let read = self.app.db.read(move |tx| artifact::digest(tx, &path));
        read.await.unwrap()
    }
}

/// Gives the points of an answer as (value, timestamp, step).
pub(crate) fn points(answer: &Json) -> Vec<(Json, i64, i64)> {
    let Some(metrics) = answer["metrics"].as_array() else {
        return Vec::new();
    };
    metrics
        .iter()
        .map(|metric| {
            let number = |name: &str| metric[name].as_i64().unwrap();
            (metric["value"].clone(), number("timestamp"), number("step"))
        })
        .collect()
}

/// Turns a list of `{"key": .., "value": ..}` into one object.
pub(crate) fn pairs(list: &Json) -> Json {
    let pairs = list.as_array().into_iter().flatten();
    pairs
        .map(|pair| {
            (
                pair["key"].as_str().unwrap().to_owned(),
                pair["value"].clone(),
            )
        })
        .collect::<serde_json::Map<_, _>>()
        .into()
}
