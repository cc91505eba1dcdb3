//! Experiments: the groups that runs belong to.

use super::rule;
use crate::artifacts::location;
use crate::audit::note::Change;
use crate::ctx::Ctx;
use crate::db::{Insert, Lock, Tx, Value};
use crate::error::{Code, Error, Result};
use crate::params;
use schemars::JsonSchema;
use std::collections::BTreeMap;

/// The experiment that every fresh server has.
pub const DEFAULT_ID: i64 = 0;

/// Whether a thing is there or marked as deleted; stored as 1 or 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "lowercase")]
pub enum Lifecycle {
    Active,
    Deleted,
}

impl Lifecycle {
    pub fn number(self) -> i64 {
        match self {
            Lifecycle::Active => 1,
            Lifecycle::Deleted => 2,
        }
    }

    pub fn from_number(number: i64) -> Self {
        if number == 1 {
            Lifecycle::Active
        } else {
            Lifecycle::Deleted
        }
    }

    pub fn name(self) -> &'static str {
        match self {
            Lifecycle::Active => "active",
            Lifecycle::Deleted => "deleted",
        }
    }
}

/// A key and its value, as tags and params are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pair<K = String, V = String> {
    pub key: K,
    pub value: V,
}

/// An experiment with its tags, sorted by key.
#[derive(Debug, Clone)]
pub struct Experiment {
    pub id: i64,
    pub name: String,
    pub artifact_location: String,
    pub lifecycle: Lifecycle,
    pub created_at: i64,
    pub updated_at: i64,
    pub tags: Vec<Pair>,
}

/// A checked request for a new experiment.
#[derive(Debug, Clone)]
pub struct NewExperiment {
    pub name: String,
    /// Where its files go, already resolved; `None` for a folder under the server's root.
    pub artifact_location: Option<String>,
    pub tags: Vec<Pair>,
}

/// The columns that `from_row` reads.
pub(super) const COLUMNS: &str = "id, name, artifact_location, lifecycle, created_at, updated_at";

/// Creates an experiment and gives its id; a name that was ever taken is refused.
pub fn create(tx: &mut Tx<'_>, ctx: &Ctx, new: &NewExperiment, root: &str) -> Result<i64> {
    if find_by_name(tx, &new.name)?.is_some() {
        return Err(Error::exists(format!(
            "Experiment(name={}) already exists.",
            new.name
        )));
    }
    let given = new.artifact_location.as_deref().unwrap_or("");
    let id: i64 = tx.query_one(
        "insert into experiments (name, artifact_location, lifecycle, created_at, updated_at)
         values ($1, $2, 1, $3, $3) returning id",
        params![&new.name, given, ctx.now],
        |row| row.get(0),
    )?;
    if new.artifact_location.is_none() {
        let location = location::of_experiment(root, &id.to_string())?;
        tx.send(
            "update experiments set artifact_location = $2 where id = $1",
            params![id, location],
        )?;
    }
    store_tags(tx, id, &new.tags)?;
    Change::of(&object(id), "experiment_created")
        .after(new.name.as_str())
        .note(tx);
    Ok(id)
}

/// Creates experiment 0 unless there is one, be it deleted.
pub fn ensure_default(tx: &mut Tx<'_>, now: i64, root: &str) -> Result<()> {
    let location = location::of_experiment(root, &DEFAULT_ID.to_string())?;
    tx.send(
        "insert into experiments (id, name, artifact_location, lifecycle, created_at, updated_at)
         values ($1, 'Default', $2, 1, $3, $3) on conflict do nothing",
        params![DEFAULT_ID, location, now],
    )?;
    Ok(())
}

/// Finds an experiment, be it deleted; an unknown id is a 404.
pub fn find(tx: &mut Tx<'_>, id: i64) -> Result<Experiment> {
    let sql = format!("select {COLUMNS} from experiments where id = $1");
    let found = tx.query_optional(&sql, params![id], from_row)?;
    let mut experiment = found.ok_or_else(|| not_found(id))?;
    experiment.tags = tags(tx, id)?;
    Ok(experiment)
}

/// Finds an experiment by its name, be it deleted.
pub fn find_by_name(tx: &mut Tx<'_>, name: &str) -> Result<Option<Experiment>> {
    let sql = format!("select {COLUMNS} from experiments where name = $1");
    let Some(mut experiment) = tx.query_optional(&sql, params![name], from_row)? else {
        return Ok(None);
    };
    experiment.tags = tags(tx, experiment.id)?;
    Ok(Some(experiment))
}

/// Finds an experiment that may be written to.
pub fn find_active(tx: &mut Tx<'_>, id: i64) -> Result<Experiment> {
    let experiment = find(tx, id)?;
    if experiment.lifecycle == Lifecycle::Active {
        return Ok(experiment);
    }
    Err(Error::invalid(format!(
        "The experiment {id} must be in the 'active' state. Current state is deleted."
    )))
}

/// Finds an experiment that may be written to, and locks it.
pub fn find_active_locked(tx: &mut Tx<'_>, id: i64, lock: Lock) -> Result<Experiment> {
    tx.query_locked(
        lock,
        "select id from experiments where id = $1",
        params![id],
        |_| Ok(()),
    )?;
    find_active(tx, id)
}

/// Marks an active experiment and all its runs as deleted.
pub fn delete(tx: &mut Tx<'_>, ctx: &Ctx, id: i64) -> Result<()> {
    change_lifecycle(tx, ctx, id, Lifecycle::Deleted)
}

/// Revives a deleted experiment and all its runs.
pub fn restore(tx: &mut Tx<'_>, ctx: &Ctx, id: i64) -> Result<()> {
    change_lifecycle(tx, ctx, id, Lifecycle::Active)
}

fn change_lifecycle(tx: &mut Tx<'_>, ctx: &Ctx, id: i64, to: Lifecycle) -> Result<()> {
    tx.lock("experiments", &[id])?;
    let changed = tx.execute(
        "update experiments set lifecycle = $2, updated_at = $3 where id = $1 and lifecycle <> $2",
        params![id, to.number(), ctx.now],
    )?;
    if changed == 0 {
        return Err(not_found(id));
    }
    tx.send(
        "update runs set lifecycle = $2 where experiment_id = $1",
        params![id, to.number()],
    )?;
    let change = match to {
        Lifecycle::Active => "experiment_restored",
        Lifecycle::Deleted => "experiment_deleted",
    };
    Change::of(&object(id), change).note(tx);
    Ok(())
}

/// What the audit log calls an experiment.
fn object(id: i64) -> String {
    format!("experiment:{id}")
}

/// Renames an active experiment.
pub fn rename(tx: &mut Tx<'_>, ctx: &Ctx, id: i64, name: &str) -> Result<()> {
    rule::check_experiment_name(name)?;
    tx.lock("experiments", &[id])?;
    let experiment = find(tx, id)?;
    if experiment.lifecycle != Lifecycle::Active {
        return Err(Error::new(
            Code::InvalidState,
            "Cannot rename a non-active experiment.",
        ));
    }
    if find_by_name(tx, name)?.is_some_and(|other| other.id != id) {
        return Err(Error::exists(format!(
            "Experiment(name={name}) already exists. Names of deleted experiments stay taken; \
             choose another name."
        )));
    }
    tx.send(
        "update experiments set name = $2, updated_at = $3 where id = $1",
        params![id, name, ctx.now],
    )?;
    if experiment.name != name {
        Change::of(&object(id), "experiment_renamed")
            .before(experiment.name)
            .after(name)
            .note(tx);
    }
    Ok(())
}

/// Sets a tag of an active experiment.
pub fn set_tag(tx: &mut Tx<'_>, id: i64, tag: &Pair) -> Result<()> {
    let experiment = find_active_locked(tx, id, Lock::Change)?;
    store_tags(tx, id, std::slice::from_ref(tag))?;
    let old = value_of(&experiment.tags, &tag.key);
    if old != Some(tag.value.as_str()) {
        Change::of(&object(id), "experiment_tag_set")
            .key(&*tag.key)
            .before(old)
            .after(tag.value.as_str())
            .note(tx);
    }
    Ok(())
}

/// Finds the value of a key.
fn value_of<'t>(pairs: &'t [Pair], key: &str) -> Option<&'t str> {
    let found = pairs.iter().find(|pair| pair.key == key);
    found.map(|pair| pair.value.as_str())
}

/// Deletes a tag of an active experiment; an unknown tag is a 404.
pub fn delete_tag(tx: &mut Tx<'_>, id: i64, key: &str) -> Result<()> {
    let experiment = find_active_locked(tx, id, Lock::Change)?;
    let deleted = match tx.find_key(key)? {
        Some(key_id) => tx.execute(
            "delete from experiment_tags where experiment_id = $1 and key_id = $2",
            params![id, key_id],
        )?,
        None => 0,
    };
    if deleted == 0 {
        return Err(Error::not_found(format!(
            "No tag with name: {key} in experiment with id {id}"
        )));
    }
    Change::of(&object(id), "experiment_tag_deleted")
        .key(key)
        .before(value_of(&experiment.tags, key))
        .note(tx);
    Ok(())
}

fn store_tags(tx: &mut Tx<'_>, id: i64, tags: &[Pair]) -> Result<()> {
    let keys: Vec<&str> = tags.iter().map(|tag| tag.key.as_str()).collect();
    // In the order of the keys, and with one key twice the last value.
    let rows: BTreeMap<i64, &Pair> = tx.intern_keys(&keys)?.into_iter().zip(tags).collect();
    let insert = Insert {
        table: "experiment_tags",
        columns: &["experiment_id", "key_id", "value"],
        conflict: "on conflict (experiment_id, key_id) do update set value = excluded.value",
    };
    tx.send_many(
        &insert,
        rows.into_iter()
            .map(|(key_id, tag)| [Value::Int(id), Value::Int(key_id), Value::from(&tag.value)]),
    )?;
    Ok(())
}

fn tags(tx: &mut Tx<'_>, id: i64) -> Result<Vec<Pair>> {
    tx.query(
        "select k.name, t.value from experiment_tags t join keys k on k.id = t.key_id
         where t.experiment_id = $1 order by k.name",
        params![id],
        |row| {
            Ok(Pair {
                key: row.get(0)?,
                value: row.get(1)?,
            })
        },
    )
}

/// Reads an experiment, without its tags, of a query that selects `COLUMNS` first.
pub(super) fn from_row(row: &crate::db::Row<'_>) -> Result<Experiment> {
    Ok(Experiment {
        id: row.get(0)?,
        name: row.get(1)?,
        artifact_location: row.get(2)?,
        lifecycle: Lifecycle::from_number(row.get(3)?),
        created_at: row.get(4)?,
        updated_at: row.get(5)?,
        tags: Vec::new(),
    })
}

fn not_found(id: i64) -> Error {
    Error::not_found(format!("No Experiment with id={id} exists"))
}
