//! Searches in memory, as plainly as the rules can be written down.
//!
//! It is the yardstick that the SQL is measured with, and is never used by the server itself.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::ast::{
    Attribute, Comparison, DatasetField, Expr, Field, Membership, Number, NumberOp, Op, TextOp,
};
use super::order::{MetricDataset, OrderBy};
use crate::db::like::{ilike, like};

/// Anything that can be searched for. A run's name is its tag `mlflow.runName`, and it must not
/// be among the attributes.
#[derive(Debug, Clone, Default)]
pub(crate) struct Entity {
    pub(crate) attributes: BTreeMap<Attribute, Scalar>,
    /// A run has one point per key, the latest; a logged model may have many.
    pub(crate) metrics: BTreeMap<String, Vec<Point>>,
    pub(crate) params: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) datasets: Vec<Dataset>,
}

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Scalar {
    Integer(i64),
    Text(String),
    /// A name that is compared as a text and ordered by its number.
    Named(i64, String),
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Point {
    pub(crate) value: f64,
    pub(crate) timestamp: i64,
    pub(crate) step: i64,
    pub(crate) run_id: String,
    pub(crate) dataset: MetricDataset,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Dataset {
    pub(crate) name: String,
    pub(crate) digest: String,
    pub(crate) context: Option<String>,
}

/// Tells whether the entity matches.
pub(crate) fn matches(expr: &Expr, entity: &Entity) -> bool {
    match expr {
        Expr::All => true,
        Expr::And(parts) => parts.iter().all(|part| matches(part, entity)),
        Expr::Or(parts) => parts.iter().any(|part| matches(part, entity)),
        Expr::Not(part) => !matches(part, entity),
        Expr::Compare(comparison) => holds(comparison, entity),
    }
}

/// A value of a field, where the entity has it.
enum Found<'a> {
    Integer(i64),
    Float(f64),
    Text(&'a str),
}

fn holds(comparison: &Comparison, entity: &Entity) -> bool {
    let found = values(&comparison.field, entity);
    match &comparison.op {
        Op::IsNull => found.is_empty(),
        Op::IsNotNull => !found.is_empty(),
        op => found.iter().any(|value| satisfies(value, op)),
    }
}

fn values<'a>(field: &Field, entity: &'a Entity) -> Vec<Found<'a>> {
    match field {
        Field::Metric(key) => {
            let points = entity.metrics.get(key).into_iter().flatten();
            points.map(|point| Found::Float(point.value)).collect()
        }
        Field::Param(key) => entity
            .params
            .get(key)
            .map(|v| Found::Text(v))
            .into_iter()
            .collect(),
        Field::Tag(key) => entity
            .tags
            .get(key)
            .map(|v| Found::Text(v))
            .into_iter()
            .collect(),
        Field::Attribute(attribute) => scalar(*attribute, entity).into_iter().collect(),
        Field::Dataset(field) => {
            let datasets = entity.datasets.iter();
            datasets
                .filter_map(|dataset| dataset.value(*field))
                .map(Found::Text)
                .collect()
        }
    }
}

fn scalar(attribute: Attribute, entity: &Entity) -> Option<Found<'_>> {
    if attribute == Attribute::RunName {
        return entity
            .tags
            .get("mlflow.runName")
            .map(|name| Found::Text(name));
    }
    match entity.attributes.get(&attribute)? {
        Scalar::Integer(number) => Some(Found::Integer(*number)),
        Scalar::Text(text) | Scalar::Named(_, text) => Some(Found::Text(text)),
    }
}

impl Dataset {
    fn value(&self, field: DatasetField) -> Option<&str> {
        match field {
            DatasetField::Name => Some(&self.name),
            DatasetField::Digest => Some(&self.digest),
            DatasetField::Context => self.context.as_deref(),
        }
    }
}

fn satisfies(found: &Found<'_>, op: &Op) -> bool {
    match (found, op) {
        (Found::Text(text), Op::Text(op, wanted)) => match op {
            TextOp::Equal => text == wanted,
            TextOp::NotEqual => text != wanted,
            TextOp::Like => like(text, wanted),
            TextOp::ILike => ilike(text, wanted),
        },
        (Found::Text(text), Op::InText(membership, wanted)) => {
            wanted.iter().any(|wanted| wanted == text) == (*membership == Membership::In)
        }
        (Found::Integer(_) | Found::Float(_), Op::Number(op, wanted)) => {
            compares(*op, compare_number(found, *wanted))
        }
        (Found::Integer(_) | Found::Float(_), Op::InNumber(membership, wanted)) => {
            let equal = |wanted: &Number| compare_number(found, *wanted) == Some(Ordering::Equal);
            wanted.iter().any(equal) == (*membership == Membership::In)
        }
        _ => false,
    }
}

/// NaN is not comparable, and that makes it unequal to everything.
fn compares(op: NumberOp, order: Option<Ordering>) -> bool {
    match op {
        NumberOp::Less => order == Some(Ordering::Less),
        NumberOp::LessOrEqual => order.is_some_and(Ordering::is_le),
        NumberOp::Equal => order == Some(Ordering::Equal),
        NumberOp::NotEqual => order != Some(Ordering::Equal),
        NumberOp::GreaterOrEqual => order.is_some_and(Ordering::is_ge),
        NumberOp::Greater => order == Some(Ordering::Greater),
    }
}

fn compare_number(found: &Found<'_>, wanted: Number) -> Option<Ordering> {
    match (found, wanted) {
        (Found::Integer(found), Number::Integer(wanted)) => Some(found.cmp(&wanted)),
        (Found::Integer(found), Number::Float(wanted)) => (*found as f64).partial_cmp(&wanted),
        (Found::Float(found), Number::Integer(wanted)) => found.partial_cmp(&(wanted as f64)),
        (Found::Float(found), Number::Float(wanted)) => found.partial_cmp(&wanted),
        (Found::Text(_), _) => None,
    }
}

/// Compares two entities by the whole order.
pub(crate) fn compare(a: &Entity, b: &Entity, order: &[OrderBy]) -> Ordering {
    let steps = order.iter().map(|step| {
        let (a, b) = (sort_value(a, step), sort_value(b, step));
        let by_value = compare_found(a.as_ref(), b.as_ref());
        let by_value = if step.descending {
            by_value.reverse()
        } else {
            by_value
        };
        rank(a.as_ref()).cmp(&rank(b.as_ref())).then(by_value)
    });
    steps.fold(Ordering::Equal, Ordering::then)
}

fn sort_value<'a>(entity: &'a Entity, step: &OrderBy) -> Option<Found<'a>> {
    if let Field::Attribute(attribute) = &step.field
        && let Some(Scalar::Named(number, _)) = entity.attributes.get(attribute)
    {
        return Some(Found::Integer(*number));
    }
    let Field::Metric(key) = &step.field else {
        return values(&step.field, entity).into_iter().next();
    };
    let points = entity
        .metrics
        .get(key)?
        .iter()
        .filter(|point| point.is_on(&step.dataset));
    let latest = points.max_by(|a, b| {
        let newer = a.timestamp.cmp(&b.timestamp).then(a.step.cmp(&b.step));
        newer.then_with(|| b.run_id.cmp(&a.run_id))
    });
    latest.map(|point| Found::Float(point.value))
}

impl Point {
    fn is_on(&self, dataset: &MetricDataset) -> bool {
        let fits =
            |wanted: &Option<String>, own: &Option<String>| wanted.is_none() || wanted == own;
        fits(&dataset.name, &self.dataset.name) && fits(&dataset.digest, &self.dataset.digest)
    }
}

/// Numbers and texts first, then NaN, then nothing.
fn rank(found: Option<&Found<'_>>) -> u8 {
    match found {
        Some(Found::Float(value)) if value.is_nan() => 1,
        Some(_) => 0,
        None => 2,
    }
}

fn compare_found(a: Option<&Found<'_>>, b: Option<&Found<'_>>) -> Ordering {
    match (a, b) {
        (Some(Found::Text(a)), Some(Found::Text(b))) => a.cmp(b),
        (Some(Found::Integer(a)), Some(Found::Integer(b))) => a.cmp(b),
        (Some(Found::Float(a)), Some(Found::Float(b))) => {
            a.partial_cmp(b).unwrap_or(Ordering::Equal)
        }
        _ => Ordering::Equal,
    }
}
