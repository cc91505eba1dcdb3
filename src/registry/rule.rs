//! What the names and tags of the registry must look like, and MLflow's texts where they do not.
//!
//! Pure: nothing here reads or writes the database.

use crate::error::{Error, Result};
use crate::python;
use crate::tracking::experiment::Pair;
use crate::tracking::rule::{check_length, check_name, check_stays_itself};

/// Characters of the name of a registered model, as many as MLflow's column holds.
pub const MAX_MODEL_NAME: usize = 256;
/// Characters of an alias.
pub const MAX_ALIAS: usize = 255;
/// Characters of a tag key.
pub const MAX_TAG_KEY: usize = 250;
/// Characters of a tag value.
pub const MAX_TAG_VALUE: usize = 100_000;

/// The tag that makes a registered model a prompt.
pub const PROMPT_TAG: &str = "mlflow.prompt.is_prompt";
/// The tag that holds the text of a prompt.
pub const PROMPT_TEXT_TAG: &str = "mlflow.prompt.text";
/// The alias that stands for the highest version, and can be set by nobody.
pub const LATEST: &str = "latest";

/// Checks the name of a registered model.
pub fn check_model_name(name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(Error::invalid(
            "Missing value for required parameter 'name'.",
        ));
    }
    if name.contains(['/', ':']) {
        return Err(Error::invalid(format!(
            "Invalid model name '{name}'. Names cannot contain '/' or ':'."
        )));
    }
    if name.contains(char::is_control) {
        return Err(Error::invalid(format!(
            "Invalid model name {}. Names cannot contain control characters.",
            python::repr(name)
        )));
    }
    check_stays_itself(name, "name")?;
    check_length("Registered model name", MAX_MODEL_NAME, name)
}

/// Checks the new name of a registered model.
pub fn check_new_model_name(name: &str) -> Result<()> {
    if name.trim().is_empty() {
        return Err(Error::invalid(
            "Missing value for required parameter 'new_name'.",
        ));
    }
    check_model_name(name)
}

/// Checks the spelling of an alias.
pub fn check_alias(alias: &str) -> Result<()> {
    if alias.is_empty() {
        return Err(Error::invalid(
            "Registered model alias name cannot be empty.",
        ));
    }
    if !alias
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
    {
        return Err(Error::invalid(format!(
            "Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_), \
             and dashes (-)."
        )));
    }
    check_length("Registered model alias name", MAX_ALIAS, alias)
}

/// Checks an alias that is to be set: some are reserved.
pub fn check_new_alias(alias: &str) -> Result<()> {
    check_alias(alias)?;
    if alias.to_lowercase() == LATEST {
        return Err(Error::invalid(
            "'latest' alias name (case insensitive) is reserved.",
        ));
    }
    let digits = alias.strip_prefix(['v', 'V']).unwrap_or("");
    if !digits.is_empty() && digits.chars().all(char::is_numeric) {
        return Err(Error::invalid(format!(
            "Version alias name '{alias}' is reserved."
        )));
    }
    Ok(())
}

/// Checks a tag of a registered model.
pub fn check_model_tag(tag: &Pair) -> Result<()> {
    check_tag_key(&tag.key)?;
    check_length("key", MAX_TAG_KEY, &tag.key)?;
    check_length("value", MAX_TAG_VALUE, &tag.value)
}

/// Checks a tag of a version.
pub fn check_version_tag(tag: &Pair) -> Result<()> {
    if tag.key == PROMPT_TEXT_TAG && tag.value.chars().count() > MAX_TAG_VALUE {
        return Err(Error::invalid(format!(
            "Prompt text exceeds max length of {MAX_TAG_VALUE} characters."
        )));
    }
    check_model_tag(tag)
}

/// Checks the characters of a tag key, as a deletion does.
pub fn check_tag_key(key: &str) -> Result<()> {
    check_name(key, "key")
}

/// Reads the number of a version as Python's `int` would.
pub fn version_number(text: &str) -> Result<i64> {
    let refused = || {
        Error::invalid(format!(
            "Parameter 'version' must be an integer, got '{text}'."
        ))
    };
    text.trim().parse().map_err(|_| refused())
}

/// Tells whether these tags make a thing a prompt; of one key twice the last value counts.
pub fn is_prompt(tags: &[Pair]) -> bool {
    tags.iter()
        .rev()
        .find(|tag| tag.key == PROMPT_TAG)
        .is_some_and(|tag| tag.value.eq_ignore_ascii_case("true"))
}

/// Tells whether these tags have the prompt tag, whatever its value.
pub fn has_prompt_tag(tags: &[Pair]) -> bool {
    tags.iter().any(|tag| tag.key == PROMPT_TAG)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_models_are_checked() {
        let check = |name: &str, expected: Option<&str>| {
            let message = check_model_name(name).err().map(|error| error.message);
            assert_eq!(message.as_deref(), expected, "{name:?}");
        };
        check("churn", None);
        check("größe 1.0 (v2)", None);
        check("a%2Fb", None);
        check(" ", Some("Missing value for required parameter 'name'."));
        check(
            "a:b",
            Some("Invalid model name 'a:b'. Names cannot contain '/' or ':'."),
        );
        check(
            "a\nb",
            Some("Invalid model name 'a\\nb'. Names cannot contain control characters."),
        );
        check(
            ".",
            Some(
                "Invalid value \".\" for parameter 'name' supplied: Names may be treated as files \
                 in certain cases, and must not resolve to other names when treated as such. This \
                 name would resolve to '.'",
            ),
        );
        check(&"ü".repeat(256), None);
        check(
            &"n".repeat(257),
            Some("'Registered model name' exceeds the maximum length of 256 characters"),
        );
    }

    #[test]
    fn aliases_are_checked() {
        let check = |alias: &str, good: bool| {
            assert_eq!(check_new_alias(alias).is_ok(), good, "{alias:?}");
        };
        check("champion", true);
        check("v", true);
        check("v1a", true);
        check("über-1_2", true);
        check("V12", false);
        check("Latest", false);
        check("", false);
        check("a.b", false);
        check(&"a".repeat(255), true);
        check(&"a".repeat(256), false);
        assert!(check_alias("latest").is_ok());
    }

    #[test]
    fn the_last_prompt_tag_counts() {
        let tag = |value: &str| Pair {
            key: PROMPT_TAG.into(),
            value: value.into(),
        };
        assert!(is_prompt(&[tag("false"), tag("True")]));
        assert!(!is_prompt(&[tag("true"), tag("yes")]));
        assert!(!is_prompt(&[]));
    }
}
