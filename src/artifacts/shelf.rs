//! Which stores this server reads and writes for its clients.
//!
//! A run's location is text that a client may have chosen. Only the server's own store, and
//! folders below the roots that the operator named, are ever opened for it.

use super::location::{self, Place};
use super::{ArtifactPath, ArtifactStore};
use crate::error::{Code, Error, Result};
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;
use std::path::{Component, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard};

/// Locks that all paths share; two paths meet on one by chance, which costs a short wait.
const LOCKS: usize = 64;

/// The stores of this server; cheap to clone.
#[derive(Clone)]
pub struct Shelf {
    store: Option<ArtifactStore>,
    local_roots: Arc<[PathBuf]>,
    locks: Arc<[Arc<AsyncMutex<()>>]>,
}

/// Held from the end of an upload's body until its digest is recorded, so that the content and the
/// recorded digest of one path always come from the same upload.
#[derive(Default, Clone)]
pub struct Turn {
    guard: Arc<Mutex<Option<OwnedMutexGuard<()>>>>,
}

impl Shelf {
    /// Takes the server's own store (none where it serves no artifacts) and the absolute folders
    /// below which a run's local location may be reached.
    pub fn new(store: Option<ArtifactStore>, local_roots: Vec<PathBuf>) -> Self {
        let locks = (0..LOCKS).map(|_| Arc::default()).collect();
        Self {
            store,
            local_roots: local_roots.into(),
            locks,
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

    fn may_reach(&self, folder: &std::path::Path) -> bool {
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

    /// Lets an upload of `path` wait, at the end of its body, for others of the same path.
    pub fn in_turn<S>(
        &self,
        path: &ArtifactPath,
        body: S,
        turn: &Turn,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + use<S>
    where
        S: Stream<Item = io::Result<Bytes>> + Send,
    {
        let mut hasher = DefaultHasher::new();
        path.hash(&mut hasher);
        let index = (hasher.finish() % LOCKS as u64) as usize;
        let lock = self.locks.get(index).cloned().unwrap_or_default();
        let turn = turn.clone();
        let wait = async move {
            let guard = lock.lock_owned().await;
            *turn.guard.lock().unwrap_or_else(PoisonError::into_inner) = Some(guard);
            Ok(Bytes::new())
        };
        body.chain(futures_util::stream::once(wait))
    }
}

/// Resolves the links of the longest part of a path that exists; blocks for a moment.
fn existing(path: &std::path::Path) -> PathBuf {
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
}
