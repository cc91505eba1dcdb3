//! How the locations of the configuration are spelled: database URLs, artifact roots, paths.
//!
//! Everything here is pure: a relative path is resolved against a base that the caller gives, and
//! the disk is never looked at. An error is a text that says what is allowed.

use super::store_url::StoreUrl;
use crate::db::PostgresUrl;
use percent_encoding::percent_decode_str;
use std::fmt;
use std::path::{Path, PathBuf};

/// The path of the artifact proxy in the URL of a tracking server.
const PROXY_PATH: &str = "/api/2.0/mlflow-artifacts/artifacts";

/// Where the artifacts of a new experiment belong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ArtifactRoot {
    /// Clients go through the server; the URI is `mlflow-artifacts:` or the server's own http URL.
    Proxied { uri: String },
    /// A directory that clients and server both reach; the URI is its path or its `file://` URL.
    Local { uri: String, path: PathBuf },
    /// A storage that clients reach without the server.
    External { uri: String },
}

/// Where the server keeps the artifacts it receives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// A directory, by its absolute path.
    Local(PathBuf),
    Store(StoreUrl),
}

impl Destination {
    /// Reads a destination as an operator spells it; a relative path is resolved against `base`.
    pub fn parse(text: &str, base: &Path) -> Result<Self, String> {
        match StoreUrl::parse(text) {
            Some(url) => url.map(Self::Store),
            None => local_path(text, base).map(Self::Local).map_err(|reason| {
                match split_scheme(text) {
                    Some((scheme, _)) if scheme != "file" => format!(
                        "{scheme}: is not supported here, a path, a file:// URL or {} is needed",
                        store_forms()
                    ),
                    _ => reason,
                }
            }),
        }
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(path) => path.display().fmt(f),
            Self::Store(url) => url.fmt(f),
        }
    }
}

/// Tells how the URL of an object store looks.
pub(super) fn store_forms() -> String {
    "s3://BUCKET/PREFIX, gs://BUCKET/PREFIX, az://CONTAINER/PREFIX or \
     wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/PREFIX"
        .into()
}

impl ArtifactRoot {
    /// Reads a root as an operator spells it; a relative path is resolved against `base`.
    pub fn parse(text: &str, base: &Path) -> Result<Self, String> {
        let Some((scheme, rest)) = split_scheme(text) else {
            let path = absolute(Path::new(text), base);
            let uri = path.display().to_string();
            return Ok(Self::Local { uri, path });
        };
        if text.contains(['?', '#']) {
            return Err("an artifact root has no query and no fragment".into());
        }
        let uri = format!("{scheme}:{}", rest.trim_end_matches('/'));
        match scheme.as_str() {
            "file" => {
                let path = absolute(&file_url_path(rest)?, base);
                let uri = format!("file://{}", encoded(&path));
                Ok(Self::Local { uri, path })
            }
            "mlflow-artifacts" if rest.trim_end_matches('/').is_empty() => Ok(Self::Proxied {
                uri: format!("{scheme}:/"),
            }),
            "mlflow-artifacts" if rest.starts_with('/') => Ok(Self::Proxied { uri }),
            "http" | "https" if is_proxy(rest) => Ok(Self::Proxied { uri }),
            "http" | "https" => Err(format!(
                "an http artifact root is a tracking server's proxy, as http://HOST:PORT{PROXY_PATH}"
            )),
            "mlflow-artifacts" | "runs" | "models" | "data" => Err(root_forms()),
            _ if rest.len() > 2 && rest.starts_with("//") => Ok(Self::External { uri }),
            _ => Err(root_forms()),
        }
    }

    /// Gives the root as the text that locations begin with.
    pub fn uri(&self) -> &str {
        let (Self::Proxied { uri } | Self::Local { uri, .. } | Self::External { uri }) = self;
        uri
    }

    /// Gives the artifact location of an experiment below this root.
    pub fn location_of(&self, experiment_id: &str) -> String {
        format!("{}/{experiment_id}", self.uri().trim_end_matches('/'))
    }
}

fn root_forms() -> String {
    "a path, file://, mlflow-artifacts:/, the http URL of an artifact proxy, or SCHEME://BUCKET is \
     needed"
        .into()
}

fn is_proxy(rest: &str) -> bool {
    let Some(after) = rest.strip_prefix("//") else {
        return false;
    };
    match after.find('/') {
        Some(slash) if slash > 0 => {
            let path = after.get(slash..).unwrap_or_default();
            path.split_once(PROXY_PATH)
                .is_some_and(|(_, below)| below.is_empty() || below.starts_with('/'))
        }
        _ => false,
    }
}

/// Reads a SQLite URL as MLflow spells it: three slashes before a relative path, four before an
/// absolute one. A relative path is resolved against `base`.
pub fn sqlite_path(url: &str, base: &Path) -> Result<PathBuf, String> {
    let forms = "sqlite:///relative.db, sqlite:////absolute.db or \
        postgresql://USER:PASSWORD@HOST/DATABASE is needed";
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(format!("{forms}, and a plain path is not a database URL"));
    };
    match scheme.split('+').next().unwrap_or_default() {
        "sqlite" => {}
        name @ ("mysql" | "mssql" | "oracle") => {
            return Err(format!("{name} is not a supported database: {forms}"));
        }
        _ => return Err(format!("{scheme}:// is not a supported database: {forms}")),
    }
    match rest.strip_prefix('/') {
        None | Some("") => Err(format!("it names no file: {forms}")),
        Some(path) if path.starts_with(":memory:") || path.starts_with("file:") => Err(format!(
            "a database in memory or behind a file: URI is not supported: {forms}"
        )),
        Some(path) if path.contains('?') => {
            Err("a SQLite URL with options after `?` is not supported".into())
        }
        Some(path) => Ok(absolute(Path::new(path), base)),
    }
}

/// Reads a path or a `file:` URL; a relative one is resolved against `base`.
pub fn local_path(text: &str, base: &Path) -> Result<PathBuf, String> {
    match split_scheme(text) {
        None => Ok(absolute(Path::new(text), base)),
        Some((scheme, rest)) if scheme == "file" => Ok(absolute(&file_url_path(rest)?, base)),
        Some((scheme, _)) => Err(format!(
            "{scheme}: is not supported here, a path or a file:// URL is needed"
        )),
    }
}

/// Joins a path to `base` unless it is absolute, and drops `.` and doubled slashes.
pub fn absolute(path: &Path, base: &Path) -> PathBuf {
    base.join(path).components().collect()
}

/// Hides the passwords of a URL, so that it can be shown.
pub fn without_password(text: &str) -> String {
    let text = without_password_option(text);
    let hidden = || {
        let (scheme, rest) = text.split_once("://")?;
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, path) = rest.split_at_checked(end)?;
        let (user, host) = authority.rsplit_once('@')?;
        let (name, _) = user.split_once(':')?;
        Some(format!("{scheme}://{name}:***@{host}{path}"))
    };
    hidden().unwrap_or_else(|| text.to_string())
}

/// Hides the value of an option `password` in the query of a URL.
fn without_password_option(text: &str) -> String {
    let Some((place, query)) = text.split_once('?').filter(|_| text.contains("://")) else {
        return text.to_owned();
    };
    let options: Vec<&str> = query
        .split('&')
        .map(|option| match option.starts_with("password=") {
            true => "password=***",
            false => option,
        })
        .collect();
    format!("{place}?{}", options.join("&"))
}

/// Splits a URL into its lower case scheme and what follows the colon; a plain path has none.
fn split_scheme(text: &str) -> Option<(String, &str)> {
    let (scheme, rest) = text.split_once(':')?;
    let is_scheme = scheme.len() > 1
        && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "+-.".contains(letter));
    is_scheme.then(|| (scheme.to_ascii_lowercase(), rest))
}

fn file_url_path(rest: &str) -> Result<PathBuf, String> {
    let path = match rest.strip_prefix("//") {
        None => rest,
        Some(after) => after.strip_prefix("localhost").unwrap_or(after),
    };
    if rest.starts_with("//") && !path.starts_with('/') {
        return Err("a file:// URL names no host: file:///PATH is needed".into());
    }
    if path.is_empty() {
        return Err("the file: URL names no path".into());
    }
    let decoded = percent_decode_str(path).decode_utf8();
    let decoded = decoded.map_err(|_| "the path of the file: URL is not UTF-8".to_string())?;
    Ok(PathBuf::from(decoded.as_ref()))
}

fn encoded(path: &Path) -> String {
    use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
    const ESCAPED: &AsciiSet = &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'#').add(b'"');
    utf8_percent_encode(&path.to_string_lossy(), ESCAPED).to_string()
}

fn no_control(text: &str) -> Result<(), String> {
    match text.contains(char::is_control) {
        true => Err("a text without control characters is needed".into()),
        false => Ok(()),
    }
}

/// Checks the name of a file that may be left to the server.
pub(super) fn check_file(text: &str) -> Result<(), String> {
    match text {
        "" => Ok(()),
        text => check_directory(text),
    }
}

pub(super) fn check_directory(text: &str) -> Result<(), String> {
    no_control(text)?;
    match split_scheme(text) {
        _ if text.is_empty() => Err("the path of a directory is needed".into()),
        Some(_) => Err("a path is needed, not a URL".into()),
        None => Ok(()),
    }
}

pub(super) fn check_host(text: &str) -> Result<(), String> {
    let allowed = |letter: char| letter.is_ascii_alphanumeric() || ".-_:%[]".contains(letter);
    match !text.is_empty() && text.chars().all(allowed) {
        true => Ok(()),
        false => Err("a host name or an IP address is needed".into()),
    }
}

pub(super) fn check_prefix(text: &str) -> Result<(), String> {
    no_control(text)?;
    let refused = |reason: &str| Err(reason.to_string());
    match text {
        "" => Ok(()),
        _ if !text.starts_with('/') => refused("it must begin with a '/'"),
        _ if text.ends_with('/') => refused("it must not end with a '/'"),
        _ if text.contains(['{', '}']) => refused("it must not contain '{' or '}'"),
        _ if text.contains(['?', '#', ' ']) => refused("it must not contain '?', '#' or a space"),
        _ => Ok(()),
    }
}

/// Accepts a web address without a query, or nothing.
pub(super) fn check_public_url(text: &str) -> Result<(), String> {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let is_good = |rest: &str| {
        let is_plain = |c: char| c.is_ascii_graphic() && !"?#<>\"|\\".contains(c);
        !rest.is_empty() && !rest.starts_with('/') && rest.chars().all(is_plain)
    };
    match text.is_empty() || rest.is_some_and(is_good) {
        true => Ok(()),
        false => Err("an address as https://models.example.com is needed".into()),
    }
}

pub(super) fn check_database_url(text: &str) -> Result<(), String> {
    no_control(text)?;
    match text {
        "" => Ok(()),
        _ if PostgresUrl::is_meant(text) => PostgresUrl::parse(text, Path::new("/")).map(|_| ()),
        _ => sqlite_path(text, Path::new("/")).map(|_| ()),
    }
}

/// Accepts the URL of a PostgreSQL, which alone has standbys.
pub(super) fn check_read_url(text: &str) -> Result<(), String> {
    no_control(text)?;
    match text {
        "" => Ok(()),
        _ if PostgresUrl::is_meant(text) => PostgresUrl::parse(text, Path::new("/")).map(|_| ()),
        _ => Err("postgresql://USER:PASSWORD@HOST:PORT/DATABASE is needed".into()),
    }
}

pub(super) fn check_artifact_root(text: &str) -> Result<(), String> {
    no_control(text)?;
    match text {
        "" => Ok(()),
        _ => ArtifactRoot::parse(text, Path::new("/")).map(|_| ()),
    }
}

pub(super) fn check_destination(text: &str) -> Result<(), String> {
    no_control(text)?;
    match text {
        "" => Ok(()),
        _ => Destination::parse(text, Path::new("/")).map(|_| ()),
    }
}

/// Accepts the URL of an object store.
pub(super) fn check_store(text: &str) -> Result<(), String> {
    let url = StoreUrl::parse(text);
    url.unwrap_or_else(|| Err(format!("{} is needed", store_forms())))
        .map(|_| ())
}

#[cfg(test)]
#[path = "location_tests.rs"]
mod tests;
