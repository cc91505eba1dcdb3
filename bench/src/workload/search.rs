//! W3: searches over many runs, each answer compared with what the runs are known to hold.

use super::Scale;
use crate::api;
use crate::client::{Client, post};
use crate::data::Run;
use crate::fill::EXPERIMENT;
use crate::sample::{Sample, Work, measure, quantile};
use crate::server::{Kind, Running};
use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::cmp::Reverse;
use std::time::{Duration, Instant};

/// A search with the runs that it must find.
struct Search {
    what: &'static str,
    filter: &'static str,
    order: &'static [&'static str],
    max_results: usize,
    /// Whether a run passes the filter.
    passes: fn(Run) -> bool,
    /// What the order compares; larger comes first.
    rank: fn(Run) -> f64,
}

const PAGE: usize = 1_000;

const SEARCHES: &[Search] = &[
    Search {
        what: "a, two conditions by metric",
        filter: "metrics.val_auc > 0.9 and params.model = 'gbm'",
        order: &["metrics.val_auc DESC"],
        max_results: 100,
        passes: |run| run.auc() > 0.9 && run.model() == "gbm",
        rank: Run::auc,
    },
    Search {
        what: "b, newest 1,000",
        filter: "",
        order: &["attributes.start_time DESC"],
        max_results: PAGE,
        passes: |_| true,
        rank: |run| run.0 as f64,
    },
    Search {
        what: "c, tag LIKE, a tenth passes",
        filter: "tags.note LIKE 'sweep 7%'",
        order: &["attributes.start_time DESC"],
        max_results: 100,
        passes: |run| run.note().starts_with("sweep 7"),
        rank: |run| run.0 as f64,
    },
    Search {
        what: "c, tag LIKE, one in a thousand passes",
        filter: "tags.note LIKE '%rare%'",
        order: &["attributes.start_time DESC"],
        max_results: 100,
        passes: |run| run.note().contains("rare"),
        rank: |run| run.0 as f64,
    },
    Search {
        what: "e, almost nothing passes",
        filter: "metrics.val_auc > 0.9995 and params.model = 'gbm'",
        order: &["metrics.val_auc DESC"],
        max_results: 100,
        passes: |run| run.auc() > 0.9995 && run.model() == "gbm",
        rank: Run::auc,
    },
    Search {
        what: "e, almost everything passes",
        filter: "metrics.val_auc > 0.001 and params.model != 'none'",
        order: &["metrics.val_auc DESC"],
        max_results: 100,
        passes: |run| run.auc() > 0.001,
        rank: Run::auc,
    },
    Search {
        what: "f, ordered by end time",
        filter: "params.model = 'gbm'",
        order: &["attributes.end_time DESC"],
        max_results: 100,
        passes: |run| run.model() == "gbm",
        rank: |run| run.end_time() as f64,
    },
];

/// W3: all searches, and paging through everything.
pub(crate) fn searches(server: &Running, runs: u64, scale: &Scale) -> Vec<Sample> {
    let mut samples = Vec::new();
    let experiment = match find_experiment(&mut server.client()) {
        Ok(experiment) => experiment,
        Err(error) => return vec![Sample::new("W3", title(runs, "all"), "ms").with(Err(error))],
    };
    for search in SEARCHES {
        let p50 = Sample::new("W3", title(runs, search.what), "ms").lower();
        let p99 = Sample::new("W3", title(runs, &format!("{}, p99", search.what)), "ms").lower();
        match times(server, &experiment, runs, (search, scale)) {
            Ok((times, cpu)) => {
                let mut sample = p50.with(Ok(quantile(&times, 0.5)));
                sample.cpu = Some(cpu);
                samples.push(sample);
                if server.kind == Kind::Trackway {
                    samples.push(p99.with(Ok(quantile(&times, 0.99))));
                }
            }
            Err(error) => samples.push(p50.with(Err(error))),
        }
    }
    // Paging through a million runs answers gigabytes.
    if runs <= 100_000 {
        samples.extend(pages(server, &experiment, runs, scale));
    } else {
        samples.extend(deep_page(server, &experiment, runs));
    }
    samples
}

fn title(runs: u64, what: &str) -> String {
    let runs = match runs {
        1_000_000 => "1,000,000".to_owned(),
        runs => format!("{},000", runs / 1000),
    };
    format!("{runs} runs: {what}")
}

/// The filter of W3a, which the readers of W8 send too.
pub(super) fn first_request(experiment: &str) -> Vec<u8> {
    SEARCHES
        .first()
        .map(|search| search.request(experiment))
        .unwrap_or_default()
}

pub(super) fn find_experiment(client: &mut Client) -> Result<String> {
    let path = format!("/api/2.0/mlflow/experiments/get-by-name?experiment_name={EXPERIMENT}");
    let answer = api::ask(client, &crate::client::get(&path))?;
    api::text(&answer, "/experiment/experiment_id")
}

impl Search {
    fn request(&self, experiment: &str) -> Vec<u8> {
        let body = json!({
            "experiment_ids": [experiment],
            "filter": self.filter,
            "order_by": self.order,
            "max_results": self.max_results,
        });
        post("/api/2.0/mlflow/runs/search", &body.to_string())
    }

    /// Gives the ids that the first page must have, in their order.
    fn expected(&self, runs: u64) -> Vec<String> {
        let mut found: Vec<Run> = (0..runs)
            .map(Run)
            .filter(|run| (self.passes)(*run))
            .collect();
        // Equal ranks come with the newest first, then by id.
        let rank = |run: &Run| (Reverse(ordered((self.rank)(*run))), Reverse(run.0));
        found.sort_by_cached_key(rank);
        found.truncate(self.max_results);
        found.into_iter().map(Run::uuid).collect()
    }
}

/// Orders doubles that are not negative as integers.
fn ordered(number: f64) -> u64 {
    number.to_bits()
}

/// Gives the sorted times of a search in milliseconds and its CPU seconds.
fn times(
    server: &Running,
    experiment: &str,
    runs: u64,
    (search, scale): (&Search, &Scale),
) -> Result<(Vec<f64>, f64)> {
    let request = search.request(experiment);
    let mut client = server.client();
    let mut first = 0.0;
    let asked = measure(server, || {
        let started = Instant::now();
        let answer = api::fetch(&mut client, &request)?;
        first = started.elapsed().as_secs_f64() * 1000.0;
        compare(&serde_json::from_slice(&answer)?, &search.expected(runs))?;
        Ok(1.0)
    })?;
    // The slowest of the peers needs seconds for one, so that a warm cache is nothing to it.
    if server.kind.is_peer() && first > scale.time.as_secs_f64() * 1000.0 {
        return Ok((vec![first], asked.cpu));
    }
    // One of a slow peer; the rounds repeat it.
    let least = if server.kind.is_peer() { 1 } else { 10 };
    let end = Instant::now() + scale.time;
    let mut times = Vec::new();
    let work = measure(server, || {
        while times.len() < least || Instant::now() < end {
            let started = Instant::now();
            let answer = client.send(&request)?;
            times.push(started.elapsed().as_secs_f64() * 1000.0);
            ensure!(answer.status == 200, "{} came", answer.status);
        }
        Ok(times.len() as f64)
    })?;
    times.sort_by(f64::total_cmp);
    Ok((times, work.cpu / work.units))
}

/// Compares an answer with the ids that it must have, and a value of its first run.
fn compare(answer: &Json, expected: &[String]) -> Result<()> {
    let found = ids(answer)?;
    ensure!(
        found.len() == expected.len(),
        "{} runs were found instead of {}",
        found.len(),
        expected.len()
    );
    let wrong = found
        .iter()
        .zip(expected)
        .position(|(one, other)| one != other);
    ensure!(wrong.is_none(), "another run stands at place {wrong:?}");
    let Some(first) = answer["runs"].get(0) else {
        return Ok(());
    };
    let values = first["run"]["data"]["metrics"]
        .as_array()
        .or(first["data"]["metrics"].as_array());
    let found = values
        .into_iter()
        .flatten()
        .filter(|metric| metric["key"] == "val_auc");
    let found: Vec<_> = found
        .filter_map(|metric| metric["value"].as_f64())
        .collect();
    ensure!(found.len() == 1, "the first run has no metric val_auc");
    Ok(())
}

fn ids(answer: &Json) -> Result<Vec<String>> {
    let runs = answer["runs"]
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default();
    runs.iter()
        .map(|run| {
            let id = run["info"]["run_id"]
                .as_str()
                .or(run["info"]["run_uuid"].as_str());
            Ok(id.context("a run has no id")?.to_owned())
        })
        .collect()
}

/// What paging looks at: reading all of a page would cost more than the server's part.
#[derive(Deserialize)]
struct Page {
    runs: Vec<PageRun>,
    #[serde(default)]
    next_page_token: String,
}

#[derive(Deserialize)]
struct PageRun {
    info: PageInfo,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PageInfo {
    run_id: String,
    run_uuid: String,
}

impl PageInfo {
    fn id(&self) -> &str {
        match self.run_id.is_empty() {
            true => &self.run_uuid,
            false => &self.run_id,
        }
    }
}

/// Pages through the runs, and compares the costs of the first and the last full page.
fn pages(server: &Running, experiment: &str, runs: u64, scale: &Scale) -> Vec<Sample> {
    let mut pages_ms = Vec::new();
    // A peer takes 20 seconds for it all.
    let wanted = match scale.quick && server.kind != Kind::Trackway {
        true => 3 * PAGE as u64,
        false => runs,
    };
    let work = measure(server, || {
        let mut client = server.client();
        let (mut token, mut count) = (String::new(), 0);
        while count < wanted {
            let started = Instant::now();
            let body = api::fetch(&mut client, &page(experiment, &token))?;
            pages_ms.push(started.elapsed().as_secs_f64() * 1000.0);
            let answer: Page = serde_json::from_slice(&body)?;
            let found = answer.runs;
            let last = found.last().context("a page is empty")?.info.id();
            count += found.len() as u64;
            ensure!(
                last == Run(runs - count).uuid(),
                "another run stands at place {count}"
            );
            token = answer.next_page_token;
            ensure!(
                count == runs || !token.is_empty(),
                "the pages end after {count} runs"
            );
        }
        Ok(count as f64)
    });
    // Without what the generator needs to read the pages.
    let work = work.map(|work| Work {
        elapsed: Duration::from_secs_f64(pages_ms.iter().sum::<f64>() / 1000.0),
        ..work
    });
    let last = pages_ms
        .last()
        .zip(pages_ms.first())
        .map(|(last, first)| last / first);
    let mut samples =
        vec![Sample::new("W3", title(runs, "d, paging through everything"), "runs/s").rate(work)];
    if server.kind == Kind::Trackway {
        let ratio = Sample::new("W3", title(runs, "d, last page against first"), "times").lower();
        samples.push(ratio.with(last.context("there are no pages")));
    }
    samples
}

fn page(experiment: &str, token: &str) -> Vec<u8> {
    let mut body = json!({ "experiment_ids": [experiment], "max_results": PAGE });
    if !token.is_empty() {
        body["page_token"] = json!(token);
    }
    post("/api/2.0/mlflow/runs/search", &body.to_string())
}

/// Compares a page in the middle with the first, in two orders.
fn deep_page(server: &Running, experiment: &str, runs: u64) -> Vec<Sample> {
    let ratio = |steps: u64| -> Result<f64> {
        let mut client = server.client();
        let (mut token, mut first, mut last) = (String::new(), f64::NAN, 0.0);
        for step in 0..steps {
            let started = Instant::now();
            let answer = api::ask(&mut client, &page(experiment, &token))?;
            last = started.elapsed().as_secs_f64() * 1000.0;
            if step == 1 {
                first = last;
            }
            token = api::text(&answer, "/next_page_token")?;
        }
        Ok(last / first)
    };
    let steps = (runs / PAGE as u64 / 10).min(100);
    let what = format!("d, page {steps} against page 2");
    vec![
        Sample::new("W3", title(runs, &what), "times")
            .lower()
            .with(ratio(steps)),
    ]
}
