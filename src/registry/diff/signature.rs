//! Comparing signatures: each change, and whether it breaks who calls the model.
//!
//! A change breaks when a call that the old version served is refused or means something else, or
//! when an answer may no longer be what the old version promised. The rules follow what MLflow
//! enforces when it scores: columns that are missing are refused, additional ones are ignored,
//! undefined properties of an object are refused, integers become longs, floats become doubles and
//! integers become doubles.

use super::lists::bounded;
use super::words::counted;
use super::{Change, Section};
use crate::registry::signature::{Kind, Param, Signature, Slot};
use serde::Serialize;
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// A part of the signature that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SignatureRow {
    /// `inputs.age`, `outputs[0]`, `params.threshold`.
    pub key: String,
    pub change: Change,
    pub a: Option<String>,
    pub b: Option<String>,
    /// Whether who calls `a` may fail with `b`.
    pub breaking: bool,
    pub reason: &'static str,
}

/// Compares the signatures of two versions, as MLflow writes them.
pub(super) fn compare(a: Option<&Json>, b: Option<&Json>) -> Section<SignatureRow> {
    let of = |side: Option<&Json>| side.map(Signature::read).unwrap_or_default();
    let (of_a, of_b) = (of(a), of(b));
    let mut section = Section::default();
    inputs(&mut section, &of_a, &of_b);
    outputs(&mut section, &of_a, &of_b);
    params(&mut section, &of_a, &of_b);
    section.note = match (a, b) {
        (None, None) => Some("Neither has a signature.".to_owned()),
        (None, Some(_)) => Some("a has no signature.".to_owned()),
        (Some(_), None) => Some("b has no signature.".to_owned()),
        (Some(_), Some(_)) => None,
    };
    bounded(section)
}

/// What a change means: whether it breaks, and why.
type Meaning = (bool, &'static str);

fn add(
    section: &mut Section<SignatureRow>,
    key: String,
    (a, b): (Option<String>, Option<String>),
    (breaking, reason): Meaning,
) {
    section.differ.push(SignatureRow {
        key,
        change: match (&a, &b) {
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
            _ => Change::Changed,
        },
        a,
        b,
        breaking,
        reason,
    });
}

/// Gives the slots of a part by their keys.
fn keyed<'s>(part: &str, slots: &'s [Slot]) -> BTreeMap<String, &'s Slot> {
    let slots = slots.iter().enumerate();
    slots
        .map(|(index, slot)| match &slot.name {
            Some(name) => (format!("{part}.{name}"), slot),
            None => (format!("{part}[{index}]"), slot),
        })
        .collect()
}

fn inputs(section: &mut Section<SignatureRow>, a: &Signature, b: &Signature) {
    let shown = |slots: &[Slot]| Some(counted(slots.len(), "input"));
    let (a, b) = match (&a.inputs, &b.inputs) {
        (None, None) => return,
        (Some(a), None) => {
            let meaning = (
                false,
                "Nothing is checked any more: every call is let through.",
            );
            return add(section, "inputs".to_owned(), (shown(a), None), meaning);
        }
        (None, Some(b)) => {
            let meaning = (
                true,
                "Calls were not checked; now those that do not fit are refused.",
            );
            return add(section, "inputs".to_owned(), (None, shown(b)), meaning);
        }
        (Some(a), Some(b)) => (keyed("inputs", a), keyed("inputs", b)),
    };
    each(section, (&a, &b), |a, b| match (a, b) {
        (None, Some(b)) if b.required => (true, "A call that does not send it is refused."),
        (None, _) => (false, "A call need not send it."),
        (Some(_), None) => (
            false,
            "A call that still sends it is served; it is ignored.",
        ),
        (Some(a), Some(b)) => input_meaning(a, b),
    });
}

fn input_meaning(a: &Slot, b: &Slot) -> Meaning {
    if b.required && !a.required {
        return (true, "A call that does not send it is refused.");
    }
    match fits(&a.kind, &b.kind, Strictness::Input) {
        false => (true, "A value of the old type or shape is refused."),
        true if a.kind == b.kind => (false, "A call need not send it any more."),
        true => (false, "Every value of the old type or shape is accepted."),
    }
}

fn outputs(section: &mut Section<SignatureRow>, a: &Signature, b: &Signature) {
    let shown = |slots: &[Slot]| Some(counted(slots.len(), "output"));
    let (a, b) = match (&a.outputs, &b.outputs) {
        (None, None) => return,
        (Some(a), None) => {
            let meaning = (true, "Nothing is promised of the answers any more.");
            return add(section, "outputs".to_owned(), (shown(a), None), meaning);
        }
        (None, Some(b)) => {
            let meaning = (false, "Nothing was promised of the answers before.");
            return add(section, "outputs".to_owned(), (None, shown(b)), meaning);
        }
        (Some(a), Some(b)) => (keyed("outputs", a), keyed("outputs", b)),
    };
    each(section, (&a, &b), |a, b| match (a, b) {
        (None, _) => (false, "Who reads the answers does not look for it."),
        (Some(_), None) => (true, "Who reads it does not find it any more."),
        (Some(a), Some(b)) if a.required && !b.required => (true, "Who reads it may not find it."),
        (Some(a), Some(b)) => match fits(&b.kind, &a.kind, Strictness::Output) {
            true => (
                false,
                "Every answer is one that the old version might have given.",
            ),
            false => (
                true,
                "An answer may have a type or shape that was not promised.",
            ),
        },
    });
}

/// Adds a row for each slot that differs.
fn each(
    section: &mut Section<SignatureRow>,
    (a, b): (&BTreeMap<String, &Slot>, &BTreeMap<String, &Slot>),
    meaning: impl Fn(Option<&Slot>, Option<&Slot>) -> Meaning,
) {
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    for key in keys {
        let (a, b) = (a.get(key).copied(), b.get(key).copied());
        if a == b {
            section.equal += 1;
            continue;
        }
        let shown = (a.map(Slot::to_string), b.map(Slot::to_string));
        add(section, key.clone(), shown, meaning(a, b));
    }
}

fn params(section: &mut Section<SignatureRow>, a: &Signature, b: &Signature) {
    let keyed = |params: &Option<Vec<Param>>| -> BTreeMap<String, Param> {
        let params = params.iter().flatten();
        params
            .map(|param| (format!("params.{}", param.name), param.clone()))
            .collect()
    };
    let (a, b) = (keyed(&a.params), keyed(&b.params));
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    for key in keys {
        let (a, b) = (a.get(key), b.get(key));
        if a == b {
            section.equal += 1;
            continue;
        }
        let meaning = match (a, b) {
            (None, _) => (false, "A call need not set it; it has a default."),
            (_, None) => (true, "A call that sets it is served as if it did not."),
            (Some(a), Some(b)) => param_meaning(a, b),
        };
        let shown = (a.map(Param::to_string), b.map(Param::to_string));
        add(section, key.clone(), shown, meaning);
    }
}

fn param_meaning(a: &Param, b: &Param) -> Meaning {
    match fits(&a.kind, &b.kind, Strictness::Param) {
        false => (true, "A value of the old type or shape is refused."),
        true if a.default != b.default => (
            false,
            "A call that does not set it is served, with another value.",
        ),
        true => (false, "Every value of the old type or shape is accepted."),
    }
}

/// Where a value is checked, which decides what is let through.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Strictness {
    Input,
    /// Nothing is checked: who reads an answer ignores properties it does not know.
    Output,
    /// Numbers are converted more freely.
    Param,
}

/// Says whether every value of the one type is accepted as one of the other.
fn fits(value: &Kind, wanted: &Kind, strictness: Strictness) -> bool {
    match (value, wanted) {
        (_, Kind::Any) => true,
        (Kind::Scalar(value), Kind::Scalar(wanted)) => {
            value == wanted || widens(value, wanted, strictness)
        }
        (Kind::Array(value), Kind::Array(wanted)) | (Kind::Map(value), Kind::Map(wanted)) => {
            fits(value, wanted, strictness)
        }
        (Kind::Object(value), Kind::Object(wanted)) => {
            let all_sent = wanted
                .iter()
                .all(|(name, (kind, required))| match value.get(name) {
                    Some((sent, always)) => fits(sent, kind, strictness) && (*always || !required),
                    None => !required,
                });
            let all_known = value.keys().all(|name| wanted.contains_key(name));
            all_sent && (all_known || strictness == Strictness::Output)
        }
        // MLflow lets everything through as a tensor of objects of one dimension.
        (_, Kind::Tensor(dtype, shape)) if dtype == "object" && *shape == [-1] => true,
        (Kind::Tensor(dtype, shape), Kind::Tensor(wanted_dtype, wanted_shape)) => {
            let mut lengths = shape.iter().zip(wanted_shape);
            dtype == wanted_dtype
                && shape.len() == wanted_shape.len()
                && lengths.all(|(length, wanted)| *wanted == -1 || length == wanted)
        }
        (value, wanted) => value == wanted,
    }
}

/// Says whether MLflow turns every value of the one type into one of the other.
fn widens(value: &str, wanted: &str, strictness: Strictness) -> bool {
    let pair = (value, wanted);
    let safe = [
        ("integer", "long"),
        ("float", "double"),
        ("integer", "double"),
    ];
    let of_params = [("long", "double"), ("long", "float"), ("integer", "float")];
    safe.contains(&pair) || strictness == Strictness::Param && of_params.contains(&pair)
}
