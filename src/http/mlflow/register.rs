//! Registers a version with the digests of its files.
//!
//! The files are read before the transaction that creates the version. While it runs nobody
//! changes them through this server, and it fails to hold if they are not what was seen; then the
//! look is repeated.

use super::version_files;
use crate::app::{App, Ctx};
use crate::artifacts::survey::{self, Survey, Surveyed};
use crate::artifacts::{ArtifactPath, Site, hexadecimal};
use crate::audit::log;
use crate::db::Tx;
use crate::error::{Code, Error, Result};
use crate::http::task::to_the_end;
use crate::registry::facts;
use crate::registry::intake::{self, Plan, Seen};
use crate::registry::manifest::{Content, FileDigest, MAX_FILES, State};
use crate::registry::version::{self, NewVersion, Version};
use crate::replicas::Claim;
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
            let proof = claim.as_ref().map(Claim::proof);
            let create = move |tx: &mut Tx<'_>| {
                // Files that another server took meanwhile have to be looked at again.
                if let Some(proof) = proof
                    && !proof.is_alive(tx)?
                {
                    return Ok(None);
                }
                let created = version::create(tx, &ctx, &new, (&folder, &seen))?;
                // A look that is repeated is not the end of the request.
                if let Some(version) = &created {
                    facts::store::freeze(tx, &ctx, version, &files)?;
                    log::append_done(tx, &ctx)?;
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
    // What cannot be reached now may still be a good source for clients.
    let unknown = |note| Some((Seen::unknown(Some(location.clone()), note), None));
    let site = match app.artifacts.site(&location, &ArtifactPath::root()).await {
        Ok(site) => site,
        Err(error) => return Ok(unknown(error.message)),
    };
    let state = state(app, &site, run_location).await;
    match examine(app, &site, hold).await {
        Ok(None) => Ok(None),
        Ok(Some(found)) => {
            let seen = Seen {
                content: content(&site, &location, (state, found.files)),
                location: Some(location),
                spot: Some(site.spot),
                recorded: found.recorded,
            };
            Ok(Some((seen, Some(found.claim))))
        }
        Err(error) if error.code == Code::Unavailable => Err(error),
        Err(error) => Ok(unknown(error.message)),
    }
}

/// Files that nobody changes while the claim is held.
struct Held {
    claim: Claim,
    recorded: Vec<Recorded>,
    files: Vec<FileDigest>,
}

/// Reads the files of a site; `None` if they changed meanwhile.
async fn examine(app: &App, site: &Site, hold: Hold) -> Result<Option<Held>> {
    let mut claim = None;
    if hold == Hold::Always {
        claim = Some(app.claim(&site.spot).await?);
    }
    let spot = site.spot.clone();
    let recorded = app.db.read(move |tx| intake::recorded(tx, &spot)).await?;
    let survey = survey::list(site, MAX_FILES).await?;
    let files = match digests(site, &survey, &recorded).await {
        Err(error) if error.code == Code::NotFound && hold == Hold::AtTheEnd => return Ok(None),
        files => files?,
    };
    let claim = match claim {
        Some(claim) => claim,
        None => app.claim(&site.spot).await?,
    };
    let again = survey::list(site, MAX_FILES).await;
    let same = again.is_ok_and(|again| again == survey);
    Ok(same.then_some(Held {
        claim,
        recorded,
        files,
    }))
}

fn content(site: &Site, location: &str, (state, files): (State, Vec<FileDigest>)) -> Content {
    match files.is_empty() {
        true => Content::Unknown {
            note: format!("There were no files at '{location}'."),
        },
        false => Content::Known {
            state,
            root: site.spot.as_str().to_owned(),
            files,
        },
    }
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

/// Gives the digests of files; those recorded need not be read.
async fn digests(site: &Site, survey: &Survey, recorded: &[Recorded]) -> Result<Vec<FileDigest>> {
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
            None => read(site, survey, file).await?,
        });
    }
    Ok(files)
}

/// Tells whether a file is still the one that was recorded: nobody wrote to it later.
fn is_of(recorded: &Recorded, file: &Surveyed) -> bool {
    !recorded.sha256.is_empty()
        && u64::try_from(recorded.size) == Ok(file.size)
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
