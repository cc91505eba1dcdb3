//! `runs/..`: their life, tags and params.

use crate::server::{START_MS, TestServer};
use crate::support::pairs;
use serde_json::json;

#[tokio::test]
async fn a_created_run_is_running_and_has_its_name_as_a_tag() {
    let server = TestServer::start().await;
    let id = server.experiment("e").await;
    let body = json!({
        "experiment_id": id,
        "run_name": "first",
        "user_id": "ada",
        "start_time": START_MS,
        "tags": [{ "key": "mlflow.user", "value": "ada" }],
    });
    let created = server.post("runs/create", body).await;
    insta::assert_snapshot!(created.shown(), @r#"
    200
    {
      "run": {
        "data": {
          "tags": [
            {
              "key": "mlflow.user",
              "value": "ada"
            },
            {
              "key": "mlflow.runName",
              "value": "first"
            }
          ]
        },
        "info": {
          "artifact_uri": "mlflow-artifacts:/1/00000000000000000000000000000003/artifacts",
          "experiment_id": "1",
          "lifecycle_stage": "active",
          "run_id": "00000000000000000000000000000003",
          "run_name": "first",
          "run_uuid": "00000000000000000000000000000003",
          "start_time": 1700000000000,
          "status": "RUNNING",
          "user_id": "ada"
        },
        "inputs": {}
      }
    }
    "#);
    let run = created.ok()["run"].take();
    let found = server
        .whole_run(run["info"]["run_id"].as_str().unwrap())
        .await;
    assert_eq!(found["info"], run["info"]);
    assert_eq!(pairs(&found["data"]["tags"]), pairs(&run["data"]["tags"]));
}

#[tokio::test]
async fn a_run_without_a_name_gets_one_and_no_start_time_is_made_up() {
    let server = TestServer::start().await;
    let run = server
        .post("runs/create", json!({ "experiment_id": "0" }))
        .await
        .ok();
    let info = &run["run"]["info"];
    let name = info["run_name"].as_str().unwrap();
    assert_eq!(name.split('-').count(), 3, "{name}");
    assert_eq!(
        pairs(&run["run"]["data"]["tags"]),
        json!({ "mlflow.runName": name })
    );
    assert_eq!(
        (&info["start_time"], &info["user_id"]),
        (&json!(0), &json!(""))
    );
}

#[tokio::test]
async fn the_name_may_come_as_a_tag_but_not_differ_from_it() {
    let server = TestServer::start().await;
    let create = async |name: &str, tag: &str| {
        let tags = json!([{ "key": "mlflow.runName", "value": tag }]);
        let body = json!({ "experiment_id": "0", "run_name": name, "tags": tags });
        server.post("runs/create", body).await
    };
    assert_eq!(create("", "t").await.ok()["run"]["info"]["run_name"], "t");
    assert_eq!(create("t", "t").await.ok()["run"]["info"]["run_name"], "t");
    insta::assert_snapshot!(create("a", "b").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Both 'run_name' argument and 'mlflow.runName' tag are specified, but with different values (run_name='a', mlflow.runName='b').",
      "sqlstate": "KAM00"
    }
    "#);
}

#[tokio::test]
async fn a_run_needs_an_experiment_that_is_there() {
    let server = TestServer::start().await;
    insta::assert_snapshot!(server.post("runs/create", json!({})).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Missing value for required parameter 'experiment_id'. See the API docs for more information about request parameters.",
      "sqlstate": "KAM00"
    }
    "#);
    let unknown = server
        .post("runs/create", json!({ "experiment_id": "9" }))
        .await;
    insta::assert_snapshot!(unknown.shown(), @r#"
    404
    {
      "error_class": "RESOURCE_NOT_FOUND",
      "error_code": "RESOURCE_DOES_NOT_EXIST",
      "message": "No Experiment with id=9 exists",
      "sqlstate": "KAM00"
    }
    "#);
    let tags = json!([{ "key": "k", "value": "1" }, { "key": "k", "value": "1" }]);
    let twice = json!({ "experiment_id": "0", "tags": tags });
    assert_eq!(server.post("runs/create", twice).await.refused().0, 400);
}

#[tokio::test]
async fn an_update_ends_and_renames_a_run() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let body = json!({
        "run_id": run,
        "status": "FINISHED",
        "end_time": START_MS + 60_000,
        "run_name": "better",
    });
    insta::assert_snapshot!(server.post("runs/update", body).await.shown(), @r#"
    200
    {
      "run_info": {
        "artifact_uri": "mlflow-artifacts:/0/00000000000000000000000000000002/artifacts",
        "end_time": 1700000060000,
        "experiment_id": "0",
        "lifecycle_stage": "active",
        "run_id": "00000000000000000000000000000002",
        "run_name": "better",
        "run_uuid": "00000000000000000000000000000002",
        "start_time": 0,
        "status": "FINISHED",
        "user_id": ""
      }
    }
    "#);
    let found = server.whole_run(&run).await;
    assert_eq!(pairs(&found["data"]["tags"])["mlflow.runName"], "better");
    for (status, name) in [(json!(4), "FAILED"), (json!("KILLED"), "KILLED")] {
        let body = json!({ "run_uuid": run, "status": status });
        let info = server.post("runs/update", body).await.ok()["run_info"].take();
        assert_eq!(
            (&info["status"], &info["run_name"]),
            (&json!(name), &json!("better"))
        );
        assert_eq!(info["end_time"], START_MS + 60_000);
    }
    let unknown = json!({ "run_id": run, "status": "NO SUCH", "run_name": "" });
    let info = server.post("runs/update", unknown).await.ok()["run_info"].take();
    assert_eq!(
        (&info["status"], &info["run_name"]),
        (&json!("KILLED"), &json!("better"))
    );
}

#[tokio::test]
async fn unknown_runs_are_404_on_every_route() {
    let server = TestServer::start().await;
    insta::assert_snapshot!(server.get("runs/get?run_id=none").await.shown(), @r#"
    404
    {
      "error_class": "RESOURCE_NOT_FOUND",
      "error_code": "RESOURCE_DOES_NOT_EXIST",
      "message": "Run with id=none not found",
      "sqlstate": "KAM00"
    }
    "#);
    for (route, extra) in [
        ("update", json!({})),
        ("delete", json!({})),
        ("restore", json!({})),
        ("set-tag", json!({ "key": "k", "value": "v" })),
        ("delete-tag", json!({ "key": "k" })),
        ("log-parameter", json!({ "key": "k", "value": "v" })),
        (
            "log-metric",
            json!({ "key": "k", "value": 1, "timestamp": 1 }),
        ),
        ("log-batch", json!({})),
        ("log-inputs", json!({})),
        ("outputs", json!({ "models": [] })),
    ] {
        let mut body = extra;
        body["run_id"] = "none".into();
        let refused = server.post(&format!("runs/{route}"), body).await.refused();
        let expected = "Run with id=none not found".to_owned();
        assert_eq!(
            refused,
            (404, "RESOURCE_DOES_NOT_EXIST".into(), expected),
            "{route}"
        );
    }
}

#[tokio::test]
async fn a_deleted_run_is_readable_and_takes_no_write_until_it_is_restored() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let by_id = json!({ "run_id": run });
    insta::assert_snapshot!(server.post("runs/delete", by_id.clone()).await.shown(), @"
    200
    {}
    ");
    server.post("runs/delete", by_id.clone()).await.ok();
    assert_eq!(
        server.whole_run(&run).await["info"]["lifecycle_stage"],
        "deleted"
    );
    let writes = [
        ("update", json!({ "status": "FINISHED" })),
        ("set-tag", json!({ "key": "k", "value": "v" })),
        ("delete-tag", json!({ "key": "mlflow.runName" })),
        ("log-parameter", json!({ "key": "k", "value": "v" })),
        (
            "log-metric",
            json!({ "key": "k", "value": 1, "timestamp": 1 }),
        ),
        (
            "log-batch",
            json!({ "tags": [{ "key": "k", "value": "v" }] }),
        ),
        ("log-inputs", json!({ "models": [{ "model_id": "m" }] })),
        ("outputs", json!({ "models": [{ "model_id": "m" }] })),
    ];
    let send = async |route: &str, extra: &serde_json::Value| {
        let mut body = extra.clone();
        body["run_id"] = run.as_str().into();
        server.post(&format!("runs/{route}"), body).await
    };
    let before = server.whole_run(&run).await;
    for (route, extra) in &writes {
        let (status, _, message) = send(route, extra).await.refused();
        let expected =
            format!("The run {run} must be in the 'active' state. Current state is deleted.");
        assert_eq!((status, message), (400, expected), "{route}");
    }
    assert_eq!(server.whole_run(&run).await, before);
    server.post("runs/restore", by_id.clone()).await.ok();
    server.post("runs/restore", by_id).await.ok();
    for (route, extra) in &writes {
        send(route, extra).await.ok();
    }
}

#[tokio::test]
async fn tags_are_set_replaced_and_deleted() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let tag = async |route: &str, key: &str, value: &str| {
        let body = json!({ "run_id": run, "key": key, "value": value });
        server.post(&format!("runs/{route}"), body).await
    };
    tag("set-tag", "k", "1").await.ok();
    tag("set-tag", "k", "2").await.ok();
    tag("set-tag", "empty", "").await.ok();
    tag("set-tag", "größe/a b", "ж").await.ok();
    tag("set-tag", "mlflow.runName", "renamed").await.ok();
    let found = server.whole_run(&run).await;
    assert_eq!(found["info"]["run_name"], "renamed");
    let expected = json!({ "k": "2", "empty": "", "größe/a b": "ж", "mlflow.runName": "renamed" });
    assert_eq!(pairs(&found["data"]["tags"]), expected);
    tag("delete-tag", "k", "").await.ok();
    insta::assert_snapshot!(tag("delete-tag", "k", "").await.shown(), @r#"
    404
    {
      "error_class": "RESOURCE_NOT_FOUND",
      "error_code": "RESOURCE_DOES_NOT_EXIST",
      "message": "No tag with name: k in run with id 00000000000000000000000000000002",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(tag("set-tag", "", "v").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Missing value for required parameter 'key'. See the API docs for more information about request parameters.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(tag("set-tag", "../k", "v").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Invalid value \"../k\" for parameter 'key' supplied: Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to '../k'",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(tag("set-tag", "a?b", "v").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Invalid value \"a?b\" for parameter 'key' supplied: Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).",
      "sqlstate": "KAM00"
    }
    "#);
}

#[tokio::test]
async fn a_param_is_written_once() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let log = async |key: &str, value: &str| {
        let body = json!({ "run_id": run, "key": key, "value": value });
        server.post("runs/log-parameter", body).await
    };
    log("lr", "0.1").await.ok();
    log("lr", "0.1").await.ok();
    insta::assert_snapshot!(log("lr", "0.2").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Changing param values is not allowed. Param with key='lr' was already logged with value='0.1' for run ID='00000000000000000000000000000002'. Attempted logging new value '0.2'.",
      "sqlstate": "KAM00"
    }
    "#);
    log("empty", "").await.ok();
    let body = json!({ "run_id": run, "key": "missing" });
    server.post("runs/log-parameter", body).await.ok();
    let found = server.whole_run(&run).await;
    let expected = json!({ "lr": "0.1", "empty": "", "missing": "" });
    assert_eq!(pairs(&found["data"]["params"]), expected);
    insta::assert_snapshot!(log("a*b", "1").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Invalid value \"a*b\" for parameter 'key' supplied: Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), spaces ( ), colon(:) and slashes (/).",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(log(&"k".repeat(251), "1").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "'Param key' exceeds the maximum length of 250 characters",
      "sqlstate": "KAM00"
    }
    "#);
}

#[tokio::test]
async fn long_values_of_params_and_tags_are_cut() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let pair = |size: usize| json!({ "run_id": run, "key": "k", "value": "ü".repeat(size) });
    server.post("runs/log-parameter", pair(6001)).await.ok();
    // What was cut is what counts: the same long value again changes nothing.
    server.post("runs/log-parameter", pair(6001)).await.ok();
    server.post("runs/set-tag", pair(8001)).await.ok();
    let found = server.whole_run(&run).await;
    let length = |list: &str| {
        let pairs = pairs(&found["data"][list]);
        pairs["k"].as_str().unwrap().chars().count()
    };
    assert_eq!((length("params"), length("tags")), (6000, 8000));
}

#[tokio::test]
async fn long_values_are_refused_where_the_operator_wants_that() {
    let server = TestServer::start_with(|c| c.tracking.truncate_long_values = false).await;
    let run = server.run("0").await;
    let pair = |size: usize| json!({ "run_id": run, "key": "k", "value": "v".repeat(size) });
    let param = server.post("runs/log-parameter", pair(6001)).await;
    insta::assert_snapshot!(param.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "'Param value' exceeds the maximum length of 6000 characters",
      "sqlstate": "KAM00"
    }
    "#);
    let tag = server.post("runs/set-tag", pair(8001)).await;
    insta::assert_snapshot!(tag.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "'value' exceeds the maximum length of 8000 characters",
      "sqlstate": "KAM00"
    }
    "#);
    let list = json!([{ "key": "k", "value": "v".repeat(6001) }]);
    let batch = json!({ "run_id": run, "params": list });
    let batch = server.post("runs/log-batch", batch).await;
    assert_eq!(batch.refused(), param.refused());
    let found = server.whole_run(&run).await;
    assert_eq!(pairs(&found["data"]["params"]), json!({}));
    assert_eq!(
        pairs(&found["data"]["tags"]),
        json!({ "mlflow.runName": "r" })
    );
    server.post("runs/log-parameter", pair(6000)).await.ok();
    server.post("runs/set-tag", pair(8000)).await.ok();
}

#[tokio::test]
async fn a_model_of_old_clients_is_gathered_in_a_tag() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let model = json!({
        "run_id": run,
        "artifact_path": "model",
        "utc_time_created": "2023-11-14 22:13:20",
        "flavors": { "sklearn": { "config": { "long": "x" }, "code": null } },
        "signature": "left out",
    });
    let log = async |text: String| {
        let body = json!({ "run_id": run, "model_json": text });
        server.post("runs/log-model", body).await
    };
    log(model.to_string()).await.ok();
    log(model.to_string()).await.ok();
    let found = server.whole_run(&run).await;
    let tags = pairs(&found["data"]["tags"]);
    let history = tags["mlflow.log-model.history"].as_str().unwrap();
    let models: Vec<serde_json::Value> = serde_json::from_str(history).unwrap();
    assert_eq!(models.len(), 2);
    assert_eq!(models[0]["flavors"], json!({ "sklearn": { "code": null } }));
    assert_eq!(models[0].get("signature"), None);
    insta::assert_snapshot!(log("{".into()).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Malformed model info. \n { \n is not a valid JSON.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(log("{\"flavors\": 1}".into()).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Model json is missing mandatory fields: {'artifact_path', 'run_id', 'utc_time_created'}",
      "sqlstate": "KAM00"
    }
    "#);
}
