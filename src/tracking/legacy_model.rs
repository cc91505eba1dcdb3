//! Models as MLflow 1 and 2 logged them: descriptions gathered in one tag of the run.

use super::experiment::Pair;
use super::rule::{self, LongValues};
use super::{run, tag};
use crate::audit::note::Change;
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::error::{Error, Result};
use serde_json::{Map, Value as Json};

/// The tag that lists the models of a run, as a JSON array.
pub const HISTORY_TAG: &str = "mlflow.log-model.history";

/// Adds a model's description, without what only its files need, to the run's list.
pub fn record(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    run_uuid: &str,
    (model, long): (&Map<String, Json>, LongValues),
) -> Result<()> {
    let run = run::open(tx, ctx, run_uuid)?;
    let mut models: Vec<Json> = match tag::find(tx, &run, HISTORY_TAG)? {
        Some(text) => serde_json::from_str(&text).map_err(|error| {
            Error::invalid(format!(
                "The tag {HISTORY_TAG} of run {run_uuid} is no JSON list; delete it and log the \
                 model again."
            ))
            .with_cause(error)
        })?,
        None => Vec::new(),
    };
    models.push(Json::Object(described(model)));
    let text = Json::Array(models).to_string();
    let value =
        rule::fit("value", rule::MAX_TAG_VALUE, text, LongValues::Refuse).or_else(|error| {
            if long == LongValues::Refuse {
                Err(error)
            } else {
                Ok(String::new())
            }
        })?;
    if value.is_empty() {
        // Cut JSON could never be read again: the list stays as it is.
        return Ok(());
    }
    if run.is_over() {
        Change::of(&run.object(), "model_logged_late").note(tx);
    }
    tag::store(
        tx,
        &run,
        &[Pair {
            key: HISTORY_TAG.into(),
            value,
        }],
    )
}

/// Keeps what tells a model apart, and its flavors without their configuration.
fn described(model: &Map<String, Json>) -> Map<String, Json> {
    let kept = [
        "run_id",
        "utc_time_created",
        "artifact_path",
        "model_uuid",
        "flavors",
    ];
    let mut described = model.clone();
    described.retain(|key, _| kept.contains(&key.as_str()));
    if let Some(Json::Object(flavors)) = described.get_mut("flavors") {
        for flavor in flavors.values_mut().filter_map(Json::as_object_mut) {
            flavor.remove("config");
        }
    }
    described
}
