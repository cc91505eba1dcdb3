//! Tags of runs: the last value wins, and the run's name is one of them.

use super::change;
use super::experiment::Pair;
use super::run::{self, NAME_TAG, Run};
use crate::audit::note::Change;
use crate::ctx::Ctx;
use crate::db::{Insert, Tx, Value};
use crate::error::{Error, Result};
use crate::params;
use std::collections::BTreeMap;

/// Sets a tag of an active run.
pub fn set(tx: &mut Tx<'_>, ctx: &Ctx, run_uuid: &str, tag: &Pair) -> Result<()> {
    let run = run::open(tx, ctx, run_uuid)?;
    if run.is_over() {
        let old = find(tx, &run, &tag.key)?;
        Change::of(&run.object(), "tag_set_late")
            .key(&*tag.key)
            .before(old)
            .after(tag.value.as_str())
            .note(tx);
    }
    store(tx, &run, std::slice::from_ref(tag))
}

/// Stores tags of a run in the order of the request; an empty name leaves the run's name alone.
pub fn store(tx: &mut Tx<'_>, run: &Run, tags: &[Pair]) -> Result<()> {
    let kept: Vec<&Pair> = tags
        .iter()
        .filter(|tag| tag.key != NAME_TAG || !tag.value.is_empty())
        .collect();
    let keys: Vec<&str> = kept.iter().map(|tag| tag.key.as_str()).collect();
    let key_ids = tx.intern_keys(&keys)?;
    // In the order of the keys, and with one key twice the last value.
    let rows: BTreeMap<i64, &str> = key_ids
        .into_iter()
        .zip(&kept)
        .map(|(id, tag)| (id, tag.value.as_str()))
        .collect();
    let insert = Insert {
        table: "tags",
        columns: &["run_id", "key_id", "experiment_id", "value"],
        conflict: "on conflict (run_id, key_id) do update set value = excluded.value",
    };
    tx.send_many(
        &insert,
        rows.into_iter().map(|(key_id, value)| {
            [
                Value::Int(run.id),
                Value::Int(key_id),
                Value::Int(run.experiment_id),
                Value::from(value),
            ]
        }),
    )?;
    if !kept.is_empty() {
        change::mark(tx, run, change::Kind::Tags)?;
    }
    if let Some(name) = kept.iter().rev().find(|tag| tag.key == NAME_TAG) {
        tx.send(
            "update runs set name = $2 where id = $1",
            params![run.id, &name.value],
        )?;
    }
    Ok(())
}

/// Deletes a tag of an active run; an unknown tag is a 404.
pub fn delete(tx: &mut Tx<'_>, ctx: &Ctx, run_uuid: &str, key: &str) -> Result<()> {
    let run = run::open(tx, ctx, run_uuid)?;
    if run.is_over() {
        let old = find(tx, &run, key)?;
        Change::of(&run.object(), "tag_deleted_late")
            .key(key)
            .before(old)
            .note(tx);
    }
    if remove(tx, &run, key)? {
        return Ok(());
    }
    Err(Error::not_found(format!(
        "No tag with name: {key} in run with id {run_uuid}"
    )))
}

/// Removes a tag if it is there, and says whether it was.
pub fn remove(tx: &mut Tx<'_>, run: &Run, key: &str) -> Result<bool> {
    let Some(key_id) = tx.find_key(key)? else {
        return Ok(false);
    };
    let deleted = tx.execute(
        "delete from tags where run_id = $1 and key_id = $2",
        params![run.id, key_id],
    )?;
    if deleted > 0 {
        change::mark(tx, run, change::Kind::Tags)?;
    }
    Ok(deleted > 0)
}

/// Finds the value of one tag of a run.
pub fn find(tx: &mut Tx<'_>, run: &Run, key: &str) -> Result<Option<String>> {
    let Some(key_id) = tx.find_key(key)? else {
        return Ok(None);
    };
    tx.query_optional(
        "select value from tags where run_id = $1 and key_id = $2",
        params![run.id, key_id],
        |row| row.get(0),
    )
}
