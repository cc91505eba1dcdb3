//! Filters, datasets, orders and tokens of logged models.

use super::{joined, run};
use crate::server::TestServer;
use serde_json::{Value as Json, json};

struct Models {
    server: TestServer,
    experiment_id: String,
    run_id: String,
}

impl Models {
    async fn start() -> Self {
        let server = TestServer::start().await;
        let experiment_id = server.experiment("e").await;
        let run_id = run(&server, &experiment_id, "r", json!({})).await;
        Self {
            server,
            experiment_id,
            run_id,
        }
    }

    async fn model(&self, name: &str) -> String {
        self.server.advance(1);
        let body = json!({ "experiment_id": self.experiment_id, "name": name });
        let created = self.server.post("logged-models", body).await.ok();
        created["model"]["info"]["model_id"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    async fn log(&self, model_id: &str, value: f64, step: i64, dataset: (&str, &str)) {
        let body = json!({
            "run_id": self.run_id,
            "model_id": model_id,
            "key": "acc",
            "value": value,
            "timestamp": step,
            "step": step,
            "dataset_name": dataset.0,
            "dataset_digest": dataset.1,
        });
        self.server.post("runs/log-metric", body).await.ok();
    }

    async fn search(&self, mut body: Json) -> Json {
        body["experiment_ids"] = json!([self.experiment_id]);
        self.server.post("logged-models/search", body).await.ok()
    }

    async fn names(&self, body: Json) -> String {
        joined(
            &self.search(body).await["models"],
            |model| &model["info"]["name"],
        )
    }
}

#[tokio::test]
async fn a_dataset_without_digest_means_any_digest() {
    let models = Models::start().await;
    let (a, b) = (models.model("a").await, models.model("b").await);
    models.log(&a, 0.9, 1, ("train", "d1")).await;
    models.log(&b, 0.8, 1, ("test", "d2")).await;
    models.model("c").await;
    let train = json!([{ "dataset_name": "train" }]);
    let cases = [
        (json!({ "datasets": train }), "a"),
        (
            json!({ "datasets": train, "filter": "metrics.acc > 0.5" }),
            "a",
        ),
        (
            json!({ "datasets": train, "filter": "metrics.acc < 0.5" }),
            "",
        ),
        (
            json!({ "datasets": [{ "dataset_name": "train", "dataset_digest": "x" }] }),
            "",
        ),
        (
            json!({ "datasets": [{ "dataset_name": "train" }, { "dataset_name": "test" }] }),
            "b a",
        ),
        (json!({ "filter": "metrics.acc > 0.5" }), "b a"),
    ];
    for (body, expected) in cases {
        assert_eq!(models.names(body.clone()).await, expected, "{body}");
    }
}

#[tokio::test]
async fn the_latest_value_on_the_dataset_orders() {
    let models = Models::start().await;
    let (a, b) = (models.model("a").await, models.model("b").await);
    models.log(&a, 0.9, 1, ("train", "d1")).await;
    models.log(&a, 0.1, 2, ("test", "d2")).await;
    models.log(&b, 0.5, 1, ("train", "d1")).await;
    models.model("none").await;
    let by = |dataset: &str| json!({ "order_by": [{ "field_name": "metrics.acc", "dataset_name": dataset }] });
    assert_eq!(models.names(by("")).await, "a b none");
    assert_eq!(models.names(by("train")).await, "b a none");
    assert_eq!(models.names(by("test")).await, "a none b");
}

#[tokio::test]
async fn a_status_is_compared_by_its_name() {
    let models = Models::start().await;
    let ready = models.model("ready").await;
    models.model("pending").await;
    let body = json!({ "status": "LOGGED_MODEL_READY" });
    let path = format!("logged-models/{ready}");
    models.server.send_json("PATCH", &path, body).await.ok();
    assert_eq!(
        models.names(json!({ "filter": "status = 'READY'" })).await,
        "ready"
    );
    assert_eq!(
        models.names(json!({ "filter": "status != 'READY'" })).await,
        "pending"
    );
}

#[tokio::test]
async fn deleted_models_are_never_found() {
    let models = Models::start().await;
    let gone = models.model("gone").await;
    models.model("here").await;
    let path = format!("logged-models/{gone}");
    models
        .server
        .send_json("DELETE", &path, json!({}))
        .await
        .ok();
    assert_eq!(models.names(json!({})).await, "here");
    let deleted = json!({ "filter": "lifecycle_stage = 'deleted'" });
    assert_eq!(models.names(deleted).await, "");
}

#[tokio::test]
async fn a_token_asks_for_the_same_request() {
    let models = Models::start().await;
    for name in ["a", "b", "c"] {
        models.model(name).await;
    }
    let order = json!([{ "field_name": "name" }]);
    let first = models
        .search(json!({ "max_results": 2, "order_by": order }))
        .await;
    assert_eq!(
        joined(&first["models"], |model| &model["info"]["name"]),
        "a b"
    );
    let token = &first["next_page_token"];
    let next = json!({ "max_results": 2, "order_by": order, "page_token": token });
    assert_eq!(models.names(next.clone()).await, "c");
    let changes = [
        (
            "order_by",
            json!([]),
            "Order by in the page token does not match",
        ),
        (
            "filter",
            json!("name = 'a'"),
            "Filter string in the page token does not match",
        ),
        (
            "datasets",
            json!([{ "dataset_name": "d" }]),
            "Datasets in the page token do not match",
        ),
    ];
    for (field, value, expected) in changes {
        let mut body = next.clone();
        body["experiment_ids"] = json!([models.experiment_id]);
        body[field] = value;
        let answer = models.server.post("logged-models/search", body).await;
        let (status, _, message) = answer.refused();
        assert_eq!(status, 400);
        assert!(message.starts_with(expected), "{message}");
    }
}
