//! The wire of logged models.

use super::field::{Field, Message, missing, wrong_type};
use super::metric::{MetricReply, OfModel};
use super::pair::{PairBody, PairReply, model_pairs, pairs};
use crate::error::{Error, Result};
use crate::tracking::experiment::Pair;
use crate::tracking::logged_model::{LoggedModel, ModelMetric, NewModel, Status};
use crate::tracking::rule;
use crate::tracking::search::{DatasetFilter, ModelOrder, ModelSearch};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct CreateModel {
    #[serde(alias = "experimentId")]
    experiment_id: Field<String>,
    name: Field<String>,
    #[serde(alias = "modelType")]
    model_type: Field<String>,
    #[serde(alias = "sourceRunId")]
    source_run_id: Field<String>,
    params: Field<Vec<Field<PairBody>>>,
    tags: Field<Vec<Field<PairBody>>>,
}

impl Message for CreateModel {}

impl CreateModel {
    pub fn check(self) -> Result<NewModel> {
        let experiment_id = self.experiment_id.required("experiment_id")?;
        Ok(NewModel {
            name: self.name.optional("name")?.unwrap_or_default(),
            model_type: self.model_type.optional("model_type")?.unwrap_or_default(),
            source_run_id: self
                .source_run_id
                .optional("source_run_id")?
                .unwrap_or_default(),
            params: model_pairs(self.params, "params")?,
            tags: model_pairs(self.tags, "tags")?,
            experiment_id: rule::experiment_id(&experiment_id)?,
        })
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct FinalizeModel {
    status: Field<Json>,
}

impl Message for FinalizeModel {}

impl FinalizeModel {
    pub fn check(self) -> Result<Status> {
        let given = match self.status {
            Field::Given(Json::String(text)) if text.is_empty() => return Err(missing("status")),
            Field::Given(value) => value,
            Field::Bad(value) => *value,
            Field::Absent => return Err(missing("status")),
        };
        let by_name = given.as_str().and_then(|name| {
            Status::ALL
                .iter()
                .find(|(_, other)| *other == name)
                .map(|(status, _)| *status)
        });
        let number = given.as_i64().or_else(|| given.as_str()?.parse().ok());
        match (by_name.or_else(|| Status::from_number(number?)), number) {
            (Some(status), _) => Ok(status),
            (None, Some(number)) => Err(Error::invalid(format!(
                "Unknown model status: {number}. Use 1 (pending), \
                     2 (ready) or 3 (upload failed)."
            ))),
            (None, None) => Err(wrong_type("status", &given)),
        }
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ModelTags {
    tags: Field<Vec<Field<PairBody>>>,
}

impl Message for ModelTags {}

impl ModelTags {
    pub fn check(self) -> Result<Vec<Pair>> {
        model_pairs(self.tags, "tags")
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ModelParams {
    params: Field<Vec<Field<PairBody>>>,
}

impl Message for ModelParams {}

impl ModelParams {
    pub fn check(self) -> Result<Vec<Pair>> {
        model_pairs(self.params, "params")
    }
}

#[derive(Deserialize, Default, Debug, Clone, PartialEq)]
#[serde(default)]
struct DatasetFilterBody {
    #[serde(alias = "datasetName")]
    dataset_name: Field<String>,
    #[serde(alias = "datasetDigest")]
    dataset_digest: Field<String>,
}

impl Message for DatasetFilterBody {}

#[derive(Deserialize, Default, Debug, Clone, PartialEq)]
#[serde(default)]
struct OrderBody {
    #[serde(alias = "fieldName")]
    field_name: Field<String>,
    ascending: Field<bool>,
    #[serde(alias = "datasetName")]
    dataset_name: Field<String>,
    #[serde(alias = "datasetDigest")]
    dataset_digest: Field<String>,
}

impl Message for OrderBody {}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct SearchModels {
    #[serde(alias = "experimentIds")]
    experiment_ids: Field<Vec<Field<String>>>,
    filter: Field<String>,
    datasets: Field<Vec<Field<DatasetFilterBody>>>,
    #[serde(alias = "maxResults")]
    max_results: Field<i64>,
    #[serde(alias = "orderBy")]
    order_by: Field<Vec<Field<OrderBody>>>,
    #[serde(alias = "pageToken")]
    page_token: Field<String>,
}

impl Message for SearchModels {
    const LISTS: &'static [&'static str] = &["experiment_ids"];
}

impl SearchModels {
    pub fn check(self) -> Result<ModelSearch> {
        if self.experiment_ids == Field::Absent {
            return Err(missing("experiment_ids"));
        }
        let ids = super::field::texts(self.experiment_ids, "experiment_ids")?;
        let filter = self.filter.optional("filter")?.unwrap_or_default();
        let datasets = checked_datasets(self.datasets)?;
        let max_results = match self.max_results.optional("max_results")?.unwrap_or(50) {
            0 => 100,
            count if count < 0 => {
                return Err(wrong_type("max_results", &count.into()));
            }
            count => count.min(rule::MAX_RESULTS),
        };
        let order_by = checked_order(self.order_by)?;
        let page_token = self
            .page_token
            .optional("page_token")?
            .filter(|token| !token.is_empty());
        Ok(ModelSearch {
            experiment_ids: ids
                .iter()
                .map(|id| rule::experiment_id(id))
                .collect::<Result<_>>()?,
            filter,
            datasets,
            order_by,
            max_results: max_results as usize,
            page_token,
        })
    }
}

fn checked_datasets(list: Field<Vec<Field<DatasetFilterBody>>>) -> Result<Vec<DatasetFilter>> {
    let list = list.optional("datasets")?.unwrap_or_default();
    list.into_iter()
        .map(|dataset| {
            let dataset = dataset.lenient().unwrap_or_default();
            let given = |field: Field<String>| field.lenient().filter(|text| !text.is_empty());
            let name = given(dataset.dataset_name).ok_or_else(|| {
                Error::invalid("`dataset_name` in the `datasets` clause must be specified.")
            })?;
            Ok(DatasetFilter {
                name,
                digest: given(dataset.dataset_digest),
            })
        })
        .collect()
}

fn checked_order(list: Field<Vec<Field<OrderBody>>>) -> Result<Vec<ModelOrder>> {
    let list = list.optional("order_by")?.unwrap_or_default();
    list.into_iter()
        .enumerate()
        .map(|(index, order)| {
            let path = format!("order_by[{index}]");
            let order = order.optional(&path)?.unwrap_or_default();
            let digest = order
                .dataset_digest
                .lenient()
                .filter(|digest| !digest.is_empty());
            let name = order.dataset_name.lenient().filter(|name| !name.is_empty());
            if name.is_none() && digest.is_some() {
                return Err(Error::invalid(
                    "`dataset_digest` can only be specified if `dataset_name` is also specified.",
                ));
            }
            Ok(ModelOrder {
                field_name: order.field_name.required(&format!("{path}.field_name"))?,
                ascending: order.ascending.lenient().unwrap_or(true),
                dataset: name.map(|name| DatasetFilter { name, digest }),
            })
        })
        .collect()
}

#[derive(Serialize)]
struct ModelInfoReply {
    model_id: String,
    experiment_id: String,
    name: String,
    creation_timestamp_ms: i64,
    last_updated_timestamp_ms: i64,
    artifact_uri: String,
    status: &'static str,
    model_type: String,
    source_run_id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<PairReply>,
}

#[derive(Serialize)]
struct ModelDataReply {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    params: Vec<PairReply>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    metrics: Vec<MetricReply>,
}

#[derive(Serialize)]
pub struct ModelReply {
    info: ModelInfoReply,
    data: ModelDataReply,
}

impl From<LoggedModel> for ModelReply {
    fn from(model: LoggedModel) -> Self {
        let status = Status::ALL
            .iter()
            .find(|(status, _)| *status == model.status);
        let metrics = model
            .metrics
            .into_iter()
            .map(|metric| metric_reply(metric, &model.uuid))
            .collect();
        Self {
            info: ModelInfoReply {
                model_id: model.uuid,
                experiment_id: model.experiment_id.to_string(),
                name: model.name,
                creation_timestamp_ms: model.created_at,
                last_updated_timestamp_ms: model.updated_at,
                artifact_uri: model.artifact_uri,
                status: status.map_or("LOGGED_MODEL_PENDING", |(_, name)| name),
                model_type: model.model_type,
                source_run_id: model.source_run_id,
                tags: pairs(model.tags),
            },
            data: ModelDataReply {
                params: pairs(model.params),
                metrics,
            },
        }
    }
}

fn metric_reply(metric: ModelMetric, model_uuid: &str) -> MetricReply {
    MetricReply {
        run_id: Some(metric.run_uuid.into()),
        model: Some(Box::new(OfModel {
            model_id: model_uuid.to_owned(),
            dataset_name: metric.dataset_name,
            dataset_digest: metric.dataset_digest,
        })),
        ..MetricReply::of(metric.key, metric.point)
    }
}

#[derive(Serialize)]
pub struct OneModel {
    pub model: ModelReply,
}

#[derive(Serialize)]
pub struct ModelPage {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub models: Vec<ModelReply>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}
