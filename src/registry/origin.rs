//! Where a new version comes from: its source, looked up in runs, logged models and versions.

use super::model;
use super::source::{self, Container, Reference, Which};
use super::stage::Stage;
use super::version::{self, NewVersion, Version, VersionRef};
use super::{alias, rule};
use crate::db::Tx;
use crate::error::{Code, Error, Result};
use crate::tracking::logged_model::{self, Deleted, LoggedModel};
use crate::tracking::run;
use std::path::Path;

/// Where a new version comes from, once the server has looked.
pub(super) struct Origin {
    pub(super) source: String,
    pub(super) storage_location: String,
    pub(super) run_id: String,
    pub(super) model_uuid: String,
    /// The id of the version that is copied.
    pub(super) copied: Option<i64>,
}

/// Finds out where a version comes from, and whether it may; a prompt comes from nowhere.
///
/// # Errors
/// 404 for a logged model or version that is not there, 400 for a source outside of the run or
/// logged model that the request names.
pub(super) fn find(tx: &mut Tx<'_>, new: &NewVersion, working_directory: &Path) -> Result<Origin> {
    let mut origin = as_given(new);
    if rule::is_prompt(&new.tags) {
        return Ok(origin);
    }
    let reference = source::reference(&new.source)?;
    if let Reference::Version(name, which) = &reference {
        let copied = referenced(tx, new, (name, which))?;
        origin.source = format!("models:/{}/{}", copied.model_name, copied.number);
        origin.storage_location = copied.storage_location;
        origin.run_id = copied.run_id;
        origin.model_uuid = copied.model_uuid;
        origin.copied = Some(copied.id);
    }
    let run_id = origin.run_id.clone();
    let claim = source::Claim {
        run_id: &run_id,
        model_uuid: new.model_uuid.as_deref().unwrap_or(""),
    };
    if let Some(root) = claimed_root(tx, &origin.source, claim)? {
        source::check_inside(&origin.source, claim, (&root, working_directory))?;
    }
    if let Reference::LoggedModel(uuid) = reference {
        let model = fetched(tx, &origin.source, uuid)?;
        origin.storage_location = model.artifact_uri;
        if origin.run_id.is_empty() {
            origin.run_id = model.source_run_id;
        }
    }
    if origin.run_id.is_empty() && !claim.model_uuid.is_empty() {
        let model = logged_model::find(tx, claim.model_uuid, Deleted::Refused)?;
        origin.run_id = model.source_run_id;
    }
    Ok(origin)
}

/// Finds out where a version comes from, as `find` does, and locks the logged model that it names:
/// that one is told of the version, and must not be deleted before.
pub(super) fn find_locked(
    tx: &mut Tx<'_>,
    new: &NewVersion,
    working_directory: &Path,
) -> Result<Origin> {
    let named = find(tx, new, working_directory)?.model_uuid;
    let fetched = match source::reference(&new.source) {
        Ok(Reference::LoggedModel(uuid)) => uuid,
        _ => "",
    };
    let mut uuids = [named.as_str(), fetched];
    uuids.sort_unstable();
    logged_model::lock(tx, &uuids)?;
    find(tx, new, working_directory)
}

fn as_given(new: &NewVersion) -> Origin {
    Origin {
        source: new.source.clone(),
        storage_location: new.source.clone(),
        run_id: new.run_id.clone().unwrap_or_default(),
        model_uuid: new.model_uuid.clone().unwrap_or_default(),
        copied: None,
    }
}

/// Gives where the files of the claimed run or model are, if the source must lie there.
fn claimed_root(tx: &mut Tx<'_>, source: &str, claim: source::Claim<'_>) -> Result<Option<String>> {
    let root = match source::container(source, claim)? {
        Container::Nothing => return Ok(None),
        Container::Run => run::find(tx, claim.run_id).map(|run| run.artifact_uri),
        Container::Model => logged_model::find(tx, claim.model_uuid, Deleted::Refused)
            .map(|model| model.artifact_uri),
    };
    root.map(Some).map_err(|error| match error.code {
        Code::NotFound => source::foreign(source, claim),
        _ => error,
    })
}

fn fetched(tx: &mut Tx<'_>, source: &str, uuid: &str) -> Result<LoggedModel> {
    logged_model::find(tx, uuid, Deleted::Refused).map_err(|error| {
        Error::not_found(format!(
            "Unable to fetch model from model URI source artifact location '{source}'.Error: {}",
            error.message
        ))
    })
}

/// Finds the version that a source names, and checks what the request says of its run and model.
fn referenced(
    tx: &mut Tx<'_>,
    new: &NewVersion,
    (name, which): (&str, &Which<'_>),
) -> Result<Version> {
    let source = &new.source;
    rule::check_model_name(name)?;
    let model = model::find_full(tx, name)?;
    if rule::is_prompt(&model.tags) {
        return Err(Error::invalid(format!(
            "Invalid model version source: '{source}'. Prompt versions cannot be used as model \
             version sources."
        )));
    }
    let version = match which {
        Which::Number(number) => {
            let at = VersionRef {
                model: name.to_owned(),
                number: *number,
            };
            version::find(tx, &at)?
        }
        Which::Alias(alias) => {
            rule::check_alias(alias)?;
            alias::find_version(tx, name, alias)?
        }
        Which::Latest => highest(model.latest, name, "")?,
        Which::Stage(stage) => {
            let wanted = Stage::parse(stage)?;
            let mut latest = model.latest;
            latest.retain(|version| version.stage == wanted);
            highest(latest, name, &format!(" and stage '{stage}'"))?
        }
    };
    let other_run = |run_id: &String| *run_id != version.run_id;
    let other_model = |uuid: &String| !uuid.is_empty() && *uuid != version.model_uuid;
    if new.run_id.as_ref().is_some_and(other_run)
        || new.model_uuid.as_ref().is_some_and(other_model)
    {
        return Err(Error::invalid(format!(
            "Invalid model version source: '{source}'. The run_id and model_id request parameters \
             must match the referenced model version."
        )));
    }
    Ok(version)
}

fn highest(latest: Vec<Version>, name: &str, stage: &str) -> Result<Version> {
    latest
        .into_iter()
        .max_by_key(|version| version.number)
        .ok_or_else(|| {
            Error::not_found(format!(
                "No versions of model with name '{name}'{stage} found"
            ))
        })
}
