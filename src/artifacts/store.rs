//! The store of artifacts: one root and the files below it.
//!
//! A file appears whole or not at all, and stays readable for those who have it open while it is
//! replaced. The local folder is kept by our own code (`local`), because it must confine symbolic
//! links, find what a crash left behind without walking the tree, and survive a power cut; every
//! other place goes through `object_store` (`objects`). It never keeps a file in memory: the most
//! it holds of one upload or download is a few buffers.

use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use object_store::ObjectStore;

use super::connect::Access;
use super::direct::{PartUrls, SentPart, SignedUrl};
use super::local::LocalRoot;
use super::objects::{self, ObjectRoot};
use super::path::ArtifactPath;
use super::range::ByteRange;
use crate::config::StoreUrl;
use crate::config::location::Destination;
use crate::error::{Error, Result};
use crate::traces;

/// A path that is asked for to see whether an object store answers; it need not exist.
const PROBE: &str = "trackway-probe";

/// A root below which artifacts are kept; cheap to clone.
#[derive(Debug, Clone)]
pub struct ArtifactStore {
    root: Root,
}

#[derive(Debug, Clone)]
enum Root {
    Local(Arc<LocalRoot>),
    Objects(Arc<ObjectRoot>),
}

/// What was stored of an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// In bytes.
    pub size: u64,
    /// The digest of the whole content.
    pub sha256: [u8; 32],
}

/// What a path that exists leads to.
#[derive(Debug)]
pub enum Found {
    File(Download),
    /// A folder, which cannot be downloaded.
    Folder,
    /// A file of `size` bytes that has none of the bytes asked for: HTTP's 416.
    OutOfRange {
        size: u64,
    },
}

/// The content of a file, or a part of it.
pub struct Download {
    /// The size of the whole file in bytes.
    pub size: u64,
    /// The bytes that `stream` gives, exactly: it fails rather than give fewer.
    pub range: Range<u64>,
    pub stream: BoxStream<'static, io::Result<Bytes>>,
}

/// A file or folder in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The last segment of its path.
    pub name: String,
    pub is_dir: bool,
    /// In bytes; 0 for a folder.
    pub size: u64,
    /// When the content was last written, in nanoseconds since 1970; of no meaning for a folder.
    pub modified_ns: i64,
}

impl ArtifactStore {
    /// Opens the server's own artifact destination.
    ///
    /// Makes the folder of a local one if there is none and removes what uploads cut off by a crash
    /// left there; blocking, meant for the start. An object store is not asked for anything yet.
    /// Fails with 400 for a store whose credentials are missing.
    pub fn open(destination: &Destination, access: &Access) -> Result<Self> {
        let path = match destination {
            Destination::Local(path) => path.clone(),
            Destination::Store(url) => return Self::at(url, access),
        };
        let store = Self::local(path);
        if let Root::Local(root) = &store.root {
            root.prepare()?;
        }
        Ok(store)
    }

    /// Gives the store of what lies at the URL of an object store.
    ///
    /// # Errors
    /// 400 for missing credentials, and for a prefix that clients could not ask for.
    pub fn at(url: &StoreUrl, access: &Access) -> Result<Self> {
        let prefix = ArtifactPath::parse(&url.prefix)?;
        if prefix.as_str() != url.prefix {
            return Err(Error::invalid(format!(
                "The place {url} in an object store cannot be used: it has an escape sequence in it."
            )));
        }
        let connected = access.connect(&url.bucket)?;
        let root = ObjectRoot::new(connected.store, prefix);
        Ok(Self {
            root: Root::Objects(Arc::new(
                root.with_direct(url.bucket.to_string(), connected.direct),
            )),
        })
    }

    /// Gives the store of a local folder, which need not exist before the first `put`.
    pub fn local(root: PathBuf) -> Self {
        Self {
            root: Root::Local(Arc::new(LocalRoot::new(root))),
        }
    }

    /// Gives the store of what lies below `prefix` in an object store.
    pub fn objects(store: Arc<dyn ObjectStore>, prefix: ArtifactPath) -> Self {
        Self {
            root: Root::Objects(Arc::new(ObjectRoot::new(store, prefix))),
        }
    }

    /// Stores `body` under `path`, in place of what is there.
    ///
    /// When it returns, the content is durable. A body that fails, or dropping the future, leaves
    /// everything as it was. Fails with 400 when the path cannot hold a file, with 503 when the
    /// disk is full. An `io::Error` of the body that wraps our own `Error` comes out as that one.
    pub async fn put<S>(&self, path: &ArtifactPath, body: S) -> Result<Stored>
    where
        S: Stream<Item = io::Result<Bytes>> + Send,
    {
        let always = |_| std::future::ready(Ok(()));
        let (stored, ()) = self.put_when(path, body, always).await?;
        Ok(stored)
    }

    /// Stores `body` as `put` does, but asks `allow` once the whole body is known and durable,
    /// before it takes its place; an error of it leaves everything as it was. What it gives is
    /// given back.
    pub async fn put_when<S, T, F>(
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
        if path.is_root() {
            return Err(Error::invalid(
                "Artifact path must include a filename (cannot end with '/').",
            ));
        }
        let put = async {
            match &self.root {
                Root::Local(root) => root.clone().put_when(path, body, allow).await,
                Root::Objects(root) => root.put_when(path, body, allow).await,
            }
        };
        self.traced("artifacts.put", put).await
    }

    /// Opens the file at `path`, or the part of it that `range` asks for.
    ///
    /// Fails with 404 `No such artifact: '<path>'`.
    pub async fn get(&self, path: &ArtifactPath, range: Option<ByteRange>) -> Result<Found> {
        let get = async {
            match &self.root {
                Root::Local(root) => root.clone().get(path, range).await,
                Root::Objects(root) => root.get(path, range).await,
            }
        };
        self.traced("artifacts.get", get).await
    }

    /// Lists what is directly in the folder at `path`, in the order of the names' characters;
    /// nothing for a missing path or a file.
    pub async fn list(&self, path: &ArtifactPath) -> Result<Vec<Entry>> {
        let list = async {
            match &self.root {
                Root::Local(root) => root.clone().list(path).await,
                Root::Objects(root) => root.list(path).await,
            }
        };
        let mut entries = self.traced("artifacts.list", list).await?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// Deletes the file, or the folder with everything in it, at `path`; a missing one is fine.
    ///
    /// Fails with 400 for the root itself.
    pub async fn delete(&self, path: &ArtifactPath) -> Result<()> {
        if path.is_root() {
            return Err(Error::invalid("The artifact root itself cannot be deleted"));
        }
        let delete = async {
            match &self.root {
                Root::Local(root) => root.clone().delete(path).await,
                Root::Objects(root) => root.delete(path).await,
            }
        };
        self.traced("artifacts.delete", delete).await
    }

    /// Tells whether clients can be sent to the store itself.
    pub fn is_direct(&self) -> bool {
        match &self.root {
            Root::Local(_) => false,
            Root::Objects(root) => root.is_direct(),
        }
    }

    /// Begins an upload in so many parts, which clients send to URLs that are valid for some time.
    /// Nothing is at `path` before `complete_parts`.
    ///
    /// # Errors
    /// 501 with MLflow's text for a local folder; 503 when the store does not answer.
    pub async fn begin_parts(
        &self,
        path: &ArtifactPath,
        count: usize,
        valid: Duration,
    ) -> Result<PartUrls> {
        let root = self.remote("Multipart upload")?;
        let begin = root.begin_parts(path, count, valid);
        self.traced("artifacts.begin_parts", begin).await
    }

    /// Makes a file of the parts that were sent, in their order, and gives its size in bytes.
    ///
    /// # Errors
    /// 400 for an upload or parts that the store does not know, 501, and 503.
    pub async fn complete_parts(
        &self,
        path: &ArtifactPath,
        upload_id: &str,
        parts: &[SentPart],
    ) -> Result<u64> {
        let root = self.remote("Multipart upload")?;
        let complete = root.complete_parts(path, upload_id, parts);
        self.traced("artifacts.complete_parts", complete).await
    }

    /// Throws the parts of an upload away; an unknown one is fine.
    ///
    /// # Errors
    /// 501 and 503.
    pub async fn abort_parts(&self, path: &ArtifactPath, upload_id: &str) -> Result<()> {
        let root = self.remote("Multipart upload")?;
        let abort = root.abort_parts(path, upload_id);
        self.traced("artifacts.abort_parts", abort).await
    }

    /// Signs for the download of a file, and gives its size in bytes.
    ///
    /// # Errors
    /// 404 for a missing file, 501, and 503.
    pub async fn sign_get(&self, path: &ArtifactPath, valid: Duration) -> Result<(SignedUrl, u64)> {
        let root = self.remote("Multipart download")?;
        let sign = root.sign_get(path, valid);
        self.traced("artifacts.sign_get", sign).await
    }

    /// Signs for the upload of a whole file.
    ///
    /// # Errors
    /// 501 and 503.
    pub async fn sign_put(&self, path: &ArtifactPath, valid: Duration) -> Result<SignedUrl> {
        self.remote("Presigned upload")?.sign_put(path, valid).await
    }

    /// Throws away the parts of uploads that began before `before_ms`, milliseconds since 1970, and
    /// were never completed; gives how many uploads that were. A local folder has none.
    ///
    /// # Errors
    /// 503 when the store does not answer.
    pub async fn sweep_parts(&self, before_ms: i64) -> Result<usize> {
        match &self.root {
            Root::Local(_) => Ok(0),
            Root::Objects(root) => {
                let sweep = root.sweep_parts(before_ms);
                self.traced("artifacts.sweep_parts", sweep).await
            }
        }
    }

    fn remote(&self, what: &str) -> Result<&Arc<ObjectRoot>> {
        match &self.root {
            Root::Local(_) => Err(objects::not_direct(what)),
            Root::Objects(root) => Ok(root),
        }
    }

    /// Gives the local folder that the paths are below; `None` for an object store.
    pub(super) fn folder(&self) -> Option<&Path> {
        match &self.root {
            Root::Local(root) => Some(root.folder()),
            Root::Objects(_) => None,
        }
    }

    /// Asks the store for a sign of life.
    ///
    /// # Errors
    /// 503 where the folder is gone or the store does not answer.
    pub async fn probe(&self) -> Result<()> {
        match &self.root {
            Root::Local(root) if !self.exists(&ArtifactPath::root()).await? => {
                Err(Error::unavailable(format!(
                    "The artifact folder '{}' is not there. Mount it or make it.",
                    root.folder().display()
                )))
            }
            Root::Local(_) => Ok(()),
            Root::Objects(root) => root.exists(&ArtifactPath::parse(PROBE)?).await.map(drop),
        }
    }

    /// Tells whether there is a file or folder at `path`.
    pub async fn exists(&self, path: &ArtifactPath) -> Result<bool> {
        let exists = async {
            match &self.root {
                Root::Local(root) => root.clone().exists(path).await,
                Root::Objects(root) => root.exists(path).await,
            }
        };
        self.traced("artifacts.exists", exists).await
    }

    /// Runs a call to the store inside a span, where the caller has one.
    async fn traced<T>(
        &self,
        name: &'static str,
        call: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let kind = match &self.root {
            Root::Local(_) => "folder",
            Root::Objects(_) => "object store",
        };
        traces::around(name, ("trackway.store", kind), call).await
    }
}

impl std::fmt::Debug for Download {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { size, range, .. } = self;
        f.debug_struct("Download")
            .field("size", size)
            .field("range", range)
            .finish()
    }
}

/// What `range` asks of a file of `size` bytes: everything when there is no range.
pub(super) fn requested(range: Option<ByteRange>, size: u64) -> Option<Range<u64>> {
    range.map_or(Some(0..size), |range| range.within(size))
}

/// Gives the nanoseconds since 1970; the end of time for a moment that cannot be told so.
pub(super) fn nanoseconds(at: SystemTime) -> i64 {
    let since = at.duration_since(UNIX_EPOCH).ok();
    let since = since.and_then(|since| i64::try_from(since.as_nanos()).ok());
    since.unwrap_or(i64::MAX)
}
