//! One change of many runs: all of them are changed, or none is.

use super::experiment::Pair;
use super::run::{self, Run};
use super::{change, tag};
use crate::audit::note::Change;
use crate::ctx::Ctx;
use crate::db::{Tx, Value, placeholders};
use crate::error::Result;
use serde_json::{Map, Value as Json, json};
use std::collections::HashMap;

/// Runs read in one statement.
const CHUNK: usize = 500;

/// What became of the runs that were named, in the order in which they were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    pub changed: Vec<String>,
    /// Those that were as they should be already.
    pub unchanged: Vec<String>,
    /// Ids that no run has.
    pub missing: Vec<String>,
}

/// Changes each run that is there; `work` says whether it changed anything.
///
/// # Errors
/// What `work` gives for any of them.
pub fn each(
    tx: &mut Tx<'_>,
    uuids: &[String],
    mut work: impl FnMut(&mut Tx<'_>, &Run) -> Result<bool>,
) -> Result<Outcome> {
    let mut runs: HashMap<String, Run> = HashMap::with_capacity(uuids.len());
    for chunk in uuids.chunks(CHUNK) {
        let sql = format!(
            "select {} from runs r where r.uuid in ({}) order by r.id",
            run::COLUMNS,
            placeholders(1, chunk.len())
        );
        let params: Vec<Value<'_>> = chunk
            .iter()
            .map(|uuid| Value::from(uuid.as_str()))
            .collect();
        let found = tx.query(&sql, &params, run::from_row)?;
        runs.extend(found.into_iter().map(|run| (run.uuid.clone(), run)));
    }
    let mut ids: Vec<i64> = runs.values().map(|run| run.id).collect();
    ids.sort_unstable();
    for chunk in ids.chunks(CHUNK) {
        tx.lock("runs", chunk)?;
    }
    let mut outcome = Outcome::default();
    for uuid in uuids {
        let list = match runs.get(uuid) {
            None => &mut outcome.missing,
            Some(run) if work(tx, run)? => &mut outcome.changed,
            Some(_) => &mut outcome.unchanged,
        };
        list.push(uuid.clone());
    }
    Ok(outcome)
}

/// Sets tags of active runs and removes others; a tag that is not there is none to remove.
///
/// # Errors
/// 400 where a run is deleted.
pub fn tag(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    uuids: &[String],
    (set, remove): (&[Pair], &[String]),
) -> Result<Outcome> {
    // All keys at once, as two writers might name theirs in another order.
    let keys: Vec<&str> = set.iter().map(|tag| tag.key.as_str()).collect();
    tx.intern_keys(&keys)?;
    each(tx, uuids, |tx, run| {
        let run = run::open(tx, ctx, &run.uuid)?;
        let mut before = Map::new();
        let mut new = Vec::new();
        for wanted in set {
            let old = tag::find(tx, &run, &wanted.key)?;
            if old.as_deref() != Some(wanted.value.as_str()) {
                before.insert(wanted.key.clone(), Json::from(old));
                new.push(wanted.clone());
            }
        }
        for key in remove {
            if let Some(old) = tag::find(tx, &run, key)? {
                before.insert(key.clone(), Json::from(old));
                tag::remove(tx, &run, key)?;
            }
        }
        if before.is_empty() {
            return Ok(false);
        }
        tag::store(tx, &run, &new)?;
        if new.iter().any(|tag| tag.key == run::NAME_TAG) {
            change::mark(tx, &run, change::Kind::Updated)?;
        }
        let after: Map<String, Json> = new
            .into_iter()
            .map(|tag| (tag.key, Json::from(tag.value)))
            .collect();
        Change::of(&run.object(), "tags_set")
            .before(Json::Object(before))
            .after(json!(after))
            .note(tx);
        Ok(true)
    })
}
