//! The layers of the configuration: defaults, a file, the variables of MLflow and OpenTelemetry, our
//! variables, flags.
//!
//! A later layer wins key by key, and every value remembers its source, so that a refusal can name
//! it. The caller hands in the environment and the flags: nothing here reads the process.

use super::keys::{DEFAULT_TOML, KEYS, Key, find};
use super::{Config, HIDDEN, location, stage_alias, variables};
use crate::db::{Options, PostgresUrl};
use crate::error::{Error, Result};
use std::path::PathBuf;
use toml::{Table, Value};

/// Where the value of a key came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Default,
    File(PathBuf),
    Variable(String),
    /// A flag, with its dashes.
    Flag(String),
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File(path) => write!(f, "file {}", path.display()),
            Source::Variable(name) => write!(f, "environment {name}"),
            Source::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// A text that a flag or a variable gave to a key.
#[derive(Debug, Clone)]
pub struct Setting {
    pub key: &'static Key,
    pub text: String,
    pub source: Source,
}

/// All that the layers are read from.
#[derive(Debug, Default)]
pub struct Inputs {
    /// The file named by `--config`; without it, `TRACKWAY_CONFIG` may name one.
    pub file: Option<PathBuf>,
    /// The environment; variables of other programs are passed over.
    pub environment: Vec<(String, String)>,
    /// What the flags say.
    pub flags: Vec<Setting>,
    /// The value of `--registry-store-uri`.
    pub registry_store_uri: Option<String>,
}

/// The value of one key and where it came from.
#[derive(Debug, Clone)]
pub struct Effective {
    pub key: &'static Key,
    pub value: Value,
    pub source: Source,
}

/// A configuration that has been read and checked.
#[derive(Debug)]
pub struct Loaded {
    pub config: Config,
    /// Every key, in the order of the default file.
    pub values: Vec<Effective>,
    /// What the operator should know but what does not stop the server.
    pub warnings: Vec<String>,
}

/// Reads all layers and checks every value; an error names the key, the value and the source.
pub fn load(inputs: &Inputs) -> Result<Loaded> {
    let mut layers = Layers::with_defaults()?;
    if let Some(path) = config_file(inputs) {
        layers.add_file(&path)?;
    }
    for setting in variables::of_mlflow(&inputs.environment) {
        layers.add(&setting)?;
    }
    for setting in variables::of_otel(&inputs.environment) {
        layers.add(&setting)?;
    }
    for setting in variables::of_own(&inputs.environment)? {
        layers.add(&setting)?;
    }
    for setting in &inputs.flags {
        layers.add(setting)?;
    }
    let config = layers.config()?;
    check_together(&config, &layers, inputs)?;
    Ok(Loaded {
        warnings: warnings(&config),
        config,
        values: layers.values,
    })
}

struct Layers {
    values: Vec<Effective>,
}

impl Layers {
    fn with_defaults() -> Result<Self> {
        let broken = || Error::internal("The default configuration is broken.");
        let defaults: Table = toml::from_str(DEFAULT_TOML).map_err(|_| broken())?;
        let default_of = |key: &'static Key| {
            let section = defaults.get(key.section())?;
            let value = section.get(key.field())?;
            let (value, source) = (key.kind.check(value).ok()?, Source::Default);
            Some(Effective { key, value, source })
        };
        let values: Option<Vec<_>> = KEYS.iter().map(default_of).collect();
        Ok(Self {
            values: values.ok_or_else(broken)?,
        })
    }

    fn add_file(&mut self, path: &PathBuf) -> Result<()> {
        let source = Source::File(path.clone());
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Error::invalid(format!(
                "The configuration file {shown} cannot be read: {error}. Check the path that \
                 --config or TRACKWAY_CONFIG names."
            ))
        })?;
        let file: Table = toml::from_str(&text).map_err(|error| {
            Error::invalid(format!(
                "The configuration file {shown} is not TOML: {error}"
            ))
        })?;
        for (section, fields) in &file {
            let Value::Table(fields) = fields else {
                return Err(unknown_key(section, &source));
            };
            if !KEYS.iter().any(|key| key.section() == section) {
                return Err(unknown_key(&format!("{section}."), &source));
            }
            for (field, value) in fields {
                let name = format!("{section}.{field}");
                let key = find(&name).ok_or_else(|| unknown_key(&name, &source))?;
                let checked = key.kind.check(value);
                let value = checked.map_err(|reason| {
                    let shown = displayed(key, &value.to_string());
                    refused(key, &shown, &source, &reason)
                })?;
                self.set(key, value, source.clone());
            }
        }
        Ok(())
    }

    fn add(&mut self, setting: &Setting) -> Result<()> {
        let Setting { key, text, source } = setting;
        let parsed = key.kind.parse(text);
        let value = parsed.map_err(|reason| {
            let shown = displayed(key, &format!("\"{text}\""));
            refused(key, &shown, source, &reason)
        })?;
        self.set(key, value, source.clone());
        Ok(())
    }

    fn set(&mut self, key: &'static Key, value: Value, source: Source) {
        let slot = self
            .values
            .iter_mut()
            .find(|slot| slot.key.name == key.name);
        if let Some(slot) = slot {
            *slot = Effective { key, value, source };
        }
    }

    fn source(&self, name: &str) -> Source {
        let found = self.values.iter().find(|value| value.key.name == name);
        found.map_or(Source::Default, |value| value.source.clone())
    }

    fn config(&self) -> Result<Config> {
        let mut table = Table::new();
        for Effective { key, value, .. } in &self.values {
            let section = table
                .entry(key.section())
                .or_insert_with(|| Value::Table(Table::new()));
            if let Value::Table(section) = section {
                section.insert(key.field().into(), value.clone());
            }
        }
        table.try_into().map_err(|error| {
            Error::internal("The configuration cannot be put together.").with_cause(error)
        })
    }
}

fn config_file(inputs: &Inputs) -> Option<PathBuf> {
    let variable = || {
        let named = inputs
            .environment
            .iter()
            .find(|(name, text)| name == "TRACKWAY_CONFIG" && !text.is_empty());
        named.map(|(_, path)| PathBuf::from(path))
    };
    inputs.file.clone().or_else(variable)
}

fn check_together(config: &Config, layers: &Layers, inputs: &Inputs) -> Result<()> {
    let sources = |one: &str, two: &str| {
        let (first, second) = (layers.source(one), layers.source(two));
        format!("{one} ({first}) and {two} ({second})")
    };
    if config.artifacts.only && !config.database.url.is_empty() {
        return Err(Error::invalid(format!(
            "{} contradict each other: a server of artifacts alone has no database. Leave one out.",
            sources("artifacts.only", "database.url")
        )));
    }
    let is_postgres = PostgresUrl::is_meant(&config.database.url);
    if !config.database.read_url.is_empty() && !is_postgres {
        return Err(Error::invalid(format!(
            "{} do not fit: only PostgreSQL has a standby to read from. Leave database.read_url \
             out, or name the PostgreSQL database in database.url.",
            sources("database.read_url", "database.url")
        )));
    }
    if config.artifacts.only && !config.artifacts.serve {
        return Err(Error::invalid(format!(
            "{} contradict each other: the server would serve nothing. Change one.",
            sources("artifacts.only", "artifacts.serve")
        )));
    }
    let (stale, end) = (
        config.tracking.stale_after_s,
        config.tracking.end_stale_after_s,
    );
    if end > 0 && (stale == 0 || end < stale) {
        return Err(Error::invalid(format!(
            "{} contradict each other: a run is ended when it has been stale, so {end} must not be \
             less than {stale}, and 0 means never. Change one.",
            sources("tracking.end_stale_after_s", "tracking.stale_after_s")
        )));
    }
    if let Some(what) = stage_alias::named_twice(&config.registry.stage_aliases) {
        let source = layers.source("registry.stage_aliases");
        return Err(Error::invalid(format!(
            "registry.stage_aliases ({source}) names {what} twice. Keep one of the entries."
        )));
    }
    check_registry(config, inputs)
}

/// Accepts a registry store only where it is the database itself.
fn check_registry(config: &Config, inputs: &Inputs) -> Result<()> {
    let variable = || {
        let named = inputs
            .environment
            .iter()
            .find(|(name, text)| name == "MLFLOW_REGISTRY_STORE_URI" && !text.is_empty());
        named.map(|(name, text)| (text.clone(), Source::Variable(name.clone())))
    };
    let flag = inputs.registry_store_uri.clone();
    let flag = flag.map(|text| (text, Source::Flag("--registry-store-uri".into())));
    let Some((text, source)) = flag.or_else(variable) else {
        return Ok(());
    };
    let base = super::working_directory()?;
    let database = config.database_options()?;
    let is_same = match &database {
        Options::Sqlite(options) => {
            location::sqlite_path(&text, &base).as_ref() == Ok(&options.path)
        }
        Options::Postgres(_) => text == config.database.url,
    };
    if is_same {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "The registry store \"{}\" ({source}) is not the database of the runs, {}. Trackway keeps \
         both in one database: leave the registry store out.",
        location::without_password(&text),
        database
    )))
}

fn warnings(config: &Config) -> Vec<String> {
    let server = &config.server;
    let mut found = Vec::new();
    if config.webhooks.allow_private_addresses {
        found.push(
            "webhooks.allow_private_addresses is on: whoever may create a webhook can make the \
             server call any address of its networks.",
        );
    }
    if !server.security_checks {
        found.push(
            "The security checks are off: any web page that a user of this machine opens can read \
             and change what the server keeps.",
        );
        return found.into_iter().map(String::from).collect();
    }
    if server.allowed_hosts.iter().any(|host| host == "*") {
        found.push(
            "server.allowed_hosts is \"*\": every Host header is answered, so DNS rebinding is \
             possible.",
        );
    }
    if server
        .cors_allowed_origins
        .iter()
        .any(|origin| origin == "*")
    {
        found.push(
            "server.cors_allowed_origins is \"*\": every web site can call the server, without its \
             users' cookies.",
        );
    }
    found.into_iter().map(String::from).collect()
}

/// Gives a value as a message may show it.
fn displayed(key: &Key, value: &str) -> String {
    match key.is_hidden {
        true => HIDDEN.to_owned(),
        false => location::without_password(value),
    }
}

fn refused(key: &Key, shown: &str, source: &Source, reason: &str) -> Error {
    Error::invalid(format!(
        "The value {shown} of {} ({source}) is not allowed: {reason}.",
        key.name
    ))
}

fn unknown_key(name: &str, source: &Source) -> Error {
    let near = nearest(name, KEYS.iter().map(|key| key.name.to_string()));
    let shown = name.trim_end_matches('.');
    Error::invalid(format!(
        "There is no key {shown} ({source}). The nearest one is {near}; `trackway config` lists all."
    ))
}

/// Gives the candidate with the fewest letters to change.
pub(super) fn nearest(name: &str, candidates: impl Iterator<Item = String>) -> String {
    candidates
        .min_by_key(|candidate| distance(name, candidate))
        .unwrap_or_default()
}

/// Counts the single-letter edits between two texts (Levenshtein's distance).
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (index, letter) in left.chars().enumerate() {
        let mut diagonal = index;
        let mut before = index + 1;
        for (cell, other) in row.iter_mut().skip(1).zip(right.chars()) {
            let replaced = diagonal + usize::from(letter != other);
            diagonal = *cell;
            before = replaced.min(diagonal + 1).min(before + 1);
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = index + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
#[path = "layers_tests.rs"]
mod tests;
