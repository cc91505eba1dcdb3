//! The files below a place, with their sizes and digests.
//!
//! It reads files a buffer at a time, and never keeps a list longer than it is allowed to.

use super::failure::failed;
use super::store::{ArtifactStore, Found, Stored};
use super::{ArtifactPath, Site};
use crate::error::{Error, Result};
use futures_util::StreamExt;
use sha2::{Digest, Sha256};

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
/// 400 for more than `limit` files and folders, of which links can make very many.
pub async fn list(site: &Site, limit: usize) -> Result<Survey> {
    let mut files = Vec::new();
    let mut folders = vec![ArtifactPath::root()];
    while let Some(folder) = folders.pop() {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::artifacts::Spot;
    use object_store::memory::InMemory;
    use std::path::Path;
    use std::sync::Arc;

    async fn site(store: ArtifactStore, path: &str, files: &[&str]) -> Site {
        for file in files {
            let body = futures_util::stream::iter([Ok(file.as_bytes().to_vec().into())]);
            let at = ArtifactPath::parse(file).unwrap();
            store.put(&at, body).await.unwrap();
        }
        Site {
            store,
            path: ArtifactPath::parse(path).unwrap(),
            spot: Spot::new(Path::new(path)),
        }
    }

    fn paths(survey: &Survey) -> Vec<&str> {
        survey.files.iter().map(|file| file.path.as_str()).collect()
    }

    #[tokio::test]
    async fn all_files_below_a_folder_are_listed_and_read() {
        let folder = tempfile::tempdir().unwrap();
        for store in [
            ArtifactStore::local(folder.path().to_owned()),
            ArtifactStore::objects(Arc::new(InMemory::new()), ArtifactPath::root()),
        ] {
            let files = ["m/b", "m/a/x/y", "m/a.txt", "m2/c", "z"];
            let mut site = site(store, "m", &files).await;
            let survey = list(&site, 10).await.unwrap();
            assert_eq!(paths(&survey), ["a.txt", "a/x/y", "b"]);
            let at = survey.folder.join(&ArtifactPath::parse("a/x/y").unwrap());
            let stored = digest(&site.store, &at).await.unwrap();
            assert_eq!(stored.size, 7);
            assert_eq!(stored.sha256[..], Sha256::digest("m/a/x/y")[..]);
            assert!(list(&site, 2).await.is_err());

            site.path = ArtifactPath::parse("m/b").unwrap();
            let survey = list(&site, 10).await.unwrap();
            assert_eq!((survey.folder.as_str(), paths(&survey)), ("m", vec!["b"]));
            site.path = ArtifactPath::parse("m/nothing").unwrap();
            assert!(list(&site, 10).await.unwrap().files.is_empty());
        }
    }

    #[tokio::test]
    async fn links_that_multiply_a_folder_are_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let store = ArtifactStore::local(folder.path().to_owned());
        let site = site(store, "m", &["m/a"]).await;
        for name in ["again", "and_again"] {
            std::os::unix::fs::symlink(".", folder.path().join("m").join(name)).unwrap();
        }
        let error = list(&site, 1_000).await.unwrap_err();
        assert_eq!(
            error.message,
            "There are more than 1000 files and folders in 'm'."
        );
    }
}
