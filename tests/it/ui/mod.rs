//! What the pages of the web interface read, and how they are served.

mod events;
mod files;
mod openapi;
mod overview;
mod pages;
mod series;
mod table;
mod types;
mod views;

use crate::server::TestServer;
use serde_json::{Value as Json, json};

const OWN: &str = "/api/1.0";

impl TestServer {
    /// Sends a GET to our own API and gives the JSON of a 200.
    async fn own(&self, path: &str) -> Json {
        self.get(&format!("{OWN}/{path}")).await.ok()
    }

    /// Sends a POST to our own API and gives the JSON of a 200.
    async fn ask(&self, path: &str, body: Json) -> Json {
        self.post(&format!("{OWN}/{path}"), body).await.ok()
    }

    /// Creates a run with params, last metrics and tags.
    async fn full_run(&self, experiment: &str, [params, metrics, tags]: [Json; 3]) -> String {
        let run = self.run(experiment).await;
        let pairs = |object: &Json| -> Vec<Json> {
            let pairs = object.as_object().unwrap().iter();
            pairs
                .map(|(key, value)| json!({ "key": key, "value": value }))
                .collect()
        };
        let metrics: Vec<Json> = pairs(&metrics)
            .into_iter()
            .map(|mut metric| {
                metric["timestamp"] = json!(1_000);
                metric["step"] = json!(0);
                metric
            })
            .collect();
        let body = json!({
            "run_id": run, "params": pairs(&params), "metrics": metrics, "tags": pairs(&tags),
        });
        self.post("runs/log-batch", body).await.ok();
        run
    }
}
