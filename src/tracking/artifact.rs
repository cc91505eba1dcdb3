//! The digests of files that came in through the server, by their path below the destination.

use super::watch;
use crate::artifacts::{ArtifactPath, Stored, hexadecimal};
use crate::audit::note::Change;
use crate::ctx::Ctx;
use crate::db::{Row, Tx, by_bytes};
use crate::error::Result;
use crate::params;
use serde_json::json;

/// Records what was stored at a path, in place of what was recorded before.
pub fn record(tx: &mut Tx<'_>, ctx: &Ctx, path: &ArtifactPath, stored: Stored) -> Result<()> {
    let before = digest(tx, path)?;
    note_stored(tx, path.as_str(), before, stored);
    tx.send(
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
    note_write(tx, ctx, path)
}

/// Records a file of `size` bytes that clients put into the store by themselves: nobody has read it
/// yet, so its digest is unknown until `settle`.
pub fn record_unread(tx: &mut Tx<'_>, ctx: &Ctx, path: &ArtifactPath, size: u64) -> Result<()> {
    let before = digest(tx, path)?;
    Change::of(&format!("artifact:{}", path.as_str()), "artifact_stored")
        .before(before)
        .after(json!({ "sha256": null, "size": size }))
        .note(tx);
    tx.send(
        "insert into artifacts (path, size, sha256, stored_at) values ($1, $2, '', $3)
         on conflict (path) do update set size = excluded.size, sha256 = excluded.sha256,
             stored_at = excluded.stored_at",
        params![path.as_str(), size as i64, ctx.now],
    )?;
    note_write(tx, ctx, path)
}

/// Lists files that nobody has read yet, in the order of their paths and up to `limit`.
pub fn find_unread(tx: &mut Tx<'_>, limit: usize) -> Result<Vec<Recorded>> {
    tx.query(
        "select path, size, sha256, stored_at from artifacts
         where sha256 = '' order by path limit $1",
        params![limit as i64],
        recorded,
    )
}

/// Records what was read of a file, unless it was replaced meanwhile; `None` for one that is gone.
pub fn settle(tx: &mut Tx<'_>, unread: &Recorded, stored: Option<Stored>) -> Result<()> {
    let this = "path = $1 and stored_at = $2 and sha256 = ''";
    match stored {
        Some(stored) => tx.execute(
            &format!("update artifacts set size = $3, sha256 = $4 where {this}"),
            params![
                &unread.path,
                unread.stored_at,
                stored.size as i64,
                hexadecimal(&stored.sha256)
            ],
        )?,
        None => tx.execute(
            &format!("delete from artifacts where {this}"),
            params![&unread.path, unread.stored_at],
        )?,
    };
    Ok(())
}

/// Notes a write for each run whose file this may be.
fn note_write(tx: &mut Tx<'_>, ctx: &Ctx, path: &ArtifactPath) -> Result<()> {
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
    /// In hexadecimal; empty for a file that nobody has read yet.
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
    tx.query(&sql, params![path, limit as i64], recorded)
}

fn recorded(row: &Row<'_>) -> Result<Recorded> {
    Ok(Recorded {
        path: row.get(0)?,
        size: row.get(1)?,
        sha256: row.get(2)?,
        stored_at: row.get(3)?,
    })
}

/// Forgets a deleted file, or everything that was below a deleted folder.
pub fn forget(tx: &mut Tx<'_>, path: &ArtifactPath) -> Result<()> {
    let before = digest(tx, path)?;
    // '0' is the character after '/': the range holds exactly what is below the folder.
    let forgotten = tx.execute(
        "delete from artifacts where path = $1 or (path >= $1 || '/' and path < $1 || '0')",
        params![path.as_str()],
    )?;
    Change::of(&format!("artifact:{}", path.as_str()), "artifact_deleted")
        .before(before)
        .after(json!({ "recorded_files": forgotten }))
        .note(tx);
    Ok(())
}

/// Tells the audit log that a file was stored; `before` is the digest that was recorded of it.
pub fn note_stored(tx: &mut Tx<'_>, path: &str, before: Option<String>, stored: Stored) {
    let sha256 = hexadecimal(&stored.sha256);
    Change::of(&format!("artifact:{path}"), "artifact_stored")
        .before(before)
        .after(json!({ "sha256": sha256, "size": stored.size }))
        .note(tx);
}

/// Finds the recorded SHA-256 of a file, in hexadecimal, if it is known.
pub fn digest(tx: &mut Tx<'_>, path: &ArtifactPath) -> Result<Option<String>> {
    tx.query_optional(
        "select sha256 from artifacts where path = $1 and sha256 <> ''",
        params![path.as_str()],
        |row| row.get(0),
    )
}
