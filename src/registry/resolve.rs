//! Where a `models:` URI leads now, and what became of one that leads nowhere.
//!
//! It only reads. Who follows a URI is the business of `consumer`.

use super::history::{self, Entry, Kind};
use super::model::{self, Model};
use super::model_uri::{ModelUri, Target};
use super::stage::Stage;
use super::version::{self, Version, VersionRef};
use super::{alias, facts, manifest, past};
use crate::db::Tx;
use crate::error::{Code, Error, Result};
use crate::params;
use serde_json::Value as Json;

/// What a URI leads to.
#[derive(Debug, Clone)]
pub struct Resolved {
    pub uri: ModelUri,
    /// With its aliases and tags.
    pub version: Version,
    /// The digest over its files; `None` where there is none.
    pub digest: Option<String>,
    /// `inputs`, `outputs` and `params` as MLflow writes them; `None` where there is none.
    pub signature: Option<Json>,
    /// Where the files are, as a location that needs no run to be looked up; `None` where the run
    /// of the source is gone.
    pub storage_uri: Option<String>,
    /// How often the alias was moved; `None` for URIs without an alias.
    pub generation: Option<i64>,
}

/// Says where a URI leads.
///
/// # Errors
/// 404 that tells what happened to the model, alias, stage or version, when, and who did it.
pub fn resolve(tx: &mut Tx<'_>, uri: &ModelUri) -> Result<Resolved> {
    let Some(model) = model::find_by_name(tx, &uri.model)? else {
        return Err(gone_model(tx, &uri.model)?);
    };
    let (number, generation) = match &uri.target {
        Target::Number(number) => (Some(*number), None),
        Target::Latest => (highest(tx, &model, None)?, None),
        Target::Stage(stage) => (highest(tx, &model, Some(*stage))?, None),
        Target::Alias(alias) => match alias::target(tx, &model, alias)? {
            Some((number, generation)) => (Some(number), Some(generation)),
            None => (None, None),
        },
    };
    let found = match number {
        Some(number) => find(tx, &model, number)?,
        None => None,
    };
    let Some(version) = found else {
        return Err(gone(tx, &model, &uri.target)?);
    };
    let storage_uri = match version::located(tx, version.storage_location.clone()) {
        Ok(place) => Some(place),
        Err(error) if error.code == Code::NotFound => None,
        Err(error) => return Err(error),
    };
    Ok(Resolved {
        uri: uri.clone(),
        digest: manifest::digest(tx, version.id)?,
        signature: facts::store::find(tx, version.id)?.and_then(|facts| facts.signature),
        version,
        storage_uri,
        generation,
    })
}

fn find(tx: &mut Tx<'_>, model: &Model, number: i64) -> Result<Option<Version>> {
    let at = VersionRef {
        model: model.name.clone(),
        number,
    };
    match version::find(tx, &at) {
        Ok(version) => Ok(Some(version)),
        Err(error) if error.code == Code::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Gives the number of the highest version, of all or of one stage.
fn highest(tx: &mut Tx<'_>, model: &Model, stage: Option<Stage>) -> Result<Option<i64>> {
    match stage {
        Some(stage) => tx.query_one(
            "select max(number) from model_versions
             where model_id = $1 and lifecycle = 1 and stage = $2",
            params![model.id, stage as i64],
            |row| row.get(0),
        ),
        None => tx.query_one(
            "select max(number) from model_versions where model_id = $1 and lifecycle = 1",
            params![model.id],
            |row| row.get(0),
        ),
    }
}

/// Gives since when a URI leads where it leads, in milliseconds since 1970: the last move of its
/// alias, the last change of its stage, or the last version that came or went. `None` for a model
/// that is not there.
pub fn since(tx: &mut Tx<'_>, uri: &ModelUri) -> Result<Option<i64>> {
    let Some(model) = model::find_by_name(tx, &uri.model)? else {
        return Ok(None);
    };
    let last = match &uri.target {
        Target::Alias(alias) => past::last_move(tx, (model.id, alias), i64::MAX)?,
        Target::Stage(stage) => last_in_stage(tx, &model, *stage)?,
        Target::Latest => last_of(
            tx,
            &model,
            "kind in ('version_created', 'version_deleted')",
            None,
        )?,
        Target::Number(number) => last_of(
            tx,
            &model,
            "kind in ('version_created', 'version_deleted')",
            Some(*number),
        )?,
    };
    Ok(last.map(|entry| entry.at))
}

/// Finds the last entry of a model that fits a condition, of all versions or of one.
fn last_of(
    tx: &mut Tx<'_>,
    model: &Model,
    condition: &str,
    version: Option<i64>,
) -> Result<Option<Entry>> {
    let columns = history::COLUMNS;
    match version {
        None => tx.query_optional(
            &format!(
                "select {columns} from registry_history where model_id = $1 and {condition}
                 order by id desc limit 1"
            ),
            params![model.id],
            history::from_row,
        ),
        Some(number) => tx.query_optional(
            &format!(
                "select {columns} from registry_history
                 where model_id = $1 and version = $2 and {condition} order by id desc limit 1"
            ),
            params![model.id, number],
            history::from_row,
        ),
    }
}

/// Finds the last entry that put a version into a stage or took one out of it.
fn last_in_stage(tx: &mut Tx<'_>, model: &Model, stage: Stage) -> Result<Option<Entry>> {
    let columns = history::COLUMNS.replace(", ", ", h.");
    let sql = format!(
        "select h.{columns} from registry_history h
         where h.model_id = $1 and (
             h.kind = 'stage_changed' and (h.old_value = $2 or h.new_value = $2)
             or h.kind = 'version_created' and $2 = 'None'
             or h.kind = 'version_deleted' and $2 = coalesce((
                 select p.new_value from registry_history p
                 where p.model_id = h.model_id and p.version = h.version and p.id < h.id
                     and p.kind = 'stage_changed'
                 order by p.id desc limit 1), 'None'))
         order by h.id desc limit 1"
    );
    tx.query_optional(&sql, params![model.id, stage.name()], history::from_row)
}

/// The 404 for an alias, stage or version of a model that is there.
fn gone(tx: &mut Tx<'_>, model: &Model, target: &Target) -> Result<Error> {
    let name = &model.name;
    let text = match target {
        Target::Alias(alias) => match past::last_move(tx, (model.id, alias), i64::MAX)? {
            Some(entry) => format!(
                "The alias '{alias}' of the registered model '{name}' was deleted {}. It pointed \
                 at version {}.",
                told(&entry),
                number(&entry)
            ),
            None => format!("The registered model '{name}' never had an alias '{alias}'."),
        },
        Target::Stage(stage) => {
            let none = format!(
                "No version of the registered model '{name}' is in the stage {}",
                stage.name()
            );
            match last_in_stage(tx, model, *stage)? {
                Some(entry) => format!("{none}: version {} {}.", number(&entry), left(&entry)),
                None => format!("{none}, and none ever was."),
            }
        }
        Target::Latest => match last_of(tx, model, "kind = 'version_deleted'", None)? {
            Some(entry) => format!(
                "The registered model '{name}' has no version any more: version {} {}.",
                number(&entry),
                left(&entry)
            ),
            None => format!("The registered model '{name}' has no version yet."),
        },
        Target::Number(number) => {
            match last_of(tx, model, "kind = 'version_deleted'", Some(*number))? {
                Some(entry) => format!(
                    "Version {number} of the registered model '{name}' was deleted {}.",
                    told(&entry)
                ),
                None => format!("The registered model '{name}' never had a version {number}."),
            }
        }
    };
    Ok(Error::not_found(text))
}

/// The 404 for a name that no model has.
fn gone_model(tx: &mut Tx<'_>, name: &str) -> Result<Error> {
    let sql = format!(
        "select {} from registry_history
         where kind in ('model_created', 'model_renamed', 'model_deleted') and model_name = $1
             and model_id in (
                 select model_id from registry_history
                 where new_value = $1 and kind in ('model_created', 'model_renamed'))
         order by id desc limit 1",
        history::COLUMNS
    );
    let last = tx.query_optional(&sql, params![name], history::from_row)?;
    Ok(Error::not_found(match last {
        Some(entry) if entry.kind == Kind::ModelRenamed => format!(
            "The registered model '{name}' was renamed to '{}' {}.",
            entry.to.as_deref().unwrap_or_default(),
            told(&entry)
        ),
        Some(entry) if entry.kind == Kind::ModelDeleted => {
            format!(
                "The registered model '{name}' was deleted {}.",
                told(&entry)
            )
        }
        _ => format!("There is no registered model '{name}', and there never was one."),
    }))
}

/// Says whether a model ever had this name.
pub(super) fn was_ever(tx: &mut Tx<'_>, name: &str) -> Result<bool> {
    let found = tx.query_optional(
        "select 1 from registry_history
         where new_value = $1 and kind in ('model_created', 'model_renamed') limit 1",
        params![name],
        |_| Ok(()),
    )?;
    Ok(found.is_some())
}

/// Says how a version left a stage.
fn left(entry: &Entry) -> String {
    match (&entry.kind, &entry.to) {
        (Kind::StageChanged, Some(stage)) => format!("was moved to {stage} {}", told(entry)),
        _ => format!("was deleted {}", told(entry)),
    }
}

fn number(entry: &Entry) -> i64 {
    entry.version.unwrap_or_default()
}

/// Says when something was done, by whom and why.
fn told(entry: &Entry) -> String {
    let when = format!("at {} by {}", past::spelled(entry.at), entry.actor);
    match entry.reason.as_str() {
        "" => when,
        reason => format!("{when} ('{reason}')"),
    }
}
