//! What the process counts and measures of itself, and the page that Prometheus reads.
//!
//! Who does the work holds the counters of it and adds to them: atomic numbers, no lock and no look
//! into a table. Labels come from fixed lists or from the table of routes, never from a request.
//! Nothing here reads a database or a clock of the domain.

mod area;
mod database;
mod http;
mod process;
mod traces;

pub use area::Area;
pub use database::Database;
pub use http::{Endpoint, Http};
pub use process::Process;
pub use traces::Traces;

use crate::error::Result;
use prometheus::{
    Gauge, Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge, IntGaugeVec,
};
use std::time::Duration;

/// Upper bounds of latencies, in seconds.
const LATENCIES: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];
/// Upper bounds of the time a job takes for one turn, in seconds.
const TURNS: [f64; 8] = [0.001, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 30.0];
/// All that is counted; cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    pub area: Area,
    pub http: Http,
    pub tracking: Tracking,
    pub artifacts: Artifacts,
    pub jobs: Jobs,
    pub leases: Leases,
    pub webhooks: Webhooks,
    pub audit: Audit,
    /// Requests that wait for a change of the registry.
    pub waiting: IntGauge,
    pub disk: Disk,
    pub traces: Traces,
    pub process: Process,
}

impl Metrics {
    /// Makes all metrics but those of the database, whose page they join.
    pub fn new(database: &Database) -> Result<Self> {
        let area = database.area.clone();
        let about = (
            "trackway_build_info",
            "Always 1; the labels name the version of the server.",
        );
        area.gauges(about, &["version"])?
            .with_label_values(&[env!("CARGO_PKG_VERSION")])
            .set(1);
        Ok(Self {
            http: Http::new(&area)?,
            tracking: Tracking::new(&area)?,
            artifacts: Artifacts::new(&area)?,
            jobs: Jobs::new(&area)?,
            leases: Leases::new(&area)?,
            webhooks: Webhooks::new(&area)?,
            audit: Audit::new(&area)?,
            waiting: area.gauge((
                "trackway_follow_waiting",
                "Requests that wait for a change of the registry.",
            ))?,
            disk: Disk::new(&area)?,
            traces: Traces::new(&area)?,
            process: Process::new(&area)?,
            area,
        })
    }
}

/// What clients log.
#[derive(Clone)]
pub struct Tracking {
    points: IntCounter,
    params: IntCounter,
    tags: IntCounter,
}

impl Tracking {
    fn new(area: &Area) -> Result<Self> {
        Ok(Self {
            points: area.counter((
                "trackway_logged_points_total",
                "Metric points in acknowledged writes.",
            ))?,
            params: area.counter((
                "trackway_logged_params_total",
                "Params in acknowledged writes.",
            ))?,
            tags: area.counter((
                "trackway_logged_tags_total",
                "Tags of runs in acknowledged writes.",
            ))?,
        })
    }

    /// Counts what an acknowledged write had in it.
    pub fn logged(&self, points: usize, params: usize, tags: usize) {
        self.points.inc_by(points as u64);
        self.params.inc_by(params as u64);
        self.tags.inc_by(tags as u64);
    }
}

/// Files that go through the server.
#[derive(Clone)]
pub struct Artifacts {
    pub received: IntCounter,
    pub sent: IntCounter,
    errors: IntCounterVec,
}

impl Artifacts {
    fn new(area: &Area) -> Result<Self> {
        let made = Self {
            received: area.counter((
                "trackway_artifact_received_bytes_total",
                "Bytes of uploads, finished or not.",
            ))?,
            sent: area.counter((
                "trackway_artifact_sent_bytes_total",
                "Bytes of downloads, finished or not.",
            ))?,
            errors: area.counters(
                (
                    "trackway_artifact_errors_total",
                    "Transfers of files that the server or its store failed.",
                ),
                &["direction"],
            )?,
        };
        preset(&made.errors, &["download", "upload"]);
        Ok(made)
    }

    /// Counts a transfer that failed through no fault of the client.
    pub fn failed(&self, direction: &'static str) {
        self.errors.with_label_values(&[direction]).inc();
    }
}

/// The jobs of the server, by name.
#[derive(Clone)]
pub struct Jobs {
    turns: IntCounterVec,
    failures: IntCounterVec,
    last_success: IntGaugeVec,
    duration: HistogramVec,
}

impl Jobs {
    fn new(area: &Area) -> Result<Self> {
        // Prometheus itself puts the label `job` on every series.
        let labels = &["task"];
        Ok(Self {
            turns: area.counters(("trackway_job_turns_total", "Turns of a job."), labels)?,
            failures: area.counters(
                ("trackway_job_failures_total", "Turns of a job that failed."),
                labels,
            )?,
            last_success: area.gauges(
                (
                    "trackway_job_last_success_timestamp_seconds",
                    "When a job last ended a turn without failing, in seconds since 1970.",
                ),
                labels,
            )?,
            duration: area.histograms(
                (
                    "trackway_job_duration_seconds",
                    "Time that a job took for one turn.",
                ),
                &TURNS,
                labels,
            )?,
        })
    }

    /// Gives the metrics of one job.
    pub fn named(&self, name: &'static str) -> Job {
        Job {
            name,
            turns: self.turns.with_label_values(&[name]),
            failures: self.failures.with_label_values(&[name]),
            last_success: self.last_success.with_label_values(&[name]),
            duration: self.duration.with_label_values(&[name]),
        }
    }
}

/// One job of the server.
#[derive(Clone)]
pub struct Job {
    pub name: &'static str,
    turns: IntCounter,
    failures: IntCounter,
    last_success: IntGauge,
    duration: Histogram,
}

impl Job {
    /// Counts a turn that ended at `now`, in milliseconds since 1970.
    pub fn ended(&self, succeeded: bool, took: Duration, now: i64) {
        self.turns.inc();
        self.duration.observe(took.as_secs_f64());
        match succeeded {
            true => self.last_success.set(now / 1000),
            false => self.failures.inc(),
        }
    }
}

/// Which jobs of all servers this one does.
#[derive(Clone)]
pub struct Leases {
    owned: IntGaugeVec,
    takeovers: IntCounterVec,
}

impl Leases {
    fn new(area: &Area) -> Result<Self> {
        let labels = &["task"];
        Ok(Self {
            owned: area.gauges(
                (
                    "trackway_job_owned",
                    "1 where this server does a job for all that share the database, else 0.",
                ),
                labels,
            )?,
            takeovers: area.counters(
                (
                    "trackway_job_takeovers_total",
                    "How often this server took over a job.",
                ),
                labels,
            )?,
        })
    }

    /// Says whether this server does a job.
    pub fn own(&self, task: &'static str, owned: bool) {
        self.owned.with_label_values(&[task]).set(i64::from(owned));
        // It exists from the start, so that the first one is seen as a change.
        self.takeovers.with_label_values(&[task]);
    }

    /// Counts a job that this server took.
    pub fn taken(&self, task: &'static str) {
        self.takeovers.with_label_values(&[task]).inc();
    }
}

/// The outbox and what is sent from it.
#[derive(Clone)]
pub struct Webhooks {
    pub pending: IntGauge,
    pub parked: IntGauge,
    pub oldest_age: Gauge,
    attempts: IntCounterVec,
}

impl Webhooks {
    fn new(area: &Area) -> Result<Self> {
        let made = Self {
            pending: area.gauge((
                "trackway_webhook_deliveries_pending",
                "Deliveries to webhooks that are not done yet.",
            ))?,
            parked: area.gauge((
                "trackway_webhook_deliveries_parked",
                "Deliveries to webhooks that were given up.",
            ))?,
            oldest_age: area.float_gauge((
                "trackway_webhook_oldest_pending_age_seconds",
                "Age of the oldest event that is still to be delivered; 0 where there is none.",
            ))?,
            attempts: area.counters(
                (
                    "trackway_webhook_attempts_total",
                    "Attempts to deliver, by result: whether the receiver answered with 2xx.",
                ),
                &["result"],
            )?,
        };
        preset(&made.attempts, &["delivered", "failed"]);
        Ok(made)
    }

    /// Counts an attempt to deliver.
    pub fn tried(&self, delivered: bool) {
        let result = if delivered { "delivered" } else { "failed" };
        self.attempts.with_label_values(&[result]).inc();
    }
}

/// The audit log and its signed heads.
#[derive(Clone)]
pub struct Audit {
    pub entries: IntGauge,
    pub signed: IntGauge,
    pub signed_at: Gauge,
}

impl Audit {
    fn new(area: &Area) -> Result<Self> {
        Ok(Self {
            entries: area.gauge(("trackway_audit_entries", "Entries of the audit log."))?,
            signed: area.gauge((
                "trackway_audit_signed_entries",
                "Entries that the newest signed head vouches for.",
            ))?,
            signed_at: area.float_gauge((
                "trackway_audit_head_timestamp_seconds",
                "When the newest head was signed, in seconds since 1970; 0 where there is none.",
            ))?,
        })
    }
}

/// The disks of the database and the artifacts.
#[derive(Clone)]
pub struct Disk {
    free: prometheus::GaugeVec,
    size: prometheus::GaugeVec,
}

impl Disk {
    fn new(area: &Area) -> Result<Self> {
        let labels = &["of"];
        Ok(Self {
            free: area.float_gauges(
                (
                    "trackway_disk_free_bytes",
                    "Free space on the disk of the database or the artifacts.",
                ),
                labels,
            )?,
            size: area.float_gauges(
                (
                    "trackway_disk_size_bytes",
                    "Size of the disk of the database or the artifacts.",
                ),
                labels,
            )?,
        })
    }

    /// Sets free space and size, in bytes.
    pub fn set(&self, of: &'static str, free: u64, size: u64) {
        self.free.with_label_values(&[of]).set(free as f64);
        self.size.with_label_values(&[of]).set(size as f64);
    }
}

/// Makes counters of a fixed list exist before the first count, so that the first one is seen as a
/// change.
fn preset(counters: &IntCounterVec, values: &[&str]) {
    for value in values {
        counters.with_label_values(&[value]);
    }
}
