//! Stages: where a version stands on its way to production.

use super::history::{self, Change, Kind};
use super::model;
use super::version::{self, Version, VersionRef};
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::params;

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

/// Moves a version to a stage and gives the version.
pub fn transition(tx: &mut Tx<'_>, ctx: &Ctx, request: &Transition) -> Result<Version> {
    let (model, version) = version::open(tx, &request.version)?;
    let to = request.to;
    let mut changes = Vec::new();
    if request.others == Others::Archived {
        let others: Vec<i64> = tx.query(
            "select number from model_versions
             where model_id = $1 and lifecycle = 1 and stage = $2 and number <> $3 order by number",
            params![model.id, to as i64, version.number],
            |row| row.get(0),
        )?;
        tx.execute(
            "update model_versions set stage = $4, updated_at = $5
             where model_id = $1 and lifecycle = 1 and stage = $2 and number <> $3",
            params![
                model.id,
                to as i64,
                version.number,
                Stage::Archived as i64,
                ctx.now
            ],
        )?;
        changes.extend(
            others
                .into_iter()
                .map(|number| (number, to, Stage::Archived)),
        );
    }
    tx.execute(
        "update model_versions set stage = $2, updated_at = $3 where id = $1",
        params![version.id, to as i64, ctx.now],
    )?;
    model::touch(tx, ctx, &model)?;
    if version.stage != to {
        changes.push((version.number, version.stage, to));
    }
    let changes: Vec<_> = changes
        .into_iter()
        .map(|(number, from, to)| {
            Change::of_version(Kind::StageChanged, number)
                .key(to.name())
                .from(from.name())
                .to(to.name())
        })
        .collect();
    history::append(tx, ctx, &model, &changes)?;
    version::find(tx, &request.version)
}
