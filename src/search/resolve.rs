//! Turns the comparisons of a filter into typed ones: identifiers first, then values, then
//! comparators, each over the whole filter, because MLflow reports the first mistake in that order.
//!
//! It refuses what the target does not allow and never invents a meaning: a comparator that is
//! accepted says exactly what it says in MLflow, and lists are accepted on every field.

use super::ast::{Comparison, Field, Membership, Number, NumberOp, Op, TextOp};
use super::clause::{Clause, Item, OperandKind};
use super::fields::{self, Key, Kind, Use};
use super::value::{self, Value, is_membership, parse_number};
use super::{MAX_PATTERN_BYTES, Target};
use crate::error::{Error, Result};
use crate::python;

/// Resolves the comparisons among the items, in their order.
pub(super) fn comparisons(target: Target, items: &[Item<'_>]) -> Result<Vec<Comparison>> {
    let mut drafts = Vec::new();
    for item in items {
        let Item::Clause(clause) = item else { continue };
        if clause.left.kind != OperandKind::Word {
            return Err(Error::invalid(format!(
                "Invalid comparison clause. Expected 'Identifier' found '{}'",
                clause.left.text
            )));
        }
        let key = fields::identify(target, clause.left.text, Use::Filter)?;
        let value = value::read(target, &key, clause)?;
        drafts.push((key, clause.comparator.as_str(), value));
    }
    drafts
        .into_iter()
        .map(|(key, comparator, value)| {
            let op = operation(target, &key, comparator, value)?;
            Ok(Comparison {
                field: key.field,
                op,
            })
        })
        .collect()
}

fn operation(target: Target, key: &Key, comparator: &str, value: Value) -> Result<Op> {
    let refused = || refuse(target, key, comparator);
    match value {
        Value::Absent if comparator == "IS NULL" => Ok(Op::IsNull),
        Value::Absent => Ok(Op::IsNotNull),
        Value::Number(number) => {
            let op = number_op(comparator).ok_or_else(refused)?;
            Ok(Op::Number(op, check_integer(target, key, number)?))
        }
        Value::Text(text) if matches!(key.kind, Kind::Integer | Kind::ExperimentId) => {
            let op = number_op(comparator).filter(|op| orders(key.kind, *op));
            Ok(Op::Number(
                op.ok_or_else(refused)?,
                parse_integer(key, &text)?,
            ))
        }
        Value::Text(text) => {
            let op = text_op(comparator).ok_or_else(refused)?;
            check_pattern(op, &text)?;
            Ok(Op::Text(op, text))
        }
        Value::Numbers(numbers) => {
            let checked = numbers
                .into_iter()
                .map(|number| check_integer(target, key, number));
            Ok(Op::InNumber(
                membership(comparator),
                checked.collect::<Result<_>>()?,
            ))
        }
        Value::Texts(texts) if matches!(key.kind, Kind::Integer | Kind::ExperimentId) => {
            let parsed = texts.iter().map(|text| parse_integer(key, text));
            Ok(Op::InNumber(
                membership(comparator),
                parsed.collect::<Result<_>>()?,
            ))
        }
        Value::Texts(texts) => Ok(Op::InText(membership(comparator), texts)),
    }
}

pub(super) fn membership(comparator: &str) -> Membership {
    if comparator == "IN" {
        Membership::In
    } else {
        Membership::NotIn
    }
}

/// An experiment id is a name: it may be equal, but not greater.
fn orders(kind: Kind, op: NumberOp) -> bool {
    kind != Kind::ExperimentId || matches!(op, NumberOp::Equal | NumberOp::NotEqual)
}

pub(super) fn number_op(comparator: &str) -> Option<NumberOp> {
    match comparator {
        "<" => Some(NumberOp::Less),
        "<=" => Some(NumberOp::LessOrEqual),
        "=" => Some(NumberOp::Equal),
        "!=" => Some(NumberOp::NotEqual),
        ">=" => Some(NumberOp::GreaterOrEqual),
        ">" => Some(NumberOp::Greater),
        _ => None,
    }
}

pub(super) fn text_op(comparator: &str) -> Option<TextOp> {
    match comparator {
        "=" => Some(TextOp::Equal),
        "!=" => Some(TextOp::NotEqual),
        "LIKE" => Some(TextOp::Like),
        "ILIKE" => Some(TextOp::ILike),
        _ => None,
    }
}

/// Refuses patterns that are longer than SQLite takes.
pub(super) fn check_pattern(op: TextOp, text: &str) -> Result<()> {
    if matches!(op, TextOp::Like | TextOp::ILike) && text.len() > MAX_PATTERN_BYTES {
        return Err(Error::invalid(format!(
            "Pattern has {} bytes, at most {MAX_PATTERN_BYTES} are accepted.",
            text.len()
        )));
    }
    Ok(())
}

fn check_integer(target: Target, key: &Key, number: Number) -> Result<Number> {
    if key.kind != Kind::Integer {
        return Ok(number);
    }
    match number {
        // Beyond 64 bits an integer is a float here, and still a correct one to compare with.
        Number::Float(float) if float.fract() != 0.0 || float.abs() < 9e18 => {
            let quote = if target == Target::Experiments {
                "'"
            } else {
                ""
            };
            Err(Error::invalid(format!(
                "Invalid value for numeric attribute '{}': {quote}{float:?}{quote}",
                key.name
            )))
        }
        number => Ok(number),
    }
}

fn parse_integer(key: &Key, text: &str) -> Result<Number> {
    if let Ok(number) = text.trim().parse() {
        return Ok(Number::Integer(number));
    }
    Err(Error::invalid(if key.kind == Kind::ExperimentId {
        format!("Invalid experiment ID '{text}'. Experiment ID must be a valid integer.")
    } else {
        format!(
            "Invalid value for numeric attribute '{}': {}",
            key.name,
            python::repr(text)
        )
    }))
}

const NUMBER_SET: &str = "{'!=', '<', '<=', '=', '>', '>='}";
const LIST_SET: &str = "{'!=', '=', 'ILIKE', 'IN', 'LIKE', 'NOT IN'}";
const NULL_SET: &str = "{'!=', '=', 'ILIKE', 'IS NOT NULL', 'IS NULL', 'LIKE'}";

/// Makes the text about a comparator that the field does not have. Some of MLflow's texts lack
/// their last quote.
fn refuse(target: Target, key: &Key, comparator: &str) -> Error {
    let name = &key.name;
    let not_one_of =
        |set: &str, end: &str| format!("Invalid comparator '{comparator}' not one of '{set}{end}");
    Error::invalid(match (target, key.kind) {
        (Target::Runs, Kind::Metric) => not_one_of(NUMBER_SET, ""),
        (Target::Runs, Kind::Param) => not_one_of(NULL_SET, "'"),
        (Target::Runs, Kind::Tag) => not_one_of(NULL_SET, ""),
        (Target::Runs, Kind::Dataset) => not_one_of(LIST_SET, ""),
        (Target::Experiments, Kind::ExperimentId) => {
            format!("Invalid comparator for experiment_id: {comparator}")
        }
        (_, Kind::Tag) => format!("Invalid comparator for tag: {comparator}"),
        (Target::ModelVersions, Kind::Integer) => {
            format!("Invalid comparator for attribute {name}: {comparator}")
        }
        (Target::RegisteredModels | Target::ModelVersions, _) => {
            format!("Invalid comparator for attribute: {comparator}")
        }
        (_, Kind::Number | Kind::Integer) => not_one_of(LIST_SET, ""),
        _ => not_one_of(LIST_SET, "'"),
    })
}

/// Resolves one comparison of logged models, whose values need no quotes and whose texts differ
/// from those of all other targets.
pub(super) fn logged_model(clause: &Clause<'_>) -> Result<Comparison> {
    let target = Target::LoggedModels;
    let key = fields::identify(target, clause.left.text, Use::Filter)?;
    let comparator = clause.comparator.as_str();
    let Some(right) = clause.right else {
        return Err(Error::invalid(format!(
            "Invalid comparison: {}{comparator}. Expected a comparison with 3 tokens.",
            clause.left.text
        )));
    };
    let numeric = matches!(key.kind, Kind::Metric | Kind::Number);
    let refused = || refuse_of_logged_model(&key, comparator);
    let op = if is_membership(comparator) {
        let value = value::list(target, &key, right)?;
        operation(target, &key, comparator, value)?
    } else if numeric {
        let op = number_op(comparator).ok_or_else(refused)?;
        let number = parse_number(key.kind, right.text);
        Op::Number(op, number.ok_or_else(|| value::not_numeric(&key, right))?)
    } else {
        let op = text_op(comparator).ok_or_else(refused)?;
        if right.kind == OperandKind::List {
            return Err(value::not_text(target, &key, right));
        }
        let text = right.text.trim_matches('\'');
        check_pattern(op, text)?;
        Op::Text(op, text.to_owned())
    };
    Ok(Comparison {
        field: key.field,
        op,
    })
}

fn refuse_of_logged_model(key: &Key, comparator: &str) -> Error {
    let (numeric, entity) = match key.kind {
        Kind::Metric => (true, "metrics"),
        Kind::Param => (false, "params"),
        Kind::Tag => (false, "tags"),
        kind => (kind == Kind::Number, "attributes"),
    };
    let usual = match &key.field {
        Field::Attribute(attribute) => fields::usual_name(Target::LoggedModels, *attribute),
        _ => None,
    };
    let name = usual.unwrap_or(&key.name);
    let valid = if numeric {
        "('<', '<=', '>', '>=', '=', '!=')"
    } else {
        "('=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN')"
    };
    Error::invalid(format!(
        "Invalid comparison operator for {entity}.{name}: '{comparator}'. \
         Expected one of {valid}."
    ))
}
