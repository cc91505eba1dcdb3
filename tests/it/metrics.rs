//! Histories of metrics: what comes back of what was logged, before and after it is folded.

use crate::server::TestServer;
use crate::support::points;
use serde_json::{Value as Json, json};

const LARGEST: f64 = f64::MAX;

/// Reads a history in pages of `size` points, and checks the size of each page.
pub(crate) async fn paged(
    server: &TestServer,
    run: &str,
    key: &str,
    size: usize,
) -> Vec<(Json, i64, i64)> {
    let path = format!("metrics/get-history?run_id={run}&metric_key={key}&max_results={size}");
    let mut read = Vec::new();
    let mut token = String::new();
    loop {
        let answer = server.get(&format!("{path}&page_token={token}")).await.ok();
        let page = points(&answer);
        let full = page.len() == size;
        read.extend(page);
        match answer["next_page_token"].as_str() {
            Some(next) => {
                assert!(full, "a page before the last has {size} points");
                token = next.replace('+', "%2B").replace('=', "%3D");
            }
            None => return read,
        }
    }
}

/// Gives the latest value of a metric as (value, timestamp, step).
async fn latest(server: &TestServer, run: &str) -> Vec<(Json, i64, i64)> {
    points(&server.whole_run(run).await["data"])
}

#[tokio::test]
async fn a_history_is_sorted_by_time_step_and_value_however_it_was_logged() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let logged = [
        (json!(3), 20, 1),
        (json!(1), 10, 5),
        (json!(2), 10, -3),
        (json!(-2), 10, 5),
        (json!("NaN"), 10, 5),
        (json!(0), 10, 5),
    ];
    for (value, timestamp, step) in logged {
        let body = json!({ "run_id": run, "key": "m", "value": value, "timestamp": timestamp,
            "step": step });
        server.post("runs/log-metric", body).await.ok();
    }
    let expected = [
        (json!(2.0), 10, -3),
        (json!(-2.0), 10, 5),
        (json!(0.0), 10, 5),
        (json!("NaN"), 10, 5),
        (json!(1.0), 10, 5),
        (json!(3.0), 20, 1),
    ];
    assert_eq!(server.history(&run, "m").await, expected);
    assert_eq!(paged(&server, &run, "m", 1).await, expected);
    assert_eq!(server.fold(&run).await, 6);
    assert_eq!(server.history(&run, "m").await, expected);
    assert_eq!(paged(&server, &run, "m", 4).await, expected);
}

#[tokio::test]
async fn a_history_on_the_wire() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    server
        .log_metrics(&run, &[("m", json!("NaN"), 1, 0), ("m", json!(0.1), 2, 1)])
        .await;
    let path = format!("metrics/get-history?run_id={run}&metric_key=m");
    insta::assert_snapshot!(server.get(&path).await.shown(), @r#"
    200
    {
      "metrics": [
        {
          "key": "m",
          "step": 0,
          "timestamp": 1,
          "value": "NaN"
        },
        {
          "key": "m",
          "step": 1,
          "timestamp": 2,
          "value": 0.1
        }
      ]
    }
    "#);
    let by_uuid = server.get(&path.replace("run_id", "run_uuid")).await.ok();
    assert_eq!(points(&by_uuid).len(), 2);
}

#[tokio::test]
async fn infinities_become_the_largest_numbers_and_extremes_come_back_exactly() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let logged = [
        ("m", json!("Infinity"), 1, 0),
        ("m", json!("-Infinity"), 2, 0),
        ("m", json!(5e-324), 3, i64::MIN),
        ("m", json!(0.1), i64::MAX, i64::MAX),
        ("m", json!(-0.0), 4, 0),
        ("m", json!("1.5"), 5, 0),
        ("m", json!(true), 6, 0),
    ];
    server.log_metrics(&run, &logged).await;
    let expected = [
        (json!(LARGEST), 1, 0),
        (json!(-LARGEST), 2, 0),
        (json!(5e-324), 3, i64::MIN),
        (json!(0.0), 4, 0),
        (json!(1.5), 5, 0),
        (json!(1.0), 6, 0),
        (json!(0.1), i64::MAX, i64::MAX),
    ];
    assert_eq!(server.history(&run, "m").await, expected);
    server.fold(&run).await;
    assert_eq!(server.history(&run, "m").await, expected);
    assert_eq!(
        latest(&server, &run).await,
        [(json!(0.1), i64::MAX, i64::MAX)]
    );
}

#[tokio::test]
async fn bare_nan_and_infinity_tokens_are_read() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    for (token, timestamp) in [("NaN", 1), ("Infinity", 2), ("-Infinity", 3)] {
        let body = format!(
            r#"{{"run_id":"{run}","key":"m","value":{token},"timestamp":{timestamp},"step":4}}"#
        );
        server.send_text("POST", "runs/log-metric", body).await.ok();
    }
    let expected = [
        (json!("NaN"), 1, 4),
        (json!(LARGEST), 2, 4),
        (json!(-LARGEST), 3, 4),
    ];
    assert_eq!(server.history(&run, "m").await, expected);
}

#[tokio::test]
async fn identical_points_are_one_and_nan_is_not_zero() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let logged = [
        ("m", json!("NaN"), 1, 1),
        ("m", json!(0), 1, 1),
        ("m", json!("NaN"), 1, 1),
        ("m", json!(0), 1, 1),
        ("m", json!(0), 1, 2),
        ("m", json!(0), 2, 1),
        ("n", json!(0), 1, 1),
    ];
    let expected = [
        (json!(0.0), 1, 1),
        (json!("NaN"), 1, 1),
        (json!(0.0), 1, 2),
        (json!(0.0), 2, 1),
    ];
    for _ in 0..2 {
        server.log_metrics(&run, &logged).await;
        assert_eq!(server.history(&run, "m").await, expected);
        server.fold(&run).await;
        assert_eq!(server.history(&run, "m").await, expected);
        assert_eq!(server.history(&run, "n").await, [(json!(0.0), 1, 1)]);
    }
}

#[tokio::test]
async fn an_unknown_run_or_key_has_an_empty_history() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let get = async |query: &str| server.get(&format!("metrics/get-history?{query}")).await;
    assert_eq!(get("run_id=none&metric_key=m").await.ok(), json!({}));
    assert_eq!(
        get(&format!("run_id={run}&metric_key=m")).await.ok(),
        json!({})
    );
    insta::assert_snapshot!(get("metric_key=m").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Missing value for required parameter 'run_id'. See the API docs for more information about request parameters.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(get(&format!("run_id={run}")).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Missing value for required parameter 'metric_key'. See the API docs for more information about request parameters.",
      "sqlstate": "KAM00"
    }
    "#);
}

#[tokio::test]
async fn a_page_size_below_one_and_a_broken_token_are_refused() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    server
        .log_metrics(&run, &[("m", json!(1), 1, 1), ("m", json!(2), 2, 2)])
        .await;
    let path = format!("metrics/get-history?run_id={run}&metric_key=m");
    let get = async |query: &str| server.get(&format!("{path}&{query}")).await;
    insta::assert_snapshot!(get("max_results=0").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Invalid value 0 for parameter 'max_results' supplied. It must be a positive integer.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(get("max_results=x").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Invalid value \"x\" for parameter 'max_results' supplied:  Hint: Value was of type 'str'. See the API docs for more information about request parameters.",
      "sqlstate": "KAM00"
    }
    "#);
    for token in [
        "x",
        "e30%3D",
        "bm9uZQ%3D%3D",
        "%F0%9F%98%80",
        "eyJvZmZzZXQiOiAxfQ%3D%3D",
    ] {
        let (status, code, message) = get(&format!("page_token={token}")).await.refused();
        assert_eq!(
            (status, code.as_str()),
            (400, "INVALID_PARAMETER_VALUE"),
            "{token}"
        );
        assert!(message.starts_with("Invalid page token"), "{message}");
    }
    assert_eq!(
        points(&get("max_results=9223372036854775807").await.ok()).len(),
        2
    );
}

#[tokio::test]
async fn the_last_full_page_has_no_token() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    server
        .log_metrics(&run, &[("m", json!(1), 1, 1), ("m", json!(2), 2, 2)])
        .await;
    let path = format!("metrics/get-history?run_id={run}&metric_key=m&max_results");
    let whole = server.get(&format!("{path}=2")).await.ok();
    assert_eq!(
        (points(&whole).len(), whole.get("next_page_token")),
        (2, None)
    );
    let half = server.get(&format!("{path}=1")).await.ok();
    assert!(half["next_page_token"].is_string());
}

#[tokio::test]
async fn the_latest_value_is_the_largest_by_step_then_time_then_value() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let steps = [
        ((json!(1), 10, 0), (json!(1.0), 10, 0)),
        ((json!(2), 5, 0), (json!(1.0), 10, 0)),
        ((json!(0.5), 10, 0), (json!(1.0), 10, 0)),
        ((json!(3), 10, 0), (json!(3.0), 10, 0)),
        ((json!(-1), 1, 1), (json!(-1.0), 1, 1)),
        ((json!("NaN"), 1, 1), (json!("NaN"), 1, 1)),
        ((json!(0), 1, 1), (json!("NaN"), 1, 1)),
        ((json!(9), 99, -5), (json!("NaN"), 1, 1)),
    ];
    for ((value, timestamp, step), expected) in steps {
        server
            .log_metrics(&run, &[("m", value, timestamp, step)])
            .await;
        assert_eq!(latest(&server, &run).await, [expected]);
    }
    server.fold(&run).await;
    assert_eq!(latest(&server, &run).await, [(json!("NaN"), 1, 1)]);
    let other = server.run("0").await;
    let batch = [
        ("m", json!(7), 1, 3),
        ("m", json!(8), 1, 2),
        ("m", json!(6), 1, 3),
    ];
    server.log_metrics(&other, &batch).await;
    assert_eq!(latest(&server, &other).await, [(json!(7.0), 1, 3)]);
}

/// Logs `count` points of metric `m`: step and value are 0 to `count`, the time ten times that.
async fn log_line(server: &TestServer, run: &str, count: i64) {
    let line: Vec<_> = (0..count)
        .map(|step| ("m", json!(step), step * 10, step))
        .collect();
    for batch in line.chunks(1000) {
        server.log_metrics(run, batch).await;
    }
}

#[tokio::test]
async fn a_long_history_over_several_blocks_is_read_whole_and_in_pages() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    log_line(&server, &run, 9000).await;
    assert_eq!(server.fold(&run).await, 9);
    let mut expected: Vec<_> = (0..9000)
        .map(|step| (json!(step as f64), step * 10, step))
        .collect();
    assert_eq!(server.history(&run, "m").await, expected);
    // Late points: between the points of the first block, at a block's border, before all others,
    // and beyond the last; some of them again.
    let late = [
        ("m", json!(0.5), 5, 7),
        ("m", json!(4096), 40_960, 4096),
        ("m", json!(-4096), 40_960, 4096),
        ("m", json!(0.5), 0, -1),
        ("m", json!(1), 90_000, 0),
    ];
    server.log_metrics(&run, &late).await;
    expected.push((json!(0.5), 5, 7));
    expected.push((json!(-4096.0), 40_960, 4096));
    expected.push((json!(0.5), 0, -1));
    expected.push((json!(1.0), 90_000, 0));
    expected.sort_by(|a, b| {
        let value = |json: &Json| json.as_f64().unwrap();
        (a.1, a.2)
            .cmp(&(b.1, b.2))
            .then(value(&a.0).total_cmp(&value(&b.0)))
    });
    for _ in 0..2 {
        assert_eq!(server.history(&run, "m").await, expected);
        for size in [1000, 4096, 4097, 9004, 20_000] {
            assert_eq!(paged(&server, &run, "m", size).await, expected, "{size}");
        }
        server.fold(&run).await;
    }
}

#[tokio::test]
async fn a_token_from_before_a_fold_is_good_after_it() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    log_line(&server, &run, 20).await;
    let path = format!("metrics/get-history?run_id={run}&metric_key=m&max_results=8");
    let first = server.get(&path).await.ok();
    server.fold(&run).await;
    let token = first["next_page_token"].as_str().unwrap();
    let second = server.get(&format!("{path}&page_token={token}")).await.ok();
    assert_eq!(points(&second)[0], (json!(8.0), 80, 8));
}

#[tokio::test]
async fn bulk_reads_runs_in_the_order_of_their_ids_and_stops_at_the_limit() {
    let server = TestServer::start().await;
    let (first, second) = (server.run("0").await, server.run("0").await);
    server
        .log_metrics(&second, &[("m", json!("NaN"), 1, 0), ("m", json!(1), 2, 1)])
        .await;
    log_line(&server, &first, 3).await;
    let route = "/ajax-api/2.0/mlflow/metrics/get-history-bulk";
    let get = async |query: &str| server.get(&format!("{route}?{query}")).await;
    let both = format!("run_id={second}&run_id={first}&run_id=none&metric_key=m");
    let answer = get(&format!("{both}&max_results=4")).await;
    insta::assert_snapshot!(answer.shown(), @r#"
    200
    {
      "metrics": [
        {
          "key": "m",
          "run_id": "00000000000000000000000000000002",
          "step": 0,
          "timestamp": 0,
          "value": 0.0
        },
        {
          "key": "m",
          "run_id": "00000000000000000000000000000002",
          "step": 1,
          "timestamp": 10,
          "value": 1.0
        },
        {
          "key": "m",
          "run_id": "00000000000000000000000000000002",
          "step": 2,
          "timestamp": 20,
          "value": 2.0
        },
        {
          "key": "m",
          "run_id": "00000000000000000000000000000004",
          "step": 0,
          "timestamp": 1,
          "value": "NaN"
        }
      ]
    }
    "#);
    assert_eq!(points(&get(&both).await.ok()).len(), 5);
    assert_eq!(
        get("run_id=none&metric_key=m").await.ok(),
        json!({ "metrics": [] })
    );
    assert_eq!(
        points(&get(&format!("{both}&max_results=0")).await.ok()).len(),
        0
    );
}

#[tokio::test]
async fn bulk_needs_1_to_100_runs_a_key_and_a_whole_limit() {
    let server = TestServer::start().await;
    let get = async |query: &str| {
        let route = "/ajax-api/2.0/mlflow/metrics/get-history-bulk";
        server.get(&format!("{route}?{query}")).await
    };
    insta::assert_snapshot!(get("metric_key=m").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "GetMetricHistoryBulk request must specify at least one run_id.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(get("run_id=a").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "GetMetricHistoryBulk request must specify a metric_key.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(get("run_id=a&metric_key=m&max_results=x").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Invalid value \"x\" for parameter 'max_results' supplied: it must be a whole number of 0 or more.",
      "sqlstate": "KAM00"
    }
    "#);
    let many = "run_id=a&".repeat(101);
    insta::assert_snapshot!(get(&format!("{many}metric_key=m")).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "GetMetricHistoryBulk request cannot specify more than 100 run_ids. Received 101 run_ids.",
      "sqlstate": "KAM00"
    }
    "#);
}

#[tokio::test]
async fn an_interval_sample_takes_the_first_of_each_bucket_and_the_last_point() {
    let server = TestServer::start().await;
    let (run, other) = (server.run("0").await, server.run("0").await);
    log_line(&server, &run, 10).await;
    log_line(&server, &other, 2).await;
    let get = async |query: &str| {
        let path = format!("metrics/get-history-bulk-interval?metric_key=m&{query}");
        server.get(&path).await
    };
    let steps = async |query: &str| {
        let answer = get(query).await.ok();
        points(&answer)
            .into_iter()
            .map(|(_, _, step)| step)
            .collect::<Vec<_>>()
    };
    let one = format!("run_ids={run}");
    for _ in 0..2 {
        assert_eq!(steps(&one).await, (0..10).collect::<Vec<_>>());
        assert_eq!(steps(&format!("{one}&max_results=3")).await, [0, 4, 9]);
        assert_eq!(steps(&format!("{one}&max_results=1")).await, [9]);
        let part = format!("{one}&start_step=2&end_step=5&max_results=2");
        assert_eq!(steps(&part).await, [2, 5]);
        let none = format!("{one}&start_step=50&end_step=60");
        assert_eq!(steps(&none).await, [0_i64; 0]);
        let both = format!("run_ids={other}&run_ids=none&run_ids={run}&max_results=3");
        assert_eq!(steps(&both).await, [0, 1, 0, 4, 9]);
        server.fold(&run).await;
    }
    let sample = get(&format!("{one}&max_results=1")).await;
    insta::assert_snapshot!(sample.shown(), @r#"
    200
    {
      "metrics": [
        {
          "key": "m",
          "run_id": "00000000000000000000000000000002",
          "step": 9,
          "timestamp": 90,
          "value": 9.0
        }
      ]
    }
    "#);
    insta::assert_snapshot!(get(&format!("{one}&start_step=1")).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "If either start step or end step are specified, both must be specified.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(get(&format!("{one}&start_step=2&end_step=1")).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "end_step must be greater than start_step. Found start_step=2 and end_step=1.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(get(&format!("{one}&max_results=2501")).await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "max_results must be between 1 and 2500. See the API docs for more information about request parameters.",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(get("max_results=1").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Missing value for required parameter 'run_ids'. See the API docs for more information about request parameters.",
      "sqlstate": "KAM00"
    }
    "#);
}

#[tokio::test]
async fn a_thousand_metrics_of_one_run_are_kept_apart() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let keys: Vec<String> = (0..1000).map(|number| format!("m/{number}")).collect();
    for step in 0..2 {
        let batch: Vec<_> = keys
            .iter()
            .enumerate()
            .map(|(number, key)| (key.as_str(), json!(number), step, step))
            .collect();
        server.log_metrics(&run, &batch).await;
    }
    server.fold(&run).await;
    assert_eq!(latest(&server, &run).await.len(), 1000);
    for number in [0, 499, 999] {
        let value = json!(f64::from(number));
        let expected = [(value.clone(), 0, 0), (value, 1, 1)];
        assert_eq!(server.history(&run, &format!("m/{number}")).await, expected);
    }
}

#[tokio::test]
async fn folding_leaves_one_block_row_for_each_stretch_and_no_segment() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    log_line(&server, &run, 5000).await;
    assert_eq!(server.fold(&run).await, 5);
    assert_eq!(server.fold(&run).await, 0);
    let rows = server.app.db.read(|tx| {
        let count = |row: &trackway::db::Row<'_>| row.get::<i64>(0);
        let segments = tx.query_one("select count(*) from metric_segments", &[], count)?;
        let blocks = tx.query_one("select count(*) from metric_blocks", &[], count)?;
        Ok((segments, blocks))
    });
    assert_eq!(rows.await.unwrap(), (0, 2));
}
