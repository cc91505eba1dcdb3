//! Events and webhooks: what is told to others, to whom, and what became of it.
//!
//! A change emits its events in its own transaction; a job sends them afterwards, at least once,
//! and in order for each object and webhook. This module knows nothing of the tables of what
//! changes: who emits an event brings all that is told of it.

pub mod delivery;
pub mod example;
pub mod format;
pub mod kind;
pub mod outbox;
pub mod parcel;
pub mod rule;
pub mod schedule;
pub mod seal;
pub mod send;
pub mod sending;
pub mod webhook;

pub use outbox::{anyone_listens, emit};

use crate::ctx::Ctx;
use crate::error::{Error, Result};
use kind::EventType;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// How events are delivered.
#[derive(Debug, Clone)]
pub struct Settings {
    pub vault: seal::Vault,
    pub policy: schedule::Policy,
    /// How many deliveries are under way at once, 1 or more.
    pub workers: usize,
    /// How long a delivery that ended is kept, in milliseconds.
    pub keep_ms: i64,
    /// Where people reach the server, without a slash at the end; empty where it is not known.
    pub public_url: String,
}

/// Something that happened, before it is written to the outbox.
#[derive(Debug, Clone)]
pub struct Event {
    pub kind: EventType,
    /// What it happened to, as `registered_model:churn`; its events are delivered in order.
    pub object: String,
    /// Of a renaming, the object as it is called from then on.
    pub next_object: Option<String>,
    /// What MLflow's payload of the event holds; of an event of ours, the same in its manner.
    pub data: Map<String, Json>,
    pub subject: Subject,
}

impl Event {
    /// Gives the objects whose order the event keeps.
    fn objects(&self) -> Vec<&str> {
        let mut objects = vec![self.object.as_str()];
        objects.extend(self.next_object.as_deref());
        objects
    }
}

/// What an event is about, in the same words for every event; what does not apply is `None`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Subject {
    /// The registered model or prompt.
    pub name: String,
    pub version: Option<String>,
    /// An alias or the key of a tag.
    pub key: Option<String>,
    pub from: Option<String>,
    pub to: Option<String>,
    /// Of an alias, which of its moves this was.
    pub generation: Option<i64>,
}

/// All that is told of an event, in no format yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Facts {
    pub data: Map<String, Json>,
    pub subject: Subject,
    pub actor: String,
    /// Empty where none was given.
    pub reason: String,
    pub request_id: String,
}

impl Facts {
    /// Puts together what is known of an event and of the request that made it happen.
    pub fn new(event: &Event, ctx: &Ctx) -> Self {
        Self {
            data: event.data.clone(),
            subject: event.subject.clone(),
            actor: ctx.actor.clone(),
            reason: ctx.reason.clone(),
            request_id: ctx.request_id.clone(),
        }
    }

    fn to_text(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| {
            Error::internal("The facts of an event could not be written as JSON.").with_cause(error)
        })
    }

    fn from_text(text: &str) -> Result<Self> {
        serde_json::from_str(text).map_err(|error| {
            Error::internal("The database holds an event that cannot be read.").with_cause(error)
        })
    }
}
