//! The workloads, and in which session each runs: on a fresh store, or on a filled one.

mod artifacts;
mod crowd;
mod history;
mod lifecycle;
mod metrics;
mod registry;
mod search;

use crate::sample::Sample;
use crate::server::{Kind, Running, Store};
use std::time::Duration;

/// How much is measured.
#[derive(Debug, Clone)]
pub(crate) struct Scale {
    /// How long a rate is measured.
    pub(crate) time: Duration,
    pub(crate) quick: bool,
    /// Only these workloads; empty for all.
    pub(crate) only: Vec<String>,
}

impl Scale {
    /// Tells whether a workload is asked for.
    pub(crate) fn wants(&self, workload: &str) -> bool {
        self.only.is_empty()
            || self
                .only
                .iter()
                .any(|only| only.eq_ignore_ascii_case(workload))
    }
}

/// Runs what is measured on a fresh store.
pub(crate) fn on_fresh_store(server: &Running, store: Store, scale: &Scale) -> Vec<Sample> {
    let mut samples = Vec::new();
    let is_floor = server.kind == Kind::Floor;
    if scale.wants("W7") && store == Store::Sqlite {
        samples.extend(start(server));
    }
    if scale.wants("W1") {
        server.watch.take_peak();
        samples.extend(metrics::batches(server, scale));
        if !is_floor {
            samples.push(memory("memory after W1", server.memory()));
            samples.push(memory("peak memory in W1", server.watch.take_peak()));
        }
    }
    if scale.wants("W1b") {
        samples.extend(metrics::singles(server, scale));
    }
    if is_floor {
        return samples;
    }
    if scale.wants("W2") {
        samples.extend(lifecycle::runs(server, scale));
    }
    if store == Store::Postgres {
        return samples;
    }
    if scale.wants("W4") {
        samples.extend(history::read_back(server, scale));
    }
    if scale.wants("W5") {
        samples.extend(artifacts::files(server, scale));
    }
    samples
}

/// Runs what is measured on a store with so many runs, and a registry.
pub(crate) fn on_filled_store(server: &Running, runs: u64, scale: &Scale) -> Vec<Sample> {
    let mut samples = Vec::new();
    if scale.wants("W3") {
        samples.extend(search::searches(server, runs, scale));
    }
    if runs != crate::fill::BASE_RUNS {
        return samples;
    }
    if scale.wants("W6") {
        samples.extend(registry::lookups(server, scale));
    }
    if scale.wants("W8") {
        samples.extend(crowd::training(server, scale));
    }
    samples
}

/// W7: how soon the server answers, and what it needs before it does anything.
fn start(server: &Running) -> Vec<Sample> {
    // What a server still does behind its first answer belongs to its start.
    std::thread::sleep(Duration::from_millis(500));
    let ready = server.ready.as_secs_f64() * 1000.0;
    vec![
        Sample::new("W7", "start to first answer", "ms")
            .lower()
            .with(Ok(ready)),
        memory("memory idle", server.memory()),
    ]
}

fn memory(what: &str, bytes: u64) -> Sample {
    let mib = bytes as f64 / 1024.0 / 1024.0;
    Sample::new("W7", what, "MiB").lower().with(Ok(mib))
}
