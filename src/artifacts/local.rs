//! Artifacts in a folder of this machine.
//!
//! Names on disk are the names clients use. It never follows a symbolic link out of the root, and
//! it never blocks an async thread: every touch of the disk runs on a blocking one. Whoever can
//! write to the folder by other means can swap a folder for a link between a check and its use;
//! such a user needs no server to read or write there.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures_util::future::{Either, ready};
use futures_util::{Stream, StreamExt};

use super::failure::{broken_body, failed, no_such_artifact};
use super::path::{ArtifactPath, is_addressable};
use super::range::ByteRange;
use super::reading;
use super::staged::{self, StagedFile};
use super::store::{Download, Entry, Found, Stored, nanoseconds, requested};
use crate::error::{Error, Result};

/// The longest name of one file or folder, in bytes, that file systems take.
const MAX_NAME: usize = 255;
/// How many bytes of an upload are gathered before a thread writes them.
const WRITE_SIZE: usize = 1 << 20;
/// How often an operation is tried again that another one, such as a deletion, ran into.
const ATTEMPTS: usize = 20;

/// The folder that holds the artifacts.
#[derive(Debug)]
pub(super) struct LocalRoot {
    root: PathBuf,
    /// Held while folders are made, so that nobody relies on one before it is durable.
    making_folders: Mutex<()>,
}

impl LocalRoot {
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            root,
            making_folders: Mutex::new(()),
        }
    }

    /// Makes the root and clears it of what killed uploads left; blocks.
    pub(super) fn prepare(&self) -> Result<()> {
        staged::make_folder_and_parents(&self.root)
            .and_then(|()| staged::sweep(&self.root))
            .map_err(|e| failed(&format!("open the folder '{}'", self.root.display()), e))
    }

    /// Gives the folder as it was named.
    pub(super) fn folder(&self) -> &Path {
        &self.root
    }

    pub(super) async fn put_when<S, T, F>(
        self: Arc<Self>,
        path: &ArtifactPath,
        body: S,
        allow: impl FnOnce(Stored) -> F + Send,
    ) -> Result<(Stored, T)>
    where
        S: Stream<Item = io::Result<Bytes>> + Send,
        T: Send,
        F: Future<Output = Result<T>> + Send,
    {
        let target = path.clone();
        let root = self.clone();
        let staged = blocking(move || root.begin(&target)).await?;
        let mut body = pin!(body);
        // A thread writes what came while more comes.
        let mut writing = Either::Left(ready(Ok(staged)));
        let mut is_open = true;
        while is_open {
            let gathered = gather(body.as_mut()).await;
            let mut staged = writing.await?;
            let chunks;
            (chunks, is_open) = gathered?;
            writing = Either::Right(blocking(move || {
                let written = staged.write(&chunks);
                let synced = written.and_then(|()| match is_open {
                    true => Ok(()),
                    false => staged.sync(),
                });
                synced.map_err(|e| failed("store the artifact", e))?;
                Ok(staged)
            }));
        }
        let staged = writing.await?;
        let allowed = allow(staged.stored()).await?;
        let target = path.clone();
        let stored = blocking(move || self.finish(staged, &target)).await?;
        Ok((stored, allowed))
    }

    pub(super) async fn get(
        self: Arc<Self>,
        path: &ArtifactPath,
        range: Option<ByteRange>,
    ) -> Result<Found> {
        let path = path.clone();
        blocking(move || {
            let Some(real) = self.locate(&path)? else {
                return Err(no_such_artifact(&path));
            };
            let doing = "read the artifact";
            let unreadable = |error: io::Error| match error.kind() {
                io::ErrorKind::NotFound => no_such_artifact(&path),
                _ => failed(doing, error),
            };
            let kind = fs::metadata(&real).map_err(unreadable)?;
            if kind.is_dir() {
                return Ok(Found::Folder);
            }
            // Opening a pipe or a device would wait for whoever is at its other end.
            if !kind.is_file() {
                return Err(no_such_artifact(&path));
            }
            let mut file = File::open(&real).map_err(unreadable)?;
            let size = file.metadata().map_err(|e| failed(doing, e))?.len();
            let Some(range) = requested(range, size) else {
                return Ok(Found::OutOfRange { size });
            };
            file.seek(SeekFrom::Start(range.start))
                .map_err(|e| failed(doing, e))?;
            Ok(Found::File(Download {
                size,
                stream: reading::stream(file, range.clone()),
                range,
            }))
        })
        .await
    }

    pub(super) async fn list(self: Arc<Self>, path: &ArtifactPath) -> Result<Vec<Entry>> {
        let path = path.clone();
        blocking(move || {
            let Some(real) = self.locate(&path)? else {
                return Ok(Vec::new());
            };
            if !real.is_dir() {
                return Ok(Vec::new());
            }
            match self.entries(&real, &path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
                outcome => outcome.map_err(|e| failed("list the artifacts", e)),
            }
        })
        .await
    }

    pub(super) async fn delete(self: Arc<Self>, path: &ArtifactPath) -> Result<()> {
        let path = path.clone();
        blocking(move || {
            check_names(&path)?;
            // The last name is not followed: a link is deleted, never what it leads to.
            let Some(parent) = self.locate(&path.parent())? else {
                return Ok(());
            };
            let mut outcome = Ok(());
            for _ in 0..ATTEMPTS {
                outcome = remove(&parent.join(path.name()));
                // An upload may put a file into a folder while the folder is emptied.
                if !has_kind(&outcome, io::ErrorKind::DirectoryNotEmpty) {
                    break;
                }
            }
            let outcome = outcome.and_then(|()| staged::sync_folder(&parent));
            // The folder around it was deleted too.
            if has_kind(&outcome, io::ErrorKind::NotFound) {
                return Ok(());
            }
            outcome.map_err(|e| failed("delete the artifact", e))
        })
        .await
    }

    pub(super) async fn exists(self: Arc<Self>, path: &ArtifactPath) -> Result<bool> {
        let path = path.clone();
        blocking(move || Ok(self.locate(&path)?.is_some())).await
    }

    /// Begins an upload, refusing at once what could not be finished.
    fn begin(&self, path: &ArtifactPath) -> Result<StagedFile> {
        check_names(path)?;
        staged::make_folder_and_parents(&self.root)
            .map_err(|e| failed("make the artifact folder", e))?;
        if let Some(target) = self.locate(path)?
            && target.is_dir()
        {
            return Err(is_a_folder(path));
        }
        let mut parent = path.parent();
        loop {
            match self.locate_folder(&parent)? {
                Some(_) => break,
                None if parent.is_root() => return Err(is_being_deleted(&parent)),
                None => parent = parent.parent(),
            }
        }
        StagedFile::create(&self.root).map_err(|e| failed("store the artifact", e))
    }

    /// Gives a complete upload its name, again and again if its folder is deleted meanwhile.
    fn finish(&self, mut staged: StagedFile, path: &ArtifactPath) -> Result<Stored> {
        let doing = "store the artifact";
        for _ in 0..ATTEMPTS {
            let Some(folder) = self.make_folders(&path.parent())? else {
                continue;
            };
            let target = folder.join(path.name());
            match staged.publish(&target) {
                Ok(stored) => return Ok(stored),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) if target.is_dir() => return Err(is_a_folder(path).with_cause(error)),
                Err(error) => return Err(failed(doing, error)),
            }
        }
        Err(is_being_deleted(&path.parent()))
    }

    /// Makes the folder at `path` and those above it, durably, and gives its real place; `None` if
    /// one of them is deleted meanwhile.
    fn make_folders(&self, path: &ArtifactPath) -> Result<Option<PathBuf>> {
        let _guard = self
            .making_folders
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut at = ArtifactPath::root();
        let doing = "make the folder of the artifact";
        let mut real = fs::canonicalize(&self.root).map_err(|e| failed(doing, e))?;
        for name in path.segments() {
            at = at.join(&ArtifactPath::parse(name)?);
            let made = fs::create_dir(real.join(name)).and_then(|()| staged::sync_folder(&real));
            match made.map_err(|error| (error.kind(), error)) {
                Ok(()) | Err((io::ErrorKind::AlreadyExists, _)) => {}
                Err((io::ErrorKind::NotFound, _)) => return Ok(None),
                Err((_, error)) => return Err(failed(doing, error)),
            }
            real = match self.locate_folder(&at)? {
                Some(folder) => folder,
                None if real.join(name).is_symlink() => return Err(outside()),
                None => return Ok(None),
            };
        }
        Ok(Some(real))
    }

    /// Gives the real place of the folder at `path`; 400 if a file is there.
    fn locate_folder(&self, path: &ArtifactPath) -> Result<Option<PathBuf>> {
        let Some(real) = self.locate(path)? else {
            return Ok(None);
        };
        match fs::metadata(&real) {
            Ok(found) if found.is_dir() => Ok(Some(real)),
            Ok(_) => Err(is_a_file(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(failed("look for the artifact", error)),
        }
    }

    /// Gives the real place of what is at `path`, links followed; `None` if nothing is there.
    ///
    /// Fails with 400 when the place is outside of the root.
    fn locate(&self, path: &ArtifactPath) -> Result<Option<PathBuf>> {
        check_names(path)?;
        let doing = "look for the artifact";
        let found = fs::canonicalize(&self.root).and_then(|root| {
            let real = fs::canonicalize(root.join(path.as_str()))?;
            Ok((real.starts_with(&root), real))
        });
        match found {
            Ok((true, real)) => Ok(Some(real)),
            Ok((false, _)) => Err(outside()),
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Ok(None),
                _ if is_link_loop(&error) => Err(outside().with_cause(error)),
                _ => Err(failed(doing, error)),
            },
        }
    }

    /// Reads the folder at `real`, which is `path`, leaving out what no request could reach.
    fn entries(&self, real: &Path, path: &ArtifactPath) -> io::Result<Vec<Entry>> {
        let mut entries = Vec::new();
        for entry in fs::read_dir(real)? {
            let entry = entry?;
            let Ok(name) = entry.file_name().into_string() else {
                continue;
            };
            let hidden = path.is_root() && name == staged::FOLDER;
            if hidden || !is_addressable(&name) {
                continue;
            }
            let is_link = entry.file_type()?.is_symlink();
            let Ok(below) = ArtifactPath::parse(&name) else {
                continue;
            };
            if is_link && !matches!(self.locate(&path.join(&below)), Ok(Some(_))) {
                continue;
            }
            // What was deleted since the folder was read is not listed.
            let Ok(metadata) = fs::metadata(entry.path()) else {
                continue;
            };
            let is_dir = metadata.is_dir();
            entries.push(Entry {
                name,
                is_dir,
                size: if is_dir { 0 } else { metadata.len() },
                modified_ns: metadata.modified().map_or(i64::MAX, nanoseconds),
            });
        }
        Ok(entries)
    }
}

/// Removes a file, a link, or a folder with all that is in it; a missing one is fine.
fn remove(path: &Path) -> io::Result<()> {
    let outcome = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(()),
        outcome => outcome,
    }
}

/// Refuses names that no file system takes and the folder of temporary files.
fn check_names(path: &ArtifactPath) -> Result<()> {
    let is_reserved = |name: &str| name.eq_ignore_ascii_case(staged::FOLDER);
    if path.segments().next().is_some_and(is_reserved) {
        return Err(Error::invalid(format!(
            "Invalid path: '{}' is reserved",
            staged::FOLDER
        )));
    }
    match path.segments().any(|name| name.len() > MAX_NAME) {
        true => Err(Error::invalid(format!(
            "Invalid path: a name in it is longer than {MAX_NAME} bytes"
        ))),
        false => Ok(()),
    }
}

/// Takes the next part of a body, about `WRITE_SIZE` bytes, and says whether more may come.
async fn gather(
    mut body: Pin<&mut impl Stream<Item = io::Result<Bytes>>>,
) -> Result<(Vec<Bytes>, bool)> {
    let (mut chunks, mut size) = (Vec::new(), 0);
    while size < WRITE_SIZE {
        let Some(chunk) = body.next().await.transpose().map_err(broken_body)? else {
            return Ok((chunks, false));
        };
        size += chunk.len();
        chunks.push(chunk);
    }
    Ok((chunks, true))
}

/// Lets a thread that may block do the work, at once.
fn blocking<T, F>(work: F) -> impl Future<Output = Result<T>>
where
    T: Send + 'static,
    F: FnOnce() -> Result<T> + Send + 'static,
{
    let task = tokio::task::spawn_blocking(work);
    async {
        task.await.unwrap_or_else(|error| {
            Err(Error::internal("The artifact store is shutting down").with_cause(error))
        })
    }
}

fn has_kind(outcome: &io::Result<()>, kind: io::ErrorKind) -> bool {
    outcome.as_ref().is_err_and(|error| error.kind() == kind)
}

/// A circle of links has no stable error kind yet; the number is that of Linux and of macOS.
fn is_link_loop(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(40 | 62))
}

fn outside() -> Error {
    Error::invalid("Invalid path: resolved path is outside the artifact directory")
}

fn is_a_folder(path: &ArtifactPath) -> Error {
    Error::invalid(format!(
        "Invalid path: '{path}' is a folder, so no file can take its place"
    ))
}

fn is_a_file(path: &ArtifactPath) -> Error {
    Error::invalid(format!(
        "Invalid path: '{path}' is a file, so nothing can be stored below it"
    ))
}

fn is_being_deleted(path: &ArtifactPath) -> Error {
    Error::unavailable(format!("The artifact folder '{path}' is being deleted"))
}
