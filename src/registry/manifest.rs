//! What the files of a version are: their paths, sizes and digests, and one digest over all.
//!
//! A manifest is written with its version and never changed afterwards; only what reading the
//! files again gave is noted. It never opens a file: the caller reads them and says what they are.

use super::model::Model;
use crate::artifacts::hexadecimal;
use crate::ctx::Ctx;
use crate::db::{Insert, Row, Tx, Value, by_bytes};
use crate::error::{Error, Result};
use crate::params;
use sha2::{Digest, Sha256};

/// The most files that a manifest lists.
pub const MAX_FILES: usize = 50_000;

/// How far the files of a version are protected; stored as 1 to 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// No file is changed or deleted, and none is added.
    Frozen = 1,
    /// No file is changed or deleted; the folder is that of a whole run and may grow.
    Growing = 2,
    /// The server does not know the files.
    Unmanaged = 3,
}

impl State {
    /// All states with their names.
    pub const ALL: [(State, &'static str); 3] = [
        (State::Frozen, "frozen"),
        (State::Growing, "growing"),
        (State::Unmanaged, "unmanaged"),
    ];

    /// Gives the name of the state.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(state, _)| *state == self);
        found.map_or("", |(_, name)| name)
    }

    fn from_number(number: i64) -> Option<Self> {
        let mut states = Self::ALL.iter().map(|(state, _)| *state);
        states.find(|state| *state as i64 == number)
    }
}

/// What reading the files of a version again gave; stored as 1 or 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Intact = 1,
    Broken = 2,
}

impl Verdict {
    /// Gives the name of the verdict.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Intact => "intact",
            Verdict::Broken => "broken",
        }
    }
}

/// A file of a version.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FileDigest {
    /// Below the folder of the version, with slashes.
    pub path: String,
    /// In bytes.
    pub size: i64,
    /// In hexadecimal.
    pub sha256: String,
}

/// What is known of the files of a version, without their list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    pub state: State,
    /// SHA-256 in hexadecimal, as `digest_of` gives it; `None` for an unmanaged version.
    pub digest: Option<String>,
    pub files: i64,
    /// The size of all files together, in bytes.
    pub bytes: i64,
    /// Why there is no digest; empty where there is one.
    pub note: String,
    /// Milliseconds since 1970, in UTC.
    pub created_at: i64,
    /// When the files were last read again, and what that gave.
    pub verified: Option<(i64, Verdict)>,
}

/// Gives the digest over files: SHA-256 of a text with one line `<sha256>  <size>  <path>` a file,
/// two blanks between and a line feed after each, in the order of the paths' bytes.
///
/// Invariant: no path holds a line feed, so that two lists never give one text.
pub fn digest_of(files: &[FileDigest]) -> String {
    let mut sorted: Vec<&FileDigest> = files.iter().collect();
    sorted.sort_unstable_by(|a, b| a.path.cmp(&b.path));
    let mut sha256 = Sha256::new();
    for file in sorted {
        sha256.update(format!("{}  {}  {}\n", file.sha256, file.size, file.path));
    }
    hexadecimal(&sha256.finalize())
}

/// Finds the manifest of a version by the version's id; `None` for one that was registered before
/// manifests were kept.
pub fn find(tx: &mut Tx<'_>, version_id: i64) -> Result<Option<Manifest>> {
    tx.query_optional(
        "select state, digest, files, bytes, note, created_at, verified_at, verified
         from model_version_manifests where version_id = $1",
        params![version_id],
        from_row,
    )
}

fn from_row(row: &Row<'_>) -> Result<Manifest> {
    let verified_at: Option<i64> = row.get(6)?;
    let verified = row.get::<Option<i64>>(7)?.map(|verdict| match verdict {
        1 => Verdict::Intact,
        _ => Verdict::Broken,
    });
    Ok(Manifest {
        state: State::from_number(row.get(0)?)
            .ok_or_else(|| Error::internal("The database holds an unknown state of a manifest."))?,
        digest: row.get(1)?,
        files: row.get(2)?,
        bytes: row.get(3)?,
        note: row.get(4)?,
        created_at: row.get(5)?,
        verified: verified_at.zip(verified),
    })
}

/// Finds the digest over the files of a version by the version's id; `None` where there is none.
pub fn digest(tx: &mut Tx<'_>, version_id: i64) -> Result<Option<String>> {
    Ok(find(tx, version_id)?.and_then(|manifest| manifest.digest))
}

/// Lists the files of a version by the version's id, in the order of their paths; at most
/// `MAX_FILES`, which are all.
pub fn files(tx: &mut Tx<'_>, version_id: i64) -> Result<Vec<FileDigest>> {
    files_after(tx, version_id, ("", MAX_FILES))
}

/// Lists files as `files` does, from the first path after `after` on and up to `limit`.
pub fn files_after(
    tx: &mut Tx<'_>,
    version_id: i64,
    (after, limit): (&str, usize),
) -> Result<Vec<FileDigest>> {
    let path = by_bytes("path");
    let sql = format!(
        "select path, size, sha256 from model_version_files
         where version_id = $1 and {path} > $2 order by {path} limit $3"
    );
    tx.query(&sql, params![version_id, after, limit as i64], |row| {
        Ok(FileDigest {
            path: row.get(0)?,
            size: row.get(1)?,
            sha256: row.get(2)?,
        })
    })
}

/// The files of a new version, or why the server does not know them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    Known {
        state: State,
        /// Where they are, as a `Spot` spells it.
        root: String,
        /// At least one, in the order of their paths.
        files: Vec<FileDigest>,
    },
    Unknown {
        note: String,
    },
}

/// Writes the manifest of a new version.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    (version_id, content): (i64, &Content),
) -> Result<()> {
    let (state, root, note, files) = match content {
        Content::Known { state, root, files } => (*state, Some(root), "", files.as_slice()),
        Content::Unknown { note } => (State::Unmanaged, None, note.as_str(), [].as_slice()),
    };
    let digest = (!files.is_empty()).then(|| digest_of(files));
    let bytes: i64 = files.iter().map(|file| file.size).sum();
    tx.send(
        "insert into model_version_manifests
             (version_id, state, digest, files, bytes, note, root, created_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8)",
        params![
            version_id,
            state as i64,
            digest,
            files.len() as i64,
            bytes,
            note,
            root,
            ctx.now
        ],
    )?;
    let insert = Insert {
        table: "model_version_files",
        columns: &["version_id", "path", "size", "sha256"],
        conflict: "",
    };
    tx.send_many(
        &insert,
        files.iter().map(|file| {
            [
                Value::Int(version_id),
                Value::from(&file.path),
                Value::Int(file.size),
                Value::from(&file.sha256),
            ]
        }),
    )?;
    Ok(())
}

/// Gives a copied version the files of its original, and tells whether the original had any.
pub(super) fn copy(tx: &mut Tx<'_>, ctx: &Ctx, (from, to): (i64, i64)) -> Result<bool> {
    let copied = tx.execute(
        "insert into model_version_manifests
             (version_id, state, digest, files, bytes, note, root, created_at)
         select $2, state, digest, files, bytes, note, root, $3
         from model_version_manifests where version_id = $1 and digest is not null",
        params![from, to, ctx.now],
    )?;
    if copied == 0 {
        return Ok(false);
    }
    tx.send(
        "insert into model_version_files (version_id, path, size, sha256)
         select $2, path, size, sha256 from model_version_files
         where version_id = $1 order by path",
        params![from, to],
    )?;
    Ok(true)
}

/// Notes what reading the files of a version again gave.
pub(super) fn note_verdict(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    (version_id, verdict): (i64, Verdict),
) -> Result<()> {
    tx.send(
        "update model_version_manifests set verified_at = $2, verified = $3
         where version_id = $1",
        params![version_id, ctx.now, verdict as i64],
    )?;
    Ok(())
}

/// Deletes the manifests of a model's versions, which go with it.
pub(super) fn delete_of_model(tx: &mut Tx<'_>, model: &Model) -> Result<()> {
    for table in ["model_version_files", "model_version_manifests"] {
        let sql = format!(
            "delete from {table} where version_id in
                 (select id from model_versions where model_id = $1)"
        );
        tx.send(&sql, params![model.id])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_is_that_of_the_sorted_lines() {
        let file = |path: &str, size, sha256: &str| FileDigest {
            path: path.to_owned(),
            size,
            sha256: sha256.repeat(64),
        };
        let files = [file("b/c", 3, "b"), file("b", 1, "0"), file("B", 20, "a")];
        let text = format!(
            "{}  20  B\n{}  1  b\n{}  3  b/c\n",
            "a".repeat(64),
            "0".repeat(64),
            "b".repeat(64)
        );
        assert_eq!(digest_of(&files), hexadecimal(&Sha256::digest(text)));
    }
}
