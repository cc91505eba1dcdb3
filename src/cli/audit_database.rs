//! `trackway audit verify --database`: checks the audit log in a database, with no server.

use super::Outcome;
use super::remote::Remote;
use super::remote::audit::{Verify, progress, report};
use crate::audit::check::{Check, Finding, Report};
use crate::audit::key::PublicKey;
use crate::audit::tree::{Frontier, Hash, Place};
use crate::audit::{checkpoint, log};
use crate::config::location;
use crate::db::{Db, Durability, Options, PostgresOptions, PostgresUrl, SqliteOptions, Tx};
use crate::error::{Error, Result};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Entries and heads that are read in one go.
const CHUNK: u64 = 1_000;

/// Checks the database that `name` names.
pub(super) fn verify(name: &str, verify: &Verify, remote: &Remote) -> Result<Outcome> {
    let options = options(name)?;
    let pinned = verify.key.as_deref().map(pinned_key).transpose()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Error::internal(format!("No runtime: {error}.")))?;
    let checked = runtime.block_on(async {
        let db = Db::open(options).await?;
        // One read sees one state of the log, however long it takes.
        let outcome = db.read(move |tx| check(tx, pinned)).await;
        db.close().await?;
        outcome
    })?;
    Ok(report(remote, &checked))
}

/// How long a database that does not answer is waited for.
const WAIT: Duration = Duration::from_secs(5);

fn options(name: &str) -> Result<Options> {
    let here = std::env::current_dir()
        .map_err(|error| Error::unavailable(format!("There is no working directory: {error}.")))?;
    if PostgresUrl::is_meant(name) {
        let url = PostgresUrl::parse(name, &here).map_err(|reason| {
            Error::invalid(format!("The URL of the database is none: {reason}."))
        })?;
        return Ok(Options::Postgres(PostgresOptions {
            url,
            connections: 1,
            wait: WAIT,
            start_wait: WAIT,
        }));
    }
    Ok(Options::Sqlite(SqliteOptions {
        path: existing(name, &here)?,
        durability: Durability::Full,
        readers: 1,
    }))
}

fn existing(name: &str, here: &Path) -> Result<PathBuf> {
    let path = match name.contains("://") {
        true => location::sqlite_path(name, here)
            .map_err(|reason| Error::invalid(format!("'{name}' names no database: {reason}.")))?,
        false => here.join(name),
    };
    match path.is_file() {
        true => Ok(path),
        false => Err(Error::not_found(format!(
            "There is no database {}. Name the file of the server's database.",
            path.display()
        ))),
    }
}

fn pinned_key(path: &Path) -> Result<PublicKey> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::invalid(format!("{} cannot be read: {error}.", path.display())))?;
    PublicKey::from_pem(&text)
}

fn check(tx: &mut Tx<'_>, pinned: Option<PublicKey>) -> Result<Report> {
    let keys = match pinned {
        Some(key) => vec![key],
        None => checkpoint::keys(tx)?
            .iter()
            .map(|key| PublicKey::from_pem(key))
            .collect::<Result<_>>()?,
    };
    let mut check = Check::new(keys);
    let mut from = 0;
    loop {
        let heads = checkpoint::read(tx, from, CHUNK)?;
        let Some(last) = heads.last() else { break };
        from = last.size + 1;
        heads.iter().for_each(|head| check.head(head));
    }
    let (size, peaks) = log::stored_tree(tx)?;
    feed(tx, &mut check, size)?;
    if Frontier::from_bytes(size, &peaks).is_none_or(|stored| stored != *check.frontier()) {
        check.add(Finding {
            position: None,
            what: "the stored state of the tree is not what the entries lead to".into(),
        });
    }
    Ok(check.finish(size))
}

fn feed(tx: &mut Tx<'_>, check: &mut Check, size: u64) -> Result<()> {
    let mut from = 0;
    loop {
        let records = log::read(tx, from, CHUNK)?;
        let Some(last) = records.last() else {
            return Ok(());
        };
        from = last.position + 1;
        for record in &records {
            for (place, hash) in check.entry(record) {
                compare(tx, check, (place, hash))?;
            }
        }
        progress(from, size);
    }
}

/// Compares the stored root of a subtree with the one that its entries lead to.
fn compare(tx: &mut Tx<'_>, check: &mut Check, (place, hash): (Place, Hash)) -> Result<()> {
    if log::find_node_optional(tx, place)? == Some(hash) {
        return Ok(());
    }
    let first = place.position << place.level;
    let last = first + (1 << place.level) - 1;
    check.add(Finding {
        position: Some(first),
        what: format!("the stored hash over entries {first} to {last} is not what they lead to"),
    });
    Ok(())
}
