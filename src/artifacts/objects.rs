//! Artifacts in an object store, such as a bucket.
//!
//! A folder is nothing but a common beginning of names here, so an empty one does not exist, and a
//! file and a folder may share a name. It never lists more than it is asked to delete or show.

use std::io;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::path::Path as Key;
use object_store::{
    Error as StoreError, GetOptions, GetRange, MultipartUpload, ObjectStore, ObjectStoreExt,
    PutPayload,
};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use super::path::{ArtifactPath, is_addressable};
use super::range::ByteRange;
use super::store::{Download, Entry, Found, Stored, broken_body, no_such_artifact, requested};
use crate::error::{Error, Result};

/// The size of one part of an upload in bytes: the smallest that every provider takes is 5 MiB, and
/// 10,000 parts, the most that some take, make 80 GiB.
const PART_SIZE: usize = 8 << 20;
/// How often a download begins again because the file was replaced in between.
const ATTEMPTS: usize = 5;

/// What lies below a prefix of an object store.
#[derive(Debug)]
pub(super) struct ObjectRoot {
    store: Arc<dyn ObjectStore>,
    prefix: ArtifactPath,
}

impl ObjectRoot {
    pub(super) fn new(store: Arc<dyn ObjectStore>, prefix: ArtifactPath) -> Self {
        Self { store, prefix }
    }

    pub(super) async fn put_when<S, T, F>(
        &self,
        path: &ArtifactPath,
        body: S,
        allow: impl FnOnce(Stored) -> F + Send,
    ) -> Result<(Stored, T)>
    where
        S: Stream<Item = io::Result<Bytes>> + Send,
        T: Send,
        F: Future<Output = Result<T>> + Send,
    {
        let key = self.key(path)?;
        let mut body = pin!(body);
        let (mut sha256, mut size) = (Sha256::new(), 0);
        let mut part = BytesMut::new();
        let mut upload = Upload(None);
        while let Some(chunk) = body.next().await {
            let chunk = chunk.map_err(broken_body)?;
            sha256.update(&chunk);
            size += chunk.len() as u64;
            part.extend_from_slice(&chunk);
            while part.len() >= PART_SIZE {
                let full = part.split_to(PART_SIZE).freeze();
                upload
                    .begin(&self.store, &key)
                    .await?
                    .put_part(full.into())
                    .await
                    .map_err(failed)?;
            }
        }
        let stored = Stored {
            size,
            sha256: sha256.finalize().into(),
        };
        let allowed = allow(stored).await?;
        upload
            .finish(&self.store, &key, part.freeze().into())
            .await?;
        Ok((stored, allowed))
    }

    pub(super) async fn get(&self, path: &ArtifactPath, range: Option<ByteRange>) -> Result<Found> {
        let key = self.key(path)?;
        for _ in 0..ATTEMPTS {
            let head = match self.store.head(&key).await {
                Ok(head) => head,
                Err(StoreError::NotFound { .. }) if self.is_folder(&key).await? => {
                    return Ok(Found::Folder);
                }
                Err(StoreError::NotFound { .. }) => return Err(no_such_artifact(path)),
                Err(error) => return Err(failed(error)),
            };
            let Some(wanted) = requested(range, head.size) else {
                return Ok(Found::OutOfRange { size: head.size });
            };
            match self
                .store
                .get_opts(&key, part_of(wanted.clone(), head.e_tag))
                .await
            {
                Ok(found) => {
                    let stream = found.into_stream().map_err(io::Error::other).boxed();
                    return Ok(Found::File(Download {
                        size: head.size,
                        range: wanted,
                        stream,
                    }));
                }
                // It was replaced or deleted since its size was asked for.
                Err(StoreError::Precondition { .. } | StoreError::NotFound { .. }) => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Err(Error::unavailable(format!(
            "The artifact '{path}' is being replaced"
        )))
    }

    pub(super) async fn list(&self, path: &ArtifactPath) -> Result<Vec<Entry>> {
        let key = self.key(path)?;
        let found = self
            .store
            .list_with_delimiter(Some(&key))
            .await
            .map_err(failed)?;
        let name = |key: &Key| {
            let name = key.filename().filter(|name| is_addressable(name));
            name.map(str::to_owned)
        };
        let folders = found.common_prefixes.iter().filter_map(|key| {
            Some(Entry {
                name: name(key)?,
                is_dir: true,
                size: 0,
                modified_ns: 0,
            })
        });
        let files = found.objects.iter().filter_map(|object| {
            let modified = object.last_modified.timestamp_nanos_opt();
            Some(Entry {
                name: name(&object.location)?,
                is_dir: false,
                size: object.size,
                modified_ns: modified.unwrap_or(i64::MAX),
            })
        });
        Ok(folders.chain(files).collect())
    }

    pub(super) async fn delete(&self, path: &ArtifactPath) -> Result<()> {
        let key = self.key(path)?;
        let below = self
            .store
            .list(Some(&key))
            .map_ok(|object| object.location)
            .boxed();
        let deleted = self.store.delete_stream(below).filter(|outcome| {
            let is_gone = matches!(outcome, Err(StoreError::NotFound { .. }));
            std::future::ready(!is_gone)
        });
        deleted
            .try_for_each(|_| std::future::ready(Ok(())))
            .await
            .map_err(failed)?;
        match self.store.delete(&key).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(failed(error)),
        }
    }

    pub(super) async fn exists(&self, path: &ArtifactPath) -> Result<bool> {
        if path.is_root() {
            return Ok(true);
        }
        let key = self.key(path)?;
        match self.store.head(&key).await {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => self.is_folder(&key).await,
            Err(error) => Err(failed(error)),
        }
    }

    /// Tells whether anything lies below `key`.
    async fn is_folder(&self, key: &Key) -> Result<bool> {
        let first = self.store.list(Some(key)).next().await;
        Ok(first.transpose().map_err(failed)?.is_some())
    }

    /// Gives the key of a path: its names as they are. `Key::from` would store them escaped.
    fn key(&self, path: &ArtifactPath) -> Result<Key> {
        Key::parse(self.prefix.join(path).as_str())
            .map_err(|error| Error::invalid("Invalid path").with_cause(error))
    }
}

/// A multipart upload, begun with its first full part, that is aborted when it is dropped.
struct Upload(Option<Box<dyn MultipartUpload>>);

impl Upload {
    async fn begin(
        &mut self,
        store: &Arc<dyn ObjectStore>,
        key: &Key,
    ) -> Result<&mut Box<dyn MultipartUpload>> {
        let begun = match self.0.take() {
            Some(begun) => begun,
            None => store.put_multipart(key).await.map_err(failed)?,
        };
        Ok(self.0.insert(begun))
    }

    /// Stores the last bytes, and with them the whole; a small file is one plain object.
    async fn finish(
        mut self,
        store: &Arc<dyn ObjectStore>,
        key: &Key,
        last: PutPayload,
    ) -> Result<()> {
        let Some(begun) = &mut self.0 else {
            return store.put(key, last).await.map(drop).map_err(failed);
        };
        if last.content_length() > 0 {
            begun.put_part(last).await.map_err(failed)?;
        }
        begun.complete().await.map_err(failed)?;
        self.0 = None;
        Ok(())
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        let (Some(mut begun), Ok(runtime)) = (self.0.take(), Handle::try_current()) else {
            return;
        };
        runtime.spawn(async move {
            if let Err(error) = begun.abort().await {
                tracing::warn!(%error, "a broken upload was not aborted");
            }
        });
    }
}

/// Asks for `range` of the very object that has this tag.
fn part_of(range: Range<u64>, e_tag: Option<String>) -> GetOptions {
    // An empty file has no range to ask for.
    let range = (!range.is_empty()).then_some(GetRange::Bounded(range));
    GetOptions {
        range,
        if_match: e_tag,
        ..GetOptions::default()
    }
}

/// Sorts a failure of the store: refused rights are the operator's to mend, the rest may pass.
fn failed(error: StoreError) -> Error {
    match error {
        StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
            Error::internal("The artifact store refused the server's credentials").with_cause(error)
        }
        StoreError::InvalidPath { .. } => Error::invalid("Invalid path").with_cause(error),
        _ => Error::unavailable("The artifact store did not answer").with_cause(error),
    }
}
