//! The configuration of the server: what each key holds after all layers are read.
//!
//! `config.default.toml` tells what a key means, `keys` how it is named outside the file, `layers`
//! which source wins. Nothing here talks to a database or listens on a port.

mod keys;
mod kind;
mod layers;
pub mod location;
mod network;
mod secret;
mod stage_alias;
mod store_url;
mod traces;
mod variables;

pub use keys::{DEFAULT_TOML, Flag, Form, KEYS, Key, MlflowVariable, OtelVariable, find};
pub use layers::{Effective, Inputs, Loaded, Setting, Source, load};
pub use network::Network;
pub use secret::HIDDEN;
pub use stage_alias::StageAlias;
pub use store_url::{Bucket, Container, StoreUrl};
pub use traces::{Sampler, Traces};

use crate::db::{self, Limits, PostgresOptions, PostgresUrl, SqliteOptions};
use crate::error::{Error, Result};
use location::{ArtifactRoot, Destination};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The effective configuration; `config.default.toml` says what each field means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    pub server: Server,
    pub database: Database,
    pub artifacts: Artifacts,
    pub tracking: Tracking,
    pub registry: Registry,
    pub webhooks: Webhooks,
    pub audit: Audit,
    pub log: Log,
    pub traces: Traces,
}

/// Where and how the server listens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Server {
    pub data_dir: PathBuf,
    pub host: String,
    pub port: u16,
    pub static_prefix: String,
    pub allowed_hosts: Vec<String>,
    pub cors_allowed_origins: Vec<String>,
    pub security_checks: bool,
    pub x_frame_options: FrameOptions,
    pub public_url: String,
    pub max_json_mib: usize,
    pub graphql_max_root_fields: usize,
    pub graphql_max_aliases: usize,
    pub shutdown_grace_s: u64,
    pub drain_s: u64,
    pub workers: usize,
    pub max_connections: usize,
    pub max_requests: usize,
    pub max_transfers: usize,
    pub max_bodies_mib: usize,
    pub header_timeout_s: u64,
    pub idle_timeout_s: u64,
    pub stall_timeout_s: u64,
    pub body_timeout_s: u64,
    pub metrics: bool,
    pub metrics_listen: String,
    pub min_free_disk_mib: u64,
}

/// Who may show the server's pages in a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum FrameOptions {
    Sameorigin,
    Deny,
    None,
}

/// Where the runs are stored.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Database {
    pub url: String,
    pub read_url: String,
    pub durability: Durability,
    pub readers: usize,
    pub pool: usize,
    pub pool_wait_s: u64,
    pub start_wait_s: u64,
    pub max_waiting_writes: usize,
    pub max_waiting_reads: usize,
}

/// Without the password that the URL may hold.
impl std::fmt::Debug for Database {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Database")
            .field("url", &location::without_password(&self.url))
            .finish_non_exhaustive()
    }
}

/// What an acknowledged write survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    Full,
    Relaxed,
}

/// Where artifacts are kept and who may fetch them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Artifacts {
    pub default_root: String,
    pub destination: String,
    pub serve: bool,
    pub only: bool,
    pub location_max_length: usize,
    pub allowed_host_schemes: Vec<String>,
    pub allowed_local_roots: Vec<String>,
    pub allowed_stores: Vec<String>,
    pub instance_credentials: bool,
    pub store_timeout_s: u64,
    pub presigned_download_s: u64,
    pub part_url_s: u64,
    pub abandoned_upload_h: u32,
}

/// How runs are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tracking {
    pub truncate_long_values: bool,
    pub stale_after_s: u64,
    pub end_stale_after_s: u64,
    pub fold_after_segments: usize,
    pub fold_interval_ms: u64,
}

/// What may be registered, how stages and aliases belong together, and what is remembered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Registry {
    pub source_regex: String,
    pub consumer_stale_after_s: i64,
    pub consumer_kept_days: i64,
    pub archive_aliased: bool,
    pub production_aliases: Vec<String>,
    pub stage_aliases: Vec<String>,
    pub production_max_age_days: i64,
}

/// How the audit log is vouched for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Audit {
    pub key_file: String,
}

/// Where webhooks may be sent, how often it is tried, and what is kept of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Webhooks {
    pub allowed_schemes: Vec<String>,
    pub allow_private_addresses: bool,
    pub allowed_private_networks: Vec<String>,
    pub timeout_s: u64,
    pub ca_file: String,
    pub secret_key: String,
    pub quick_retries: u32,
    pub retry_for_h: u32,
    pub workers: usize,
    pub keep_days: u32,
    pub cache_ttl_s: u32,
}

/// What is logged and how a line looks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Log {
    pub format: LogFormat,
    pub level: String,
    pub access: bool,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    Text,
    Json,
}

impl Config {
    /// Gives the defaults alone, as `config.default.toml` tells them.
    pub fn with_defaults() -> Result<Self> {
        toml::from_str(DEFAULT_TOML).map_err(|error| {
            Error::internal("The default configuration is broken.").with_cause(error)
        })
    }

    /// Gives the absolute path of the data directory.
    pub fn data_dir(&self) -> Result<PathBuf> {
        Ok(location::absolute(
            &self.server.data_dir,
            &working_directory()?,
        ))
    }

    /// Gives the absolute path of the SQLite file.
    pub fn database_path(&self) -> Result<PathBuf> {
        match self.database.url.as_str() {
            "" => Ok(self.data_dir()?.join("trackway.db")),
            url => named(
                "database.url",
                location::sqlite_path(url, &working_directory()?),
            ),
        }
    }

    /// Gives the absolute path of the file with the key that signs the audit log.
    pub fn audit_key_path(&self) -> Result<PathBuf> {
        match self.audit.key_file.as_str() {
            "" => Ok(self.data_dir()?.join("audit-key.pem")),
            text => Ok(location::absolute(Path::new(text), &working_directory()?)),
        }
    }

    /// Gives which database to open, and how.
    pub fn database_options(&self) -> Result<db::Options> {
        let url = self.database.url.as_str();
        if PostgresUrl::is_meant(url) {
            let url = PostgresUrl::parse(url, &working_directory()?);
            return Ok(db::Options::Postgres(PostgresOptions {
                url: named("database.url", url)?,
                connections: self.database.pool,
                wait: Duration::from_secs(self.database.pool_wait_s),
                start_wait: Duration::from_secs(self.database.start_wait_s),
            }));
        }
        Ok(db::Options::Sqlite(SqliteOptions {
            path: self.database_path()?,
            durability: match self.database.durability {
                Durability::Full => crate::db::Durability::Full,
                Durability::Relaxed => crate::db::Durability::Relaxed,
            },
            readers: self.database.readers,
        }))
    }

    /// Gives how a standby is reached that may answer searches, if there is one.
    pub fn standby_options(&self) -> Result<Option<db::PostgresOptions>> {
        let text = self.database.read_url.as_str();
        if text.is_empty() {
            return Ok(None);
        }
        let url = PostgresUrl::parse(text, &working_directory()?);
        Ok(Some(db::PostgresOptions {
            url: named("database.read_url", url)?,
            connections: self.database.pool,
            wait: Duration::from_secs(self.database.pool_wait_s),
            start_wait: Duration::ZERO,
        }))
    }

    /// Gives how much work may wait for the database.
    pub fn database_limits(&self) -> Limits {
        Limits {
            writes: self.database.max_waiting_writes,
            reads: self.database.max_waiting_reads,
        }
    }

    /// Gives where the server keeps the artifacts that it receives.
    pub fn artifact_destination(&self) -> Result<Destination> {
        match self.artifacts.destination.as_str() {
            "" => Ok(Destination::Local(self.data_dir()?.join("artifacts"))),
            text => named(
                "artifacts.destination",
                Destination::parse(text, &working_directory()?),
            ),
        }
    }

    /// Gives where the artifacts of new experiments belong.
    pub fn artifact_root(&self) -> Result<ArtifactRoot> {
        let text = match self.artifacts.default_root.as_str() {
            "" if self.artifacts.serve => "mlflow-artifacts:/",
            "" => {
                let destination = self.artifact_destination()?;
                let uri = destination.to_string();
                return Ok(match destination {
                    Destination::Local(path) => ArtifactRoot::Local { uri, path },
                    Destination::Store(_) => ArtifactRoot::External { uri },
                });
            }
            text => text,
        };
        named(
            "artifacts.default_root",
            ArtifactRoot::parse(text, &working_directory()?),
        )
    }

    /// Gives the absolute folders below which the server opens a run's local location: those the
    /// operator named, the default root and the destination.
    pub fn local_roots(&self) -> Result<Vec<PathBuf>> {
        let mut roots = Vec::new();
        if let Destination::Local(path) = self.artifact_destination()? {
            roots.push(path);
        }
        if let ArtifactRoot::Local { path, .. } = self.artifact_root()? {
            roots.push(path);
        }
        for text in &self.artifacts.allowed_local_roots {
            roots.push(named(
                "artifacts.allowed_local_roots",
                location::local_path(text, &working_directory()?),
            )?);
        }
        Ok(roots)
    }

    /// Gives the places in object stores that the operator lets clients name.
    pub fn allowed_stores(&self) -> Result<Vec<StoreUrl>> {
        let parse = |text: &String| {
            let url = StoreUrl::parse(text).unwrap_or_else(|| Err(location::store_forms()));
            named("artifacts.allowed_stores", url)
        };
        self.artifacts.allowed_stores.iter().map(parse).collect()
    }

    /// Gives where the artifacts of new experiments belong, if that is in an object store.
    pub fn default_store(&self) -> Result<Option<StoreUrl>> {
        Ok(StoreUrl::parse(self.artifact_root()?.uri()).and_then(Result::ok))
    }

    /// Gives the host to listen on, without the brackets that an IPv6 address may be written in.
    pub fn listen_host(&self) -> &str {
        let host = self.server.host.as_str();
        let inner = host
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'));
        inner.unwrap_or(host)
    }

    /// Gives how long a stopping server waits for requests under way.
    pub fn shutdown_grace(&self) -> Duration {
        Duration::from_secs(self.server.shutdown_grace_s)
    }

    /// Gives the largest JSON body, in bytes.
    pub fn max_json_bytes(&self) -> usize {
        self.server.max_json_mib.saturating_mul(1024 * 1024)
    }

    /// Creates the data directory where something is to be kept in it, and proves that it can be
    /// written to.
    pub fn prepare_data_dir(&self) -> Result<()> {
        let elsewhere = [
            &self.database.url,
            &self.artifacts.destination,
            &self.audit.key_file,
        ];
        if elsewhere.iter().all(|place| !place.is_empty()) {
            return Ok(());
        }
        let path = self.data_dir()?;
        std::fs::create_dir_all(&path).map_err(|error| {
            let path = path.display();
            Error::unavailable(format!(
                "The data directory {path} cannot be created: {error}. Create it, or name another \
                 one with --data-dir."
            ))
        })?;
        prove_writable(&path)
    }
}

fn prove_writable(directory: &Path) -> Result<()> {
    let probe = directory.join(format!(".trackway-write-check-{}", std::process::id()));
    let outcome = std::fs::write(&probe, b"").and_then(|()| std::fs::remove_file(&probe));
    outcome.map_err(|error| {
        let path = directory.display();
        Error::unavailable(format!(
            "The data directory {path} cannot be written to: {error}. Change its owner or its \
             permissions, or name another one with --data-dir."
        ))
    })
}

fn working_directory() -> Result<PathBuf> {
    std::env::current_dir().map_err(|error| {
        Error::unavailable(format!(
            "The working directory is not there: {error}. Start the server in one that exists."
        ))
    })
}

fn named<T>(key: &str, outcome: Result<T, String>) -> Result<T> {
    outcome
        .map_err(|reason| Error::invalid(format!("The value of {key} is not allowed: {reason}.")))
}

#[cfg(test)]
#[path = "config_tests.rs"]
mod tests;
