//! The events that a webhook can ask for, by the names they have on the wire.
//!
//! The table is the one place that knows which events there are. What a change of the registry
//! becomes is decided where the change is made.

use crate::error::{Error, Result};

/// Who defined an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// MLflow: its client can read the event, and the payload is MLflow's.
    Mlflow,
    /// Trackway: MLflow has no such event.
    Own,
}

/// One of the events of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventType {
    /// Entity and action, as `model_version.created`.
    pub name: &'static str,
    pub origin: Origin,
}

impl EventType {
    const fn mlflow(name: &'static str) -> Self {
        let origin = Origin::Mlflow;
        Self { name, origin }
    }

    const fn own(name: &'static str) -> Self {
        let origin = Origin::Own;
        Self { name, origin }
    }

    /// Gives what the event is about, as `model_version`.
    pub fn entity(self) -> &'static str {
        self.name
            .split_once('.')
            .map_or(self.name, |(entity, _)| entity)
    }

    /// Gives what happened, as `created`.
    pub fn action(self) -> &'static str {
        self.name.split_once('.').map_or("", |(_, action)| action)
    }

    /// Finds an event by its whole name; `None` for one that is not in the table.
    pub fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|kind| kind.name == name).copied()
    }

    /// Finds an event by its entity and action, in lower case.
    ///
    /// # Errors
    /// 400 for an unknown entity, and, in MLflow's words, for an action that the entity lacks.
    pub fn find(entity: &str, action: &str) -> Result<Self> {
        let of_entity = || ALL.iter().filter(|kind| kind.entity() == entity);
        if let Some(found) = of_entity().find(|kind| kind.action() == action) {
            return Ok(*found);
        }
        let mut actions: Vec<&str> = of_entity().map(|kind| kind.action()).collect();
        actions.sort_unstable();
        if actions.is_empty() {
            let mut entities: Vec<&str> = ALL.iter().map(|kind| kind.entity()).collect();
            entities.dedup();
            return Err(Error::invalid(format!(
                "There is no entity '{entity}' of a webhook event. The entities are {}.",
                entities.join(", ")
            )));
        }
        Err(Error::invalid(format!(
            "Invalid action '{action}' for entity '{entity}'. Valid actions are: ['{}']",
            actions.join("', '")
        )))
    }
}

macro_rules! events {
    ($($constant:ident = $origin:ident $name:literal;)*) => {
        $(pub const $constant: EventType = EventType::$origin($name);)*

        /// Every event, those of one entity beside each other.
        pub const ALL: &[EventType] = &[$($constant),*];
    };
}

events! {
    MODEL_CREATED = mlflow "registered_model.created";
    MODEL_RENAMED = own "registered_model.renamed";
    MODEL_UPDATED = own "registered_model.updated";
    MODEL_DELETED = own "registered_model.deleted";
    MODEL_TAG_SET = own "registered_model_tag.set";
    MODEL_TAG_DELETED = own "registered_model_tag.deleted";
    VERSION_CREATED = mlflow "model_version.created";
    VERSION_UPDATED = own "model_version.updated";
    VERSION_DELETED = own "model_version.deleted";
    VERSION_STAGE_TRANSITIONED = own "model_version.stage_transitioned";
    VERSION_VERIFIED = own "model_version.verified";
    VERSION_BROKEN = own "model_version.broken";
    VERSION_AGED = own "model_version.aged";
    VERSION_TAG_SET = mlflow "model_version_tag.set";
    VERSION_TAG_DELETED = mlflow "model_version_tag.deleted";
    ALIAS_CREATED = mlflow "model_version_alias.created";
    ALIAS_MOVED = own "model_version_alias.moved";
    ALIAS_DELETED = mlflow "model_version_alias.deleted";
    PROMPT_CREATED = mlflow "prompt.created";
    PROMPT_RENAMED = own "prompt.renamed";
    PROMPT_UPDATED = own "prompt.updated";
    PROMPT_DELETED = own "prompt.deleted";
    PROMPT_TAG_SET = mlflow "prompt_tag.set";
    PROMPT_TAG_DELETED = mlflow "prompt_tag.deleted";
    PROMPT_VERSION_CREATED = mlflow "prompt_version.created";
    PROMPT_VERSION_UPDATED = own "prompt_version.updated";
    PROMPT_VERSION_DELETED = own "prompt_version.deleted";
    PROMPT_VERSION_STAGE_TRANSITIONED = own "prompt_version.stage_transitioned";
    PROMPT_VERSION_TAG_SET = mlflow "prompt_version_tag.set";
    PROMPT_VERSION_TAG_DELETED = mlflow "prompt_version_tag.deleted";
    PROMPT_ALIAS_CREATED = mlflow "prompt_alias.created";
    PROMPT_ALIAS_MOVED = own "prompt_alias.moved";
    PROMPT_ALIAS_DELETED = mlflow "prompt_alias.deleted";
    BUDGET_POLICY_EXCEEDED = mlflow "budget_policy.exceeded";
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(entity: &str, action: &str, expected: Result<EventType, &str>) {
        let found = EventType::find(entity, action);
        assert_eq!(
            found.as_ref().map_err(|e| &*e.message),
            expected.as_ref().map_err(|e| *e)
        );
    }

    #[test]
    fn events_are_found_by_entity_and_action() {
        check("model_version", "created", Ok(VERSION_CREATED));
        check("prompt_alias", "moved", Ok(PROMPT_ALIAS_MOVED));
        check(
            "model_version_tag",
            "created",
            Err(
                "Invalid action 'created' for entity 'model_version_tag'. Valid actions are: \
                 ['deleted', 'set']",
            ),
        );
        check(
            "run",
            "created",
            Err(
                "There is no entity 'run' of a webhook event. The entities are \
                 registered_model, registered_model_tag, model_version, model_version_tag, \
                 model_version_alias, prompt, prompt_tag, prompt_version, prompt_version_tag, \
                 prompt_alias, budget_policy.",
            ),
        );
    }

    #[test]
    fn no_event_stands_twice() {
        let mut names: Vec<&str> = ALL.iter().map(|kind| kind.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ALL.len());
    }
}
