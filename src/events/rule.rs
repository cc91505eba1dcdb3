//! What a webhook may be called and how long its texts may be; the refusals that MLflow also gives
//! are in its words. URLs are judged by who sends to them.

use super::kind::EventType;
use crate::error::{Error, Result};
use crate::python;

/// Characters of a URL.
const MAX_URL: usize = 2_000;
/// Characters of a description.
const MAX_DESCRIPTION: usize = 1_000;
/// Bytes of a secret.
const MAX_SECRET: usize = 1_000;
/// Characters of a name.
const MAX_NAME: usize = 63;

/// Refuses a name that MLflow refuses, in its words.
pub fn check_name(name: &str) -> Result<()> {
    let is_end = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    let is_inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let mut chars = name.chars();
    let good = is_end(name.chars().next())
        && is_end(name.chars().next_back())
        && chars.all(is_inner)
        && name.len() <= MAX_NAME;
    if good {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "Webhook name {} is invalid. It must start and end with a letter or digit, be less than 63 \
         characters long, and contain only letters, digits, dots (.), underscores (_), and hyphens \
         (-).",
        python::repr(name)
    )))
}

/// Refuses a URL, description or secret that is too long; `None` for one that is not given.
pub fn check_lengths(
    url: Option<&str>,
    description: Option<&str>,
    secret: Option<&str>,
) -> Result<()> {
    let texts = [
        (
            "url",
            url.map_or(0, |text| text.chars().count()),
            MAX_URL,
            "characters",
        ),
        (
            "description",
            description.map_or(0, |text| text.chars().count()),
            MAX_DESCRIPTION,
            "characters",
        ),
        ("secret", secret.map_or(0, str::len), MAX_SECRET, "bytes"),
    ];
    match texts.into_iter().find(|(_, length, most, _)| length > most) {
        None => Ok(()),
        Some((name, length, most, unit)) => Err(Error::invalid(format!(
            "The {name} of a webhook has at most {most} {unit}, and this one has {length}."
        ))),
    }
}

/// Refuses an empty list of events, in MLflow's words.
pub fn check_events(events: &[EventType]) -> Result<()> {
    match events {
        [] => Err(Error::invalid(
            "Webhook events must be a non-empty list of WebhookEvent objects: [].",
        )),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_mlflows() {
        let longest = "a".repeat(MAX_NAME);
        for name in ["w", "W9", "a.b_c-d", &longest] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        let too_long = "a".repeat(MAX_NAME + 1);
        for name in ["", "-", "a-", ".a", "a b", "a\n", "ſ", "é", &too_long] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
