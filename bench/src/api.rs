//! The requests that every workload makes before and after it measures, with their answers checked.

use crate::client::{Client, get, post};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value as Json, json};

/// Sends a request and reads the JSON of its answer; anything but a 200 is an error.
pub(crate) fn ask(client: &mut Client, request: &[u8]) -> Result<Json> {
    Ok(serde_json::from_slice(&fetch(client, request)?)?)
}

/// Sends a request and gives the body of its answer; anything but a 200 is an error.
pub(crate) fn fetch(client: &mut Client, request: &[u8]) -> Result<Vec<u8>> {
    let answer = client.send(request)?;
    ensure!(
        answer.status == 200,
        "{}: {}",
        answer.status,
        String::from_utf8_lossy(&answer.body)
    );
    Ok(answer.body)
}

/// Creates an experiment and gives its id.
pub(crate) fn create_experiment(client: &mut Client, name: &str) -> Result<String> {
    let body = json!({ "name": name }).to_string();
    let answer = ask(client, &post("/api/2.0/mlflow/experiments/create", &body))?;
    text(&answer, "/experiment_id")
}

/// Creates a run and gives its id.
pub(crate) fn create_run(client: &mut Client, experiment: &str) -> Result<String> {
    let body = json!({ "experiment_id": experiment, "start_time": 1_700_000_000_000_i64 });
    let request = post("/api/2.0/mlflow/runs/create", &body.to_string());
    let answer = ask(client, &request)?;
    text(&answer, "/run/info/run_id")
}

/// Creates an experiment with some runs.
pub(crate) fn create_runs(client: &mut Client, name: &str, count: usize) -> Result<Vec<String>> {
    let experiment = create_experiment(client, name)?;
    (0..count)
        .map(|_| create_run(client, &experiment))
        .collect()
}

/// Reads a text of an answer.
pub(crate) fn text(answer: &Json, pointer: &str) -> Result<String> {
    let found = answer.pointer(pointer).and_then(Json::as_str);
    Ok(found
        .with_context(|| format!("the answer has no {pointer}: {answer}"))?
        .to_owned())
}

/// A point of a metric: step, timestamp, value.
pub(crate) type Point = (i64, i64, f64);

/// Reads the whole history of a metric.
pub(crate) fn history(client: &mut Client, run: &str, key: &str) -> Result<Vec<Point>> {
    points_of(&history_pages(client, run, key)?)
}

/// Fetches the whole history of a metric, page by page, and looks at nothing but where the next page
/// begins, so that the reader costs little beside the server.
pub(crate) fn history_pages(client: &mut Client, run: &str, key: &str) -> Result<Vec<Vec<u8>>> {
    #[derive(Deserialize)]
    struct Page {
        #[serde(default)]
        next_page_token: String,
    }
    let mut pages = Vec::new();
    let mut token = String::new();
    loop {
        let mut path = format!(
            "/api/2.0/mlflow/metrics/get-history?run_id={run}&metric_key={key}&max_results=25000"
        );
        if !token.is_empty() {
            path = format!("{path}&page_token={}", escape(&token));
        }
        let body = fetch(client, &get(&path))?;
        token = serde_json::from_slice::<Page>(&body)?.next_page_token;
        pages.push(body);
        if token.is_empty() {
            return Ok(pages);
        }
    }
}

/// Reads the points of pages.
pub(crate) fn points_of(pages: &[Vec<u8>]) -> Result<Vec<Point>> {
    let mut points = Vec::new();
    for page in pages {
        let answer: Json = serde_json::from_slice(page)?;
        for metric in answer["metrics"].as_array().into_iter().flatten() {
            let integer = |name: &str| {
                let value = &metric[name];
                let parsed = value.as_i64().or_else(|| value.as_str()?.parse().ok());
                parsed.with_context(|| format!("a point has no {name}: {metric}"))
            };
            let value = metric["value"].as_f64().context("a point has no value")?;
            // A step of zero may be left out.
            let step = integer("step").unwrap_or(0);
            points.push((step, integer("timestamp")?, value));
        }
    }
    Ok(points)
}

/// Escapes a text for a query string.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                escaped.push(char::from(byte));
            }
            byte => escaped.push_str(&format!("%{byte:02X}")),
        }
    }
    escaped
}
