//! The servers that are measured: how each is started on a fresh store, and what it costs.
//!
//! Each runs in a process group of its own, which is stopped as a whole.

use crate::client::{Client, get};
use crate::process::{self, Watch};
use anyhow::{Context, Result, bail, ensure};
use clap::ValueEnum;
use std::fs::{self, File};
use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a server may take until it answers; one of them imports for half a minute.
const START_PATIENCE: Duration = Duration::from_secs(600);
const STOP_PATIENCE: Duration = Duration::from_secs(15);

/// A kind of server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Floor,
    Trackway,
    Mlflow { workers: usize },
    FastTrackMl,
    MlflowGo,
}

/// Where a server keeps its data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Store {
    Sqlite,
    Postgres,
}

/// A server that can be started: its program, and where its data goes.
#[derive(Debug, Clone)]
pub(crate) struct Subject {
    pub(crate) kind: Kind,
    pub(crate) store: Store,
    pub(crate) program: PathBuf,
}

impl Kind {
    pub(crate) fn title(self) -> String {
        match self {
            Kind::Floor => "floor".to_owned(),
            Kind::Trackway => "Trackway".to_owned(),
            Kind::Mlflow { workers: 1 } => "MLflow, 1 worker".to_owned(),
            Kind::Mlflow { workers } => format!("MLflow, {workers} workers"),
            Kind::FastTrackMl => "FastTrackML".to_owned(),
            Kind::MlflowGo => "mlflow-go".to_owned(),
        }
    }

    /// The name of its SQLite file.
    pub(crate) fn database(self) -> &'static str {
        match self {
            Kind::Trackway => "trackway.db",
            _ => "store.db",
        }
    }

    /// Tells whether the server is one that Trackway is compared with.
    pub(crate) fn is_peer(self) -> bool {
        !matches!(self, Kind::Floor | Kind::Trackway)
    }
}

impl Subject {
    /// Starts the server on the data in `folder` and waits until it answers.
    ///
    /// `database` is the URL of an empty database where the store is PostgreSQL.
    pub(crate) fn start(&self, folder: &Path, database: &str) -> Result<Running> {
        fs::create_dir_all(folder)?;
        let log = File::create(folder.join("log"))?;
        let port = free_port()?;
        let mut command = self.command(folder, database, port);
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .current_dir(folder)
            .env("MLFLOW_DISABLE_TELEMETRY", "true")
            .env("DO_NOT_TRACK", "1")
            .env("PATH", path_before(&self.program))
            .process_group(0);
        let started = Instant::now();
        let child = command
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        let mut running = Running {
            kind: self.kind,
            folder: folder.to_owned(),
            port,
            ready: Duration::ZERO,
            watch: Watch::start(child.id()),
            child,
        };
        running
            .wait_until_ready(started)
            .with_context(|| format!("see {}", folder.join("log").display()))?;
        running.ready = started.elapsed();
        Ok(running)
    }

    fn command(&self, folder: &Path, database: &str, port: u16) -> Command {
        let mut command = Command::new(&self.program);
        let place = folder.display();
        let url = |file: &str| match self.store {
            Store::Sqlite => format!("sqlite:///{place}/{file}"),
            Store::Postgres => database.to_owned(),
        };
        let port_text = port.to_string();
        match self.kind {
            Kind::Floor => {
                command.args(["floor", &port_text]);
            }
            Kind::Trackway => {
                command.args(["server", "--host", "127.0.0.1", "--port", &port_text]);
                command.args(["--data-dir", &place.to_string()]);
                if self.store == Store::Postgres {
                    command.args(["--backend-store-uri", database]);
                }
            }
            Kind::Mlflow { .. } | Kind::MlflowGo => {
                command.args(["server", "--host", "127.0.0.1", "--port", &port_text]);
                command.args(["--backend-store-uri", &url("store.db")]);
                command.args(["--artifacts-destination", &format!("{place}/artifacts")]);
                if let Kind::Mlflow { workers } = self.kind {
                    command.args(["--workers", &workers.to_string()]);
                }
            }
            Kind::FastTrackMl => {
                let url = url("store.db").replace("sqlite:///", "sqlite://");
                command.args(["server", "--listen-address", &format!("127.0.0.1:{port}")]);
                command.args(["--log-level", "error", "--database-uri", &url]);
                command.args(["--default-artifact-root", &format!("{place}/artifacts")]);
            }
        }
        command
    }
}

/// A server that runs; dropping it stops it.
pub(crate) struct Running {
    pub(crate) kind: Kind,
    /// Where its data is.
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    /// From its start to its first answer.
    pub(crate) ready: Duration,
    pub(crate) watch: Watch,
    child: Child,
}

impl Running {
    pub(crate) fn client(&self) -> Client {
        Client::new(self.port)
    }

    pub(crate) fn cpu_seconds(&self) -> f64 {
        process::cpu_seconds(self.child.id())
    }

    pub(crate) fn memory(&self) -> u64 {
        process::memory(self.child.id())
    }

    fn wait_until_ready(&mut self, started: Instant) -> Result<()> {
        let request = get("/health");
        loop {
            if let Ok(answer) = self.client().send(&request)
                && answer.status == 200
            {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("{} stopped: {status}", self.kind.title());
            }
            ensure!(
                started.elapsed() < START_PATIENCE,
                "{} does not answer",
                self.kind.title()
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn signal(&self, name: &str) {
        let group = format!("-{}", self.child.id());
        // A group that is gone already needs no signal.
        let _ = Command::new("kill")
            .args([name, "--", &group])
            .stderr(Stdio::null())
            .status();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let descendants = process::tree(self.child.id());
        self.signal("-TERM");
        let deadline = Instant::now() + STOP_PATIENCE;
        while Instant::now() < deadline && matches!(self.child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(20));
        }
        self.signal("-KILL");
        // Some start their helpers in groups of their own.
        for pid in descendants.into_iter().skip(1) {
            let _ = Command::new("kill")
                .args(["-KILL", &pid.to_string()])
                .stderr(Stdio::null())
                .status();
        }
        let _ = self.child.wait();
    }
}

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// The search path with the folder of the program first: some start their neighbors by name.
fn path_before(program: &Path) -> std::ffi::OsString {
    let own = program.parent().map(Path::to_path_buf);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = own.into_iter().chain(std::env::split_paths(&path));
    std::env::join_paths(all).unwrap_or(path)
}
