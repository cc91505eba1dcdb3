//! `/graphql`: the queries that MLflow's own web pages send, beside its REST routes.
//!
//! The schema is MLflow's, spelled alike, so that its pages work in front of this server. It reads
//! only, also where MLflow calls something a mutation. As MLflow does, it answers with 200 and a
//! list of texts as `errors` whenever there is a document, whatever is wrong with it.

mod guard;
mod input;
mod schema;
mod types;

use crate::app::App;
use crate::error::{Error, Result};
use crate::http::input::Wire;
use crate::http::reply::Reply;
use crate::http::router::{Access, Route, get, post};
use crate::http::wire::field::{Field, Message};
use async_graphql::{Request, Response, Variables};
use axum::extract::State;
use schema::{MlflowSchema, schema};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::sync::LazyLock;

/// Made for the first query: a server that nobody asks by GraphQL needs no memory for it.
static SCHEMA: LazyLock<MlflowSchema> = LazyLock::new(schema);

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("graphql", Access::Read, answer).at_root(),
        get("graphql", Access::Read, answer).at_root(),
    ]
}

/// A request as every GraphQL client sends it.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Question {
    query: Field<String>,
    variables: Json,
    #[serde(rename = "operationName", alias = "operation_name")]
    operation_name: Field<String>,
}

impl Message for Question {}

impl Question {
    fn check(self) -> Result<(String, Variables, Option<String>)> {
        let query = self.query.required("query")?;
        let variables = match self.variables {
            // In a query string they are JSON in a text.
            Json::String(text) => serde_json::from_str(&text).unwrap_or(Json::String(text)),
            variables => variables,
        };
        let variables = match variables {
            Json::Null | Json::Object(_) => Variables::from_json(variables),
            _ => return Err(Error::invalid("variables must be a JSON object.")),
        };
        let operation = self.operation_name.optional("operationName")?;
        Ok((query, variables, operation.filter(|name| !name.is_empty())))
    }
}

/// What every document is answered with.
#[derive(Serialize)]
struct Answer {
    data: Json,
    errors: Option<Vec<String>>,
}

async fn answer(State(app): State<App>, Wire(request): Wire<Question>) -> Result<Reply<Answer>> {
    let (query, variables, operation) = request.check()?;
    if query.len() > guard::MAX_DOCUMENT {
        return Ok(refused(format!(
            "The query has {} bytes, and may have {}.",
            query.len(),
            guard::MAX_DOCUMENT
        )));
    }
    let document = match guard::read(&query, &app.settings.graphql) {
        Ok(document) => document,
        Err(problem) => return Ok(refused(problem)),
    };
    let mut question = Request::new(query).variables(variables).data(app);
    question.operation_name = operation;
    question.set_parsed_query(document);
    told(SCHEMA.execute(question).await)
}

fn refused(problem: String) -> Reply<Answer> {
    Reply(Answer {
        data: Json::Null,
        errors: Some(vec![problem]),
    })
}

fn told(response: Response) -> Result<Reply<Answer>> {
    let data = response.data.into_json().map_err(|error| {
        Error::internal("The answer could not be written as JSON.").with_cause(error)
    })?;
    let errors: Vec<String> = response
        .errors
        .into_iter()
        .map(|error| error.message)
        .collect();
    Ok(Reply(Answer {
        data,
        errors: (!errors.is_empty()).then_some(errors),
    }))
}
