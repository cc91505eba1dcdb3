//! The right side of a comparison: which literals a field takes, and what they mean.
//!
//! It never looks at the comparator, except to tell lists from single values: MLflow checks the
//! comparators later, and the first mistake in its order is the one that is reported.

use super::Target;
use super::ast::Number;
use super::clause::{Clause, Operand, OperandKind};
use super::fields::{Key, Kind, unquoted};
use super::literal::{Literal, read_list, repr_tuple};
use crate::error::{Error, Result};

/// What a field is compared with.
#[derive(Debug)]
pub(super) enum Value {
    /// Nothing: the comparator is `IS NULL` or `IS NOT NULL`.
    Absent,
    Number(Number),
    Text(String),
    Numbers(Vec<Number>),
    Texts(Vec<String>),
}

/// Reads the right side of a comparison of runs, experiments or the registry.
pub(super) fn read(target: Target, key: &Key, clause: &Clause<'_>) -> Result<Value> {
    let Some(right) = clause.right else {
        check_null(target, key)?;
        return Ok(Value::Absent);
    };
    let listed = right.kind == OperandKind::List && is_membership(&clause.comparator);
    match key.kind {
        Kind::Metric | Kind::Number | Kind::Integer if listed => list(target, key, right),
        Kind::Integer if target == Target::ModelVersions => version(key, right),
        Kind::Metric | Kind::Number | Kind::Integer => number(key, right).map(Value::Number),
        _ if listed => list(target, key, right),
        _ => text(target, key, right).map(Value::Text),
    }
}

pub(super) fn is_membership(comparator: &str) -> bool {
    matches!(comparator, "IN" | "NOT IN")
}

fn check_null(target: Target, key: &Key) -> Result<()> {
    let allowed = match target {
        Target::Runs => matches!(key.kind, Kind::Param | Kind::Tag),
        _ => key.kind == Kind::Tag,
    };
    if allowed {
        return Ok(());
    }
    let name = &key.name;
    Err(Error::invalid(if target == Target::Runs {
        let entity = entity(key.kind);
        format!(
            "IS NULL / IS NOT NULL is only supported for tags and params, \
             not for '{entity}' '{name}'"
        )
    } else {
        format!("IS NULL / IS NOT NULL is only supported for tags, not for attribute '{name}'")
    }))
}

fn entity(kind: Kind) -> &'static str {
    match kind {
        Kind::Metric => "metric",
        Kind::Param => "parameter",
        Kind::Tag => "tag",
        Kind::Dataset => "dataset",
        Kind::Text | Kind::Number | Kind::Integer | Kind::ExperimentId => "attribute",
    }
}

fn number(key: &Key, right: Operand<'_>) -> Result<Number> {
    if matches!(right.kind, OperandKind::Integer | OperandKind::Float)
        && let Some(number) = parse_number(key.kind, right.text)
    {
        return Ok(number);
    }
    Err(not_numeric(key, right))
}

#[track_caller]
pub(super) fn not_numeric(key: &Key, right: Operand<'_>) -> Error {
    let (name, found) = (&key.name, right.text);
    Error::invalid(match key.kind {
        Kind::Metric => format!("Expected numeric value type for metric. Found {found}"),
        _ => {
            format!("Expected numeric value type for numeric attribute: {name}. Found {found}")
        }
    })
}

/// Reads a number; an integer beyond 64 bits becomes the nearest double.
pub(super) fn parse_number(kind: Kind, text: &str) -> Option<Number> {
    if kind != Kind::Metric
        && let Ok(number) = text.parse()
    {
        return Some(Number::Integer(number));
    }
    text.parse()
        .ok()
        .filter(|number: &f64| !number.is_nan())
        .map(Number::Float)
}

/// A version number may be quoted; whether it is a number is checked with the comparator.
fn version(key: &Key, right: Operand<'_>) -> Result<Value> {
    match right.kind {
        OperandKind::Integer | OperandKind::Float => number(key, right).map(Value::Number),
        _ => text(Target::ModelVersions, key, right).map(Value::Text),
    }
}

fn text(target: Target, key: &Key, right: Operand<'_>) -> Result<String> {
    if matches!(right.kind, OperandKind::Word | OperandKind::Text) {
        return unquoted(right.text).map(str::to_owned).ok_or_else(|| {
            Error::invalid(format!(
                "Parameter value is either not quoted or unidentified quote types used for \
                 string value {}. Use either single or double quotes.",
                right.text
            ))
        });
    }
    Err(not_text(target, key, right))
}

#[track_caller]
pub(super) fn not_text(target: Target, key: &Key, right: Operand<'_>) -> Error {
    let found = right.text;
    let is_number = matches!(right.kind, OperandKind::Integer | OperandKind::Float);
    Error::invalid(match key.kind {
        Kind::Param | Kind::Tag => format!(
            "Expected a quoted string value for {} (e.g. 'my-value'). Got value {found}",
            entity(key.kind)
        ),
        Kind::Dataset => {
            format!("Expected a quoted string value for dataset attributes. Got value {found}")
        }
        _ if target == Target::ModelVersions && is_number => {
            "Only the '{'creation_timestamp', 'last_updated_timestamp', 'version_number'}' \
             attributes support comparison with numeric values."
                .to_owned()
        }
        _ if matches!(target, Target::RegisteredModels | Target::ModelVersions) => format!(
            "Expected a quoted string value or a list of quoted string values for attributes. \
             Got value {found}"
        ),
        _ => format!("Expected a quoted string value for attributes. Got value {found}"),
    })
}

/// Reads a list. One of texts is taken for text fields and for integers that may be quoted, one
/// of numbers for numeric fields, and for logged models a number is as good as a text.
pub(super) fn list(target: Target, key: &Key, right: Operand<'_>) -> Result<Value> {
    let items = read_list(right.text).map_err(|_| {
        Error::invalid(
            "While parsing a list in the query, expected a non-empty list of string values, \
             but got ill-formed list.",
        )
    })?;
    if items.is_empty() && target != Target::LoggedModels {
        return Err(Error::invalid(
            "While parsing a list in the query, expected a non-empty list of string values, \
             but got empty list",
        ));
    }
    let texts = items
        .iter()
        .filter(|item| matches!(item, Literal::Text(_)))
        .count();
    match key.kind {
        Kind::Metric | Kind::Number => numbers(key, &items, right),
        Kind::Integer if texts == 0 || target != Target::ModelVersions => {
            numbers(key, &items, right)
        }
        _ if texts == items.len() || target == Target::LoggedModels => Ok(Value::Texts(
            items.into_iter().map(Literal::into_text).collect(),
        )),
        _ => Err(Error::invalid(format!(
            "While parsing a list in the query, expected string value, punctuation, or \
             whitespace, but got different type in list: {}",
            repr_tuple(&items)
        ))),
    }
}

fn numbers(key: &Key, items: &[Literal], right: Operand<'_>) -> Result<Value> {
    let numbers: Option<Vec<_>> = items
        .iter()
        .map(|item| match item {
            Literal::Number(text) => parse_number(key.kind, text),
            Literal::Text(_) => None,
        })
        .collect();
    numbers
        .map(Value::Numbers)
        .ok_or_else(|| not_numeric(key, right))
}
