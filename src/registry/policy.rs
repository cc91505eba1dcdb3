//! What the operator wants of stages and aliases: which belong together, and whether an alias
//! keeps a version from being archived along.
//!
//! It says what holds; `stage` and `alias` see to it.

use super::model::{self, Model};
use super::rule;
use super::stage::Stage;
use crate::config;
use crate::db::Tx;
use crate::error::{Error, Result};

/// What the operator wants of stages and aliases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    pub aliased: Aliased,
    /// No stage and no alias stands twice.
    mapped: Vec<Mapped>,
}

/// What becomes of a version that an alias points at, when the others of a stage are archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aliased {
    /// It stays where it is, since it may be in use.
    Kept,
    /// It is archived like the others, as MLflow does.
    Archived,
}

/// A stage and the alias that agrees with it: the alias points at a version in the stage, and is
/// not there while the stage is empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapped {
    pub stage: Stage,
    pub alias: String,
    pub holds: Holds,
}

/// How many versions a mapped stage holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    Many,
    /// A version that enters makes the others leave, but for those that an alias keeps.
    One,
}

impl Policy {
    /// Reads the policy from the section `[registry]`.
    ///
    /// # Errors
    /// 400 for an entry that is no stage and alias, and for an alias that no model may have.
    pub fn from_config(config: &config::Registry) -> Result<Self> {
        let refused = |reason: String| {
            Error::invalid(format!(
                "The value of registry.stage_aliases is not allowed: {reason}"
            ))
        };
        let mapped = config.stage_aliases.iter().map(|entry| {
            let entry: config::StageAlias = entry.parse().map_err(refused)?;
            rule::check_new_alias(&entry.alias).map_err(|error| refused(error.message))?;
            Ok(Mapped {
                stage: Stage::parse(entry.stage)?,
                alias: entry.alias,
                holds: match entry.is_for_one {
                    true => Holds::One,
                    false => Holds::Many,
                },
            })
        });
        Ok(Self {
            aliased: match config.archive_aliased {
                true => Aliased::Archived,
                false => Aliased::Kept,
            },
            mapped: mapped.collect::<Result<_>>()?,
        })
    }

    /// Finds what a stage of a model agrees with; stages of prompts agree with nothing.
    pub(super) fn of_stage(
        &self,
        tx: &mut Tx<'_>,
        model: &Model,
        stage: Stage,
    ) -> Result<Option<&Mapped>> {
        let found = self.mapped.iter().find(|mapped| mapped.stage == stage);
        unless_prompt(tx, model, found)
    }

    /// Finds what an alias of a model agrees with; aliases of prompts agree with nothing.
    pub(super) fn of_alias(
        &self,
        tx: &mut Tx<'_>,
        model: &Model,
        alias: &str,
    ) -> Result<Option<&Mapped>> {
        let found = self.mapped.iter().find(|mapped| mapped.alias == alias);
        unless_prompt(tx, model, found)
    }
}

fn unless_prompt<'p>(
    tx: &mut Tx<'_>,
    model: &Model,
    found: Option<&'p Mapped>,
) -> Result<Option<&'p Mapped>> {
    match found {
        Some(_) if model::is_prompt(tx, model)? => Ok(None),
        found => Ok(found),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn check(entries: &[&str], expected: std::result::Result<usize, &str>) {
        let mut config = Config::with_defaults().expect("defaults").registry;
        config.stage_aliases = entries.iter().map(|&entry| entry.into()).collect();
        match (Policy::from_config(&config), expected) {
            (Ok(policy), Ok(count)) => assert_eq!(policy.mapped.len(), count, "{entries:?}"),
            (Err(error), Err(part)) => assert!(error.message.contains(part), "{error}"),
            other => panic!("{entries:?}: {other:?}"),
        }
    }

    #[test]
    fn aliases_must_be_ones_that_a_model_may_have() {
        check(&[], Ok(0));
        check(&["Production=production!", "Staging=staging"], Ok(2));
        check(&["Production=latest"], Err("'latest' alias name"));
        check(&["Production=v3"], Err("'v3' is reserved"));
        check(&["Production=a b"], Err("Invalid alias name: 'a b'"));
        check(&["Archived=old"], Err("Staging and Production"));
    }
}
