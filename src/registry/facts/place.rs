//! Where the files of a version that is about to be created are.

use crate::db::Tx;
use crate::error::Result;
use crate::registry::origin;
use crate::registry::version::{self, NewVersion};
use crate::tracking::run;
use std::path::Path;

/// Where the files of a new version are.
#[derive(Debug, Clone)]
pub struct Place {
    /// As the version will say it.
    pub storage_location: String,
    /// As a location that needs no run to be looked up.
    pub files: String,
    /// The folder of the run that the version comes from; `None` where there is no such run.
    pub run_files: Option<String>,
}

/// Foresees where the files of a new version are.
///
/// # Errors
/// Those of `version::create` about the source, and 404 for a source in a run that is not there.
pub fn foresee(tx: &mut Tx<'_>, new: &NewVersion, working_directory: &Path) -> Result<Place> {
    let origin = origin::find(tx, new, working_directory)?;
    let run = run::find_optional(tx, &origin.run_id)?;
    Ok(Place {
        files: version::located(tx, origin.storage_location.clone())?,
        run_files: run.map(|run| run.artifact_uri),
        storage_location: origin.storage_location,
    })
}
