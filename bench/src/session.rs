//! The order of a run: in each round every server in turn, on a fresh store and then on a filled one.
//!
//! A server is stopped before the next one starts, so that they do not share the machine; the
//! rounds interleave them, so that a change of the machine's speed meets all alike.

use crate::fill::{self, BASE_RUNS};
use crate::postgres::Postgres;
use crate::sample::Sample;
use crate::server::{Kind, Store, Subject};
use crate::workload::{self, Scale};
use anyhow::{Context, Result};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Instant;

/// What is run.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) subjects: Vec<Subject>,
    pub(crate) folder: PathBuf,
    pub(crate) rounds: usize,
    /// More runs than the peers are searched in.
    pub(crate) sizes: Vec<u64>,
    pub(crate) scale: Scale,
    pub(crate) postgres: Option<Postgres>,
}

/// A sample with where it comes from.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) kind: Kind,
    pub(crate) store: Store,
    pub(crate) round: usize,
    pub(crate) sample: Sample,
}

/// Runs all rounds; `report` gets all that was measured so far after each.
///
/// A server that does not start leaves the reason in the place of its figures.
pub(crate) fn run(setup: &Setup, mut report: impl FnMut(&[Measured]) -> Result<()>) -> Result<()> {
    let mut measured = Vec::new();
    for round in 0..setup.rounds {
        for subject in &setup.subjects {
            let started = Instant::now();
            for sample in one(setup, subject)? {
                measured.push(Measured {
                    kind: subject.kind,
                    store: subject.store,
                    round,
                    sample,
                });
            }
            eprintln!(
                "round {} of {}: {} on {:?}, {:.0} s",
                round + 1,
                setup.rounds,
                subject.kind.title(),
                subject.store,
                started.elapsed().as_secs_f64()
            );
        }
        report(&measured)?;
    }
    Ok(())
}

fn one(setup: &Setup, subject: &Subject) -> Result<Vec<Sample>> {
    let scale = &setup.scale;
    let mut samples = Vec::new();
    let fresh = match subject.store {
        Store::Sqlite => ["W1", "W1b", "W2", "W4", "W5", "W7"].as_slice(),
        Store::Postgres => ["W1", "W1b", "W2"].as_slice(),
    };
    if fresh.iter().any(|workload| scale.wants(workload)) {
        samples.extend(told(on_fresh_store(setup, subject)));
    }
    let filled = ["W3", "W6", "W8"]
        .iter()
        .any(|workload| scale.wants(workload));
    if subject.store == Store::Postgres || subject.kind == Kind::Floor || !filled {
        return Ok(samples);
    }
    samples.extend(told(on_filled_store(setup, subject, BASE_RUNS)));
    if subject.kind == Kind::Trackway && scale.wants("W3") {
        for runs in &setup.sizes {
            samples.extend(told(on_filled_store(setup, subject, *runs)));
        }
    }
    Ok(samples)
}

fn told(samples: Result<Vec<Sample>>) -> Vec<Sample> {
    samples.unwrap_or_else(|error| {
        eprintln!("{error:#}");
        vec![Sample::new("W7", "does it run", "").with(Err(error))]
    })
}

fn on_fresh_store(setup: &Setup, subject: &Subject) -> Result<Vec<Sample>> {
    let folder = setup.folder.join("fresh");
    clear(&folder)?;
    let database = match (&setup.postgres, subject.store) {
        (Some(postgres), Store::Postgres) => postgres.fresh()?,
        _ => String::new(),
    };
    let server = subject.start(&folder, &database)?;
    let samples = workload::on_fresh_store(&server, subject.store, &setup.scale);
    drop(server);
    clear(&folder)?;
    Ok(samples)
}

fn on_filled_store(setup: &Setup, subject: &Subject, runs: u64) -> Result<Vec<Sample>> {
    let filled = fill::store(subject, runs, &setup.folder.join("stores"))?;
    if runs != BASE_RUNS {
        // Only searched, and too large to be copied each time.
        let server = subject.start(&filled, "")?;
        return Ok(workload::on_filled_store(&server, runs, &setup.scale));
    }
    let folder = setup.folder.join("filled");
    clear(&folder)?;
    copy(&filled, &folder)?;
    let server = subject.start(&folder, "")?;
    let samples = workload::on_filled_store(&server, runs, &setup.scale);
    drop(server);
    clear(&folder)?;
    Ok(samples)
}

fn clear(folder: &Path) -> Result<()> {
    match folder.exists() {
        true => fs::remove_dir_all(folder)
            .with_context(|| format!("cannot delete {}", folder.display())),
        false => Ok(()),
    }
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        match entry.file_type()?.is_dir() {
            true => copy(&entry.path(), &target)?,
            false => {
                fs::copy(entry.path(), target)?;
            }
        }
    }
    Ok(())
}
