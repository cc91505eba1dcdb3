//! The wire of streams of events: topics, and changes as server-sent events.

use super::field::{Field, Message, texts};
use crate::error::{Error, Result};
use crate::jobs::stream::{Mark, Round};
use crate::tracking::rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Topics of a stream.
const MAX_TOPICS: usize = 100;
/// Runs that one change names.
const MAX_RUNS: usize = 200;

/// What a stream is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Topic {
    Experiments,
    Experiment(i64),
    Run(String),
    Models,
    Model(String),
    Audit,
    Deliveries,
}

impl Topic {
    fn parse(text: &str) -> Result<Self> {
        Ok(match text.split_once(':') {
            None if text == "experiments" => Topic::Experiments,
            None if text == "models" => Topic::Models,
            None if text == "audit" => Topic::Audit,
            None if text == "deliveries" => Topic::Deliveries,
            Some(("experiment", id)) => Topic::Experiment(rule::experiment_id(id)?),
            Some(("run", id)) if !id.is_empty() => Topic::Run(id.to_owned()),
            Some(("model", name)) if !name.is_empty() => Topic::Model(name.to_owned()),
            _ => {
                return Err(Error::invalid(format!(
                    "There is no topic '{text}'. There are experiments, experiment:ID, run:ID, \
                     models, model:NAME, audit and deliveries."
                )));
            }
        })
    }

    fn name(&self) -> String {
        match self {
            Topic::Experiments => "experiments".to_owned(),
            Topic::Experiment(id) => format!("experiment:{id}"),
            Topic::Run(id) => format!("run:{id}"),
            Topic::Models => "models".to_owned(),
            Topic::Model(name) => format!("model:{name}"),
            Topic::Audit => "audit".to_owned(),
            Topic::Deliveries => "deliveries".to_owned(),
        }
    }
}

/// The query of a stream.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["topics"]))]
pub struct OpenStream {
    /// 1 to 100, repeated or separated by commas.
    topics: Field<Vec<Field<String>>>,
    /// Where to go on, for clients that cannot send the header `Last-Event-ID`.
    last_event_id: Field<String>,
}

impl Message for OpenStream {
    const LISTS: &'static [&'static str] = &["topics"];
}

impl OpenStream {
    /// Gives the topics, and the id to go on from.
    pub fn check(self) -> Result<(Vec<Topic>, Option<String>)> {
        let listed = texts(self.topics, "topics")?;
        let names = listed.iter().flat_map(|text| text.split(','));
        let names: BTreeSet<&str> = names.filter(|name| !name.is_empty()).collect();
        if names.is_empty() {
            return Err(super::field::missing("topics"));
        }
        if names.len() > MAX_TOPICS {
            return Err(Error::invalid(format!(
                "A stream may have {MAX_TOPICS} topics at the most, and has {}.",
                names.len()
            )));
        }
        let topics = names.into_iter().map(decode).collect::<Result<Vec<_>>>()?;
        let last = self.last_event_id.optional("last_event_id")?;
        Ok((topics, last.filter(|id| !id.is_empty())))
    }
}

/// Reads a topic whose name is percent-encoded, as a name may hold a comma.
fn decode(name: &str) -> Result<Topic> {
    let decoded = percent_encoding::percent_decode_str(name).decode_utf8();
    let decoded = decoded.map_err(|_| Error::invalid("A topic is not percent-encoded UTF-8."))?;
    Topic::parse(&decoded)
}

/// The first event of a stream.
#[derive(Serialize, JsonSchema)]
pub struct Hello {
    topics: Vec<String>,
    at: i64,
    resumed: bool,
}

/// What changed since the event before.
#[derive(Serialize, JsonSchema)]
pub struct Changes {
    at: i64,
    changes: Vec<Change>,
}

/// What changed of one topic; not to what.
#[derive(Serialize, JsonSchema)]
pub struct Change {
    topic: String,
    kinds: Vec<String>,
    runs: Vec<String>,
    more: bool,
}

/// Why a stream ends, or begins anew.
#[derive(Serialize, JsonSchema)]
pub struct Reason {
    reason: &'static str,
}

/// Writes the first event of a stream.
pub fn hello(topics: &[Topic], (at, resumed): (i64, bool), mark: Mark) -> String {
    let topics = topics.iter().map(Topic::name).collect();
    event(
        "hello",
        Some(mark),
        &Hello {
            topics,
            at,
            resumed,
        },
    )
}

/// Writes that what happened is not known any more.
pub fn reset(reason: &'static str) -> String {
    event("reset", None, &Reason { reason })
}

/// Writes that the stream ends.
pub fn bye() -> String {
    event("bye", None, &Reason { reason: "shutdown" })
}

/// Writes what a round has on these topics; `None` where it has nothing.
pub fn changes(topics: &[Topic], round: &Round, at: i64) -> Option<String> {
    let changes: Vec<Change> = topics
        .iter()
        .filter_map(|topic| change(topic, round))
        .collect();
    (!changes.is_empty()).then(|| event("changes", Some(round.mark), &Changes { at, changes }))
}

fn change(topic: &Topic, round: &Round) -> Option<Change> {
    let simple = |is: bool, kind: &str| is.then(|| (vec![kind.to_owned()], Vec::new()));
    let (kinds, mut runs) = match topic {
        Topic::Experiments => simple(round.experiments || !round.runs.is_empty(), "changed")?,
        Topic::Audit => simple(round.audit, "added")?,
        Topic::Deliveries => simple(round.deliveries, "changed")?,
        Topic::Models if round.models.is_empty() => return None,
        Topic::Models => {
            let kinds: BTreeSet<&String> = round.models.values().flatten().collect();
            (kinds.into_iter().cloned().collect(), Vec::new())
        }
        Topic::Model(name) => {
            let kinds = round.models.get(name)?;
            (kinds.iter().cloned().collect(), Vec::new())
        }
        Topic::Experiment(id) => {
            let runs = round.runs.get(id)?;
            let kinds: BTreeSet<_> = runs.values().flatten().collect();
            let kinds = kinds
                .into_iter()
                .map(|kind| kind.name().to_owned())
                .collect();
            (kinds, runs.keys().cloned().collect())
        }
        Topic::Run(id) => {
            let kinds = round.runs.values().find_map(|runs| runs.get(id))?;
            let kinds = kinds.iter().map(|kind| kind.name().to_owned()).collect();
            (kinds, vec![id.clone()])
        }
    };
    let more = runs.len() > MAX_RUNS;
    runs.truncate(MAX_RUNS);
    Some(Change {
        topic: topic.name(),
        kinds,
        runs,
        more,
    })
}

fn event(name: &str, id: Option<Mark>, data: &impl Serialize) -> String {
    let id = id
        .map(|mark| format!("id: {}\n", mark.id()))
        .unwrap_or_default();
    // Structs of texts, numbers and lists always serialize, and JSON has no line break in it.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("{id}event: {name}\ndata: {data}\n\n")
}
