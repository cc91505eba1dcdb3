//! Who asks and when: the clock, the makers of ids, and the context of a request.

use std::sync::Arc;
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
}
