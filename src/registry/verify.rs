//! Whether the files of a version are still those that were registered.
//!
//! Comparing is pure; the caller reads the files, outside of any transaction.

use super::history::{self, Change, Kind};
use super::manifest::{self, FileDigest, Manifest, State, Verdict};
use super::version::{self, Version, VersionRef};
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::error::{Code, Error, Result};
use std::collections::BTreeMap;

/// A version with its files as they were registered.
#[derive(Debug, Clone)]
pub struct Registered {
    pub version: Version,
    pub manifest: Manifest,
    /// The digest over the files.
    pub digest: String,
    /// In the order of their paths.
    pub files: Vec<FileDigest>,
    /// Where they are.
    pub location: String,
}

impl Registered {
    /// Tells whether a file that is found at this path has to be compared. In the folder of a whole
    /// run, which goes on, files that came later do not belong to the version.
    pub fn concerns(&self, path: &str) -> bool {
        let is_listed = || self.files.binary_search_by(|file| (*file.path).cmp(path));
        self.manifest.state != State::Growing || is_listed().is_ok()
    }
}

/// Finds a version with the files to compare.
///
/// # Errors
/// 404 for an unknown or deleted version, 400 for one without a manifest.
pub fn find(tx: &mut Tx<'_>, at: &VersionRef) -> Result<Registered> {
    let version = version::find_row(tx, at)?;
    let manifest = manifest_of(tx, &version)?;
    let Some(digest) = manifest.digest.clone() else {
        return Err(Error::new(
            Code::InvalidState,
            format!(
                "The files of {}/{} cannot be verified, because no digests were taken when it was \
                 registered: {}",
                at.model, at.number, manifest.note
            ),
        ));
    };
    Ok(Registered {
        files: manifest::files(tx, version.id)?,
        location: version::find_files(tx, at)?,
        version,
        manifest,
        digest,
    })
}

/// Finds a page of the files of a version, as `manifest::files_after` gives them; an unknown or
/// deleted version is a 404.
pub fn find_files(
    tx: &mut Tx<'_>,
    at: &VersionRef,
    (after, limit): (&str, usize),
) -> Result<Vec<FileDigest>> {
    let version = version::find_row(tx, at)?;
    manifest::files_after(tx, version.id, (after, limit))
}

/// Finds the manifest of a version; an unknown or deleted version is a 404.
pub fn find_manifest(tx: &mut Tx<'_>, at: &VersionRef) -> Result<Manifest> {
    let version = version::find_row(tx, at)?;
    manifest_of(tx, &version)
}

fn manifest_of(tx: &mut Tx<'_>, version: &Version) -> Result<Manifest> {
    let found = manifest::find(tx, version.id)?;
    Ok(found.unwrap_or_else(|| Manifest {
        state: State::Unmanaged,
        digest: None,
        files: 0,
        bytes: 0,
        note: "The version was registered before digests were taken.".to_owned(),
        created_at: version.created_at,
        verified: None,
    }))
}

/// What the files of a version are, compared with what they were.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    pub verdict: Verdict,
    /// The digest over the files that were found.
    pub digest: String,
    pub missing: Vec<FileDigest>,
    /// As registered, and as found.
    pub changed: Vec<(FileDigest, FileDigest)>,
    pub extra: Vec<FileDigest>,
}

/// Compares the files of a version with those found.
pub fn compare(registered: &Registered, found: Vec<FileDigest>) -> Comparison {
    let digest = manifest::digest_of(&found);
    let mut found: BTreeMap<String, FileDigest> = found
        .into_iter()
        .map(|file| (file.path.clone(), file))
        .collect();
    let (mut missing, mut changed) = (Vec::new(), Vec::new());
    for file in &registered.files {
        match found.remove(&file.path) {
            None => missing.push(file.clone()),
            Some(other) if other != *file => changed.push((file.clone(), other)),
            Some(_) => {}
        }
    }
    let extra: Vec<FileDigest> = found.into_values().collect();
    let verdict = match missing.is_empty() && changed.is_empty() && extra.is_empty() {
        true => Verdict::Intact,
        false => Verdict::Broken,
    };
    Comparison {
        verdict,
        digest,
        missing,
        changed,
        extra,
    }
}

/// Notes what a comparison gave, in the manifest and in the history.
///
/// # Errors
/// 404 if the version was deleted meanwhile.
pub fn record(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    registered: &Registered,
    comparison: &Comparison,
) -> Result<()> {
    let at = VersionRef {
        model: registered.version.model_name.clone(),
        number: registered.version.number,
    };
    let (model, version) = version::open(tx, &at)?;
    // Another version may have got the name and number; it was not looked at.
    if version.id != registered.version.id || version.created_at != registered.version.created_at {
        return Err(version::not_found(&at));
    }
    manifest::note_verdict(tx, ctx, (version.id, comparison.verdict))?;
    let differs = format!(
        "{} missing, {} changed, {} extra",
        comparison.missing.len(),
        comparison.changed.len(),
        comparison.extra.len()
    );
    let change = match comparison.verdict {
        Verdict::Intact => Change::of_version(Kind::VersionVerified, version.number),
        Verdict::Broken => Change::of_version(Kind::VersionBroken, version.number)
            .key(&differs)
            .from(&*registered.digest),
    };
    history::append(tx, ctx, &model, &[change.to(&*comparison.digest)])
}
