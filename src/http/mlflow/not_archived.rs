//! The header that tells which versions were not archived, though the others of their stage were.
//!
//! MLflow's answers have no field for it, and its client ignores headers.

use crate::registry::stage::Kept;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

const NAME: HeaderName = HeaderName::from_static("x-trackway-not-archived");
/// The longest value, in bytes; clients refuse headers that are very long.
const MAX_VALUE: usize = 4_000;
/// What a name may hold as it is, beside letters and digits of ASCII.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~');

/// Gives the header for versions that were kept; none where there are none.
pub(super) fn header(kept: &[Kept]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if kept.is_empty() {
        return headers;
    }
    // Percent-encoded names, digits and punctuation are always a value.
    if let Ok(value) = HeaderValue::from_str(&text(kept)) {
        headers.insert(NAME, value);
    }
    headers
}

/// Writes `churn/2 (champion), churn/3 (a b)`, as many as there is room for.
fn text(kept: &[Kept]) -> String {
    let mut text = String::new();
    for (index, one) in kept.iter().enumerate() {
        let name = utf8_percent_encode(&one.version.model, UNRESERVED);
        let aliases: Vec<String> = one
            .aliases
            .iter()
            .map(|alias| utf8_percent_encode(alias, UNRESERVED).to_string())
            .collect();
        let said = format!("{name}/{} ({})", one.version.number, aliases.join(" "));
        if text.len() + said.len() + 2 > MAX_VALUE {
            let rest = kept.len() - index;
            let and = if index == 0 { "" } else { ", and " };
            return format!("{text}{and}{rest} more");
        }
        if index > 0 {
            text.push_str(", ");
        }
        text.push_str(&said);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::version::VersionRef;

    fn kept(model: &str, number: i64, aliases: &[&str]) -> Kept {
        Kept {
            version: VersionRef {
                model: model.into(),
                number,
            },
            aliases: aliases.iter().map(|&alias| alias.into()).collect(),
        }
    }

    #[test]
    fn versions_are_told_with_their_aliases() {
        assert!(header(&[]).is_empty());
        let headers = header(&[kept("a (b), ü", 2, &["x", "é"]), kept("a", 3, &["y"])]);
        assert_eq!(
            headers[NAME],
            "a%20%28b%29%2C%20%C3%BC/2 (x %C3%A9), a/3 (y)"
        );
    }

    #[test]
    fn there_is_room_for_some_versions_only() {
        let many: Vec<Kept> = (1..=1_000)
            .map(|number| kept("m", number, &["a"]))
            .collect();
        let value = text(&many);
        assert!(value.len() <= MAX_VALUE + 20, "{}", value.len());
        let told = value.matches("m/").count();
        assert!(
            value.ends_with(&format!(", and {} more", 1_000 - told)),
            "{value}"
        );
        let long = kept("m", 1, &["ü".repeat(255).as_str(); 20]);
        assert_eq!(text(&[long]), "1 more");
    }
}
