//! CloudEvents 1.0 in structured JSON: <https://github.com/cloudevents/spec>. The id is that of the
//! delivery, so that `source` and `id` together tell a repeated event from a new one.

use super::{Letter, iso_time, text_or_null};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Serialize;
use serde_json::{Map, Value as Json};

/// The source of events of a server that does not know its own address.
const SOURCE: &str = "/trackway";

#[derive(Serialize)]
pub(super) struct Body {
    specversion: &'static str,
    id: String,
    source: String,
    #[serde(rename = "type")]
    kind: String,
    subject: String,
    time: String,
    datacontenttype: &'static str,
    data: Map<String, Json>,
}

impl Body {
    pub(super) fn new(letter: &Letter<'_>) -> Self {
        let source = match letter.public_url {
            "" => SOURCE,
            url => url,
        };
        Self {
            specversion: "1.0",
            id: letter.id.to_owned(),
            source: source.to_owned(),
            kind: format!("trackway.{}", letter.event.name),
            subject: subject(letter),
            time: iso_time(letter.occurred_at, "Z"),
            datacontenttype: "application/json",
            data: data(letter),
        }
    }
}

/// Names the model, or the version, as a path relative to the source.
fn subject(letter: &Letter<'_>) -> String {
    let subject = &letter.facts.subject;
    let name = utf8_percent_encode(&subject.name, NON_ALPHANUMERIC);
    match &subject.version {
        Some(version) => format!("models/{name}/versions/{version}"),
        None => format!("models/{name}"),
    }
}

/// Gives what MLflow tells, and beside it who, why, and from what to what.
fn data(letter: &Letter<'_>) -> Map<String, Json> {
    let facts = letter.facts;
    let mut data = facts.data.clone();
    let subject = &facts.subject;
    for (name, value) in [
        ("from", text_or_null(subject.from.as_deref())),
        ("to", text_or_null(subject.to.as_deref())),
        (
            "generation",
            subject.generation.map_or(Json::Null, Json::from),
        ),
    ] {
        if !value.is_null() {
            data.insert(name.into(), value);
        }
    }
    data.insert("actor".into(), facts.actor.as_str().into());
    data.insert("reason".into(), facts.reason.as_str().into());
    data.insert("request_id".into(), facts.request_id.as_str().into());
    data
}
