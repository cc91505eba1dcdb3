//! The wire of streams of events: topics, and changes as server-sent events.

use super::field::{Field, Message, texts};
use crate::error::{Error, Result};
use crate::jobs::stream::{Mark, Round};
use crate::tracking::rule;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

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
        .flat_map(|topic| changes_of(topic, round))
        .collect();
    (!changes.is_empty()).then(|| event("changes", Some(round.mark), &Changes { at, changes }))
}

/// Gives what a round has on a topic; runs to which the same happened are told of together.
fn changes_of(topic: &Topic, round: &Round) -> Vec<Change> {
    let simple = |is: bool, kind: &str| match is {
        true => vec![change(topic, [kind], Vec::new())],
        false => Vec::new(),
    };
    match topic {
        Topic::Experiments => simple(round.experiments || !round.runs.is_empty(), "changed"),
        Topic::Audit => simple(round.audit, "added"),
        Topic::Deliveries => simple(round.deliveries, "changed"),
        Topic::Models if round.models.is_empty() => Vec::new(),
        Topic::Models => {
            let kinds: BTreeSet<&str> = round.models.values().flatten().map(|k| &**k).collect();
            vec![change(topic, kinds, Vec::new())]
        }
        Topic::Model(name) => {
            let kinds = round.models.get(name);
            let told = kinds.map(|kinds| change(topic, kinds.iter().map(|k| &**k), Vec::new()));
            told.into_iter().collect()
        }
        Topic::Experiment(id) => {
            let mut alike: BTreeMap<_, Vec<String>> = BTreeMap::new();
            for (run, kinds) in round.runs.get(id).into_iter().flatten() {
                alike.entry(kinds).or_default().push(run.clone());
            }
            let told = alike.into_iter();
            told.map(|(kinds, runs)| change(topic, kinds.iter().map(|kind| kind.name()), runs))
                .collect()
        }
        Topic::Run(id) => {
            let kinds = round.runs.values().find_map(|runs| runs.get(id));
            let told = kinds.map(|kinds| {
                let kinds = kinds.iter().map(|kind| kind.name());
                change(topic, kinds, vec![id.clone()])
            });
            told.into_iter().collect()
        }
    }
}

fn change<'a>(
    topic: &Topic,
    kinds: impl IntoIterator<Item = &'a str>,
    mut runs: Vec<String>,
) -> Change {
    let more = runs.len() > MAX_RUNS;
    runs.truncate(MAX_RUNS);
    Change {
        topic: topic.name(),
        kinds: kinds.into_iter().map(str::to_owned).collect(),
        runs,
        more,
    }
}

fn event(name: &str, id: Option<Mark>, data: &impl Serialize) -> String {
    let id = id
        .map(|mark| format!("id: {}\n", mark.id()))
        .unwrap_or_default();
    // Structs of texts, numbers and lists always serialize, and JSON has no line break in it.
    let data = serde_json::to_string(data).unwrap_or_default();
    format!("{id}event: {name}\ndata: {data}\n\n")
}
