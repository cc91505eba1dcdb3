//! The wire of changes of many runs at once.

use super::field::{Field, FieldValue, Message, texts};
use super::run::checked_tags;
use super::run_table::{distinct, some};
use crate::error::{Error, Result};
use crate::tracking::bulk::Outcome;
use crate::tracking::experiment::Pair;
use crate::tracking::rule::{self, KeyOf, LongValues, Place};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Runs of one request.
const MAX_RUNS: usize = 1_000;
/// Tags of one request.
const MAX_TAGS: usize = 100;

/// Tags by their keys.
#[derive(JsonSchema)]
#[schemars(transparent)]
pub struct Tags(BTreeMap<String, String>);

impl FieldValue for Tags {
    fn from_object<'de, A: serde::de::MapAccess<'de>>(
        entries: A,
    ) -> std::result::Result<Field<Self>, A::Error> {
        let deserializer = serde::de::value::MapAccessDeserializer::new(entries);
        let map = serde_json::Map::deserialize(deserializer)?;
        let texts = map
            .iter()
            .map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())));
        Ok(match texts.collect::<Option<_>>() {
            Some(tags) => Field::Given(Tags(tags)),
            None => Field::Bad(Box::new(map.into())),
        })
    }
}

/// Which runs are deleted or restored.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["run_ids"]))]
pub struct ManyRuns {
    /// 1 to 1,000; each counts once.
    run_ids: Field<Vec<Field<String>>>,
}

impl Message for ManyRuns {
    const LISTS: &'static [&'static str] = &["run_ids"];
}

impl ManyRuns {
    /// Gives the distinct runs.
    pub fn check(self) -> Result<Vec<String>> {
        Ok(distinct(some(self.run_ids, "run_ids", MAX_RUNS)?))
    }
}

/// Tags that are set and removed on many runs.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["run_ids"]))]
pub struct TagRuns {
    /// 1 to 1,000; each counts once.
    run_ids: Field<Vec<Field<String>>>,
    set: Field<Tags>,
    /// Keys.
    remove: Field<Vec<Field<String>>>,
}

impl Message for TagRuns {
    const LISTS: &'static [&'static str] = &["run_ids", "remove"];
}

impl TagRuns {
    /// Gives the distinct runs, the tags to set and the keys to remove.
    pub fn check(self, long: LongValues) -> Result<(Vec<String>, Vec<Pair>, Vec<String>)> {
        let runs = distinct(some(self.run_ids, "run_ids", MAX_RUNS)?);
        let set = self
            .set
            .optional("set")?
            .map_or_else(BTreeMap::new, |tags| tags.0);
        let pairs = set.into_iter().map(|(key, value)| Pair { key, value });
        let set = checked_tags(pairs.collect(), long)?;
        let remove = distinct(texts(self.remove, "remove")?);
        for key in &remove {
            rule::check_key(KeyOf::Tag, key, Place::In("remove"))?;
        }
        if set.is_empty() && remove.is_empty() {
            return Err(Error::invalid("Name tags to set, or keys to remove."));
        }
        if set.len() + remove.len() > MAX_TAGS {
            return Err(Error::invalid(format!(
                "A request may set and remove {MAX_TAGS} tags at the most."
            )));
        }
        if let Some(both) = set.iter().find(|tag| remove.contains(&tag.key)) {
            return Err(Error::invalid(format!(
                "The tag '{}' is both set and removed.",
                both.key
            )));
        }
        Ok((runs, set, remove))
    }
}

/// What became of the runs.
#[derive(Serialize, JsonSchema)]
pub struct ManyReply {
    changed: Vec<String>,
    /// Those that were as they should be already.
    unchanged: Vec<String>,
    /// Ids that no run has.
    missing: Vec<String>,
}

impl From<Outcome> for ManyReply {
    fn from(outcome: Outcome) -> Self {
        Self {
            changed: outcome.changed,
            unchanged: outcome.unchanged,
            missing: outcome.missing,
        }
    }
}
