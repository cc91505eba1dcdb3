//! `logged-models/..`: their life, params, tags and metrics.

use crate::server::{START_MS, TestServer};
use crate::support::pairs;
use serde_json::{Value as Json, json};

async fn create(server: &TestServer, name: &str) -> String {
    let body = json!({ "experiment_id": "0", "name": name });
    let model = server.post("logged-models", body).await.ok();
    model["model"]["info"]["model_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn model(server: &TestServer, id: &str) -> Json {
    server.get(&format!("logged-models/{id}")).await.ok()["model"].take()
}

#[tokio::test]
async fn a_created_model_is_pending_and_has_its_own_place() {
    let server = TestServer::start().await;
    let body = json!({
        "experiment_id": "0",
        "name": "churn",
        "model_type": "classifier",
        "source_run_id": "abc",
        "params": [{ "key": "depth", "value": "3" }],
        "tags": [{ "key": "t", "value": "1" }],
    });
    let created = server.post("logged-models", body).await;
    insta::assert_snapshot!(created.shown(), @r#"
    200
    {
      "model": {
        "data": {
          "params": [
            {
              "key": "depth",
              "value": "3"
            }
          ]
        },
        "info": {
          "artifact_uri": "mlflow-artifacts:/0/models/m-00000000000000000000000000000002/artifacts",
          "creation_timestamp_ms": 1700000000000,
          "experiment_id": "0",
          "last_updated_timestamp_ms": 1700000000000,
          "model_id": "m-00000000000000000000000000000002",
          "model_type": "classifier",
          "name": "churn",
          "source_run_id": "abc",
          "status": "LOGGED_MODEL_PENDING",
          "tags": [
            {
              "key": "t",
              "value": "1"
            }
          ]
        }
      }
    }
    "#);
    let id = created.ok()["model"]["info"]["model_id"].take();
    assert_eq!(
        model(&server, id.as_str().unwrap()).await,
        created.ok()["model"]
    );
}

#[tokio::test]
async fn a_model_without_a_name_gets_one_and_a_bad_name_is_refused() {
    let server = TestServer::start().await;
    let body = json!({ "experiment_id": "0" });
    let made = server.post("logged-models", body).await.ok();
    let name = made["model"]["info"]["name"].as_str().unwrap();
    assert_eq!(name.split('-').count(), 3, "{name}");
    for bad in ["a/b", "a:b", "a.b", "a%b", "a\"b", "a'b"] {
        let body = json!({ "experiment_id": "0", "name": bad });
        let (status, _, message) = server.post("logged-models", body).await.refused();
        assert_eq!(status, 400, "{bad}");
        assert!(message.starts_with("Invalid model name ("), "{message}");
    }
    insta::assert_snapshot!(server.post("logged-models", json!({ "name": "n" })).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Missing value for required parameter 'experiment_id'. See the API docs for more information about request parameters.",
      "sqlstate": "KAM00"
    }
    "#);
    let body = json!({ "experiment_id": "44", "name": "n" });
    assert_eq!(server.post("logged-models", body).await.refused().0, 404);
}

#[tokio::test]
async fn finalizing_sets_the_status_by_name_or_number() {
    let server = TestServer::start().await;
    let id = create(&server, "m").await;
    server.advance(7);
    let finalize = async |status: Json| {
        let body = json!({ "model_id": id, "status": status });
        server
            .send_json("PATCH", &format!("logged-models/{id}"), body)
            .await
    };
    for (given, name) in [
        (json!("LOGGED_MODEL_READY"), "LOGGED_MODEL_READY"),
        (json!(3), "LOGGED_MODEL_UPLOAD_FAILED"),
        (json!("2"), "LOGGED_MODEL_READY"),
    ] {
        let info = finalize(given).await.ok()["model"]["info"].take();
        assert_eq!(info["status"], name);
        assert_eq!(info["last_updated_timestamp_ms"], START_MS + 7);
        assert_eq!(info["creation_timestamp_ms"], START_MS);
    }
    insta::assert_snapshot!(finalize(Json::Null).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Missing value for required parameter 'status'. See the API docs for more information about request parameters.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(finalize(json!("READY")).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Invalid value \"READY\" for parameter 'status' supplied:  Hint: Value was of type 'str'. See the API docs for more information about request parameters.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(finalize(json!(9)).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Unknown model status: 9. Use 1 (pending), 2 (ready) or 3 (upload failed).",
      "sqlstate": "KAM00"
    }
    "#);
    assert_eq!(
        model(&server, &id).await["info"]["status"],
        "LOGGED_MODEL_READY"
    );
}

#[tokio::test]
async fn a_deleted_model_is_found_only_by_who_asks_for_deleted_ones() {
    let server = TestServer::start().await;
    let id = create(&server, "m").await;
    let path = format!("logged-models/{id}");
    let deleted = server
        .send_json("DELETE", &path, json!({ "model_id": id }))
        .await;
    insta::assert_snapshot!(deleted.shown(), @"
    200
    {}
    ");
    insta::assert_snapshot!(server.get(&path).await.shown(), @r#"
    404
    {
      "error_class": "RESOURCE_NOT_FOUND",
      "error_code": "RESOURCE_DOES_NOT_EXIST",
      "message": "Logged model with ID 'm-00000000000000000000000000000002' not found.",
      "sqlstate": "KAM00"
    }
    "#);
    let found = server.get(&format!("{path}?allow_deleted=true")).await.ok();
    assert_eq!(found["model"]["info"]["model_id"], id);
    assert_eq!(
        server
            .get(&format!("{path}?allow_deleted=false"))
            .await
            .refused()
            .0,
        404
    );
}

#[tokio::test]
async fn unknown_models_are_404_on_every_route() {
    let server = TestServer::start().await;
    let pair = json!([{ "key": "k", "value": "v" }]);
    for (method, below, body) in [
        ("GET", "", json!({})),
        ("PATCH", "", json!({ "status": "LOGGED_MODEL_READY" })),
        ("DELETE", "", json!({})),
        ("PATCH", "/tags", json!({ "tags": pair })),
        ("DELETE", "/tags/k", json!({})),
        ("POST", "/params", json!({ "params": pair })),
        ("GET", "/artifacts/directories", json!({})),
    ] {
        let path = format!("logged-models/m-none{below}");
        let refused = server.send_json(method, &path, body).await.refused();
        let expected = "Logged model with ID 'm-none' not found.".to_owned();
        assert_eq!(
            refused,
            (404, "RESOURCE_DOES_NOT_EXIST".into(), expected),
            "{method} {path}"
        );
    }
}

#[tokio::test]
async fn tags_are_set_replaced_and_deleted() {
    let server = TestServer::start().await;
    let id = create(&server, "m").await;
    let set = async |tags: Json| {
        let path = format!("logged-models/{id}/tags");
        server
            .send_json("PATCH", &path, json!({ "model_id": id, "tags": tags }))
            .await
    };
    set(json!([{ "key": "a", "value": "1" }, { "key": "b c/d", "value": "1" }]))
        .await
        .ok();
    set(json!([{ "key": "a", "value": "2" }, { "key": "a", "value": "3" }]))
        .await
        .ok();
    let tags = pairs(&model(&server, &id).await["info"]["tags"]);
    assert_eq!(tags, json!({ "a": "3", "b c/d": "1" }));
    let delete = async |key: &str| {
        server
            .bare(
                "DELETE",
                &format!("/api/2.0/mlflow/logged-models/{id}/tags/{key}"),
            )
            .await
    };
    delete("b%20c%2Fd").await.ok();
    insta::assert_snapshot!(delete("zz").await.shown(), @r#"
    404
    {
      "error_class": "RESOURCE_NOT_FOUND",
      "error_code": "RESOURCE_DOES_NOT_EXIST",
      "message": "No tag with key 'zz' found for model with ID 'm-00000000000000000000000000000002'.",
      "sqlstate": "KAM00"
    }
    "#);
    let tags = pairs(&model(&server, &id).await["info"]["tags"]);
    assert_eq!(tags, json!({ "a": "3" }));
    insta::assert_snapshot!(set(json!([{ "value": "1" }])).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Missing value for required parameter 'tags[0].key'. See the API docs for more information about request parameters.",
      "sqlstate": "KAM00"
    }
    "#);
}

#[tokio::test]
async fn a_param_of_a_model_is_written_once() {
    let server = TestServer::start().await;
    let id = create(&server, "m").await;
    let log = async |params: Json| {
        let path = format!("logged-models/{id}/params");
        server
            .post(&path, json!({ "model_id": id, "params": params }))
            .await
    };
    log(json!([{ "key": "p", "value": "1" }])).await.ok();
    log(json!([{ "key": "p", "value": "1" }, { "key": "q", "value": "1" }]))
        .await
        .ok();
    let changed = json!([{ "key": "a", "value": "1" }, { "key": "p", "value": "2" }]);
    insta::assert_snapshot!(log(changed).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Changing param values is not allowed. Param with key='p' was already logged with another value for this logged model.",
      "sqlstate": "KAM00"
    }
    "#);
    let params = pairs(&model(&server, &id).await["data"]["params"]);
    assert_eq!(params, json!({ "p": "1", "q": "1" }));
}

#[tokio::test]
async fn a_metric_with_a_model_belongs_to_the_run_and_to_the_model() {
    let server = TestServer::start().await;
    let (run, id) = (server.run("0").await, create(&server, "m").await);
    let metric = json!({
        "run_id": run, "key": "auc", "value": 0.5, "timestamp": 3, "step": 1,
        "model_id": id, "dataset_name": "d", "dataset_digest": "1",
    });
    server.post("runs/log-metric", metric).await.ok();
    let batch = json!([
        { "key": "auc", "value": "NaN", "timestamp": 4, "step": 2, "model_id": id },
        { "key": "loss", "value": 9, "timestamp": 4, "step": 2 },
    ]);
    let body = json!({ "run_id": run, "metrics": batch });
    server.post("runs/log-batch", body.clone()).await.ok();
    server.post("runs/log-batch", body).await.ok();
    let metrics = model(&server, &id).await["data"]["metrics"].take();
    insta::assert_snapshot!(serde_json::to_string_pretty(&metrics).unwrap(), @r#"
    [
      {
        "dataset_digest": "1",
        "dataset_name": "d",
        "key": "auc",
        "model_id": "m-00000000000000000000000000000004",
        "run_id": "00000000000000000000000000000002",
        "step": 1,
        "timestamp": 3,
        "value": 0.5
      },
      {
        "key": "auc",
        "model_id": "m-00000000000000000000000000000004",
        "run_id": "00000000000000000000000000000002",
        "step": 2,
        "timestamp": 4,
        "value": "NaN"
      }
    ]
    "#);
    assert_eq!(server.history(&run, "auc").await.len(), 2);
    server
        .post("runs/delete", json!({ "run_id": run }))
        .await
        .ok();
    assert_eq!(model(&server, &id).await["info"]["model_id"], id);
}
