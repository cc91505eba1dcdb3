//! Stores filled ahead for the searches: each is made once and kept below `target/bench/stores`.
//!
//! The server makes the schema and an experiment through its API; the rows then go straight into its
//! SQLite file, because the peers would take hours to take them by HTTP, and a million runs some
//! time with us, too. Indexes that only speed searches up are built last, in one go.

mod mlflow;
mod trackway;

use crate::api;
use crate::client::{get, post};
use crate::pool;
use crate::server::{Kind, Running, Store, Subject};
use anyhow::{Context, Result, ensure};
use rusqlite::Connection;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The size at which all servers are compared; the registry is filled there, too.
pub(crate) const BASE_RUNS: u64 = 10_000;
/// The experiment that holds the runs.
pub(crate) const EXPERIMENT: &str = "searched";
/// The registry of a filled store.
pub(crate) const MODELS: u64 = 1_000;
pub(crate) const VERSIONS: u64 = 20;
pub(crate) const ALIAS: &str = "champion";
/// Changes whenever a filled store would be filled in another way.
const FORMAT: u32 = 1;

pub(crate) fn model_name(number: u64) -> String {
    format!("model-{number}")
}

/// Gives the folder of a store with so many runs, and fills it first if it is not there.
pub(crate) fn store(subject: &Subject, runs: u64, stores: &Path) -> Result<PathBuf> {
    let kind = match subject.kind {
        Kind::Mlflow { .. } => "mlflow",
        Kind::MlflowGo => "mlflow-go",
        Kind::FastTrackMl => "fasttrackml",
        Kind::Trackway | Kind::Floor => "trackway",
    };
    let folder = stores.join(format!("{kind}-{runs}-{FORMAT}"));
    let stamp = folder.join("filled");
    // A new version of the server brings its schema up to date when it starts.
    if stamp.exists() {
        return Ok(folder);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    eprintln!("filling {} with {runs} runs", folder.display());
    let started = Instant::now();
    fill(subject, runs, &folder)?;
    fs::write(stamp, "")?;
    eprintln!("filled in {:.0} s", started.elapsed().as_secs_f64());
    Ok(folder)
}

fn fill(subject: &Subject, runs: u64, folder: &Path) -> Result<()> {
    ensure!(
        subject.store == Store::Sqlite,
        "only SQLite files are filled"
    );
    let server = subject.start(folder, "")?;
    let experiment: i64 = api::create_experiment(&mut server.client(), EXPERIMENT)?.parse()?;
    if runs == BASE_RUNS && subject.kind == Kind::Trackway {
        register(&server)?;
    }
    drop(server);
    let mut conn = Connection::open(folder.join(subject.kind.database()))?;
    for (name, value) in [
        ("journal_mode", "off"),
        ("synchronous", "off"),
        ("cache_size", "-400000"),
    ] {
        conn.pragma_update(None, name, value)?;
    }
    match subject.kind {
        Kind::Trackway => trackway::fill(&mut conn, experiment, runs)?,
        kind => {
            mlflow::fill(&mut conn, kind, experiment, runs)?;
            if matches!(kind, Kind::Mlflow { .. }) {
                mlflow::register(&mut conn)?;
            }
        }
    }
    conn.pragma_update(None, "journal_mode", "wal")?;
    conn.close().map_err(|(_, error)| error)?;
    Ok(())
}

/// Stores a history of a run of a peer, while that runs and does nothing: some of them take a thousand
/// points a second by HTTP. The points are those of `Template::batch` with one key.
pub(crate) fn history(server: &Running, run: &str, points: usize) -> Result<()> {
    let mut conn = Connection::open(server.folder.join(server.kind.database()))?;
    conn.busy_timeout(Duration::from_secs(30))?;
    mlflow::history(&mut conn, server.kind, run, points)
}

/// Fills the registry through the API, with 8 clients.
fn register(server: &Running) -> Result<()> {
    let run = api::create_runs(&mut server.client(), "registered", 1)?.remove(0);
    let version = json!({ "source": format!("runs:/{run}/model"), "run_id": run });
    let clients: Vec<u64> = (0..8).collect();
    pool::run(server, clients, |client, first| {
        for number in (first..MODELS).step_by(8) {
            let name = model_name(number);
            let body = json!({ "name": name }).to_string();
            api::ask(
                client,
                &post("/api/2.0/mlflow/registered-models/create", &body),
            )?;
            for _ in 0..VERSIONS {
                let mut body = version.clone();
                body["name"] = json!(name);
                let path = "/api/2.0/mlflow/model-versions/create";
                api::ask(client, &post(path, &body.to_string()))?;
            }
            let body = json!({ "name": name, "alias": ALIAS, "version": "1" }).to_string();
            api::ask(
                client,
                &post("/api/2.0/mlflow/registered-models/alias", &body),
            )?;
        }
        Ok(())
    })?;
    let name = model_name(MODELS - 1);
    let path = format!("/api/2.0/mlflow/registered-models/alias?name={name}&alias={ALIAS}");
    let answer = api::ask(&mut server.client(), &get(&path))?;
    let version = api::text(&answer, "/model_version/version");
    ensure!(version? == "1", "the alias of {name} is not there");
    Ok(())
}

/// Runs `insert` for the numbers of all runs, and says how far it is.
fn each_run(runs: u64, mut insert: impl FnMut(u64) -> Result<()>) -> Result<()> {
    for number in 0..runs {
        insert(number).with_context(|| format!("run {number} cannot be stored"))?;
        if number > 0 && number % 100_000 == 0 {
            eprintln!("{number} runs");
        }
    }
    Ok(())
}
