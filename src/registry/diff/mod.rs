//! What differs between two versions, and what of it may make them predict differently.
//!
//! `diff` is pure: it compares two records that were taken when the versions were created, and says
//! what it finds in lists of rows and in sentences. Only `compare` reads the database, before it.
//!
//! Invariant: what is not known of a side is told as unknown, never as equal.

mod causes;
pub mod compare;
mod lists;
mod metrics;
mod packages;
mod signature;
mod summary;
mod words;

use super::facts::{Entry, Facts};
use super::manifest::FileDigest;
use serde::Serialize;
use serde_json::Value as Json;

pub use causes::{Cause, Verdict};
pub use metrics::MetricRow;
pub use signature::SignatureRow;

/// One of the two versions.
#[derive(Debug, Clone, Copy)]
pub struct Side<'f> {
    /// What sentences call it, as `model/number`.
    pub label: &'f str,
    pub facts: &'f Facts,
    /// The files in the order of their paths; `None` where the server does not know them.
    pub files: Option<&'f [FileDigest]>,
    /// The tags of the version itself, as they are now.
    pub version_tags: &'f [Entry],
}

/// What became of a thing from `a` to `b`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    Changed,
    /// Only in `b`.
    Added,
    /// Only in `a`.
    Removed,
}

/// A thing that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    pub key: String,
    pub change: Change,
    /// Null where `a` has none.
    pub a: Option<String>,
    pub b: Option<String>,
}

/// One kind of things: how many are equal, and those that differ, sorted by key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Section<R> {
    pub equal: usize,
    pub differ: Vec<R>,
    /// What limits the comparison; null where nothing does.
    pub note: Option<String>,
}

impl<R> Default for Section<R> {
    fn default() -> Self {
        Self {
            equal: 0,
            differ: Vec::new(),
            note: None,
        }
    }
}

/// All that differs between two versions.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Diff {
    /// Readable sentences: the metrics first, then what differs in the order of `causes`, then what
    /// is equal, then what is not known.
    pub summary: Vec<String>,
    /// What may make two models predict differently, the likeliest first.
    pub causes: Vec<Cause>,
    pub metrics: Section<MetricRow>,
    pub datasets: Section<Row>,
    pub code: Section<Row>,
    pub packages: Section<Row>,
    /// Python, images and MLflow itself.
    pub environment: Section<Row>,
    pub seeds: Section<Row>,
    pub params: Section<Row>,
    pub signature: Section<SignatureRow>,
    /// By SHA-256.
    pub files: Section<Row>,
    pub flavors: Section<Row>,
    /// Of the runs, without those that MLflow sets itself.
    pub run_tags: Section<Row>,
    /// Of the versions, as they are now.
    pub version_tags: Section<Row>,
    /// Run, experiment, user, model: whose versions these are.
    pub origin: Section<Row>,
}

/// Compares two versions.
pub fn diff(a: &Side<'_>, b: &Side<'_>) -> Diff {
    let mut diff = Diff {
        summary: Vec::new(),
        causes: Vec::new(),
        metrics: metrics::compare(a.facts, b.facts),
        datasets: lists::datasets(a.facts, b.facts),
        code: lists::code(a.facts, b.facts),
        packages: packages::compare(a.facts, b.facts),
        environment: lists::environment(a.facts, b.facts),
        seeds: lists::entries(&a.facts.seeds, &b.facts.seeds),
        params: lists::params(a.facts, b.facts),
        signature: signature::compare(a.facts.signature.as_ref(), b.facts.signature.as_ref()),
        files: lists::files(a, b),
        flavors: lists::flavors(a.facts, b.facts),
        run_tags: lists::run_tags(a.facts, b.facts),
        version_tags: lists::entries(a.version_tags, b.version_tags),
        origin: lists::origin(a.facts, b.facts),
    };
    diff.causes = causes::causes(a, b, &diff);
    diff.summary = summary::sentences(a, b, &diff);
    diff
}

/// Gives a JSON value as people read it: texts without quotes.
fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
