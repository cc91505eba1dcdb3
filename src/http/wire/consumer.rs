//! The wire of consumers: what serving processes report, and how they stand. What is not there is
//! null.

use super::field::{Field, Message, missing};
use super::resolve::no_others;
use crate::error::{Error, Result};
use crate::registry::consumer::{self, Forget, Report, State, Stored};
use crate::registry::model_uri::ModelUri;
use crate::registry::resolution;
use crate::registry::standing::{self, Desired};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// Characters of the name of a consumer and of an instance.
const MAX_NAME: usize = 256;
/// Characters of a digest.
const MAX_DIGEST: usize = 256;
/// Characters of an error that are kept.
const MAX_ERROR: usize = 4_000;
/// Bytes of metadata, as JSON.
const MAX_METADATA: usize = 4_096;
/// Entries of a page when the request does not say.
const DEFAULT_RESULTS: i64 = 100;
/// Entries of a page.
const MAX_RESULTS: i64 = 1_000;

/// Checks the name of a consumer or an instance; `place` says where it stood.
pub fn check_name(place: &str, name: &str) -> Result<()> {
    let problem = match name {
        name if name.trim().is_empty() => "is empty",
        name if name.chars().count() > MAX_NAME => "has more than 256 characters",
        name if name.contains(char::is_control) => "contains a control character",
        _ => return Ok(()),
    };
    Err(Error::invalid(format!("{place} {problem}.")))
}

/// What a serving process reports.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct ReportLoaded {
    consumer: Field<String>,
    instance: Field<String>,
    uri: Field<String>,
    name: Field<String>,
    alias: Field<String>,
    state: Field<String>,
    loaded_version: Field<i64>,
    loaded_digest: Field<String>,
    error: Field<String>,
    metadata: Json,
    #[serde(flatten)]
    others: Map<String, Json>,
}

impl Message for ReportLoaded {}

impl ReportLoaded {
    /// Checks the report.
    pub fn check(self) -> Result<Report> {
        no_others(
            &self.others,
            "consumer, instance, uri, name, alias, state, loaded_version, loaded_digest, error \
             and metadata",
        )?;
        let consumer = self.consumer.required("consumer")?;
        check_name("The consumer", &consumer)?;
        let instance = self.instance.optional("instance")?.unwrap_or_default();
        if !instance.is_empty() {
            check_name("The instance", &instance)?;
        }
        let uri = followed(self.uri, self.name, self.alias)?;
        let state = State::parse(&self.state.required("state")?)?;
        let loaded_version = self.loaded_version.optional("loaded_version")?;
        let error = self.error.optional("error")?.unwrap_or_default();
        match state {
            State::Loaded if loaded_version.is_none() => return Err(missing("loaded_version")),
            State::Failed if error.is_empty() => return Err(missing("error")),
            _ => {}
        }
        Ok(Report {
            consumer,
            instance,
            uri,
            state,
            loaded_version,
            loaded_digest: digest(self.loaded_digest)?,
            error: error.chars().take(MAX_ERROR).collect(),
            metadata: metadata(&self.metadata)?,
        })
    }
}

/// Reads what a process follows: a URI, or the name of a model and an alias.
fn followed(uri: Field<String>, name: Field<String>, alias: Field<String>) -> Result<ModelUri> {
    let (uri, name) = (uri.optional("uri")?, name.optional("name")?);
    match (uri, name, alias.optional("alias")?) {
        (Some(uri), None, None) => ModelUri::parse(&uri),
        (None, Some(name), Some(alias)) => ModelUri::of_alias(&name, &alias),
        (None, None, None) => Err(missing("uri")),
        _ => Err(Error::invalid(
            "Say what is followed either by uri, or by name and alias.",
        )),
    }
}

fn digest(digest: Field<String>) -> Result<Option<String>> {
    let digest = digest.optional("loaded_digest")?;
    match digest {
        Some(text) if text.chars().count() > MAX_DIGEST => Err(Error::invalid(format!(
            "loaded_digest has more than {MAX_DIGEST} characters."
        ))),
        digest => Ok(digest.filter(|text| !text.is_empty())),
    }
}

fn metadata(given: &Json) -> Result<String> {
    match given {
        Json::Null => return Ok("{}".to_owned()),
        Json::Object(_) => {}
        _ => return Err(Error::invalid("metadata must be a JSON object.")),
    }
    let text = given.to_string();
    if text.len() > MAX_METADATA {
        return Err(Error::invalid(format!(
            "metadata has {} bytes as JSON, and may have {MAX_METADATA}.",
            text.len()
        )));
    }
    Ok(text)
}

/// The query of the consumers of a model.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct ListConsumers {
    stale_after_s: Field<i64>,
    max_results: Field<i64>,
    page_token: Field<String>,
    #[serde(flatten)]
    others: Map<String, Json>,
}

impl Message for ListConsumers {}

impl ListConsumers {
    /// Checks the query, and gives after how many milliseconds a report is stale;
    /// `stale_after_ms` where it does not say.
    pub fn check(self, name: String, stale_after_ms: i64) -> Result<(consumer::Question, i64)> {
        no_others(&self.others, "stale_after_s, max_results and page_token")?;
        let stale_after_ms = match self.stale_after_s.optional("stale_after_s")? {
            None => stale_after_ms,
            Some(seconds) if (1..=31_536_000).contains(&seconds) => seconds * 1000,
            Some(seconds) => {
                return Err(Error::invalid(format!(
                    "stale_after_s must be between 1 and 31536000, and is {seconds}."
                )));
            }
        };
        let question = consumer::Question {
            name,
            page_token: page_token(self.page_token)?,
            max_results: max_results(self.max_results)?,
        };
        Ok((question, stale_after_ms))
    }
}

fn max_results(given: Field<i64>) -> Result<usize> {
    let max_results = given.optional("max_results")?.unwrap_or(DEFAULT_RESULTS);
    if !(1..=MAX_RESULTS).contains(&max_results) {
        return Err(Error::invalid(format!(
            "max_results must be between 1 and {MAX_RESULTS}, and is {max_results}."
        )));
    }
    Ok(max_results as usize)
}

fn page_token(given: Field<String>) -> Result<Option<String>> {
    let token = given.optional("page_token")?;
    Ok(token.filter(|token| !token.is_empty()))
}

/// A process, what it reported, and how it stands.
#[derive(Serialize, JsonSchema)]
pub struct ConsumerReply {
    consumer: String,
    instance: String,
    uri: String,
    status: &'static str,
    since: i64,
    reason: String,
    desired_version: Option<String>,
    desired_digest: Option<String>,
    state: &'static str,
    loaded_version: Option<String>,
    loaded_digest: Option<String>,
    error: String,
    metadata: Json,
    reported_at: i64,
    resolved_at: Option<i64>,
}

impl ConsumerReply {
    /// Answers with how a process stands; `now` and `stale_after` are in milliseconds.
    pub fn new(stored: Stored, desired: Desired, (now, stale_after): (i64, i64)) -> Self {
        let verdict = standing::judge(&stored, &desired, (now, stale_after));
        let resolved = desired.resolved.ok();
        let report = stored.report;
        Self {
            consumer: report.consumer,
            instance: report.instance,
            uri: report.uri.to_string(),
            status: verdict.status.name(),
            since: verdict.since,
            reason: verdict.reason,
            desired_version: resolved
                .as_ref()
                .map(|resolved| resolved.version.number.to_string()),
            desired_digest: resolved.and_then(|resolved| resolved.digest),
            state: report.state.name(),
            loaded_version: report.loaded_version.map(|number| number.to_string()),
            loaded_digest: report.loaded_digest,
            error: report.error,
            metadata: serde_json::from_str(&report.metadata).unwrap_or_default(),
            reported_at: stored.reported_at,
            resolved_at: stored.resolved_at,
        }
    }
}

/// The consumers of a model.
#[derive(Serialize, JsonSchema)]
pub struct ConsumersReply {
    consumers: Vec<ConsumerReply>,
    next_page_token: Option<String>,
}

impl ConsumersReply {
    /// Answers with a page of reports; `times` are now and how long a report counts, in
    /// milliseconds.
    pub fn new(page: consumer::Page, times: (i64, i64)) -> Self {
        let reports = page.reports.into_iter();
        let consumers = reports.map(|(stored, desired)| ConsumerReply::new(stored, desired, times));
        Self {
            consumers: consumers.collect(),
            next_page_token: page.next,
        }
    }
}

/// The query of what is to be forgotten of a consumer.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct ForgetConsumer {
    name: Field<String>,
    instance: Field<String>,
    #[serde(flatten)]
    others: Map<String, Json>,
}

impl Message for ForgetConsumer {}

impl ForgetConsumer {
    /// Checks the request for a consumer.
    pub fn check(self, consumer: String) -> Result<Forget> {
        no_others(&self.others, "name and instance")?;
        Ok(Forget {
            consumer,
            instance: self.instance.optional("instance")?,
            name: self.name.optional("name")?,
        })
    }
}

/// How much was forgotten.
#[derive(Serialize, JsonSchema)]
pub struct ForgottenReply {
    pub forgotten: u64,
}

/// The query of who resolved what.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct ListResolutions {
    consumer: Field<String>,
    max_results: Field<i64>,
    page_token: Field<String>,
    #[serde(flatten)]
    others: Map<String, Json>,
}

impl Message for ListResolutions {}

impl ListResolutions {
    /// Checks the query for the model of a name.
    pub fn check(self, name: String) -> Result<resolution::Question> {
        no_others(&self.others, "consumer, max_results and page_token")?;
        Ok(resolution::Question {
            name,
            consumer: self.consumer.optional("consumer")?,
            page_token: page_token(self.page_token)?,
            max_results: max_results(self.max_results)?,
        })
    }
}

#[derive(Serialize, JsonSchema)]
struct ResolutionReply {
    consumer: String,
    uri: String,
    version: String,
    first_at: i64,
    last_at: i64,
    times: i64,
}

/// Who was told which version, and when.
#[derive(Serialize, JsonSchema)]
pub struct ResolutionsReply {
    resolutions: Vec<ResolutionReply>,
    next_page_token: Option<String>,
}

impl From<resolution::Page> for ResolutionsReply {
    fn from(page: resolution::Page) -> Self {
        let rows = page.resolutions.into_iter();
        let resolutions = rows.map(|(sighting, times)| ResolutionReply {
            consumer: sighting.consumer,
            uri: sighting.uri,
            version: sighting.version.to_string(),
            first_at: times.first_at,
            last_at: times.last_at,
            times: times.count,
        });
        Self {
            resolutions: resolutions.collect(),
            next_page_token: page.next,
        }
    }
}
