//! Filters and orders of runs.

use super::{names, run};
use crate::server::TestServer;
use serde_json::json;

/// Three runs, the newest last: `one` and `two` have the metric `m`, `none` has nothing.
async fn three_runs(server: &TestServer) -> String {
    let id = server.experiment("e").await;
    let one = json!({ "start_time": 1, "metrics": { "m": 1 }, "params": { "p": "x" } });
    let two = json!({ "start_time": 2, "metrics": { "m": "NaN" }, "params": { "p": "Y" } });
    run(server, &id, "one", one).await;
    run(server, &id, "two", two).await;
    run(server, &id, "none", json!({ "start_time": 3 })).await;
    id
}

#[tokio::test]
async fn or_not_parentheses_and_lists_are_understood() {
    let server = TestServer::start().await;
    let id = three_runs(&server).await;
    let cases = [
        ("", "none two one"),
        ("metrics.m = 1 OR params.p = 'Y'", "two one"),
        ("NOT params.p = 'x'", "none two"),
        ("NOT (params.p = 'x' OR params.p = 'Y')", "none"),
        (
            "(run_name = 'one' OR run_name = 'two') AND metrics.m > 0",
            "one",
        ),
        ("params.p IN ('x', 'z')", "one"),
        ("params.p NOT IN ('x', 'z')", "two"),
        ("start_time IN (1, 3)", "none one"),
        ("status NOT IN ('FINISHED')", "none two one"),
    ];
    for (filter, expected) in cases {
        assert_eq!(names(&server, &id, filter, "").await, expected, "{filter}");
    }
}

#[tokio::test]
async fn a_comparison_with_what_a_run_does_not_have_is_false() {
    let server = TestServer::start().await;
    let id = three_runs(&server).await;
    let cases = [
        ("params.p != 'x'", "two"),
        ("params.p IS NULL", "none"),
        ("params.absent != 'x'", ""),
        ("NOT params.absent = 'x'", "none two one"),
        ("end_time > 0", ""),
        ("NOT end_time > 0", "none two one"),
    ];
    for (filter, expected) in cases {
        assert_eq!(names(&server, &id, filter, "").await, expected, "{filter}");
    }
}

#[tokio::test]
async fn a_metric_that_is_nan_only_differs() {
    let server = TestServer::start().await;
    let id = three_runs(&server).await;
    let cases = [
        ("metrics.m != 5", "two one"),
        ("metrics.m NOT IN (1)", "two"),
        ("metrics.m >= 0", "one"),
        ("metrics.m = 0", ""),
    ];
    for (filter, expected) in cases {
        assert_eq!(names(&server, &id, filter, "").await, expected, "{filter}");
    }
}

#[tokio::test]
async fn nan_and_missing_values_come_last_in_both_directions() {
    let server = TestServer::start().await;
    let id = three_runs(&server).await;
    for order in ["metrics.m", "metrics.m DESC"] {
        assert_eq!(names(&server, &id, "", order).await, "one two none");
    }
    assert_eq!(
        names(&server, &id, "", "params.p DESC").await,
        "one two none"
    );
    assert_eq!(names(&server, &id, "", "params.p").await, "two one none");
}

#[tokio::test]
async fn long_values_are_compared_to_their_end() {
    let server = TestServer::start().await;
    let id = server.experiment("e").await;
    let long = "é".repeat(100);
    for end in ["1", "2"] {
        let params = json!({ "params": { "p": format!("{long}{end}") } });
        run(&server, &id, end, params).await;
    }
    let equal = format!("params.p = '{long}2'");
    assert_eq!(names(&server, &id, &equal, "").await, "2");
    let listed = format!("params.p IN ('{long}1', '{long}')");
    assert_eq!(names(&server, &id, &listed, "").await, "1");
}

#[tokio::test]
async fn patterns_fold_case_only_if_they_are_asked_to() {
    let server = TestServer::start().await;
    let id = three_runs(&server).await;
    let cases = [
        ("params.p LIKE 'y%'", ""),
        ("params.p ILIKE 'y%'", "two"),
        ("run_name LIKE '_ne'", "one"),
        ("tags.mlflow.runName LIKE '%n%'", "none one"),
    ];
    for (filter, expected) in cases {
        assert_eq!(names(&server, &id, filter, "").await, expected, "{filter}");
    }
}

#[tokio::test]
async fn the_longest_filters_are_answered() {
    let server = TestServer::start().await;
    let id = three_runs(&server).await;
    let chain = |word: &str, part: &str| vec![part; 1_000].join(word);
    let list: Vec<_> = (0..10_000).map(|number| format!("'{number}'")).collect();
    let filters = [
        chain(" OR ", "params.p = 'x'"),
        chain(" AND ", "metrics.m = 1"),
        chain(" AND ", "NOT dataset.name = 'd'") + " AND run_name = 'one'",
        format!("params.p NOT IN ({}) AND run_name = 'one'", list.join(", ")),
        format!("{}run_name = 'one'{}", "(".repeat(64), ")".repeat(64)),
    ];
    for filter in filters {
        let body = json!({ "experiment_ids": [id], "filter": filter });
        let answer = server.post("runs/search", body).await;
        let start: String = filter.chars().take(40).collect();
        if answer.status == 400 {
            let (_, _, message) = answer.refused();
            assert!(message.contains("at most"), "{start}: {message}");
        } else {
            let found = super::joined(&answer.ok()["runs"], |run| &run["info"]["run_name"]);
            assert_eq!(found, "one", "{start}");
        }
    }
}

#[tokio::test]
async fn only_the_asked_experiments_and_stages_are_searched() {
    let server = TestServer::start().await;
    let id = server.experiment("e").await;
    let other = server.experiment("f").await;
    let gone = run(&server, &id, "gone", json!({})).await;
    run(&server, &id, "here", json!({})).await;
    run(&server, &other, "elsewhere", json!({})).await;
    server
        .post("runs/delete", json!({ "run_id": gone }))
        .await
        .ok();
    let found = async |ids: Vec<&str>, view: &str| {
        let body = json!({
            "experiment_ids": ids,
            "run_view_type": view,
            "order_by": ["run_name"],
        });
        let page = server.post("runs/search", body).await.ok();
        super::joined(&page["runs"], |run| &run["info"]["run_name"])
    };
    assert_eq!(found(vec![&id, "4711"], "ACTIVE_ONLY").await, "here");
    assert_eq!(found(vec![&id], "DELETED_ONLY").await, "gone");
    assert_eq!(
        found(vec![&id, &other, &id], "ALL").await,
        "elsewhere gone here"
    );
    assert_eq!(found(vec![], "ALL").await, "");
}

#[tokio::test]
async fn many_experiments_are_searched_at_once() {
    let server = TestServer::start().await;
    let id = server.experiment("e").await;
    run(&server, &id, "here", json!({ "params": { "p": "x" } })).await;
    let mut ids: Vec<String> = (1_000..40_000).map(|id| id.to_string()).collect();
    ids.push(id);
    for filter in ["", "params.p = 'x'"] {
        let body = json!({ "experiment_ids": ids, "filter": filter });
        let page = server.post("runs/search", body).await.ok();
        assert_eq!(
            super::joined(&page["runs"], |run| &run["info"]["run_name"]),
            "here"
        );
    }
}
