//! What a query is answered with: the types of MLflow's schema, made of the replies of its REST
//! routes.
//!
//! As in MLflow, a text or number that is not there is empty or 0, and not null.

use super::input::LongString;
use crate::error::{Error, Result};
use async_graphql::{Enum, SimpleObject};
use serde::de::{DeserializeOwned, Deserializer};
use serde::{Deserialize, Serialize};

/// Makes an answer of the reply of a REST route.
pub fn from_reply<R: Serialize, T: DeserializeOwned>(reply: &R) -> Result<T> {
    let unread =
        |error| Error::internal("An answer of GraphQL could not be made.").with_cause(error);
    let json = serde_json::to_value(reply).map_err(unread)?;
    serde_json::from_value(json).map_err(unread)
}

#[derive(Enum, Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MlflowRunStatus {
    #[default]
    Running,
    Scheduled,
    Finished,
    Failed,
    Killed,
}

#[derive(Enum, Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MlflowModelVersionStatus {
    #[default]
    PendingRegistration,
    FailedRegistration,
    Ready,
}

#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MlflowDeploymentJobConnectionState {
    DeploymentJobConnectionStateUnspecified,
    NotSetUp,
    Connected,
    NotFound,
    RequiredParametersChanged,
}

#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MlflowModelVersionDeploymentJobStateDeploymentJobRunState {
    DeploymentJobRunStateUnspecified,
    NoValidDeploymentJobFound,
    Running,
    Succeeded,
    Failed,
    Pending,
    Approval,
}

/// A value of a metric; null where there is none, as for NaN.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    Ok(serde_json::Value::deserialize(deserializer)?.as_f64())
}

/// The value of a field that the reply leaves out.
fn filled<T: Default>() -> Option<T> {
    Some(T::default())
}

/// Defines types whose fields are empty where the reply leaves them out, those of `@null` aside.
macro_rules! answers {
    ($(
        $name:ident {
            $($(#[$meta:meta])* $field:ident: $type:ty,)*
        }
        $(@null { $($(#[$null_meta:meta])* $null:ident: $null_type:ty,)* })?
    )*) => {
        $(
            #[derive(SimpleObject, Debug, Clone, Deserialize)]
            #[serde(default)]
            pub struct $name {
                $($(#[$meta])* pub $field: Option<$type>,)*
                $($($(#[$null_meta])* pub $null: Option<$null_type>,)*)?
            }

            impl Default for $name {
                fn default() -> Self {
                    Self {
                        $($field: filled(),)*
                        $($($null: None,)*)?
                    }
                }
            }
        )*
    };
}

answers! {
    ErrorDetail {
        field: String,
        message: String,
    }

    ApiError {
        code: String,
        message: String,
        help_url: String,
        trace_id: String,
        error_details: Vec<Option<ErrorDetail>>,
    }

    Test {
        /// Echoes the input string
        output: String,
    }

    TestMutation {
        /// Echoes the input string
        output: String,
    }

    MlflowExperimentTag {
        key: String,
        value: String,
    }

    MlflowExperiment {
        experiment_id: String,
        name: String,
        artifact_location: String,
        lifecycle_stage: String,
        last_update_time: LongString,
        creation_time: LongString,
        tags: Vec<MlflowExperimentTag>,
        effective_trace_archival_retention: String,
        workspace: String,
    }

    MlflowGetExperimentResponse {
        experiment: MlflowExperiment,
    } @null {
        api_error: ApiError,
    }

    MlflowRunInfo {
        run_id: String,
        run_uuid: String,
        run_name: String,
        experiment_id: String,
        user_id: String,
        status: MlflowRunStatus,
        start_time: LongString,
        end_time: LongString,
        artifact_uri: String,
        lifecycle_stage: String,
    }

    MlflowMetricExtension {
        key: String,
        timestamp: LongString,
        step: LongString,
        dataset_name: String,
        dataset_digest: String,
        model_id: String,
        run_id: String,
    } @null {
        #[serde(deserialize_with = "number")]
        value: f64,
    }

    MlflowParam {
        key: String,
        value: String,
    }

    MlflowRunTag {
        key: String,
        value: String,
    }

    MlflowRunData {
        metrics: Vec<MlflowMetricExtension>,
        params: Vec<MlflowParam>,
        tags: Vec<MlflowRunTag>,
    }

    MlflowDataset {
        name: String,
        digest: String,
        source_type: String,
        source: String,
        schema: String,
        profile: String,
    }

    MlflowInputTag {
        key: String,
        value: String,
    }

    MlflowDatasetInput {
        tags: Vec<MlflowInputTag>,
        dataset: MlflowDataset,
    }

    MlflowModelInput {
        model_id: String,
    }

    MlflowModelOutput {
        model_id: String,
        step: LongString,
    }

    MlflowRunInputs {
        dataset_inputs: Vec<MlflowDatasetInput>,
        model_inputs: Vec<MlflowModelInput>,
    }

    MlflowRunOutputs {
        model_outputs: Vec<MlflowModelOutput>,
    }

    MlflowRunExtension {
        info: MlflowRunInfo,
        data: MlflowRunData,
        inputs: MlflowRunInputs,
        outputs: MlflowRunOutputs,
    } @null {
        #[serde(skip)]
        experiment: MlflowExperiment,
        #[serde(skip)]
        model_versions: Vec<MlflowModelVersion>,
    }

    MlflowGetRunResponse {
        run: MlflowRunExtension,
    } @null {
        api_error: ApiError,
    }

    MlflowSearchRunsResponse {
        runs: Vec<MlflowRunExtension>,
        next_page_token: String,
    } @null {
        api_error: ApiError,
    }

    MlflowMetricWithRunId {
        key: String,
        timestamp: LongString,
        step: LongString,
        run_id: String,
    } @null {
        #[serde(deserialize_with = "number")]
        value: f64,
    }

    MlflowGetMetricHistoryBulkIntervalResponse {
        metrics: Vec<MlflowMetricWithRunId>,
    } @null {
        api_error: ApiError,
    }

    MlflowFileInfo {
        path: String,
        is_dir: bool,
        file_size: LongString,
    }

    MlflowListArtifactsResponse {
        root_uri: String,
        files: Vec<MlflowFileInfo>,
        next_page_token: String,
    } @null {
        api_error: ApiError,
    }

    MlflowDatasetSummary {
        experiment_id: String,
        name: String,
        digest: String,
        context: String,
    }

    MlflowSearchDatasetsResponse {
        dataset_summaries: Vec<MlflowDatasetSummary>,
    } @null {
        api_error: ApiError,
    }

    MlflowModelVersionTag {
        key: String,
        value: String,
    }

    MlflowModelParam {
        name: String,
        value: String,
    }

    MlflowModelMetric {
        key: String,
        timestamp: LongString,
        step: LongString,
        dataset_name: String,
        dataset_digest: String,
        model_id: String,
        run_id: String,
    } @null {
        #[serde(deserialize_with = "number")]
        value: f64,
    }

    MlflowModelVersionDeploymentJobState {
        job_id: String,
        run_id: String,
        current_task_name: String,
    } @null {
        job_state: MlflowDeploymentJobConnectionState,
        run_state: MlflowModelVersionDeploymentJobStateDeploymentJobRunState,
    }

    MlflowModelVersion {
        name: String,
        version: String,
        creation_timestamp: LongString,
        last_updated_timestamp: LongString,
        user_id: String,
        current_stage: String,
        description: String,
        source: String,
        run_id: String,
        status: MlflowModelVersionStatus,
        status_message: String,
        tags: Vec<MlflowModelVersionTag>,
        run_link: String,
        aliases: Vec<Option<String>>,
        model_id: String,
        model_params: Vec<MlflowModelParam>,
        model_metrics: Vec<MlflowModelMetric>,
        deployment_job_state: MlflowModelVersionDeploymentJobState,
    }

    MlflowSearchModelVersionsResponse {
        model_versions: Vec<MlflowModelVersion>,
        next_page_token: String,
    } @null {
        api_error: ApiError,
    }
}
