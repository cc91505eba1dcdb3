//! Tags of models and versions: the last value wins, and every change is in the history.

use super::history::{self, Change, Kind};
use super::model::{self, Model};
use super::version::{self, VersionRef};
use crate::ctx::Ctx;
use crate::db::{Insert, Tx, Value};
use crate::error::Result;
use crate::params;
use crate::tracking::experiment::Pair;
use std::collections::BTreeMap;

/// Sets a tag of a model.
pub fn set_on_model(tx: &mut Tx<'_>, ctx: &Ctx, name: &str, tag: &Pair) -> Result<()> {
    let model = model::open(tx, name)?;
    let set = store_on_model(tx, &model, std::slice::from_ref(tag))?;
    let changes: Vec<_> = set
        .iter()
        .map(|tag| tag.change(Change::of_model(Kind::ModelTagSet)))
        .collect();
    history::append(tx, ctx, &model, &changes)
}

/// A tag that has another value than before.
pub(super) struct SetTag<'t> {
    key: &'t str,
    value: &'t str,
    old: Option<String>,
}

impl SetTag<'_> {
    /// Tells in a change what became of the tag.
    pub(super) fn change<'c>(&'c self, change: Change<'c>) -> Change<'c> {
        change
            .key(self.key)
            .from(self.old.as_deref())
            .to(self.value)
    }
}

/// Stores tags of a model and gives those that changed, sorted by key; with one key twice, the
/// last value wins. The caller appends them to the history.
pub(super) fn store_on_model<'t>(
    tx: &mut Tx<'_>,
    model: &Model,
    tags: &'t [Pair],
) -> Result<Vec<SetTag<'t>>> {
    let mut set = Vec::new();
    for (key, value) in distinct(tags) {
        let old = on_model(tx, model.id, key)?;
        if old.as_deref() == Some(value) {
            continue;
        }
        let insert = Insert {
            table: "registered_model_tags",
            columns: &["model_id", "key", "value"],
            conflict: "on conflict (model_id, key) do update set value = excluded.value",
        };
        let row = [Value::Int(model.id), Value::from(key), Value::from(value)];
        tx.send_many(&insert, [row])?;
        set.push(SetTag { key, value, old });
    }
    Ok(set)
}

/// Deletes a tag of a model; one that is not there is no error.
pub fn delete_on_model(tx: &mut Tx<'_>, ctx: &Ctx, name: &str, key: &str) -> Result<()> {
    let model = model::open(tx, name)?;
    let Some(old) = on_model(tx, model.id, key)? else {
        return Ok(());
    };
    tx.send(
        "delete from registered_model_tags where model_id = $1 and key = $2",
        params![model.id, key],
    )?;
    let change = Change::of_model(Kind::ModelTagDeleted);
    history::append(tx, ctx, &model, &[change.key(key).from(&*old)])
}

/// Sets a tag of a version.
pub fn set_on_version(tx: &mut Tx<'_>, ctx: &Ctx, at: &VersionRef, tag: &Pair) -> Result<()> {
    let (model, version) = version::open(tx, at)?;
    let owner = Owner {
        model: &model,
        id: version.id,
        number: version.number,
    };
    let set = store_on_version(tx, &owner, std::slice::from_ref(tag))?;
    let tagged = || Change::of_version(Kind::VersionTagSet, owner.number);
    let changes: Vec<_> = set.iter().map(|tag| tag.change(tagged())).collect();
    history::append(tx, ctx, &model, &changes)
}

/// The version that tags belong to.
pub(super) struct Owner<'m> {
    pub(super) model: &'m Model,
    pub(super) id: i64,
    pub(super) number: i64,
}

/// Stores tags of a version and gives those that changed, sorted by key; with one key twice, the
/// last value wins. The caller appends them to the history.
pub(super) fn store_on_version<'t>(
    tx: &mut Tx<'_>,
    owner: &Owner<'_>,
    tags: &'t [Pair],
) -> Result<Vec<SetTag<'t>>> {
    let mut set = Vec::new();
    for (key, value) in distinct(tags) {
        let old = on_version(tx, owner.id, key)?;
        if old.as_deref() == Some(value) {
            continue;
        }
        let insert = Insert {
            table: "model_version_tags",
            columns: &["version_id", "key", "value", "model_id"],
            conflict: "on conflict (version_id, key) do update set value = excluded.value",
        };
        let row = [
            Value::Int(owner.id),
            Value::from(key),
            Value::from(value),
            Value::Int(owner.model.id),
        ];
        tx.send_many(&insert, [row])?;
        set.push(SetTag { key, value, old });
    }
    Ok(set)
}

/// Deletes a tag of a version; one that is not there is no error.
pub fn delete_on_version(tx: &mut Tx<'_>, ctx: &Ctx, at: &VersionRef, key: &str) -> Result<()> {
    let (model, version) = version::open(tx, at)?;
    let Some(old) = on_version(tx, version.id, key)? else {
        return Ok(());
    };
    tx.send(
        "delete from model_version_tags where version_id = $1 and key = $2",
        params![version.id, key],
    )?;
    let change = Change::of_version(Kind::VersionTagDeleted, version.number);
    history::append(tx, ctx, &model, &[change.key(key).from(&*old)])
}

fn distinct(tags: &[Pair]) -> BTreeMap<&str, &str> {
    tags.iter()
        .map(|tag| (tag.key.as_str(), tag.value.as_str()))
        .collect()
}

fn on_model(tx: &mut Tx<'_>, model_id: i64, key: &str) -> Result<Option<String>> {
    tx.query_optional(
        "select value from registered_model_tags where model_id = $1 and key = $2",
        params![model_id, key],
        |row| row.get(0),
    )
}

fn on_version(tx: &mut Tx<'_>, version_id: i64, key: &str) -> Result<Option<String>> {
    tx.query_optional(
        "select value from model_version_tags where version_id = $1 and key = $2",
        params![version_id, key],
        |row| row.get(0),
    )
}
