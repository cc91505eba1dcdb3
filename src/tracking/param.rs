//! Params of runs: written once, and never changed.

use super::change;
use super::experiment::Pair;
use super::run::{self, Run};
use crate::audit::note;
use crate::ctx::Ctx;
use crate::db::{Insert, Tx, Value, placeholders};
use crate::error::{Error, Result};
use crate::python;
use std::collections::HashMap;

/// Logs one param of an active run.
pub fn log(tx: &mut Tx<'_>, ctx: &Ctx, run_uuid: &str, param: &Pair) -> Result<()> {
    let run = run::open(tx, ctx, run_uuid)?;
    let Some(change) = store(tx, &run, std::slice::from_ref(param))?.pop() else {
        if run.is_over() {
            note::Change::of(&run.object(), "param_logged_late")
                .key(&*param.key)
                .after(param.value.as_str())
                .note(tx);
        }
        return Ok(());
    };
    Err(Error::invalid(format!(
        "Changing param values is not allowed. Param with key='{}' was already logged with \
         value='{}' for run ID='{run_uuid}'. Attempted logging new value '{}'.",
        change.key, change.old, change.new
    )))
}

/// Logs the params of a batch, whose keys are distinct.
pub fn log_batch(tx: &mut Tx<'_>, run: &Run, params: &[Pair]) -> Result<()> {
    let changes = store(tx, run, params)?;
    if changes.is_empty() {
        return Ok(());
    }
    let listed: Vec<_> = changes
        .iter()
        .map(|change| {
            format!(
                "{{'key': {}, 'old_value': {}, 'new_value': {}}}",
                python::repr(&change.key),
                python::repr(&change.old),
                python::repr(&change.new)
            )
        })
        .collect();
    Err(Error::invalid(format!(
        "Changing param values is not allowed. Params were already logged='[{}]' for run ID='{}'.",
        listed.join(", "),
        run.uuid
    )))
}

struct Change {
    key: String,
    old: String,
    new: String,
}

/// Stores what is new and gives the params that are there with another value.
fn store(tx: &mut Tx<'_>, run: &Run, params: &[Pair]) -> Result<Vec<Change>> {
    let keys: Vec<&str> = params.iter().map(|param| param.key.as_str()).collect();
    let given: Vec<(i64, &Pair)> = tx.intern_keys(&keys)?.into_iter().zip(params).collect();
    let mut rows = given.clone();
    rows.sort_by_key(|(key_id, _)| *key_id);
    let insert = Insert {
        table: "params",
        columns: &["run_id", "key_id", "experiment_id", "value"],
        conflict: "on conflict (run_id, key_id) do nothing",
    };
    let inserted = tx.insert_many(
        &insert,
        rows.iter().map(|(key_id, param)| {
            [
                Value::Int(run.id),
                Value::Int(*key_id),
                Value::Int(run.experiment_id),
                Value::from(&param.value),
            ]
        }),
    )?;
    if inserted > 0 {
        change::mark(tx, run, change::Kind::Params)?;
    }
    if inserted == rows.len() as u64 {
        return Ok(Vec::new());
    }
    let stored = stored_values(tx, run, &rows)?;
    Ok(given
        .into_iter()
        .filter_map(|(key_id, param)| {
            let old = stored.get(&key_id)?;
            (*old != param.value).then(|| Change {
                key: param.key.clone(),
                old: old.clone(),
                new: param.value.clone(),
            })
        })
        .collect())
}

fn stored_values(
    tx: &mut Tx<'_>,
    run: &Run,
    rows: &[(i64, &Pair)],
) -> Result<HashMap<i64, String>> {
    let sql = format!(
        "select key_id, value from params where run_id = $1 and key_id in ({}) order by key_id",
        placeholders(2, rows.len())
    );
    let mut values = vec![Value::Int(run.id)];
    values.extend(rows.iter().map(|(key_id, _)| Value::Int(*key_id)));
    let stored = tx.query(&sql, &values, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(stored.into_iter().collect())
}
