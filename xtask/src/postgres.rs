//! A PostgreSQL of the tests' own, and a pgbouncer before it: made below `target/`, started on free
//! ports, stopped and deleted at the end.
//!
//! It never touches a cluster that it did not make. PostgreSQL refuses to run as root, so that root
//! starts it as the user `postgres`.

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::shell;

/// What the suites need of PostgreSQL; started when it is first asked for.
#[derive(Debug, Default)]
pub(crate) struct Postgres {
    durability: Durability,
    cluster: Option<Result<Cluster, String>>,
    bouncer: Option<Result<u16, String>>,
}

/// What a commit waits for.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Durability {
    /// Nothing: a test's data need not survive a power cut.
    #[default]
    Dropped,
    /// The disk, as PostgreSQL does by itself.
    Kept,
}

/// Where a suite finds its database.
#[derive(Debug)]
pub(crate) struct Place {
    /// What the tests connect to.
    pub(crate) url: String,
    /// The server itself, for making databases.
    pub(crate) admin: String,
    /// The program `psql`.
    pub(crate) psql: PathBuf,
}

impl Postgres {
    /// Prepares one that keeps what it is told, or does not.
    pub(crate) fn with(durability: Durability) -> Self {
        Self {
            durability,
            ..Self::default()
        }
    }

    /// Gives the server, or why there is none.
    pub(crate) fn direct(&mut self) -> Result<Place, String> {
        let cluster = self
            .cluster
            .get_or_insert_with(|| told(Cluster::start(self.durability)));
        let cluster = cluster.as_ref().map_err(Clone::clone)?;
        Ok(cluster.place(cluster.port))
    }

    /// Gives a pgbouncer in transaction mode before the server, or why there is none.
    pub(crate) fn pooled(&mut self) -> Result<Place, String> {
        self.direct()?;
        let Some(Ok(cluster)) = &self.cluster else {
            return Err("there is no PostgreSQL".to_owned());
        };
        let bouncer = self.bouncer.get_or_insert_with(|| told(cluster.bounce()));
        let port = bouncer.as_ref().map_err(Clone::clone)?;
        Ok(cluster.place(*port))
    }
}

fn told<T>(outcome: Result<T>) -> Result<T, String> {
    outcome.map_err(|reason| format!("{reason:#}"))
}

/// A running cluster.
#[derive(Debug)]
struct Cluster {
    programs: PathBuf,
    folder: PathBuf,
    port: u16,
    user: User,
}

/// Who runs the servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum User {
    Myself,
    Postgres,
}

impl User {
    fn program(self, name: &Path) -> Command {
        let mut command = match self {
            User::Myself => shell::program(name),
            User::Postgres => {
                let mut command = shell::program("setpriv");
                command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups"]);
                command.arg(name);
                command
            }
        };
        command.env("LC_ALL", "C.UTF-8").current_dir("/");
        command
    }
}

impl Cluster {
    fn start(durability: Durability) -> Result<Self> {
        let programs = programs()?;
        let user = match shell::is_root() {
            true => User::Postgres,
            false => User::Myself,
        };
        clean(&programs);
        let folder = folder(user)?;
        let cluster = Self {
            programs,
            folder,
            port: free_port()?,
            user,
        };
        cluster.initialize(durability)?;
        println!("PostgreSQL of the tests: port {}", cluster.port);
        Ok(cluster)
    }

    fn initialize(&self, durability: Durability) -> Result<()> {
        let data = self.folder.join("data");
        let mut initdb = self.user.program(&self.programs.join("initdb"));
        initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8"]);
        initdb
            .args(["--locale=C.UTF-8", "--no-sync", "-D"])
            .arg(&data);
        ensure!(
            shell::output_of(&mut initdb).is_some(),
            "initdb could not make {}",
            data.display()
        );
        let durability = match durability {
            Durability::Dropped => {
                "-c fsync=off -c synchronous_commit=off -c full_page_writes=off \
                 -c shared_buffers=64MB"
            }
            Durability::Kept => "",
        };
        // There are many connections for a moment.
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories= \
             -c max_connections=300 {durability}",
            self.port
        );
        let mut start = self.user.program(&self.programs.join("pg_ctl"));
        start.args(["-w", "-s", "-t", "60", "-o", &options, "-l"]);
        start.arg(self.folder.join("log")).arg("-D").arg(&data);
        ensure!(
            shell::succeeds(start.arg("start"))?,
            "PostgreSQL does not start; see {}",
            self.folder.join("log").display()
        );
        Ok(())
    }

    fn place(&self, port: u16) -> Place {
        let url = |port| format!("postgresql://postgres@127.0.0.1:{port}/postgres");
        Place {
            url: url(port),
            admin: url(self.port),
            psql: self.programs.join("psql"),
        }
    }

    /// Starts pgbouncer and gives its port.
    fn bounce(&self) -> Result<u16> {
        let program = program("pgbouncer", "/usr/sbin/pgbouncer")?;
        let port = free_port()?;
        let folder = self.folder.display();
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=postgres\n[pgbouncer]\n\
             listen_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n\
             pool_mode = transaction\nmax_client_conn = 1000\ndefault_pool_size = 4\n\
             logfile = {folder}/pgbouncer.log\npidfile = {folder}/pgbouncer.pid\n",
            self.port
        );
        let file = self.folder.join("pgbouncer.ini");
        fs::write(&file, settings).with_context(|| format!("cannot write {}", file.display()))?;
        let mut start = self.user.program(&program);
        ensure!(
            shell::output_of(start.args(["-q", "-d"]).arg(&file)).is_some(),
            "pgbouncer does not start; see {folder}/pgbouncer.log"
        );
        Ok(port)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        stop(&self.programs, &self.folder, self.user);
    }
}

/// Stops what runs in a folder and deletes it.
fn stop(programs: &Path, folder: &Path, user: User) {
    if let Ok(pid) = fs::read_to_string(folder.join("pgbouncer.pid")) {
        let mut kill = shell::program("kill");
        // It may have stopped by itself.
        shell::output_of(kill.arg(pid.trim()));
    }
    let data = folder.join("data");
    if data.join("postmaster.pid").exists() {
        let mut stop = user.program(&programs.join("pg_ctl"));
        stop.args(["-m", "immediate", "-w", "-s", "-D"]).arg(&data);
        shell::output_of(stop.arg("stop"));
    }
    if let Err(error) = fs::remove_dir_all(folder) {
        println!("{} cannot be deleted: {error}", folder.display());
    }
}

/// The beginning of the name of each cluster's folder; the process that made it follows.
const PREFIX: &str = "trackway-postgres-";

/// Stops and deletes clusters whose maker is gone, such as those of a test that was killed.
fn clean(programs: &Path) {
    let user = match shell::is_root() {
        true => User::Postgres,
        false => User::Myself,
    };
    for parent in parents() {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(maker) = name.strip_prefix(PREFIX) else {
                continue;
            };
            if !Path::new("/proc").join(maker).exists() {
                stop(programs, &entry.path(), user);
            }
        }
    }
}

/// Where clusters are made: below `target/`, or, where the user `postgres` cannot get there, among
/// the temporary files.
fn parents() -> [PathBuf; 2] {
    [shell::root().join("target"), std::env::temp_dir()]
}

fn folder(user: User) -> Result<PathBuf> {
    for parent in parents() {
        let folder = parent.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir_all(&folder)
            .with_context(|| format!("cannot create {}", folder.display()))?;
        if user == User::Myself {
            return Ok(folder);
        }
        let mut own = shell::program("chown");
        own.arg("postgres:postgres").arg(&folder);
        let mut reach = user.program(Path::new("test"));
        let owned = shell::output_of(&mut own).is_some();
        if owned && shell::output_of(reach.arg("-w").arg(&folder)).is_some() {
            return Ok(folder);
        }
        fs::remove_dir_all(&folder)?;
    }
    bail!("the user `postgres` can write neither below target/ nor among the temporary files")
}

fn free_port() -> Result<u16> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).context("no port is free")?;
    Ok(listener.local_addr()?.port())
}

/// Finds the folder of PostgreSQL's programs, and installs them where that can be done.
fn programs() -> Result<PathBuf> {
    if let Some(found) = newest() {
        return Ok(found);
    }
    shell::install("postgresql")?;
    newest().context("there is no PostgreSQL: install the package postgresql")
}

fn newest() -> Option<PathBuf> {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    let newest = versions
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
        .max();
    let debian = newest.map(|version| PathBuf::from(format!("/usr/lib/postgresql/{version}/bin")));
    debian
        .into_iter()
        .chain(std::env::split_paths(
            &std::env::var_os("PATH").unwrap_or_default(),
        ))
        .find(|folder| folder.join("initdb").is_file() && folder.join("pg_ctl").is_file())
}

/// Finds a program that is its own package, and installs it where that can be done.
pub(crate) fn program(package: &str, path: &str) -> Result<PathBuf> {
    if !Path::new(path).is_file() {
        shell::install(package)?;
    }
    ensure!(
        Path::new(path).is_file(),
        "there is no {package}: install the package {package}"
    );
    Ok(path.into())
}
