//! Stands before every route that changes something: it tells the audit log what the request is
//! about, and keeps the refusals. What was carried out is kept in the transaction that did it.

use super::input::RequestId;
use super::reply::Refused;
use crate::app::{App, Ctx};
use crate::audit::entry::Refusal;
use crate::audit::log;
use crate::ctx::{ANONYMOUS, Act, Kept};
use crate::error::{Error, Result};
use crate::http::wire::body;
use crate::tracking::run;
use axum::extract::{FromRequestParts, RawPathParams, Request, State};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde_json::{Map, Value as Json};
use std::sync::{Arc, OnceLock};

/// What the audit log calls the requests of a route.
#[derive(Debug, Clone, Copy)]
pub struct Audited {
    pub action: &'static str,
    pub object: &'static str,
    pub kept: Kept,
}

/// The fields of a request that name things; no other field gets into the log.
const NAMING: [&str; 21] = [
    "action",
    "alias",
    "archive_existing_versions",
    "artifact_location",
    "consumer",
    "experiment_id",
    "experiment_ids",
    "id",
    "key",
    "model_id",
    "model_uuid",
    "name",
    "new_name",
    "path",
    "run_id",
    "run_uuid",
    "source",
    "stage",
    "status",
    "tag_key",
    "version",
];
/// The longest text that is kept of such a field, in characters.
const MAX_FIELD: usize = 1_000;

/// Statuses of requests that nobody decided on: they came too late or too many, and may come again.
const PUT_OFF: [StatusCode; 2] = [StatusCode::REQUEST_TIMEOUT, StatusCode::TOO_MANY_REQUESTS];

/// The body of a request of which only a refusal is looked into: logging is too frequent for reading
/// every body twice.
#[derive(Debug, Clone, Default)]
pub(super) struct Unread(Arc<OnceLock<Bytes>>);

impl Unread {
    /// Tells the act what the body names, now or, for logging, if the request is refused.
    pub(super) fn name(parts: &Parts, bytes: &Bytes) {
        let Some(act) = parts.extensions.get::<Arc<Act>>() else {
            return;
        };
        match parts.extensions.get::<Self>() {
            // A second reading of the same request would say the same.
            Some(unread) => drop(unread.0.set(bytes.clone())),
            None => act.name_by_body(naming_fields(bytes)),
        }
    }
}

/// Runs a request and keeps its refusal, if it is one.
pub(super) async fn keep(
    State((app, audited)): State<(App, Audited)>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let act = Arc::new(describe(&audited, &mut parts).await);
    parts.extensions.insert(act.clone());
    let unread = Unread::default();
    if audited.kept == Kept::WhenNoted {
        parts.extensions.insert(unread.clone());
    }
    let request_id = parts
        .extensions
        .get::<RequestId>()
        .map(|id| id.0.clone())
        .unwrap_or_default();
    let ctx = Ctx::from_request_parts(&mut parts, &app).await;
    let response = next.run(Request::from_parts(parts, body)).await;
    let Some(refused) = response.extensions().get::<Refused>() else {
        return response;
    };
    let status = response.status();
    if !status.is_client_error() || PUT_OFF.contains(&status) {
        return response;
    }
    if let Some(bytes) = unread.0.get() {
        act.name_by_body(naming_fields(bytes));
    }
    match is_left_out(&app, &act).await {
        Ok(false) => {}
        Ok(true) => return response,
        Err(error) => return unwritten(&error).into_response(),
    }
    let refusal = Refusal {
        status: status.as_u16(),
        error_code: refused.error_code.to_owned(),
        message: refused.message.clone(),
    };
    // Where the context itself was refused, as for a bad reason, there is one without it.
    let ctx = ctx.unwrap_or_else(|_| Ctx {
        actor: ANONYMOUS.to_owned(),
        act: Some(act),
        ..Ctx::of_server(&request_id, app.clock.now())
    });
    match write(&app, ctx, refusal).await {
        Ok(()) => response,
        Err(error) => error.into_response(),
    }
}

async fn write(app: &App, ctx: Ctx, refusal: Refusal) -> Result<()> {
    app.db
        .write(move |tx| log::append_refused(tx, &ctx, &refusal))
        .await
        .map_err(|error| unwritten(&error))
}

fn unwritten(error: &Error) -> Error {
    Error::unavailable(format!(
        "The request was refused, and the refusal could not be written to the audit log: {error} \
         Send the request again later."
    ))
}

/// Says whether a refusal is left out: that of logging to a run that is under way.
async fn is_left_out(app: &App, act: &Act) -> Result<bool> {
    if act.kept == Kept::Always {
        return Ok(false);
    }
    let fields = act.fields();
    let run = ["run_id", "run_uuid"]
        .into_iter()
        .find_map(|name| fields.get(name)?.as_str().map(str::to_owned));
    match run {
        Some(uuid) => app.db.read(move |tx| run::is_under_way(tx, &uuid)).await,
        None => Ok(false),
    }
}

/// Collects what the route, the path and the query tell; a body adds its fields when it is read.
async fn describe(audited: &Audited, parts: &mut Parts) -> Act {
    let mut act = Act::new((audited.action, audited.object), audited.kept);
    act.method = parts.method.to_string();
    act.path = shortened(parts.uri.path());
    if let Ok(params) = RawPathParams::from_request_parts(parts, &()).await {
        act.named.extend(
            params
                .iter()
                .map(|(name, value)| (name.to_owned(), Json::String(shortened(value)))),
        );
    }
    let query = body::form_pairs(parts.uri.query().unwrap_or(""));
    act.named.extend(
        query
            .filter(|(name, _)| NAMING.contains(&name.as_str()))
            .map(|(name, value)| (name, Json::String(shortened(&value)))),
    );
    act
}

/// Picks the fields of a body that name things.
fn naming_fields(body: &[u8]) -> Map<String, Json> {
    let Ok(object) = body::loose_object(body) else {
        return Map::new();
    };
    object
        .into_iter()
        .filter(|(name, _)| NAMING.contains(&name.as_str()))
        .filter_map(|(name, value)| match value {
            Json::String(text) => Some((name, Json::String(shortened(&text)))),
            Json::Number(_) | Json::Bool(_) => Some((name, value)),
            _ => None,
        })
        .collect()
}

/// Gives a text as the log keeps it: no database stores a NUL, and nobody reads a thousand words.
fn shortened(text: &str) -> String {
    let text = &text.replace('\0', "\u{fffd}");
    match text.char_indices().nth(MAX_FIELD) {
        Some((end, _)) => format!("{}\u{2026}", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
