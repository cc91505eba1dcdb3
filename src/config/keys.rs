//! The table of all keys: the type of each, and its names outside the file.
//!
//! This is the only place that joins a key to MLflow's variable and to a flag. What a key means
//! and its default are told by `config.default.toml` alone.

use super::kind::Kind;
use super::{location, network, secret, stage_alias, traces};
use crate::logging;

/// The embedded file that documents every key and gives its default.
pub const DEFAULT_TOML: &str = include_str!("../config.default.toml");

/// One key of the configuration and the names it has outside the file.
#[derive(Debug)]
pub struct Key {
    /// Section and key, as `server.port`.
    pub name: &'static str,
    pub kind: Kind,
    pub mlflow: Option<MlflowVariable>,
    /// OpenTelemetry's variables that set the key; the first that is there counts.
    pub otel: &'static [OtelVariable],
    pub flag: Option<Flag>,
    /// Whether the value is a secret that is never shown.
    pub is_hidden: bool,
}

/// An environment variable of MLflow's server that sets a key.
#[derive(Debug, Clone, Copy)]
pub struct MlflowVariable {
    pub name: &'static str,
    /// Whether true in the variable means false in the key.
    pub inverts: bool,
}

/// An environment variable of OpenTelemetry's that sets a key.
#[derive(Debug, Clone, Copy)]
pub struct OtelVariable {
    pub name: &'static str,
    /// The path that is put behind its value; empty for a value that is taken as it stands.
    pub path: &'static str,
}

/// Gives a variable whose value is taken as it stands.
const fn plain(name: &'static str) -> OtelVariable {
    OtelVariable { name, path: "" }
}

/// A command line flag that sets a key.
#[derive(Debug, Clone, Copy)]
pub struct Flag {
    /// The long name, without dashes.
    pub long: &'static str,
    pub short: Option<char>,
    pub form: Form,
}

/// How a flag is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `--flag VALUE`.
    Value,
    /// `--flag` sets true.
    On,
    /// `--flag` sets false.
    Off,
    /// `--flag` sets true and the other long name sets false.
    OnOrOff(&'static str),
}

impl Key {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            mlflow: None,
            otel: &[],
            flag: None,
            is_hidden: false,
        }
    }

    const fn hidden(mut self) -> Self {
        self.is_hidden = true;
        self
    }

    const fn mlflow(mut self, name: &'static str) -> Self {
        let inverts = false;
        self.mlflow = Some(MlflowVariable { name, inverts });
        self
    }

    const fn mlflow_inverted(mut self, name: &'static str) -> Self {
        let inverts = true;
        self.mlflow = Some(MlflowVariable { name, inverts });
        self
    }

    const fn otel(mut self, variables: &'static [OtelVariable]) -> Self {
        self.otel = variables;
        self
    }

    const fn flag(self, long: &'static str) -> Self {
        self.flag_form(long, None, Form::Value)
    }

    const fn short_flag(self, long: &'static str, short: char) -> Self {
        self.flag_form(long, Some(short), Form::Value)
    }

    const fn flag_form(mut self, long: &'static str, short: Option<char>, form: Form) -> Self {
        self.flag = Some(Flag { long, short, form });
        self
    }

    /// Gives the section of the key, as `server`.
    pub fn section(&self) -> &'static str {
        self.name
            .split_once('.')
            .map_or(self.name, |(section, _)| section)
    }

    /// Gives the name of the key in its section, as `port`.
    pub fn field(&self) -> &'static str {
        self.name
            .split_once('.')
            .map_or(self.name, |(_, field)| field)
    }

    /// Gives the key's own environment variable, as `TRACKWAY_SERVER_PORT`.
    pub fn variable(&self) -> String {
        format!("TRACKWAY_{}", self.name.replace('.', "_").to_uppercase())
    }

    /// Gives what the default file says about the key, as one paragraph.
    pub fn documentation(&self) -> String {
        let mut section = "";
        let mut lines: Vec<&str> = Vec::new();
        for line in DEFAULT_TOML.lines() {
            if let Some(comment) = line.strip_prefix('#') {
                lines.push(comment.trim());
            } else if let Some((field, _)) = line.split_once(" = ") {
                if section == self.section() && field == self.field() {
                    return lines.join(" ");
                }
                lines.clear();
            } else {
                section = line
                    .strip_prefix('[')
                    .and_then(|rest| rest.strip_suffix(']'))
                    .unwrap_or(section);
                lines.clear();
            }
        }
        String::new()
    }
}

fn check_regex(text: &str) -> Result<(), String> {
    let parsed = regex::Regex::new(text);
    parsed
        .map(|_| ())
        .map_err(|error| format!("a regular expression is needed: {error}"))
}

fn check_alias(text: &str) -> Result<(), String> {
    match text.is_empty() || text.len() > 256 {
        true => Err("an alias of 1 to 256 bytes is needed".to_owned()),
        false => Ok(()),
    }
}

/// Finds a key by its section and name, as `server.port`.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// Every key, in the order of the default file.
pub static KEYS: &[Key] = &[
    Key::new("server.data_dir", Kind::Text(location::check_directory)).flag("data-dir"),
    Key::new("server.host", Kind::Text(location::check_host))
        .mlflow("MLFLOW_HOST")
        .short_flag("host", 'h'),
    Key::new("server.port", Kind::Int(0, 65_535))
        .mlflow("MLFLOW_PORT")
        .short_flag("port", 'p'),
    Key::new("server.static_prefix", Kind::Text(location::check_prefix))
        .mlflow("MLFLOW_STATIC_PREFIX")
        .flag("static-prefix"),
    Key::new("server.allowed_hosts", Kind::List)
        .mlflow("MLFLOW_SERVER_ALLOWED_HOSTS")
        .flag("allowed-hosts"),
    Key::new("server.cors_allowed_origins", Kind::List)
        .mlflow("MLFLOW_SERVER_CORS_ALLOWED_ORIGINS")
        .flag("cors-allowed-origins"),
    Key::new("server.security_checks", Kind::Bool)
        .mlflow_inverted("MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE")
        .flag_form("disable-security-middleware", None, Form::Off),
    Key::new(
        "server.x_frame_options",
        Kind::Choice(&["SAMEORIGIN", "DENY", "NONE"]),
    )
    .mlflow("MLFLOW_SERVER_X_FRAME_OPTIONS")
    .flag("x-frame-options"),
    Key::new("server.public_url", Kind::Text(location::check_public_url)).flag("public-url"),
    Key::new("server.max_json_mib", Kind::Int(1, 4096)).flag("max-json-mib"),
    Key::new("server.graphql_max_root_fields", Kind::Int(1, 1_000))
        .mlflow("MLFLOW_SERVER_GRAPHQL_MAX_ROOT_FIELDS"),
    Key::new("server.graphql_max_aliases", Kind::Int(0, 1_000))
        .mlflow("MLFLOW_SERVER_GRAPHQL_MAX_ALIASES"),
    Key::new("server.shutdown_grace_s", Kind::Int(0, 3600)).flag("shutdown-grace"),
    Key::new("server.drain_s", Kind::Int(0, 3600)).flag("drain"),
    Key::new("server.workers", Kind::Int(0, 1024))
        .mlflow("MLFLOW_WORKERS")
        .short_flag("workers", 'w'),
    Key::new("server.max_connections", Kind::Int(1, 1_000_000)),
    Key::new("server.max_requests", Kind::Int(1, 1_000_000)),
    Key::new("server.max_transfers", Kind::Int(1, 1_000_000)),
    Key::new("server.max_bodies_mib", Kind::Int(1, 1_048_576)),
    Key::new("server.header_timeout_s", Kind::Int(1, 3600)),
    Key::new("server.idle_timeout_s", Kind::Int(1, 86_400)),
    Key::new("server.stall_timeout_s", Kind::Int(1, 3600)),
    Key::new("server.body_timeout_s", Kind::Int(1, 86_400)),
    Key::new("server.metrics", Kind::Bool).flag_form("metrics", None, Form::OnOrOff("no-metrics")),
    Key::new(
        "server.metrics_listen",
        Kind::Text(network::check_listen_address),
    )
    .flag("metrics-listen"),
    Key::new("server.min_free_disk_mib", Kind::Int(0, 1_048_576)),
    Key::new("database.url", Kind::Text(location::check_database_url))
        .mlflow("MLFLOW_BACKEND_STORE_URI")
        .flag("backend-store-uri"),
    Key::new("database.read_url", Kind::Text(location::check_read_url))
        .mlflow("MLFLOW_READ_REPLICA_BACKEND_STORE_URI")
        .flag("read-replica-backend-store-uri"),
    Key::new("database.durability", Kind::Choice(&["full", "relaxed"])).flag("durability"),
    Key::new("database.readers", Kind::Int(1, 256)),
    Key::new("database.pool", Kind::Int(1, 1000)).flag("database-pool"),
    Key::new("database.pool_wait_s", Kind::Int(1, 600)),
    Key::new("database.start_wait_s", Kind::Int(0, 3600)),
    Key::new("database.max_waiting_writes", Kind::Int(1, 1_000_000)),
    Key::new("database.max_waiting_reads", Kind::Int(1, 1_000_000)),
    Key::new(
        "artifacts.default_root",
        Kind::Text(location::check_artifact_root),
    )
    .mlflow("MLFLOW_DEFAULT_ARTIFACT_ROOT")
    .flag("default-artifact-root"),
    Key::new(
        "artifacts.destination",
        Kind::Text(location::check_destination),
    )
    .mlflow("MLFLOW_ARTIFACTS_DESTINATION")
    .flag("artifacts-destination"),
    Key::new("artifacts.serve", Kind::Bool)
        .mlflow("MLFLOW_SERVE_ARTIFACTS")
        .flag_form("serve-artifacts", None, Form::OnOrOff("no-serve-artifacts")),
    Key::new("artifacts.only", Kind::Bool)
        .mlflow("MLFLOW_ARTIFACTS_ONLY")
        .flag_form("artifacts-only", None, Form::On),
    Key::new("artifacts.location_max_length", Kind::Int(1, 65_536))
        .mlflow("MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH"),
    Key::new("artifacts.allowed_host_schemes", Kind::List)
        .mlflow("MLFLOW_ALLOWED_HOST_ADDRESSED_ARTIFACT_SCHEMES"),
    Key::new("artifacts.allowed_local_roots", Kind::List),
    Key::new(
        "artifacts.allowed_stores",
        Kind::ListOf(location::check_store),
    ),
    Key::new("artifacts.instance_credentials", Kind::Bool),
    Key::new("artifacts.store_timeout_s", Kind::Int(1, 600)),
    Key::new("artifacts.presigned_download_s", Kind::Int(1, 604_800))
        .mlflow("MLFLOW_PRESIGNED_DOWNLOAD_URL_TTL_SECONDS"),
    Key::new("artifacts.part_url_s", Kind::Int(60, 604_800)),
    Key::new("artifacts.abandoned_upload_h", Kind::Int(1, 8_760)),
    Key::new("tracking.truncate_long_values", Kind::Bool).mlflow("MLFLOW_TRUNCATE_LONG_VALUES"),
    Key::new("tracking.stale_after_s", Kind::Int(0, 31_536_000)).flag("stale-after"),
    Key::new("tracking.end_stale_after_s", Kind::Int(0, 31_536_000)).flag("end-stale-after"),
    Key::new("tracking.fold_after_segments", Kind::Int(1, 100_000)),
    Key::new("tracking.fold_interval_ms", Kind::Int(10, 3_600_000)),
    Key::new("registry.source_regex", Kind::Text(check_regex))
        .mlflow("MLFLOW_CREATE_MODEL_VERSION_SOURCE_VALIDATION_REGEX"),
    Key::new("registry.consumer_stale_after_s", Kind::Int(1, 31_536_000)),
    Key::new("registry.consumer_kept_days", Kind::Int(1, 36_500)),
    Key::new("registry.archive_aliased", Kind::Bool),
    Key::new("registry.stage_aliases", Kind::ListOf(stage_alias::check)),
    Key::new("registry.production_aliases", Kind::ListOf(check_alias)),
    Key::new("registry.production_max_age_days", Kind::Int(0, 36_500)),
    Key::new(
        "webhooks.allowed_schemes",
        Kind::ListOf(network::check_scheme),
    )
    .mlflow("MLFLOW_WEBHOOK_ALLOWED_SCHEMES"),
    Key::new("webhooks.allow_private_addresses", Kind::Bool)
        .mlflow("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS"),
    Key::new(
        "webhooks.allowed_private_networks",
        Kind::ListOf(network::check),
    ),
    Key::new("webhooks.timeout_s", Kind::Int(1, 600)).mlflow("MLFLOW_WEBHOOK_REQUEST_TIMEOUT"),
    Key::new("webhooks.ca_file", Kind::Text(|_| Ok(()))),
    Key::new("webhooks.secret_key", Kind::Text(secret::check_fernet_key))
        .mlflow("MLFLOW_WEBHOOK_SECRET_ENCRYPTION_KEY")
        .hidden(),
    Key::new("webhooks.quick_retries", Kind::Int(0, 100))
        .mlflow("MLFLOW_WEBHOOK_REQUEST_MAX_RETRIES"),
    Key::new("webhooks.retry_for_h", Kind::Int(0, 720)),
    Key::new("webhooks.workers", Kind::Int(1, 1_000)).mlflow("MLFLOW_WEBHOOK_DELIVERY_MAX_WORKERS"),
    Key::new("webhooks.keep_days", Kind::Int(1, 3_650)),
    Key::new("webhooks.cache_ttl_s", Kind::Int(0, 86_400)).mlflow("MLFLOW_WEBHOOK_CACHE_TTL"),
    Key::new("audit.key_file", Kind::Text(location::check_file)).flag("audit-key-file"),
    Key::new("log.format", Kind::Choice(&["text", "json"])).flag("log-format"),
    Key::new("log.level", Kind::Text(logging::check_filter)).flag("log-level"),
    Key::new("log.access", Kind::Bool).flag_form("access-log", None, Form::On),
    Key::new("traces.endpoint", Kind::Text(traces::check_endpoint))
        .otel(&[
            plain("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"),
            OtelVariable {
                name: "OTEL_EXPORTER_OTLP_ENDPOINT",
                path: "/v1/traces",
            },
        ])
        .flag("traces-endpoint"),
    Key::new("traces.headers", Kind::ListOf(traces::check_header))
        .otel(&[
            plain("OTEL_EXPORTER_OTLP_TRACES_HEADERS"),
            plain("OTEL_EXPORTER_OTLP_HEADERS"),
        ])
        .hidden(),
    Key::new(
        "traces.service_name",
        Kind::Text(traces::check_service_name),
    )
    .otel(&[plain("OTEL_SERVICE_NAME")]),
    Key::new("traces.sampler", Kind::Choice(traces::SAMPLERS))
        .otel(&[plain("OTEL_TRACES_SAMPLER")]),
    Key::new("traces.sampler_arg", Kind::Ratio).otel(&[plain("OTEL_TRACES_SAMPLER_ARG")]),
];
