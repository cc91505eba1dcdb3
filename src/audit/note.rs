//! Notes of what a transaction changed; the audit entry of the request carries them.

use crate::db::Tx;
use serde::Serialize;
use serde_json::Value as Json;

/// One change of one thing.
#[derive(Debug, Clone, Serialize)]
pub struct Change<'c> {
    /// What was changed, as `kind:id`.
    object: &'c str,
    /// What was done to it, as in `tag_set`.
    change: &'static str,
    /// A tag key, an alias or a stage.
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'c str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    before: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    after: Option<Json>,
    /// Of an alias, which move this was.
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<i64>,
}

impl<'c> Change<'c> {
    /// A change of this object.
    pub fn of(object: &'c str, change: &'static str) -> Self {
        Self {
            object,
            change,
            key: None,
            before: None,
            after: None,
            generation: None,
        }
    }

    /// Names the tag, alias or stage that is meant.
    pub fn key(mut self, key: impl Into<Option<&'c str>>) -> Self {
        self.key = key.into();
        self
    }

    /// Says what held before; null is the same as nothing.
    pub fn before(mut self, before: impl Into<Json>) -> Self {
        self.before = Some(before.into()).filter(|json| !json.is_null());
        self
    }

    /// Says what holds now; null is the same as nothing.
    pub fn after(mut self, after: impl Into<Json>) -> Self {
        self.after = Some(after.into()).filter(|json| !json.is_null());
        self
    }

    /// Says which move of the alias this was.
    pub fn generation(mut self, generation: Option<i64>) -> Self {
        self.generation = generation;
        self
    }

    /// Leaves the note with the transaction.
    pub fn note(self, tx: &mut Tx<'_>) {
        // A struct of texts, numbers and JSON always serializes.
        tx.note(serde_json::to_value(&self).unwrap_or_default());
    }
}
