//! `runs/log-inputs`, `runs/outputs` and `experiments/search-datasets`.

use crate::server::{Answer, TestServer};
use crate::support::pairs;
use serde_json::{Value as Json, json};

fn dataset(name: &str, context: &str) -> Json {
    json!({
        "dataset": {
            "name": name,
            "digest": "d1",
            "source_type": "local",
            "source": "{\"uri\": \"/data\"}",
            "schema": "{}",
        },
        "tags": [{ "key": "mlflow.data.context", "value": context }],
    })
}

async fn log(server: &TestServer, run: &str, datasets: Json) -> Answer {
    let body = json!({ "run_id": run, "datasets": datasets });
    server.post("runs/log-inputs", body).await
}

/// Gives the name and the context of each dataset of a run, in the order of the answer.
async fn logged(server: &TestServer, run: &str) -> Vec<(String, String)> {
    let found = server.whole_run(run).await;
    let inputs = found["inputs"]["dataset_inputs"].as_array().cloned();
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    inputs
        .unwrap_or_default()
        .iter()
        .map(|input| {
            let context = &pairs(&input["tags"])["mlflow.data.context"];
            (text(&input["dataset"]["name"]), text(context))
        })
        .collect()
}

#[tokio::test]
async fn a_run_shows_the_datasets_and_models_it_read_and_made() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let body = json!({
        "run_id": run,
        "datasets": [dataset("train", "training")],
        "models": [{ "model_id": "m-2" }, { "model_id": "m-1" }, { "model_id": "m-2" }],
    });
    insta::assert_snapshot!(server.post("runs/log-inputs", body).await.shown(), @"
    200
    {}
    ");
    let outputs = json!([{ "model_id": "m-4", "step": 2 }, { "model_id": "m-3" }]);
    let body = json!({ "run_id": run, "models": outputs });
    insta::assert_snapshot!(server.post("runs/outputs", body).await.shown(), @"
    200
    {}
    ");
    let mut found = server.whole_run(&run).await;
    let shown = json!({ "inputs": found["inputs"].take(), "outputs": found["outputs"].take() });
    insta::assert_snapshot!(serde_json::to_string_pretty(&shown).unwrap(), @r#"
    {
      "inputs": {
        "dataset_inputs": [
          {
            "dataset": {
              "digest": "d1",
              "name": "train",
              "schema": "{}",
              "source": "{\"uri\": \"/data\"}",
              "source_type": "local"
            },
            "tags": [
              {
                "key": "mlflow.data.context",
                "value": "training"
              }
            ]
          }
        ],
        "model_inputs": [
          {
            "model_id": "m-1"
          },
          {
            "model_id": "m-2"
          }
        ]
      },
      "outputs": {
        "model_outputs": [
          {
            "model_id": "m-4",
            "step": 2
          },
          {
            "model_id": "m-3",
            "step": 0
          }
        ]
      }
    }
    "#);
}

#[tokio::test]
async fn datasets_are_shown_in_the_order_they_were_logged() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let names = |names: &[&str]| -> Json { names.iter().map(|name| dataset(name, "")).collect() };
    log(&server, &run, names(&["c", "a", "d", "b"])).await.ok();
    log(&server, &run, names(&["f", "a", "e"])).await.ok();
    let order: Vec<String> = logged(&server, &run)
        .await
        .into_iter()
        .map(|(name, _)| name)
        .collect();
    assert_eq!(order, ["c", "a", "d", "b", "f", "e"]);
}

#[tokio::test]
async fn a_dataset_logged_again_keeps_its_tags() {
    let server = TestServer::start().await;
    let (run, other) = (server.run("0").await, server.run("0").await);
    let both = json!([dataset("d", "training"), dataset("d", "testing")]);
    log(&server, &run, both).await.ok();
    log(&server, &run, json!([dataset("d", "evaluation")]))
        .await
        .ok();
    assert_eq!(
        logged(&server, &run).await,
        [("d".into(), "training".into())]
    );
    log(&server, &other, json!([dataset("d", "evaluation")]))
        .await
        .ok();
    assert_eq!(
        logged(&server, &other).await,
        [("d".into(), "evaluation".into())]
    );
}

#[tokio::test]
async fn an_output_named_again_takes_the_new_step() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    for step in [1, 5] {
        let models = json!([{ "model_id": "m-1", "step": step }]);
        let body = json!({ "run_id": run, "models": models });
        server.post("runs/outputs", body).await.ok();
    }
    let found = server.whole_run(&run).await;
    let expected = json!([{ "model_id": "m-1", "step": 5 }]);
    assert_eq!(found["outputs"]["model_outputs"], expected);
}

#[tokio::test]
async fn a_dataset_needs_its_four_texts_and_no_longer_ones() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let check = async |field: &str, value: Json| {
        let mut input = dataset("d", "");
        input["dataset"][field] = value;
        let answer = log(&server, &run, json!([dataset("good", ""), input])).await;
        let (status, code, message) = answer.refused();
        assert_eq!(
            (status, code.as_str()),
            (400, "INVALID_PARAMETER_VALUE"),
            "{field}"
        );
        message
    };
    for field in ["name", "digest", "source_type", "source"] {
        for missing in [json!(""), Json::Null] {
            let message = check(field, missing).await;
            let named =
                format!("Missing value for required parameter 'datasets[1].dataset.{field}'");
            assert!(message.starts_with(&named), "{message}");
        }
    }
    insta::assert_snapshot!(check("name", "n".repeat(501).into()).await, @"'name' exceeds the maximum length of 500 characters");
    insta::assert_snapshot!(check("source", "n".repeat(65_536).into()).await, @"'source' exceeds the maximum length of 65535 characters");
    insta::assert_snapshot!(check("schema", "n".repeat(1_048_576).into()).await, @"'schema' exceeds the maximum length of 1048575 characters");
    insta::assert_snapshot!(check("profile", json!(7)).await, @"Invalid value 7 for parameter 'datasets[1].dataset.profile' supplied:  Hint: Value was of type 'int'. See the API docs for more information about request parameters.");
    assert_eq!(logged(&server, &run).await, []);
    let bad_tag = json!([{ "dataset": dataset("d", "")["dataset"].clone(),
        "tags": [{ "key": "k", "value": "v".repeat(501) }] }]);
    insta::assert_snapshot!(log(&server, &run, bad_tag).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "'value' exceeds the maximum length of 500 characters",
      "sqlstate": "KAM00"
    }
    "#);
}

#[tokio::test]
async fn inputs_need_a_run_id_that_could_be_one() {
    let server = TestServer::start().await;
    insta::assert_snapshot!(log(&server, "", json!([])).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Missing value for required parameter 'run_id'. See the API docs for more information about request parameters.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(log(&server, "a/b", json!([])).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Invalid value \"a/b\" for parameter 'run_id' supplied.",
      "sqlstate": "KAM00"
    }
    "#);
    let run = server.run("0").await;
    let missing = server.post("runs/outputs", json!({ "run_id": run })).await;
    insta::assert_snapshot!(missing.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Missing value for required parameter 'models'. See the API docs for more information about request parameters.",
      "sqlstate": "KAM00"
    }
    "#);
}

#[tokio::test]
async fn datasets_of_experiments_are_listed_once_for_each_use() {
    let server = TestServer::start().await;
    let (first, second) = (server.experiment("a").await, server.experiment("b").await);
    for (experiment, context) in [
        (&first, "training"),
        (&first, "testing"),
        (&second, "training"),
    ] {
        for _ in 0..2 {
            let run = server.run(experiment).await;
            log(&server, &run, json!([dataset("d", context)]))
                .await
                .ok();
        }
    }
    let path = "/ajax-api/2.0/mlflow/experiments/search-datasets";
    let search = async |ids: Json| server.post(path, json!({ "experiment_ids": ids })).await;
    insta::assert_snapshot!(search(json!([first, second, "999"])).await.shown(), @r#"
    200
    {
      "dataset_summaries": [
        {
          "context": "testing",
          "digest": "d1",
          "experiment_id": "1",
          "name": "d"
        },
        {
          "context": "training",
          "digest": "d1",
          "experiment_id": "1",
          "name": "d"
        },
        {
          "context": "training",
          "digest": "d1",
          "experiment_id": "2",
          "name": "d"
        }
      ]
    }
    "#);
    assert_eq!(search(json!(["999"])).await.ok(), json!({}));
    let (status, _, message) = search(json!([])).await.refused();
    let expected = "SearchDatasets request must specify at least one experiment_id.";
    assert_eq!((status, message.as_str()), (400, expected));
    let many: Vec<String> = (0..21).map(|id| id.to_string()).collect();
    assert_eq!(search(json!(many)).await.refused().0, 400);
}
