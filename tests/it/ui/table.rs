//! Tables of runs, their columns, comparisons, and changes of many runs.

use super::OWN;
use crate::server::TestServer;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;

#[tokio::test]
async fn a_table_has_a_value_or_null_for_each_run_and_column() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let a = server
        .full_run(
            &experiment,
            [
                json!({"lr": "0.1"}),
                json!({"loss": 0.5}),
                json!({"team": "a"}),
            ],
        )
        .await;
    server.advance(10);
    let b = server
        .full_run(
            &experiment,
            [
                json!({}),
                json!({"loss": "NaN", "acc": "Infinity"}),
                json!({}),
            ],
        )
        .await;
    let table = server
        .ask(
            "runs/table",
            json!({
                "experiment_ids": [experiment], "order_by": ["attributes.run_id ASC"],
                "columns": ["metrics.loss", "metrics.acc", "params.lr", "tags.team", "params.none"],
            }),
        )
        .await;
    assert_eq!(table["run_id"], json!([a, b]));
    assert_eq!((&table["total"], &table["rows"]), (&json!(2), &json!(2)));
    assert_eq!(table["status"], json!(["RUNNING", "RUNNING"]));
    let values = |index: usize| &table["columns"][index]["values"];
    assert_eq!(values(0), &json!([0.5, "NaN"]));
    assert_eq!(values(1), &json!([null, "Infinity"]));
    assert_eq!(values(2), &json!(["0.1", null]));
    assert_eq!(values(3), &json!(["a", null]));
    assert_eq!(values(4), &json!([null, null]));
    assert_eq!(table["next_cursor"], Json::Null);
}

#[tokio::test]
async fn filters_views_and_orders_are_those_of_a_search() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let mut runs = Vec::new();
    for loss in [3, 1, 2] {
        runs.push(
            server
                .full_run(&experiment, [json!({}), json!({"loss": loss}), json!({})])
                .await,
        );
    }
    server
        .post("runs/delete", json!({"run_id": runs[0]}))
        .await
        .ok();
    let ask = async |body: Json| server.ask("runs/table", body).await["run_id"].clone();
    let ids = json!([experiment]);
    let by_loss = json!({"experiment_ids": ids, "order_by": ["metrics.loss ASC"]});
    assert_eq!(ask(by_loss).await, json!([runs[1], runs[2]]));
    let filtered = json!({"experiment_ids": ids, "filter": "metrics.loss < 2 or metrics.loss > 9"});
    assert_eq!(ask(filtered).await, json!([runs[1]]));
    let deleted = json!({"experiment_ids": ids, "view": "deleted"});
    assert_eq!(ask(deleted).await, json!([runs[0]]));
    let all = json!({"experiment_ids": ids, "view": "all", "order_by": ["metrics.loss DESC"]});
    assert_eq!(ask(all).await, json!([runs[0], runs[2], runs[1]]));
}

#[tokio::test]
async fn nested_runs_are_counted_and_found_by_their_parent() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let parent = server.run(&experiment).await;
    let tags = json!({"mlflow.parentRunId": parent});
    let child = server
        .full_run(&experiment, [json!({}), json!({}), tags.clone()])
        .await;
    let gone = server
        .full_run(&experiment, [json!({}), json!({}), tags])
        .await;
    server
        .post("runs/delete", json!({"run_id": gone}))
        .await
        .ok();
    let order = json!(["attributes.run_id ASC"]);
    let table = server
        .ask(
            "runs/table",
            json!({"experiment_ids": [experiment], "order_by": order}),
        )
        .await;
    assert_eq!(table["children"], json!([1, 0]));
    assert_eq!(table["parent_run_id"], json!([null, parent]));
    let children = server
        .ask(
            "runs/table",
            json!({"experiment_ids": [experiment], "parent": parent, "filter": "status = 'RUNNING' or status = 'FINISHED'"}),
        )
        .await;
    assert_eq!(
        (&children["run_id"], &children["total"]),
        (&json!([child]), &json!(1))
    );
}

#[tokio::test]
async fn other_values_than_the_last_stand_for_a_metric() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let run = server.run(&experiment).await;
    let points: Vec<_> = [5.0, 1.0, 3.0]
        .iter()
        .zip(0..)
        .flat_map(|(value, step)| {
            [
                ("val_loss", json!(value), step, step),
                ("accuracy", json!(value), step, step),
            ]
        })
        .collect();
    server.log_metrics(&run, &points).await;
    let check = async |aggregate: &str, expected: [f64; 2]| {
        let body = json!({
            "experiment_ids": [experiment], "aggregate": aggregate,
            "columns": ["metrics.val_loss", "metrics.accuracy"],
        });
        let table = server.ask("runs/table", body).await;
        let value = |index: usize| table["columns"][index]["values"][0].as_f64().unwrap();
        assert_eq!([value(0), value(1)], expected, "{aggregate}");
    };
    for folded in [false, true] {
        check("last", [3.0, 3.0]).await;
        check("min", [1.0, 1.0]).await;
        check("max", [5.0, 5.0]).await;
        check("best", [1.0, 5.0]).await;
        if !folded {
            server.fold(&run).await;
        }
    }
}

#[tokio::test]
async fn questions_out_of_bounds_are_refused() {
    let server = TestServer::start().await;
    for (body, part) in [
        (json!({}), "experiment_ids"),
        (json!({"experiment_ids": ["x"]}), "experiment"),
        (json!({"experiment_ids": ["0"], "filter": "metrics."}), ""),
        (json!({"experiment_ids": ["0"], "filter": 5}), "filter"),
        (
            json!({"experiment_ids": ["0"], "limit": 0}),
            "limit must be between 1 and 5000",
        ),
        (json!({"experiment_ids": ["0"], "limit": 5001}), "limit"),
        (
            json!({"experiment_ids": ["0"], "limit": 501, "aggregate": "min"}),
            "limit must be 500",
        ),
        (
            json!({"experiment_ids": ["0"], "aggregate": "sum"}),
            "aggregate must be",
        ),
        (
            json!({"experiment_ids": ["0"], "columns": ["loss"]}),
            "The column 'loss'",
        ),
        (
            json!({"experiment_ids": ["0"], "columns": vec!["params.x"; 201]}),
            "columns may have 200",
        ),
        (json!({"experiment_ids": ["0"], "parent": "' or 1=1"}), ""),
        (
            json!({"experiment_ids": ["0"], "cursor": "nonsense"}),
            "page token",
        ),
        (
            json!({"experiment_ids": ["0"], "view": "some"}),
            "view must be",
        ),
    ] {
        let answer = server
            .post(&format!("{OWN}/runs/table"), body.clone())
            .await;
        let (status, _, message) = answer.refused();
        assert_eq!(status, 400, "{body}: {message}");
        assert!(message.contains(part), "{body}: {message}");
    }
}

#[tokio::test]
async fn a_cursor_of_another_question_is_refused() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    server.run(&experiment).await;
    server.run(&experiment).await;
    let page = server
        .ask(
            "runs/table",
            json!({"experiment_ids": [experiment], "limit": 1}),
        )
        .await;
    let cursor = page["next_cursor"].as_str().unwrap();
    let other = json!({
        "experiment_ids": [experiment], "limit": 1, "cursor": cursor, "filter": "metrics.x > 1",
    });
    let (status, _, message) = server
        .post(&format!("{OWN}/runs/table"), other)
        .await
        .refused();
    assert_eq!(status, 400, "{message}");
    assert!(message.contains("another search"), "{message}");
}

/// Reads every page of a table and gives the ids in their order.
async fn walk(server: &TestServer, body: &Json) -> Vec<String> {
    let mut found = Vec::new();
    let mut body = body.clone();
    loop {
        let page = server.ask("runs/table", body.clone()).await;
        let ids = page["run_id"].as_array().unwrap();
        found.extend(ids.iter().map(|id| id.as_str().unwrap().to_owned()));
        assert!(found.len() < 1_000, "the pages do not end");
        match &page["next_cursor"] {
            Json::Null => return found,
            cursor => body["cursor"] = cursor.clone(),
        }
    }
}

#[test]
fn pages_repeat_no_run_and_skip_none() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (server, experiment, all) = runtime.block_on(async {
        let server = TestServer::start().await;
        let experiment = server.experiment("e").await;
        let mut all = BTreeSet::new();
        for number in 0..23 {
            // Many ties, some without the metric, some not a number.
            let metrics = match number % 5 {
                0 => json!({}),
                1 => json!({"m": "NaN"}),
                rest => json!({"m": rest}),
            };
            let params = json!({"p": (number % 3).to_string()});
            all.insert(
                server
                    .full_run(&experiment, [params, metrics, json!({})])
                    .await,
            );
            if number % 4 == 0 {
                server.advance(1);
            }
        }
        (server, experiment, all)
    });
    let fields = vec!["metrics.m", "params.p", "attributes.start_time"];
    let orders = prop::sample::subsequence(fields, 0..3);
    let strategy = (1_usize..30, orders, any::<bool>());
    let config = ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(12)
    };
    let mut runner = proptest::test_runner::TestRunner::new(config);
    runner
        .run(&strategy, |(limit, fields, descending)| {
            let way = if descending { "DESC" } else { "ASC" };
            let order: Vec<String> = fields
                .iter()
                .map(|field| format!("{field} {way}"))
                .collect();
            let body = json!({"experiment_ids": [experiment], "limit": limit, "order_by": order});
            let found = runtime.block_on(walk(&server, &body));
            prop_assert_eq!(found.len(), all.len());
            prop_assert_eq!(&found.into_iter().collect::<BTreeSet<_>>(), &all);
            Ok(())
        })
        .unwrap();
}

#[tokio::test]
async fn columns_tell_what_runs_have_and_choose_what_varies() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    for (lr, loss) in [("0.1", 1.0), ("0.2", 3.0)] {
        let params = json!({"lr": lr, "model": "tree"});
        let metrics = json!({"val_loss": loss, "system/cpu": 5});
        server
            .full_run(&experiment, [params, metrics, json!({"team": "a"})])
            .await;
    }
    server.run(&experiment).await;
    let columns = server
        .ask(
            "experiments/columns",
            json!({"experiment_ids": [experiment]}),
        )
        .await;
    assert_eq!(
        (&columns["total"], &columns["sampled"]),
        (&json!(3), &json!(3))
    );
    let metric = |key: &str| {
        let metrics = columns["metrics"].as_array().unwrap();
        metrics
            .iter()
            .find(|column| column["key"] == key)
            .unwrap()
            .clone()
    };
    let loss = metric("val_loss");
    assert_eq!(
        (&loss["mean"], &loss["variance"]),
        (&json!(2.0), &json!(1.0))
    );
    assert_eq!(
        (&loss["min"], &loss["max"], &loss["distinct"]),
        (&json!(1.0), &json!(3.0), &json!(2))
    );
    assert_eq!(
        (&loss["direction"], &loss["system"]),
        (&json!("min"), &json!(false))
    );
    assert!((loss["share"].as_f64().unwrap() - 2.0 / 3.0).abs() < 1e-9);
    assert_eq!(metric("system/cpu")["system"], json!(true));
    let names = columns["default_columns"].as_array().unwrap();
    assert_eq!(names[0], "metrics.val_loss");
    assert!(names.contains(&json!("params.lr")), "{names:?}");
    assert!(!names.contains(&json!("metrics.system/cpu")), "{names:?}");
    let filtered = json!({"experiment_ids": [experiment], "filter": "params.lr = '0.1'"});
    let filtered = server.ask("experiments/columns", filtered).await;
    assert_eq!(filtered["total"], json!(1));
}

#[tokio::test]
async fn a_declared_goal_comes_first() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    for (key, value) in [
        ("mlflow.experiment.primaryMetric.name", "quality"),
        ("mlflow.experiment.primaryMetric.greaterIsBetter", "False"),
    ] {
        let body = json!({"experiment_id": experiment, "key": key, "value": value});
        server
            .post("experiments/set-experiment-tag", body)
            .await
            .ok();
    }
    let metrics = json!({"val_loss": 1, "quality": 2});
    server
        .full_run(&experiment, [json!({}), metrics, json!({})])
        .await;
    let columns = server
        .ask(
            "experiments/columns",
            json!({"experiment_ids": [experiment]}),
        )
        .await;
    assert_eq!(columns["default_columns"], json!(["metrics.quality"]));
    let summary = server.own("experiments/summary?search=E").await;
    let goal = &summary["experiments"][0]["goal"];
    assert_eq!(
        (&goal["key"], &goal["direction"], &goal["best"]),
        (&json!("quality"), &json!("min"), &json!(2.0))
    );
    assert_eq!(goal["declared"], json!(true));
}

#[tokio::test]
async fn a_comparison_says_in_what_runs_differ() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let of = |lr: &str, loss: Json| {
        [
            json!({"lr": lr, "model": "tree"}),
            json!({"loss": loss, "nan": "NaN"}),
            json!({}),
        ]
    };
    let a = server.full_run(&experiment, of("0.1", json!(1))).await;
    let b = server.full_run(&experiment, of("0.2", json!(2))).await;
    let body = json!({"run_ids": [b, "ffffffffffffffffffffffffffffffff", a, a], "ranges": true});
    let comparison = server.ask("compare", body).await;
    assert_eq!(
        comparison["missing"],
        json!(["ffffffffffffffffffffffffffffffff"])
    );
    assert_eq!(comparison["runs"][0]["run_id"], json!(b));
    assert_eq!(comparison["runs"][1]["experiment_name"], "e");
    let row = |kind: &str, key: &str| {
        let rows = comparison[kind].as_array().unwrap();
        rows.iter().find(|row| row["key"] == key).unwrap().clone()
    };
    assert_eq!(
        row("params", "lr"),
        json!({"key": "lr", "differs": true, "values": ["0.2", "0.1"]})
    );
    assert_eq!(row("params", "model")["differs"], json!(false));
    let nan = row("metrics", "nan");
    assert_eq!(
        (&nan["differs"], &nan["last"]),
        (&json!(false), &json!(["NaN", "NaN"]))
    );
    let loss = row("metrics", "loss");
    assert_eq!(
        (&loss["min"], &loss["differs"]),
        (&json!([2.0, 1.0]), &json!(true))
    );
}

#[tokio::test]
async fn many_runs_are_tagged_deleted_and_restored_together() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let a = server.run(&experiment).await;
    let b = server.run(&experiment).await;
    let none = "ffffffffffffffffffffffffffffffff";
    let ids = json!([a, b, none]);
    let tagged = server
        .ask(
            "runs/bulk/tags",
            json!({"run_ids": ids, "set": {"team": "x"}, "remove": ["gone"]}),
        )
        .await;
    assert_eq!(
        tagged,
        json!({"changed": [a, b], "unchanged": [], "missing": [none]})
    );
    let again = server
        .ask(
            "runs/bulk/tags",
            json!({"run_ids": [a], "set": {"team": "x"}}),
        )
        .await;
    assert_eq!(again["unchanged"], json!([a]));
    let removed = server
        .ask(
            "runs/bulk/tags",
            json!({"run_ids": [a], "remove": ["team"]}),
        )
        .await;
    assert_eq!(removed["changed"], json!([a]));
    let deleted = server
        .ask("runs/bulk/delete", json!({"run_ids": [a, a]}))
        .await;
    assert_eq!(deleted["changed"], json!([a]));
    // A deleted run takes no tags, and then none of them does.
    let body = json!({"run_ids": [b, a], "set": {"team": "y"}});
    let (status, _, message) = server
        .post(&format!("{OWN}/runs/bulk/tags"), body)
        .await
        .refused();
    assert_eq!(status, 400, "{message}");
    let tags = server.whole_run(&b).await["data"]["tags"].clone();
    assert!(
        tags.as_array()
            .unwrap()
            .contains(&json!({"key": "team", "value": "x"}))
    );
    let restored = server
        .ask("runs/bulk/restore", json!({"run_ids": [a, b]}))
        .await;
    assert_eq!(
        restored,
        json!({"changed": [a], "unchanged": [b], "missing": []})
    );
    let log = server.own("audit/entries?action=runs.delete_many").await;
    assert_eq!(log["entries"].as_array().unwrap().len(), 1, "{log}");
}

#[tokio::test]
async fn odd_changes_of_many_runs_are_refused() {
    let server = TestServer::start().await;
    for body in [
        json!({"run_ids": []}),
        json!({"run_ids": ["a"]}),
        json!({"run_ids": "a", "set": {"k": "v"}}),
        json!({"run_ids": ["a"], "set": {"k": 5}}),
        json!({"run_ids": ["a"], "set": ["k"]}),
        json!({"run_ids": ["a"], "set": {"../k": "v"}}),
        json!({"run_ids": ["a"], "set": {"k": "v"}, "remove": ["k"]}),
        json!({"run_ids": vec!["a"; 1_001], "set": {"k": "v"}}),
    ] {
        let answer = server
            .post(&format!("{OWN}/runs/bulk/tags"), body.clone())
            .await;
        assert_eq!(answer.refused().0, 400, "{body}");
    }
}
