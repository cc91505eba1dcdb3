//! Small text work of the replay: placeholders, encodings, and what is volatile in a string.

use serde_json::Value;

use super::Captured;

/// Puts captured values in the place of `{name}`; what is not captured stays as it is.
pub(crate) fn fill(text: &str, captured: &Captured) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        let (before, after) = rest.split_at(open);
        filled.push_str(before);
        let name = after[1..].split('}').next().unwrap_or_default();
        match captured.get(name) {
            Some(value) => {
                filled.push_str(value);
                rest = &after[name.len() + 2..];
            }
            None => {
                filled.push('{');
                rest = &after[1..];
            }
        }
    }
    filled + rest
}

/// Encodes everything but letters, digits and `-._~`.
pub(crate) fn percent_encode(text: &str) -> String {
    let one = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    text.bytes().map(one).collect()
}

/// Reads pairs of hexadecimal digits; a broken pair is left out.
pub(crate) fn from_hex(text: &str) -> Vec<u8> {
    let starts = (0..text.len()).step_by(2);
    starts
        .filter_map(|at| text.get(at..at + 2))
        .filter_map(|two| u8::from_str_radix(two, 16).ok())
        .collect()
}

/// Reads JSON, taking a bare `NaN` after a colon for the text `"NaN"`, as one route writes it.
pub(crate) fn json(body: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(body).ok()?;
    serde_json::from_str(text)
        .or_else(|_| serde_json::from_str(&text.replace(":NaN", ":\"NaN\"")))
        .ok()
}

/// Finds the text or number at a dotted path such as `runs.0.info.run_id`.
pub(crate) fn follow(document: &Value, path: &str) -> Option<String> {
    let mut at = document;
    for part in path.split('.') {
        at = match at {
            Value::Array(items) => items.get(part.parse::<usize>().ok()?)?,
            _ => at.get(part)?,
        };
    }
    match at {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Splits a string into the parts that a server invents and a pattern of all the rest.
///
/// Invented are ids of 32 hexadecimal digits, also after `m-`, ids of the shape of a UUID, and a
/// string that as a whole looks like a random run name (`righteous-zebra-985`). In the pattern
/// each stands as a character that no answer has.
pub(crate) fn split_invented(text: &str) -> (String, Vec<&str>) {
    if is_random_name(text) {
        return ("\u{1}".to_owned(), vec![text]);
    }
    let mut pattern = String::with_capacity(text.len());
    let mut invented = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let word = word_at_start(rest);
        if is_id(word) {
            pattern.push('\u{2}');
            invented.push(word);
            rest = &rest[word.len()..];
            continue;
        }
        // A word that is not an id is taken whole, so that no id is found inside a longer word.
        let taken = word.len().max(first.len_utf8());
        pattern.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    (pattern, invented)
}

fn word_at_start(text: &str) -> &str {
    let inside = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let end = text.find(|c| !inside(c)).unwrap_or(text.len());
    &text[..end]
}

fn is_id(word: &str) -> bool {
    let hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let bare = word.strip_prefix("m-").unwrap_or(word);
    if bare.chars().any(|c| !hex(c) && c != '-') {
        return false;
    }
    let parts: Vec<usize> = bare.split('-').map(str::len).collect();
    // An id of zeros only is one that a request made up.
    bare.chars().any(|c| c != '0' && c != '-') && (parts == [32] || parts == [8, 4, 4, 4, 12])
}

fn is_random_name(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let [adjective, noun, number] = parts.as_slice() else {
        return false;
    };
    let word = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_lowercase());
    let digits = !number.is_empty() && number.chars().all(|c| c.is_ascii_digit());
    word(adjective) && word(noun) && digits
}

/// Sorts the items of every `{'a', 'b'}` in a message: MLflow writes a set in no fixed order.
pub(crate) fn sort_sets(message: &str) -> String {
    let mut sorted = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(open) = rest.find("{'") {
        let (before, after) = rest.split_at(open);
        sorted.push_str(before);
        let Some(close) = after.find('}') else {
            rest = after;
            break;
        };
        let mut items: Vec<&str> = after[1..close].split(", ").collect();
        let is_set = items.iter().all(|item| item.matches('\'').count() == 2);
        if is_set {
            items.sort_unstable();
        }
        sorted.push_str(&format!("{{{}}}", items.join(", ")));
        rest = &after[close + 1..];
    }
    sorted + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_captured_names_are_filled() {
        let captured = Captured::from([("run".to_owned(), "r1".to_owned())]);
        assert_eq!(
            fill(r#"{"a":"{run}","b":{x}"#, &captured),
            r#"{"a":"r1","b":{x}"#
        );
    }

    #[test]
    fn ids_are_found_and_longer_words_are_not() {
        let id = "de1a1c52917343a6b5c85de567a52a5e";
        let text = format!("mlflow-artifacts:/0/{id}/artifacts");
        assert_eq!(
            split_invented(&text),
            ("mlflow-artifacts:/0/\u{2}/artifacts".to_owned(), vec![id])
        );
        let longer = format!("x{id}");
        assert_eq!(split_invented(&longer), (longer.clone(), Vec::new()));
        assert_eq!(
            split_invented("righteous-zebra-985").1,
            vec!["righteous-zebra-985"]
        );
        assert!(
            split_invented("m-00000000000000000000000000000000")
                .1
                .is_empty()
        );
    }

    #[test]
    fn sets_are_sorted_and_dictionaries_are_not() {
        assert_eq!(sort_sets("of '{'b', 'a'}'!"), "of '{'a', 'b'}'!");
        assert_eq!(
            sort_sets("[{'key': 'b', 'at': 'a'}]"),
            "[{'key': 'b', 'at': 'a'}]"
        );
    }
}
