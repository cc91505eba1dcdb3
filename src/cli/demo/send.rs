//! Sends planned runs to a server, as a client that trains would: create, log in batches, end.

use super::company::Project;
use super::curve::{self, Point};
use super::files;
use super::plan::{Job, Kind, RunPlan};
use super::random::Random;
use crate::cli::remote::client::{Client, encode};
use crate::error::{Error, Result};
use serde_json::{Value as Json, json};

/// Points of a batch. A server takes 1000 entries, and the params of a run are entries, too.
const BATCH: usize = 960;
/// What the machine of a run measures, with its usual value.
const SYSTEM: [(&str, f64); 5] = [
    ("system/cpu_utilization_percentage", 61.0),
    ("system/system_memory_usage_percentage", 47.0),
    ("system/gpu_0_utilization_percentage", 88.0),
    ("system/gpu_0_memory_usage_percentage", 73.0),
    ("system/disk_usage_percentage", 38.0),
];

/// What was sent.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sent {
    pub(super) runs: usize,
    pub(super) points: usize,
    pub(super) files: usize,
}

impl Sent {
    pub(super) fn add(&mut self, other: Sent) {
        self.runs += other.runs;
        self.points += other.points;
        self.files += other.files;
    }
}

/// Where the runs go.
#[derive(Clone, Copy)]
pub(super) struct Target<'a> {
    pub(super) client: &'a Client,
    pub(super) experiment_id: &'a str,
    pub(super) seed: u64,
    /// Whether the job's run becomes a version of a model.
    pub(super) is_candidate: bool,
}

/// Sends a job; gives the id of its leading run and what was sent.
pub(super) fn job(target: Target<'_>, job: &Job) -> Result<(String, Sent)> {
    let sender = Sender {
        target,
        project: job.project,
    };
    let lead = sender.create(&job.lead, None)?;
    let mut sent = Sent {
        runs: 1,
        ..Sent::default()
    };
    let mut best: Option<f64> = None;
    let goal = job.project.measures.first();
    for trial in &job.trials {
        let (points, last) = sender.run(trial, Some(&lead))?;
        sent.add(Sent {
            runs: 1,
            points,
            files: 0,
        });
        let is_better =
            |old: f64| goal.is_some_and(|goal| (last > old) == (goal.best > goal.start));
        if last.is_finite() && best.is_none_or(is_better) {
            best = Some(last);
        }
    }
    match job.lead.kind {
        Kind::Sweep => sender.end_sweep(&lead, &job.lead, best)?,
        Kind::Single | Kind::Trial => sent.points += sender.log(&lead, &job.lead)?,
    }
    sent.files += sender.keep_files(&lead, job)?;
    sender.end(&lead, &job.lead)?;
    Ok((lead, sent))
}

/// Gives the curves of a run, one for each measure of its project.
pub(super) fn curves(project: &Project, plan: &RunPlan, seed: u64) -> Vec<Vec<Point>> {
    let measures = project.measures.iter().enumerate();
    measures
        .map(|(index, measure)| {
            let mut random = Random::new(seed, plan.stream.wrapping_add(index as u64));
            curve::draw(measure, &plan.course, &mut random)
        })
        .collect()
}

struct Sender<'a> {
    target: Target<'a>,
    project: &'static Project,
}

impl Sender<'_> {
    fn post(&self, path: &str, body: &Json) -> Result<Json> {
        let path = format!("/api/2.0/mlflow/runs/{path}");
        self.target.client.change("POST", &path, (body, ""))
    }

    fn create(&self, plan: &RunPlan, parent: Option<&str>) -> Result<String> {
        let mut tags = vec![
            json!({ "key": "mlflow.user", "value": plan.user }),
            json!({ "key": "mlflow.source.name", "value": self.project.script }),
            json!({ "key": "mlflow.source.type", "value": "LOCAL" }),
            json!({ "key": "mlflow.source.git.commit", "value": plan.commit }),
            json!({ "key": "mlflow.source.git.branch", "value": "main" }),
            json!({ "key": "team", "value": self.project.team }),
        ];
        tags.extend(parent.map(|parent| json!({ "key": "mlflow.parentRunId", "value": parent })));
        tags.extend(
            self.note(plan)
                .map(|note| json!({ "key": "mlflow.note.content", "value": note })),
        );
        let body = json!({
            "experiment_id": self.target.experiment_id, "user_id": plan.user,
            "run_name": plan.name, "start_time": plan.start, "tags": tags,
        });
        let answer = self.post("create", &body)?;
        let id = answer["run"]["info"]["run_id"].as_str().unwrap_or_default();
        if id.is_empty() {
            return Err(Error::unavailable(
                "The server created a run without an id.",
            ));
        }
        Ok(id.to_owned())
    }

    fn note(&self, plan: &RunPlan) -> Option<String> {
        match (plan.course.diverges_at, plan.status) {
            (Some(step), _) => Some(format!(
                "Diverged at step {step}: the loss is not a number."
            )),
            (None, "FAILED") => Some("The worker was lost: out of memory.".to_owned()),
            (None, "KILLED") => {
                Some("Stopped by hand, it was no better than the baseline.".to_owned())
            }
            _ if self.target.is_candidate && plan.kind == Kind::Single => {
                Some("**Candidate for release.** See `model_card.md`.".to_owned())
            }
            _ => None,
        }
    }

    /// Sends a run from its start to its end; gives its points and the last value of the goal.
    fn run(&self, plan: &RunPlan, parent: Option<&str>) -> Result<(usize, f64)> {
        let id = self.create(plan, parent)?;
        let points = self.log(&id, plan)?;
        self.end(&id, plan)?;
        let curves = curves(self.project, plan, self.target.seed);
        let last = curves.first().and_then(|goal| goal.last());
        Ok((points, last.map_or(f64::NAN, |point| point.value)))
    }

    fn log(&self, id: &str, plan: &RunPlan) -> Result<usize> {
        let mut metrics = self.metrics(plan);
        if plan.kind == Kind::Single {
            metrics.extend(self.system_metrics(plan));
        }
        let params: Vec<Json> = plan
            .params
            .iter()
            .map(|(key, value)| json!({ "key": key, "value": value }))
            .collect();
        let mut body = json!({ "run_id": id, "params": params });
        for batch in metrics.chunks(BATCH) {
            body["metrics"] = batch.into();
            self.post("log-batch", &body)?;
            body = json!({ "run_id": id });
        }
        self.post("log-inputs", &self.inputs(id, plan))?;
        Ok(metrics.len())
    }

    fn metrics(&self, plan: &RunPlan) -> Vec<Json> {
        let curves = curves(self.project, plan, self.target.seed);
        let named = self.project.measures.iter().zip(&curves);
        let points = named.flat_map(|(measure, points)| {
            points
                .iter()
                .map(|point| self.metric(measure.key, point, plan.start))
        });
        points.collect()
    }

    fn metric(&self, key: &str, point: &Point, start: i64) -> Json {
        let at = start + 12_000 + (point.step as f64 * self.project.pace * 1000.0) as i64;
        let value = match point.value {
            finite if finite.is_finite() => json!((finite * 1e6).round() / 1e6),
            _ => json!("NaN"),
        };
        json!({ "key": key, "value": value, "timestamp": at, "step": point.step })
    }

    fn system_metrics(&self, plan: &RunPlan) -> Vec<Json> {
        let mut random = Random::new(self.target.seed, plan.stream ^ 0x5157);
        let stride = (plan.course.made / 60).max(1);
        let mut metrics = Vec::new();
        for (key, usual) in SYSTEM {
            for step in (0..plan.course.made).step_by(stride as usize) {
                let warm = 1.0 - 0.8 * (-(step as f64) / 4.0).exp();
                let value = (usual * warm + 4.0 * random.normal()).clamp(0.0, 100.0);
                metrics.push(self.metric(key, &Point { step, value }, plan.start));
            }
        }
        metrics
    }

    fn inputs(&self, id: &str, plan: &RunPlan) -> Json {
        let datasets = self.project.datasets.iter().map(|dataset| {
            let digest = Random::new(dataset.rows, plan.edition).hex(8);
            let source = json!({ "uri": format!("s3://lake/{}.parquet", dataset.name) });
            let columns = self.project.features.iter();
            let columns =
                columns.map(|name| json!({ "name": name, "type": "double", "required": true }));
            let schema = json!({ "mlflow_colspec": columns.collect::<Vec<_>>() });
            json!({
                "tags": [{ "key": "mlflow.data.context", "value": dataset.context }],
                "dataset": {
                    "name": dataset.name, "digest": digest, "source_type": "s3",
                    "source": source.to_string(), "schema": schema.to_string(),
                    "profile": json!({ "num_rows": dataset.rows + 1_000 * plan.edition }).to_string(),
                },
            })
        });
        json!({ "run_id": id, "datasets": datasets.collect::<Vec<_>>() })
    }

    fn end_sweep(&self, id: &str, plan: &RunPlan, best: Option<f64>) -> Result<()> {
        let pair = |key: &str, value: &str| json!({ "key": key, "value": value });
        let params = plan.params.iter().map(|(key, value)| pair(key, value));
        // A tag, as a metric of its own would be an empty chart beside those of the trials.
        let best = best.map(|value| pair("best_value", &format!("{value:.5}")));
        let body = json!({
            "run_id": id, "params": params.collect::<Vec<_>>(),
            "tags": best.into_iter().collect::<Vec<_>>(),
        });
        self.post("log-batch", &body).map(drop)
    }

    fn end(&self, id: &str, plan: &RunPlan) -> Result<()> {
        let Some(end) = plan.end else { return Ok(()) };
        let body = json!({ "run_id": id, "status": plan.status, "end_time": end });
        self.post("update", &body).map(drop)
    }

    fn keep_files(&self, id: &str, job: &Job) -> Result<usize> {
        let files = files::of(job, self.target.seed, self.target.is_candidate);
        for (path, bytes) in &files {
            let url = format!(
                "/ajax-api/2.0/mlflow/upload-artifact?run_uuid={}&path={}",
                encode(id),
                encode(path)
            );
            self.target.client.upload(&url, bytes)?;
        }
        Ok(files.len())
    }
}
