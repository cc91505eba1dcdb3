//! Stages: where a version stands on its way to production.
//!
//! Where the policy says that a stage and an alias agree, they do so after each change; `alias`
//! sees to it for changes that begin with the alias.

use super::alias;
use super::history::{self, Change, Kind};
use super::model::{self, Model};
use super::policy::{Aliased, Holds, Policy};
use super::version::{self, Version, VersionRef};
use crate::audit::note as audit;
use crate::ctx::Ctx;
use crate::db::{Tx, Value, placeholders};
use crate::error::{Error, Result};
use crate::params;

/// Versions whose stage is stored in one statement.
const CHUNK: usize = 500;

/// A stage; stored as 1 to 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stage {
    None = 1,
    Staging = 2,
    Production = 3,
    Archived = 4,
}

impl Stage {
    /// All stages with their names, in MLflow's order.
    pub const ALL: [(Stage, &'static str); 4] = [
        (Stage::None, "None"),
        (Stage::Staging, "Staging"),
        (Stage::Production, "Production"),
        (Stage::Archived, "Archived"),
    ];

    /// Gives the name of the stage.
    pub fn name(self) -> &'static str {
        match self {
            Stage::None => "None",
            Stage::Staging => "Staging",
            Stage::Production => "Production",
            Stage::Archived => "Archived",
        }
    }

    /// Reads the name of a stage, in any case.
    pub fn parse(name: &str) -> Result<Self> {
        let lower = name.to_lowercase();
        let found = Self::ALL
            .iter()
            .find(|(_, other)| other.to_lowercase() == lower);
        found.map(|(stage, _)| *stage).ok_or_else(|| {
            Error::invalid(format!(
                "Invalid Model Version stage: {name}. Value must be one of None, Staging, \
                 Production, Archived."
            ))
        })
    }

    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL
            .iter()
            .map(|(stage, _)| *stage)
            .find(|stage| *stage as i64 == number)
    }
}

/// What becomes of the other versions of the stage that a version is moved to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    Stay,
    Archived,
}

/// A checked request to move a version to a stage.
#[derive(Debug, Clone)]
pub struct Transition {
    pub version: VersionRef,
    pub to: Stage,
    pub others: Others,
}

impl Transition {
    /// Reads the stage; only Staging and Production can be cleared of other versions.
    pub fn parse(version: VersionRef, stage: &str, others: Others) -> Result<Self> {
        let to = Stage::parse(stage)?;
        if others == Others::Archived && !matches!(to, Stage::Staging | Stage::Production) {
            return Err(Error::invalid(format!(
                "Model version transition cannot archive existing model versions because '{stage}' \
                 is not an Active stage. Valid stages are ['Staging', 'Production']"
            )));
        }
        Ok(Self {
            version,
            to,
            others,
        })
    }
}

/// A version that was not archived with the others of its stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    pub version: VersionRef,
    /// The aliases that point at it, sorted by name; at least one.
    pub aliases: Vec<String>,
}

/// What came of a request to move a version.
#[derive(Debug)]
pub struct Moved {
    pub version: Version,
    /// The versions that an alias kept in the stage though they were to be archived.
    pub kept: Vec<Kept>,
}

/// A version that goes into a stage.
pub(super) struct Entrance<'e> {
    pub(super) model: &'e Model,
    pub(super) version: &'e Version,
    pub(super) to: Stage,
    pub(super) others: Others,
}

/// Moves a version to a stage, and the alias that agrees with the stage to the version.
pub fn transition(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    policy: &Policy,
    request: &Transition,
) -> Result<Moved> {
    let (model, version) = version::open(tx, &request.version)?;
    let entrance = Entrance {
        model: &model,
        version: &version,
        to: request.to,
        others: request.others,
    };
    let kept = enter(tx, ctx, policy, &entrance)?;
    if let Some(mapped) = policy.of_stage(tx, &model, request.to)? {
        alias::point(tx, ctx, &model, (&mapped.alias, version.number))?;
    }
    Ok(Moved {
        version: version::find(tx, &request.version)?,
        kept,
    })
}

/// Moves a version into a stage, and out of the one it was in; the alias of the new stage is left
/// to the caller. Gives the versions that were kept from being archived.
pub(super) fn enter(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    policy: &Policy,
    entrance: &Entrance<'_>,
) -> Result<Vec<Kept>> {
    let Entrance {
        model, version, to, ..
    } = *entrance;
    let mapped = policy.of_stage(tx, model, to)?;
    let kept = match (entrance.others, mapped.map(|mapped| mapped.holds)) {
        (Others::Stay, None | Some(Holds::Many)) => Vec::new(),
        (Others::Archived, _) | (_, Some(Holds::One)) => {
            // The alias of the stage goes to the version that enters, so it keeps no other.
            let leaving = mapped.map_or("", |mapped| &mapped.alias);
            let kept = match policy.aliased {
                Aliased::Kept => aliased_others(tx, entrance, leaving)?,
                Aliased::Archived => Vec::new(),
            };
            archive_others(tx, ctx, entrance, &kept)?;
            kept
        }
    };
    tx.send(
        "update model_versions set stage = $2, updated_at = $3 where id = $1",
        params![version.id, to as i64, ctx.now],
    )?;
    model::touch(tx, ctx, model)?;
    if version.stage != to {
        append_moves(tx, ctx, model, (version.stage, to, &[version.number]))?;
        leave(tx, ctx, policy, (model, version))?;
    }
    Ok(kept)
}

/// Finds the other versions of a stage that an alias points at, but for the alias `leaving`.
fn aliased_others(tx: &mut Tx<'_>, entrance: &Entrance<'_>, leaving: &str) -> Result<Vec<Kept>> {
    let rows: Vec<(i64, String)> = tx.query(
        "select v.number, a.alias from model_versions v
         join model_aliases a on a.model_id = v.model_id and a.version = v.number
         where v.model_id = $1 and v.lifecycle = 1 and v.stage = $2 and v.number <> $3
             and a.alias <> $4
         order by v.number, a.alias",
        params![
            entrance.model.id,
            entrance.to as i64,
            entrance.version.number,
            leaving
        ],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    let mut kept: Vec<Kept> = Vec::new();
    for (number, alias) in rows {
        match kept.last_mut() {
            Some(last) if last.version.number == number => last.aliases.push(alias),
            _ => kept.push(Kept {
                version: VersionRef {
                    model: entrance.model.name.clone(),
                    number,
                },
                aliases: vec![alias],
            }),
        }
    }
    Ok(kept)
}

/// Archives the other versions of a stage but for those that are kept, and notes for the audit log
/// what keeps them.
fn archive_others(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    entrance: &Entrance<'_>,
    kept: &[Kept],
) -> Result<()> {
    let (model, stage) = (entrance.model, entrance.to);
    let mut others = numbers_in(tx, model, stage)?;
    others.retain(|number| {
        let is_kept = kept.iter().any(|kept| kept.version.number == *number);
        *number != entrance.version.number && !is_kept
    });
    put(tx, ctx, model, (Stage::Archived, &others))?;
    append_moves(tx, ctx, model, (stage, Stage::Archived, &others))?;
    for one in kept {
        let object = format!("model_version:{}/{}", model.name, one.version.number);
        for alias in &one.aliases {
            audit::Change::of(&object, "stage_kept")
                .key(&**alias)
                .before(stage.name())
                .after(stage.name())
                .note(tx);
        }
    }
    Ok(())
}

/// Takes a version that leaves its stage off the alias that agrees with the stage: the alias goes
/// to the highest version that is left there, or is deleted where none is.
pub(super) fn leave(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    policy: &Policy,
    (model, version): (&Model, &Version),
) -> Result<()> {
    let Some(mapped) = policy.of_stage(tx, model, version.stage)? else {
        return Ok(());
    };
    let target = alias::target(tx, model, &mapped.alias)?;
    if target.is_none_or(|(number, _)| number != version.number) {
        return Ok(());
    }
    let next: Option<i64> = tx.query_one(
        "select max(number) from model_versions
         where model_id = $1 and lifecycle = 1 and stage = $2 and number <> $3",
        params![model.id, version.stage as i64, version.number],
        |row| row.get(0),
    )?;
    match next {
        Some(next) => alias::point(tx, ctx, model, (&mapped.alias, next)).map(|_| ()),
        None => alias::take_away(tx, ctx, model, &mapped.alias).map(|_| ()),
    }
}

/// Moves all versions of a stage to the stage None.
pub(super) fn empty(tx: &mut Tx<'_>, ctx: &Ctx, model: &Model, stage: Stage) -> Result<()> {
    let numbers = numbers_in(tx, model, stage)?;
    if numbers.is_empty() {
        return Ok(());
    }
    put(tx, ctx, model, (Stage::None, &numbers))?;
    model::touch(tx, ctx, model)?;
    append_moves(tx, ctx, model, (stage, Stage::None, &numbers))
}

fn numbers_in(tx: &mut Tx<'_>, model: &Model, stage: Stage) -> Result<Vec<i64>> {
    tx.query(
        "select number from model_versions
         where model_id = $1 and lifecycle = 1 and stage = $2 order by number",
        params![model.id, stage as i64],
        |row| row.get(0),
    )
}

/// Stores the stage of versions of a model.
fn put(tx: &mut Tx<'_>, ctx: &Ctx, model: &Model, (stage, numbers): (Stage, &[i64])) -> Result<()> {
    for chunk in numbers.chunks(CHUNK) {
        let sql = format!(
            "update model_versions set stage = $2, updated_at = $3
             where model_id = $1 and lifecycle = 1 and number in ({})",
            placeholders(4, chunk.len())
        );
        let mut params = params![model.id, stage as i64, ctx.now].to_vec();
        params.extend(chunk.iter().map(|number| Value::Int(*number)));
        tx.send(&sql, &params)?;
    }
    Ok(())
}

fn append_moves(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    model: &Model,
    (from, to, numbers): (Stage, Stage, &[i64]),
) -> Result<()> {
    let changes = numbers.iter().map(|number| {
        Change::of_version(Kind::StageChanged, *number)
            .key(to.name())
            .from(from.name())
            .to(to.name())
    });
    history::append(tx, ctx, model, &changes.collect::<Vec<_>>())
}
