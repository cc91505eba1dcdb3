//! The metrics of a database.

use super::{Area, LATENCIES, preset};
use crate::error::Result;
use prometheus::{Histogram, IntCounterVec, IntGauge};
use std::time::Duration;

/// Upper bounds of how many writes share a commit.
const GROUPS: [f64; 10] = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0, 512.0];

/// The work of one database; cheap to clone.
#[derive(Clone)]
pub struct Database {
    pub(super) area: Area,
    pub writes_pending: IntGauge,
    pub reads_waiting: IntGauge,
    pub reads_running: IntGauge,
    group_size: Histogram,
    commit: Histogram,
    errors: IntCounterVec,
    refusals: IntCounterVec,
    standby_reads: IntCounterVec,
}

impl Database {
    /// Makes the metrics of a database, and the page that others may join.
    pub fn new() -> Result<Self> {
        let area = Area::default();
        let made = Self {
            writes_pending: area.gauge((
                "trackway_db_writes_pending",
                "Writes that wait for the database or are carried out.",
            ))?,
            reads_waiting: area.gauge((
                "trackway_db_reads_waiting",
                "Reads that wait for a connection.",
            ))?,
            reads_running: area.gauge((
                "trackway_db_reads_running",
                "Connections that read at this moment.",
            ))?,
            group_size: area.histogram(
                (
                    "trackway_db_commit_group_size",
                    "Writes that shared one commit.",
                ),
                &GROUPS,
            )?,
            commit: area.histogram(
                (
                    "trackway_db_commit_duration_seconds",
                    "Time from the beginning of a transaction to the end of its commit.",
                ),
                &LATENCIES,
            )?,
            errors: area.counters(
                (
                    "trackway_db_errors_total",
                    "Reads and writes that the database failed, by kind.",
                ),
                &["kind"],
            )?,
            refusals: area.counters(
                (
                    "trackway_db_refused_total",
                    "Reads and writes that were refused because too many waited.",
                ),
                &["queue"],
            )?,
            standby_reads: area.counters(
                (
                    "trackway_db_standby_reads_total",
                    "Reads that a standby may answer, by who did: the standby, or the primary \
                     because the standby was behind or unavailable.",
                ),
                &["result"],
            )?,
            area,
        };
        preset(&made.errors, &["internal", "unavailable"]);
        preset(&made.refusals, &["reads", "writes"]);
        preset(&made.standby_reads, &["behind", "standby", "unavailable"]);
        Ok(made)
    }

    /// Counts a commit of so many writes.
    pub fn committed(&self, writes: usize, took: Duration) {
        self.group_size.observe(writes as f64);
        self.commit.observe(took.as_secs_f64());
    }

    /// Counts a failure of the database.
    pub fn failed(&self, kind: &'static str) {
        self.errors.with_label_values(&[kind]).inc();
    }

    /// Counts a read that a standby may answer.
    pub fn read_at_standby(&self, result: &'static str) {
        self.standby_reads.with_label_values(&[result]).inc();
    }

    /// Counts work that found its queue full.
    pub fn refused(&self, queue: &'static str) {
        self.refusals.with_label_values(&[queue]).inc();
    }
}
