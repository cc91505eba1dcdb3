//! Searches of runs, experiments and logged models.

mod experiments;
mod logged_models;
mod pages;
mod runs;

use crate::server::TestServer;
use serde_json::{Value as Json, json};

/// Searches the runs of an experiment and gives their names, joined.
async fn names(server: &TestServer, experiment_id: &str, filter: &str, order: &str) -> String {
    let order_by: Vec<&str> = order.split(", ").filter(|step| !step.is_empty()).collect();
    let body = json!({
        "experiment_ids": [experiment_id],
        "filter": filter,
        "order_by": order_by,
    });
    let page = server.post("runs/search", body).await.ok();
    joined(&page["runs"], |run| &run["info"]["run_name"])
}

fn joined(items: &Json, name: impl Fn(&Json) -> &Json) -> String {
    let items = items.as_array().map(Vec::as_slice).unwrap_or_default();
    let names: Vec<_> = items
        .iter()
        .map(|item| name(item).as_str().unwrap())
        .collect();
    names.join(" ")
}

/// Creates a run with params and metrics; a metric may be the text `NaN`.
async fn run(server: &TestServer, experiment_id: &str, name: &str, data: Json) -> String {
    let body = json!({
        "experiment_id": experiment_id,
        "run_name": name,
        "start_time": data["start_time"],
    });
    let created = server.post("runs/create", body).await.ok();
    let id = created["run"]["info"]["run_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let pairs = |kind: &str| -> Vec<Json> {
        let object = data[kind].as_object().cloned().unwrap_or_default();
        let pair = |(key, value)| json!({ "key": key, "value": value, "timestamp": 1 });
        object.into_iter().map(pair).collect()
    };
    let batch = json!({
        "run_id": id,
        "metrics": pairs("metrics"),
        "params": pairs("params"),
        "tags": pairs("tags"),
    });
    server.post("runs/log-batch", batch).await.ok();
    id
}
