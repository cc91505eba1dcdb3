//! The digests of files that came in through the server, by their path below the destination.

use super::watch;
use crate::artifacts::{ArtifactPath, Stored, hexadecimal};
use crate::ctx::Ctx;
use crate::db::{Tx, by_bytes};
use crate::error::Result;
use crate::params;

/// Records what was stored at a path, in place of what was recorded before.
pub fn record(tx: &mut Tx<'_>, ctx: &Ctx, path: &ArtifactPath, stored: Stored) -> Result<()> {
    tx.execute(
        "insert into artifacts (path, size, sha256, stored_at) values ($1, $2, $3, $4)
         on conflict (path) do update set size = excluded.size, sha256 = excluded.sha256,
             stored_at = excluded.stored_at",
        params![
            path.as_str(),
            stored.size as i64,
            hexadecimal(&stored.sha256),
            ctx.now
        ],
    )?;
    // The files of a run are at <location of its experiment>/<run>/artifacts.
    let below = path.segments().skip(1);
    for (run_uuid, _) in path
        .segments()
        .zip(below)
        .filter(|(_, below)| *below == "artifacts")
    {
        watch::note_write(tx, ctx, run_uuid)?;
    }
    Ok(())
}

/// What is recorded of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// Below the destination.
    pub path: String,
    /// In bytes.
    pub size: i64,
    /// In hexadecimal.
    pub sha256: String,
    /// Milliseconds since 1970, in UTC.
    pub stored_at: i64,
}

/// Lists what is recorded of the file at `path`, or of all files below that folder, in the order
/// of their paths and up to `limit`.
pub fn recorded_below(tx: &mut Tx<'_>, path: &str, limit: usize) -> Result<Vec<Recorded>> {
    let column = by_bytes("path");
    let sql = format!(
        "select path, size, sha256, stored_at from artifacts
         where path = $1 or ({column} > $1 || '/' and {column} < $1 || '0')
         order by {column} limit $2"
    );
    tx.query(&sql, params![path, limit as i64], |row| {
        Ok(Recorded {
            path: row.get(0)?,
            size: row.get(1)?,
            sha256: row.get(2)?,
            stored_at: row.get(3)?,
        })
    })
}

/// Forgets a deleted file, or everything that was below a deleted folder.
pub fn forget(tx: &mut Tx<'_>, path: &ArtifactPath) -> Result<()> {
    // '0' is the character after '/': the range holds exactly what is below the folder.
    tx.execute(
        "delete from artifacts where path = $1 or (path >= $1 || '/' and path < $1 || '0')",
        params![path.as_str()],
    )?;
    Ok(())
}

/// Finds the recorded SHA-256 of a file, in hexadecimal.
pub fn digest(tx: &mut Tx<'_>, path: &ArtifactPath) -> Result<Option<String>> {
    tx.query_optional(
        "select sha256 from artifacts where path = $1",
        params![path.as_str()],
        |row| row.get(0),
    )
}
