//! Where a version says its files are, and whether it may say so.
//!
//! A source is text that a client chose, and the server later reads files there for other clients.
//! So a source inside the server's own stores must lie in the files of the run or logged model that
//! the request names. Pure: looking up runs and models is the caller's business.

use super::rule;
use crate::artifacts::location::{LocationPolicy, is_local, local_path};
use crate::artifacts::uri::Uri;
use crate::error::{Error, Result};
use crate::tracking::experiment::Pair;
use crate::tracking::rule::normalized_path;
use percent_encoding::percent_decode_str;
use regex::Regex;
use std::path::Path;

/// What a prompt has for a source; it has no files.
const PROMPT_SOURCES: [&str; 2] = ["dummy-source", "prompt-template"];
/// The route under which a server hands out its own artifacts.
const PROXY_ROUTE: [&str; 4] = ["api", "2.0", "mlflow-artifacts", "artifacts"];

/// Checks a source as it came: against the operator's pattern, as the source of a prompt, and
/// against hosts that the server has no business with.
pub fn check_given(
    source: &str,
    tags: &[Pair],
    (pattern, policy): (Option<&Regex>, &LocationPolicy),
) -> Result<()> {
    if pattern.is_some_and(|pattern| !pattern.is_match(source)) {
        return Err(Error::invalid(format!(
            "Invalid model version source: '{source}'."
        )));
    }
    if rule::is_prompt(tags) && !PROMPT_SOURCES.contains(&source) {
        return Err(Error::invalid(format!(
            "Invalid prompt source: '{source}'. Prompt sources must use an MLflow placeholder."
        )));
    }
    if source.contains(char::is_control) {
        return Err(not_plain(source));
    }
    policy.check_host("source", source)
}

/// What a source refers to inside the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference<'s> {
    Nothing,
    /// `models:/<model id>`.
    LoggedModel(&'s str),
    /// `models:/<name>/<version>` and its kin.
    Version(&'s str, Which<'s>),
}

/// Which version of a model is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Which<'s> {
    Number(i64),
    Latest,
    Stage(&'s str),
    Alias(&'s str),
}

/// Reads what a source refers to.
///
/// # Errors
/// 400 for a `models:` URI of another registry, and for one that is none.
pub fn reference(source: &str) -> Result<Reference<'_>> {
    let uri = Uri::split(source);
    if uri.scheme != "models" {
        return Ok(Reference::Nothing);
    }
    if !uri.authority.is_empty() {
        return Err(Error::invalid(format!(
            "Invalid model version source: '{source}'. Registered model sources must use the \
             active model registry."
        )));
    }
    // A name may hold what ends a path elsewhere.
    let path = source.split_once(':').map_or("", |(_, path)| path);
    let path = path.split('?').next().unwrap_or_default();
    parse_reference(path).ok_or_else(|| contained(source, "model_id"))
}

/// Reads the path of a `models:` URI, which begins with a slash.
pub(super) fn parse_reference(path: &str) -> Option<Reference<'_>> {
    let parts: Vec<&str> = path
        .strip_prefix('/')?
        .trim_start_matches('/')
        .split('/')
        .collect();
    match parts.as_slice() {
        [name, ..] if name.trim().is_empty() => None,
        [name, suffix] if !suffix.trim().is_empty() => {
            let which = match suffix.bytes().all(|byte| byte.is_ascii_digit()) {
                // There is no version beyond 64 bits, whatever its number.
                true => Which::Number(suffix.parse().unwrap_or(i64::MAX)),
                false if suffix.to_lowercase() == rule::LATEST => Which::Latest,
                false => Which::Stage(suffix),
            };
            Some(Reference::Version(name, which))
        }
        [one] => match one.rsplit_once('@') {
            Some((_, alias)) if alias.trim().is_empty() => None,
            Some((name, alias)) => Some(Reference::Version(name, Which::Alias(alias))),
            None => Some(Reference::LoggedModel(one)),
        },
        _ => None,
    }
}

/// Splits `runs:/<run id>/<path>` into the run and the path, which may be empty.
pub fn run_path(location: &str) -> Option<(&str, &str)> {
    let uri = Uri::split(location);
    let path = uri
        .path
        .strip_prefix('/')
        .filter(|_| uri.scheme == "runs")?;
    let (run_id, path) = path.split_once('/').unwrap_or((path, ""));
    (!run_id.is_empty()).then_some((run_id, path))
}

/// The run and the logged model that a request names as the origin of a source; either may be
/// empty.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'c> {
    pub run_id: &'c str,
    pub model_uuid: &'c str,
}

impl Claim<'_> {
    /// The field of the request that is meant: the model goes before the run.
    fn field(self) -> &'static str {
        match self.model_uuid.is_empty() {
            true => "run_id",
            false => "model_id",
        }
    }
}

/// Whose files must hold a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    Nothing,
    Run,
    Model,
}

/// Says whose files must hold a source.
///
/// # Errors
/// 400 for a source that must lie in a run or model of which the request says nothing, and for one
/// that leads up or is not written out.
pub fn container(source: &str, claim: Claim<'_>) -> Result<Container> {
    let uri = Uri::split(source);
    let claimed = match (claim.model_uuid, claim.run_id) {
        ("", "") => None,
        ("", _) => Some(Container::Run),
        _ => Some(Container::Model),
    };
    if is_local(source, &uri)? {
        return claimed.ok_or_else(|| outside(source, claim));
    }
    check_plain(source)?;
    match &*uri.scheme {
        "runs" => check_run(source, &uri, claim).map(|()| Container::Nothing),
        "models" => check_model(source, claim).map(|()| Container::Nothing),
        _ if is_proxied(source) => claimed.ok_or_else(|| foreign(source, claim)),
        _ => Ok(Container::Nothing),
    }
}

fn check_run(source: &str, uri: &Uri<'_>, claim: Claim<'_>) -> Result<()> {
    if !claim.model_uuid.is_empty() || !uri.authority.is_empty() {
        return Err(foreign(source, claim));
    }
    match run_path(source) {
        None => Err(Error::invalid(format!(
            "Not a proper runs:/ URI: {source}. Runs URIs must be of the form \
             'runs:/<run_id>/run-relative/path/to/artifact'"
        ))),
        Some((run_id, _)) if run_id == claim.run_id => Ok(()),
        Some(_) => Err(foreign(source, claim)),
    }
}

fn check_model(source: &str, claim: Claim<'_>) -> Result<()> {
    match reference(source)? {
        Reference::LoggedModel(uuid) if uuid != claim.model_uuid => {
            Err(contained(source, "model_id"))
        }
        _ => Ok(()),
    }
}

/// The 400 for a source that is not in the files of the run or model of the request.
pub fn foreign(source: &str, claim: Claim<'_>) -> Error {
    contained(source, claim.field())
}

#[track_caller]
fn contained(source: &str, field: &str) -> Error {
    Error::invalid(format!(
        "Invalid model version source: '{source}'. The {field} request parameter must identify the \
         resource that contains the source."
    ))
}

fn outside(shown: &str, claim: Claim<'_>) -> Error {
    let field = claim.field();
    Error::invalid(format!(
        "Invalid model version source: '{shown}'. To use a local path as a model version source, \
         the {field} request parameter has to be specified and the local path has to be contained \
         within the artifact directory of the run specified by the {field}."
    ))
}

/// Checks that a source lies in the files of the claimed run or model, which are at `root`; a
/// relative local path is taken from `working_directory`.
pub fn check_inside(
    source: &str,
    claim: Claim<'_>,
    (root, working_directory): (&str, &Path),
) -> Result<()> {
    let uri = Uri::split(source);
    if !is_local(source, &uri)? {
        return match lies_within(source, root) {
            true => Ok(()),
            false => Err(foreign(source, claim)),
        };
    }
    let path = absolute(source, &uri, working_directory)?;
    let root_uri = Uri::split(root);
    if is_local(root, &root_uri)? {
        let root = absolute(root, &root_uri, working_directory)?;
        if Path::new(&path).starts_with(&root) {
            return Ok(());
        }
    }
    Err(outside(&path, claim))
}

/// Writes a local location out as an absolute path without `.` and `..`. Links are left alone: the
/// files are opened through a store that looks where they lead.
fn absolute(location: &str, uri: &Uri<'_>, working_directory: &Path) -> Result<String> {
    let path = working_directory.join(local_path(location, uri)?);
    Ok(normalized_path(&path.to_string_lossy()))
}

/// Refuses a source that leads up or is not written out, once all its escapes are decoded.
fn check_plain(source: &str) -> Result<()> {
    let mut decoded = source.to_owned();
    loop {
        let spaced = decoded.replace('+', " ");
        let next = percent_decode_str(&spaced).decode_utf8_lossy().into_owned();
        if next == decoded {
            break;
        }
        decoded = next;
    }
    let path = Uri::split(&decoded).path;
    let path = path.trim_end_matches('/');
    let mut segments = path.split('/').filter(|segment| !segment.is_empty());
    let is_plain = path.starts_with('/') && !segments.any(|segment| segment == ".");
    let leads_up = decoded.split('/').any(|part| part == "..");
    if leads_up || !is_plain || path.contains('\0') {
        return Err(not_plain(source));
    }
    Ok(())
}

fn not_plain(source: &str) -> Error {
    Error::invalid(format!(
        "Invalid model version source: '{source}'. If supplying a source as an http, https, local \
         file path, ftp, objectstore, or mlflow-artifacts uri, an absolute path must be provided \
         without relative path references present. Please provide an absolute path."
    ))
}

/// A location as it is compared: scheme, host, and the decoded segments of its path.
fn parts(location: &str) -> (String, String, Vec<String>) {
    let uri = Uri::split(location);
    let whole = match uri.parameters {
        "" => uri.path.to_owned(),
        parameters => format!("{};{parameters}", uri.path),
    };
    let segments = whole
        .split('/')
        .filter(|segment| !segment.is_empty())
        .map(unescaped)
        .collect();
    (uri.scheme, uri.authority.to_lowercase(), segments)
}

fn unescaped(text: &str) -> String {
    let mut text = text.to_owned();
    loop {
        let next = percent_decode_str(&text).decode_utf8_lossy().into_owned();
        if next == text {
            return text;
        }
        text = next;
    }
}

fn is_proxied(source: &str) -> bool {
    let (scheme, _, segments) = parts(source);
    let on_route = || {
        segments
            .windows(PROXY_ROUTE.len())
            .any(|window| window == PROXY_ROUTE)
    };
    scheme == "mlflow-artifacts" || matches!(&*scheme, "http" | "https") && on_route()
}

fn lies_within(source: &str, root: &str) -> bool {
    let (scheme, host, segments) = parts(source);
    let (root_scheme, root_host, root_segments) = parts(root);
    scheme == root_scheme
        && host == root_host
        && !root_segments.is_empty()
        && segments.starts_with(&root_segments)
}

#[cfg(test)]
#[path = "source_tests.rs"]
mod tests;
