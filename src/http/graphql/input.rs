//! What a query may say: the inputs of MLflow's schema, and how they become messages of its REST
//! routes.

use crate::error::{Error, Result};
use crate::http::wire::field::Message;
use async_graphql::{
    Enum, InputObject, InputValueError, InputValueResult, Scalar, ScalarType, Value,
};
use serde::{Deserialize, Serialize};

/// Long converted to string to prevent truncation to max integer in JavaScript
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LongString(pub i64);

#[Scalar(name = "LongString")]
impl ScalarType for LongString {
    fn parse(value: Value) -> InputValueResult<Self> {
        let number = match &value {
            Value::Number(number) => number.as_i64(),
            Value::String(text) => text.trim().parse().ok(),
            _ => None,
        };
        number
            .map(LongString)
            .ok_or_else(|| InputValueError::expected_type(value))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// Which runs a search shows.
#[derive(Enum, Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum MlflowViewType {
    ActiveOnly,
    DeletedOnly,
    All,
}

#[derive(InputObject, Default, Serialize)]
pub struct MlflowGetExperimentInput {
    experiment_id: Option<String>,
}

#[derive(InputObject, Default, Serialize)]
pub struct MlflowGetRunInput {
    run_id: Option<String>,
    run_uuid: Option<String>,
}

#[derive(InputObject, Default, Serialize)]
pub struct MlflowSearchRunsInput {
    experiment_ids: Option<Vec<Option<String>>>,
    filter: Option<String>,
    run_view_type: Option<MlflowViewType>,
    max_results: Option<i32>,
    order_by: Option<Vec<Option<String>>>,
    page_token: Option<String>,
}

#[derive(InputObject, Default, Serialize)]
pub struct MlflowSearchDatasetsInput {
    experiment_ids: Option<Vec<Option<String>>>,
}

#[derive(InputObject, Default, Serialize)]
pub struct MlflowListArtifactsInput {
    run_id: Option<String>,
    run_uuid: Option<String>,
    path: Option<String>,
    page_token: Option<String>,
}

#[derive(InputObject, Default, Serialize)]
pub struct MlflowGetMetricHistoryBulkIntervalInput {
    run_ids: Option<Vec<Option<String>>>,
    metric_key: Option<String>,
    start_step: Option<i32>,
    end_step: Option<i32>,
    max_results: Option<i32>,
}

#[derive(InputObject, Default, Serialize)]
pub struct MlflowSearchModelVersionsInput {
    filter: Option<String>,
    max_results: Option<LongString>,
    order_by: Option<Vec<Option<String>>>,
    page_token: Option<String>,
}

/// Turns an input into the message of the REST route that asks for the same.
pub fn message<I: Serialize, M: Message>(input: &I) -> Result<M> {
    let unread =
        |error| Error::internal("An input of GraphQL could not be read.").with_cause(error);
    let json = serde_json::to_value(input).map_err(unread)?;
    M::deserialize(json).map_err(unread)
}
