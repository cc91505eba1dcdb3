//! `trackway demo`: fills a server with the runs and models of a made-up company.
//!
//! It uses the public API alone, as any client does, and never adds to a server that has the demo
//! already unless it is told to.

mod company;
mod curve;
mod figure;
mod files;
mod plan;
mod progress;
mod random;
mod registry;
mod send;

use super::Outcome;
use super::remote::client::Client;
use crate::error::{Error, Result};
use company::{PROJECTS, Project};
use plan::{Job, Kind};
use progress::Progress;
use registry::Candidate;
use send::{Sent, Target};
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// Connections that send at the same time; more would wait for the database's one writer.
const SENDERS: usize = 4;
/// Versions that a model gets at the most.
const VERSIONS: usize = 8;
/// The fewest runs: with fewer, a project would have none to register.
const MIN_RUNS: u64 = 50;
const MAX_RUNS: u64 = 1_000_000;

/// What `trackway demo` is told.
#[derive(Debug, clap::Args)]
pub(super) struct Command {
    /// How many runs are made, 50 to 1000000.
    #[arg(long, default_value_t = 3000, value_parser = clap::value_parser!(u64).range(MIN_RUNS..=MAX_RUNS))]
    runs: u64,
    /// The same seed gives the same runs; only ids, and times before the present, differ.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Add the demo once more to a server that has it.
    #[arg(long)]
    force: bool,
    /// How many seconds to wait for a server that is still starting.
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    wait: u64,
    /// Where the changes of models are sent as webhook events.
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
}

/// A project with its jobs and the experiment they go into.
struct Work {
    project: &'static Project,
    experiment_id: String,
    jobs: Vec<Job>,
    candidates: BTreeSet<usize>,
}

/// What all senders share.
struct Shared<'a> {
    client: &'a Client,
    seed: u64,
    next: AtomicUsize,
    queue: Vec<(usize, usize)>,
    done: Mutex<Done>,
    progress: Progress,
}

/// What was sent so far, and which run became of which candidate.
#[derive(Default)]
struct Done {
    sent: Sent,
    candidates: Vec<(usize, usize, String)>,
    failure: Option<Error>,
}

/// Fills the server.
///
/// # Errors
/// Whatever keeps the server from being asked or from taking the runs.
pub(super) fn run(command: &Command, is_json: bool, client: &Client) -> Result<Outcome> {
    let start = Instant::now();
    wait(client, Duration::from_secs(command.wait));
    let existing = existing(client)?;
    if !existing.is_empty() && !command.force {
        return Ok(nothing_to_do(&existing, is_json));
    }
    if let Some(url) = &command.webhook {
        create_webhook(client, url)?;
    }
    let now = now();
    let mut works = Vec::new();
    for project in PROJECTS {
        let known = existing.iter().find(|(name, _)| name == project.experiment);
        let experiment_id = match known {
            Some((_, id)) => id.clone(),
            None => create_experiment(client, project)?,
        };
        let runs = (command.runs as usize * project.share).div_ceil(100);
        let jobs = plan::jobs(project, runs, (command.seed, now));
        let candidates = candidates(project, &jobs, command.seed);
        works.push(Work {
            project,
            experiment_id,
            jobs,
            candidates,
        });
    }
    let progress = Progress::new(is_json, works.iter().flat_map(|work| &work.jobs));
    let done = send_all(&works, (client, command.seed), progress)?;
    let mut versions = 0;
    for (index, work) in works.iter().enumerate() {
        let mut own: Vec<_> = done
            .candidates
            .iter()
            .filter(|(of, _, _)| *of == index)
            .collect();
        own.sort_by_key(|(_, job, _)| *job);
        let candidates: Vec<Candidate> = own
            .into_iter()
            .filter_map(|(_, job, run_id)| {
                let plan = work.jobs.get(*job)?.lead.clone();
                Some(Candidate {
                    run_id: run_id.clone(),
                    plan,
                })
            })
            .collect();
        versions += registry::fill(client, work.project, (&candidates, command.seed))?;
    }
    Ok(summary((done.sent, versions), start.elapsed(), is_json))
}

/// Waits until the server answers or the time is over; whoever asks next hears of the failure.
fn wait(client: &Client, patience: Duration) {
    let start = Instant::now();
    while start.elapsed() < patience && client.get("/api/3.0/mlflow/server-info").is_err() {
        thread::sleep(Duration::from_millis(200));
    }
}

/// Gives the demo's experiments that the server has, by name and id.
fn existing(client: &Client) -> Result<Vec<(String, String)>> {
    let names: Vec<String> = PROJECTS
        .iter()
        .map(|project| format!("'{}'", project.experiment))
        .collect();
    let body = json!({
        "filter": format!("name IN ({})", names.join(", ")), "view_type": "ALL", "max_results": 100,
    });
    let path = "/api/2.0/mlflow/experiments/search";
    let answer = client.change("POST", path, (&body, ""))?;
    let found = answer["experiments"].as_array().into_iter().flatten();
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    let found: Vec<_> = found.collect();
    if let Some(deleted) = found.iter().find(|one| one["lifecycle_stage"] == "deleted") {
        return Err(Error::invalid(format!(
            "The experiment {} was deleted, and its name is still taken. Restore it, or use another \
             server.",
            text(&deleted["name"])
        )));
    }
    Ok(found
        .iter()
        .map(|one| (text(&one["name"]), text(&one["experiment_id"])))
        .collect())
}

fn nothing_to_do(existing: &[(String, String)], is_json: bool) -> Outcome {
    let names: Vec<&str> = existing.iter().map(|(name, _)| name.as_str()).collect();
    let stdout = match is_json {
        true => super::json(&json!({ "added": false, "experiments": names })),
        false => format!(
            "The server has the demo already ({}), so nothing was added. Use --force to add it once \
             more.\n",
            names.join(", ")
        ),
    };
    Outcome {
        stdout,
        ..Outcome::default()
    }
}

fn create_webhook(client: &Client, url: &str) -> Result<()> {
    let event = |entity: &str, action: &str| json!({ "entity": entity, "action": action });
    let body = json!({
        "name": "model-releases", "url": url, "description": "Tells the release channel of versions.",
        "events": [event("MODEL_VERSION", "CREATED"), event("MODEL_VERSION_ALIAS", "CREATED")],
    });
    client
        .change("POST", "/api/2.0/mlflow/webhooks", (&body, ""))
        .map(drop)
}

fn create_experiment(client: &Client, project: &Project) -> Result<String> {
    let goal = project.measures.first();
    let is_greater = goal.is_some_and(|goal| goal.best > goal.start);
    let tag = |key: &str, value: &str| json!({ "key": key, "value": value });
    let body = json!({
        "name": project.experiment,
        "tags": [
            tag("mlflow.note.content", project.note),
            tag("mlflow.experiment.primaryMetric.name", goal.map_or("", |goal| goal.key)),
            tag(
                "mlflow.experiment.primaryMetric.greaterIsBetter",
                if is_greater { "True" } else { "False" },
            ),
            tag("owner", project.people.first().copied().unwrap_or_default()),
            tag("team", project.team),
        ],
    });
    let answer = client.change("POST", "/api/2.0/mlflow/experiments/create", (&body, ""))?;
    Ok(answer["experiment_id"]
        .as_str()
        .unwrap_or_default()
        .to_owned())
}

/// Picks the runs that become versions: each one better than all before it, evenly thinned out.
fn candidates(project: &Project, jobs: &[Job], seed: u64) -> BTreeSet<usize> {
    let is_greater = project
        .measures
        .first()
        .is_some_and(|goal| goal.best > goal.start);
    let mut best: Option<f64> = None;
    let mut records = Vec::new();
    for (index, job) in jobs.iter().enumerate() {
        if job.lead.kind != Kind::Single || job.lead.status != "FINISHED" {
            continue;
        }
        let results = files::results(project, &job.lead, seed);
        let Some((_, value)) = results.first().copied() else {
            continue;
        };
        if best.is_none_or(|best| (value > best) == is_greater) {
            best = Some(value);
            records.push(index);
        }
    }
    let wanted = VERSIONS * project.models.len();
    let skipped = records.len().saturating_sub(wanted);
    records.into_iter().skip(skipped).collect()
}

/// Sends every job over a few connections; the first failure ends it.
fn send_all(works: &[Work], (client, seed): (&Client, u64), progress: Progress) -> Result<Done> {
    let jobs = works.iter().enumerate();
    let mut queue: Vec<(usize, usize)> = jobs
        .flat_map(|(work, one)| (0..one.jobs.len()).map(move |job| (work, job)))
        .collect();
    // The oldest first, so that ids and the audit log follow the company's time.
    queue.sort_by_key(|(work, job)| {
        works
            .get(*work)
            .and_then(|work| work.jobs.get(*job))
            .map(|job| job.lead.start)
    });
    let shared = Shared {
        client,
        seed,
        next: AtomicUsize::new(0),
        queue,
        done: Mutex::default(),
        progress,
    };
    thread::scope(|scope| {
        for _ in 0..SENDERS {
            scope.spawn(|| while send_next(works, &shared) {});
        }
    });
    shared.progress.end();
    let mut done = shared
        .done
        .into_inner()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    match done.failure.take() {
        Some(failure) => Err(failure),
        None => Ok(done),
    }
}

/// Sends the next job; says whether there may be another one.
fn send_next(works: &[Work], shared: &Shared<'_>) -> bool {
    let next = shared.next.fetch_add(1, Ordering::Relaxed);
    let Some(&(of, index)) = shared.queue.get(next) else {
        return false;
    };
    let Some((work, job)) = works
        .get(of)
        .and_then(|work| Some((work, work.jobs.get(index)?)))
    else {
        return false;
    };
    let is_candidate = work.candidates.contains(&index);
    let target = Target {
        client: shared.client,
        experiment_id: &work.experiment_id,
        seed: shared.seed,
        is_candidate,
    };
    let outcome = send::job(target, job);
    let mut done = shared
        .done
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    match outcome {
        Ok((run_id, sent)) => {
            done.sent.add(sent);
            if is_candidate {
                done.candidates.push((of, index, run_id));
            }
            shared.progress.show(done.sent.runs);
        }
        Err(error) => {
            done.failure.get_or_insert(error);
        }
    }
    done.failure.is_none()
}

fn summary((sent, versions): (Sent, usize), took: Duration, is_json: bool) -> Outcome {
    let models = PROJECTS
        .iter()
        .map(|project| project.models.len())
        .sum::<usize>();
    let Sent {
        runs,
        points,
        files,
    } = sent;
    let stdout = match is_json {
        true => super::json(&json!({
            "added": true, "experiments": PROJECTS.len(), "runs": runs, "points": points,
            "files": files, "models": models, "versions": versions,
            "seconds": (took.as_secs_f64() * 10.0).round() / 10.0,
        })),
        false => format!(
            "{} experiments, {runs} runs, {points} points, {files} files, {models} models with \
             {versions} versions in {:.1} s\n",
            PROJECTS.len(),
            took.as_secs_f64()
        ),
    };
    Outcome {
        stdout,
        ..Outcome::default()
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| {
        i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
    })
}
