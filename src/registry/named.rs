//! Versions as people name them: a number, an alias, a stage, or the latest, of this or another
//! model.

use super::source::Which;
use super::stage::Stage;
use super::version::{self, Version, VersionRef};
use super::{alias, model, rule};
use crate::db::Tx;
use crate::error::{Error, Result};

/// A version as a request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    pub model: String,
    /// `3`, `@champion`, `Production` or `latest`.
    pub which: String,
}

impl Named {
    /// Reads `3`, `@champion`, `Production` or `latest`, with `other/` before it for another model
    /// than `model`; `models:/` may go before that, and `other@champion` is `other/@champion`.
    ///
    /// # Errors
    /// 400 that names the parameter.
    pub fn parse(text: &str, model: &str, parameter: &str) -> Result<Self> {
        let below = text.strip_prefix("models:/").unwrap_or(text);
        let (model, which) = match (below.split_once('/'), below.rsplit_once('@')) {
            (Some((other, which)), _) => (other, which.to_owned()),
            (None, Some((other, alias))) if !other.is_empty() => (other, format!("@{alias}")),
            _ => (model, below.to_owned()),
        };
        let is_plain = !which.is_empty() && which != "@" && !which.contains('/');
        if model.is_empty() || !is_plain {
            return Err(Error::invalid(format!(
                "The parameter {parameter} names a version as 3, @champion, Production or latest, \
                 with other-model/ before it for a version of another model, and is '{text}'."
            )));
        }
        Ok(Self {
            model: model.to_owned(),
            which,
        })
    }

    fn which(&self) -> Which<'_> {
        match self.which.strip_prefix('@') {
            Some(alias) => Which::Alias(alias),
            None if self.which.bytes().all(|byte| byte.is_ascii_digit()) => {
                Which::Number(self.which.parse().unwrap_or(i64::MAX))
            }
            None if self.which.to_lowercase() == rule::LATEST => Which::Latest,
            None => Which::Stage(&self.which),
        }
    }
}

/// Finds the version that is named.
///
/// # Errors
/// 404 where there is none, 400 for an alias that is not set and for a stage that does not exist.
pub fn find(tx: &mut Tx<'_>, named: &Named) -> Result<Version> {
    let name = &named.model;
    match named.which() {
        Which::Number(number) => version::find(
            tx,
            &VersionRef {
                model: name.clone(),
                number,
            },
        ),
        Which::Alias(alias) => alias::find_version(tx, name, alias),
        Which::Latest => alias::find_version(tx, name, rule::LATEST),
        Which::Stage(stage) => {
            let stage = Stage::parse(stage)?;
            model::find(tx, name)?;
            let highest = version::latest_in(tx, name, &[stage])?.into_iter().next();
            highest.ok_or_else(|| {
                Error::not_found(format!(
                    "No version of the registered model '{name}' is in the stage {}.",
                    stage.name()
                ))
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_named_in_many_ways() {
        let check = |text: &str, expected: Option<(&str, &str)>| {
            let named = Named::parse(text, "m", "a").ok();
            let named = named.as_ref().map(|named| (&*named.model, &*named.which));
            assert_eq!(named, expected, "{text}");
        };
        check("3", Some(("m", "3")));
        check("@champion", Some(("m", "@champion")));
        check("Production", Some(("m", "Production")));
        check("other/3", Some(("other", "3")));
        check("models:/other/latest", Some(("other", "latest")));
        check("other@champion", Some(("other", "@champion")));
        check("models:/other@champion", Some(("other", "@champion")));
        check("other/@champion", Some(("other", "@champion")));
        for wrong in ["", "@", "/3", "other/", "other/3/4", "other@"] {
            check(wrong, None);
        }
    }
}
