//! Keys with values, as tags and params are on the wire.

use super::field::{Field, Message};
use crate::error::Result;
use crate::tracking::experiment::Pair;
use serde::{Deserialize, Serialize};

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

#[derive(Serialize)]
pub struct PairReply {
    key: String,
    value: String,
}

impl From<Pair> for PairReply {
    fn from(pair: Pair) -> Self {
        Self {
            key: pair.key,
            value: pair.value,
        }
    }
}

/// Writes pairs in their order.
pub fn pairs(pairs: Vec<Pair>) -> Vec<PairReply> {
    pairs.into_iter().map(PairReply::from).collect()
}
