//! Writes answers: a message as JSON, an error in MLflow's shape.

use crate::error::{Code, Error};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// Gives when a client that was put off may come back, in whole seconds, 1 to 3: clients that were
/// put off together should not come back together.
pub fn retry_after_s() -> u16 {
    rand::random_range(1..=3)
}

/// A 200 with a message as JSON.
pub struct Reply<T>(pub T);

/// The answer of a route that has nothing to say: `{}`.
#[derive(Serialize, schemars::JsonSchema)]
pub struct Empty {}

impl<T: Serialize> IntoResponse for Reply<T> {
    fn into_response(self) -> Response {
        match sonic_rs::to_vec(&self.0) {
            Ok(body) => json(StatusCode::OK, body),
            Err(error) => Error::internal("The answer could not be written as JSON.")
                .with_cause(error)
                .into_response(),
        }
    }
}

/// What an error was, for those who see its answer only.
#[derive(Clone)]
pub struct Refused {
    pub error_code: &'static str,
    pub message: String,
}

#[derive(Serialize)]
struct ErrorBody<'e> {
    error_code: &'e str,
    message: &'e str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sqlstate: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_class: Option<&'e str>,
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        log(&self);
        let status = StatusCode::from_u16(self.code.status()).unwrap_or_default();
        let mut response = json(status, error_body(&self));
        if matches!(self.code, Code::TooManyRequests | Code::Unavailable) {
            let headers = response.headers_mut();
            headers.insert(header::RETRY_AFTER, retry_after_s().into());
        }
        response.extensions_mut().insert(Refused {
            error_code: self.code.name(),
            message: self.message,
        });
        response
    }
}

/// Writes the body of an error in MLflow's shape.
pub fn error_body(error: &Error) -> Vec<u8> {
    let classification = error.code.classification();
    let body = ErrorBody {
        error_code: error.code.name(),
        message: &error.message,
        sqlstate: classification.map(|(sqlstate, _)| sqlstate),
        error_class: classification.map(|(_, class)| class),
    };
    // A body of four texts always serializes.
    serde_json::to_vec(&body).unwrap_or_default()
}

/// Logs what the operator should know: a failure of the server, once.
fn log(error: &Error) {
    let cause = error
        .cause
        .as_ref()
        .map(|cause| cause.to_string())
        .unwrap_or_default();
    match error.code {
        Code::Internal => {
            tracing::error!(%cause, at = %error.at, "a request failed: {}", error.message);
        }
        Code::Unavailable => {
            tracing::warn!(%cause, at = %error.at, "a request was put off: {}", error.message);
        }
        _ => tracing::debug!(at = %error.at, "a request was refused: {}", error.message),
    }
}

fn json(status: StatusCode, body: Vec<u8>) -> Response {
    let kind = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, kind)], body).into_response()
}
