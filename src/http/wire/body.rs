//! Reads a request's JSON body into a message.
//!
//! The body is read straight into the message. Only what that refuses takes the slow way: bare
//! `NaN` tokens, a double-encoded body, one field twice. What is no JSON object at all reads as an
//! empty object, so that the answer names the first missing field.

use super::field::Message;
use crate::error::{Error, Result};
use memchr::memmem;
use serde_json::{Map, Value as Json};

/// Reads a body.
///
/// # Errors
/// 400 for one field spelled both ways, and for a text with a NUL, which no database can store.
pub fn read<M: Message>(body: &[u8]) -> Result<M> {
    if memmem::find(body, br"\u0000").is_some() {
        refuse_nul(&Json::Object(loose_object(body)?), &mut String::new())?;
    }
    if let Some(message) = M::read_plain(body) {
        return Ok(message);
    }
    // Serde would read an array into a struct, too.
    if body.trim_ascii_start().starts_with(b"{")
        && let Ok(message) = serde_json::from_slice(body)
    {
        return Ok(message);
    }
    from_object(loose_object(body)?)
}

/// Reads a query string; `M::LISTS` are the parameters that may be repeated.
pub fn read_query<M: Message>(query: &str) -> Result<M> {
    let mut object = Map::new();
    for (name, value) in form_pairs(query) {
        // Paths have a refusal of their own.
        if value.contains('\0') && !name.ends_with("path") {
            return Err(nul(&name));
        }
        if M::LISTS.contains(&name.as_str()) {
            let list = object
                .entry(name)
                .or_insert_with(|| Json::Array(Vec::new()));
            if let Json::Array(items) = list {
                items.push(Json::String(value));
            }
        } else if !object.contains_key(&name) {
            object.insert(name, Json::String(value));
        }
    }
    from_object(object)
}

/// Refuses a text with a NUL anywhere in a value, and names the field: `path` is how to get there.
fn refuse_nul(value: &Json, path: &mut String) -> Result<()> {
    let length = path.len();
    match value {
        Json::String(text) if text.contains('\0') => return Err(nul(path)),
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                path.push_str(&format!("[{index}]"));
                refuse_nul(item, path)?;
                path.truncate(length);
            }
        }
        Json::Object(object) => {
            for (name, item) in object {
                if length > 0 {
                    path.push('.');
                }
                path.push_str(name);
                refuse_nul(item, path)?;
                path.truncate(length);
            }
        }
        _ => {}
    }
    Ok(())
}

/// The refusal of a NUL in a field.
fn nul(field: &str) -> Error {
    Error::invalid(format!(
        "Invalid value for parameter '{}': it contains a NUL character, which cannot be stored. \
         Remove it.",
        field.replace('\0', "\u{fffd}")
    ))
}

/// Splits a query string into its decoded pairs; a `+` is a space.
pub fn form_pairs(query: &str) -> impl Iterator<Item = (String, String)> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
}

fn decode(text: &str) -> String {
    let spaced = text.replace('+', " ");
    percent_encoding::percent_decode_str(&spaced)
        .decode_utf8_lossy()
        .into_owned()
}

fn from_object<M: Message>(object: Map<String, Json>) -> Result<M> {
    M::deserialize(Json::Object(object)).map_err(|error| {
        Error::invalid("The request could not be read: send each field once, as a JSON object.")
            .with_cause(error)
    })
}

/// Reads a body as an object with its names in snake case; what is no object is an empty one.
pub fn loose_object(body: &[u8]) -> Result<Map<String, Json>> {
    let parsed = serde_json::from_slice(body)
        .or_else(|_| serde_json::from_slice(&quote_odd_numbers(body)))
        .unwrap_or(Json::Null);
    let mut parsed = match parsed {
        Json::String(inner) => serde_json::from_str(&inner).unwrap_or(Json::Null),
        other => other,
    };
    spell_in_snake_case(&mut parsed)?;
    match parsed {
        Json::Object(object) => Ok(object),
        _ => Ok(Map::new()),
    }
}

/// Turns lowerCamelCase names into snake_case and refuses a field that is there in both spellings.
fn spell_in_snake_case(value: &mut Json) -> Result<()> {
    match value {
        Json::Array(items) => items.iter_mut().try_for_each(spell_in_snake_case),
        Json::Object(object) => {
            let camel: Vec<String> = object
                .keys()
                .filter(|name| name.contains(|c: char| c.is_ascii_uppercase()))
                .cloned()
                .collect();
            for name in camel {
                let snake = snake_case(&name);
                if object.contains_key(&snake) {
                    return Err(Error::invalid(format!(
                        "Request specifies both '{snake}' and '{name}'; provide only one of them."
                    )));
                }
                if let Some(value) = object.remove(&name) {
                    object.insert(snake, value);
                }
            }
            object.values_mut().try_for_each(spell_in_snake_case)
        }
        _ => Ok(()),
    }
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for c in name.chars() {
        if c.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(c.to_ascii_lowercase());
    }
    snake
}

/// Puts quotes around `NaN`, `Infinity` and numbers that overflow a double, outside of strings.
///
/// Python's `json` writes such tokens, and a value must not be lost because of them.
fn quote_odd_numbers(body: &[u8]) -> Vec<u8> {
    let mut fixed = Vec::with_capacity(body.len() + 16);
    let mut rest = body;
    while let Some(&byte) = rest.first() {
        let length = match byte {
            b'"' => string_length(rest),
            b'N' | b'I' | b'-' | b'+' | b'0'..=b'9' => token_length(rest),
            _ => 1,
        };
        let (token, tail) = rest.split_at(length);
        let odd = matches!(token, b"NaN" | b"Infinity" | b"-Infinity")
            || (byte.is_ascii_digit() || byte == b'-')
                && std::str::from_utf8(token)
                    .ok()
                    .and_then(|token| token.parse::<f64>().ok())
                    .is_some_and(f64::is_infinite);
        if odd {
            fixed.push(b'"');
            fixed.extend_from_slice(token);
            fixed.push(b'"');
        } else {
            fixed.extend_from_slice(token);
        }
        rest = tail;
    }
    fixed
}

fn string_length(text: &[u8]) -> usize {
    let mut index = 1;
    while index < text.len() {
        match text.get(index) {
            Some(b'\\') => index += 2,
            Some(b'"') => return index + 1,
            _ => index += 1,
        }
    }
    text.len()
}

fn token_length(text: &[u8]) -> usize {
    let end = |byte: &u8| !(byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'+' | b'.'));
    text.iter().position(end).unwrap_or(text.len()).max(1)
}

#[cfg(test)]
mod tests {
    use super::super::field::Field;
    use super::*;
    use serde::Deserialize;

    #[derive(Deserialize, Debug, Default, PartialEq)]
    #[serde(default)]
    struct Sample {
        #[serde(alias = "runId")]
        run_id: Field<String>,
        value: Field<f64>,
        step: Field<i64>,
        names: Field<Vec<Field<String>>>,
    }

    impl Message for Sample {
        const LISTS: &'static [&'static str] = &["names"];
    }

    fn sample(run_id: &str, value: f64) -> Sample {
        Sample {
            run_id: Field::Given(run_id.into()),
            value: Field::Given(value),
            ..Sample::default()
        }
    }

    #[test]
    fn both_spellings_are_read() {
        assert_eq!(
            read::<Sample>(br#"{"runId":"a","value":1}"#).unwrap(),
            sample("a", 1.0)
        );
        assert_eq!(
            read::<Sample>(br#"{"run_id":"a","value":"1"}"#).unwrap(),
            sample("a", 1.0)
        );
    }

    #[test]
    fn both_spellings_at_once_are_refused() {
        let error = read::<Sample>(br#"{"runId":"a","run_id":"b"}"#).unwrap_err();
        assert_eq!(
            error.message,
            "Request specifies both 'run_id' and 'runId'; provide only one of them."
        );
    }

    #[test]
    fn a_field_given_twice_counts_with_its_last_value() {
        let read = read::<Sample>(br#"{"run_id":"a","run_id":"b","value":2}"#).unwrap();
        assert_eq!(read, sample("b", 2.0));
    }

    #[test]
    fn bare_infinities_and_overflows_keep_the_other_fields() {
        let read_one = |text: &str| read::<Sample>(text.as_bytes()).unwrap();
        assert_eq!(
            read_one(r#"{"run_id":"Na\"N","value":Infinity}"#),
            sample("Na\"N", f64::INFINITY)
        );
        assert_eq!(
            read_one(r#"{"run_id":"a","value":-Infinity}"#),
            sample("a", f64::NEG_INFINITY)
        );
        let overflow = read_one(r#"{"run_id":"a","value":1e999}"#);
        assert_eq!(overflow.run_id, Field::Given("a".into()));
        assert_eq!(overflow.value, Field::Bad(Box::new(Json::from("1e999"))));
        let Field::Given(value) = read_one(r#"{"value":NaN}"#).value else {
            panic!("no value")
        };
        assert!(value.is_nan());
    }

    #[test]
    fn a_number_keeps_its_last_bit() {
        for value in [2.7003832463079958, -1.2242858128580383, 0.1 + 0.2, 5e-324] {
            let body = format!(r#"{{"value":{value:?}}}"#);
            let read = read::<Sample>(body.as_bytes()).unwrap();
            assert_eq!(read.value, Field::Given(value), "{body}");
        }
    }

    #[test]
    fn what_is_no_object_reads_as_empty() {
        let deep = "[".repeat(10_000);
        for body in ["", "[1]", "{", "null", "5", "\"x\"", deep.as_str()] {
            assert_eq!(
                read::<Sample>(body.as_bytes()).unwrap(),
                Sample::default(),
                "{body:.9}"
            );
        }
        let double = serde_json::to_string(r#"{"run_id":"a","value":1}"#).unwrap();
        assert_eq!(read::<Sample>(double.as_bytes()).unwrap(), sample("a", 1.0));
    }

    #[test]
    fn a_query_gives_lists_and_numbers() {
        let read = read_query::<Sample>("names=a&names=b%20c&step=7&run_id=x+y").unwrap();
        assert_eq!(
            read.names,
            Field::Given(vec![Field::Given("a".into()), Field::Given("b c".into())])
        );
        assert_eq!(read.step, Field::Given(7));
        assert_eq!(read.run_id, Field::Given("x y".into()));
    }
}
