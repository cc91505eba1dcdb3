//! The workloads, and in which session each runs: on a fresh store, or on a filled one.

mod artifacts;
mod crowd;
pub(crate) mod history;
mod lifecycle;
mod metrics;
mod registry;
mod search;

use crate::sample::Sample;
use crate::server::{Kind, Running, Store};
use std::time::{Duration, Instant};

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
    let is_floor = server.kind == Kind::Floor;
    let mut session = Session::new(scale);
    if store == Store::Sqlite {
        session.run("W7", || start(server));
    }
    session.run("W1", || {
        server.watch.take_peak();
        let mut samples = metrics::batches(server, scale);
        if !is_floor {
            samples.push(memory("memory after W1", server.memory()));
            samples.push(memory("peak memory in W1", server.watch.take_peak()));
        }
        samples
    });
    session.run("W1b", || metrics::singles(server, scale));
    if is_floor {
        return session.samples;
    }
    session.run("W2", || lifecycle::runs(server, scale));
    if store == Store::Sqlite {
        session.run("W4", || history::read_back(server, scale));
        session.run("W5", || artifacts::files(server, scale));
    }
    session.samples
}

/// Runs what is measured on a store with so many runs, and a registry.
pub(crate) fn on_filled_store(server: &Running, runs: u64, scale: &Scale) -> Vec<Sample> {
    let mut session = Session::new(scale);
    session.run("W3", || search::searches(server, runs, scale));
    if runs == crate::fill::BASE_RUNS {
        session.run("W6", || registry::lookups(server, scale));
        session.run("W8", || crowd::training(server, scale));
    }
    session.samples
}

/// The workloads that one server does, one after the other.
struct Session<'s> {
    scale: &'s Scale,
    samples: Vec<Sample>,
}

impl<'s> Session<'s> {
    fn new(scale: &'s Scale) -> Self {
        let samples = Vec::new();
        Self { scale, samples }
    }

    /// Does a workload if it is asked for, and says how long that took.
    fn run(&mut self, workload: &str, measure: impl FnOnce() -> Vec<Sample>) {
        if !self.scale.wants(workload) {
            return;
        }
        let started = Instant::now();
        self.samples.extend(measure());
        eprintln!("  {workload}: {:.1} s", started.elapsed().as_secs_f64());
    }
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
