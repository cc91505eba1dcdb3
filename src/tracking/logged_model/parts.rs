//! What belongs to a logged model: its params, tags and metrics.

use super::{Deleted, LoggedModel, ModelMetric, find, object, open};
use crate::audit::note::Change;
use crate::db::{Insert, Row, Tx, Value, placeholders};
use crate::error::{Error, Result};
use crate::tracking::experiment::Pair;
use crate::tracking::metric::Metric;
use crate::tracking::run::Run;
use crate::tracking::series::Point;
use crate::{params, python};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The tag that lists the registered versions of a logged model, as JSON.
const VERSIONS_TAG: &str = "mlflow.modelVersions";

/// Tells the audit log which pairs a logged model was given.
fn note_pairs(tx: &mut Tx<'_>, uuid: &str, change: &'static str, pairs: &[Pair]) {
    for pair in pairs {
        Change::of(&object(uuid), change)
            .key(&*pair.key)
            .after(pair.value.as_str())
            .note(tx);
    }
}

/// Adds params to a model; one that is there with another value is refused.
pub fn log_params(tx: &mut Tx<'_>, uuid: &str, params: &[Pair]) -> Result<()> {
    let id = open(tx, uuid)?;
    note_pairs(tx, uuid, "logged_model_param_set", params);
    add_params(tx, id, params)
}

pub(super) fn add_params(tx: &mut Tx<'_>, id: i64, params: &[Pair]) -> Result<()> {
    let sorted: BTreeMap<&str, &str> = params
        .iter()
        .map(|param| (param.key.as_str(), param.value.as_str()))
        .collect();
    for param in params {
        if sorted.get(param.key.as_str()) != Some(&param.value.as_str()) {
            return Err(changed_param(&param.key));
        }
    }
    let insert = Insert {
        table: "logged_model_params",
        columns: &["model_id", "key", "value"],
        conflict: "on conflict (model_id, key) do update set value = excluded.value
             where logged_model_params.value = excluded.value",
    };
    for (key, value) in sorted {
        let row = [Value::Int(id), Value::from(key), Value::from(value)];
        if tx.insert_many(&insert, [row])? == 0 {
            return Err(changed_param(key));
        }
    }
    Ok(())
}

fn changed_param(key: &str) -> Error {
    Error::invalid(format!(
        "Changing param values is not allowed. Param with key='{key}' was already logged with \
         another value for this logged model."
    ))
}

/// Sets tags of a model; with one key twice, the last value wins.
pub fn set_tags(tx: &mut Tx<'_>, uuid: &str, tags: &[Pair]) -> Result<()> {
    let id = open(tx, uuid)?;
    note_pairs(tx, uuid, "logged_model_tag_set", tags);
    store_tags(tx, id, tags)
}

/// Adds a registered version of the model to the list in its tag `mlflow.modelVersions`.
///
/// A version that the list has already takes the place of the whole list, as in MLflow, and so
/// does one whose list cannot be read.
pub fn add_registration(tx: &mut Tx<'_>, uuid: &str, (name, version): (&str, i64)) -> Result<()> {
    open(tx, uuid)?;
    let model = find(tx, uuid, Deleted::Refused)?;
    let added = serde_json::json!({ "name": name, "version": version });
    let listed = model
        .tags
        .iter()
        .find(|tag| tag.key == VERSIONS_TAG)
        .and_then(|tag| serde_json::from_str::<Vec<Json>>(&tag.value).ok());
    let mut versions = listed
        .filter(|listed| !listed.contains(&added))
        .unwrap_or_default();
    versions.push(added);
    let tag = Pair {
        key: VERSIONS_TAG.to_owned(),
        value: python::json_with_spaces(&Json::Array(versions)),
    };
    store_tags(tx, model.id, &[tag])
}

pub(super) fn store_tags(tx: &mut Tx<'_>, id: i64, tags: &[Pair]) -> Result<()> {
    let sorted: BTreeMap<&str, &str> = tags
        .iter()
        .map(|tag| (tag.key.as_str(), tag.value.as_str()))
        .collect();
    let insert = Insert {
        table: "logged_model_tags",
        columns: &["model_id", "key", "value"],
        conflict: "on conflict (model_id, key) do update set value = excluded.value",
    };
    tx.send_many(
        &insert,
        sorted
            .into_iter()
            .map(|(key, value)| [Value::Int(id), Value::from(key), Value::from(value)]),
    )?;
    Ok(())
}

/// Deletes a tag of a model; an unknown tag is a 404.
pub fn delete_tag(tx: &mut Tx<'_>, uuid: &str, key: &str) -> Result<()> {
    let id = open(tx, uuid)?;
    let deleted = tx.execute(
        "delete from logged_model_tags where model_id = $1 and key = $2",
        params![id, key],
    )?;
    if deleted == 0 {
        return Err(Error::not_found(format!(
            "No tag with key {} found for model with ID {}.",
            python::repr(key),
            python::repr(uuid)
        )));
    }
    Change::of(&object(uuid), "logged_model_tag_deleted")
        .key(key)
        .note(tx);
    Ok(())
}

/// Keeps the metrics of a batch that belong to logged models, too.
pub fn append_metrics(tx: &mut Tx<'_>, run: &Run, metrics: &[Metric]) -> Result<()> {
    let links = metrics.iter().filter_map(|metric| metric.model.as_ref());
    let uuids: BTreeSet<&str> = links.map(|link| link.model_uuid.as_str()).collect();
    let mut ids: BTreeMap<&str, i64> = BTreeMap::new();
    for uuid in uuids {
        ids.insert(uuid, open(tx, uuid)?);
    }
    let insert = Insert {
        table: "logged_model_metrics",
        columns: &[
            "model_id",
            "key",
            "timestamp",
            "step",
            "run_uuid",
            "value",
            "is_nan",
            "dataset_name",
            "dataset_digest",
        ],
        conflict: "on conflict do nothing",
    };
    tx.send_many(
        &insert,
        metrics.iter().filter_map(|metric| {
            let link = metric.model.as_ref()?;
            Some([
                Value::Int(*ids.get(link.model_uuid.as_str())?),
                Value::from(&metric.key),
                Value::Int(metric.point.timestamp),
                Value::Int(metric.point.step),
                Value::from(&run.uuid),
                Value::Real(metric.point.value),
                Value::Bool(metric.point.is_nan),
                Value::from(link.dataset_name.as_ref()),
                Value::from(link.dataset_digest.as_ref()),
            ])
        }),
    )?;
    Ok(())
}

/// Adds params, tags and metrics to models of one page.
pub fn load(tx: &mut Tx<'_>, mut models: Vec<LoggedModel>) -> Result<Vec<LoggedModel>> {
    for chunk in models.chunks_mut(500) {
        let ids: Vec<Value<'_>> = chunk.iter().map(|model| Value::Int(model.id)).collect();
        let list = placeholders(1, ids.len());
        let index: HashMap<i64, usize> = chunk
            .iter()
            .enumerate()
            .map(|(index, model)| (model.id, index))
            .collect();
        let mut each =
            |sql: &str, add: &mut dyn FnMut(&mut LoggedModel, &Row<'_>) -> Result<()>| {
                tx.query(&sql.replace("{models}", &list), &ids, |row| {
                    match index
                        .get(&row.get(0)?)
                        .and_then(|index| chunk.get_mut(*index))
                    {
                        Some(model) => add(model, row),
                        None => Ok(()),
                    }
                })
            };
        each(
            "select model_id, key, value from logged_model_params
             where model_id in ({models}) order by model_id, key",
            &mut |model, row| {
                model.params.push(Pair {
                    key: row.get(1)?,
                    value: row.get(2)?,
                });
                Ok(())
            },
        )?;
        each(
            "select model_id, key, value from logged_model_tags
             where model_id in ({models}) order by model_id, key",
            &mut |model, row| {
                model.tags.push(Pair {
                    key: row.get(1)?,
                    value: row.get(2)?,
                });
                Ok(())
            },
        )?;
        each(
            "select model_id, key, timestamp, step, run_uuid, value, is_nan, dataset_name,
                 dataset_digest
             from logged_model_metrics
             where model_id in ({models}) order by model_id, key, timestamp, step, run_uuid",
            &mut |model, row| {
                model.metrics.push(metric_from_row(row)?);
                Ok(())
            },
        )?;
    }
    Ok(models)
}

fn metric_from_row(row: &Row<'_>) -> Result<ModelMetric> {
    Ok(ModelMetric {
        key: row.get(1)?,
        point: Point {
            timestamp: row.get(2)?,
            step: row.get(3)?,
            value: row.get(5)?,
            is_nan: row.get(6)?,
        },
        run_uuid: row.get(4)?,
        dataset_name: row.get(7)?,
        dataset_digest: row.get(8)?,
    })
}
