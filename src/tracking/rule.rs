//! What names and values must look like, and MLflow's texts where they do not.
//!
//! Pure: nothing here reads or writes the database.

use crate::error::{Error, Result};
use crate::python;
use serde_json::Value as Json;
use std::fmt::{self, Display};

/// Characters of a metric, param or tag key.
pub const MAX_KEY: usize = 250;
/// Characters of a param value; a longer one is cut or refused.
pub const MAX_PARAM_VALUE: usize = 6000;
/// Characters of a run tag value; a longer one is cut or refused.
pub const MAX_TAG_VALUE: usize = 8000;
/// Characters of an experiment tag value; a longer one is refused.
pub const MAX_EXPERIMENT_TAG_VALUE: usize = 20_000;
/// Characters of an experiment name.
pub const MAX_EXPERIMENT_NAME: usize = 500;
/// Metrics of one batch.
pub const MAX_BATCH_METRICS: usize = 1000;
/// Params of one batch, and tags of one batch.
pub const MAX_BATCH_PARAMS: usize = 100;
/// Metrics, params and tags of one batch together.
pub const MAX_BATCH_ENTITIES: usize = 1000;
/// Results of one page of a search.
pub const MAX_RESULTS: i64 = 50_000;

/// The texts that differ by what a key names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyOf {
    Metric,
    Param,
    Tag,
}

impl KeyOf {
    fn field(self) -> &'static str {
        match self {
            KeyOf::Metric => "name",
            KeyOf::Param | KeyOf::Tag => "key",
        }
    }
}

/// Says what is wrong with a value, in the words of MLflow's `invalid_value`.
#[track_caller]
pub fn invalid_value(path: impl Display, value: &Json, reason: &str) -> Error {
    Error::invalid(format!(
        "Invalid value {} for parameter '{path}' supplied: {reason}",
        python::json(value)
    ))
}

/// Where something stands in a request; it is written out only when a value is refused.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// At the top.
    Top,
    /// In this field.
    In(&'a str),
    /// In the entry with this number of a list.
    Entry(&'a str, usize),
}

impl<'a> Place<'a> {
    /// Gives the place of a field here: `metrics`, entry 3 and `name` are written
    /// `metrics[3].name`.
    pub fn field(self, name: &'a str) -> FieldAt<'a> {
        FieldAt { place: self, name }
    }
}

/// A field and where it stands.
#[derive(Debug, Clone, Copy)]
pub struct FieldAt<'a> {
    place: Place<'a>,
    name: &'a str,
}

impl Display for FieldAt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Place::Top => f.write_str(self.name),
            Place::In(path) => write!(f, "{path}.{}", self.name),
            Place::Entry(list, index) => write!(f, "{list}[{index}].{}", self.name),
        }
    }
}

/// Checks a metric, param or tag key.
pub fn check_key(of: KeyOf, key: &str, place: Place<'_>) -> Result<()> {
    check_name(key, place.field(of.field()))?;
    match of {
        KeyOf::Metric => check_length("Metric name", MAX_KEY, key),
        KeyOf::Param => check_length("Param key", MAX_KEY, key),
        KeyOf::Tag => check_length(place.field("key"), MAX_KEY, key),
    }
}

/// Checks the characters of a name, and that it stays itself when it is read as a path.
pub fn check_name(name: &str, path: impl Display) -> Result<()> {
    let mark = |c: char| matches!(c, '/' | '_' | '.' | '-' | ' ' | ':');
    // Python's `$` lets one trailing line break through.
    let body = name.strip_suffix('\n').unwrap_or(name);
    if !body.chars().all(|c| c.is_alphanumeric() || mark(c)) {
        return Err(invalid_value(
            path,
            &name.into(),
            "Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), \
             spaces ( ), colon(:) and slashes (/).",
        ));
    }
    check_stays_itself(name, path)
}

/// Refuses a name that would become another one if it were read as a path.
pub fn check_stays_itself(name: &str, path: impl Display) -> Result<()> {
    // Most names have nothing that a path could be made of.
    if !name.is_empty() && !name.starts_with('.') && !name.contains('/') {
        return Ok(());
    }
    let normal = normalized_path(name);
    if normal != name || normal == "." || normal.starts_with("..") || normal.starts_with('/') {
        let reason = format!(
            "Names may be treated as files in certain cases, and must not resolve to other names \
             when treated as such. This name would resolve to {}",
            python::repr(&normal)
        );
        return Err(invalid_value(path, &name.into(), &reason));
    }
    Ok(())
}

/// Resolves `.`, `..` and doubled slashes as `posixpath.normpath` does.
pub fn normalized_path(path: &str) -> String {
    if path.is_empty() {
        return ".".into();
    }
    let slashes = match path.strip_prefix("//") {
        Some(rest) if !rest.starts_with('/') => 2,
        _ => usize::from(path.starts_with('/')),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in path
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
    {
        let above = parts.last().is_none_or(|last| *last == "..");
        if part != ".." || (slashes == 0 && above) {
            parts.push(part);
        } else {
            parts.pop();
        }
    }
    let joined = format!("{}{}", "/".repeat(slashes), parts.join("/"));
    if joined.is_empty() {
        ".".into()
    } else {
        joined
    }
}

/// Checks a length in characters.
pub fn check_length(what: impl Display, limit: usize, value: &str) -> Result<()> {
    if value.len() <= limit || value.chars().count() <= limit {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "'{what}' exceeds the maximum length of {limit} characters"
    )))
}

/// Whether a param or tag value that is too long is cut or refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LongValues {
    Truncate,
    Refuse,
}

/// Cuts or refuses a value of more than `limit` characters.
pub fn fit(what: impl Display, limit: usize, value: String, long: LongValues) -> Result<String> {
    if long == LongValues::Refuse {
        check_length(what, limit, &value)?;
    }
    if value.len() <= limit {
        return Ok(value);
    }
    Ok(match value.char_indices().nth(limit) {
        Some((end, _)) => value[..end].to_owned(),
        None => value,
    })
}

/// Checks an experiment's name; empty was refused before, as a missing field.
pub fn check_experiment_name(name: &str) -> Result<()> {
    check_length("name", MAX_EXPERIMENT_NAME, name)
}

/// Checks a tag of an experiment.
pub fn check_experiment_tag(key: &str, value: &str) -> Result<()> {
    check_key(KeyOf::Tag, key, Place::Top)?;
    check_length("value", MAX_EXPERIMENT_TAG_VALUE, value)
}

/// Checks a run id as the batch and input routes do: a letter or digit, then word characters.
pub fn check_run_id(run_id: &str) -> Result<()> {
    let mut chars = run_id.strip_suffix('\n').unwrap_or(run_id).chars();
    let first = chars.next().is_some_and(|c| c.is_ascii_alphanumeric());
    if first
        && run_id.chars().count() <= 256
        && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
    {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "Invalid value {} for parameter 'run_id' supplied.",
        python::json(&run_id.into())
    )))
}

/// Reads an experiment id as Python's `int` would.
pub fn experiment_id(text: &str) -> Result<i64> {
    let refused = || {
        Error::invalid(format!(
            "Invalid experiment ID '{text}'. Experiment ID must be a valid integer."
        ))
    };
    text.trim().parse().map_err(|_| refused())
}

/// Checks the size of a page that a search asks for.
pub fn check_max_results(max_results: i64) -> Result<()> {
    if max_results < 1 {
        return Err(Error::invalid(format!(
            "Invalid value {max_results} for parameter 'max_results' supplied. It must be a \
             positive integer"
        )));
    }
    if max_results > MAX_RESULTS {
        return Err(Error::invalid(format!(
            "Invalid value {max_results} for parameter 'max_results' supplied. It must be at most \
             {MAX_RESULTS}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_normalized_as_posix_does() {
        let check = |path: &str, expected: &str| assert_eq!(normalized_path(path), expected);
        check("", ".");
        check("a//b", "a/b");
        check("a/./b/", "a/b");
        check("a/../../b", "../b");
        check("/../a", "/a");
        check("//a", "//a");
        check("///a", "/a");
        check("../..", "../..");
    }

    #[test]
    fn keys_follow_the_rules_of_names() {
        let check = |key: &str, good: bool| {
            assert_eq!(
                check_key(KeyOf::Metric, key, Place::Top).is_ok(),
                good,
                "{key:?}"
            );
        };
        check("val/auc", true);
        check("größe: 1 a-b.c", true);
        check("a\n", true);
        check("a*b", false);
        check("a//b", false);
        check("/a", false);
        check("..", false);
        check(".", false);
        check("", false);
        check(&"k".repeat(250), true);
        check(&"ü".repeat(250), true);
        check(&"k".repeat(251), false);
    }

    #[test]
    fn a_long_value_is_cut_between_characters() {
        let cut = fit("Param value", 3, "aüüü".into(), LongValues::Truncate).unwrap();
        assert_eq!(cut, "aüü");
        let refused = fit("Param value", 3, "aüüü".into(), LongValues::Refuse).unwrap_err();
        assert_eq!(
            refused.message,
            "'Param value' exceeds the maximum length of 3 characters"
        );
    }

    #[test]
    fn run_ids_are_words() {
        let check = |id: &str, good: bool| assert_eq!(check_run_id(id).is_ok(), good, "{id:?}");
        check("0a_-", true);
        check("", false);
        check("-a", false);
        check("a b", false);
        check(&"a".repeat(256), true);
        check(&"a".repeat(257), false);
    }
}
