//! Reads requests: the extractors that handlers name as arguments.

use super::audited::Unread;
use super::wire::body;
use super::wire::consumer;
use super::wire::field::Message;
use crate::app::{App, Ctx};
use crate::ctx::{ANONYMOUS, Act};
use crate::error::{Code, Error, Result};
use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, Method, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use std::sync::Arc;

/// A request of the MLflow protocol: the query of a GET, the JSON body of everything else.
pub struct Wire<M>(pub M);

impl<M: Message> FromRequest<App> for Wire<M> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (parts, body) = request.into_parts();
        if parts.method == Method::GET
            && let Some(query) = parts.uri.query().filter(|query| !query.is_empty())
        {
            return Ok(Wire(body::read_query(query)?));
        }
        // The body is read even where it is then refused: a connection with a body left on it is
        // closed, and a client that reuses it at that moment sees its next request fail.
        let bytes = read_body(body, app.settings.max_json_bytes).await?;
        Unread::name(&parts, &bytes);
        if matches!(parts.method, Method::POST | Method::PUT) {
            check_content_type(&parts.headers)?;
        }
        Ok(Wire(body::read(&bytes)?))
    }
}

/// A request of our own API that says everything in its query, whatever its method.
pub struct Asked<M>(pub M);

impl<M: Message> FromRequest<App> for Asked<M> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self> {
        let (parts, body) = request.into_parts();
        if !read_body(body, app.settings.max_json_bytes)
            .await?
            .is_empty()
        {
            return Err(Error::invalid(
                "This request takes no body: write its parameters into the query.",
            ));
        }
        Ok(Asked(body::read_query(parts.uri.query().unwrap_or(""))?))
    }
}

fn check_content_type(headers: &HeaderMap) -> Result<()> {
    let Some(given) = headers.get(header::CONTENT_TYPE) else {
        return Err(Error::invalid(
            "Bad Request. Content-Type header is missing.",
        ));
    };
    let kind = given
        .to_str()
        .ok()
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    if kind == Some("application/json") {
        return Ok(());
    }
    Err(Error::invalid(
        "Bad Request. Content-Type must be one of ['application/json'].",
    ))
}

/// Reads a whole body of at most `limit` bytes.
pub async fn read_body(body: Body, limit: usize) -> Result<Bytes> {
    match Limited::new(body, limit).collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) if error.downcast_ref::<LengthLimitError>().is_some() => Err(Error::new(
            Code::TooLarge,
            format!(
                "The body of the request is larger than {limit} bytes, which is the most this \
                 server reads as JSON. Split the request up, or raise server.max_json_mib."
            ),
        )),
        Err(error) => Err(
            Error::invalid("The body of the request broke off before its end.").with_cause(error),
        ),
    }
}

/// The query string of a request that has no message of its own.
pub struct Query(pub Vec<(String, String)>);

impl Query {
    /// Gives the first value of a parameter.
    pub fn first(&self, name: &str) -> Option<&str> {
        self.0
            .iter()
            .find(|(other, _)| other == name)
            .map(|(_, value)| value.as_str())
    }

    /// Gives all values of a repeated parameter.
    pub fn all(&self, name: &str) -> Vec<String> {
        self.0
            .iter()
            .filter(|(other, _)| other == name)
            .map(|(_, value)| value.clone())
            .collect()
    }
}

impl FromRequestParts<App> for Query {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        Ok(Query(
            body::form_pairs(parts.uri.query().unwrap_or("")).collect(),
        ))
    }
}

impl FromRequestParts<App> for Ctx {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let request_id = parts
            .extensions
            .get::<RequestId>()
            .map_or_else(|| app.ids.next(), |id| id.0.clone());
        Ok(Ctx {
            request_id,
            actor: ANONYMOUS.to_owned(),
            reason: reason(&parts.headers)?,
            now: app.clock.now(),
            act: parts.extensions.get::<Arc<Act>>().cloned(),
        })
    }
}

/// The header that says why a request is made, percent-encoded UTF-8.
pub const REASON: HeaderName = HeaderName::from_static("x-trackway-reason");
/// The longest reason, in characters.
const MAX_REASON: usize = 2_000;

/// Reads the reason of a request; empty where there is none.
fn reason(headers: &HeaderMap) -> Result<String> {
    let Some(given) = headers.get(&REASON) else {
        return Ok(String::new());
    };
    let decoded = percent_encoding::percent_decode(given.as_bytes()).decode_utf8();
    let reason = decoded.map_err(|_| refused_reason("is not percent-encoded UTF-8"))?;
    if reason.chars().count() > MAX_REASON {
        return Err(refused_reason("has more than 2000 characters"));
    }
    if reason.contains('\0') {
        return Err(refused_reason("contains a NUL"));
    }
    Ok(reason.trim().to_owned())
}

fn refused_reason(what: &str) -> Error {
    Error::invalid(format!("The header {REASON} {what}."))
}

/// The header by which a serving process says its name, percent-encoded UTF-8.
pub const CONSUMER: HeaderName = HeaderName::from_static("x-trackway-consumer");

/// The name of the serving process that asks; `None` where it does not say.
pub struct Consumer(pub Option<String>);

impl FromRequestParts<App> for Consumer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        let Some(given) = parts.headers.get(&CONSUMER) else {
            return Ok(Consumer(None));
        };
        let decoded = percent_encoding::percent_decode(given.as_bytes()).decode_utf8();
        let name = decoded.map_err(|_| {
            Error::invalid(format!(
                "The header {CONSUMER} is not percent-encoded UTF-8."
            ))
        })?;
        let place = format!("The header {CONSUMER}");
        consumer::check_name(&place, &name)?;
        Ok(Consumer(Some(name.into_owned())))
    }
}

/// The id under which a request is logged and answered.
#[derive(Clone)]
pub struct RequestId(pub String);
