//! The wire of versions that are in Production for too long.

use super::field::Message;
use crate::error::{Error, Result};
use crate::registry::aged::Page;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

const DAY_MS: i64 = 86_400_000;

/// The query of the list, which has no parameters.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct ListAged {
    #[serde(flatten)]
    others: Map<String, Json>,
}

impl Message for ListAged {}

impl ListAged {
    /// Refuses parameters.
    pub fn check(self) -> Result<()> {
        match self.others.keys().next() {
            None => Ok(()),
            Some(name) => Err(Error::invalid(format!(
                "There is no parameter '{name}' here; this list takes none."
            ))),
        }
    }
}

#[derive(Serialize, JsonSchema)]
struct AgedVersion {
    model: String,
    version: String,
    since: i64,
    days: i64,
    aliases: Vec<String>,
}

/// The versions that are aged, by the name of the model and the number.
#[derive(Serialize, JsonSchema)]
pub struct AgedReply {
    /// 0 where versions never age.
    max_age_days: i64,
    versions: Vec<AgedVersion>,
    /// Whether there are more versions than are told.
    more: bool,
}

impl AgedReply {
    /// Answers at a moment, for an age that versions may have, both in milliseconds.
    pub fn new(page: Page, (now, max_age_ms): (i64, i64)) -> Self {
        let versions = page.versions.into_iter().map(|listed| AgedVersion {
            days: listed.aged.days(now),
            version: listed.aged.number.to_string(),
            since: listed.aged.since,
            model: listed.aged.model_name,
            aliases: listed.aliases,
        });
        Self {
            max_age_days: max_age_ms / DAY_MS,
            versions: versions.collect(),
            more: page.more,
        }
    }
}
