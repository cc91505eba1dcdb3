//! A file on its way in: written under a temporary name, moved to its place when it is whole.
//!
//! Everything here blocks and is called on threads that may. It never leaves the temporary file
//! behind while the process lives; `sweep` removes what a killed process left.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use bytes::Bytes;
use sha2::{Digest, Sha256};
use tokio::runtime::Handle;

use super::store::Stored;

/// The folder below a root that holds the files on their way in. No artifact may have this name.
pub(super) const FOLDER: &str = ".trackway-uploads";

/// After so many bytes that no disk has, what is there begins its way to the disk while more comes.
const FLUSH_AFTER: u64 = 32 << 20;

/// How often a folder that another upload is just removing is made again.
const ATTEMPTS: usize = 100;

/// A temporary file that is removed when it is dropped.
///
/// It is locked as long as it is open. The lock ends with the process, so a file that can be locked
/// belongs to nobody, whichever process or machine began it.
#[derive(Debug)]
pub(super) struct StagedFile {
    file: File,
    sha256: Sha256,
    size: u64,
    /// The size when it was flushed last, and the thread that does it.
    flushed: u64,
    flushing: Option<JoinHandle<io::Result<()>>>,
    name: Temporary,
}

impl StagedFile {
    /// Begins an upload below `root`, which must exist.
    pub(super) fn create(root: &Path) -> io::Result<Self> {
        let folder = root.join(FOLDER);
        for _ in 0..ATTEMPTS {
            let made_folder = make_folder(&folder)?;
            let path = folder.join(format!("{:032x}.part", rand::random::<u128>()));
            match lock_new_file(&path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(error),
                Ok(file) => {
                    let name = Temporary {
                        path: Some(path),
                        made_folder,
                    };
                    return Ok(Self {
                        file,
                        sha256: Sha256::new(),
                        size: 0,
                        flushed: 0,
                        flushing: None,
                        name,
                    });
                }
            }
        }
        Err(io::Error::from(io::ErrorKind::NotFound))
    }

    /// Appends `chunks` in their order.
    pub(super) fn write(&mut self, chunks: &[Bytes]) -> io::Result<()> {
        for chunk in chunks {
            self.file.write_all(chunk)?;
            self.sha256.update(chunk);
            self.size += chunk.len() as u64;
        }
        let is_busy = self
            .flushing
            .as_ref()
            .is_some_and(|thread| !thread.is_finished());
        if self.size - self.flushed >= FLUSH_AFTER && !is_busy {
            self.await_flush()?;
            let file = self.file.try_clone()?;
            self.flushed = self.size;
            self.flushing = Some(std::thread::Builder::new().spawn(move || file.sync_data())?);
        }
        Ok(())
    }

    /// Makes the content durable; it still has its temporary name.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        // The system tells a failure once, so that the flush before may be the one that knows.
        self.await_flush()?;
        self.file.sync_all()
    }

    fn await_flush(&mut self) -> io::Result<()> {
        match self.flushing.take().map(JoinHandle::join) {
            Some(Ok(flushed)) => flushed,
            Some(Err(_)) => Err(io::Error::other("the thread that flushes the file stopped")),
            None => Ok(()),
        }
    }

    /// Says what was written so far.
    pub(super) fn stored(&self) -> Stored {
        Stored {
            size: self.size,
            sha256: self.sha256.clone().finalize().into(),
        }
    }

    /// Moves the file to `target`, in place of a file that is there, and makes that durable. It may
    /// be called again after a failure.
    pub(super) fn publish(&mut self, target: &Path) -> io::Result<Stored> {
        if let Some(path) = &self.name.path {
            fs::rename(path, target)?;
        }
        self.name.leave();
        sync_folder(target.parent().unwrap_or(target))?;
        Ok(self.stored())
    }
}

/// The temporary name, and whether the folder around it should go with it.
#[derive(Debug)]
struct Temporary {
    path: Option<PathBuf>,
    made_folder: bool,
}

impl Temporary {
    /// Forgets the name, which no longer exists.
    fn leave(&mut self) {
        if let (Some(path), true) = (self.path.take(), self.made_folder) {
            remove_folder_of(&path);
        }
    }
}

impl Drop for Temporary {
    /// Removing a large file takes long, so it is left to a thread that may block.
    fn drop(&mut self) {
        let Some(path) = self.path.take() else { return };
        let made_folder = self.made_folder;
        let remove = move || {
            if let Err(error) = fs::remove_file(&path) {
                tracing::warn!(%error, path = %path.display(), "a cut-off upload was not removed");
            }
            if made_folder {
                remove_folder_of(&path);
            }
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(remove)),
            Err(_) => remove(),
        }
    }
}

/// Removes the temporary files below `root` that no living process holds.
pub(super) fn sweep(root: &Path) -> io::Result<()> {
    let folder = root.join(FOLDER);
    make_folder(&folder)?;
    for entry in fs::read_dir(&folder)? {
        let entry = entry?;
        if !entry.file_type()?.is_file() {
            continue;
        }
        let Ok(file) = File::options().write(true).open(entry.path()) else {
            continue;
        };
        if file.try_lock().is_ok() {
            tracing::info!(path = %entry.path().display(), "removes an upload cut off by a crash");
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

/// Makes the names in a folder durable. Where folders cannot be opened there is nothing to do.
pub(super) fn sync_folder(folder: &Path) -> io::Result<()> {
    match cfg!(unix) {
        true => File::open(folder)?.sync_all(),
        false => Ok(()),
    }
}

/// Makes a folder and those above it that are missing, all of them durably.
pub(super) fn make_folder_and_parents(folder: &Path) -> io::Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let parent = folder
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    let parent = parent.unwrap_or(Path::new("."));
    make_folder_and_parents(parent)?;
    match fs::create_dir(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists || !folder.is_dir() => {
            Err(error)
        }
        _ => sync_folder(parent),
    }
}

/// Makes a new file and locks it; `NotFound` when its folder, or a sweep, took it away meanwhile.
fn lock_new_file(path: &Path) -> io::Result<File> {
    let file = File::options().write(true).create_new(true).open(path)?;
    // Where files cannot be locked, no sweep ever removes one.
    if let Err(error) = file.lock()
        && error.kind() != io::ErrorKind::Unsupported
    {
        fs::remove_file(path)?;
        return Err(error);
    }
    match fs::exists(path)? {
        true => Ok(file),
        false => Err(io::Error::from(io::ErrorKind::NotFound)),
    }
}

/// Makes the folder and tells whether it was missing.
fn make_folder(folder: &Path) -> io::Result<bool> {
    match fs::create_dir(folder) {
        Ok(()) => Ok(true),
        // A link in place of the folder would take uploads out of the root.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            match fs::symlink_metadata(folder) {
                Ok(found) if !found.is_dir() => Err(error),
                _ => Ok(false),
            }
        }
        Err(error) => Err(error),
    }
}

/// Removes the folder of a temporary file unless another upload is in it.
fn remove_folder_of(path: &Path) {
    if let Some(folder) = path.parent() {
        // Not empty is the ordinary reason to fail, and the folder does no harm.
        let _ = fs::remove_dir(folder);
    }
}
