//! The wire of the audit log. Hashes are base64, as in checkpoints.

use super::field::{Field, Message};
use crate::audit::checkpoint::{Head, SignedHead};
use crate::audit::entry::Outcome;
use crate::audit::key::PublicKey;
use crate::audit::log::Record;
use crate::audit::search::{Page, Question};
use crate::audit::tree::Hash;
use crate::error::{Error, Result};
use crate::registry::past::parse_time;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Entries of a page when the request does not say.
const DEFAULT_ENTRIES: i64 = 100;
/// Entries, records or heads of a page.
pub const MAX_ENTRIES: i64 = 1_000;

/// The query for entries.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct SearchEntries {
    actor: Field<String>,
    action: Field<String>,
    object: Field<String>,
    request_id: Field<String>,
    result: Field<String>,
    since: Field<String>,
    until: Field<String>,
    max_results: Field<i64>,
    page_token: Field<String>,
}

impl Message for SearchEntries {}

impl SearchEntries {
    /// Checks the query.
    pub fn check(self) -> Result<Question> {
        let text = |field: Field<String>, name| -> Result<Option<String>> {
            Ok(field.optional(name)?.filter(|text| !text.is_empty()))
        };
        let time = |field: Field<String>, name| -> Result<Option<i64>> {
            text(field, name)?.map(|text| parse_time(&text)).transpose()
        };
        Ok(Question {
            actor: text(self.actor, "actor")?,
            action: text(self.action, "action")?,
            object: text(self.object, "object")?,
            request_id: text(self.request_id, "request_id")?,
            result: text(self.result, "result")?.map(outcome).transpose()?,
            since: time(self.since, "since")?,
            until: time(self.until, "until")?,
            page_token: text(self.page_token, "page_token")?,
            max_results: max_results(self.max_results)? as usize,
        })
    }
}

fn outcome(name: String) -> Result<&'static str> {
    let known = Outcome::ALL.iter().map(|(_, known)| *known);
    known.clone().find(|known| *known == name).ok_or_else(|| {
        let known = known.collect::<Vec<_>>().join(", ");
        Error::invalid(format!("result is '{name}', and is one of {known}."))
    })
}

fn max_results(field: Field<i64>) -> Result<i64> {
    let max = field.optional("max_results")?.unwrap_or(DEFAULT_ENTRIES);
    match (1..=MAX_ENTRIES).contains(&max) {
        true => Ok(max),
        false => Err(Error::invalid(format!(
            "max_results must be between 1 and {MAX_ENTRIES}, and is {max}."
        ))),
    }
}

/// The query for records or heads in their order.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct ReadFrom {
    from: Field<i64>,
    max_results: Field<i64>,
}

impl Message for ReadFrom {}

impl ReadFrom {
    /// Gives the first position or size, and how many are asked for.
    pub fn check(self) -> Result<(u64, u64)> {
        let from = size(self.from, "from")?.unwrap_or(0);
        Ok((from, max_results(self.max_results)? as u64))
    }
}

/// The query for a proof.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct Sizes {
    tree_size: Field<i64>,
    first: Field<i64>,
    second: Field<i64>,
}

impl Message for Sizes {}

impl Sizes {
    /// Gives the size of the tree that an entry is proven to be in; `None` for the tree as it is.
    pub fn check_one(self) -> Result<Option<u64>> {
        size(self.tree_size, "tree_size")
    }

    /// Gives the sizes of an earlier and a later tree; `None` for the tree as it is.
    pub fn check_two(self) -> Result<(u64, Option<u64>)> {
        let first = size(self.first, "first")?;
        let first = first.ok_or_else(|| super::field::missing("first"))?;
        Ok((first, size(self.second, "second")?))
    }
}

fn size(field: Field<i64>, name: &str) -> Result<Option<u64>> {
    field
        .optional(name)?
        .map(|given| {
            u64::try_from(given)
                .map_err(|_| Error::invalid(format!("{name} must be 0 or more, and is {given}.")))
        })
        .transpose()
}

/// Reads the position in a path.
pub fn position(text: &str) -> Result<u64> {
    text.parse().map_err(|_| {
        Error::invalid(format!(
            "'{text}' is no position of an entry; positions are counted from 0."
        ))
    })
}

/// Writes a hash.
pub fn encode(hash: &[u8]) -> String {
    STANDARD.encode(hash)
}

/// Reads a hash.
pub fn decode(text: &str) -> Option<Hash> {
    Hash::try_from(STANDARD.decode(text).ok()?).ok()
}

/// An entry with its position and hash.
#[derive(Serialize, JsonSchema)]
pub struct EntryReply {
    position: u64,
    leaf_hash: String,
    entry: Json,
}

impl From<Record> for EntryReply {
    fn from(record: Record) -> Self {
        Self {
            position: record.position,
            leaf_hash: encode(&record.leaf_hash),
            // What cannot be read any more is shown as it is.
            entry: serde_json::from_str(&record.leaf).unwrap_or(Json::String(record.leaf)),
        }
    }
}

/// A page of entries, newest first.
#[derive(Serialize, JsonSchema)]
pub struct EntriesReply {
    entries: Vec<EntryReply>,
    next_page_token: Option<String>,
}

impl From<Page> for EntriesReply {
    fn from(page: Page) -> Self {
        Self {
            entries: page.records.into_iter().map(EntryReply::from).collect(),
            next_page_token: page.next,
        }
    }
}

/// One entry with the proof that it is in a tree.
#[derive(Serialize, JsonSchema)]
pub struct InclusionReply {
    #[serde(flatten)]
    entry: EntryReply,
    /// The bytes that were hashed, as text.
    leaf: String,
    tree_size: u64,
    root_hash: String,
    /// From the entry's neighbor up to the root's.
    inclusion_path: Vec<String>,
}

impl InclusionReply {
    /// Answers for an entry in the tree of a size with a root.
    pub fn new(record: Record, (tree_size, root): (u64, Hash), path: &[Hash]) -> Self {
        Self {
            leaf: record.leaf.clone(),
            entry: record.into(),
            tree_size,
            root_hash: encode(&root),
            inclusion_path: path.iter().map(|hash| encode(hash)).collect(),
        }
    }
}

/// The proof that one tree is the beginning of another.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct ConsistencyReply {
    pub first: u64,
    pub second: u64,
    pub consistency_path: Vec<String>,
}

/// A record as the database holds it, for those who check the log.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct RecordWire {
    position: u64,
    /// Null where the database holds no number.
    at: Option<i64>,
    actor: String,
    action: String,
    object: String,
    result: String,
    request_id: String,
    /// The bytes that were hashed, as text.
    leaf: String,
    leaf_hash: String,
}

impl From<Record> for RecordWire {
    fn from(record: Record) -> Self {
        Self {
            position: record.position,
            at: record.at,
            actor: record.actor,
            action: record.action,
            object: record.object,
            result: record.result,
            request_id: record.request_id,
            leaf: record.leaf,
            leaf_hash: encode(&record.leaf_hash),
        }
    }
}

impl From<RecordWire> for Record {
    fn from(wire: RecordWire) -> Self {
        Self {
            position: wire.position,
            at: wire.at,
            actor: wire.actor,
            action: wire.action,
            object: wire.object,
            result: wire.result,
            request_id: wire.request_id,
            leaf: wire.leaf,
            leaf_hash: STANDARD.decode(wire.leaf_hash).unwrap_or_default(),
        }
    }
}

/// Records in their order.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct RecordsReply {
    pub records: Vec<RecordWire>,
}

/// A signed head.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct HeadWire {
    pub tree_size: u64,
    /// When it was signed, in milliseconds since 1970.
    pub at: i64,
    /// A checkpoint as C2SP's `tlog-checkpoint` defines it.
    pub checkpoint: String,
}

impl From<SignedHead> for HeadWire {
    fn from(head: SignedHead) -> Self {
        Self {
            tree_size: head.size,
            at: head.at,
            checkpoint: head.note,
        }
    }
}

impl From<HeadWire> for SignedHead {
    fn from(wire: HeadWire) -> Self {
        Self {
            size: wire.tree_size,
            at: wire.at,
            note: wire.checkpoint,
        }
    }
}

/// Heads in the order of their sizes.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct HeadsReply {
    pub heads: Vec<HeadWire>,
}

/// A public key.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct KeyWire {
    /// SHA-256 of the raw key, in hexadecimal.
    pub fingerprint: String,
    /// SPKI in PEM.
    pub public_key: String,
}

/// The log as it is now.
#[derive(Serialize, Deserialize, JsonSchema)]
pub struct HeadReply {
    #[serde(flatten)]
    pub head: HeadWire,
    pub origin: String,
    pub root_hash: String,
    /// The keys that ever signed a head, the newest first.
    pub keys: Vec<KeyWire>,
}

impl HeadReply {
    /// Answers with a head and the keys, in PEM; whether they belong together is for the reader to
    /// check.
    pub fn new(signed: SignedHead, keys: Vec<String>) -> Result<Self> {
        let public = keys
            .iter()
            .map(|key| PublicKey::from_pem(key))
            .collect::<Result<Vec<_>>>()?;
        let head = Head::read_unchecked(&signed.note)?;
        Ok(Self {
            origin: head.origin,
            root_hash: encode(&head.root),
            head: signed.into(),
            keys: public
                .iter()
                .zip(keys)
                .map(|(public, public_key)| KeyWire {
                    fingerprint: public.fingerprint(),
                    public_key,
                })
                .collect(),
        })
    }
}
