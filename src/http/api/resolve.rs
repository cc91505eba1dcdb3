//! Where a `models:` URI leads, at once or when that changes.

use crate::app::{App, Ctx};
use crate::error::{Code, Error, Result};
use crate::http::input::{Consumer, Wire};
use crate::http::reply::error_body;
use crate::http::router::{Access, Route, get};
use crate::http::wire::resolve::{ResolveUri, ResolvedReply};
use crate::jobs::follow::{End, Told};
use crate::registry::model_uri::ModelUri;
use crate::registry::resolution::Sighting;
use crate::registry::resolve::{self, Resolved};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// Characters of a header's value that are written in percent, as all that is not ASCII is.
const ENCODED: &AsciiSet = &CONTROLS.add(b'%');

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("1.0/resolve", Access::Read, find)
            .own()
            .waiting()
            .tells("Says where a models: URI leads, at once or when that changes.")
            .query::<ResolveUri>()
            .answers::<ResolvedReply>(),
    ]
}

async fn find(
    State(app): State<App>,
    ctx: Ctx,
    Consumer(consumer): Consumer,
    headers: HeaderMap,
    Wire(request): Wire<ResolveUri>,
) -> Result<Response> {
    let (uri, wait) = request.check()?;
    let known = Known::of(&headers);
    let told = follow(&app, &uri, (&known, wait)).await?;
    if let Some((consumer, version)) = consumer.zip(told.version) {
        let sighting = Sighting {
            model: uri.model.clone(),
            consumer,
            uri: uri.to_string(),
            version,
        };
        app.sightings.note(sighting, app.clock.now().max(ctx.now));
    }
    Ok(respond(&told, &known))
}

/// Reads where a URI leads; an answer that is known already is held back until it changes or the
/// wait is over.
async fn follow(app: &App, uri: &ModelUri, asked: (&Known, Duration)) -> Result<Arc<Told>> {
    let (known, wait) = asked;
    if wait.is_zero() || known.is_empty() {
        return Ok(Arc::new(read(app, uri).await?));
    }
    let deadline = Instant::now() + wait;
    let mut place = app.followers.join()?;
    let mut told = Arc::new(read(app, uri).await?);
    let key = uri.to_string();
    while known.matches(&told.etag) {
        told = match place.wait(deadline).await {
            End::Change => place.shared(&key, || read(app, uri)).await?,
            End::Timeout => return Ok(Arc::new(read(app, uri).await?)),
            End::Stop => break,
        };
    }
    Ok(told)
}

async fn read(app: &App, uri: &ModelUri) -> Result<Told> {
    let uri = uri.clone();
    let found = app.db.read(move |tx| match resolve::resolve(tx, &uri) {
        Ok(resolved) => Ok(Ok(Box::new(resolved))),
        Err(error) if error.code == Code::NotFound => Ok(Err(error)),
        Err(error) => Err(error),
    });
    match found.await? {
        Ok(resolved) => found_at(*resolved),
        Err(gone) => Ok(missing(&gone)),
    }
}

fn found_at(resolved: Resolved) -> Result<Told> {
    let number = resolved.version.number;
    let facts = [
        ("x-trackway-model", resolved.version.model_name.clone()),
        ("x-trackway-version", number.to_string()),
        ("x-trackway-run", resolved.version.run_id.clone()),
        (
            "x-trackway-digest",
            resolved.digest.clone().unwrap_or_default(),
        ),
        (
            "x-trackway-generation",
            resolved
                .generation
                .map(|n| n.to_string())
                .unwrap_or_default(),
        ),
    ];
    let body = serde_json::to_vec(&ResolvedReply::from(resolved)).map_err(|error| {
        Error::internal("The answer could not be written as JSON.").with_cause(error)
    })?;
    let headers = facts.into_iter().filter(|(_, value)| !value.is_empty());
    let headers =
        headers.map(|(name, value)| (name, utf8_percent_encode(&value, ENCODED).to_string()));
    Ok(Told {
        status: StatusCode::OK.as_u16(),
        etag: etag(&body),
        body,
        headers: headers.collect(),
        version: Some(number),
    })
}

fn missing(gone: &Error) -> Told {
    let body = error_body(gone);
    Told {
        status: gone.code.status(),
        etag: etag(&body),
        body,
        headers: Vec::new(),
        version: None,
    }
}

/// Gives a quoted text that is the same for the same body alone.
fn etag(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let digits: String = digest.iter().take(16).map(|b| format!("{b:02x}")).collect();
    format!("\"{digits}\"")
}

/// The answers that a client has already, by its header If-None-Match.
struct Known(Vec<String>);

impl Known {
    fn of(headers: &HeaderMap) -> Self {
        let given = headers.get_all(header::IF_NONE_MATCH).into_iter();
        let texts = given.filter_map(|value| value.to_str().ok());
        let tags = texts.flat_map(|text| text.split(','));
        let tags = tags.map(|tag| tag.trim().trim_start_matches("W/").to_owned());
        Self(tags.filter(|tag| !tag.is_empty()).collect())
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn matches(&self, etag: &str) -> bool {
        self.0.iter().any(|known| known == etag || known == "*")
    }
}

/// Answers with what was found; a client that has it already gets 304 and no body. What is gone is
/// told again, as 304 stands for a 200.
fn respond(told: &Told, known: &Known) -> Response {
    let is_known = told.status == 200 && known.matches(&told.etag);
    let mut response = match is_known {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => {
            let status = StatusCode::from_u16(told.status).unwrap_or_default();
            let kind = (header::CONTENT_TYPE, "application/json");
            (status, [kind], told.body.clone()).into_response()
        }
    };
    let headers = response.headers_mut();
    let mut set = |name: HeaderName, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    set(header::ETAG, &told.etag);
    set(header::CACHE_CONTROL, "no-cache");
    for (name, value) in &told.headers {
        set(HeaderName::from_static(name), value);
    }
    response
}
