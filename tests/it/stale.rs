//! Runs left running: marked, ended, and revived by the next write.

use crate::server::{START_MS, TestServer};
use crate::support::pairs;
use serde_json::{Value as Json, json};
use trackway::ctx::Ctx;
use trackway::tracking::run;
use trackway::tracking::watch::{self, Limits};

const HOUR: i64 = 3_600_000;
const LIMITS: Limits = Limits {
    stale_after_ms: HOUR,
    end_after_ms: 3 * HOUR,
};
const NEVER: Limits = Limits {
    stale_after_ms: 0,
    end_after_ms: 0,
};

/// Looks after silent runs as the background job does, and gives how many it changed.
async fn watch(server: &TestServer, limits: Limits) -> usize {
    let ctx = Ctx::of_server("watch", server.app.clock.now());
    let write = server
        .app
        .db
        .write(move |tx| watch::mark_silent(tx, &ctx, limits));
    write.await.unwrap()
}

/// Gives the status, the end and the tags of a run.
async fn state(server: &TestServer, run: &str) -> (Json, Json, Json) {
    let found = server.whole_run(run).await;
    let mut tags = pairs(&found["data"]["tags"]);
    tags.as_object_mut().unwrap().remove("mlflow.runName");
    (
        found["info"]["status"].clone(),
        found["info"]["end_time"].clone(),
        tags,
    )
}

fn running() -> (Json, Json, Json) {
    (json!("RUNNING"), Json::Null, json!({}))
}

#[tokio::test]
async fn a_silent_run_is_marked_as_stale_and_later_ended() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    server.advance(HOUR + run::TOUCH_EVERY_MS);
    assert_eq!(watch(&server, LIMITS).await, 0);
    assert_eq!(state(&server, &run).await, running());
    server.advance(1);
    assert_eq!(watch(&server, LIMITS).await, 1);
    assert_eq!(watch(&server, LIMITS).await, 0);
    let tags = json!({ "trackway.stale": "nothing written since 2023-11-14T22:13:20Z" });
    assert_eq!(
        state(&server, &run).await,
        (json!("RUNNING"), Json::Null, tags)
    );
    server.advance(2 * HOUR);
    assert_eq!(watch(&server, LIMITS).await, 1);
    assert_eq!(watch(&server, LIMITS).await, 0);
    let why = "ended by the server at 2023-11-15T01:13:25Z: nothing was written since \
        2023-11-14T22:13:20Z; a write revives the run";
    let tags = json!({ "trackway.endedReason": why });
    assert_eq!(
        state(&server, &run).await,
        (json!("KILLED"), json!(START_MS), tags)
    );
}

#[tokio::test]
async fn a_long_silent_run_is_ended_at_once() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    server.advance(4 * HOUR);
    assert_eq!(watch(&server, LIMITS).await, 1);
    let (status, _, tags) = state(&server, &run).await;
    assert_eq!(status, "KILLED");
    assert_eq!(tags.get("trackway.stale"), None);
}

#[tokio::test]
async fn limits_of_zero_mean_never() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    server.advance(1000 * HOUR);
    assert_eq!(watch(&server, NEVER).await, 0);
    let only_stale = Limits {
        end_after_ms: 0,
        ..LIMITS
    };
    assert_eq!(watch(&server, only_stale).await, 1);
    assert_eq!(state(&server, &run).await.0, "RUNNING");
    let only_end = Limits {
        stale_after_ms: 0,
        ..LIMITS
    };
    assert_eq!(watch(&server, only_end).await, 1);
    assert_eq!(state(&server, &run).await.0, "KILLED");
}

#[tokio::test]
async fn live_ended_and_deleted_runs_are_left_alone() {
    let server = TestServer::start().await;
    let (live, ended, deleted) = (
        server.run("0").await,
        server.run("0").await,
        server.run("0").await,
    );
    for status in ["FINISHED", "FAILED", "KILLED", "SCHEDULED"] {
        let body = json!({ "run_id": ended, "status": status });
        server.post("runs/update", body).await.ok();
        server
            .post("runs/delete", json!({ "run_id": deleted }))
            .await
            .ok();
        server.advance(4 * HOUR);
        server.log_metrics(&live, &[("m", json!(1), 1, 1)]).await;
        server.advance(HOUR / 2);
        assert_eq!(watch(&server, LIMITS).await, 0, "{status}");
        assert_eq!(state(&server, &live).await, running());
        assert_eq!(
            state(&server, &ended).await,
            (json!(status), Json::Null, json!({}))
        );
        assert_eq!(state(&server, &deleted).await, running());
    }
}

/// Sends one kind of write to a run and says whether it was accepted.
async fn write(server: &TestServer, run: &str, kind: &str) -> u16 {
    let (route, mut body) = match kind {
        "metric" => (
            "runs/log-metric",
            json!({ "key": "m", "value": 1, "timestamp": 1 }),
        ),
        "param" => ("runs/log-parameter", json!({ "key": "p", "value": "1" })),
        "batch" => ("runs/log-batch", json!({})),
        "tag" => ("runs/set-tag", json!({ "key": "t", "value": "1" })),
        "untag" => ("runs/delete-tag", json!({ "key": "first" })),
        "inputs" => (
            "runs/log-inputs",
            json!({ "models": [{ "model_id": "m-1" }] }),
        ),
        "outputs" => ("runs/outputs", json!({ "models": [{ "model_id": "m-1" }] })),
        "update" => ("runs/update", json!({ "run_name": "again" })),
        "upload" => {
            let path = format!("/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=a.txt");
            return server.post(&path, json!(1)).await.status.as_u16();
        }
        kind => panic!("no write {kind}"),
    };
    body["run_id"] = run.into();
    server.post(route, body).await.status.as_u16()
}

#[tokio::test]
async fn every_kind_of_write_revives_a_run() {
    for kind in [
        "metric", "param", "batch", "tag", "untag", "inputs", "outputs", "update", "upload",
    ] {
        let server = TestServer::start().await;
        let (stale, ended) = (server.run("0").await, server.run("0").await);
        for run in [&stale, &ended] {
            let tag = json!({ "run_id": run, "key": "first", "value": "1" });
            server.post("runs/set-tag", tag).await.ok();
        }
        server.advance(4 * HOUR);
        assert_eq!(write(&server, &stale, "metric").await, 200);
        assert_eq!(watch(&server, LIMITS).await, 1);
        server.advance(2 * HOUR);
        assert_eq!(watch(&server, LIMITS).await, 1);
        for run in [&stale, &ended] {
            assert_eq!(write(&server, run, kind).await, 200, "{kind}");
            let (status, end, tags) = state(&server, run).await;
            assert_eq!((status, end), (json!("RUNNING"), Json::Null), "{kind}");
            for tag in [watch::STALE_TAG, watch::ENDED_TAG] {
                assert_eq!(tags.get(tag), None, "{kind}");
            }
        }
        server.advance(HOUR);
        assert_eq!(watch(&server, LIMITS).await, 0, "{kind}");
    }
}

#[tokio::test]
async fn a_stored_file_revives_its_run_wherever_its_experiment_keeps_files() {
    for location in ["", "mlflow-artifacts:/", "mlflow-artifacts:/deep/down/here"] {
        let server = TestServer::start().await;
        let body = json!({ "name": "e", "artifact_location": location });
        let created = server.post("experiments/create", body).await.ok();
        let run = server.run(created["experiment_id"].as_str().unwrap()).await;
        server.advance(4 * HOUR);
        assert_eq!(watch(&server, LIMITS).await, 1);
        let uri = server.whole_run(&run).await["info"]["artifact_uri"].take();
        let path = uri
            .as_str()
            .unwrap()
            .strip_prefix("mlflow-artifacts:/")
            .unwrap();
        let stored = server.put_file(&format!("{path}/model/a.txt"), "x").await;
        assert_eq!(stored.text(), "");
        assert_eq!(state(&server, &run).await, running(), "{location}");
    }
}

#[tokio::test]
async fn a_small_upload_to_a_folder_of_this_machine_revives_its_run() {
    let outside = tempfile::tempdir().unwrap();
    let root = outside.path().to_str().unwrap().to_owned();
    let allowed = root.clone();
    let server = TestServer::start_with(|c| c.artifacts.allowed_local_roots = vec![allowed]).await;
    let body = json!({ "name": "e", "artifact_location": root });
    let created = server.post("experiments/create", body).await.ok();
    let run = server.run(created["experiment_id"].as_str().unwrap()).await;
    server.advance(4 * HOUR);
    assert_eq!(watch(&server, LIMITS).await, 1);
    assert_eq!(write(&server, &run, "upload").await, 200);
    assert_eq!(state(&server, &run).await, running());
}

#[tokio::test]
async fn a_write_that_is_refused_revives_nothing() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let param = |value: &str| json!({ "run_id": run, "key": "p", "value": value });
    server.post("runs/log-parameter", param("1")).await.ok();
    server.advance(4 * HOUR);
    assert_eq!(watch(&server, LIMITS).await, 1);
    let before = state(&server, &run).await;
    assert_eq!(
        server
            .post("runs/log-parameter", param("2"))
            .await
            .refused()
            .0,
        400
    );
    server.whole_run(&run).await;
    assert_eq!(state(&server, &run).await, before);
}

#[tokio::test]
async fn a_run_that_its_client_ends_stays_ended() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    server.advance(4 * HOUR);
    assert_eq!(watch(&server, LIMITS).await, 1);
    let end = START_MS + 5 * HOUR;
    let body = json!({ "run_id": run, "status": "KILLED", "end_time": end });
    server.post("runs/update", body).await.ok();
    server.log_metrics(&run, &[("m", json!(1), 1, 1)]).await;
    server.advance(9 * HOUR);
    assert_eq!(watch(&server, LIMITS).await, 0);
    assert_eq!(
        state(&server, &run).await,
        (json!("KILLED"), json!(end), json!({}))
    );
}

#[tokio::test]
async fn a_busy_run_is_never_silent() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    for step in 0..20 {
        server.advance(HOUR / 2);
        server.log_metrics(&run, &[("m", json!(1), 1, step)]).await;
        server.advance(4_000);
        server.log_metrics(&run, &[("m", json!(1), 2, step)]).await;
        assert_eq!(watch(&server, LIMITS).await, 0);
    }
    assert_eq!(state(&server, &run).await, running());
}
