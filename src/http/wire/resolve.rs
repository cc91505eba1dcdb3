//! The wire of the resolver: where a `models:` URI leads. What is not there is null.

use super::field::{Field, Message, missing};
use crate::error::{Error, Result};
use crate::registry::model_uri::ModelUri;
use crate::registry::resolve::Resolved;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::time::Duration;

/// The longest wait for a change, in seconds.
const MAX_WAIT_S: i64 = 60;

/// Refuses fields that a message of our own API does not have.
pub fn no_others(others: &Map<String, Json>, allowed: &str) -> Result<()> {
    match others.keys().next() {
        None => Ok(()),
        Some(name) => Err(Error::invalid(format!(
            "There is no parameter '{name}' here. The parameters are {allowed}."
        ))),
    }
}

/// The query of the resolver.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct ResolveUri {
    uri: Field<String>,
    wait: Field<i64>,
    #[serde(flatten)]
    others: Map<String, Json>,
}

impl Message for ResolveUri {}

impl ResolveUri {
    /// Checks the query; the wait is zero where none is asked for.
    pub fn check(self) -> Result<(ModelUri, Duration)> {
        no_others(&self.others, "uri and wait")?;
        let uri = match self.uri.optional("uri")? {
            Some(uri) if !uri.is_empty() => ModelUri::parse(&uri)?,
            _ => return Err(missing("uri")),
        };
        let wait = self.wait.optional("wait")?.unwrap_or(0);
        if !(0..=MAX_WAIT_S).contains(&wait) {
            return Err(Error::invalid(format!(
                "wait must be between 0 and {MAX_WAIT_S} seconds, and is {wait}."
            )));
        }
        Ok((uri, Duration::from_secs(wait.unsigned_abs())))
    }
}

/// Where a URI leads.
#[derive(Serialize, JsonSchema)]
pub struct ResolvedReply {
    uri: String,
    name: String,
    version: String,
    digest: Option<String>,
    storage_uri: Option<String>,
    download_uri: String,
    run_id: Option<String>,
    logged_model_id: Option<String>,
    signature: Option<Json>,
    stage: &'static str,
    aliases: Vec<String>,
    generation: Option<i64>,
}

impl From<Resolved> for ResolvedReply {
    fn from(found: Resolved) -> Self {
        let version = found.version;
        let given = |text: String| (!text.is_empty()).then_some(text);
        Self {
            uri: found.uri.to_string(),
            name: version.model_name,
            version: version.number.to_string(),
            digest: found.digest,
            storage_uri: found.storage_uri,
            download_uri: version.storage_location,
            run_id: given(version.run_id),
            logged_model_id: given(version.model_uuid),
            signature: found.signature,
            stage: version.stage.name(),
            aliases: version.aliases,
            generation: found.generation,
        }
    }
}
