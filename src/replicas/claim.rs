//! Who changes which files, among all servers of one database: one holder at a time for a file or
//! folder, what is below it, and the folders above it.
//!
//! Who comes writes a row; of the rows that overlap the one with the lowest number holds. A row whose
//! server does not renew it is deleted by those who wait for it, so that `is_alive` tells its server
//! that it has waited too long. Inside one process the claims of `artifacts` come first: where no
//! other server can be they are all there is.

use crate::artifacts::{self, Spot};
use crate::db::{Db, Lock, Tx, Value, placeholders};
use crate::error::{Error, Result};
use crate::params;
use crate::traces;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How long a claim lasts that is not renewed.
const LASTS_MS: i64 = 20_000;
/// The shortest and the longest pause between two looks at who else is there.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_millis(200));
/// How long somebody waits for the holder of a file; longer than a dead one's claim lasts.
const PATIENCE: Duration = Duration::from_secs(45);

/// The claims of this server; cheap to clone.
#[derive(Clone)]
pub struct Claims(Arc<Shared>);

struct Shared {
    db: Db,
    owner: String,
    held: Mutex<BTreeSet<i64>>,
}

/// The right to change a file or folder; it ends when it is dropped.
pub struct Claim {
    row: Option<Row>,
    _local: artifacts::Claim,
}

/// The row of a claim; dropping it deletes it.
struct Row {
    shared: Arc<Shared>,
    id: i64,
}

/// Tells whether a claim still holds, in the transaction that relies on it.
#[derive(Debug, Clone, Copy)]
pub struct Proof(Option<i64>);

impl Proof {
    /// Says whether the claim holds, and keeps it so until the transaction ends. It is lost when the
    /// server stood still for so long that another one took it for dead.
    pub fn is_alive(self, tx: &mut Tx<'_>) -> Result<bool> {
        let Some(id) = self.0 else { return Ok(true) };
        let found = tx.query_locked(
            Lock::Pin,
            "select id from artifact_claims where id = $1",
            params![id],
            |_| Ok(()),
        )?;
        if found.is_empty() {
            tracing::warn!("this server stood still for so long that another one took its files");
        }
        Ok(!found.is_empty())
    }
}

impl Claim {
    /// Gives what a transaction asks whether the claim still holds.
    pub fn proof(&self) -> Proof {
        Proof(self.row.as_ref().map(|row| row.id))
    }
}

impl Claims {
    /// Begins without any claim.
    pub fn new(db: Db, owner: String) -> Self {
        Self(Arc::new(Shared {
            db,
            owner,
            held: Mutex::default(),
        }))
    }

    /// Waits until nobody who came earlier holds or wants the spot of `local`, a part of it, or a
    /// folder above it, at any server.
    ///
    /// # Errors
    /// Those of the database; 503 when somebody holds it for too long.
    pub async fn join(&self, spot: &Spot, local: artifacts::Claim) -> Result<Claim> {
        if !self.0.db.is_shared() {
            return Ok(Claim {
                row: None,
                _local: local,
            });
        }
        let row = self.enter(spot.clone()).await?;
        let deadline = Instant::now() + PATIENCE;
        let mut pause = PAUSES.0;
        while !self.is_first(row.id, spot).await? {
            if Instant::now() >= deadline {
                return Err(Error::unavailable(format!(
                    "Another request has been changing '{}' for long. Nothing of this request was \
                     stored; send it again in a moment.",
                    spot.shown()
                )));
            }
            tokio::time::sleep(pause).await;
            pause = PAUSES.1.min(pause * 2);
        }
        Ok(Claim {
            row: Some(row),
            _local: local,
        })
    }

    /// Takes a number. It is a task of its own, so that a client that leaves leaves no row.
    async fn enter(&self, spot: Spot) -> Result<Row> {
        let shared = self.0.clone();
        let entering = tokio::spawn(traces::carried(async move {
            let owner = shared.owner.clone();
            let insert = move |tx: &mut Tx<'_>| insert(tx, &owner, &spot);
            let id = shared.db.write(insert).await?;
            shared.held().insert(id);
            Ok(Row { shared, id })
        }));
        entering.await.map_err(|error| {
            Error::unavailable("The server is shutting down; send the request again in a moment.")
                .with_cause(error)
        })?
    }

    async fn is_first(&self, id: i64, spot: &Spot) -> Result<bool> {
        let asked = spot.clone();
        let found = self.0.db.read(move |tx| {
            let now = tx.database_time()?;
            let earlier = earlier(tx, id, &asked)?;
            Ok((earlier, now))
        });
        let (earlier, now) = found.await?;
        let dead: Vec<i64> = earlier
            .iter()
            .filter(|(_, expires_at)| *expires_at <= now)
            .map(|(id, _)| *id)
            .collect();
        if !dead.is_empty() {
            self.0.db.write(move |tx| bury(tx, &dead)).await?;
            return Ok(false);
        }
        Ok(earlier.is_empty())
    }

    /// Renews the claims of this server.
    ///
    /// # Errors
    /// Those of the database; claims that cannot be renewed for long are lost.
    pub async fn renew(&self) -> Result<()> {
        let held: Vec<i64> = self.0.held().iter().copied().collect();
        if held.is_empty() {
            return Ok(());
        }
        self.0.db.write(move |tx| renew(tx, &held)).await
    }

    /// Deletes what is left of the claims of this server, unless something that was not waited for
    /// still changes files.
    ///
    /// # Errors
    /// Those of the database; then they end by themselves.
    pub async fn clean(&self) -> Result<()> {
        if !self.0.db.is_shared() || !self.0.held().is_empty() {
            return Ok(());
        }
        let owner = self.0.owner.clone();
        let delete = move |tx: &mut Tx<'_>| {
            tx.execute(
                "delete from artifact_claims where owner = $1",
                params![&owner],
            )
        };
        self.0.db.write(delete).await?;
        Ok(())
    }
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, BTreeSet<i64>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Row {
    fn drop(&mut self) {
        self.shared.held().remove(&self.id);
        let (shared, id) = (self.shared.clone(), self.id);
        // Without a runtime the process ends, and the claim with its time.
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            let delete = move |tx: &mut Tx<'_>| {
                tx.execute("delete from artifact_claims where id = $1", params![id])
            };
            if let Err(error) = shared.db.write(delete).await {
                tracing::debug!(%error, "a claim on files was not given back; it ends by itself");
            }
        });
    }
}

/// Adds a row. Those that overlap get their numbers in the order of their commits.
fn insert(tx: &mut Tx<'_>, owner: &str, spot: &Spot) -> Result<i64> {
    let above = above(spot);
    tx.lock_name(&above, spot.as_str())?;
    let until = tx.database_time()? + LASTS_MS;
    tx.query_one(
        "insert into artifact_claims (spot, owner, expires_at) values ($1, $2, $3) returning id",
        params![spot.as_str(), owner, until],
        |row| row.get(0),
    )
}

/// Gives the folders above a spot from the top down, the first of them being everything.
fn above(spot: &Spot) -> Vec<&str> {
    let mut above: Vec<&str> = spot.lineage().skip(1).collect();
    if !spot.as_str().is_empty() {
        above.push("");
    }
    above.reverse();
    above
}

/// Lists the rows that overlap a spot and came earlier, with their ends.
fn earlier(tx: &mut Tx<'_>, id: i64, spot: &Spot) -> Result<Vec<(i64, i64)>> {
    let above = above(spot);
    let sql = format!(
        "select id, expires_at from artifact_claims
         where id < $1 and ($2 = '' or spot = $2 or spot > $2 || '/' and spot < $2 || '0'
             or spot in ({}))
         order by id limit 1000",
        match above.is_empty() {
            true => "''".to_owned(),
            false => placeholders(3, above.len()),
        }
    );
    let mut params = vec![Value::Int(id), Value::from(spot.as_str())];
    params.extend(above.iter().map(|above| Value::from(*above)));
    tx.query(&sql, &params, |row| Ok((row.get(0)?, row.get(1)?)))
}

fn renew(tx: &mut Tx<'_>, ids: &[i64]) -> Result<()> {
    let until = tx.database_time()? + LASTS_MS;
    for ids in ids.chunks(500) {
        let sql = format!(
            "update artifact_claims set expires_at = $1 where id in ({})",
            placeholders(2, ids.len())
        );
        let mut params = vec![Value::Int(until)];
        params.extend(ids.iter().map(|id| Value::Int(*id)));
        tx.send(&sql, &params)?;
    }
    Ok(())
}

/// Deletes rows whose time is over, but none that a transaction relies on at this moment.
fn bury(tx: &mut Tx<'_>, ids: &[i64]) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let list: Vec<Value<'_>> = ids.iter().map(|id| Value::Int(*id)).collect();
    let sql = format!(
        "select id, expires_at from artifact_claims where id in ({}) order by id",
        placeholders(1, list.len())
    );
    let free: Vec<(i64, i64)> = tx.query_locked(Lock::ChangeIfFree, &sql, &list, |row| {
        Ok((row.get(0)?, row.get(1)?))
    })?;
    let now = tx.database_time()?;
    for (id, _) in free.iter().filter(|(_, expires_at)| *expires_at <= now) {
        tx.send("delete from artifact_claims where id = $1", params![*id])?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::db::{Durability, SqliteOptions};
    use std::path::Path;

    fn spot(path: &str) -> Spot {
        Spot::new(Path::new(path))
    }

    #[tokio::test]
    async fn only_overlapping_rows_come_before() {
        let folder = tempfile::tempdir().unwrap();
        let db = Db::open_sqlite(SqliteOptions {
            path: folder.path().join("t.db"),
            durability: Durability::Relaxed,
            readers: 1,
        })
        .unwrap();
        db.migrate().await.unwrap();
        let check = async |first: &str, second: &str, expected: bool| {
            let (first, second) = (spot(first), spot(second));
            let shown = format!("{first:?} {second:?}");
            let overlap = db.write(move |tx| {
                let before = insert(tx, "a", &first)?;
                let after = insert(tx, "b", &second)?;
                let found = earlier(tx, after, &second)?;
                tx.execute("delete from artifact_claims", &[])?;
                Ok(found.iter().any(|(id, _)| *id == before))
            });
            assert_eq!(overlap.await.unwrap(), expected, "{shown}");
        };
        check("a/b", "a/b", true).await;
        check("a/b", "a/b/c", true).await;
        check("a/b", "a", true).await;
        check("a/b", "", true).await;
        check("", "a/b", true).await;
        check("a/b", "a/bc", false).await;
        check("a/b", "a/c", false).await;
        check("a/b", "/a/b", false).await;
        check("a/b.c", "a/b", false).await;
    }

    #[test]
    fn folders_are_locked_from_the_top_down() {
        assert_eq!(above(&spot("a/b/c")), ["", "a", "a/b"]);
        assert_eq!(above(&spot("a")), [""]);
        assert_eq!(above(&spot("")), Vec::<&str>::new());
    }
}
