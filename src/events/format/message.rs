//! What an event says to people, before it is written for a chat program.
//!
//! Every text is plain: who writes it for a program with markup escapes it there.

use super::Letter;
use crate::events::Subject;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// The longest value that is shown whole, in characters.
const MAX_SHOWN: usize = 200;

/// What stays as it is in a segment of a URL's path.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'~')
    .remove(b'.');

/// A message with a headline, named values, and a link if the server knows its own address.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) headline: String,
    pub(super) facts: Vec<(&'static str, String)>,
    pub(super) link: Option<String>,
}

impl Message {
    pub(super) fn new(letter: &Letter<'_>) -> Self {
        let subject = &letter.facts.subject;
        let thing = match letter.event.entity().starts_with("prompt") {
            true => "Prompt",
            false => "Model",
        };
        let mut facts = vec![(thing, shown(&subject.name))];
        let mut add = |label, value: Option<&str>| {
            if let Some(value) = value.filter(|value| !value.is_empty()) {
                facts.push((label, shown(value)));
            }
        };
        add("Version", subject.version.as_deref());
        let from = match letter.event.action() {
            "aged" => "Since",
            _ => "From",
        };
        add(from, subject.from.as_deref());
        add("To", subject.to.as_deref());
        add("By", Some(&letter.facts.actor));
        add("Why", Some(&letter.facts.reason));
        Self {
            headline: headline(letter),
            facts,
            link: link(letter.public_url, subject),
        }
    }

    /// Gives the whole message in one line, for notifications.
    pub(super) fn in_one_line(&self) -> String {
        let said = |label: &str| {
            let found = self.facts.iter().find(|(other, _)| *other == label);
            found.map(|(_, value)| value.as_str())
        };
        let by = said("By")
            .map(|who| format!(" by {who}"))
            .unwrap_or_default();
        let why = said("Why")
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        format!("{}{by}{why}", self.headline)
    }
}

/// Puts a value in one line and cuts it where it is too long.
fn shown(value: &str) -> String {
    let line: Vec<&str> = value.split_whitespace().collect();
    let line = line.join(" ");
    let line: String = line.chars().filter(|c| !c.is_control()).collect();
    match line.char_indices().nth(MAX_SHOWN) {
        Some((at, _)) => format!("{}…", line.get(..at).unwrap_or_default().trim_end()),
        None => line,
    }
}

fn headline(letter: &Letter<'_>) -> String {
    let subject = &letter.facts.subject;
    let text = |value: &Option<String>| value.as_deref().map(shown).unwrap_or_default();
    let (name, key) = (shown(&subject.name), text(&subject.key));
    let (from, to) = (text(&subject.from), text(&subject.to));
    let thing = match &subject.version {
        Some(version) => format!("{name} version {version}"),
        None => name.clone(),
    };
    let entity = letter.event.entity();
    let is_alias = entity.ends_with("_alias");
    match letter.event.action() {
        "created" | "moved" if is_alias && from.is_empty() => {
            format!("{key} of {name} is now version {to}")
        }
        "created" | "moved" if is_alias => {
            format!("{key} of {name} moved from version {from} to version {to}")
        }
        "deleted" if is_alias => format!("{key} of {name} was deleted, it was version {from}"),
        "set" => format!("{thing}: tag {key} was set"),
        "deleted" if entity.ends_with("_tag") => format!("{thing}: tag {key} was deleted"),
        "stage_transitioned" => format!("{thing} moved from {from} to {to}"),
        "renamed" => format!("{from} was renamed to {to}"),
        "verified" => format!("{thing} was verified: its files are as they were registered"),
        "broken" => format!("{thing} is broken: its files are not as they were registered"),
        "aged" => format!("{thing} has been in Production for {key} days"),
        action => format!("{thing} was {action}"),
    }
}

fn link(public_url: &str, subject: &Subject) -> Option<String> {
    if public_url.is_empty() {
        return None;
    }
    let name = utf8_percent_encode(&subject.name, SEGMENT);
    let model = format!("{public_url}/models/{name}");
    Some(match &subject.version {
        Some(version) => format!("{model}/versions/{version}"),
        None => model,
    })
}
