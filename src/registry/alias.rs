//! Aliases: names that point at one version of a model and are moved from one to another.
//!
//! Each move has a generation, a number that grows by one with every move of the alias under the
//! name of its model, deletions among them. It is remembered by name, so that who follows
//! `models:/churn@champion` never sees it go back: not when the alias is deleted and set again, and
//! not when the model is.

use super::history::{self, Change, Kind};
use super::model::{self, Alias, Model};
use super::policy::{Holds, Policy};
use super::rule;
use super::stage::{self, Entrance, Kept, Others};
use super::version::{self, Version, VersionRef};
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::params;

/// Points an alias at a version; where it points there already, nothing happens. A version whose
/// alias agrees with a stage goes into that stage. Gives the versions that another alias kept from
/// being archived on the way.
pub fn set(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    policy: &Policy,
    (at, alias): (&VersionRef, &str),
) -> Result<Vec<Kept>> {
    let (model, version) = version::open(tx, at)?;
    let moved = point(tx, ctx, &model, (alias, version.number))?;
    let Some(mapped) = policy.of_alias(tx, &model, alias)? else {
        return Ok(Vec::new());
    };
    if version.stage == mapped.stage && (!moved || mapped.holds == Holds::Many) {
        return Ok(Vec::new());
    }
    let entrance = Entrance {
        model: &model,
        version: &version,
        to: mapped.stage,
        others: Others::Stay,
    };
    stage::enter(tx, ctx, policy, &entrance)
}

/// Points an alias at a version of a locked model, and tells whether it pointed elsewhere before.
pub(super) fn point(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    model: &Model,
    (alias, number): (&str, i64),
) -> Result<bool> {
    let old = version_of(tx, model, alias)?;
    if old == Some(number) {
        return Ok(false);
    }
    let generation = next_generation(tx, &model.name, alias)?;
    tx.send(
        "insert into model_aliases (model_id, alias, version, generation) values ($1, $2, $3, $4)
         on conflict (model_id, alias)
         do update set version = excluded.version, generation = excluded.generation",
        params![model.id, alias, number, generation],
    )?;
    let (old, new) = (old.map(|old| old.to_string()), number.to_string());
    let change = Change::of_version(Kind::AliasSet, number);
    let change = change.key(alias).from(old.as_deref()).to(&*new);
    history::append(tx, ctx, model, &[change.generation(generation)])?;
    Ok(true)
}

/// Deletes an alias of a model; one that is not there is no error. If a stage agrees with it, the
/// versions of the stage go back to the stage None.
pub fn delete(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    policy: &Policy,
    (name, alias): (&str, &str),
) -> Result<()> {
    let model = model::open(tx, name)?;
    if !take_away(tx, ctx, &model, alias)? {
        return Ok(());
    }
    match policy.of_alias(tx, &model, alias)? {
        Some(mapped) => stage::empty(tx, ctx, &model, mapped.stage),
        None => Ok(()),
    }
}

/// Deletes an alias of a locked model, and tells whether it was there.
pub(super) fn take_away(tx: &mut Tx<'_>, ctx: &Ctx, model: &Model, alias: &str) -> Result<bool> {
    let Some(version) = version_of(tx, model, alias)? else {
        return Ok(false);
    };
    let alias = Alias {
        name: alias.to_owned(),
        version,
    };
    remove(tx, ctx, model, &[alias])?;
    Ok(true)
}

/// Deletes all aliases of a model.
pub(super) fn delete_all(tx: &mut Tx<'_>, ctx: &Ctx, model: &Model) -> Result<()> {
    let aliases = model::aliases(tx, &[model.id])?.remove(&model.id);
    remove(tx, ctx, model, &aliases.unwrap_or_default())
}

/// Deletes the aliases that point at one version.
pub(super) fn delete_of_version(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    model: &Model,
    number: i64,
) -> Result<()> {
    let mut aliases = model::aliases(tx, &[model.id])?
        .remove(&model.id)
        .unwrap_or_default();
    aliases.retain(|alias| alias.version == number);
    remove(tx, ctx, model, &aliases)
}

fn remove(tx: &mut Tx<'_>, ctx: &Ctx, model: &Model, aliases: &[Alias]) -> Result<()> {
    let olds: Vec<String> = aliases
        .iter()
        .map(|alias| alias.version.to_string())
        .collect();
    let mut changes = Vec::with_capacity(aliases.len());
    for (alias, old) in aliases.iter().zip(&olds) {
        tx.send(
            "delete from model_aliases where model_id = $1 and alias = $2",
            params![model.id, &alias.name],
        )?;
        let generation = next_generation(tx, &model.name, &alias.name)?;
        let change = Change::of_version(Kind::AliasDeleted, alias.version);
        let change = change.key(&alias.name).from(&**old);
        changes.push(change.generation(generation));
    }
    history::append(tx, ctx, model, &changes)
}

/// Takes the generations of a model's aliases along to its new name, above any that an alias of
/// another model ever had there.
pub(super) fn carry_over(tx: &mut Tx<'_>, model: &Model, new_name: &str) -> Result<()> {
    let carried: Vec<(String, i64)> = tx.query(
        "select a.alias, case when g.generation >= a.generation then g.generation + 1
             else a.generation end
         from model_aliases a
         left join alias_generations g on g.model_name = $2 and g.alias = a.alias
         where a.model_id = $1 order by a.alias",
        params![model.id, new_name],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    for (alias, generation) in carried {
        tx.send(
            "update model_aliases set generation = $3 where model_id = $1 and alias = $2",
            params![model.id, &alias, generation],
        )?;
        tx.send(
            "insert into alias_generations (model_name, alias, generation) values ($1, $2, $3)
             on conflict (model_name, alias) do update set generation = excluded.generation",
            params![new_name, &alias, generation],
        )?;
    }
    Ok(())
}

fn next_generation(tx: &mut Tx<'_>, model_name: &str, alias: &str) -> Result<i64> {
    tx.query_one(
        "insert into alias_generations (model_name, alias, generation) values ($1, $2, 1)
         on conflict (model_name, alias)
         do update set generation = alias_generations.generation + 1 returning generation",
        params![model_name, alias],
        |row| row.get(0),
    )
}

/// Gives the number of the version that an alias points at, and the generation of the alias.
pub(super) fn target(tx: &mut Tx<'_>, model: &Model, alias: &str) -> Result<Option<(i64, i64)>> {
    tx.query_optional(
        "select version, generation from model_aliases where model_id = $1 and alias = $2",
        params![model.id, alias],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

fn version_of(tx: &mut Tx<'_>, model: &Model, alias: &str) -> Result<Option<i64>> {
    tx.query_optional(
        "select version from model_aliases where model_id = $1 and alias = $2",
        params![model.id, alias],
        |row| row.get(0),
    )
}

/// Finds the version that an alias points at; `latest` points at the highest version.
///
/// # Errors
/// 404 for an unknown model and for a model without versions, 400 for an unknown alias.
pub fn find_version(tx: &mut Tx<'_>, name: &str, alias: &str) -> Result<Version> {
    let model = model::find(tx, name)?;
    if alias.to_lowercase() == rule::LATEST {
        let latest = version::latest_of(tx, &model)?;
        return latest
            .into_iter()
            .max_by_key(|version| version.number)
            .ok_or_else(|| {
                Error::not_found(format!("Latest version not found for model {name}."))
            });
    }
    let number = version_of(tx, &model, alias)?
        .ok_or_else(|| Error::invalid(format!("Registered model alias {alias} not found.")))?;
    let at = VersionRef {
        model: name.to_owned(),
        number,
    };
    version::find(tx, &at)
}
