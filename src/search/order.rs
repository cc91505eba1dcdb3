//! Orders: what a search result is sorted by, down to the last tie.
//!
//! It never leaves an order open: the tie-breakers of the target are part of what is returned, so
//! that pages cannot overlap.
//!
//! What the orders mean, for SQL and for memory alike: numbers by value, texts by their bytes;
//! entities without the field come last in both directions, and NaN metrics come behind the
//! numbers and before those entities, in both directions.

use super::ast::{Attribute, Field};
use super::fields::{self, Key, Kind as FieldKind, Use};
use super::lexer::{self, Kind};
use super::{MAX_FILTER_BYTES, MAX_ORDER_BY, Target};
use crate::error::{Error, Result};
use crate::python;

/// One step of an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OrderBy {
    /// Never a dataset.
    pub field: Field,
    pub descending: bool,
    /// Which values of a logged model's metric count; empty for everything else.
    pub dataset: MetricDataset,
}

/// Restricts a logged model's metric to values that were logged on a dataset; the latest of them
/// by timestamp, then step, then the smallest run id, is the one that orders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MetricDataset {
    pub name: Option<String>,
    pub digest: Option<String>,
}

/// A step of the order of logged models, as the request spells it.
#[derive(Debug, Clone)]
pub struct LoggedModelOrder {
    pub field_name: String,
    pub ascending: bool,
    /// An empty name or digest restricts nothing.
    pub dataset: MetricDataset,
}

/// Parses clauses like `metrics.loss DESC` and completes them with the target's tie-breakers.
///
/// # Errors
/// 400 with MLflow's texts, and for more than `MAX_ORDER_BY` clauses. Runs, registered models and
/// model versions may not be ordered twice by one field; elsewhere the first mention counts.
pub fn parse_order(target: Target, clauses: &[String]) -> Result<Vec<OrderBy>> {
    check_count(clauses.len())?;
    let mut order: Vec<OrderBy> = Vec::with_capacity(clauses.len() + 3);
    for clause in clauses {
        let (text, descending) = split(clause)?;
        let key = identify(target, text)?;
        let step = OrderBy {
            field: key.field,
            descending,
            dataset: MetricDataset::default(),
        };
        let repeated = order.iter().any(|earlier| earlier.field == step.field);
        match target {
            _ if !repeated => order.push(step),
            Target::Experiments | Target::LoggedModels => {}
            Target::Runs | Target::RegisteredModels | Target::ModelVersions => {
                return Err(Error::invalid(format!(
                    "`order_by` contains duplicate fields: {}",
                    python::repr_list(clauses)
                )));
            }
        }
    }
    complete(target, &mut order);
    Ok(order)
}

/// Parses the order of logged models, which comes as objects.
///
/// # Errors
/// 400 with MLflow's texts for an unknown column and for any dotted name that is not a metric.
pub fn parse_logged_model_order(steps: &[LoggedModelOrder]) -> Result<Vec<OrderBy>> {
    check_count(steps.len())?;
    let mut order: Vec<OrderBy> = Vec::with_capacity(steps.len() + 2);
    for step in steps {
        let field = logged_model_field(&step.field_name)?;
        let dataset = match field {
            Field::Metric(_) => step.dataset.without_empty(),
            _ => MetricDataset::default(),
        };
        let repeated = |earlier: &OrderBy| earlier.field == field && earlier.dataset == dataset;
        if !order.iter().any(repeated) {
            order.push(OrderBy {
                field,
                descending: !step.ascending,
                dataset,
            });
        }
    }
    complete(Target::LoggedModels, &mut order);
    Ok(order)
}

impl MetricDataset {
    fn without_empty(&self) -> MetricDataset {
        let given = |part: &Option<String>| part.clone().filter(|part| !part.is_empty());
        MetricDataset {
            name: given(&self.name),
            digest: given(&self.digest),
        }
    }
}

fn check_count(count: usize) -> Result<()> {
    if count > MAX_ORDER_BY {
        return Err(Error::invalid(format!(
            "`order_by` has {count} clauses, at most {MAX_ORDER_BY} are accepted."
        )));
    }
    Ok(())
}

/// Splits a clause into its identifier and whether it descends.
fn split(clause: &str) -> Result<(&str, bool)> {
    let unreadable = || {
        Error::invalid(format!(
            "Invalid order_by clause '{clause}'. Could not be parsed."
        ))
    };
    if clause.len() > MAX_FILTER_BYTES || clause.contains('\0') {
        return Err(Error::invalid(
            "An `order_by` clause is too long or contains NUL.",
        ));
    }
    let tokens = lexer::tokens(clause);
    let (key, direction) = match tokens.as_slice() {
        [key] => (key, None),
        [key, direction] if direction.kind == Kind::Word => (key, Some(direction)),
        _ => return Err(unreadable()),
    };
    if key.kind != Kind::Word || key.is("ASC") || key.is("DESC") {
        return Err(unreadable());
    }
    match direction {
        Some(word) if word.is("DESC") => Ok((key.text, true)),
        Some(word) if !word.is("ASC") => Err(Error::invalid(format!(
            "Invalid ordering key in order_by clause '{clause}'."
        ))),
        _ => Ok((key.text, false)),
    }
}

fn identify(target: Target, text: &str) -> Result<Key> {
    if target == Target::RegisteredModels {
        return fields::identify(target, text, Use::Order)
            .ok()
            .filter(|key| key.kind != FieldKind::Tag && !text.contains('.'))
            .ok_or_else(|| {
                Error::invalid(format!(
                    "Invalid order by key '{text}' specified. \
                     Valid keys are '{{'name', 'timestamp'}}'"
                ))
            });
    }
    let key = fields::identify(target, text, Use::Order)?;
    match (target, key.kind) {
        (Target::Runs, FieldKind::Dataset) => {
            Err(Error::invalid("Invalid identifier type 'dataset'"))
        }
        (Target::Experiments, FieldKind::Tag) => {
            Err(Error::invalid("Invalid order_by entity: tag"))
        }
        (Target::ModelVersions, FieldKind::Tag) => Err(Error::invalid(format!(
            "Invalid order by key '{}' specified. Valid keys are {}",
            key.name,
            fields::valid_keys(target, Use::Order)
        ))),
        (Target::LoggedModels, FieldKind::Param | FieldKind::Tag) => Err(only_metrics(text)),
        _ => Ok(key),
    }
}

fn logged_model_field(name: &str) -> Result<Field> {
    if let Some((entity, key)) = name.split_once('.') {
        if entity != "metrics" {
            return Err(only_metrics(name));
        }
        return Ok(Field::Metric(key.to_owned()));
    }
    match fields::identify(Target::LoggedModels, name, Use::Order) {
        Ok(key) => Ok(key.field),
        Err(_) => Err(Error::invalid(format!(
            "Invalid order by field name: {name}"
        ))),
    }
}

fn only_metrics(name: &str) -> Error {
    Error::invalid(format!(
        "Invalid order by field name: {name}. Only metrics are supported."
    ))
}

/// Adds the steps that make the order total.
fn complete(target: Target, order: &mut Vec<OrderBy>) {
    let ascending = |attribute| (attribute, false);
    let descending = |attribute| (attribute, true);
    let ties = match target {
        Target::Runs => vec![
            descending(Attribute::StartTime),
            ascending(Attribute::RunId),
        ],
        Target::Experiments if order.is_empty() => {
            vec![
                descending(Attribute::CreationTime),
                ascending(Attribute::ExperimentId),
            ]
        }
        Target::Experiments => vec![descending(Attribute::ExperimentId)],
        Target::LoggedModels => {
            vec![
                descending(Attribute::CreationTime),
                ascending(Attribute::ModelId),
            ]
        }
        Target::RegisteredModels => vec![ascending(Attribute::Name)],
        Target::ModelVersions if order.is_empty() => vec![
            descending(Attribute::LastUpdateTime),
            ascending(Attribute::Name),
            descending(Attribute::VersionNumber),
        ],
        Target::ModelVersions => {
            vec![
                ascending(Attribute::Name),
                descending(Attribute::VersionNumber),
            ]
        }
    };
    for (attribute, descending) in ties {
        let field = Field::Attribute(attribute);
        if !order.iter().any(|step| step.field == field) {
            order.push(OrderBy {
                field,
                descending,
                dataset: MetricDataset::default(),
            });
        }
    }
}
