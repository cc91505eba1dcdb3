//! MLflow's own body. For an event that MLflow has, `data` is exactly what MLflow sends; for one of
//! ours it also says who and why, since no other field of this body could.

use super::{Letter, iso_time};
use crate::events::kind::Origin;
use serde::Serialize;
use serde_json::{Map, Value as Json};

#[derive(Serialize)]
pub(super) struct Body {
    entity: &'static str,
    action: &'static str,
    timestamp: String,
    data: Map<String, Json>,
}

impl Body {
    pub(super) fn new(letter: &Letter<'_>) -> Self {
        let facts = letter.facts;
        let mut data = facts.data.clone();
        if letter.event.origin == Origin::Own {
            data.insert("actor".into(), facts.actor.as_str().into());
            data.insert("reason".into(), facts.reason.as_str().into());
            data.insert("request_id".into(), facts.request_id.as_str().into());
        }
        Self {
            entity: letter.event.entity(),
            action: letter.event.action(),
            timestamp: iso_time(letter.occurred_at, "+00:00"),
            data,
        }
    }
}
