//! Artifacts in an object store, such as a bucket.
//!
//! A folder is nothing but a common beginning of names here, so an empty one does not exist, and a
//! file and a folder may share a name. It never lists more than it is asked to delete or show.

use std::io;
use std::ops::Range;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::{Stream, StreamExt, TryStreamExt};
use object_store::path::Path as Key;
use object_store::{
    Error as StoreError, GetOptions, GetRange, GetResult, MultipartUpload, ObjectStore,
    ObjectStoreExt, PutPayload,
};
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use super::abandoned;
use super::direct::{Direct, PartUrls, SentPart, SignedUrl};
use super::failure::{broken_body, no_such_artifact};
use super::path::{ArtifactPath, is_addressable};
use super::range::ByteRange;
use super::store::{Download, Entry, Found, Stored};
use crate::error::{Code, Error, Result};

/// The size of one part of an upload in bytes: the smallest that every provider takes is 5 MiB, and
/// 10,000 parts, the most that some take, make 80 GiB.
const PART_SIZE: usize = 8 << 20;
/// The longest key in bytes that every provider takes.
const MAX_KEY: usize = 1024;
/// How often a download of a part begins again because the file was replaced in between.
const ATTEMPTS: usize = 5;

/// What lies below a prefix of an object store.
#[derive(Debug)]
pub(super) struct ObjectRoot {
    store: Arc<dyn ObjectStore>,
    prefix: ArtifactPath,
    /// What people know the store by, as `s3://bucket`.
    name: String,
    /// Where clients may be sent to the store itself.
    direct: Option<Direct>,
}

impl ObjectRoot {
    pub(super) fn new(store: Arc<dyn ObjectStore>, prefix: ArtifactPath) -> Self {
        let name = store.to_string();
        Self {
            store,
            prefix,
            name,
            direct: None,
        }
    }

    pub(super) fn with_direct(mut self, name: String, direct: Option<Direct>) -> Self {
        (self.name, self.direct) = (name, direct);
        self
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
                let sending = upload.begin(&self.store, &key).await;
                let sent = match sending {
                    Ok(begun) => begun.put_part(full.into()).await,
                    Err(error) => Err(error),
                };
                sent.map_err(|error| self.failed(error))?;
            }
        }
        let stored = Stored {
            size,
            sha256: sha256.finalize().into(),
        };
        let allowed = allow(stored).await?;
        upload
            .finish(&self.store, &key, part.freeze().into())
            .await
            .map_err(|error| self.failed(error))?;
        Ok((stored, allowed))
    }

    pub(super) async fn get(&self, path: &ArtifactPath, range: Option<ByteRange>) -> Result<Found> {
        let key = self.key(path)?;
        let Some(range) = range else {
            // The whole file comes with its size: one request, which no replacement can come between.
            return match self.store.get(&key).await {
                Ok(found) => Ok(download(found)),
                Err(error) => self.missing(path, &key, error).await,
            };
        };
        for _ in 0..ATTEMPTS {
            let head = match self.store.head(&key).await {
                Ok(head) => head,
                Err(error) => return self.missing(path, &key, error).await,
            };
            let Some(wanted) = range.within(head.size) else {
                return Ok(Found::OutOfRange { size: head.size });
            };
            match self.store.get_opts(&key, part_of(wanted, head.e_tag)).await {
                Ok(found) => return Ok(download(found)),
                // It was replaced or deleted since its size was asked for.
                Err(StoreError::Precondition { .. } | StoreError::NotFound { .. }) => {}
                Err(error) => return Err(self.failed(error)),
            }
        }
        Err(Error::unavailable(format!(
            "The artifact '{path}' is being replaced"
        )))
    }

    /// Says what is at a place from which no file came.
    async fn missing(&self, path: &ArtifactPath, key: &Key, error: StoreError) -> Result<Found> {
        match error {
            StoreError::NotFound { .. } if self.is_folder(key).await? => Ok(Found::Folder),
            StoreError::NotFound { .. } => Err(no_such_artifact(path)),
            error => Err(self.failed(error)),
        }
    }

    pub(super) async fn list(&self, path: &ArtifactPath) -> Result<Vec<Entry>> {
        let key = self.key(path)?;
        let found = self
            .store
            .list_with_delimiter(Some(&key))
            .await
            .map_err(|error| self.failed(error))?;
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
        // An object that only marks a folder has the folder's own key.
        let files = found.objects.iter().filter(|object| object.location != key);
        let files = files.filter_map(|object| {
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
            .map_err(|error| self.failed(error))?;
        match self.store.delete(&key).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(error) => Err(self.failed(error)),
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
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Tells whether anything lies below `key`.
    async fn is_folder(&self, key: &Key) -> Result<bool> {
        let first = self.store.list(Some(key)).next().await;
        let first = first.transpose().map_err(|error| self.failed(error))?;
        Ok(first.is_some())
    }

    /// Tells whether clients can be sent to the store itself.
    pub(super) fn is_direct(&self) -> bool {
        self.direct.is_some()
    }

    pub(super) async fn begin_parts(
        &self,
        path: &ArtifactPath,
        count: usize,
        valid: Duration,
    ) -> Result<PartUrls> {
        let (direct, key) = (self.direct("Multipart upload")?, self.key(path)?);
        let begun = direct.begin(&key, count, valid).await;
        begun.map_err(|error| self.failed(error))
    }

    pub(super) async fn complete_parts(
        &self,
        path: &ArtifactPath,
        upload_id: &str,
        parts: &[SentPart],
    ) -> Result<u64> {
        let (direct, key) = (self.direct("Multipart upload")?, self.key(path)?);
        if let Err(error) = direct.complete(&key, upload_id, parts).await {
            return Err(self.not_completed(path, error));
        }
        let head = self.store.head(&key).await;
        head.map(|head| head.size)
            .map_err(|error| self.failed(error))
    }

    pub(super) async fn abort_parts(&self, path: &ArtifactPath, upload_id: &str) -> Result<()> {
        let (direct, key) = (self.direct("Multipart upload")?, self.key(path)?);
        let aborted = direct.abort(&key, upload_id).await;
        aborted.map_err(|error| self.failed(error))
    }

    /// Signs for the download of a file, and gives its size in bytes.
    pub(super) async fn sign_get(
        &self,
        path: &ArtifactPath,
        valid: Duration,
    ) -> Result<(SignedUrl, u64)> {
        let (direct, key) = (self.direct("Multipart download")?, self.key(path)?);
        let head = match self.store.head(&key).await {
            Ok(head) => head,
            Err(StoreError::NotFound { .. }) => return Err(no_such_artifact(path)),
            Err(error) => return Err(self.failed(error)),
        };
        let signed = direct.sign_get(&key, path, valid).await;
        let signed = signed.map_err(|error| self.failed(error))?;
        Ok((signed, head.size))
    }

    /// Signs for the upload of a file that is not there yet.
    pub(super) async fn sign_put(&self, path: &ArtifactPath, valid: Duration) -> Result<SignedUrl> {
        let (direct, key) = (self.direct("Presigned upload")?, self.key(path)?);
        match self.store.head(&key).await {
            Err(StoreError::NotFound { .. }) => {}
            Err(error) => return Err(self.failed(error)),
            Ok(_) => {
                return Err(Error::new(
                    Code::Conflict,
                    format!(
                        "The file '{path}' is there already, and a presigned URL never replaces \
                         one: a version could be registered while the URL still holds. Send the \
                         file through the server, or choose another path."
                    ),
                ));
            }
        }
        let signed = direct.sign_put(&key, path, valid).await;
        signed.map_err(|error| self.failed(error))
    }

    /// Throws away the parts of uploads below the prefix that began before `before_ms`,
    /// milliseconds since 1970, and gives how many uploads that were.
    pub(super) async fn sweep_parts(&self, before_ms: i64) -> Result<usize> {
        let Some(direct) = &self.direct else {
            return Ok(0);
        };
        let found = abandoned::find(direct, &self.prefix, before_ms).await;
        let found = found.map_err(|error| self.failed(error))?;
        for upload in &found {
            let key = Key::parse(&upload.key).map_err(StoreError::from);
            let aborted = match key {
                Ok(key) => direct.abort(&key, &upload.upload_id).await,
                Err(error) => Err(error),
            };
            aborted.map_err(|error| self.failed(error))?;
        }
        Ok(found.len())
    }

    fn direct(&self, what: &str) -> Result<&Direct> {
        self.direct.as_ref().ok_or_else(|| not_direct(what))
    }

    /// Sorts a failure of the store: what it does not know or let the server do is the operator's
    /// to mend, the rest may pass. None is a fault of this server, and only a name of the client's.
    fn failed(&self, error: StoreError) -> Error {
        let name = &self.name;
        match error {
            StoreError::PermissionDenied { .. } | StoreError::Unauthenticated { .. } => {
                Error::unavailable(format!(
                    "The artifact store {name} refused the server's credentials. The operator has \
                     to see to its keys and policies."
                ))
            }
            StoreError::NotFound { .. } => Error::unavailable(format!(
                "The artifact store {name} is not there. The operator has to create the bucket."
            )),
            StoreError::NotSupported { .. } | StoreError::NotImplemented { .. } => Error::new(
                Code::NotImplemented,
                format!("The artifact store {name} cannot do this."),
            ),
            StoreError::InvalidPath { .. } => Error::invalid("Invalid path"),
            // Some stores also bound each name between two slashes, as file systems do.
            _ if error.to_string().contains("KeyTooLong") => Error::invalid(
                "Invalid path: the artifact store does not take a name of this length",
            ),
            _ => Error::unavailable(format!(
                "The artifact store {name} did not answer as it should. Try again later."
            )),
        }
        .with_cause(error)
    }

    /// Sorts a failure to make a file of parts: most are what the client said of them.
    fn not_completed(&self, path: &ArtifactPath, error: StoreError) -> Error {
        // A store answers an unknown upload with 404 and wrong parts with 400.
        let text = error.to_string();
        let is_theirs = [
            "NoSuchUpload",
            "InvalidPart",
            "EntityTooSmall",
            "InvalidBlock",
        ]
        .iter()
        .any(|code| text.contains(code));
        match is_theirs || matches!(error, StoreError::NotFound { .. }) {
            true => Error::invalid(format!(
                "The upload of '{path}' cannot be completed: the artifact store does not know the \
                 upload, or not all of its parts. Upload the file again."
            ))
            .with_cause(error),
            false => self.failed(error),
        }
    }

    /// Gives the key of a path: its names as they are. `Key::from` would store them escaped.
    fn key(&self, path: &ArtifactPath) -> Result<Key> {
        let whole = self.prefix.join(path);
        if whole.as_str().len() > MAX_KEY {
            return Err(Error::invalid(format!(
                "Invalid path: its name in the artifact store has more than {MAX_KEY} bytes"
            )));
        }
        Key::parse(whole.as_str()).map_err(|error| Error::invalid("Invalid path").with_cause(error))
    }
}

/// MLflow's text for what a store cannot do; its client goes through the server then.
pub(super) fn not_direct(what: &str) -> Error {
    let text = format!("{what} is not supported for the current artifact repository");
    Error::new(Code::NotImplemented, text)
}

/// A multipart upload, begun with its first full part, that is aborted when it is dropped.
struct Upload(Option<Box<dyn MultipartUpload>>);

impl Upload {
    async fn begin(
        &mut self,
        store: &Arc<dyn ObjectStore>,
        key: &Key,
    ) -> Result<&mut Box<dyn MultipartUpload>, StoreError> {
        let begun = match self.0.take() {
            Some(begun) => begun,
            None => store.put_multipart(key).await?,
        };
        Ok(self.0.insert(begun))
    }

    /// Stores the last bytes, and with them the whole; a small file is one plain object.
    async fn finish(
        mut self,
        store: &Arc<dyn ObjectStore>,
        key: &Key,
        last: PutPayload,
    ) -> Result<(), StoreError> {
        let Some(begun) = &mut self.0 else {
            return store.put(key, last).await.map(drop);
        };
        if last.content_length() > 0 {
            begun.put_part(last).await?;
        }
        begun.complete().await?;
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

fn download(found: GetResult) -> Found {
    let (size, range) = (found.meta.size, found.range.clone());
    let stream = found.into_stream().map_err(io::Error::other).boxed();
    Found::File(Download {
        size,
        range,
        stream,
    })
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
