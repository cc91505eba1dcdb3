//! The wire of runs: their life, params, tags and batches.

use super::experiment::lifecycles;
use super::field::{Field, Message, texts, wrong_type};
use super::metric::MetricReply;
use super::pair::{PairBody, PairReply, check_distinct_tags, checked_pairs, pairs};
use crate::error::{Error, Result};
use crate::python;
use crate::tracking::assemble::FullRun;
use crate::tracking::experiment::Pair;
use crate::tracking::rule::{self, KeyOf, LongValues, Place};
use crate::tracking::run::{NewRun, Run, Status, Update};
use crate::tracking::search::Search;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct CreateRun {
    #[serde(alias = "experimentId")]
    experiment_id: Field<String>,
    #[serde(alias = "userId")]
    user_id: Field<String>,
    #[serde(alias = "runName")]
    run_name: Field<String>,
    #[serde(alias = "startTime")]
    start_time: Field<i64>,
    tags: Field<Vec<Field<PairBody>>>,
}

impl Message for CreateRun {}

impl CreateRun {
    pub fn check(self, long: LongValues) -> Result<NewRun> {
        let experiment_id = self.experiment_id.required("experiment_id")?;
        let start_time = whole(self.start_time, "start_time")?.unwrap_or(0);
        let name = self.run_name.optional("run_name")?.unwrap_or_default();
        let tags = first_tags(checked_pairs(self.tags, "tags")?, long)?;
        Ok(NewRun {
            experiment_id: rule::experiment_id(&experiment_id)?,
            user_id: self.user_id.lenient().unwrap_or_default(),
            start_time,
            name,
            tags,
        })
    }
}

/// Checks the tags that a run is created with: their keys may hold any characters, unlike later.
fn first_tags(tags: Vec<Pair>, long: LongValues) -> Result<Vec<Pair>> {
    check_distinct_tags(&tags)?;
    tags.into_iter()
        .map(|tag| {
            rule::check_length("key", rule::MAX_KEY, &tag.key)?;
            let value = rule::fit("value", rule::MAX_TAG_VALUE, tag.value, long)?;
            Ok(Pair {
                value,
                key: tag.key,
            })
        })
        .collect()
}

/// Reads a time; a number with a fraction counts as none, as MLflow reads it.
fn whole(field: Field<i64>, name: &str) -> Result<Option<i64>> {
    match field {
        Field::Bad(value) if value.is_number() || value.is_boolean() => Ok(None),
        field => field.optional(name),
    }
}

pub(super) fn checked_tags(tags: Vec<Pair>, long: LongValues) -> Result<Vec<Pair>> {
    tags.into_iter()
        .enumerate()
        .map(|(index, tag)| checked_tag(tag, Place::Entry("tags", index), long))
        .collect()
}

fn checked_tag(tag: Pair, place: Place<'_>, long: LongValues) -> Result<Pair> {
    rule::check_key(KeyOf::Tag, &tag.key, place)?;
    let what = place.field("value");
    Ok(Pair {
        value: rule::fit(what, rule::MAX_TAG_VALUE, tag.value, long)?,
        key: tag.key,
    })
}

pub(super) fn checked_param(param: Pair, place: Place<'_>, long: LongValues) -> Result<Pair> {
    rule::check_key(KeyOf::Param, &param.key, place)?;
    let value = rule::fit("Param value", rule::MAX_PARAM_VALUE, param.value, long)?;
    Ok(Pair {
        value,
        key: param.key,
    })
}

/// A request that names a run and nothing else.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RunById {
    #[serde(alias = "runId")]
    run_id: Field<String>,
    #[serde(alias = "runUuid")]
    run_uuid: Field<String>,
}

impl Message for RunById {}

impl RunById {
    pub fn check(self) -> Result<String> {
        self.run_id.or(self.run_uuid).required("run_id")
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct UpdateRun {
    #[serde(alias = "runId")]
    run_id: Field<String>,
    #[serde(alias = "runUuid")]
    run_uuid: Field<String>,
    status: Field<Json>,
    #[serde(alias = "endTime")]
    end_time: Field<i64>,
    #[serde(alias = "runName")]
    run_name: Field<String>,
}

impl Message for UpdateRun {}

/// Reads a status that is no name.
fn numbered(status: &Json) -> Result<Status> {
    let known = status.as_i64().and_then(Status::from_number);
    known.ok_or_else(|| wrong_type("status", status))
}

impl UpdateRun {
    /// Gives the run and what changes; a status that MLflow does not know changes nothing.
    pub fn check(self) -> Result<(String, Update)> {
        let run = self.run_id.or(self.run_uuid).required("run_id")?;
        let end_time = whole(self.end_time, "end_time")?;
        let name = self.run_name.optional("run_name")?;
        if let Some(name) = &name {
            rule::check_length("run_name", rule::MAX_TAG_VALUE, name)?;
        }
        let status = match self.status {
            Field::Absent => None,
            Field::Given(Json::String(name)) => Status::from_name(&name),
            Field::Given(value) => Some(numbered(&value)?),
            Field::Bad(value) => Some(numbered(&value)?),
        };
        Ok((
            run,
            Update {
                status,
                end_time,
                name,
            },
        ))
    }
}

/// A run with a key and a value: a param, or a tag.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RunPair {
    #[serde(alias = "runId")]
    run_id: Field<String>,
    #[serde(alias = "runUuid")]
    run_uuid: Field<String>,
    key: Field<String>,
    value: Field<String>,
}

impl Message for RunPair {}

impl RunPair {
    /// Reads a tag of a run.
    pub fn check_tag(self, long: LongValues) -> Result<(String, Pair)> {
        let (run, pair) = self.check()?;
        Ok((run, checked_tag(pair, Place::Top, long)?))
    }

    /// Reads a param of a run.
    pub fn check_param(self, long: LongValues) -> Result<(String, Pair)> {
        let (run, pair) = self.check()?;
        Ok((run, checked_param(pair, Place::Top, long)?))
    }

    /// Reads a run and a key.
    pub fn check_key(self) -> Result<(String, String)> {
        let (run, pair) = self.check()?;
        Ok((run, pair.key))
    }

    fn check(self) -> Result<(String, Pair)> {
        let run = self.run_id.or(self.run_uuid).required("run_id")?;
        let key = self.key.required("key")?;
        let value = self.value.optional("value")?.unwrap_or_default();
        Ok((run, Pair { key, value }))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct SearchRuns {
    #[serde(alias = "experimentIds")]
    experiment_ids: Field<Vec<Field<String>>>,
    filter: Field<String>,
    #[serde(alias = "runViewType")]
    run_view_type: Field<Json>,
    #[serde(alias = "maxResults")]
    max_results: Field<i64>,
    #[serde(alias = "orderBy")]
    order_by: Field<Vec<Field<String>>>,
    #[serde(alias = "pageToken")]
    page_token: Field<String>,
}

impl Message for SearchRuns {
    const LISTS: &'static [&'static str] = &["experiment_ids", "order_by"];
}

impl SearchRuns {
    /// Gives the experiments to search and the search.
    pub fn check(self) -> Result<(Vec<i64>, Search)> {
        let experiment_ids = texts(self.experiment_ids, "experiment_ids")?;
        let filter = self.filter.optional("filter")?.unwrap_or_default();
        let max_results = self.max_results.optional("max_results")?.unwrap_or(1000);
        if max_results > rule::MAX_RESULTS {
            return Err(wrong_type("max_results", &max_results.into()));
        }
        let order_by = texts(self.order_by, "order_by")?;
        let page_token = self.page_token.lenient().filter(|token| !token.is_empty());
        rule::check_max_results(max_results)?;
        let experiment_ids = experiment_ids
            .iter()
            .map(|id| rule::experiment_id(id))
            .collect::<Result<_>>()?;
        let search = Search {
            filter,
            order_by,
            lifecycles: lifecycles(self.run_view_type),
            max_results: max_results as usize,
            page_token,
        };
        Ok((experiment_ids, search))
    }
}

#[derive(Serialize)]
pub struct RunInfoReply {
    run_uuid: String,
    experiment_id: String,
    run_name: String,
    user_id: String,
    status: &'static str,
    start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<i64>,
    artifact_uri: String,
    lifecycle_stage: &'static str,
    run_id: String,
}

impl From<Run> for RunInfoReply {
    fn from(run: Run) -> Self {
        Self {
            run_uuid: run.uuid.clone(),
            experiment_id: run.experiment_id.to_string(),
            run_name: run.name,
            user_id: run.user_id,
            status: run.status.name(),
            start_time: run.start_time,
            end_time: run.end_time,
            artifact_uri: run.artifact_uri,
            lifecycle_stage: run.lifecycle.name(),
            run_id: run.uuid,
        }
    }
}

#[derive(Serialize, Default)]
struct RunDataReply {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<MetricReply>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    params: Vec<PairReply>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<PairReply>,
}

#[derive(Serialize)]
pub struct RunReply {
    info: RunInfoReply,
    data: RunDataReply,
    inputs: super::dataset::RunInputs,
    #[serde(skip_serializing_if = "Option::is_none")]
    outputs: Option<super::dataset::RunOutputs>,
}

impl RunReply {
    /// A run that was just created, with the tags it was given.
    pub fn created(run: Run, tags: Vec<Pair>) -> Self {
        Self {
            info: run.into(),
            data: RunDataReply {
                tags: pairs(tags),
                ..RunDataReply::default()
            },
            inputs: super::dataset::RunInputs::default(),
            outputs: None,
        }
    }

    /// A run as `runs/get` shows it.
    pub fn whole(full: FullRun) -> Self {
        let data = full.data;
        Self {
            info: full.run.into(),
            data: RunDataReply {
                metrics: data
                    .metrics
                    .into_iter()
                    .map(|(key, point)| MetricReply::of(key, point))
                    .collect(),
                params: pairs(data.params),
                tags: pairs(data.tags),
            },
            inputs: super::dataset::RunInputs::new(data.datasets, data.model_inputs),
            outputs: Some(super::dataset::RunOutputs::new(data.model_outputs)),
        }
    }

    /// A run as a search shows it: without the models it read.
    pub fn found(mut full: FullRun) -> Self {
        full.data.model_inputs.clear();
        Self::whole(full)
    }
}

#[derive(Serialize)]
pub struct OneRun {
    pub run: RunReply,
}

#[derive(Serialize)]
pub struct UpdatedRun {
    pub run_info: RunInfoReply,
}

#[derive(Serialize)]
pub struct RunPage {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub runs: Vec<RunReply>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// The old form of logging a model: its description as JSON text.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct LogModel {
    #[serde(alias = "runId")]
    run_id: Field<String>,
    #[serde(alias = "modelJson")]
    model_json: Field<String>,
}

impl Message for LogModel {}

impl LogModel {
    /// Gives the run and the description.
    pub fn check(self) -> Result<(String, serde_json::Map<String, Json>)> {
        let run = self.run_id.required("run_id")?;
        let text = self.model_json.required("model_json")?;
        let Ok(Json::Object(model)) = serde_json::from_str(&text) else {
            return Err(Error::invalid(format!(
                "Malformed model info. \n {text} \n is not a valid JSON."
            )));
        };
        let needed = ["artifact_path", "flavors", "run_id", "utc_time_created"];
        let lacking: Vec<_> = needed
            .into_iter()
            .filter(|field| !model.contains_key(*field))
            .map(python::repr)
            .collect();
        if lacking.is_empty() {
            return Ok((run, model));
        }
        Err(Error::invalid(format!(
            "Model json is missing mandatory fields: {{{}}}",
            lacking.join(", ")
        )))
    }
}
