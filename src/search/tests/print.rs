//! Prints expressions and orders in one canonical spelling, which parses back to the same.

use crate::search::ast::{DatasetField, Expr, Field, Membership, Number, NumberOp, Op, TextOp};
use crate::search::{Comparison, OrderBy, Target, fields};

pub(crate) fn expr(target: Target, expr: &Expr) -> String {
    match expr {
        Expr::All => String::new(),
        Expr::And(parts) => join(target, parts, " AND "),
        Expr::Or(parts) => join(target, parts, " OR "),
        Expr::Not(part) => format!("NOT {}", nested(target, part)),
        Expr::Compare(comparison) => self::comparison(target, comparison),
    }
}

fn join(target: Target, parts: &[Expr], word: &str) -> String {
    parts
        .iter()
        .map(|part| nested(target, part))
        .collect::<Vec<_>>()
        .join(word)
}

fn nested(target: Target, part: &Expr) -> String {
    match part {
        Expr::And(_) | Expr::Or(_) => format!("({})", expr(target, part)),
        _ => expr(target, part),
    }
}

fn comparison(target: Target, comparison: &Comparison) -> String {
    let name = field(target, &comparison.field);
    let quoted = target == Target::Experiments && name == "experiment_id";
    let number = |value: &Number| match value {
        Number::Integer(value) if quoted => format!("'{value}'"),
        Number::Integer(value) => value.to_string(),
        Number::Float(value) => format!("{value:?}"),
    };
    let text = |value: &String| format!("'{value}'");
    match &comparison.op {
        Op::Number(op, value) => format!("{name} {} {}", number_op(*op), number(value)),
        Op::Text(op, value) => format!("{name} {} {}", text_op(*op), text(value)),
        Op::InNumber(op, values) => {
            let values: Vec<_> = values.iter().map(number).collect();
            format!("{name} {} ({})", membership(*op), values.join(", "))
        }
        Op::InText(op, values) => {
            let values: Vec<_> = values.iter().map(text).collect();
            format!("{name} {} ({})", membership(*op), values.join(", "))
        }
        Op::IsNull => format!("{name} IS NULL"),
        Op::IsNotNull => format!("{name} IS NOT NULL"),
    }
}

pub(crate) fn field(target: Target, field: &Field) -> String {
    match field {
        Field::Metric(key) => format!("metrics.{}", quote(key)),
        Field::Param(key) => format!("params.{}", quote(key)),
        Field::Tag(key) => format!("tags.{}", quote(key)),
        Field::Attribute(attribute) => fields::usual_name(target, *attribute)
            .expect("the target has it")
            .to_owned(),
        Field::Dataset(DatasetField::Name) => "dataset.name".to_owned(),
        Field::Dataset(DatasetField::Digest) => "dataset.digest".to_owned(),
        Field::Dataset(DatasetField::Context) => "dataset.context".to_owned(),
    }
}

fn quote(key: &str) -> String {
    if key.contains('`') {
        format!("\"{key}\"")
    } else {
        format!("`{key}`")
    }
}

fn number_op(op: NumberOp) -> &'static str {
    match op {
        NumberOp::Less => "<",
        NumberOp::LessOrEqual => "<=",
        NumberOp::Equal => "=",
        NumberOp::NotEqual => "!=",
        NumberOp::GreaterOrEqual => ">=",
        NumberOp::Greater => ">",
    }
}

fn text_op(op: TextOp) -> &'static str {
    match op {
        TextOp::Equal => "=",
        TextOp::NotEqual => "!=",
        TextOp::Like => "LIKE",
        TextOp::ILike => "ILIKE",
    }
}

fn membership(op: Membership) -> &'static str {
    match op {
        Membership::In => "IN",
        Membership::NotIn => "NOT IN",
    }
}

pub(crate) fn order(target: Target, order: &[OrderBy]) -> String {
    let steps: Vec<_> = order
        .iter()
        .map(|step| {
            let dataset = [&step.dataset.name, &step.dataset.digest];
            let dataset: String = dataset
                .into_iter()
                .flatten()
                .map(|part| format!(" on {part}"))
                .collect();
            let direction = if step.descending { "DESC" } else { "ASC" };
            format!("{} {direction}{dataset}", field(target, &step.field))
        })
        .collect();
    steps.join(", ")
}
