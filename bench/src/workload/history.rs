//! W4: reading a long history back, in pages and thinned out.

use super::Scale;
use crate::api;
use crate::body::{FIRST_STEP, Template};
use crate::client::get;
use crate::data::value_of;
use crate::fill;
use crate::sample::{Sample, measure, median};
use crate::server::{Kind, Running};
use anyhow::{Context, Result, ensure};
use std::time::Instant;

/// Points of a request; their values begin again with each.
pub(crate) const BATCH: usize = 1_000;
const SAMPLED: usize = 2_500;

/// W4: all points of a metric, and 2,500 of them.
pub(crate) fn read_back(server: &Running, scale: &Scale) -> Vec<Sample> {
    let points = match (server.kind, scale.quick) {
        (Kind::Trackway, _) => 1_000_000,
        (_, false) => 100_000,
        (_, true) => 20_000,
    };
    let all = Sample::new("W4", "get-history, all pages", "points/s");
    let thin = Sample::new("W4", format!("2,500 of {points} points"), "ms").lower();
    let run = match logged(server, points) {
        Ok(run) => run,
        Err(error) => return vec![all.with(Err(error))],
    };
    let mut pages = Vec::new();
    let work = measure(server, || {
        pages = api::history_pages(&mut server.client(), &run, "metric_0")?;
        Ok(points as f64)
    });
    let work = work.and_then(|work| check(&pages, points).map(|()| work));
    drop(pages);
    let mut times = Vec::new();
    let sampled = measure(server, || sampled(server, &run, &mut times));
    let mut thin = thin;
    thin.cpu = sampled.as_ref().ok().map(|work| work.cpu / work.units);
    vec![all.rate(work), thin.with(sampled.map(|_| median(&times)))]
}

/// Compares what was read with what was logged.
fn check(pages: &[Vec<u8>], points: usize) -> Result<()> {
    let read = api::points_of(pages)?;
    ensure!(
        read.len() == points,
        "{} of {points} points came",
        read.len()
    );
    let wrong = read.iter().find(|point| {
        let number = (point.0 - FIRST_STEP) as u64 % BATCH as u64;
        point.2 != value_of(0, number)
    });
    ensure!(wrong.is_none(), "{wrong:?} is not what was logged");
    Ok(())
}

/// Stores the points, in batches where we are the server, and gives the run.
fn logged(server: &Running, points: usize) -> Result<String> {
    let mut client = server.client();
    let run = api::create_runs(&mut client, "history", 1)?.remove(0);
    if server.kind.is_peer() {
        fill::history(server, &run, points)?;
        return Ok(run);
    }
    let mut template = Template::batch(&run, 1, BATCH);
    for first in (0..points).step_by(BATCH) {
        let answer = client.send(template.at(first as i64))?;
        ensure!(
            answer.status == 200,
            "a batch was answered with {}",
            answer.status
        );
    }
    Ok(run)
}

/// Reads the thinned out history a few times, each in so many milliseconds, and says how often.
fn sampled(server: &Running, run: &str, times: &mut Vec<f64>) -> Result<f64> {
    let path = format!(
        "/ajax-api/2.0/mlflow/metrics/get-history-bulk-interval?run_ids={run}\
         &metric_key=metric_0&max_results={SAMPLED}"
    );
    let mut client = server.client();
    for _ in 0..10 {
        let started = Instant::now();
        let answer = api::ask(&mut client, &get(&path))?;
        times.push(started.elapsed().as_secs_f64() * 1000.0);
        let metrics = answer["metrics"]
            .as_array()
            .context("there are no metrics")?;
        ensure!(
            (SAMPLED - 2..=SAMPLED + 2).contains(&metrics.len()),
            "{} points came instead of {SAMPLED}",
            metrics.len()
        );
        for metric in metrics {
            let step = metric["step"].as_i64().context("a point has no step")?;
            let wanted = value_of(0, (step - FIRST_STEP) as u64 % BATCH as u64);
            ensure!(
                metric["value"].as_f64() == Some(wanted),
                "{metric} is not what was logged"
            );
        }
    }
    Ok(times.len() as f64)
}
