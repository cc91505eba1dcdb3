//! A batch of params, metrics and tags: all of it is stored, or none.

use super::experiment::Pair;
use super::metric::{self, Metric};
use super::{param, run, tag};
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::error::Result;

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
    if !batch.params.is_empty() {
        param::log_batch(tx, &run, &batch.params)?;
    }
    metric::append(tx, &run, &batch.metrics)?;
    if !batch.tags.is_empty() {
        tag::store(tx, &run, &batch.tags)?;
    }
    Ok(())
}
