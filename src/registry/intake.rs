//! What the files of a new version are: where to look, and whether what was seen still holds.
//!
//! Reading files takes long, so it happens outside of the transaction that creates the version:
//! first `plan`, then the caller looks, then `version::create` takes what was seen if nothing
//! changed since.

use super::manifest::{self, Content};
use super::origin::{self, Origin};
use super::version::{self, NewVersion};
use super::{model, rule};
use crate::artifacts::Spot;
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::error::{Code, Result};
use crate::tracking::artifact::{self, Recorded};
use crate::tracking::run;
use std::path::Path;

/// Where the files of a version to be created are.
#[derive(Debug, Clone)]
pub enum Plan {
    /// Nowhere that needs a look: the version is a prompt or a copy, or cannot be created.
    Nowhere(Seen),
    At {
        location: String,
        /// Where all files of the run are that the version comes from.
        run_location: Option<String>,
    },
}

/// What was seen of the files of a version to be created.
#[derive(Debug, Clone)]
pub struct Seen {
    /// Where the look was; `None` where there was nowhere to look.
    pub location: Option<String>,
    /// The same place, where it is in the server's own store.
    pub spot: Option<Spot>,
    /// What was recorded of the files of the own store.
    pub recorded: Vec<Recorded>,
    pub content: Content,
}

impl Seen {
    /// Says why the files of a location are not known.
    pub fn unknown(location: Option<String>, note: impl Into<String>) -> Self {
        Self {
            location,
            spot: None,
            recorded: Vec::new(),
            content: Content::Unknown { note: note.into() },
        }
    }
}

/// Finds out where the files of a version to be created are.
///
/// # Errors
/// Those of `version::create` about the source.
pub fn plan(tx: &mut Tx<'_>, new: &NewVersion, working_directory: &Path) -> Result<Plan> {
    let origin = origin::find(tx, new, working_directory)?;
    if rule::is_prompt(&new.tags) {
        return Ok(Plan::Nowhere(Seen::unknown(None, "A prompt has no files.")));
    }
    let is_known = is_copy(tx, &origin)? || model::find_by_name(tx, &new.model)?.is_none();
    if is_known {
        return Ok(Plan::Nowhere(Seen::unknown(None, "")));
    }
    let Some(location) = located(tx, &origin)? else {
        let note = format!("No run is known for '{}'.", origin.storage_location);
        return Ok(Plan::Nowhere(Seen::unknown(None, note)));
    };
    let run = run::find_optional(tx, &origin.run_id)?;
    Ok(Plan::At {
        location,
        run_location: run.map(|run| run.artifact_uri),
    })
}

/// Gives the most entries that `recorded` lists: one more than a manifest takes.
const MAX_RECORDED: usize = manifest::MAX_FILES + 1;

/// Lists what is recorded of files in the server's own store.
pub fn recorded(tx: &mut Tx<'_>, spot: &Spot) -> Result<Vec<Recorded>> {
    match spot.own_path() {
        Some(path) => artifact::recorded_below(tx, path, MAX_RECORDED),
        None => Ok(Vec::new()),
    }
}

/// Tells whether what was seen is what a version of this origin has.
pub(super) fn holds(
    tx: &mut Tx<'_>,
    (new, origin): (&NewVersion, &Origin),
    seen: &Seen,
) -> Result<bool> {
    if rule::is_prompt(&new.tags) || is_copy(tx, origin)? {
        return Ok(true);
    }
    if located(tx, origin)? != seen.location {
        return Ok(false);
    }
    match &seen.spot {
        Some(spot) => Ok(recorded(tx, spot)? == seen.recorded),
        None => Ok(true),
    }
}

/// Writes the manifest of a new version; that of a copy is its original's.
pub(super) fn keep(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    (version_id, origin): (i64, &Origin),
    seen: &Seen,
) -> Result<()> {
    if let Some(original) = origin.copied
        && manifest::copy(tx, ctx, (original, version_id))?
    {
        return Ok(());
    }
    manifest::insert(tx, ctx, (version_id, &seen.content))
}

/// Tells whether the version takes its files, which are known, from another one.
fn is_copy(tx: &mut Tx<'_>, origin: &Origin) -> Result<bool> {
    match origin.copied {
        Some(original) => Ok(manifest::digest(tx, original)?.is_some()),
        None => Ok(false),
    }
}

/// Gives where the files are; `None` where they should be in a run that is not there.
fn located(tx: &mut Tx<'_>, origin: &Origin) -> Result<Option<String>> {
    match version::located(tx, origin.storage_location.clone()) {
        Ok(location) => Ok(Some(location)),
        Err(error) if error.code == Code::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
