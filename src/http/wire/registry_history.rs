//! The wire of our own routes on the history of the registry. What is not there is null.

use super::field::{Field, Message, texts};
use crate::error::{Error, Result};
use crate::registry::history::{Entry, Kind, Page, Question};
use crate::registry::past::{AliasThen, StageThen, parse_time};
use crate::registry::rule;
use crate::registry::stage::Stage;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Entries of a page when the request does not say.
const DEFAULT_ENTRIES: i64 = 100;
/// Entries of a page.
const MAX_ENTRIES: i64 = 1_000;

/// The query of a history.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct ListHistory {
    kind: Field<Vec<Field<String>>>,
    version: Field<String>,
    max_results: Field<i64>,
    page_token: Field<String>,
}

impl Message for ListHistory {
    const LISTS: &'static [&'static str] = &["kind"];
}

impl ListHistory {
    /// Checks the query for the history of the models of a name.
    pub fn check(self, name: String) -> Result<Question> {
        let kinds = texts(self.kind, "kind")?;
        let kinds = kinds.iter().map(|kind| Ok(Kind::parse(kind)?.name()));
        let kinds = kinds.collect::<Result<Vec<_>>>()?;
        let version = self.version.optional("version")?;
        let version = version
            .map(|version| rule::version_number(&version))
            .transpose()?;
        let max_results = self.max_results.optional("max_results")?;
        let max_results = max_results.unwrap_or(DEFAULT_ENTRIES);
        if !(1..=MAX_ENTRIES).contains(&max_results) {
            return Err(Error::invalid(format!(
                "max_results must be between 1 and {MAX_ENTRIES}, and is {max_results}."
            )));
        }
        Ok(Question {
            name,
            kinds,
            version,
            page_token: self
                .page_token
                .optional("page_token")?
                .filter(|token| !token.is_empty()),
            max_results: max_results as usize,
        })
    }
}

/// The query of what held at a moment.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct AtTime {
    at: Field<String>,
}

impl Message for AtTime {}

impl AtTime {
    /// Gives the moment, in milliseconds since 1970; `now` where the query names none.
    pub fn check(self, now: i64) -> Result<i64> {
        match self.at.optional("at")? {
            Some(at) => parse_time(&at),
            None => Ok(now),
        }
    }
}

#[derive(Serialize, JsonSchema)]
struct EntryReply {
    id: i64,
    time: i64,
    actor: String,
    model_id: i64,
    model_name: String,
    version: Option<String>,
    kind: &'static str,
    key: Option<String>,
    from: Option<String>,
    to: Option<String>,
    generation: Option<i64>,
    reason: String,
    request_id: String,
}

impl From<Entry> for EntryReply {
    fn from(entry: Entry) -> Self {
        Self {
            id: entry.id,
            time: entry.at,
            actor: entry.actor,
            model_id: entry.model_id,
            model_name: entry.model_name,
            version: entry.version.map(|number| number.to_string()),
            kind: entry.kind.name(),
            key: entry.key,
            from: entry.from,
            to: entry.to,
            generation: entry.generation,
            reason: entry.reason,
            request_id: entry.request_id,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct HistoryReply {
    entries: Vec<EntryReply>,
    next_page_token: Option<String>,
}

impl From<Page> for HistoryReply {
    fn from(page: Page) -> Self {
        Self {
            entries: page.entries.into_iter().map(EntryReply::from).collect(),
            next_page_token: page.next,
        }
    }
}

/// What an alias pointed at, since when, by whom and why.
#[derive(Serialize, JsonSchema)]
pub struct AliasThenReply {
    name: String,
    model_id: i64,
    alias: String,
    at: i64,
    version: String,
    generation: Option<i64>,
    since: i64,
    actor: String,
    reason: String,
    request_id: String,
}

impl AliasThenReply {
    /// Answers for a model and an alias at a moment.
    pub fn new((name, alias): (String, String), at: i64, then: AliasThen) -> Self {
        Self {
            name,
            model_id: then.model_id,
            alias,
            at,
            version: then.version.to_string(),
            generation: then.generation,
            since: then.set.at,
            actor: then.set.actor,
            reason: then.set.reason,
            request_id: then.set.request_id,
        }
    }
}

#[derive(Serialize, JsonSchema)]
struct VersionThen {
    version: Option<String>,
    since: i64,
    actor: String,
    reason: String,
    request_id: String,
}

/// Which versions were in a stage, the highest first, each since when, by whom and why.
#[derive(Serialize, JsonSchema)]
pub struct StageThenReply {
    name: String,
    model_id: i64,
    stage: &'static str,
    at: i64,
    versions: Vec<VersionThen>,
    /// Whether there were more versions than are told.
    more: bool,
}

impl StageThenReply {
    /// Answers for a model and a stage at a moment.
    pub fn new((name, stage): (String, Stage), at: i64, then: StageThen) -> Self {
        let versions = then.versions.into_iter().map(|entry| VersionThen {
            version: entry.version.map(|number| number.to_string()),
            since: entry.at,
            actor: entry.actor,
            reason: entry.reason,
            request_id: entry.request_id,
        });
        Self {
            name,
            model_id: then.model_id,
            stage: stage.name(),
            at,
            versions: versions.collect(),
            more: then.more,
        }
    }
}
