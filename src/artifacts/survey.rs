//! The files below a place, with their sizes and digests.
//!
//! It reads files a buffer at a time, and never keeps a list longer than it is allowed to.

use super::store::{ArtifactStore, Found, Stored, failed};
use super::{ArtifactPath, Site};
use crate::error::{Error, Result};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};

/// How deep folders may lie in each other; links can make them endless.
const MAX_DEPTH: usize = 64;

/// A file that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surveyed {
    /// Seen from the folder of the survey.
    pub path: ArtifactPath,
    /// In bytes.
    pub size: u64,
    /// When the content was last written, in nanoseconds since 1970.
    pub modified_ns: i64,
}

/// All files below a place, in the order of their paths' bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Survey {
    /// Where in its store the place is: the folder, or the one that holds the file.
    pub folder: ArtifactPath,
    pub files: Vec<Surveyed>,
}

/// Lists the files of a site: all that are below a folder, or the one file that it is. None are
/// there for a missing path.
///
/// # Errors
/// 400 for more than `limit` files, and for folders that lie too deep in each other.
pub async fn list(site: &Site, limit: usize) -> Result<Survey> {
    let mut files = Vec::new();
    let mut folders = vec![ArtifactPath::root()];
    while let Some(folder) = folders.pop() {
        if folder.segments().count() > MAX_DEPTH {
            return Err(Error::invalid(format!(
                "The folders in '{}' lie more than {MAX_DEPTH} deep in each other.",
                site.path
            )));
        }
        for entry in site.store.list(&site.path.join(&folder)).await? {
            let path = folder.join(&ArtifactPath::parse(&entry.name)?);
            if entry.is_dir {
                folders.push(path);
                continue;
            }
            files.push(Surveyed {
                path,
                size: entry.size,
                modified_ns: entry.modified_ns,
            });
        }
        if files.len() + folders.len() > limit {
            return Err(Error::invalid(format!(
                "There are more than {limit} files and folders in '{}'.",
                site.path
            )));
        }
    }
    let mut folder = site.path.clone();
    if files.is_empty() && !site.path.is_root() {
        folder = site.path.parent();
        let around = site.store.list(&folder).await?;
        let is_it = |entry: &&super::Entry| !entry.is_dir && entry.name == site.path.name();
        if let Some(entry) = around.iter().find(is_it) {
            files.push(Surveyed {
                path: ArtifactPath::parse(&entry.name)?,
                size: entry.size,
                modified_ns: entry.modified_ns,
            });
        }
    }
    files.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    Ok(Survey { folder, files })
}

/// Reads a file to its end for its size and digest; a missing one is a 404.
pub async fn digest(store: &ArtifactStore, path: &ArtifactPath) -> Result<Stored> {
    let Found::File(mut download) = store.get(path, None).await? else {
        return Err(Error::not_found(format!("No such artifact: '{path}'")));
    };
    let mut sha256 = Sha256::new();
    let mut size = 0;
    while let Some(chunk) = download.stream.next().await {
        let chunk = chunk.map_err(|error| failed("read the artifact", error))?;
        size += chunk.len() as u64;
        // A buffer takes long enough to keep an async thread from its other work.
        let hash = move || {
            sha256.update(&chunk);
            sha256
        };
        sha256 = tokio::task::spawn_blocking(hash)
            .await
            .map_err(|error| Error::unavailable("The server is shutting down").with_cause(error))?;
    }
    Ok(Stored {
        size,
        sha256: sha256.finalize().into(),
    })
}
