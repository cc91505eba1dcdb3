//! Who asks and when: the clock, the makers of ids, and the context of a request.

use serde_json::{Map, Value as Json};
use std::sync::{Arc, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

/// Gives the time; tests fix it.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The clock of the machine.
    pub fn system() -> Self {
        Self(Arc::new(|| {
            let now = SystemTime::now()
                .duration_since(UNIX_EPOCH)
                .unwrap_or_default();
            i64::try_from(now.as_millis()).unwrap_or(i64::MAX)
        }))
    }

    /// A clock that `read` drives.
    pub fn from_fn(read: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Self(Arc::new(read))
    }

    /// Gives the milliseconds since 1970, in UTC.
    pub fn now(&self) -> i64 {
        (self.0)()
    }
}

/// Makes random ids of 32 hexadecimal digits; tests make them countable.
#[derive(Clone)]
pub struct Ids(Arc<dyn Fn() -> u128 + Send + Sync>);

impl Ids {
    /// Ids that no one can guess and no two servers share.
    pub fn random() -> Self {
        Self(Arc::new(|| uuid::Uuid::new_v4().as_u128()))
    }

    /// Ids that `next` gives.
    pub fn from_fn(next: impl Fn() -> u128 + Send + Sync + 'static) -> Self {
        Self(Arc::new(next))
    }

    /// Gives the id of a new run or request.
    pub fn next(&self) -> String {
        format!("{:032x}", (self.0)())
    }

    /// Gives a readable name for a run that was given none, such as `calm-heron-217`.
    pub fn name(&self) -> String {
        crate::names::from_number((self.0)())
    }
}

/// The actor of a request that does not say who sends it.
pub const ANONYMOUS: &str = "anonymous";
/// The actor of what the server does by itself.
pub const SERVER: &str = "server";

/// Who asks, when and why; the first argument of every domain function that writes.
#[derive(Debug, Clone)]
pub struct Ctx {
    pub request_id: String,
    /// Who asks; `ANONYMOUS` where the server does not know.
    pub actor: String,
    /// Why, in the words of who asks; empty where none were given.
    pub reason: String,
    /// Milliseconds since 1970, in UTC; the same for everything the request writes.
    pub now: i64,
    /// What the audit log is told of the request; `None` for what no request asked for.
    pub act: Option<Arc<Act>>,
}

impl Ctx {
    /// The context of the server's own work, such as a job.
    pub fn of_server(work: &str, now: i64) -> Self {
        Self {
            request_id: work.to_owned(),
            actor: SERVER.to_owned(),
            reason: String::new(),
            now,
            act: None,
        }
    }
}

/// What a request that changes something is about, as far as its route and its own words tell.
#[derive(Debug)]
pub struct Act {
    /// What is done, such as `registered_model.set_alias`.
    pub action: &'static str,
    /// To what it is done, with the names of fields in braces: `model_version:{name}/{version}`.
    pub object: &'static str,
    pub kept: Kept,
    pub method: String,
    pub path: String,
    /// The fields of the path and the query that name things.
    pub named: Map<String, Json>,
    /// Those of the body, once it is read.
    body: OnceLock<Map<String, Json>>,
}

/// Which requests of a route the audit log keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kept {
    /// Each one, refused ones too.
    Always,
    /// Those about what is not under way, refused ones too; this is what logging to runs does.
    WhenNoted,
}

impl Act {
    /// An act whose fields are not read yet.
    pub fn new((action, object): (&'static str, &'static str), kept: Kept) -> Self {
        Self {
            action,
            object,
            kept,
            method: String::new(),
            path: String::new(),
            named: Map::new(),
            body: OnceLock::new(),
        }
    }

    /// Keeps the fields of the body that name things; only the first call counts.
    pub fn name_by_body(&self, fields: Map<String, Json>) {
        // A second reading of the same request would say the same.
        let _ = self.body.set(fields);
    }

    /// Gives the fields that name things.
    pub fn fields(&self) -> Map<String, Json> {
        let mut fields = self.named.clone();
        fields.extend(self.body.get().cloned().unwrap_or_default());
        fields
    }

    /// Gives the object with its fields filled in; `None` if the request leaves one out.
    pub fn object(&self) -> Option<String> {
        let fields = self.fields();
        let mut object = String::new();
        let mut rest = self.object;
        while let Some((before, after)) = rest.split_once('{') {
            let (field, tail) = after.split_once('}')?;
            object.push_str(before);
            match fields.get(field)? {
                Json::String(text) => object.push_str(text),
                other => object.push_str(&other.to_string()),
            }
            rest = tail;
        }
        object.push_str(rest);
        Some(object)
    }
}
