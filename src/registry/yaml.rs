//! Reads the YAML that models carry as JSON values.
//!
//! Scalars stay texts unless they are plainly null, a truth value or a whole number: a version
//! written as `3.10` must not become 3.1. Nothing is ever executed: tags of the document are
//! ignored. Depth and size are bounded, and what an alias repeats counts as if it were written
//! out, so that no document grows beyond its bounds.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value as Json};
use std::collections::HashMap;

/// How deep lists and mappings may nest.
const MAX_DEPTH: usize = 64;
/// Values of a document, repeated ones included.
const MAX_NODES: usize = 200_000;

/// Reads the first document of a text; an empty text is null.
///
/// # Errors
/// A sentence that says what is wrong with the document.
pub fn parse(text: &str) -> Result<Json, String> {
    let mut builder = Builder::default();
    let mut parser = Parser::new_from_str(text);
    while let Some(next) = parser.next_event() {
        let (event, _) = next.map_err(|error| format!("It is not YAML: {error}."))?;
        if matches!(event, Event::DocumentEnd | Event::StreamEnd) {
            break;
        }
        builder.take(event)?;
    }
    Ok(builder.root.unwrap_or(Json::Null))
}

/// A list or mapping that is not closed yet.
struct Open {
    anchor: usize,
    nodes: usize,
    kind: Kind,
}

enum Kind {
    List(Vec<Json>),
    /// The entries so far, and the key that waits for its value.
    Mapping(Map<String, Json>, Option<String>),
}

#[derive(Default)]
struct Builder {
    root: Option<Json>,
    open: Vec<Open>,
    anchors: HashMap<usize, (Json, usize)>,
    nodes: usize,
}

impl Builder {
    fn take(&mut self, event: Event<'_>) -> Result<(), String> {
        match event {
            Event::Scalar(text, style, anchor, _) => {
                self.count(1)?;
                let value = match style {
                    ScalarStyle::Plain => plain(&text),
                    _ => Json::from(text.into_owned()),
                };
                self.add(value, anchor, 1)
            }
            Event::SequenceStart(anchor, _) => self.begin(anchor, Kind::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.begin(anchor, Kind::Mapping(Map::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let known = self.anchors.get(&anchor).cloned();
                let (value, nodes) =
                    known.ok_or("An alias of the YAML stands inside of what it repeats.")?;
                self.count(nodes)?;
                self.add(value, 0, nodes)
            }
            _ => Ok(()),
        }
    }

    fn count(&mut self, nodes: usize) -> Result<(), String> {
        self.nodes = self.nodes.saturating_add(nodes);
        match self.nodes <= MAX_NODES {
            true => Ok(()),
            false => Err(format!("The YAML has more than {MAX_NODES} values.")),
        }
    }

    fn begin(&mut self, anchor: usize, kind: Kind) -> Result<(), String> {
        self.count(1)?;
        if self.open.len() >= MAX_DEPTH {
            return Err(format!(
                "The YAML nests deeper than {MAX_DEPTH} lists and mappings."
            ));
        }
        self.open.push(Open {
            anchor,
            nodes: 1,
            kind,
        });
        Ok(())
    }

    fn end(&mut self) -> Result<(), String> {
        let Some(closed) = self.open.pop() else {
            return Ok(());
        };
        let value = match closed.kind {
            Kind::List(items) => Json::Array(items),
            Kind::Mapping(entries, _) => Json::Object(entries),
        };
        self.add(value, closed.anchor, closed.nodes)
    }

    /// Puts a value of so many nodes where the document has it.
    fn add(&mut self, value: Json, anchor: usize, nodes: usize) -> Result<(), String> {
        if anchor > 0 {
            self.anchors.insert(anchor, (value.clone(), nodes));
        }
        let Some(parent) = self.open.last_mut() else {
            self.root.get_or_insert(value);
            return Ok(());
        };
        parent.nodes = parent.nodes.saturating_add(nodes);
        match &mut parent.kind {
            Kind::List(items) => items.push(value),
            Kind::Mapping(entries, key) => match key.take() {
                Some(key) => {
                    entries.insert(key, value);
                }
                None => *key = Some(text(&value).ok_or("A key of the YAML is no plain text.")?),
            },
        }
        Ok(())
    }
}

/// Reads a scalar without quotes.
fn plain(text: &str) -> Json {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Json::Null,
        "true" | "True" | "TRUE" => Json::Bool(true),
        "false" | "False" | "FALSE" => Json::Bool(false),
        _ => match text.parse::<i64>() {
            // `007` and `+7` are texts to whoever compares them.
            Ok(number) if number.to_string() == text => Json::from(number),
            _ => Json::from(text),
        },
    }
}

/// Gives a scalar as text; `None` for null, lists and mappings.
pub fn text(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        Json::Bool(truth) => Some(truth.to_string()),
        Json::Null | Json::Array(_) | Json::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[track_caller]
    fn check(text: &str, expected: Json) {
        assert_eq!(parse(text), Ok(expected), "{text}");
    }

    #[test]
    fn documents_are_read_and_versions_stay_texts() {
        check("", Json::Null);
        check(
            "a: 3.10\nb: '3'\nc: 3\n",
            json!({"a": "3.10", "b": "3", "c": 3}),
        );
        check(
            "- x\n- -r f\n- {k: [1, true, ~]}",
            json!(["x", "-r f", {"k": [1, true, null]}]),
        );
        check(
            "a: 007\nb: !!python/object:os.system x\n",
            json!({"a": "007", "b": "x"}),
        );
        check("a: &x [1, 2]\nb: *x\n", json!({"a": [1, 2], "b": [1, 2]}));
        check(
            "a: '[{\"t\": \"long\",\n    \"n\": 1}]'",
            json!({"a": "[{\"t\": \"long\", \"n\": 1}]"}),
        );
        check(
            "1: a\ntrue: b\n---\nmore: 1",
            json!({"1": "a", "true": "b"}),
        );
    }

    #[test]
    fn what_is_no_document_is_told() {
        let told = |text: &str| parse(text).unwrap_err();
        assert!(told("a: [").starts_with("It is not YAML: "));
        assert!(told("a: *x").starts_with("It is not YAML: "));
        assert_eq!(told("[a, b]: 1"), "A key of the YAML is no plain text.");
        assert_eq!(
            told("a: &x [*x]"),
            "An alias of the YAML stands inside of what it repeats."
        );
        assert_eq!(
            told(&"- ".repeat(100)),
            "The YAML nests deeper than 64 lists and mappings."
        );
    }

    #[test]
    fn repeated_aliases_do_not_grow_a_document_beyond_its_bounds() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..30 {
            let before = format!("*a{}, ", level - 1).repeat(10);
            bomb += &format!("a{level}: &a{level} [{before}]\n");
        }
        assert_eq!(
            parse(&bomb).unwrap_err(),
            "The YAML has more than 200000 values."
        );
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[-a:\\[\\]{}&*!|>'\"# \n\t,~0-9%@`?]{0,80}|.{0,200}") {
            let _ = parse(&text);
        }
    }
}
