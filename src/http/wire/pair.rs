//! Keys with values, as tags and params are on the wire.

use super::field::{Field, Message, missing};
use crate::error::{Error, Result};
use crate::python;
use crate::tracking::experiment::Pair;
use crate::tracking::rule;
use compact_str::CompactString;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::HashSet;
use std::sync::Arc;

/// Characters of a key of a logged model's params and tags.
const MAX_MODEL_KEY: usize = 255;

#[derive(Deserialize, Default, Debug, Clone, PartialEq)]
#[serde(default)]
pub struct PairBody {
    pub key: Field<String>,
    pub value: Field<String>,
}

impl Message for PairBody {}

/// Reads a list of pairs; a missing key or value is empty, as protobuf reads it.
pub fn checked_pairs(list: Field<Vec<Field<PairBody>>>, name: &str) -> Result<Vec<Pair>> {
    let list = list.optional(name)?.unwrap_or_default();
    let mut pairs = Vec::with_capacity(list.len());
    for (index, entry) in list.into_iter().enumerate() {
        let path = format!("{name}[{index}]");
        let body = entry.optional(&path)?.unwrap_or_default();
        pairs.push(Pair {
            key: body
                .key
                .optional(&format!("{path}.key"))?
                .unwrap_or_default(),
            value: body
                .value
                .optional(&format!("{path}.value"))?
                .unwrap_or_default(),
        });
    }
    Ok(pairs)
}

/// Reads a list of pairs of a logged model: each with a key of 1 to `MAX_MODEL_KEY` characters.
pub fn model_pairs(list: Field<Vec<Field<PairBody>>>, name: &str) -> Result<Vec<Pair>> {
    let pairs = checked_pairs(list, name)?;
    for (index, pair) in pairs.iter().enumerate() {
        let path = format!("{name}[{index}].key");
        if pair.key.is_empty() {
            return Err(missing(&path));
        }
        rule::check_length(&path, MAX_MODEL_KEY, &pair.key)?;
    }
    Ok(pairs)
}

/// Refuses a tag key that is given twice.
pub fn check_distinct_tags(tags: &[Pair]) -> Result<()> {
    let mut seen = HashSet::new();
    match tags.iter().find(|tag| !seen.insert(tag.key.as_str())) {
        None => Ok(()),
        Some(twice) => Err(Error::invalid(format!(
            "Invalid value {} for parameter 'tags' supplied: a tag key may be given once.",
            python::json(&twice.key.as_str().into())
        ))),
    }
}

#[derive(Serialize)]
pub struct PairReply {
    key: Arc<str>,
    #[serde(serialize_with = "text")]
    value: CompactString,
}

fn text<S: Serializer>(value: &CompactString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(value)
}

impl<K: Into<Arc<str>>, V: Into<CompactString>> From<Pair<K, V>> for PairReply {
    fn from(pair: Pair<K, V>) -> Self {
        Self {
            key: pair.key.into(),
            value: pair.value.into(),
        }
    }
}

/// Writes pairs in their order.
pub fn pairs<K: Into<Arc<str>>, V: Into<CompactString>>(pairs: Vec<Pair<K, V>>) -> Vec<PairReply> {
    pairs.into_iter().map(PairReply::from).collect()
}
