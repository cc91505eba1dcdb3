//! `runs/log-batch`: all of a batch, or nothing of it.

use crate::server::TestServer;
use crate::support::pairs;
use serde_json::{Value as Json, json};

fn metric(key: &str, value: f64) -> Json {
    json!({ "key": key, "value": value, "timestamp": 1, "step": 0 })
}

fn list(count: usize, entry: impl Fn(usize) -> Json) -> Json {
    (0..count).map(entry).collect()
}

fn pair(index: usize) -> Json {
    json!({ "key": format!("k{index}"), "value": index.to_string() })
}

#[tokio::test]
async fn a_batch_stores_its_metrics_params_and_tags() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let body = json!({
        "run_id": run,
        "metrics": [metric("loss", 0.5), metric("auc", 0.9)],
        "params": [{ "key": "lr", "value": "0.1" }, { "key": "none" }],
        "tags": [{ "key": "t", "value": "1" }, { "key": "t", "value": "2" }],
    });
    insta::assert_snapshot!(server.post("runs/log-batch", body).await.shown(), @"
    200
    {}
    ");
    let data = server.whole_run(&run).await["data"].take();
    insta::assert_snapshot!(serde_json::to_string_pretty(&data).unwrap(), @r#"
    {
      "metrics": [
        {
          "key": "auc",
          "step": 0,
          "timestamp": 1,
          "value": 0.9
        },
        {
          "key": "loss",
          "step": 0,
          "timestamp": 1,
          "value": 0.5
        }
      ],
      "params": [
        {
          "key": "lr",
          "value": "0.1"
        },
        {
          "key": "none",
          "value": ""
        }
      ],
      "tags": [
        {
          "key": "mlflow.runName",
          "value": "r"
        },
        {
          "key": "t",
          "value": "2"
        }
      ]
    }
    "#);
}

#[tokio::test]
async fn a_batch_with_a_conflicting_param_stores_nothing_of_it() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let params = json!([{ "key": "a", "value": "1" }, { "key": "b", "value": "1" }]);
    server
        .post("runs/log-batch", json!({ "run_id": run, "params": params }))
        .await
        .ok();
    let before = server.whole_run(&run).await;
    let body = json!({
        "run_id": run,
        "metrics": [metric("loss", 0.5)],
        "params": [
            { "key": "new", "value": "1" },
            { "key": "b", "value": "it's" },
            { "key": "a", "value": "1" },
        ],
        "tags": [{ "key": "t", "value": "1" }],
    });
    let refused = server.post("runs/log-batch", body).await;
    insta::assert_snapshot!(refused.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Changing param values is not allowed. Params were already logged='[{'key': 'b', 'old_value': '1', 'new_value': \"it's\"}]' for run ID='00000000000000000000000000000002'.",
      "sqlstate": "KAM00"
    }
    "#);
    assert_eq!(server.whole_run(&run).await, before);
    assert_eq!(server.history(&run, "loss").await, []);
}

#[tokio::test]
async fn a_batch_with_one_bad_entry_stores_nothing_of_it() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let good = json!({
        "run_id": run,
        "metrics": [metric("m", 1.0)],
        "params": [{ "key": "p", "value": "1" }],
        "tags": [{ "key": "t", "value": "1" }],
    });
    let before = server.whole_run(&run).await;
    let check = async |kind: &str, entry: Json| {
        let mut body = good.clone();
        body[kind].as_array_mut().unwrap().push(entry);
        let answer = server.post("runs/log-batch", body).await;
        let (status, code, message) = answer.refused();
        assert_eq!((status, code.as_str()), (400, "INVALID_PARAMETER_VALUE"));
        assert_eq!(server.whole_run(&run).await, before);
        message
    };
    let no_value = json!({ "key": "m", "timestamp": 1 });
    insta::assert_snapshot!(check("metrics", no_value).await, @"Missing value for required parameter 'metrics[1].value'. See the API docs for more information about request parameters.");
    let no_time = json!({ "key": "m", "value": 1 });
    insta::assert_snapshot!(check("metrics", no_time).await, @"Missing value for required parameter 'metrics[1].timestamp'. See the API docs for more information about request parameters.");
    let text = json!({ "key": "m", "value": "high", "timestamp": 1 });
    insta::assert_snapshot!(check("metrics", text).await, @r#"Invalid value "high" for parameter 'metrics[1].value' supplied:  Hint: Value was of type 'str'. See the API docs for more information about request parameters."#);
    let early = json!({ "key": "m", "value": 1, "timestamp": -1 });
    insta::assert_snapshot!(check("metrics", early).await, @"Invalid value -1 for parameter 'metrics[1].timestamp' supplied: metric 'm' (value=1.0). Timestamp must be a nonnegative long (64-bit integer)");
    let between = json!({ "key": "m", "value": 1, "timestamp": 1, "step": 0.5 });
    insta::assert_snapshot!(check("metrics", between).await, @"Invalid value 0.5 for parameter 'metrics[1].step' supplied:  Hint: Value was of type 'float'. See the API docs for more information about request parameters.");
    insta::assert_snapshot!(check("metrics", metric("a//b", 1.0)).await, @r#"Invalid value "a//b" for parameter 'metrics[1].name' supplied: Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to 'a/b'"#);
    insta::assert_snapshot!(check("metrics", metric(&"k".repeat(251), 1.0)).await, @"'Metric name' exceeds the maximum length of 250 characters");
    insta::assert_snapshot!(check("metrics", json!(7)).await, @"Invalid value 7 for parameter 'metrics[1]' supplied:  Hint: Value was of type 'int'. See the API docs for more information about request parameters.");
    let stranger = json!({ "key": "m", "value": 1, "timestamp": 1, "dataset_name": "d",
        "model_id": "m-1" });
    insta::assert_snapshot!(check("metrics", stranger).await, @"Both dataset_name and dataset_digest must be provided if one is provided");
    insta::assert_snapshot!(check("params", json!({ "value": "1" })).await, @"Missing value for required parameter 'params[1].key'. See the API docs for more information about request parameters.");
    let number = json!({ "key": "q", "value": 1 });
    insta::assert_snapshot!(check("params", number).await, @"Invalid value 1 for parameter 'params[1].value' supplied:  Hint: Value was of type 'int'. See the API docs for more information about request parameters.");
    insta::assert_snapshot!(check("tags", json!({ "key": "a?", "value": "1" })).await, @r#"Invalid value "a?" for parameter 'tags[1].key' supplied: Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/)."#);
}

#[tokio::test]
async fn a_metric_of_an_unknown_model_takes_the_whole_batch_with_it() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let before = server.whole_run(&run).await;
    let mut stray = metric("m", 1.0);
    stray["model_id"] = "m-none".into();
    let body = json!({
        "run_id": run,
        "metrics": [metric("n", 1.0), stray],
        "params": [{ "key": "p", "value": "1" }],
        "tags": [{ "key": "t", "value": "1" }],
    });
    let refused = server.post("runs/log-batch", body).await;
    insta::assert_snapshot!(refused.shown(), @r#"
    404
    {
      "error_class": "RESOURCE_NOT_FOUND",
      "error_code": "RESOURCE_DOES_NOT_EXIST",
      "message": "Logged model with ID 'm-none' not found.",
      "sqlstate": "KAM00"
    }
    "#);
    assert_eq!(server.whole_run(&run).await, before);
    assert_eq!(server.history(&run, "n").await, []);
}

#[tokio::test]
async fn the_limits_of_a_batch_are_those_of_mlflow() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let send = async |metrics: usize, params: usize, tags: usize| {
        let body = json!({
            "run_id": run,
            "metrics": list(metrics, |index| metric("m", index as f64)),
            "params": list(params, pair),
            "tags": list(tags, pair),
        });
        server.post("runs/log-batch", body).await
    };
    send(1000, 0, 0).await.ok();
    send(800, 100, 100).await.ok();
    insta::assert_snapshot!(send(1001, 0, 0).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "A batch logging request can contain at most 1000 metrics. Got 1001 metrics. Please split up metrics across multiple requests and try again.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(send(0, 101, 0).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "A batch logging request can contain at most 100 params. Got 101 params. Please split up params across multiple requests and try again.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(send(0, 0, 101).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "A batch logging request can contain at most 100 tags. Got 101 tags. Please split up tags across multiple requests and try again.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(send(900, 51, 50).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "A batch logging request can contain at most 1000 metrics, params, and tags. Got 1001 metrics, params, and tags. Please split up metrics, params, and tags across multiple requests and try again.",
      "sqlstate": "KAM00"
    }
    "#);
}

#[tokio::test]
async fn a_param_key_twice_in_a_batch_is_refused_even_with_one_value() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let twice = json!([{ "key": "p", "value": "1" }, { "key": "p", "value": "1" }]);
    let body = json!({ "run_id": run, "params": twice });
    insta::assert_snapshot!(server.post("runs/log-batch", body).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Duplicate parameter keys have been submitted: ['p']. Please ensure the request contains only one param value per param key.",
      "sqlstate": "KAM00"
    }
    "#);
}

#[tokio::test]
async fn what_is_wrong_is_named_in_the_order_of_mlflow() {
    let server = TestServer::start().await;
    let long: String = "k".repeat(251);
    // From the first check to the last, each request has all the faults that come after it.
    let mut body = json!({
        "metrics": [{ "key": "m", "timestamp": -1 }],
        "params": [{ "value": "1" }, { "key": "p", "value": "" }, { "key": "p", "value": "" }],
        "tags": [{ "key": long, "value": "1" }],
    });
    let mut said = Vec::new();
    let mut send = async |body: &Json| {
        let (_, _, message) = server.post("runs/log-batch", body.clone()).await.refused();
        said.push(message);
    };
    send(&body).await;
    body["run_id"] = "no run".into();
    send(&body).await;
    body["metrics"][0]["value"] = 1.into();
    send(&body).await;
    body["params"][0]["key"] = "q".into();
    send(&body).await;
    body["run_id"] = "norun".into();
    send(&body).await;
    body["metrics"][0]["timestamp"] = 1.into();
    send(&body).await;
    body["tags"][0]["key"] = "t".into();
    send(&body).await;
    body["params"].as_array_mut().unwrap().pop();
    send(&body).await;
    insta::assert_snapshot!(said.join("\n"), @r#"
    Missing value for required parameter 'run_id'. See the API docs for more information about request parameters.
    Missing value for required parameter 'metrics[0].value'. See the API docs for more information about request parameters.
    Missing value for required parameter 'params[0].key'. See the API docs for more information about request parameters.
    Invalid value "no run" for parameter 'run_id' supplied.
    Invalid value -1 for parameter 'metrics[0].timestamp' supplied: metric 'm' (value=1.0). Timestamp must be a nonnegative long (64-bit integer) 
    'tags[0].key' exceeds the maximum length of 250 characters
    Duplicate parameter keys have been submitted: ['p']. Please ensure the request contains only one param value per param key.
    Run with id=norun not found
    "#);
}

#[tokio::test]
async fn a_retried_batch_changes_nothing() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let body = json!({
        "run_id": run,
        "metrics": list(50, |index| metric("m", index as f64)),
        "params": list(50, pair),
        "tags": list(50, pair),
    });
    server.post("runs/log-batch", body.clone()).await.ok();
    let (run_before, history) = (
        server.whole_run(&run).await,
        server.history(&run, "m").await,
    );
    let unchanged = async || {
        assert_eq!(server.whole_run(&run).await, run_before);
        assert_eq!(server.history(&run, "m").await, history);
    };
    server.post("runs/log-batch", body.clone()).await.ok();
    unchanged().await;
    assert_eq!(server.fold(&run).await, 2);
    unchanged().await;
    server.post("runs/log-batch", body).await.ok();
    unchanged().await;
    assert_eq!(server.fold(&run).await, 1);
    unchanged().await;
    assert_eq!(history.len(), 50);
}

#[tokio::test]
async fn an_empty_batch_is_fine() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let before = server.whole_run(&run).await;
    for body in [
        json!({ "run_id": run }),
        json!({ "run_id": run, "metrics": [], "params": null, "tags": [] }),
    ] {
        server.post("runs/log-batch", body).await.ok();
    }
    assert_eq!(server.whole_run(&run).await, before);
}

#[tokio::test]
async fn both_spellings_of_names_are_read_but_not_both_at_once() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let tags = json!([{ "key": "t", "value": "1" }]);
    let body = json!({ "runId": run, "tags": tags });
    server.post("runs/log-batch", body).await.ok();
    let found = server.whole_run(&run).await;
    assert_eq!(pairs(&found["data"]["tags"])["t"], "1");
    let both = json!({ "runId": run, "run_id": run });
    insta::assert_snapshot!(server.post("runs/log-batch", both).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Request specifies both 'run_id' and 'runId'; provide only one of them.",
      "sqlstate": "KAM00"
    }
    "#);
}
