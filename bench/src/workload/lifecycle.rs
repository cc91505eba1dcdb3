//! W2: whole runs, from their creation to their end.

use super::Scale;
use super::metrics::title;
use crate::api;
use crate::body::{FIRST_STEP, FIRST_TIMESTAMP, RUN_MARK, metric_name, name_run};
use crate::client::{Client, get, post};
use crate::data::value_of;
use crate::pool::{self, Done};
use crate::sample::{Sample, Work, measure};
use crate::server::Running;
use anyhow::{Context, Result, ensure};
use serde_json::{Value as Json, json};
use std::time::Instant;

const PARAMS: usize = 20;
const TAGS: usize = 10;
const BATCHES: usize = 10;
const METRICS: usize = 20;

/// W2: create, 20 params and 10 tags, 10 batches of 20 metrics, end.
pub(crate) fn runs(server: &Running, scale: &Scale) -> Vec<Sample> {
    [1, 8]
        .map(|clients| {
            let sample = Sample::new("W2", title(clients), "runs/s");
            sample.rate(rate(server, scale, clients))
        })
        .into()
}

fn rate(server: &Running, scale: &Scale, clients: usize) -> Result<Work> {
    let name = format!("lifecycle of {clients}");
    let experiment = api::create_experiment(&mut server.client(), &name)?;
    let mut last = Vec::new();
    let work = measure(server, || {
        let parts = pool::run(server, vec![(); clients], |client, ()| {
            let mut requests = Requests::prepare(&experiment);
            let mut done = Done::default();
            let mut run = String::new();
            let end = Instant::now() + scale.time;
            while Instant::now() < end {
                run = requests.live(client, &mut done)?;
            }
            Ok((done, run))
        })?;
        let (parts, runs): (Vec<Done>, Vec<String>) = parts.into_iter().unzip();
        last = runs;
        Ok(pool::checked(pool::sum(&parts))?.units)
    })?;
    last.iter().try_for_each(|run| check(server, run))?;
    Ok(work)
}

/// The requests of one run, prepared with a mark where the id of the run goes.
struct Requests {
    create: Vec<u8>,
    rest: Vec<Vec<u8>>,
}

impl Requests {
    fn prepare(experiment: &str) -> Self {
        let create = json!({ "experiment_id": experiment, "start_time": FIRST_TIMESTAMP });
        let path = "/api/2.0/mlflow/runs/log-batch";
        let mut rest = vec![post(path, &facts().to_string())];
        rest.extend((0..BATCHES).map(|batch| post(path, &metrics(batch).to_string())));
        let end =
            json!({ "run_id": RUN_MARK, "status": "FINISHED", "end_time": FIRST_TIMESTAMP + 1 });
        rest.push(post("/api/2.0/mlflow/runs/update", &end.to_string()));
        Self {
            create: post("/api/2.0/mlflow/runs/create", &create.to_string()),
            rest,
        }
    }

    fn live(&mut self, client: &mut Client, done: &mut Done) -> Result<String> {
        let body = done.send(client, &self.create, 0.0)?;
        let run = run_id(&body)?;
        for request in &self.rest {
            let mut request = request.clone();
            name_run(&mut request, &run);
            done.send(client, &request, 1.0 / self.rest.len() as f64)?;
        }
        Ok(run)
    }
}

fn run_id(body: &[u8]) -> Result<String> {
    let answer: Json =
        serde_json::from_slice(body).with_context(|| String::from_utf8_lossy(body).into_owned())?;
    api::text(&answer, "/run/info/run_id")
}

fn facts() -> Json {
    let pairs = |name: &str, count: usize| -> Vec<Json> {
        (0..count)
            .map(|n| json!({ "key": format!("{name}_{n}"), "value": format!("value {n}") }))
            .collect()
    };
    json!({ "run_id": RUN_MARK, "params": pairs("param", PARAMS), "tags": pairs("tag", TAGS) })
}

fn metrics(batch: usize) -> Json {
    let metrics: Vec<Json> = (0..METRICS)
        .map(|key| {
            json!({
                "key": metric_name(key),
                "value": value_of(key as u64, batch as u64),
                "timestamp": FIRST_TIMESTAMP + batch as i64,
                "step": FIRST_STEP + batch as i64,
            })
        })
        .collect();
    json!({ "run_id": RUN_MARK, "metrics": metrics })
}

/// Reads a run back: its state, how much it holds, and the latest values.
fn check(server: &Running, run: &str) -> Result<()> {
    let path = format!("/api/2.0/mlflow/runs/get?run_id={run}");
    let answer = api::ask(&mut server.client(), &get(&path))?;
    let (info, data) = (&answer["run"]["info"], &answer["run"]["data"]);
    let status = info["status"].as_str();
    ensure!(status == Some("FINISHED"), "the run is {status:?}");
    let count = |name: &str| data[name].as_array().map_or(0, Vec::len);
    ensure!(
        count("params") == PARAMS,
        "the run has {} params",
        count("params")
    );
    // A server may add the name of the run.
    ensure!(count("tags") >= TAGS, "the run has {} tags", count("tags"));
    ensure!(
        count("metrics") == METRICS,
        "the run has {} metrics",
        count("metrics")
    );
    for metric in data["metrics"].as_array().into_iter().flatten() {
        let key = metric["key"]
            .as_str()
            .unwrap_or("")
            .trim_start_matches("metric_");
        let wanted = value_of(key.parse()?, BATCHES as u64 - 1);
        ensure!(
            metric["value"].as_f64() == Some(wanted),
            "{metric} should have the value {wanted}"
        );
    }
    Ok(())
}
