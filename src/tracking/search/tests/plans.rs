//! How the database goes about the searches that are measured: along an index, and never through
//! all runs.

use super::in_database;
use crate::ctx::{Ctx, Ids};
use crate::db::{Tx, Value};
use crate::error::Result;
use crate::tracking::batch::{self, Batch};
use crate::tracking::experiment::{self, Lifecycle, NewExperiment, Pair};
use crate::tracking::metric::Metric;
use crate::tracking::run::{self, NewRun};
use crate::tracking::search::{self, Search};
use crate::tracking::series::Point;
use std::sync::atomic::{AtomicU64, Ordering};

const RUNS: usize = 40;

fn store_runs(tx: &mut Tx<'_>) -> Result<i64> {
    let ctx = Ctx::of_server("tests", 1);
    let next = AtomicU64::new(1);
    let ids = Ids::from_fn(move || u128::from(next.fetch_add(1, Ordering::Relaxed)));
    let new = NewExperiment {
        name: "planned".to_owned(),
        artifact_location: None,
        tags: Vec::new(),
    };
    let experiment = experiment::create(tx, &ctx, &new, "mlflow-artifacts:/")?;
    let pair = |key: &str, value: String| Pair {
        key: key.to_owned(),
        value,
    };
    for number in 0..RUNS {
        let new = NewRun {
            experiment_id: experiment,
            user_id: String::new(),
            start_time: number as i64,
            name: String::new(),
            tags: Vec::new(),
        };
        let (run, _) = run::create(tx, &ctx, &ids, &new)?;
        let batch = Batch {
            run_uuid: run.uuid,
            metrics: vec![Metric {
                key: "val_auc".to_owned(),
                point: Point::new(1, 0, number as f64 / RUNS as f64),
                model: None,
            }],
            params: vec![pair("model", ["gbm", "mlp"][number % 2].to_owned())],
            tags: vec![
                pair("team", format!("team-{}", number % 2)),
                pair("note", format!("note {number}")),
            ],
        };
        batch::log(tx, &ctx, &batch)?;
    }
    Ok(experiment)
}

/// Runs the search twice, a page behind the other, and gives the plans of all its statements, each
/// as its text and the steps.
fn plans(tx: &mut Tx<'_>, filter: &str, order: &str) -> Result<Vec<(String, Vec<String>)>> {
    let experiment = store_runs(tx)?;
    let mut page_token = None;
    tx.queries.clear();
    for _ in 0..2 {
        let search = Search {
            filter: filter.to_owned(),
            order_by: vec![order.to_owned()],
            lifecycles: &[Lifecycle::Active],
            max_results: 2,
            page_token,
        };
        page_token = search::runs(tx, &[experiment], &search)?.next;
        if page_token.is_none() {
            break;
        }
    }
    let mut plans = Vec::new();
    for sql in std::mem::take(&mut tx.queries) {
        let count = (1..).take_while(|n| sql.contains(&format!("${n}"))).count();
        let steps = tx.query(
            &format!("explain query plan {sql}"),
            &vec![Value::Null; count],
            |row| row.get::<String>(3),
        )?;
        plans.push((sql, steps));
    }
    Ok(plans)
}

/// Checks that no statement of the search reads a stored table from end to end, and that none sorts
/// all runs unless it starts from a few.
fn check(filter: &'static str, order: &'static str) {
    let plans = in_database(move |tx| plans(tx, filter, order)).unwrap();
    assert!(!plans.is_empty(), "{filter}: nothing was searched");
    let tables = [
        "e",
        "x",
        "o0",
        "runs",
        "params",
        "tags",
        "latest_metrics",
        "keys",
    ];
    for (sql, steps) in plans {
        let starts_from_few = sql.contains(") d cross join");
        for step in &steps {
            let words: Vec<&str> = step.split(' ').collect();
            let scans = words.first() == Some(&"SCAN")
                && words.get(1).is_some_and(|table| tables.contains(table));
            assert!(!scans, "{step}\nin {steps:#?}\nof {sql}");
            let sorts = step == "USE TEMP B-TREE FOR ORDER BY";
            assert!(!sorts || starts_from_few, "{step}\nin {steps:#?}\nof {sql}");
        }
    }
}

#[test]
fn a_search_by_metric_and_param_walks_the_values_of_the_metric() {
    check(
        "metrics.val_auc > 0.1 and params.model = 'gbm'",
        "metrics.val_auc DESC",
    );
    check(
        "metrics.val_auc > 0.001 and params.model != 'none'",
        "metrics.val_auc DESC",
    );
}

#[test]
fn a_filter_that_few_runs_pass_is_where_the_search_starts() {
    check(
        "metrics.val_auc > 0.95 and params.model = 'gbm'",
        "metrics.val_auc DESC",
    );
    check("params.model = 'nothing'", "attributes.start_time DESC");
}

#[test]
fn the_newest_runs_are_read_in_the_order_of_their_index() {
    check("", "attributes.start_time DESC");
}

#[test]
fn a_pattern_looks_through_values_or_walks_the_newest_runs() {
    check("tags.team LIKE 'team-%'", "attributes.start_time DESC");
    check("tags.team LIKE '%nobody%'", "attributes.start_time DESC");
    check("tags.note LIKE '%note 3%'", "attributes.start_time DESC");
}
