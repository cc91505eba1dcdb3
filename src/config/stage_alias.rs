//! What an entry of `registry.stage_aliases` says: which stage goes with which alias.
//!
//! Whether the alias is one that a model may have is for the registry to say.

use std::str::FromStr;

/// The stages that can go with an alias.
const STAGES: [&str; 2] = ["Staging", "Production"];

/// A stage and the alias that goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageAlias {
    /// Staging or Production.
    pub stage: &'static str,
    /// Never empty.
    pub alias: String,
    /// Whether the stage holds one version only.
    pub is_for_one: bool,
}

impl FromStr for StageAlias {
    type Err = String;

    /// Reads `STAGE=alias` or `STAGE=alias!`; the error says what is allowed.
    fn from_str(text: &str) -> Result<Self, String> {
        let needed = || {
            format!(
                "an entry is STAGE=alias, as \"Production=production\", or STAGE=alias! where the \
                 stage holds one version only, and \"{text}\" is neither"
            )
        };
        let (stage, alias) = text.split_once('=').ok_or_else(needed)?;
        let (stage, alias) = (stage.trim(), alias.trim());
        let (alias, is_for_one) = match alias.strip_suffix('!') {
            Some(alias) => (alias.trim_end(), true),
            None => (alias, false),
        };
        if alias.is_empty() {
            return Err(needed());
        }
        let known = STAGES
            .iter()
            .find(|known| known.eq_ignore_ascii_case(stage));
        let stage = known.ok_or_else(|| {
            format!(
                "the stages that can go with an alias are Staging and Production, not \"{stage}\""
            )
        })?;
        Ok(Self {
            stage,
            alias: alias.to_owned(),
            is_for_one,
        })
    }
}

/// Checks one entry; the error says what is allowed.
pub(super) fn check(text: &str) -> Result<(), String> {
    text.parse::<StageAlias>().map(|_| ())
}

/// Finds a stage or an alias that two entries name.
pub(super) fn named_twice(entries: &[String]) -> Option<String> {
    let parsed: Vec<StageAlias> = entries
        .iter()
        .filter_map(|text| text.parse().ok())
        .collect();
    parsed.iter().enumerate().find_map(|(index, entry)| {
        let before = parsed.get(..index).unwrap_or_default();
        if before.iter().any(|other| other.stage == entry.stage) {
            return Some(format!("the stage {}", entry.stage));
        }
        let is_same = before.iter().any(|other| other.alias == entry.alias);
        is_same.then(|| format!("the alias {}", entry.alias))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Result<(&str, &str, bool), &str>) {
        let found = text.parse::<StageAlias>();
        let found = found
            .as_ref()
            .map(|entry| (entry.stage, entry.alias.as_str(), entry.is_for_one));
        match (found, expected) {
            (Ok(found), Ok(expected)) => assert_eq!(found, expected, "{text}"),
            (Err(found), Err(expected)) => assert!(found.contains(expected), "{text}: {found}"),
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn entries_are_a_stage_and_an_alias() {
        check("Production=champion", Ok(("Production", "champion", false)));
        check(" staging = next ! ", Ok(("Staging", "next", true)));
        check("Production=a=b", Ok(("Production", "a=b", false)));
        check("Production", Err("STAGE=alias"));
        check("Production=", Err("STAGE=alias"));
        check("Production=!", Err("STAGE=alias"));
        check("None=none", Err("not \"None\""));
        check("Archived=old", Err("Staging and Production"));
        check("prod=prod", Err("not \"prod\""));
    }

    #[test]
    fn no_stage_and_no_alias_stands_twice() {
        let twice = |entries: &[&str]| {
            let entries: Vec<String> = entries.iter().map(|&entry| entry.into()).collect();
            named_twice(&entries)
        };
        assert_eq!(twice(&["Production=a", "Staging=b!"]), None);
        let stage = twice(&["Production=a", "production=b"]);
        assert_eq!(stage.as_deref(), Some("the stage Production"));
        let alias = twice(&["Production=a", "Staging=a!"]);
        assert_eq!(alias.as_deref(), Some("the alias a"));
    }
}
