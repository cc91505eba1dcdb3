//! The wire of experiments.

use super::field::{Field, Message};
use super::pair::{PairBody, PairReply, check_distinct_tags, checked_pairs, pairs};
use crate::artifacts::location::LocationPolicy;
use crate::error::Result;
use crate::tracking::experiment::{Experiment, Lifecycle, NewExperiment};
use crate::tracking::rule;
use crate::tracking::search::Search;
use serde::{Deserialize, Serialize};

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct CreateExperiment {
    name: Field<String>,
    #[serde(alias = "artifactLocation")]
    artifact_location: Field<String>,
    tags: Field<Vec<Field<PairBody>>>,
}

impl Message for CreateExperiment {}

impl CreateExperiment {
    /// Checks the request; `policy` says where files may go.
    pub fn check(self, policy: &LocationPolicy) -> Result<NewExperiment> {
        let name = self.name.required("name")?;
        let location = self.artifact_location.optional("artifact_location")?;
        let tags = checked_pairs(self.tags, "tags")?;
        let location = location
            .filter(|location| !location.is_empty())
            .map(|location| policy.resolve(&location))
            .transpose()?;
        rule::check_experiment_name(&name)?;
        check_distinct_tags(&tags)?;
        for tag in &tags {
            rule::check_experiment_tag(&tag.key, &tag.value)?;
        }
        Ok(NewExperiment {
            name,
            artifact_location: location,
            tags,
        })
    }
}

/// A request that names an experiment and nothing else.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ExperimentById {
    #[serde(alias = "experimentId")]
    experiment_id: Field<String>,
}

impl Message for ExperimentById {}

impl ExperimentById {
    pub fn check(self) -> Result<i64> {
        rule::experiment_id(&self.experiment_id.required("experiment_id")?)
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ExperimentByName {
    #[serde(alias = "experimentName")]
    experiment_name: Field<String>,
}

impl Message for ExperimentByName {}

impl ExperimentByName {
    pub fn check(self) -> Result<String> {
        self.experiment_name.required("experiment_name")
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct RenameExperiment {
    #[serde(alias = "experimentId")]
    experiment_id: Field<String>,
    #[serde(alias = "newName")]
    new_name: Field<String>,
}

impl Message for RenameExperiment {}

impl RenameExperiment {
    /// Gives the experiment and its new name.
    pub fn check(self) -> Result<(i64, String)> {
        let id = self.experiment_id.required("experiment_id")?;
        let name = self.new_name.required("new_name")?;
        Ok((rule::experiment_id(&id)?, name))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ExperimentTag {
    #[serde(alias = "experimentId")]
    experiment_id: Field<String>,
    key: Field<String>,
    value: Field<String>,
}

impl Message for ExperimentTag {}

impl ExperimentTag {
    /// Gives the experiment, the key and the value; a missing value is empty.
    pub fn check(self) -> Result<(i64, String, String)> {
        let id = self.experiment_id.required("experiment_id")?;
        let key = self.key.required("key")?;
        let value = self.value.optional("value")?.unwrap_or_default();
        Ok((rule::experiment_id(&id)?, key, value))
    }
}

#[derive(Serialize)]
pub struct ExperimentReply {
    experiment_id: String,
    name: String,
    artifact_location: String,
    lifecycle_stage: &'static str,
    last_update_time: i64,
    creation_time: i64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<PairReply>,
    workspace: &'static str,
}

impl From<Experiment> for ExperimentReply {
    fn from(experiment: Experiment) -> Self {
        Self {
            experiment_id: experiment.id.to_string(),
            name: experiment.name,
            artifact_location: experiment.artifact_location,
            lifecycle_stage: experiment.lifecycle.name(),
            last_update_time: experiment.updated_at,
            creation_time: experiment.created_at,
            tags: pairs(experiment.tags),
            workspace: "default",
        }
    }
}

#[derive(Serialize)]
pub struct OneExperiment {
    pub experiment: ExperimentReply,
}

#[derive(Serialize)]
pub struct CreatedExperiment {
    pub experiment_id: String,
}

#[derive(Serialize)]
pub struct ExperimentPage {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub experiments: Vec<ExperimentReply>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Reads which things a search shows, by name or number; what it does not know counts as active.
pub fn lifecycles(view_type: Field<serde_json::Value>) -> &'static [Lifecycle] {
    use Lifecycle::{Active, Deleted};
    let value = view_type.lenient().unwrap_or_default();
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok());
    match (value.as_str(), number) {
        (Some("DELETED_ONLY"), _) | (_, Some(2)) => &[Deleted],
        (Some("ALL"), _) | (_, Some(3)) => &[Active, Deleted],
        _ => &[Active],
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct SearchExperiments {
    #[serde(alias = "maxResults")]
    max_results: Field<i64>,
    #[serde(alias = "pageToken")]
    page_token: Field<String>,
    filter: Field<String>,
    #[serde(alias = "orderBy")]
    order_by: Field<Vec<Field<String>>>,
    #[serde(alias = "viewType")]
    view_type: Field<serde_json::Value>,
}

impl Message for SearchExperiments {
    const LISTS: &'static [&'static str] = &["order_by"];
}

impl SearchExperiments {
    pub fn check(self) -> Result<Search> {
        let max_results = self.max_results.optional("max_results")?.unwrap_or(0);
        let order_by = super::field::texts(self.order_by, "order_by")?;
        let filter = self.filter.optional("filter")?.unwrap_or_default();
        let page_token = self
            .page_token
            .optional("page_token")?
            .filter(|token| !token.is_empty());
        rule::check_max_results(max_results)?;
        Ok(Search {
            filter,
            order_by,
            lifecycles: lifecycles(self.view_type),
            max_results: max_results as usize,
            page_token,
        })
    }
}
