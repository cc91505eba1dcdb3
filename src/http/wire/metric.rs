//! The wire of metrics: points that come in, histories that go out.

use super::field::{Field, Message, missing, wrong_type};
use crate::error::{Error, Result};
use crate::python;
use crate::tracking::history::{MAX_RUNS, MAX_SAMPLE};
use crate::tracking::metric::{Metric, ModelLink};
use crate::tracking::rule::{self, FieldAt, KeyOf, Place};
use crate::tracking::series::Point;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use std::sync::Arc;

/// A metric of a request, alone or in a batch.
#[derive(Deserialize, Default, Debug, Clone)]
#[serde(default)]
pub struct MetricBody {
    pub key: Field<String>,
    pub value: Field<f64>,
    pub timestamp: Field<i64>,
    pub step: Field<i64>,
    #[serde(alias = "modelId")]
    pub model_id: Field<String>,
    #[serde(alias = "datasetName")]
    pub dataset_name: Field<String>,
    #[serde(alias = "datasetDigest")]
    pub dataset_digest: Field<String>,
}

impl Message for MetricBody {}

impl MetricBody {
    /// Checks a metric that stands alone.
    pub fn check_alone(self) -> Result<Metric> {
        let key = self.key.required("key")?;
        let value = self.value.required("value")?;
        let timestamp = self.timestamp.required("timestamp")?;
        let step = self.step.optional("step")?.unwrap_or(0);
        let model = link(
            self.model_id.optional("model_id")?,
            self.dataset_name.optional("dataset_name")?,
            self.dataset_digest.optional("dataset_digest")?,
        );
        check_dataset(model.as_deref())?;
        check_point(&key, value, timestamp, Place::Top)?;
        Ok(Metric {
            key,
            point: Point::new(timestamp, step, value),
            model,
        })
    }

    /// Checks entry `index` of a batch; `check_fields` has seen it.
    pub fn check_in_batch(self, index: usize) -> Result<Metric> {
        let key = self.key.lenient().unwrap_or_default();
        let (Some(value), Some(timestamp)) = (self.value.lenient(), self.timestamp.lenient())
        else {
            return Err(missing(Place::Entry("metrics", index).field("value")));
        };
        let step = self.step.lenient().unwrap_or(0);
        check_point(&key, value, timestamp, Place::Entry("metrics", index))?;
        let model = link(
            self.model_id.lenient(),
            self.dataset_name.lenient(),
            self.dataset_digest.lenient(),
        );
        check_dataset(model.as_deref())?;
        Ok(Metric {
            key,
            point: Point::new(timestamp, step, value),
            model,
        })
    }

    /// Checks that entry `index` of a batch has its fields, and of the right types.
    pub fn check_fields(&self, index: usize) -> Result<()> {
        let place = Place::Entry("metrics", index);
        check_present(&self.key, place.field("key"))?;
        check_present(&self.value, place.field("value"))?;
        check_present(&self.timestamp, place.field("timestamp"))?;
        if let Field::Bad(value) = &self.step {
            return Err(wrong_type(place.field("step"), value));
        }
        Ok(())
    }
}

fn check_present<T: super::field::FieldValue>(field: &Field<T>, path: FieldAt<'_>) -> Result<()> {
    match field {
        Field::Given(value) if !value.is_blank() => Ok(()),
        Field::Bad(value) if **value == "" => Err(missing(path)),
        Field::Bad(value) => Err(wrong_type(path, value)),
        Field::Given(_) | Field::Absent => Err(missing(path)),
    }
}

fn link(
    model_id: Option<String>,
    dataset_name: Option<String>,
    dataset_digest: Option<String>,
) -> Option<Box<ModelLink>> {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    given(model_id).map(|model_uuid| {
        Box::new(ModelLink {
            model_uuid,
            dataset_name: given(dataset_name),
            dataset_digest: given(dataset_digest),
        })
    })
}

fn check_dataset(link: Option<&ModelLink>) -> Result<()> {
    match link.map(|link| (&link.dataset_name, &link.dataset_digest)) {
        Some((Some(_), None) | (None, Some(_))) => Err(Error::invalid(
            "Both dataset_name and dataset_digest must be provided if one is provided",
        )),
        _ => Ok(()),
    }
}

fn check_point(key: &str, value: f64, timestamp: i64, place: Place<'_>) -> Result<()> {
    rule::check_name(key, place.field("name"))?;
    if timestamp < 0 {
        let reason = format!(
            "metric '{key}' (value={}). Timestamp must be a nonnegative long (64-bit integer) ",
            python::float(value)
        );
        return Err(rule::invalid_value(
            place.field("timestamp"),
            &timestamp.into(),
            &reason,
        ));
    }
    rule::check_key(KeyOf::Metric, key, place)
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct LogMetric {
    #[serde(alias = "runId")]
    run_id: Field<String>,
    #[serde(alias = "runUuid")]
    run_uuid: Field<String>,
    #[serde(flatten)]
    metric: MetricBody,
}

impl Message for LogMetric {}

impl LogMetric {
    /// Gives the run and the metric.
    pub fn check(self) -> Result<(String, Metric)> {
        let run = self.run_id.or(self.run_uuid).required("run_id")?;
        Ok((run, self.metric.check_alone()?))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetHistory {
    #[serde(alias = "runId")]
    run_id: Field<String>,
    #[serde(alias = "runUuid")]
    run_uuid: Field<String>,
    #[serde(alias = "metricKey")]
    metric_key: Field<String>,
    #[serde(alias = "pageToken")]
    page_token: Field<String>,
    #[serde(alias = "maxResults")]
    max_results: Field<i64>,
}

impl Message for GetHistory {}

/// A checked request for one page of a history.
pub struct HistoryPage {
    pub run_uuid: String,
    pub key: String,
    pub limit: Option<usize>,
    pub token: Option<String>,
}

impl GetHistory {
    pub fn check(self) -> Result<HistoryPage> {
        let run_uuid = self.run_id.or(self.run_uuid).required("run_id")?;
        let key = self.metric_key.required("metric_key")?;
        let token = self
            .page_token
            .optional("page_token")?
            .filter(|token| !token.is_empty());
        let limit = match self.max_results.optional("max_results")? {
            Some(limit) if limit <= 0 => {
                return Err(Error::invalid(format!(
                    "Invalid value {limit} for parameter 'max_results' supplied. It must be a \
                     positive integer."
                )));
            }
            limit => limit.map(|limit| limit as usize),
        };
        Ok(HistoryPage {
            run_uuid,
            key,
            limit,
            token,
        })
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct GetInterval {
    #[serde(alias = "runIds")]
    run_ids: Field<Vec<Field<String>>>,
    #[serde(alias = "metricKey")]
    metric_key: Field<String>,
    #[serde(alias = "startStep")]
    start_step: Field<i64>,
    #[serde(alias = "endStep")]
    end_step: Field<i64>,
    #[serde(alias = "maxResults")]
    max_results: Field<i64>,
}

impl Message for GetInterval {
    const LISTS: &'static [&'static str] = &["run_ids"];
}

/// A checked request for samples of several runs' histories.
pub struct Interval {
    pub run_uuids: Vec<String>,
    pub key: String,
    pub steps: Option<(i64, i64)>,
    pub count: usize,
}

impl GetInterval {
    pub fn check(self) -> Result<Interval> {
        if self.run_ids == Field::Absent {
            return Err(missing("run_ids"));
        }
        let run_uuids = super::field::texts(self.run_ids, "run_ids")?;
        if run_uuids.len() > MAX_RUNS {
            return Err(documented(format!(
                "GetMetricHistoryBulkInterval request must specify at most {MAX_RUNS} run_ids. \
                 Received {} run_ids.",
                run_uuids.len()
            )));
        }
        let key = self.metric_key.required("metric_key")?;
        let start = self.start_step.optional("start_step")?;
        let end = self.end_step.optional("end_step")?;
        let count = self
            .max_results
            .optional("max_results")?
            .unwrap_or(MAX_SAMPLE as i64);
        if !(1..=MAX_SAMPLE as i64).contains(&count) {
            return Err(documented(format!(
                "max_results must be between 1 and {MAX_SAMPLE}."
            )));
        }
        let steps = match (start, end) {
            (None, None) => None,
            (Some(start), Some(end)) if start > end => {
                return Err(Error::invalid(format!(
                    "end_step must be greater than start_step. Found start_step={start} and \
                     end_step={end}."
                )));
            }
            (Some(start), Some(end)) => Some((start, end)),
            _ => {
                return Err(Error::invalid(
                    "If either start step or end step are specified, both must be specified.",
                ));
            }
        };
        Ok(Interval {
            run_uuids,
            key,
            steps,
            count: count as usize,
        })
    }
}

fn documented(text: String) -> Error {
    Error::invalid(format!(
        "{text} See the API docs for more information about request parameters."
    ))
}

/// A point of an answer. An answer may hold a million, which share their texts.
pub struct MetricReply {
    pub key: Arc<str>,
    pub point: Point,
    /// The run that logged it, where the answer says so.
    pub run_id: Option<Arc<str>>,
    /// The model that it was logged for, where there is one.
    pub model: Option<Box<OfModel>>,
}

/// The logged model of a metric, and the dataset that it was measured on.
pub struct OfModel {
    pub model_id: String,
    pub dataset_name: Option<String>,
    pub dataset_digest: Option<String>,
}

impl MetricReply {
    /// A point of a run, without saying which.
    pub fn of(key: impl Into<Arc<str>>, point: Point) -> Self {
        Self {
            key: key.into(),
            point,
            run_id: None,
            model: None,
        }
    }

    /// A point of a named run.
    pub fn of_run(key: &Arc<str>, point: Point, run_uuid: &Arc<str>) -> Self {
        Self {
            run_id: Some(run_uuid.clone()),
            ..Self::of(key.clone(), point)
        }
    }
}

impl Serialize for MetricReply {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("key", &*self.key)?;
        if self.point.is_nan {
            map.serialize_entry("value", "NaN")?;
        } else {
            map.serialize_entry("value", &self.point.value)?;
        }
        map.serialize_entry("timestamp", &self.point.timestamp)?;
        map.serialize_entry("step", &self.point.step)?;
        if let Some(model) = &self.model {
            map.serialize_entry("model_id", &model.model_id)?;
            if let Some(name) = &model.dataset_name {
                map.serialize_entry("dataset_name", name)?;
            }
            if let Some(digest) = &model.dataset_digest {
                map.serialize_entry("dataset_digest", digest)?;
            }
        }
        if let Some(run_id) = &self.run_id {
            map.serialize_entry("run_id", &**run_id)?;
        }
        map.end()
    }
}

#[derive(Serialize)]
pub struct History {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<MetricReply>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// The answer of the bulk route, which always has its list.
#[derive(Serialize)]
pub struct BulkHistory {
    pub metrics: Vec<MetricReply>,
}
