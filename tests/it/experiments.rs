//! `experiments/..`: their life, names, tags and locations.

use crate::server::{START_MS, TestServer};
use crate::support::pairs;
use serde_json::json;

#[tokio::test]
async fn a_created_experiment_is_read_back_by_id_and_by_name() {
    let server = TestServer::start().await;
    let tags = json!([{ "key": "team", "value": "vision" }, { "key": "a.b", "value": "" }]);
    let body = json!({ "name": "first / ünï", "tags": tags });
    let created = server.post("experiments/create", body).await;
    insta::assert_snapshot!(created.shown(), @r#"
    200
    {
      "experiment_id": "1"
    }
    "#);
    let by_id = server.get("experiments/get?experiment_id=1").await;
    insta::assert_snapshot!(by_id.shown(), @r#"
    200
    {
      "experiment": {
        "artifact_location": "mlflow-artifacts:/1",
        "creation_time": 1700000000000,
        "experiment_id": "1",
        "last_update_time": 1700000000000,
        "lifecycle_stage": "active",
        "name": "first / ünï",
        "tags": [
          {
            "key": "a.b",
            "value": ""
          },
          {
            "key": "team",
            "value": "vision"
          }
        ],
        "workspace": "default"
      }
    }
    "#);
    let by_name = "experiments/get-by-name?experiment_name=first%20/%20%C3%BCn%C3%AF";
    assert_eq!(server.get(by_name).await.ok(), by_id.ok());
}

#[tokio::test]
async fn a_fresh_server_has_the_default_experiment() {
    let server = TestServer::start().await;
    let found = server.get("experiments/get?experiment_id=0").await.ok();
    assert_eq!(found["experiment"]["name"], "Default");
    assert_eq!(found["experiment"]["lifecycle_stage"], "active");
    assert_eq!(
        found["experiment"]["artifact_location"],
        "mlflow-artifacts:/0"
    );
}

#[tokio::test]
async fn unknown_experiments_are_404() {
    let server = TestServer::start().await;
    insta::assert_snapshot!(server.get("experiments/get?experiment_id=77").await.shown(), @r#"
    404
    {
      "error_class": "RESOURCE_NOT_FOUND",
      "error_code": "RESOURCE_DOES_NOT_EXIST",
      "message": "No Experiment with id=77 exists",
      "sqlstate": "KAM00"
    }
    "#);
    let by_name = server
        .get("experiments/get-by-name?experiment_name=none")
        .await;
    insta::assert_snapshot!(by_name.shown(), @r#"
    404
    {
      "error_class": "RESOURCE_NOT_FOUND",
      "error_code": "RESOURCE_DOES_NOT_EXIST",
      "message": "Could not find experiment with name 'none'",
      "sqlstate": "KAM00"
    }
    "#);
    for (route, extra) in [
        ("delete", json!({})),
        ("restore", json!({})),
        ("update", json!({ "new_name": "n" })),
        ("set-experiment-tag", json!({ "key": "k", "value": "v" })),
        ("delete-experiment-tag", json!({ "key": "k" })),
    ] {
        let mut body = extra;
        body["experiment_id"] = "77".into();
        let (status, code, message) = server
            .post(&format!("experiments/{route}"), body)
            .await
            .refused();
        assert_eq!(
            (status, code.as_str()),
            (404, "RESOURCE_DOES_NOT_EXIST"),
            "{route}"
        );
        assert_eq!(message, "No Experiment with id=77 exists", "{route}");
    }
}

#[tokio::test]
async fn an_id_that_is_no_number_is_refused() {
    let server = TestServer::start().await;
    insta::assert_snapshot!(server.get("experiments/get?experiment_id=abc").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Invalid experiment ID 'abc'. Experiment ID must be a valid integer.",
      "sqlstate": "KAM00"
    }
    "#);
}

#[tokio::test]
async fn a_name_stays_taken_after_its_experiment_was_deleted() {
    let server = TestServer::start().await;
    let id = server.experiment("taken").await;
    let again = json!({ "name": "taken" });
    let refused = server.post("experiments/create", again.clone()).await;
    insta::assert_snapshot!(refused.shown(), @r#"
    400
    {
      "error_class": "RESOURCE_ALREADY_EXISTS",
      "error_code": "RESOURCE_ALREADY_EXISTS",
      "message": "Experiment(name=taken) already exists.",
      "sqlstate": "KAM00"
    }
    "#);
    server
        .post("experiments/delete", json!({ "experiment_id": id }))
        .await
        .ok();
    let (status, code, _) = server.post("experiments/create", again).await.refused();
    assert_eq!((status, code.as_str()), (400, "RESOURCE_ALREADY_EXISTS"));
    let found = server
        .get("experiments/get-by-name?experiment_name=taken")
        .await
        .ok();
    assert_eq!(found["experiment"]["lifecycle_stage"], "deleted");
}

#[tokio::test]
async fn names_are_text_of_1_to_500_characters() {
    let server = TestServer::start().await;
    let create = async |name: &str| {
        let body = json!({ "name": name });
        server.post("experiments/create", body).await
    };
    insta::assert_snapshot!(create("").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Missing value for required parameter 'name'. See the API docs for more information about request parameters.",
      "sqlstate": "KAM00"
    }
    "#);
    create(&"ü".repeat(500)).await.ok();
    insta::assert_snapshot!(create(&"n".repeat(501)).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "'name' exceeds the maximum length of 500 characters",
      "sqlstate": "KAM00"
    }
    "#);
}

#[tokio::test]
async fn renaming_changes_the_name_and_the_time_of_the_update() {
    let server = TestServer::start().await;
    let id = server.experiment("before").await;
    server.experiment("other").await;
    server.advance(1500);
    let rename = async |name: &str| {
        let body = json!({ "experiment_id": id, "new_name": name });
        server.post("experiments/update", body).await
    };
    insta::assert_snapshot!(rename("after").await.shown(), @"
    200
    {}
    ");
    let path = format!("experiments/get?experiment_id={id}");
    let found = server.get(&path).await.ok()["experiment"].take();
    assert_eq!(found["name"], "after");
    assert_eq!(found["creation_time"], START_MS);
    assert_eq!(found["last_update_time"], START_MS + 1500);
    let (status, code, _) = rename("other").await.refused();
    assert_eq!((status, code.as_str()), (400, "RESOURCE_ALREADY_EXISTS"));
    rename("after").await.ok();
}

#[tokio::test]
async fn deleting_an_experiment_deletes_its_runs_and_restoring_revives_all_of_them() {
    let server = TestServer::start().await;
    let id = server.experiment("e").await;
    let (kept, gone) = (server.run(&id).await, server.run(&id).await);
    server
        .post("runs/delete", json!({ "run_id": gone }))
        .await
        .ok();
    let by_id = json!({ "experiment_id": id });
    server.advance(10);
    server.post("experiments/delete", by_id.clone()).await.ok();
    let stage = async |run: &str| server.whole_run(run).await["info"]["lifecycle_stage"].clone();
    assert_eq!(stage(&kept).await, "deleted");
    let again = server.post("experiments/delete", by_id.clone()).await;
    assert_eq!(again.refused().0, 404);
    server.advance(10);
    server.post("experiments/restore", by_id.clone()).await.ok();
    assert_eq!(
        (stage(&kept).await, stage(&gone).await),
        ("active".into(), "active".into())
    );
    let path = format!("experiments/get?experiment_id={id}");
    let updated = server.get(&path).await.ok()["experiment"]["last_update_time"].take();
    assert_eq!(updated, START_MS + 20);
    let again = server.post("experiments/restore", by_id).await;
    assert_eq!(again.refused().0, 404);
}

#[tokio::test]
async fn a_deleted_experiment_takes_no_write() {
    let server = TestServer::start().await;
    let id = server.experiment("e").await;
    server
        .post("experiments/delete", json!({ "experiment_id": id }))
        .await
        .ok();
    let tag = json!({ "experiment_id": id, "key": "k", "value": "v" });
    let refused = server
        .post("experiments/set-experiment-tag", tag.clone())
        .await;
    insta::assert_snapshot!(refused.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "The experiment 1 must be in the 'active' state. Current state is deleted.",
      "sqlstate": "KAM00"
    }
    "#);
    let removed = server.post("experiments/delete-experiment-tag", tag).await;
    assert_eq!(removed.refused(), refused.refused());
    let run = server
        .post("runs/create", json!({ "experiment_id": id }))
        .await;
    assert_eq!(run.refused(), refused.refused());
    let rename = json!({ "experiment_id": id, "new_name": "n" });
    let refused = server.post("experiments/update", rename).await;
    insta::assert_snapshot!(refused.shown(), @r#"
    400
    {
      "error_class": "CLIENT_INTERNAL_ERROR",
      "error_code": "INVALID_STATE",
      "message": "Cannot rename a non-active experiment.",
      "sqlstate": "XXM00"
    }
    "#);
}

#[tokio::test]
async fn tags_are_set_replaced_and_deleted_and_do_not_count_as_an_update() {
    let server = TestServer::start().await;
    let id = server.experiment("e").await;
    server.advance(5);
    let tag = async |route: &str, key: &str, value: &str| {
        let body = json!({ "experiment_id": id, "key": key, "value": value });
        server.post(&format!("experiments/{route}"), body).await
    };
    tag("set-experiment-tag", "k", "1").await.ok();
    tag("set-experiment-tag", "k", "2").await.ok();
    tag("set-experiment-tag", "other", "").await.ok();
    let path = format!("experiments/get?experiment_id={id}");
    let found = server.get(&path).await.ok()["experiment"].take();
    assert_eq!(pairs(&found["tags"]), json!({ "k": "2", "other": "" }));
    assert_eq!(found["last_update_time"], START_MS);
    tag("delete-experiment-tag", "k", "").await.ok();
    let missing = tag("delete-experiment-tag", "k", "").await;
    insta::assert_snapshot!(missing.shown(), @r#"
    404
    {
      "error_class": "RESOURCE_NOT_FOUND",
      "error_code": "RESOURCE_DOES_NOT_EXIST",
      "message": "No tag with name: k in experiment with id 1",
      "sqlstate": "KAM00"
    }
    "#);
    let found = server.get(&path).await.ok()["experiment"].take();
    assert_eq!(pairs(&found["tags"]), json!({ "other": "" }));
}

#[tokio::test]
async fn a_long_tag_is_refused_and_not_cut() {
    let server = TestServer::start().await;
    let tag = async |key: &str, value: &str| {
        let body = json!({ "experiment_id": "0", "key": key, "value": value });
        server.post("experiments/set-experiment-tag", body).await
    };
    tag(&"k".repeat(250), &"ä".repeat(20_000)).await.ok();
    insta::assert_snapshot!(tag(&"k".repeat(251), "v").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "'key' exceeds the maximum length of 250 characters",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(tag("k", &"v".repeat(20_001)).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "'value' exceeds the maximum length of 20000 characters",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(tag("a//b", "v").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Invalid value \"a//b\" for parameter 'key' supplied: Names may be treated as files in certain cases, and must not resolve to other names when treated as such. This name would resolve to 'a/b'",
      "sqlstate": "KAM00"
    }
    "#);
}

#[tokio::test]
async fn a_tag_key_given_twice_creates_nothing() {
    let server = TestServer::start().await;
    let tags = json!([{ "key": "k", "value": "1" }, { "key": "k", "value": "2" }]);
    let refused = server
        .post("experiments/create", json!({ "name": "e", "tags": tags }))
        .await;
    insta::assert_snapshot!(refused.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Invalid value \"k\" for parameter 'tags' supplied: a tag key may be given once.",
      "sqlstate": "KAM00"
    }
    "#);
    let found = server
        .get("experiments/get-by-name?experiment_name=e")
        .await;
    assert_eq!(found.refused().0, 404);
}

#[tokio::test]
async fn a_location_of_its_own_is_kept_and_a_bad_one_is_refused() {
    let server = TestServer::start().await;
    let create = async |name: &str, location: &str| {
        let body = json!({ "name": name, "artifact_location": location });
        server.post("experiments/create", body).await
    };
    for (name, location) in [
        ("own", "mlflow-artifacts:/own/place"),
        ("s3", "s3://bucket/x"),
    ] {
        let id = create(name, location).await.ok()["experiment_id"].take();
        let id = id.as_str().unwrap();
        let path = format!("experiments/get?experiment_id={id}");
        let found = server.get(&path).await.ok();
        assert_eq!(found["experiment"]["artifact_location"], location);
        let run = server.run(id).await;
        let uri = server.whole_run(&run).await["info"]["artifact_uri"].take();
        assert_eq!(uri, format!("{location}/{run}/artifacts"));
    }
    for location in [
        "runs:/abc/x",
        "mlflow-artifacts:/../up",
        "s3://b/x#y",
        "s3://b/x?p=../y",
        "http://169.254.169.254/x",
        "/a\u{0}b",
    ] {
        let (status, code, _) = create("bad", location).await.refused();
        assert_eq!(
            (status, code.as_str()),
            (400, "INVALID_PARAMETER_VALUE"),
            "{location}"
        );
    }
}
