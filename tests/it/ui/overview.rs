//! Counts, what is in production, and the list of experiments.

use super::OWN;
use crate::server::TestServer;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

#[tokio::test]
async fn counts_are_of_what_is_active() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let run = server.run(&experiment).await;
    server.run(&experiment).await;
    server
        .post("runs/delete", json!({"run_id": run}))
        .await
        .ok();
    model(&server, "churn", 1).await;
    let counts = server.own("counts").await;
    // The default experiment is one of them.
    assert_eq!(
        (&counts["experiments"], &counts["runs"], &counts["running"]),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(
        (&counts["models"], &counts["versions"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(counts["deliveries"], json!({"pending": 0, "parked": 0}));
    assert!(counts["audit_entries"].as_i64().unwrap() >= 2, "{counts}");
    let facts = &counts["server"];
    assert_eq!(
        (&facts["user"], &facts["authentication"]),
        (&json!("anonymous"), &json!(false))
    );
    let database = if server.database.is_some() {
        "postgresql"
    } else {
        "sqlite"
    };
    assert_eq!(facts["database"], database);
}

/// Registers a model with some versions.
async fn model(server: &TestServer, name: &str, versions: usize) {
    server
        .post("registered-models/create", json!({"name": name}))
        .await
        .ok();
    for _ in 0..versions {
        let body = json!({"name": name, "source": "s3://models/m"});
        server.post("model-versions/create", body).await.ok();
    }
}

async fn point(server: &TestServer, alias: &str, version: &str, reason: &str) {
    let body = json!({"name": "churn", "alias": alias, "version": version});
    let request = Request::post("/api/2.0/mlflow/registered-models/alias")
        .header("content-type", "application/json")
        .header("x-trackway-reason", reason)
        .body(Body::from(body.to_string()))
        .unwrap();
    server.send(request).await.ok();
}

#[tokio::test]
async fn production_tells_who_promoted_when_and_why_and_what_was_before() {
    let server = TestServer::start().await;
    assert_eq!(server.own("production").await["models"], json!([]));
    model(&server, "churn", 3).await;
    model(&server, "aside", 1).await;
    for (key, value) in [("owner", "ann"), ("trackway.team", "risk")] {
        let body = json!({"name": "churn", "key": key, "value": value});
        server.post("registered-models/set-tag", body).await.ok();
    }
    point(&server, "champion", "1", "first").await;
    server.advance(5_000);
    point(&server, "champion", "2", "better%20recall").await;
    let production = server.own("production").await;
    let row = &production["models"][0];
    assert_eq!(production["models"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&row["name"], &row["version"]),
        (&json!("churn"), &json!("2"))
    );
    assert_eq!(row["via"], json!({"stage": null, "aliases": ["champion"]}));
    assert_eq!(
        (&row["promoted"]["by"], &row["promoted"]["reason"]),
        (&json!("anonymous"), &json!("better recall"))
    );
    assert_eq!(row["previous"]["version"], "1");
    assert_eq!(row["previous"]["until"], row["promoted"]["at"]);
    assert_eq!(row["previous"]["exists"], json!(true));
    assert_eq!(
        (&row["owner"], &row["team"], &row["tier"]),
        (&json!("ann"), &json!("risk"), &Json::Null)
    );
    assert_eq!(row["consumers"]["total"], 0);
    assert_eq!(production["aliases"], json!(["production", "champion"]));
    // The first alias decides, whatever the others and the stage say.
    point(&server, "production", "3", "").await;
    let row = server.own("production").await["models"][0].clone();
    assert_eq!(
        (&row["version"], &row["previous"]["version"]),
        (&json!("3"), &json!("2"))
    );
}

#[tokio::test]
async fn the_stage_counts_where_there_is_no_alias() {
    let server = TestServer::start_with(|config| config.registry.production_aliases.clear()).await;
    model(&server, "churn", 2).await;
    for version in ["1", "2"] {
        let body = json!({"name": "churn", "version": version, "stage": "Production", "archive_existing_versions": true});
        server
            .post("model-versions/transition-stage", body)
            .await
            .ok();
    }
    let row = server.own("production").await["models"][0].clone();
    assert_eq!(
        (&row["version"], &row["via"]["stage"]),
        (&json!("2"), &json!("Production"))
    );
    assert_eq!(row["previous"]["version"], "1");
}

#[tokio::test]
async fn consumers_are_summed_up_and_running_runs_are_told() {
    let server = TestServer::start().await;
    model(&server, "churn", 2).await;
    point(&server, "champion", "2", "").await;
    for (consumer, version) in [("a", "2"), ("b", "1")] {
        let body = json!({"consumer": consumer, "uri": "models:/churn@champion", "state": "loaded", "loaded_version": version});
        server.ask("consumers", body).await;
    }
    let experiment = server.experiment("e").await;
    let run = server.run(&experiment).await;
    let production = server.own("production?limit=1").await;
    let consumers = &production["models"][0]["consumers"];
    assert_eq!(
        (
            &consumers["total"],
            &consumers["on_desired"],
            &consumers["behind"]
        ),
        (&json!(2), &json!(1), &json!(1))
    );
    assert_eq!(production["running"][0]["run_id"], json!(run));
    assert_eq!(production["running"][0]["experiment_name"], "e");
    assert_eq!(production["running_total"], 1);
    assert_eq!(
        server
            .get(&format!("{OWN}/production?limit=101"))
            .await
            .refused()
            .0,
        400
    );
}

#[tokio::test]
async fn experiments_are_listed_once_each_in_every_order() {
    let server = TestServer::start().await;
    let mut all = BTreeSet::from(["Default".to_owned()]);
    for number in 0..7 {
        let name = format!("e{number}");
        let experiment = server.experiment(&name).await;
        server.advance(1);
        for _ in 0..number % 3 {
            server
                .full_run(&experiment, [json!({}), json!({"acc": number}), json!({})])
                .await;
        }
        all.insert(name);
    }
    for order in ["last_activity", "name", "created", "runs"] {
        for descending in [true, false] {
            let mut found = Vec::new();
            let mut cursor = String::new();
            loop {
                let path = format!(
                    "experiments/summary?limit=3&order_by={order}&descending={descending}&cursor={cursor}"
                );
                let page = server.own(&path).await;
                assert_eq!(page["total"], json!(all.len()));
                let names = page["experiments"].as_array().unwrap();
                found.extend(
                    names
                        .iter()
                        .map(|one| one["name"].as_str().unwrap().to_owned()),
                );
                match page["next_cursor"].as_str() {
                    Some(next) => cursor = next.replace('+', "%2B").replace('=', "%3D"),
                    None => break,
                }
            }
            assert_eq!(found.len(), all.len(), "{order}");
            assert_eq!(
                found.iter().cloned().collect::<BTreeSet<_>>(),
                all,
                "{order}"
            );
            if order == "name" {
                assert_eq!(found.is_sorted(), !descending);
            }
        }
    }
}

#[tokio::test]
async fn an_experiment_has_its_counts_and_its_best_run() {
    let server = TestServer::start().await;
    let experiment = server.experiment("Fraud").await;
    let mut runs = Vec::new();
    for loss in [json!(0.3), json!(0.1), json!("-Infinity"), json!("NaN")] {
        runs.push(
            server
                .full_run(
                    &experiment,
                    [json!({}), json!({"val_loss": loss}), json!({})],
                )
                .await,
        );
    }
    let body = json!({"run_id": runs[0], "status": "FAILED"});
    server.post("runs/update", body).await.ok();
    let listed = server.own("experiments/summary?search=FRAU").await;
    assert_eq!(listed["total"], 1);
    let one = &listed["experiments"][0];
    assert_eq!(
        (&one["runs"], &one["running"], &one["failed"]),
        (&json!(4), &json!(3), &json!(1))
    );
    assert_eq!(
        one["goal"],
        json!({"key": "val_loss", "direction": "min", "declared": false, "best": 0.1, "best_run_id": runs[1]})
    );
    server
        .post("experiments/delete", json!({"experiment_id": experiment}))
        .await
        .ok();
    assert_eq!(
        server.own("experiments/summary?search=frau").await["total"],
        0
    );
    let deleted = server
        .own("experiments/summary?search=frau&view=deleted")
        .await;
    assert_eq!(deleted["experiments"][0]["lifecycle"], "deleted");
    for query in [
        "order_by=x",
        "descending=maybe",
        "view=x",
        "limit=0",
        "cursor=x",
    ] {
        let answer = server
            .get(&format!("{OWN}/experiments/summary?{query}"))
            .await;
        assert_eq!(answer.refused().0, 400, "{query}");
    }
}
