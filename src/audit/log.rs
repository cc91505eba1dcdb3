//! Appends entries to the log and reads them, with the hashes of the tree.
//!
//! Invariant: an entry, its leaf hash, the subtrees that it completes and the new size of the tree
//! are written in one transaction, the one that makes the change.

use super::entry::{Entry, Refusal};
use super::tree::{self, Frontier, Hash, Place};
use crate::ctx::{Ctx, Kept};
use crate::db::{AsFound, Insert, Row, Tx, Value};
use crate::error::{Error, Result};
use crate::params;

/// The one row of the table `audit_tree`.
const TREE: i64 = 1;

/// How far the log has grown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct State {
    /// Names the log in its checkpoints.
    pub origin: String,
    pub frontier: Frontier,
}

/// Begins the log unless it is there, under the given name.
pub fn ensure(tx: &mut Tx<'_>, origin: &str) -> Result<()> {
    tx.send(
        "insert into audit_tree (id, origin, size, peaks) values ($1, $2, 0, $3)
         on conflict (id) do nothing",
        params![TREE, origin, &[] as &[u8]],
    )?;
    Ok(())
}

/// Reads the size and the peaks of the tree as they are stored, whether or not they belong
/// together.
pub fn stored_tree(tx: &mut Tx<'_>) -> Result<(u64, Vec<u8>)> {
    tx.query_one(
        "select size, peaks from audit_tree where id = $1",
        params![TREE],
        |row| Ok((row.get::<i64>(0)? as u64, row.get(1)?)),
    )
}

/// Reads how far the log has grown.
pub fn state(tx: &mut Tx<'_>) -> Result<State> {
    let origin = tx.query_one(
        "select origin from audit_tree where id = $1",
        params![TREE],
        |row| row.get(0),
    )?;
    let (size, peaks) = stored_tree(tx)?;
    let frontier = Frontier::from_bytes(size, &peaks).ok_or_else(|| {
        Error::internal(
            "The state of the audit log is damaged: its size and its hashes do not belong \
             together. `trackway audit verify --database` says what else is wrong.",
        )
    })?;
    Ok(State { origin, frontier })
}

/// Appends the entry of a request that was carried out, with what the transaction noted. It is the
/// last thing of a transaction, since from here on other writers of the log wait for its end.
pub fn append_done(tx: &mut Tx<'_>, ctx: &Ctx) -> Result<()> {
    let changes = tx.take_notes();
    let Some(act) = &ctx.act else {
        return Ok(());
    };
    if act.kept == Kept::WhenNoted && changes.is_empty() {
        return Ok(());
    }
    append(tx, &Entry::done(ctx, act, changes))
}

/// Appends the entry of a request that was refused.
pub fn append_refused(tx: &mut Tx<'_>, ctx: &Ctx, refusal: &Refusal) -> Result<()> {
    match &ctx.act {
        Some(act) => append(tx, &Entry::refused(ctx, act, refusal.clone())),
        None => Ok(()),
    }
}

/// Appends an entry.
pub fn append(tx: &mut Tx<'_>, entry: &Entry) -> Result<()> {
    tx.lock("audit_tree", &[TREE])?;
    let mut frontier = state(tx)?.frontier;
    let (position, leaf) = (frontier.size() as i64, entry.to_leaf()?);
    let leaf_hash = tree::leaf_hash(leaf.as_bytes());
    tx.send(
        "insert into audit_entries
             (position, at, actor, action, object, result, request_id, entry, leaf_hash)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        params![
            position,
            entry.at,
            &entry.actor,
            &entry.action,
            &entry.object,
            entry.result.name(),
            &entry.request_id,
            &leaf,
            &leaf_hash[..]
        ],
    )?;
    let insert = Insert {
        table: "audit_nodes",
        columns: &["level", "position", "hash"],
        conflict: "",
    };
    let completed = frontier.push(leaf_hash);
    tx.send_many(
        &insert,
        completed.iter().map(|(place, hash)| {
            [
                Value::from(place.level),
                Value::Int(place.position as i64),
                Value::from(&hash[..]),
            ]
        }),
    )?;
    tx.send(
        "update audit_tree set size = $2, peaks = $3 where id = $1",
        params![TREE, frontier.size() as i64, &frontier.to_bytes()],
    )?;
    Ok(())
}

/// An entry as the database holds it: its bytes, its hash, and the columns that repeat it. What
/// somebody damaged is as legible here as it can be made, so that a check can name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Counted from 0.
    pub position: u64,
    /// `None` where the database holds no number.
    pub at: Option<i64>,
    pub actor: String,
    pub action: String,
    pub object: String,
    pub result: String,
    pub request_id: String,
    pub leaf: String,
    pub leaf_hash: Vec<u8>,
}

/// The columns that `from_row` reads.
pub(super) const COLUMNS: &str =
    "position, at, actor, action, object, result, request_id, entry, leaf_hash";

/// Reads a record of a query that selects `COLUMNS` where the position is a number.
pub(super) fn from_row(row: &Row<'_>) -> Result<Record> {
    let text = |index| -> Result<String> {
        let found: AsFound<String> = row.get(index)?;
        Ok(found.0.unwrap_or_else(|| "(no text)".to_owned()))
    };
    Ok(Record {
        position: row.get::<i64>(0)? as u64,
        at: row.get::<AsFound<i64>>(1)?.0,
        actor: text(2)?,
        action: text(3)?,
        object: text(4)?,
        result: text(5)?,
        request_id: text(6)?,
        leaf: text(7)?,
        leaf_hash: row.get::<AsFound<Vec<u8>>>(8)?.0.unwrap_or_default(),
    })
}

/// Reads at most `count` entries, from `position` on and in their order.
pub fn read(tx: &mut Tx<'_>, position: u64, count: u64) -> Result<Vec<Record>> {
    // In SQLite a position that was made a text is above all numbers.
    let sql = format!(
        "select {COLUMNS} from audit_entries where position >= $1 and position <= $3
         order by position limit $2"
    );
    // Behind the highest number of a column there is no further one.
    let Ok(position) = i64::try_from(position) else {
        return Ok(Vec::new());
    };
    tx.query(&sql, params![position, count as i64, i64::MAX], from_row)
}

/// Finds the root of a complete subtree; one that is not there is an internal error, since the
/// caller asks within the size of the tree.
pub fn find_node(tx: &mut Tx<'_>, place: Place) -> Result<Hash> {
    find_node_optional(tx, place)?.ok_or_else(|| {
        Error::internal(format!(
            "The audit log has lost the hash {} of level {}. `trackway audit verify` says what \
             else is wrong.",
            place.position, place.level
        ))
    })
}

/// Finds the root of a complete subtree, or nothing.
pub fn find_node_optional(tx: &mut Tx<'_>, place: Place) -> Result<Option<Hash>> {
    let sql = match place.level {
        0 => "select leaf_hash from audit_entries where position = $2 and $1 = 0",
        _ => "select hash from audit_nodes where level = $1 and position = $2",
    };
    let position = place.position as i64;
    let found: Option<Vec<u8>> =
        tx.query_optional(sql, params![place.level, position], |row| row.get(0))?;
    Ok(found.and_then(|hash| Hash::try_from(hash).ok()))
}

/// Finds one entry with the proof that it is in the tree of `size` entries.
///
/// # Errors
/// 404 for a position that the log has not reached, 400 for a size outside of it.
pub fn prove_inclusion(
    tx: &mut Tx<'_>,
    position: u64,
    size: Option<u64>,
) -> Result<(Record, u64, Vec<Hash>)> {
    let reached = state(tx)?.frontier.size();
    let record = read(tx, position, 1)?
        .pop()
        .filter(|record| record.position == position && position < reached)
        .ok_or_else(|| {
            Error::not_found(format!(
                "The audit log has {reached} entries, counted from 0; there is no entry {position}."
            ))
        })?;
    let size = size.unwrap_or(reached);
    if size <= position || size > reached {
        return Err(Error::invalid(format!(
            "tree_size is {size}; for entry {position} of a log with {reached} entries it is from \
             {} to {reached}.",
            position + 1
        )));
    }
    let proof = tree::inclusion_proof(position, size, &mut |place| find_node(tx, place))?;
    Ok((record, size, proof))
}

/// Proves that the log of `first` entries is the beginning of the log of `second`.
///
/// # Errors
/// 400 for sizes that the log does not have.
pub fn prove_consistency(
    tx: &mut Tx<'_>,
    first: u64,
    second: Option<u64>,
) -> Result<(u64, Vec<Hash>)> {
    let reached = state(tx)?.frontier.size();
    let second = second.unwrap_or(reached);
    if first == 0 || first > second || second > reached {
        return Err(Error::invalid(format!(
            "first is {first} and second is {second}; the log has {reached} entries, and \
             1 <= first <= second <= {reached}."
        )));
    }
    let proof = tree::consistency_proof(first, second, &mut |place| find_node(tx, place))?;
    Ok((second, proof))
}
