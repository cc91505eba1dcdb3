//! A batch of params, metrics and tags: all of it is stored, or none.

use super::experiment::Pair;
use super::metric::{self, Metric};
use super::run::Run;
use super::{param, run, tag};
use crate::audit::note::Change;
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::error::Result;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;

/// A checked batch; the keys of `params` are distinct.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    pub run_uuid: String,
    pub metrics: Vec<Metric>,
    pub params: Vec<Pair>,
    pub tags: Vec<Pair>,
}

/// Logs a batch to an active run.
pub fn log(tx: &mut Tx<'_>, ctx: &Ctx, batch: &Batch) -> Result<()> {
    let run = run::open(tx, ctx, &batch.run_uuid)?;
    intern(tx, batch)?;
    if !batch.params.is_empty() {
        param::log_batch(tx, &run, &batch.params)?;
    }
    metric::append(tx, ctx, &run, &batch.metrics)?;
    if !batch.tags.is_empty() {
        tag::store(tx, &run, &batch.tags)?;
    }
    note_late(tx, &run, batch);
    Ok(())
}

/// Interns all keys of the batch together, as two writers might name theirs in another order.
fn intern(tx: &mut Tx<'_>, batch: &Batch) -> Result<()> {
    let pairs = batch.params.iter().chain(&batch.tags);
    let metrics = batch.metrics.iter().map(|metric| metric.key.as_str());
    let keys: Vec<&str> = metrics.chain(pairs.map(|pair| pair.key.as_str())).collect();
    tx.intern_keys(&keys)?;
    Ok(())
}

/// Tells the audit log what was logged to a run that was over already.
fn note_late(tx: &mut Tx<'_>, run: &Run, batch: &Batch) {
    if !run.is_over() {
        return;
    }
    let metrics: BTreeSet<&str> = batch.metrics.iter().map(|one| one.key.as_str()).collect();
    let logged = json!({
        "points": batch.metrics.len(),
        "metrics": metrics,
        "params": values(&batch.params),
        "tags": values(&batch.tags),
    });
    Change::of(&run.object(), "run_logged_late")
        .after(logged)
        .note(tx);
}

fn values(pairs: &[Pair]) -> Json {
    pairs
        .iter()
        .map(|pair| (pair.key.clone(), Json::from(pair.value.as_str())))
        .collect::<Map<_, _>>()
        .into()
}
