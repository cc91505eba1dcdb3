//! The wire of batches: metrics, params and tags of a run in one request.

use super::field::{Field, Message, missing, wrong_type};
use super::metric::MetricBody;
use super::pair::PairBody;
use super::run::{checked_param, checked_tags};
use crate::error::{Error, Result};
use crate::python;
use crate::tracking::batch::Batch;
use crate::tracking::experiment::Pair;
use crate::tracking::rule::{self, LongValues, Place};
use serde::Deserialize;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct LogBatch {
    #[serde(alias = "runId")]
    run_id: Field<String>,
    metrics: Field<Vec<Field<MetricBody>>>,
    params: Field<Vec<Field<PairBody>>>,
    tags: Field<Vec<Field<PairBody>>>,
}

impl Message for LogBatch {}

impl LogBatch {
    pub fn check(self, long: LongValues) -> Result<Batch> {
        let run_uuid = self.run_id.required("run_id")?;
        let metrics = entries(self.metrics, "metrics")?;
        for (index, metric) in metrics.iter().enumerate() {
            metric.check_fields(index)?;
        }
        let params = keyed_pairs(self.params, "params")?;
        let tags = keyed_pairs(self.tags, "tags")?;
        rule::check_run_id(&run_uuid)?;
        let counts = (metrics.len(), params.len(), tags.len());
        let metrics = metrics
            .into_iter()
            .enumerate()
            .map(|(index, metric)| metric.check_in_batch(index))
            .collect::<Result<Vec<_>>>()?;
        let params = params
            .into_iter()
            .enumerate()
            .map(|(index, param)| checked_param(param, Place::Entry("params", index), long))
            .collect::<Result<Vec<_>>>()?;
        let tags = checked_tags(tags, long)?;
        check_counts(counts)?;
        check_distinct(&params)?;
        Ok(Batch {
            run_uuid,
            metrics,
            params,
            tags,
        })
    }
}

fn entries<M: Message + Default>(list: Field<Vec<Field<M>>>, name: &str) -> Result<Vec<M>> {
    list.optional(name)?
        .unwrap_or_default()
        .into_iter()
        .enumerate()
        .map(|(index, entry)| match entry {
            Field::Given(entry) => Ok(entry),
            entry => Ok(entry
                .optional(&format!("{name}[{index}]"))?
                .unwrap_or_default()),
        })
        .collect()
}

fn keyed_pairs(list: Field<Vec<Field<PairBody>>>, name: &str) -> Result<Vec<Pair>> {
    let pairs = entries(list, name)?;
    let mut read = Vec::with_capacity(pairs.len());
    for (index, pair) in pairs.into_iter().enumerate() {
        let place = Place::Entry(name, index);
        let key = match pair.key {
            Field::Given(key) if !key.is_empty() => key,
            Field::Bad(value) => return Err(wrong_type(place.field("key"), &value)),
            _ => return Err(missing(place.field("key"))),
        };
        let value = match pair.value {
            Field::Given(value) => value,
            value => value
                .optional(&place.field("value").to_string())?
                .unwrap_or_default(),
        };
        read.push(Pair { key, value });
    }
    Ok(read)
}

fn check_counts((metrics, params, tags): (usize, usize, usize)) -> Result<()> {
    let checks = [
        ("metrics", rule::MAX_BATCH_METRICS, metrics),
        ("params", rule::MAX_BATCH_PARAMS, params),
        ("tags", rule::MAX_BATCH_PARAMS, tags),
        (
            "metrics, params, and tags",
            rule::MAX_BATCH_ENTITIES,
            metrics + params + tags,
        ),
    ];
    match checks.into_iter().find(|(_, limit, count)| count > limit) {
        None => Ok(()),
        Some((what, limit, count)) => Err(Error::invalid(format!(
            "A batch logging request can contain at most {limit} {what}. Got {count} {what}. \
             Please split up {what} across multiple requests and try again."
        ))),
    }
}

fn check_distinct(params: &[Pair]) -> Result<()> {
    let mut seen = std::collections::HashSet::new();
    let twice: Vec<&str> = params
        .iter()
        .map(|param| param.key.as_str())
        .filter(|key| !seen.insert(*key))
        .collect();
    if twice.is_empty() {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "Duplicate parameter keys have been submitted: {}. Please ensure the request contains \
         only one param value per param key.",
        python::repr_list(twice)
    )))
}
