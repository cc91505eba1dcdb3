//! Registered models: names under which versions are gathered.

use super::history::{self, Change, Kind};
use super::version::{self, Order, Version};
use super::{alias, facts, manifest, rule, tag};
use crate::ctx::Ctx;
use crate::db::{Lock, Row, Tx, Value, placeholders};
use crate::error::{Error, Result};
use crate::params;
use crate::python;
use crate::tracking::experiment::Pair;
use std::collections::HashMap;

/// Models whose tags, aliases and versions are read in one statement.
const CHUNK: usize = 500;

/// A registered model without what belongs to it.
#[derive(Debug, Clone)]
pub struct Model {
    /// Never given to another model, also not after this one is deleted.
    pub id: i64,
    pub name: String,
    pub description: String,
    pub created_at: i64,
    pub updated_at: i64,
}

/// A registered model with its tags and aliases, sorted by name, and the highest version of each
/// stage.
#[derive(Debug, Clone)]
pub struct FullModel {
    pub model: Model,
    pub tags: Vec<Pair>,
    pub aliases: Vec<Alias>,
    pub latest: Vec<Version>,
}

/// A name for one version of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alias {
    pub name: String,
    pub version: i64,
}

/// A checked request for a new registered model.
#[derive(Debug, Clone)]
pub struct NewModel {
    pub name: String,
    pub description: String,
    pub tags: Vec<Pair>,
}

/// The columns that `from_row` reads.
pub const COLUMNS: &str = "id, name, description, created_at, updated_at";

/// Reads a model of a query that selects `COLUMNS` first.
pub fn from_row(row: &Row<'_>) -> Result<Model> {
    Ok(Model {
        id: row.get(0)?,
        name: row.get(1)?,
        description: row.get(2)?,
        created_at: row.get(3)?,
        updated_at: row.get(4)?,
    })
}

/// Creates a model; a name that another model has is refused.
pub fn create(tx: &mut Tx<'_>, ctx: &Ctx, new: &NewModel) -> Result<FullModel> {
    if let Some(other) = find_by_name(tx, &new.name)? {
        let other = full(tx, other)?;
        return Err(taken(&other, new));
    }
    let model = tx.query_one(
        &format!(
            "insert into registered_models (name, description, lifecycle, created_at, updated_at)
             values ($1, $2, 1, $3, $3) returning {COLUMNS}"
        ),
        params![&new.name, &new.description, ctx.now],
        from_row,
    )?;
    let tags = tag::store_on_model(tx, &model, &new.tags)?;
    let mut changes = vec![Change::of_model(Kind::ModelCreated).to(&*new.name)];
    if !new.description.is_empty() {
        let described = Change::of_model(Kind::ModelUpdated);
        changes.push(described.from("").to(&*new.description));
    }
    changes.extend(
        tags.iter()
            .map(|tag| tag.change(Change::of_model(Kind::ModelTagSet))),
    );
    history::append(tx, ctx, &model, &changes)?;
    full(tx, model)
}

/// The refusal of a name that is taken; models and prompts share their names.
fn taken(other: &FullModel, new: &NewModel) -> Error {
    let kind = |tags: &[Pair]| match rule::has_prompt_tag(tags) {
        true => ("Prompt", "prompt"),
        false => ("Registered Model", "registered model"),
    };
    let (old, new_kind) = (kind(&other.tags), kind(&new.tags));
    if old == new_kind {
        return Error::exists(format!("{} (name={}) already exists.", old.0, new.name));
    }
    Error::exists(format!(
        "Tried to create a {} with name {}, but the name is already taken by a {}. MLflow does not \
         allow creating a model and a prompt with the same name.",
        new_kind.1,
        python::repr(&new.name),
        old.1
    ))
}

/// Finds a model that is not deleted.
pub fn find_by_name(tx: &mut Tx<'_>, name: &str) -> Result<Option<Model>> {
    tx.query_optional(
        &format!("select {COLUMNS} from registered_models where name = $1 and lifecycle = 1"),
        params![name],
        from_row,
    )
}

/// Finds a model that is not deleted, and locks it.
pub(super) fn find_by_name_locked(tx: &mut Tx<'_>, name: &str) -> Result<Option<Model>> {
    let sql = format!("select {COLUMNS} from registered_models where name = $1 and lifecycle = 1");
    let mut found = tx.query_locked(Lock::Change, &sql, params![name], from_row)?;
    Ok(found.pop())
}

/// Finds a model; an unknown name is a 404.
pub fn find(tx: &mut Tx<'_>, name: &str) -> Result<Model> {
    find_by_name(tx, name)?
        .ok_or_else(|| Error::not_found(format!("Registered Model with name={name} not found")))
}

/// Finds a model that is about to be changed, and locks it.
pub fn open(tx: &mut Tx<'_>, name: &str) -> Result<Model> {
    find_by_name_locked(tx, name)?
        .ok_or_else(|| Error::not_found(format!("Registered Model with name={name} not found")))
}

/// Finds a model with all that belongs to it.
pub fn find_full(tx: &mut Tx<'_>, name: &str) -> Result<FullModel> {
    let model = find(tx, name)?;
    full(tx, model)
}

fn full(tx: &mut Tx<'_>, model: Model) -> Result<FullModel> {
    let name = model.name.clone();
    let mut models = load(tx, vec![model], Order::Oldest)?;
    models
        .pop()
        .ok_or_else(|| Error::not_found(format!("Registered Model with name={name} not found")))
}

/// Says that a model was changed at the time of the request.
pub(super) fn touch(tx: &mut Tx<'_>, ctx: &Ctx, model: &Model) -> Result<()> {
    tx.send(
        "update registered_models set updated_at = $2 where id = $1",
        params![model.id, ctx.now],
    )?;
    Ok(())
}

/// Sets the description of a model and gives the model.
pub fn describe(tx: &mut Tx<'_>, ctx: &Ctx, name: &str, description: &str) -> Result<FullModel> {
    let model = open(tx, name)?;
    tx.send(
        "update registered_models set description = $2, updated_at = $3 where id = $1",
        params![model.id, description, ctx.now],
    )?;
    if model.description != description {
        let change = Change::of_model(Kind::ModelUpdated);
        let change = change.from(&*model.description).to(description);
        history::append(tx, ctx, &model, &[change])?;
    }
    find_full(tx, name)
}

/// Renames a model with its versions and aliases and gives it; a name that another model has is
/// refused.
pub fn rename(tx: &mut Tx<'_>, ctx: &Ctx, name: &str, new_name: &str) -> Result<FullModel> {
    let model = open(tx, name)?;
    if find_by_name(tx, new_name)?.is_some_and(|other| other.id != model.id) {
        return Err(Error::exists(format!(
            "Registered Model (name={new_name}) already exists."
        )));
    }
    tx.send(
        "update registered_models set name = $2, updated_at = $3 where id = $1",
        params![model.id, new_name, ctx.now],
    )?;
    tx.send(
        "update model_versions set model_name = $2, updated_at = $3 where model_id = $1",
        params![model.id, new_name, ctx.now],
    )?;
    if name != new_name {
        alias::carry_over(tx, &model, new_name)?;
        let change = Change::of_model(Kind::ModelRenamed);
        history::append(tx, ctx, &model, &[change.from(name).to(new_name)])?;
    }
    find_full(tx, new_name)
}

/// Deletes a model with its versions, tags and aliases; its history stays.
pub fn delete(tx: &mut Tx<'_>, ctx: &Ctx, name: &str) -> Result<()> {
    let model = open(tx, name)?;
    alias::delete_all(tx, ctx, &model)?;
    manifest::delete_of_model(tx, &model)?;
    facts::store::delete_of_model(tx, &model)?;
    // While the tags are there that tell a prompt from a model.
    let change = Change::of_model(Kind::ModelDeleted);
    history::append(tx, ctx, &model, &[change.from(name)])?;
    for table in [
        "registered_model_tags",
        "model_version_tags",
        "model_versions",
    ] {
        tx.send(
            &format!("delete from {table} where model_id = $1"),
            params![model.id],
        )?;
    }
    tx.send(
        "update registered_models set lifecycle = 2, updated_at = $2 where id = $1",
        params![model.id, ctx.now],
    )?;
    Ok(())
}

/// Tells whether a model is a prompt.
pub(super) fn is_prompt(tx: &mut Tx<'_>, model: &Model) -> Result<bool> {
    let tags = tags(tx, &[model.id])?.remove(&model.id);
    Ok(rule::is_prompt(&tags.unwrap_or_default()))
}

/// Adds tags, aliases and latest versions to models of one page.
pub fn load(tx: &mut Tx<'_>, models: Vec<Model>, order: Order) -> Result<Vec<FullModel>> {
    let mut loaded = Vec::with_capacity(models.len());
    for chunk in models.chunks(CHUNK) {
        let ids: Vec<i64> = chunk.iter().map(|model| model.id).collect();
        let mut tags = tags(tx, &ids)?;
        let mut aliases = aliases(tx, &ids)?;
        let mut latest = version::latest(tx, &ids, order)?;
        loaded.extend(chunk.iter().map(|model| FullModel {
            tags: tags.remove(&model.id).unwrap_or_default(),
            aliases: aliases.remove(&model.id).unwrap_or_default(),
            latest: latest.remove(&model.id).unwrap_or_default(),
            model: model.clone(),
        }));
    }
    Ok(loaded)
}

fn tags(tx: &mut Tx<'_>, ids: &[i64]) -> Result<HashMap<i64, Vec<Pair>>> {
    let mut tags: HashMap<i64, Vec<Pair>> = HashMap::new();
    let sql = format!(
        "select model_id, key, value from registered_model_tags
         where model_id in ({}) order by model_id, key",
        placeholders(1, ids.len())
    );
    let params: Vec<Value<'_>> = ids.iter().map(|id| Value::Int(*id)).collect();
    tx.query(&sql, &params, |row| {
        let tag = Pair {
            key: row.get(1)?,
            value: row.get(2)?,
        };
        tags.entry(row.get(0)?).or_default().push(tag);
        Ok(())
    })?;
    Ok(tags)
}

/// Reads the aliases of models, sorted by name.
pub(super) fn aliases(tx: &mut Tx<'_>, ids: &[i64]) -> Result<HashMap<i64, Vec<Alias>>> {
    let mut aliases: HashMap<i64, Vec<Alias>> = HashMap::new();
    let sql = format!(
        "select model_id, alias, version from model_aliases
         where model_id in ({}) order by model_id, alias",
        placeholders(1, ids.len())
    );
    let params: Vec<Value<'_>> = ids.iter().map(|id| Value::Int(*id)).collect();
    tx.query(&sql, &params, |row| {
        let alias = Alias {
            name: row.get(1)?,
            version: row.get(2)?,
        };
        aliases.entry(row.get(0)?).or_default().push(alias);
        Ok(())
    })?;
    Ok(aliases)
}
