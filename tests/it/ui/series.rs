//! Curves as bytes.

use super::OWN;
use crate::server::{Answer, TestServer};
use serde_json::json;

/// A curve as a page reads it.
struct Read {
    kind: u32,
    n: usize,
    points: f64,
    in_window: f64,
    range: (f64, f64),
    /// x, and then y of an exact curve or min, max and last of slices.
    columns: Vec<Vec<f64>>,
    counts: Vec<u32>,
    flags: Vec<u32>,
}

fn read(bytes: &[u8]) -> Read {
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let f64_at = |at: usize| f64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    assert_eq!(&bytes[..4], b"TWS1");
    let (kind, n) = (u32_at(4), u32_at(8) as usize);
    let width = if kind == 0 { 2 } else { 4 };
    let columns = (0..width)
        .map(|column| {
            (0..n)
                .map(|row| f64_at(64 + (column * n + row) * 8))
                .collect()
        })
        .collect();
    let small = |column: usize| -> Vec<u32> {
        let at = 64 + width * n * 8 + column * n * 4;
        (0..n).map(|row| u32_at(at + row * 4)).collect()
    };
    let (counts, flags) = if kind == 1 {
        (small(0), small(1))
    } else {
        Default::default()
    };
    let length = 64 + width * n * 8 + if kind == 1 { n * 8 } else { 0 };
    assert_eq!(bytes.len(), length);
    Read {
        kind,
        n,
        points: f64_at(16),
        in_window: f64_at(24),
        range: (f64_at(32), f64_at(40)),
        columns,
        counts,
        flags,
    }
}

async fn series(server: &TestServer, query: &str) -> (Answer, Read) {
    let answer = server.get(&format!("{OWN}/series?{query}")).await;
    assert_eq!(
        answer.status,
        200,
        "{}",
        String::from_utf8_lossy(&answer.body)
    );
    let read = read(&answer.body);
    (answer, read)
}

/// Logs `count` points of the metric `m`, 1,000 in a batch.
async fn log_many(
    server: &TestServer,
    run: &str,
    count: i64,
    value: impl Fn(i64) -> serde_json::Value,
) {
    for start in (0..count).step_by(1_000) {
        let steps = start..(start + 1_000).min(count);
        let points: Vec<_> = steps
            .map(|step| ("m", value(step), 10_000 + step * 10, step))
            .collect();
        server.log_metrics(run, &points).await;
    }
}

#[tokio::test]
async fn few_points_come_as_they_are_on_each_axis() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let run = server.run(&experiment).await;
    let start = server.whole_run(&run).await["info"]["start_time"]
        .as_i64()
        .unwrap_or_default();
    let points = [
        ("m", json!(1.5), 1_000, 7),
        ("m", json!("NaN"), 2_000, 8),
        ("m", json!("-Infinity"), 3_000, 9),
    ];
    server.log_metrics(&run, &points).await;
    let (answer, curve) = series(&server, &format!("run_id={run}&key=m")).await;
    assert_eq!(
        (curve.kind, curve.points, curve.range),
        (0, 3.0, (7.0, 9.0))
    );
    assert_eq!(curve.columns[0], [7.0, 8.0, 9.0]);
    assert!(curve.columns[1][1].is_nan() && curve.columns[1][2] == f64::NEG_INFINITY);
    assert_eq!(answer.header("x-trackway-points"), "3");
    assert_eq!(answer.header("x-trackway-kind"), "exact");
    assert_eq!(answer.header("content-type"), "application/octet-stream");
    let (_, time) = series(&server, &format!("run_id={run}&key=m&x=time&from=2000")).await;
    assert_eq!(
        (time.n, time.columns[0][0], time.points, time.in_window),
        (2, 2_000.0, 3.0, 2.0)
    );
    let (_, relative) = series(&server, &format!("run_id={run}&key=m&x=relative")).await;
    assert_eq!(relative.columns[0][0], 1_000.0 - start as f64);
    let (_, none) = series(&server, &format!("run_id={run}&key=never")).await;
    assert_eq!((none.n, none.points), (0, 0.0));
    assert!(none.range.0.is_nan());
}

#[tokio::test]
async fn a_spike_survives_and_a_zoom_is_exact_whether_folded_or_not() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let run = server.run(&experiment).await;
    let value = |step: i64| match step {
        7_777 => json!(1e6),
        3_000 => json!("NaN"),
        step => json!((step % 10) as f64),
    };
    log_many(&server, &run, 12_000, value).await;
    for _ in 0..2 {
        let (answer, curve) = series(&server, &format!("run_id={run}&key=m&buckets=100")).await;
        assert_eq!((curve.kind, curve.n, curve.points), (1, 100, 12_000.0));
        assert!(answer.body.len() <= 64 * 1024);
        assert_eq!(curve.counts.iter().sum::<u32>(), 12_000);
        let highest = curve.columns[2].iter().copied().fold(0.0, f64::max);
        assert_eq!(highest, 1e6);
        assert_eq!(curve.flags.iter().filter(|flags| **flags == 1).count(), 1);
        let zoom = format!("run_id={run}&key=m&buckets=100&from=7770&to=7780");
        let (_, exact) = series(&server, &zoom).await;
        assert_eq!((exact.kind, exact.n, exact.columns[1][7]), (0, 11, 1e6));
        server.fold(&run).await;
    }
}

#[tokio::test]
async fn many_curves_come_in_one_answer() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let (a, b) = (server.run(&experiment).await, server.run(&experiment).await);
    server
        .log_metrics(&a, &[("m", json!(1), 1, 1), ("n", json!(2), 1, 1)])
        .await;
    server
        .log_metrics(&b, &[("n", json!(3), 1, 1), ("n", json!(4), 2, 2)])
        .await;
    let body = json!({"run_ids": [a, "ffff", b], "keys": ["m", "n", "never"]});
    let answer = server.post(&format!("{OWN}/series/bulk"), body).await;
    let bytes = &answer.body;
    assert_eq!(&bytes[..4], b"TWB1");
    let u32_at = |at: usize| u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    let mut found = Vec::new();
    let mut at = 8;
    for _ in 0..u32_at(4) {
        let length = u32_at(at + 8) as usize;
        let curve = read(&bytes[at + 16..at + 16 + length]);
        found.push((u32_at(at), u32_at(at + 4), curve.columns[1].clone()));
        at += 16 + length;
    }
    assert_eq!(at, bytes.len());
    assert_eq!(
        found,
        [(0, 0, vec![1.0]), (0, 1, vec![2.0]), (2, 1, vec![3.0, 4.0])]
    );
}

#[tokio::test]
async fn the_metrics_of_a_run_are_summed_up() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let run = server.run(&experiment).await;
    let points = [
        ("m", json!(5), 1_000, 1),
        ("m", json!(1), 2_000, 2),
        ("m", json!("NaN"), 3_000, 3),
        ("system/cpu", json!("NaN"), 1, 0),
    ];
    server.log_metrics(&run, &points).await;
    let metrics = server.own(&format!("runs/{run}/metrics")).await;
    assert_eq!(
        metrics["metrics"][0],
        json!({
            "key": "m", "last": "NaN", "min": 1.0, "max": 5.0, "count": 3, "nonfinite": 1,
            "first_step": 1, "last_step": 3, "min_step": 2, "max_step": 1,
            "first_time": 1_000, "last_time": 3_000, "system": false,
        })
    );
    let cpu = &metrics["metrics"][1];
    assert_eq!((&cpu["system"], &cpu["min"]), (&json!(true), &json!("NaN")));
    assert_eq!(
        server
            .get(&format!("{OWN}/runs/none/metrics"))
            .await
            .refused()
            .0,
        404
    );
}

/// A training that went back to an older checkpoint: later in time, lower in steps.
#[tokio::test]
async fn the_last_value_is_that_of_the_largest_step() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let run = server.run(&experiment).await;
    let points = [
        ("m", json!(1), 1_000, 5),
        ("m", json!(2), 2_000, 9),
        ("m", json!(3), 3_000, 2),
        ("m", json!(2), 4_000, 9),
        ("m", json!(0), 5_000, 4),
    ];
    server.log_metrics(&run, &points).await;
    let metrics = server.own(&format!("runs/{run}/metrics")).await;
    assert_eq!(
        metrics["metrics"][0],
        json!({
            "key": "m", "last": 2.0, "min": 0.0, "max": 3.0, "count": 5, "nonfinite": 0,
            "first_step": 2, "last_step": 9, "min_step": 4, "max_step": 2,
            "first_time": 1_000, "last_time": 5_000, "system": false,
        })
    );
}

#[tokio::test]
async fn questions_for_curves_out_of_bounds_are_refused() {
    let server = TestServer::start().await;
    let experiment = server.experiment("e").await;
    let run = server.run(&experiment).await;
    for (query, status) in [
        ("key=m".to_owned(), 400),
        (format!("run_id={run}"), 400),
        ("run_id=none&key=m".to_owned(), 404),
        (format!("run_id={run}&key=m&buckets=0"), 400),
        (format!("run_id={run}&key=m&buckets=1601"), 400),
        (format!("run_id={run}&key=m&x=loss"), 400),
        (format!("run_id={run}&key=m&from=NaN"), 400),
        (format!("run_id={run}&key=m&to=Infinity"), 400),
        (format!("run_id={run}&key=m&to=x"), 400),
    ] {
        let answer = server.get(&format!("{OWN}/series?{query}")).await;
        assert_eq!(answer.refused().0, status, "{query}");
    }
    for body in [
        json!({"run_ids": [run]}),
        json!({"run_ids": [run, run], "keys": ["m"]}),
        json!({"run_ids": (0..500).map(|n| n.to_string()).collect::<Vec<_>>(), "keys": ["a", "b", "c"]}),
        json!({"run_ids": (0..500).map(|n| n.to_string()).collect::<Vec<_>>(), "keys": ["a"], "buckets": 1_600}),
    ] {
        let answer = server
            .post(&format!("{OWN}/series/bulk"), body.clone())
            .await;
        assert_eq!(answer.refused().0, 400, "{body}");
    }
}
