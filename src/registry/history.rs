//! The history of the registry: what was changed, when, by whom and why.
//!
//! It is only ever added to. The entries of one model follow each other by id, and their times
//! never go back, so that the state at any time is what the entries up to it say. They belong to
//! the model and not to its name: a rename takes them along, and a model that is created under the
//! name of a deleted one begins a life of its own.

use super::announce;
use super::model::Model;
use crate::audit::note as audit;
use crate::ctx::Ctx;
use crate::db::{Cursor, Insert, Row, Tx, Value, placeholders};
use crate::error::{Error, Result};
use crate::params;
use crate::search::token;
use serde::{Deserialize, Serialize};

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `to` is the name.
    ModelCreated,
    /// From one name to another.
    ModelRenamed,
    /// Another description.
    ModelUpdated,
    /// `from` is the name; the versions, tags and aliases are gone with the model.
    ModelDeleted,
    /// `to` is the source; the version begins in the stage None.
    VersionCreated,
    /// Another description.
    VersionUpdated,
    /// The version is in no stage any more; its aliases were deleted just before.
    VersionDeleted,
    /// The key is the new stage.
    StageChanged,
    /// The key is the alias; from the number of one version to that of another.
    AliasSet,
    AliasDeleted,
    ModelTagSet,
    ModelTagDeleted,
    VersionTagSet,
    VersionTagDeleted,
    /// The files of the version were read again and are what they were; `to` is their digest.
    VersionVerified,
    /// They are not: the key says what differs, from the digest of the version to the one found.
    VersionBroken,
    /// It is in Production for longer than the operator wants: `from` is since when, the key for
    /// how many days.
    VersionAged,
}

impl Kind {
    /// All kinds with their names.
    pub const ALL: [(Kind, &'static str); 17] = [
        (Kind::ModelCreated, "model_created"),
        (Kind::ModelRenamed, "model_renamed"),
        (Kind::ModelUpdated, "model_updated"),
        (Kind::ModelDeleted, "model_deleted"),
        (Kind::VersionCreated, "version_created"),
        (Kind::VersionUpdated, "version_updated"),
        (Kind::VersionDeleted, "version_deleted"),
        (Kind::StageChanged, "stage_changed"),
        (Kind::AliasSet, "alias_set"),
        (Kind::AliasDeleted, "alias_deleted"),
        (Kind::ModelTagSet, "model_tag_set"),
        (Kind::ModelTagDeleted, "model_tag_deleted"),
        (Kind::VersionTagSet, "version_tag_set"),
        (Kind::VersionTagDeleted, "version_tag_deleted"),
        (Kind::VersionVerified, "version_verified"),
        (Kind::VersionBroken, "version_broken"),
        (Kind::VersionAged, "version_aged"),
    ];

    /// Gives the name of the kind.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(kind, _)| *kind == self)
            .map_or("", |(_, name)| name)
    }

    /// Finds a kind by its name.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, other)| *other == name);
        found.map(|(kind, _)| *kind).ok_or_else(|| {
            let names = Self::ALL.map(|(_, name)| name).join(", ");
            Error::invalid(format!(
                "There is no kind '{name}' of a change. The kinds are {names}."
            ))
        })
    }
}

/// One change of a model, before it is written down.
#[derive(Debug, Clone)]
pub struct Change<'c> {
    pub(super) kind: Kind,
    pub(super) version: Option<i64>,
    pub(super) key: Option<&'c str>,
    pub(super) from: Option<&'c str>,
    pub(super) to: Option<&'c str>,
    pub(super) generation: Option<i64>,
}

impl<'c> Change<'c> {
    /// A change of the model itself.
    pub fn of_model(kind: Kind) -> Self {
        Self {
            kind,
            version: None,
            key: None,
            from: None,
            to: None,
            generation: None,
        }
    }

    /// A change of this version of the model.
    pub fn of_version(kind: Kind, version: i64) -> Self {
        Self {
            version: Some(version),
            ..Self::of_model(kind)
        }
    }

    /// Names the alias, tag key or stage that is meant.
    pub fn key(mut self, key: &'c str) -> Self {
        self.key = Some(key);
        self
    }

    /// Says what held before.
    pub fn from(mut self, from: impl Into<Option<&'c str>>) -> Self {
        self.from = from.into();
        self
    }

    /// Says what holds now.
    pub fn to(mut self, to: impl Into<Option<&'c str>>) -> Self {
        self.to = to.into();
        self
    }

    /// Says which move of the alias this was.
    pub fn generation(mut self, generation: i64) -> Self {
        self.generation = Some(generation);
        self
    }
}

/// Writes changes of a model down, in their order, under the name that `model` has, and emits their
/// events. A creation is appended together with what was created, once all of it is stored.
pub fn append(tx: &mut Tx<'_>, ctx: &Ctx, model: &Model, changes: &[Change<'_>]) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let last = tx.query_optional(
        "select at from registry_history where model_id = $1 order by id desc limit 1",
        params![model.id],
        |row| row.get(0),
    )?;
    // A request that came first may be carried out second.
    let at = ctx.now.max(last.unwrap_or(i64::MIN));
    let insert = Insert {
        table: "registry_history",
        columns: &[
            "at",
            "actor",
            "model_id",
            "model_name",
            "version",
            "kind",
            "key",
            "old_value",
            "new_value",
            "generation",
            "reason",
            "request_id",
        ],
        conflict: "",
    };
    tx.send_many(
        &insert,
        changes.iter().map(|change| {
            [
                Value::Int(at),
                Value::from(&ctx.actor),
                Value::Int(model.id),
                Value::from(&model.name),
                Value::from(change.version),
                Value::from(change.kind.name()),
                Value::from(change.key),
                Value::from(change.from),
                Value::from(change.to),
                Value::from(change.generation),
                Value::from(&ctx.reason),
                Value::from(&ctx.request_id),
            ]
        }),
    )?;
    note(tx, model, changes);
    let ctx = Ctx {
        now: at,
        ..ctx.clone()
    };
    announce::changes(tx, &ctx, model, changes)
}

/// Tells the audit log what the history was told.
fn note(tx: &mut Tx<'_>, model: &Model, changes: &[Change<'_>]) {
    for change in changes {
        let object = match change.version {
            Some(version) => format!("model_version:{}/{version}", model.name),
            None => format!("registered_model:{}", model.name),
        };
        audit::Change::of(&object, change.kind.name())
            .key(change.key)
            .before(change.from)
            .after(change.to)
            .generation(change.generation)
            .note(tx);
    }
}

/// One entry of the history.
#[derive(Debug, Clone)]
pub struct Entry {
    pub id: i64,
    /// Milliseconds since 1970, in UTC.
    pub at: i64,
    pub actor: String,
    pub model_id: i64,
    /// The name of the model before the change.
    pub model_name: String,
    pub version: Option<i64>,
    pub kind: Kind,
    pub key: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    pub generation: Option<i64>,
    pub reason: String,
    pub request_id: String,
}

/// The columns that `from_row` reads.
pub(super) const COLUMNS: &str = "id, at, actor, model_id, model_name, version, kind, key, \
    old_value, new_value, generation, reason, request_id";

/// Reads an entry of a query that selects `COLUMNS` first.
pub(super) fn from_row(row: &Row<'_>) -> Result<Entry> {
    Ok(Entry {
        id: row.get(0)?,
        at: row.get(1)?,
        actor: row.get(2)?,
        model_id: row.get(3)?,
        model_name: row.get(4)?,
        version: row.get(5)?,
        kind: Kind::parse(&row.get::<String>(6)?)
            .map_err(|_| Error::internal("The database holds an unknown kind of change."))?,
        key: row.get(7)?,
        from: row.get(8)?,
        to: row.get(9)?,
        generation: row.get(10)?,
        reason: row.get(11)?,
        request_id: row.get(12)?,
    })
}

/// Which entries are asked for.
#[derive(Debug, Clone, Serialize)]
pub struct Question {
    /// The current name of a model, or the last one of deleted ones.
    pub name: String,
    /// Names of kinds; empty for all.
    pub kinds: Vec<&'static str>,
    pub version: Option<i64>,
    #[serde(skip)]
    pub page_token: Option<String>,
    /// 1 to 1,000.
    #[serde(skip)]
    pub max_results: usize,
}

/// A page of entries, newest first.
#[derive(Debug)]
pub struct Page {
    pub entries: Vec<Entry>,
    pub next: Option<String>,
}

/// Where a page of the history ended.
#[derive(Serialize, Deserialize)]
struct Token {
    search: String,
    before: i64,
}

/// Lists what happened to the models of a name: to the one that has it, and to deleted ones that
/// had it last.
///
/// # Errors
/// 404 if no model has or had the name, 400 for a page token of another question.
pub fn list(tx: &mut Tx<'_>, question: &Question) -> Result<Page> {
    let search = token::fingerprint(question)?;
    let before = match &question.page_token {
        None => i64::MAX,
        Some(text) => {
            let token: Token = Cursor::decode(text)?;
            if token.search != search {
                return Err(Error::invalid(
                    "Invalid page token, it belongs to another search. Repeat the name, kinds and \
                     version of the request that gave the token.",
                ));
            }
            token.before
        }
    };
    let models = super::past::of_name(tx, &question.name)?;
    let mut params: Vec<Value<'_>> = models.iter().map(|id| Value::Int(*id)).collect();
    let mut conditions = format!("model_id in ({})", placeholders(1, models.len()));
    params.push(Value::Int(before));
    conditions.push_str(&format!(" and id < ${}", params.len()));
    if let Some(version) = question.version {
        params.push(Value::Int(version));
        conditions.push_str(&format!(" and version = ${}", params.len()));
    }
    if !question.kinds.is_empty() {
        let list = placeholders(params.len() + 1, question.kinds.len());
        conditions.push_str(&format!(" and kind in ({list})"));
        params.extend(question.kinds.iter().map(|kind| Value::from(*kind)));
    }
    params.push(Value::Int(question.max_results as i64 + 1));
    let sql = format!(
        "select {COLUMNS} from registry_history where {conditions} order by id desc limit ${}",
        params.len()
    );
    let mut entries = tx.query(&sql, &params, from_row)?;
    let more = entries.len() > question.max_results;
    entries.truncate(question.max_results);
    let next = entries
        .last()
        .filter(|_| more)
        .map(|last| {
            Cursor::encode(&Token {
                search,
                before: last.id,
            })
        })
        .transpose()?;
    Ok(Page { entries, next })
}
