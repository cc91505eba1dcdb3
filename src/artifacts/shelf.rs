//! Which stores this server reads and writes for its clients.
//!
//! A run's location is text that a client may have chosen. Only the server's own store, and
//! folders below the roots that the operator named, are ever opened for it.

use super::claims::{Claim, Claims, Spot};
use super::location::{self, Place};
use super::{ArtifactPath, ArtifactStore};
use crate::error::{Code, Error, Result};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The stores of this server; cheap to clone.
#[derive(Clone)]
pub struct Shelf {
    store: Option<ArtifactStore>,
    local_roots: Arc<[PathBuf]>,
    claims: Claims,
}

/// A file or folder that this server may reach, and its one name.
#[derive(Debug, Clone)]
pub struct Site {
    pub store: ArtifactStore,
    pub path: ArtifactPath,
    pub spot: Spot,
}

impl Shelf {
    /// Takes the server's own store (none where it serves no artifacts) and the absolute folders
    /// below which a run's local location may be reached.
    pub fn new(store: Option<ArtifactStore>, local_roots: Vec<PathBuf>) -> Self {
        Self {
            store,
            local_roots: local_roots.into(),
            claims: Claims::default(),
        }
    }

    /// Gives the server's own store.
    pub fn own(&self) -> Result<&ArtifactStore> {
        self.store.as_ref().ok_or_else(|| {
            Error::unavailable(
                "Artifact serving is disabled. Start the server with `--serve-artifacts` to \
                 enable it, or reach the artifacts at their own location.",
            )
        })
    }

    /// Gives the store and the path below which the files of a run or model are.
    pub fn reach(&self, artifact_uri: &str) -> Result<(ArtifactStore, ArtifactPath)> {
        match location::place(artifact_uri)? {
            Place::Proxied(path) => Ok((self.own()?.clone(), path)),
            Place::Local(folder) if self.may_reach(&folder) => {
                Ok((ArtifactStore::local(folder), ArtifactPath::root()))
            }
            Place::Local(folder) => Err(Error::denied(format!(
                "This server does not read or write files in '{}'. The operator may allow it by \
                 artifacts.allowed_local_roots.",
                folder.display()
            ))),
            Place::Remote(uri) => Err(Error::new(
                Code::NotImplemented,
                format!(
                    "This server does not reach artifacts at '{uri}'; read and write them there \
                     directly."
                ),
            )),
        }
    }

    fn may_reach(&self, folder: &Path) -> bool {
        let plain = folder.is_absolute()
            && !folder
                .components()
                .any(|part| matches!(part, Component::ParentDir));
        // A link inside a root must not lead out of it, so that the real places are compared.
        let real = existing(folder);
        plain
            && self
                .local_roots
                .iter()
                .any(|root| folder.starts_with(root) && real.starts_with(existing(root)))
    }

    /// Finds what is at `below` in the files of a run, model or version; a location that is a file
    /// of this machine is that file.
    pub async fn site(&self, location: &str, below: &ArtifactPath) -> Result<Site> {
        let (store, root) = self.reach(location)?;
        self.resolved(store, root.join(below)).await
    }

    /// Finds what is at a path of the server's own store.
    pub async fn own_site(&self, path: ArtifactPath) -> Result<Site> {
        self.resolved(self.own()?.clone(), path).await
    }

    /// Waits until nobody else is changing the spot, what is below it, or a folder above it.
    pub async fn claim(&self, spot: &Spot) -> Claim {
        self.claims.hold(spot).await
    }

    async fn resolved(&self, store: ArtifactStore, path: ArtifactPath) -> Result<Site> {
        let own = self.store.as_ref().and_then(ArtifactStore::folder);
        let own = own.map(Path::to_owned);
        let resolve = move || {
            let (store, path) = file_in_folder(&store, &path).unwrap_or((store, path));
            let spot = match store.folder() {
                Some(folder) => spot_of(&folder.join(path.as_str()), own.as_deref()),
                None => Spot::new(Path::new(path.as_str())),
            };
            Site { store, path, spot }
        };
        tokio::task::spawn_blocking(resolve)
            .await
            .map_err(|error| Error::unavailable("The server is shutting down").with_cause(error))
    }
}

/// Sees a location that is a file as that file in its folder; blocks for a moment.
fn file_in_folder(
    store: &ArtifactStore,
    path: &ArtifactPath,
) -> Option<(ArtifactStore, ArtifactPath)> {
    let file = store.folder().filter(|_| path.is_root())?;
    let folder = file.parent().filter(|_| file.is_file())?;
    let name = ArtifactPath::parse_file(file.file_name()?.to_str()?).ok()?;
    Some((ArtifactStore::local(folder.to_owned()), name))
}

/// Names a path of this machine, whatever links lead to it; blocks for a moment.
fn spot_of(path: &Path, own: Option<&Path>) -> Spot {
    let real = existing(path);
    let own = own.map(existing);
    let below_own = own.and_then(|own| Some(real.strip_prefix(own).ok()?.to_owned()));
    Spot::new(&below_own.unwrap_or(real))
}

/// Resolves the links of the longest part of a path that exists; blocks for a moment.
fn existing(path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    for ancestor in path.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            return missing
                .iter()
                .rev()
                .fold(real, |real, name| real.join(name));
        }
        missing.extend(ancestor.file_name());
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_below_the_roots_are_reached() {
        let root = tempfile::tempdir().unwrap();
        let inside = root.path().join("0/run/artifacts");
        std::os::unix::fs::symlink("/etc", root.path().join("link")).unwrap();
        let shelf = Shelf::new(None, vec![root.path().to_owned()]);
        let check = |path: String, expected: bool| {
            assert_eq!(shelf.reach(&path).is_ok(), expected, "{path}");
        };
        check(inside.display().to_string(), true);
        check(format!("file://{}", inside.display()), true);
        check("/etc".into(), false);
        check(format!("{}x", root.path().display()), false);
        check(format!("{}/../etc", root.path().display()), false);
        check(format!("{}/link/ssh", root.path().display()), false);
        check("relative".into(), false);
        check("s3://bucket/x".into(), false);
        check("mlflow-artifacts:/0".into(), false);
    }

    #[tokio::test]
    async fn one_file_has_one_name_by_whatever_way_it_is_reached() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("own/0/run")).unwrap();
        std::fs::create_dir_all(root.join("other")).unwrap();
        std::fs::write(root.join("other/model.bin"), "x").unwrap();
        std::os::unix::fs::symlink("0/run", root.join("own/link")).unwrap();
        std::os::unix::fs::symlink(&root, root.join("other/back")).unwrap();
        let shelf = Shelf::new(
            Some(ArtifactStore::local(root.join("own"))),
            vec![root.clone()],
        );
        let check = async |location: &str, below: &str, expected: &str| {
            let below = ArtifactPath::parse(below).unwrap();
            let site = shelf.site(location, &below).await.unwrap();
            assert_eq!(site.spot.as_str(), expected, "{location} {below}");
        };
        let local = root.display();
        check("mlflow-artifacts:/0/run", "f", "0/run/f").await;
        check("mlflow-artifacts:/link", "f/g", "0/run/f/g").await;
        check(&format!("file://{local}/own/0"), "run/f", "0/run/f").await;
        let back = format!("{local}/other/back/own/0");
        check(&back, "run", "0/run").await;
        let file = format!("{local}/other/model.bin");
        check(&file, "", &file).await;
        check(&format!("{local}/other"), "a", &format!("{local}/other/a")).await;
    }
}
