//! One entry of the audit log, and the bytes of it that are hashed.

use crate::ctx::{Act, Ctx};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// How a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// It changed what `changes` lists.
    Done,
    /// It was allowed, and what it asked for held already.
    Unchanged,
    /// It was refused and changed nothing.
    Refused,
}

impl Outcome {
    /// All outcomes with their names.
    pub const ALL: [(Outcome, &'static str); 3] = [
        (Outcome::Done, "done"),
        (Outcome::Unchanged, "unchanged"),
        (Outcome::Refused, "refused"),
    ];

    /// Gives the name of the outcome.
    pub fn name(self) -> &'static str {
        match self {
            Outcome::Done => "done",
            Outcome::Unchanged => "unchanged",
            Outcome::Refused => "refused",
        }
    }
}

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The HTTP status, 400 to 499.
    pub status: u16,
    pub error_code: String,
    pub message: String,
}

/// An entry. The order of the fields is the order in which they are written, and therefore part
/// of what is hashed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Milliseconds since 1970, in UTC.
    pub at: i64,
    pub actor: String,
    /// What was asked for, such as `registered_model.set_alias`.
    pub action: String,
    /// To what it was to be done, as `kind:id`.
    pub object: String,
    pub result: Outcome,
    /// Empty where none was given.
    pub reason: String,
    pub request_id: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub method: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub path: String,
    /// The fields of the request that name things.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub request: Map<String, Json>,
    /// What was changed, each with what held before and what holds after.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Json>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

impl Entry {
    /// The entry of a request that was carried out and changed what `changes` lists.
    pub fn done(ctx: &Ctx, act: &Act, changes: Vec<Json>) -> Self {
        let result = match changes.is_empty() {
            true => Outcome::Unchanged,
            false => Outcome::Done,
        };
        Self::new(ctx, act, (result, changes), None)
    }

    /// The entry of a request that was refused.
    pub fn refused(ctx: &Ctx, act: &Act, refusal: Refusal) -> Self {
        Self::new(ctx, act, (Outcome::Refused, Vec::new()), Some(refusal))
    }

    /// The entry of something that the server did by itself.
    pub fn of_server(ctx: &Ctx, action: &'static str, changes: Vec<Json>) -> Self {
        let act = Act::new((action, "server"), crate::ctx::Kept::Always);
        Self::done(ctx, &act, changes)
    }

    fn new(
        ctx: &Ctx,
        act: &Act,
        (result, changes): (Outcome, Vec<Json>),
        refusal: Option<Refusal>,
    ) -> Self {
        let changed = changes.first().and_then(|change| change["object"].as_str());
        let object = act
            .object()
            .or_else(|| changed.map(str::to_owned))
            .unwrap_or_else(|| kind(act.object).to_owned());
        Self {
            at: ctx.now,
            actor: ctx.actor.clone(),
            action: act.action.to_owned(),
            object,
            result,
            reason: ctx.reason.clone(),
            request_id: ctx.request_id.clone(),
            method: act.method.clone(),
            path: act.path.clone(),
            request: act.fields(),
            changes,
            refusal,
        }
    }

    /// Gives the bytes that are stored and hashed: compact JSON.
    pub fn to_leaf(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| {
            Error::internal("An audit entry could not be written as JSON.").with_cause(error)
        })
    }
}

/// Gives what stands before the colon: the kind of an object.
fn kind(template: &str) -> &str {
    template.split(':').next().unwrap_or(template)
}
