//! URIs that name a version of a registered model, as `models:/churn@champion`.
//!
//! Pure: where a URI leads is the business of `resolve`.

use super::rule;
use super::source::{self, Reference, Which};
use super::stage::Stage;
use crate::artifacts::uri::Uri;
use crate::error::{Error, Result};
use std::fmt;

/// Which version of a model is followed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    Number(i64),
    /// The highest version.
    Latest,
    /// The highest version of a stage.
    Stage(Stage),
    Alias(String),
}

/// A name of a model and which of its versions is meant; both are spelled as the registry may.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ModelUri {
    pub model: String,
    pub target: Target,
}

impl ModelUri {
    /// Reads `models:/NAME@ALIAS`, `models:/NAME/VERSION`, `models:/NAME/STAGE` or
    /// `models:/NAME/latest`.
    ///
    /// # Errors
    /// 400 for anything else, and for a name, alias or stage that there cannot be.
    pub fn parse(text: &str) -> Result<Self> {
        let uri = Uri::split(text);
        if uri.scheme != "models" || !uri.authority.is_empty() {
            return Err(refused(text, "is no URI of this registry"));
        }
        // A name may hold what ends a path elsewhere.
        let path = text.split_once(':').map_or("", |(_, path)| path);
        let (model, which) = match source::parse_reference(path) {
            Some(Reference::Version(model, which)) => (model, which),
            Some(Reference::LoggedModel(_)) => {
                return Err(refused(
                    text,
                    "names no version. A logged model that nobody registered cannot be resolved: \
                     register it first",
                ));
            }
            Some(Reference::Nothing) | None => return Err(refused(text, "names no version")),
        };
        rule::check_model_name(model)?;
        let target = match which {
            Which::Number(number) => Target::Number(number),
            Which::Latest => Target::Latest,
            Which::Stage(stage) => Target::Stage(Stage::parse(stage)?),
            Which::Alias(alias) => return Self::of_alias(model, alias),
        };
        Ok(Self {
            model: model.to_owned(),
            target,
        })
    }

    /// Names what an alias of a model points at; the alias `latest` is the highest version.
    pub fn of_alias(model: &str, alias: &str) -> Result<Self> {
        rule::check_model_name(model)?;
        rule::check_alias(alias)?;
        let target = match alias.to_lowercase() == rule::LATEST {
            true => Target::Latest,
            false => Target::Alias(alias.to_owned()),
        };
        Ok(Self {
            model: model.to_owned(),
            target,
        })
    }
}

impl fmt::Display for ModelUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "models:/{}", self.model)?;
        match &self.target {
            Target::Number(number) => write!(f, "/{number}"),
            Target::Latest => write!(f, "/{}", rule::LATEST),
            Target::Stage(stage) => write!(f, "/{}", stage.name()),
            Target::Alias(alias) => write!(f, "@{alias}"),
        }
    }
}

fn refused(text: &str, why: &str) -> Error {
    Error::invalid(format!(
        "The uri '{text}' {why}. Write models:/NAME@ALIAS, models:/NAME/VERSION, \
         models:/NAME/STAGE or models:/NAME/latest."
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_are_read_and_written_in_one_spelling() {
        let check = |text: &str, expected: Option<&str>| {
            let read = ModelUri::parse(text).ok().map(|uri| uri.to_string());
            assert_eq!(read.as_deref(), expected, "{text}");
        };
        check("models:/churn@champion", Some("models:/churn@champion"));
        check("models:/churn/3", Some("models:/churn/3"));
        check("models:/churn/007", Some("models:/churn/7"));
        check("models:/churn/production", Some("models:/churn/Production"));
        check("models:/churn/None", Some("models:/churn/None"));
        check("models:/churn/LATEST", Some("models:/churn/latest"));
        check("models:/churn@Latest", Some("models:/churn/latest"));
        check("models:/a b?c#d@x", Some("models:/a b?c#d@x"));
        check("models:/a@b@x", Some("models:/a@b@x"));
        for refused in [
            "",
            "churn",
            "models:/",
            "models:/churn",
            "models:/churn@",
            "models:/churn/3/model",
            "models:/churn/nowhere",
            "models:/churn@a b",
            "models:/m-0123456789abcdef0123456789abcdef",
            "models://other/churn/3",
            "runs:/0123/model",
            "s3://bucket/model",
        ] {
            check(refused, None);
        }
    }

    #[test]
    fn a_logged_model_is_refused_with_what_to_do() {
        let error = ModelUri::parse("models:/m-0123456789abcdef").unwrap_err();
        assert_eq!(
            error.message,
            "The uri 'models:/m-0123456789abcdef' names no version. A logged model that nobody \
             registered cannot be resolved: register it first. Write models:/NAME@ALIAS, \
             models:/NAME/VERSION, models:/NAME/STAGE or models:/NAME/latest."
        );
    }
}
