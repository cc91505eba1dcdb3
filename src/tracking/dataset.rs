//! Datasets that runs read, and the logged models that runs read and made.

use super::change;
use super::run::{self, Run};
use super::{experiment::Pair, rule};
use crate::audit::note::Change;
use crate::ctx::Ctx;
use crate::db::{Insert, Tx, Value};
use crate::error::{Error, Result};
use crate::params;
use serde_json::json;
use std::collections::{BTreeMap, HashMap, HashSet};

/// The input tag that says what a dataset was used for, such as `training`.
pub const CONTEXT_TAG: &str = "mlflow.data.context";
/// Datasets of one answer to a dataset search.
const MAX_SUMMARIES: i64 = 1000;

/// A dataset as a client describes it; name and digest identify it in its experiment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dataset {
    pub name: String,
    pub digest: String,
    pub source_type: String,
    pub source: String,
    pub schema: Option<String>,
    pub profile: Option<String>,
}

/// A dataset that a run read, with the tags of that reading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetInput {
    pub dataset: Dataset,
    pub tags: Vec<Pair>,
}

/// A logged model that a run made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelOutput {
    pub model_uuid: String,
    pub step: i64,
}

/// A dataset of an experiment and one use of it.
#[derive(Debug, Clone)]
pub struct Summary {
    pub experiment_id: i64,
    pub name: String,
    pub digest: String,
    pub context: Option<String>,
}

/// A checked request to note what a run read.
#[derive(Debug, Clone)]
pub struct Inputs {
    pub run_uuid: String,
    pub datasets: Vec<DatasetInput>,
    pub model_uuids: Vec<String>,
}

/// Notes inputs of an active run; a dataset that the run already has keeps its tags.
pub fn log_inputs(tx: &mut Tx<'_>, ctx: &Ctx, inputs: &Inputs) -> Result<()> {
    rule::check_run_id(&inputs.run_uuid)?;
    let run = run::open(tx, ctx, &inputs.run_uuid)?;
    let mut seen = HashSet::new();
    let mut distinct: Vec<&DatasetInput> = inputs
        .datasets
        .iter()
        .filter(|input| seen.insert((&input.dataset.name, &input.dataset.digest)))
        .collect();
    // The rows of an experiment's datasets are taken in one order by every writer.
    let order: Vec<(&String, &String)> = distinct
        .iter()
        .map(|input| (&input.dataset.name, &input.dataset.digest))
        .collect();
    distinct.sort_by_key(|input| (&input.dataset.name, &input.dataset.digest));
    let next = next_number(tx, &run)?;
    for input in distinct {
        let name = (&input.dataset.name, &input.dataset.digest);
        let number = order
            .iter()
            .position(|other| *other == name)
            .unwrap_or_default();
        add_input(tx, &run, input, next + number as i64)?;
    }
    let insert = Insert {
        table: "run_model_inputs",
        columns: &["run_id", "model_uuid"],
        conflict: "on conflict do nothing",
    };
    let mut model_uuids: Vec<&String> = inputs.model_uuids.iter().collect();
    model_uuids.sort();
    tx.send_many(
        &insert,
        model_uuids
            .into_iter()
            .map(|uuid| [Value::Int(run.id), Value::from(uuid)]),
    )?;
    let named = inputs.datasets.iter().map(|input| &input.dataset);
    let logged = json!({
        "datasets": named
            .map(|dataset| json!({ "name": dataset.name, "digest": dataset.digest }))
            .collect::<Vec<_>>(),
        "models": inputs.model_uuids,
    });
    change::mark(tx, &run, change::Kind::Inputs)?;
    Change::of(&run.object(), "run_inputs_logged")
        .after(logged)
        .note(tx);
    Ok(())
}

/// Gives the place in a run's order that the next dataset takes.
fn next_number(tx: &mut Tx<'_>, run: &Run) -> Result<i64> {
    tx.query_one(
        "select coalesce(max(number), -1) + 1 from run_datasets where run_id = $1",
        params![run.id],
        |row| row.get(0),
    )
}

fn add_input(tx: &mut Tx<'_>, run: &Run, input: &DatasetInput, number: i64) -> Result<()> {
    let dataset_id = store(tx, run.experiment_id, &input.dataset)?;
    let added = tx.execute(
        "insert into run_datasets (run_id, dataset_id, number) values ($1, $2, $3)
         on conflict do nothing",
        params![run.id, dataset_id, number],
    )?;
    if added == 0 {
        return Ok(());
    }
    // With one key twice, the last value.
    let tags: BTreeMap<&str, &str> = input
        .tags
        .iter()
        .map(|tag| (tag.key.as_str(), tag.value.as_str()))
        .collect();
    let insert = Insert {
        table: "run_dataset_tags",
        columns: &["run_id", "dataset_id", "key", "value"],
        conflict: "on conflict (run_id, dataset_id, key) do update set value = excluded.value",
    };
    tx.send_many(
        &insert,
        tags.into_iter().map(|(key, value)| {
            [
                Value::Int(run.id),
                Value::Int(dataset_id),
                Value::from(key),
                Value::from(value),
            ]
        }),
    )?;
    Ok(())
}

fn store(tx: &mut Tx<'_>, experiment_id: i64, dataset: &Dataset) -> Result<i64> {
    tx.send(
        "insert into datasets (experiment_id, name, digest, source_type, source, schema, profile)
         values ($1, $2, $3, $4, $5, $6, $7) on conflict (experiment_id, name, digest) do nothing",
        params![
            experiment_id,
            &dataset.name,
            &dataset.digest,
            &dataset.source_type,
            &dataset.source,
            dataset.schema.as_ref(),
            dataset.profile.as_ref(),
        ],
    )?;
    tx.query_one(
        "select id from datasets where experiment_id = $1 and name = $2 and digest = $3",
        params![experiment_id, &dataset.name, &dataset.digest],
        |row| row.get(0),
    )
}

/// Notes logged models that an active run made; a model named again keeps its place and takes the
/// new step.
pub fn log_outputs(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    run_uuid: &str,
    outputs: &[ModelOutput],
) -> Result<()> {
    let run = run::open(tx, ctx, run_uuid)?;
    let insert = Insert {
        table: "run_model_outputs",
        columns: &["run_id", "model_uuid", "step"],
        conflict: "on conflict (run_id, model_uuid) do update set step = excluded.step",
    };
    // Models are numbered as they are first named; one that is named twice takes the last step.
    let steps: HashMap<&str, i64> = outputs
        .iter()
        .map(|output| (output.model_uuid.as_str(), output.step))
        .collect();
    let mut seen = HashSet::new();
    let distinct = outputs
        .iter()
        .map(|output| output.model_uuid.as_str())
        .filter(|uuid| seen.insert(*uuid));
    tx.send_many(
        &insert,
        distinct.map(|uuid| {
            [
                Value::Int(run.id),
                Value::from(uuid),
                Value::Int(steps.get(uuid).copied().unwrap_or_default()),
            ]
        }),
    )?;
    let models: Vec<&String> = outputs.iter().map(|output| &output.model_uuid).collect();
    change::mark(tx, &run, change::Kind::Inputs)?;
    Change::of(&run.object(), "run_outputs_logged")
        .after(json!({ "models": models }))
        .note(tx);
    Ok(())
}

/// Lists the datasets that runs of active experiments read, one entry for each use.
pub fn summaries(tx: &mut Tx<'_>, experiment_ids: &[i64]) -> Result<Vec<Summary>> {
    if experiment_ids.is_empty() {
        return Err(Error::invalid(
            "SearchDatasets request must specify at least one experiment_id.",
        ));
    }
    let sql = format!(
        "select distinct d.experiment_id, d.name, d.digest, t.value
         from datasets d
         join run_datasets i on i.dataset_id = d.id
         left join run_dataset_tags t
             on t.run_id = i.run_id and t.dataset_id = d.id and t.key = $1
         where d.experiment_id in ({})
         order by d.experiment_id, d.name, d.digest, t.value limit {MAX_SUMMARIES}",
        crate::db::placeholders(2, experiment_ids.len())
    );
    let mut values = vec![Value::from(CONTEXT_TAG)];
    values.extend(experiment_ids.iter().map(|id| Value::Int(*id)));
    tx.query(&sql, &values, |row| {
        Ok(Summary {
            experiment_id: row.get(0)?,
            name: row.get(1)?,
            digest: row.get(2)?,
            context: row.get(3)?,
        })
    })
}
