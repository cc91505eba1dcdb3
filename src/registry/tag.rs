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
    store_on_model(tx, ctx, &model, std::slice::from_ref(tag))
}

/// Stores tags of a model; with one key twice, the last value wins.
pub(super) fn store_on_model(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    model: &Model,
    tags: &[Pair],
) -> Result<()> {
    let mut changes = Vec::new();
    let tags = distinct(tags);
    let mut olds = Vec::new();
    for key in tags.keys() {
        olds.push(on_model(tx, model.id, key)?);
    }
    for ((key, value), old) in tags.iter().zip(&olds) {
        if old.as_deref() == Some(*value) {
            continue;
        }
        let insert = Insert {
            table: "registered_model_tags",
            columns: &["model_id", "key", "value"],
            conflict: "on conflict (model_id, key) do update set value = excluded.value",
        };
        let row = [Value::Int(model.id), Value::from(*key), Value::from(*value)];
        tx.insert_many(&insert, [row])?;
        let change = Change::of_model(Kind::ModelTagSet);
        changes.push(change.key(key).from(old.as_deref()).to(*value));
    }
    history::append(tx, ctx, model, &changes)
}

/// Deletes a tag of a model; one that is not there is no error.
pub fn delete_on_model(tx: &mut Tx<'_>, ctx: &Ctx, name: &str, key: &str) -> Result<()> {
    let model = model::open(tx, name)?;
    let Some(old) = on_model(tx, model.id, key)? else {
        return Ok(());
    };
    tx.execute(
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
    store_on_version(tx, ctx, &owner, std::slice::from_ref(tag))
}

/// The version that tags belong to.
pub(super) struct Owner<'m> {
    pub(super) model: &'m Model,
    pub(super) id: i64,
    pub(super) number: i64,
}

/// Stores tags of a version; with one key twice, the last value wins.
pub(super) fn store_on_version(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    owner: &Owner<'_>,
    tags: &[Pair],
) -> Result<()> {
    let mut changes = Vec::new();
    let tags = distinct(tags);
    let mut olds = Vec::new();
    for key in tags.keys() {
        olds.push(on_version(tx, owner.id, key)?);
    }
    for ((key, value), old) in tags.iter().zip(&olds) {
        if old.as_deref() == Some(*value) {
            continue;
        }
        let insert = Insert {
            table: "model_version_tags",
            columns: &["version_id", "key", "value", "model_id"],
            conflict: "on conflict (version_id, key) do update set value = excluded.value",
        };
        let row = [
            Value::Int(owner.id),
            Value::from(*key),
            Value::from(*value),
            Value::Int(owner.model.id),
        ];
        tx.insert_many(&insert, [row])?;
        let change = Change::of_version(Kind::VersionTagSet, owner.number);
        changes.push(change.key(key).from(old.as_deref()).to(*value));
    }
    history::append(tx, ctx, owner.model, &changes)
}

/// Deletes a tag of a version; one that is not there is no error.
pub fn delete_on_version(tx: &mut Tx<'_>, ctx: &Ctx, at: &VersionRef, key: &str) -> Result<()> {
    let (model, version) = version::open(tx, at)?;
    let Some(old) = on_version(tx, version.id, key)? else {
        return Ok(());
    };
    tx.execute(
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
