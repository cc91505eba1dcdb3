//! Registers a version with the digests of its files.
//!
//! The files are read before the transaction that creates the version. While it runs nobody
//! changes them through this server, and it fails to hold if they are not what was seen; then the
//! look is repeated.

use super::version_files;
use crate::app::{App, Ctx};
use crate::artifacts::survey::{self, Survey, Surveyed};
use crate::artifacts::{ArtifactPath, Claim, Site, hexadecimal};
use crate::db::Tx;
use crate::error::{Code, Error, Result};
use crate::http::task::to_the_end;
use crate::registry::facts;
use crate::registry::intake::{self, Plan, Seen};
use crate::registry::manifest::{Content, FileDigest, MAX_FILES, State};
use crate::registry::version::{self, NewVersion, Version};
use crate::tracking::artifact::Recorded;
use std::collections::HashMap;
use std::sync::Arc;

/// How often files are looked at that change meanwhile.
const ATTEMPTS: usize = 4;

/// When uploads have to wait for the look.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hold {
    /// Only once the digests are known, so that long reading keeps nobody waiting.
    AtTheEnd,
    /// From the start, because the files changed during the first look.
    Always,
}

/// Creates a version and freezes its files.
///
/// # Errors
/// Those of `version::create`, and 503 for files that never stay the same.
pub(super) async fn create(app: &App, ctx: Ctx, new: NewVersion) -> Result<Version> {
    let new = Arc::new(new);
    for attempt in 0..ATTEMPTS {
        let hold = match attempt {
            0 => Hold::AtTheEnd,
            _ => Hold::Always,
        };
        let Some((seen, claim)) = look(app, &new, hold).await? else {
            continue;
        };
        let files = version_files::read(app, &new).await;
        let (ctx, new, seen) = (ctx.clone(), new.clone(), Arc::new(seen));
        let folder = app.settings.location_policy.working_directory.clone();
        let db = app.db.clone();
        let creating = async move {
            let create = move |tx: &mut Tx<'_>| {
                let created = version::create(tx, &ctx, &new, (&folder, &seen))?;
                if let Some(version) = &created {
                    facts::store::freeze(tx, &ctx, version, &files)?;
                }
                Ok(created)
            };
            let created = db.write(create).await;
            drop(claim);
            created
        };
        // Once it is queued, the version is created even if the client leaves.
        if let Some(version) = to_the_end(creating).await? {
            return Ok(version);
        }
    }
    Err(Error::unavailable(format!(
        "The files at '{}' keep changing. Register the version once nothing writes to them.",
        new.source
    )))
}

/// Looks at the files of a version to be created; `None` if they changed meanwhile.
async fn look(
    app: &App,
    new: &Arc<NewVersion>,
    hold: Hold,
) -> Result<Option<(Seen, Option<Claim>)>> {
    let asked = new.clone();
    let folder = app.settings.location_policy.working_directory.clone();
    let plan = app
        .db
        .read(move |tx| intake::plan(tx, &asked, &folder))
        .await?;
    let (location, run_location) = match plan {
        Plan::Nowhere(seen) => return Ok(Some((seen, None))),
        Plan::At {
            location,
            run_location,
        } => (location, run_location),
    };
    let unknown = |note| Ok(Some((Seen::unknown(Some(location.clone()), note), None)));
    // What cannot be reached now may still be a good source for clients.
    let site = match app.artifacts.site(&location, &ArtifactPath::root()).await {
        Ok(site) => site,
        Err(error) => return unknown(error.message),
    };
    let mut claim = None;
    if hold == Hold::Always {
        claim = Some(app.artifacts.claim(&site.spot).await);
    }
    let spot = site.spot.clone();
    let recorded = app.db.read(move |tx| intake::recorded(tx, &spot)).await?;
    let found = match observe(&site, &recorded).await {
        Ok(found) => found,
        Err(error) if error.code == Code::NotFound && hold == Hold::AtTheEnd => return Ok(None),
        Err(error) if error.code == Code::Unavailable => return Err(error),
        Err(error) => return unknown(error.message),
    };
    if claim.is_none() {
        claim = Some(app.artifacts.claim(&site.spot).await);
    }
    match survey::list(&site, MAX_FILES).await {
        Ok(again) if again == found.survey => {}
        _ => return Ok(None),
    }
    let content = match found.files.is_empty() {
        true => Content::Unknown {
            note: format!("There were no files at '{location}'."),
        },
        false => Content::Known {
            state: state(app, &site, run_location).await,
            root: site.spot.as_str().to_owned(),
            files: found.files,
        },
    };
    let seen = Seen {
        location: Some(location),
        spot: Some(site.spot),
        recorded,
        content,
    };
    Ok(Some((seen, claim)))
}

/// The files of a folder will not change, but those of a whole run have to grow: it may go on.
async fn state(app: &App, site: &Site, run_location: Option<String>) -> State {
    let Some(location) = run_location else {
        return State::Frozen;
    };
    match app.artifacts.site(&location, &ArtifactPath::root()).await {
        Ok(run) if run.spot == site.spot => State::Growing,
        _ => State::Frozen,
    }
}

/// Files, and what they looked like in their folder.
struct Observed {
    survey: Survey,
    files: Vec<FileDigest>,
}

/// Lists the files of a site with their digests; those recorded need not be read.
async fn observe(site: &Site, recorded: &[Recorded]) -> Result<Observed> {
    let survey = survey::list(site, MAX_FILES).await?;
    let known: HashMap<&str, &Recorded> = recorded
        .iter()
        .map(|recorded| (recorded.path.as_str(), recorded))
        .collect();
    let spot = site.spot.as_str();
    let mut files = Vec::with_capacity(survey.files.len());
    for file in &survey.files {
        let name = match survey.folder == site.path {
            true => format!("{spot}/{}", file.path),
            false => spot.to_owned(),
        };
        let known = known.get(name.as_str()).filter(|known| is_of(known, file));
        files.push(match known {
            Some(known) => FileDigest {
                path: file.path.as_str().to_owned(),
                size: known.size,
                sha256: known.sha256.clone(),
            },
            None => read(site, &survey, file).await?,
        });
    }
    Ok(Observed { survey, files })
}

/// Tells whether a file is still the one that was recorded: nobody wrote to it later.
fn is_of(recorded: &Recorded, file: &Surveyed) -> bool {
    u64::try_from(recorded.size) == Ok(file.size)
        && file.modified_ns / 1_000_000 <= recorded.stored_at
}

/// Reads a file for its size and digest.
pub(in crate::http) async fn read(
    site: &Site,
    survey: &Survey,
    file: &Surveyed,
) -> Result<FileDigest> {
    let stored = survey::digest(&site.store, &survey.folder.join(&file.path)).await?;
    Ok(FileDigest {
        path: file.path.as_str().to_owned(),
        size: stored.size as i64,
        sha256: hexadecimal(&stored.sha256),
    })
}
