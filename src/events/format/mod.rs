//! The payloads that an event can be sent as.
//!
//! Each format is a pure function of a letter: the same letter gives the same bytes, so that every
//! attempt sends the same body.

mod cloudevents;
mod message;
mod mlflow;
mod slack;
mod teams;

use super::Facts;
use super::kind::EventType;
use crate::error::{Error, Result};
use serde_json::Value as Json;
use time::OffsetDateTime;

/// The format of a webhook's payloads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    /// MLflow's own body.
    #[default]
    Mlflow,
    /// CloudEvents 1.0, structured JSON.
    CloudEvents,
    /// A message of a Slack incoming webhook.
    Slack,
    /// An Adaptive Card for a Microsoft Teams workflow.
    Teams,
}

impl Format {
    /// All formats with their names.
    pub const ALL: [(Format, &'static str); 4] = [
        (Format::Mlflow, "mlflow"),
        (Format::CloudEvents, "cloudevents"),
        (Format::Slack, "slack"),
        (Format::Teams, "teams"),
    ];

    /// Gives the name of the format.
    pub fn name(self) -> &'static str {
        match self {
            Format::Mlflow => "mlflow",
            Format::CloudEvents => "cloudevents",
            Format::Slack => "slack",
            Format::Teams => "teams",
        }
    }

    /// Finds a format by its name.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, other)| *other == name);
        found.map(|(format, _)| *format).ok_or_else(|| {
            let names = Self::ALL.map(|(_, name)| name).join(", ");
            Error::invalid(format!(
                "There is no webhook format '{name}'. The formats are {names}."
            ))
        })
    }

    pub(super) fn stored(name: &str) -> Result<Self> {
        Self::parse(name)
            .map_err(|_| Error::internal("The database holds an unknown webhook format."))
    }

    /// Gives the media type of the body.
    pub fn content_type(self) -> &'static str {
        match self {
            Format::CloudEvents => "application/cloudevents+json; charset=utf-8",
            Format::Mlflow | Format::Slack | Format::Teams => "application/json",
        }
    }

    /// Writes the body.
    pub fn write(self, letter: &Letter<'_>) -> Result<Vec<u8>> {
        match self {
            Format::Mlflow => to_bytes(&mlflow::Body::new(letter)),
            Format::CloudEvents => to_bytes(&cloudevents::Body::new(letter)),
            Format::Slack => to_bytes(&slack::body(letter)),
            Format::Teams => to_bytes(&teams::body(letter)),
        }
    }
}

/// What a body is made of.
#[derive(Debug, Clone, Copy)]
pub struct Letter<'l> {
    /// The delivery id.
    pub id: &'l str,
    pub event: EventType,
    /// Milliseconds since 1970.
    pub occurred_at: i64,
    pub facts: &'l Facts,
    /// Where people reach the server, without a slash at the end; empty where it is not known.
    pub public_url: &'l str,
}

fn to_bytes(body: &impl serde::Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(body).map_err(|error| {
        Error::internal("The payload of an event could not be written.").with_cause(error)
    })
}

/// Spells a time as Python's `datetime.isoformat` does in UTC; `zone` is `+00:00` or `Z`.
fn iso_time(milliseconds: i64, zone: &str) -> String {
    let nanoseconds = i128::from(milliseconds) * 1_000_000;
    let time = OffsetDateTime::from_unix_timestamp_nanos(nanoseconds)
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let fraction = match time.microsecond() {
        0 => String::new(),
        microseconds => format!(".{microseconds:06}"),
    };
    let (year, month, day) = time.to_calendar_date();
    let (hour, minute, second) = time.to_hms();
    let month = u8::from(month);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}{fraction}{zone}")
}

/// Writes a text that may be missing as JSON.
fn text_or_null(text: Option<&str>) -> Json {
    text.map_or(Json::Null, Json::from)
}

#[cfg(test)]
#[path = "../format_tests.rs"]
mod tests;
