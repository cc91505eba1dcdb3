//! The wire of what runs read and made: datasets and logged models.

use super::field::{Field, Message, missing};
use super::pair::{PairBody, PairReply, checked_pairs, pairs};
use crate::error::{Error, Result};
use crate::tracking::dataset::{Dataset, DatasetInput, Inputs, ModelOutput, Summary};
use crate::tracking::rule;
use serde::{Deserialize, Serialize};

/// Experiments of one dataset search.
const MAX_EXPERIMENTS: usize = 20;
const MAX_NAME: usize = 500;
/// Longer than MLflow's 36, so that a whole SHA-256 fits.
const MAX_DIGEST: usize = 128;
const MAX_SOURCE: usize = 65_535;
const MAX_SCHEMA: usize = 1_048_575;
const MAX_PROFILE: usize = 16_777_215;
const MAX_INPUT_TAG_KEY: usize = 255;
const MAX_INPUT_TAG_VALUE: usize = 500;

#[derive(Deserialize, Default, Debug, Clone, PartialEq)]
#[serde(default)]
struct DatasetBody {
    name: Field<String>,
    digest: Field<String>,
    #[serde(alias = "sourceType")]
    source_type: Field<String>,
    source: Field<String>,
    schema: Field<String>,
    profile: Field<String>,
}

impl Message for DatasetBody {}

#[derive(Deserialize, Default, Debug, Clone, PartialEq)]
#[serde(default)]
struct DatasetInputBody {
    tags: Field<Vec<Field<PairBody>>>,
    dataset: Field<DatasetBody>,
}

impl Message for DatasetInputBody {}

#[derive(Deserialize, Default, Debug, Clone, PartialEq)]
#[serde(default)]
struct ModelBody {
    #[serde(alias = "modelId")]
    model_id: Field<String>,
    step: Field<i64>,
}

impl Message for ModelBody {}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct LogInputs {
    #[serde(alias = "runId")]
    run_id: Field<String>,
    datasets: Field<Vec<Field<DatasetInputBody>>>,
    models: Field<Vec<Field<ModelBody>>>,
}

impl Message for LogInputs {}

impl LogInputs {
    pub fn check(self) -> Result<Inputs> {
        let run_uuid = self.run_id.required("run_id")?;
        let datasets = self.datasets.optional("datasets")?.unwrap_or_default();
        let models = checked_models(self.models)?;
        rule::check_run_id(&run_uuid)?;
        let datasets = datasets
            .into_iter()
            .enumerate()
            .map(|(index, input)| {
                let input = input
                    .optional(&format!("datasets[{index}]"))?
                    .unwrap_or_default();
                checked_input(input, index)
            })
            .collect::<Result<_>>()?;
        let model_uuids = models.into_iter().map(|model| model.model_uuid).collect();
        Ok(Inputs {
            run_uuid,
            datasets,
            model_uuids,
        })
    }
}

fn checked_input(input: DatasetInputBody, index: usize) -> Result<DatasetInput> {
    let tags = checked_pairs(input.tags, "tags")?;
    for tag in &tags {
        rule::check_length("key", MAX_INPUT_TAG_KEY, &tag.key)?;
        rule::check_length("value", MAX_INPUT_TAG_VALUE, &tag.value)?;
    }
    let path = format!("datasets[{index}].dataset");
    let body = input
        .dataset
        .optional(&path)?
        .ok_or_else(|| missing(&path))?;
    let needed = |field: Field<String>, name: &str, limit: usize| -> Result<String> {
        let value = field.required(&format!("{path}.{name}"))?;
        rule::check_length(name, limit, &value)?;
        Ok(value)
    };
    let optional = |field: Field<String>, name: &str, limit: usize| -> Result<Option<String>> {
        let value = field
            .optional(&format!("{path}.{name}"))?
            .filter(|value| !value.is_empty());
        if let Some(value) = &value {
            rule::check_length(name, limit, value)?;
        }
        Ok(value)
    };
    Ok(DatasetInput {
        dataset: Dataset {
            name: needed(body.name, "name", MAX_NAME)?,
            digest: needed(body.digest, "digest", MAX_DIGEST)?,
            source_type: needed(body.source_type, "source_type", MAX_NAME)?,
            source: needed(body.source, "source", MAX_SOURCE)?,
            schema: optional(body.schema, "schema", MAX_SCHEMA)?,
            profile: optional(body.profile, "profile", MAX_PROFILE)?,
        },
        tags,
    })
}

fn checked_models(list: Field<Vec<Field<ModelBody>>>) -> Result<Vec<ModelOutput>> {
    let list = list.optional("models")?.unwrap_or_default();
    list.into_iter()
        .enumerate()
        .map(|(index, model)| {
            let model = model
                .optional(&format!("models[{index}]"))?
                .unwrap_or_default();
            Ok(ModelOutput {
                model_uuid: model
                    .model_id
                    .required(&format!("models[{index}].model_id"))?,
                step: model
                    .step
                    .optional(&format!("models[{index}].step"))?
                    .unwrap_or(0),
            })
        })
        .collect()
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct LogOutputs {
    #[serde(alias = "runId")]
    run_id: Field<String>,
    models: Field<Vec<Field<ModelBody>>>,
}

impl Message for LogOutputs {}

impl LogOutputs {
    /// Gives the run and the models it made.
    pub fn check(self) -> Result<(String, Vec<ModelOutput>)> {
        let run = self.run_id.required("run_id")?;
        if self.models == Field::Absent {
            return Err(missing("models"));
        }
        Ok((run, checked_models(self.models)?))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct SearchDatasets {
    #[serde(alias = "experimentIds")]
    experiment_ids: Field<Vec<Field<String>>>,
}

impl Message for SearchDatasets {
    const LISTS: &'static [&'static str] = &["experiment_ids"];
}

impl SearchDatasets {
    pub fn check(self) -> Result<Vec<i64>> {
        let ids = super::field::texts(self.experiment_ids, "experiment_ids")?;
        if ids.len() > MAX_EXPERIMENTS {
            return Err(Error::invalid(format!(
                "SearchDatasets request cannot specify more than {MAX_EXPERIMENTS} \
                 experiment_ids. Received {} experiment_ids.",
                ids.len()
            )));
        }
        ids.iter().map(|id| rule::experiment_id(id)).collect()
    }
}

#[derive(Serialize)]
struct DatasetReply {
    name: String,
    digest: String,
    source_type: String,
    source: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    schema: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<String>,
}

#[derive(Serialize)]
struct DatasetInputReply {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<PairReply>,
    dataset: DatasetReply,
}

#[derive(Serialize)]
struct ModelInputReply {
    model_id: String,
}

#[derive(Serialize)]
struct ModelOutputReply {
    model_id: String,
    step: i64,
}

/// What a run read; there even when it is empty.
#[derive(Serialize, Default)]
pub struct RunInputs {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dataset_inputs: Vec<DatasetInputReply>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    model_inputs: Vec<ModelInputReply>,
}

impl RunInputs {
    pub fn new(datasets: Vec<DatasetInput>, models: Vec<String>) -> Self {
        let dataset_inputs = datasets
            .into_iter()
            .map(|input| DatasetInputReply {
                tags: pairs(input.tags),
                dataset: DatasetReply {
                    name: input.dataset.name,
                    digest: input.dataset.digest,
                    source_type: input.dataset.source_type,
                    source: input.dataset.source,
                    schema: input.dataset.schema,
                    profile: input.dataset.profile,
                },
            })
            .collect();
        let model_inputs = models
            .into_iter()
            .map(|model_id| ModelInputReply { model_id })
            .collect();
        Self {
            dataset_inputs,
            model_inputs,
        }
    }
}

/// What a run made.
#[derive(Serialize)]
pub struct RunOutputs {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    model_outputs: Vec<ModelOutputReply>,
}

impl RunOutputs {
    pub fn new(models: Vec<ModelOutput>) -> Self {
        let model_outputs = models
            .into_iter()
            .map(|model| ModelOutputReply {
                model_id: model.model_uuid,
                step: model.step,
            })
            .collect();
        Self { model_outputs }
    }
}

#[derive(Serialize)]
struct SummaryReply {
    experiment_id: String,
    name: String,
    digest: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    context: Option<String>,
}

#[derive(Serialize)]
pub struct DatasetSummaries {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    dataset_summaries: Vec<SummaryReply>,
}

impl From<Vec<Summary>> for DatasetSummaries {
    fn from(summaries: Vec<Summary>) -> Self {
        let dataset_summaries = summaries
            .into_iter()
            .map(|summary| SummaryReply {
                experiment_id: summary.experiment_id.to_string(),
                name: summary.name,
                digest: summary.digest,
                context: summary.context,
            })
            .collect();
        Self { dataset_summaries }
    }
}
