//! Filters as conditions on `e`.
//!
//! Each comparison stands alone: what belongs to the entity is asked for with `exists`, so that
//! any nesting of `AND`, `OR` and `NOT` keeps its meaning.

use super::builder::{Builder, MetricState};
use super::condition::Condition;
use super::{Column, Keyed, ValueIndex, Values};
use crate::db::like::{ilike, like};
use crate::search::ast::{Membership, Number, NumberOp, TextOp};
use crate::search::{Attribute, Comparison, Expr, Field, Op};

impl Builder<'_> {
    /// Translates a filter.
    pub(super) fn filter(&mut self, expr: &Expr) -> Condition {
        match expr {
            Expr::All => Condition::True,
            Expr::And(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.filter(part)).collect();
                Condition::all(parts)
            }
            Expr::Or(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.filter(part)).collect();
                Condition::any(parts)
            }
            Expr::Not(part) => self.filter(part).negated(),
            Expr::Compare(comparison) => self.comparison(comparison),
        }
    }

    fn comparison(&mut self, comparison: &Comparison) -> Condition {
        let layout = self.layout;
        if let Some((keyed, key)) = layout.keyed(&comparison.field) {
            return self.keyed(keyed, key, comparison);
        }
        match &comparison.field {
            Field::Attribute(attribute) => self.attribute(*attribute, &comparison.op),
            Field::Dataset(field) => {
                let Some(linked) = layout.linked(*field) else {
                    return Condition::False;
                };
                let value = self.text(linked.value, ValueIndex::None, &comparison.op);
                let (from, owner) = (linked.from, linked.owner);
                self.exists(&format!("select 1 from {from} where {owner} = e.id"), value)
            }
            Field::Metric(_) | Field::Param(_) | Field::Tag(_) => Condition::False,
        }
    }

    fn keyed(&mut self, keyed: &Keyed, key: &str, comparison: &Comparison) -> Condition {
        let op = &comparison.op;
        if let (Field::Metric(_), Some(known)) = (&comparison.field, self.known)
            && known.metric == key
        {
            return match known.state {
                MetricState::Number => self.number("o0.value", op),
                MetricState::Nan => Condition::constant(holds_for_nan(op)),
                MetricState::Absent => Condition::False,
            };
        }
        let Some(key) = self.key_is(keyed, "x", key) else {
            return Condition::constant(*op == Op::IsNull);
        };
        let rows = format!(
            "select 1 from {} x where x.{} = e.id and {key}",
            keyed.table, keyed.owner
        );
        let value = match (op, &comparison.field) {
            (Op::IsNull, _) => return self.exists(&rows, Condition::True).negated(),
            (Op::IsNotNull, _) => Condition::True,
            (op, Field::Metric(_)) => {
                let value = self.metric("x", op);
                let dataset = self.on_datasets(keyed);
                Condition::all([value, dataset])
            }
            // The row is found by its owner and key, not by its value.
            (op, _) => self.text("x.value", ValueIndex::None, op),
        };
        self.exists(&rows, value)
    }

    /// Says that there is a row that meets the condition.
    fn exists(&self, rows: &str, condition: Condition) -> Condition {
        let exists = match condition {
            Condition::False => return Condition::False,
            Condition::True => format!("exists ({rows})"),
            Condition::Sql(sql) => format!("exists ({rows} and ({sql}))"),
        };
        Condition::Sql(match self.is_long {
            // PostgreSQL makes a join of each `exists`, and its planner tries their orders: of a
            // thousand it would never come to an end. Inside of `case` it leaves them alone.
            true => format!("case when {exists} then 1 else 0 end = 1"),
            false => exists,
        })
    }

    /// Says that a metric row was logged on one of the datasets of the search.
    fn on_datasets(&mut self, keyed: &Keyed) -> Condition {
        if keyed.values == Values::One || self.datasets.is_empty() {
            return Condition::True;
        }
        let parts: Vec<_> = self
            .datasets
            .iter()
            .map(|dataset| self.on_dataset("x", dataset))
            .collect();
        Condition::any(parts)
    }

    /// Says that the entity has any metric on the datasets of the search; true if there are none.
    pub(super) fn measured_on_datasets(&mut self) -> Condition {
        let layout = self.layout;
        match &layout.metrics {
            Some(keyed) if !self.datasets.is_empty() => {
                let dataset = self.on_datasets(keyed);
                let rows = format!(
                    "select 1 from {} x where x.{} = e.id",
                    keyed.table, keyed.owner
                );
                self.exists(&rows, dataset)
            }
            _ => Condition::True,
        }
    }

    /// Compares a metric row that may be NaN.
    pub(super) fn metric(&mut self, alias: &str, op: &Op) -> Condition {
        let number = self.number(&format!("{alias}.value"), op);
        let nan = Condition::Sql(format!("{alias}.is_nan = true"));
        if holds_for_nan(op) {
            Condition::any([nan, number])
        } else {
            let not_nan = Condition::Sql(format!("{alias}.is_nan = false"));
            Condition::all([not_nan, number])
        }
    }

    /// Compares a double that is a number.
    fn number(&mut self, value: &str, op: &Op) -> Condition {
        match op {
            Op::Number(op, number) => {
                let wanted = self.bind(float(*number));
                Condition::Sql(format!("{value} {} {wanted}", spell(*op)))
            }
            Op::InNumber(membership, numbers) => {
                if numbers.is_empty() {
                    return Condition::constant(*membership == Membership::NotIn);
                }
                let list = self.bind_all(numbers.iter().copied().map(float));
                found(Condition::Sql(format!("{value} in ({list})")), *membership)
            }
            Op::Text(..) | Op::InText(..) | Op::IsNull | Op::IsNotNull => Condition::False,
        }
    }

    /// Compares a text that is not null.
    pub(super) fn text(&mut self, value: &str, index: ValueIndex, op: &Op) -> Condition {
        let indexed = index == ValueIndex::ByExperiment;
        match op {
            Op::Text(op, wanted) => {
                let wanted = self.bind(wanted.clone());
                Condition::Sql(match op {
                    TextOp::Equal if indexed => format!(
                        "substr({value}, 1, 64) = substr({wanted}, 1, 64) and {value} = {wanted}"
                    ),
                    TextOp::Equal => format!("{value} = {wanted}"),
                    TextOp::NotEqual => format!("{value} <> {wanted}"),
                    TextOp::Like => format!("matches_like({value}, {wanted})"),
                    TextOp::ILike => format!("matches_ilike({value}, {wanted})"),
                })
            }
            Op::InText(membership, texts) => {
                if texts.is_empty() {
                    return Condition::constant(*membership == Membership::NotIn);
                }
                let list = self.bind_all(texts.iter().cloned());
                let listed = Condition::Sql(format!("{value} in ({list})"));
                let prefixes: Vec<_> = list
                    .split(',')
                    .map(|wanted| format!("substr({wanted}, 1, 64)"))
                    .collect();
                let prefixed = match indexed {
                    true => Condition::Sql(format!(
                        "substr({value}, 1, 64) in ({})",
                        prefixes.join(",")
                    )),
                    false => Condition::True,
                };
                found(Condition::all([prefixed, listed]), *membership)
            }
            Op::Number(..) | Op::InNumber(..) | Op::IsNull | Op::IsNotNull => Condition::False,
        }
    }

    fn attribute(&mut self, attribute: Attribute, op: &Op) -> Condition {
        match self.layout.column(attribute) {
            Some(Column::Text(column)) => self.text(&format!("e.{column}"), ValueIndex::None, op),
            Some(Column::Integer(column)) => self.integer(&format!("e.{column}"), op),
            Some(Column::NullableInteger(column)) => {
                let value = self.integer(&format!("e.{column}"), op);
                let given = Condition::Sql(format!("e.{column} is not null"));
                Condition::all([given, value])
            }
            Some(Column::Named { column, names, .. }) => {
                let names = names();
                let all = names.len();
                let numbers: Vec<i64> = names
                    .into_iter()
                    .filter(|(_, name)| text_holds(op, name))
                    .map(|(number, _)| number)
                    .collect();
                if numbers.len() == all {
                    return Condition::True;
                }
                self.one_of(format!("e.{column}"), &numbers)
            }
            Some(Column::ExperimentId(column)) => {
                let ids: Vec<i64> = self
                    .scope
                    .experiment_ids
                    .unwrap_or_default()
                    .iter()
                    .copied()
                    .filter(|id| text_holds(op, &id.to_string()))
                    .collect();
                self.one_of(format!("e.{column}"), &ids)
            }
            Some(Column::Tag(_)) | None => Condition::False,
        }
    }

    /// Compares an integer column: exactly with integers, as a double with doubles.
    fn integer(&mut self, column: &str, op: &Op) -> Condition {
        match op {
            Op::Number(op, number) => {
                let left = match number {
                    Number::Integer(_) => column.to_owned(),
                    Number::Float(_) => format!("cast({column} as double precision)"),
                };
                let wanted = match number {
                    Number::Integer(number) => self.bind(*number),
                    Number::Float(number) => self.bind(*number),
                };
                Condition::Sql(format!("{left} {} {wanted}", spell(*op)))
            }
            Op::InNumber(membership, numbers) => {
                let (mut integers, mut floats) = (Vec::new(), Vec::new());
                for number in numbers {
                    match number {
                        Number::Integer(number) => integers.push(*number),
                        Number::Float(number) => floats.push(*number),
                    }
                }
                let mut parts = vec![self.one_of(column, &integers)];
                if !floats.is_empty() {
                    let list = self.bind_all(floats);
                    let left = format!("cast({column} as double precision)");
                    parts.push(Condition::Sql(format!("{left} in ({list})")));
                }
                found(Condition::any(parts), *membership)
            }
            Op::Text(..) | Op::InText(..) | Op::IsNull | Op::IsNotNull => Condition::False,
        }
    }
}

fn found(condition: Condition, membership: Membership) -> Condition {
    match membership {
        Membership::In => condition,
        Membership::NotIn => condition.negated(),
    }
}

fn holds_for_nan(op: &Op) -> bool {
    matches!(
        op,
        Op::Number(NumberOp::NotEqual, _) | Op::InNumber(Membership::NotIn, _)
    )
}

/// Tells whether a text satisfies a comparison of texts.
fn text_holds(op: &Op, text: &str) -> bool {
    match op {
        Op::Text(TextOp::Equal, wanted) => text == wanted,
        Op::Text(TextOp::NotEqual, wanted) => text != wanted,
        Op::Text(TextOp::Like, pattern) => like(text, pattern),
        Op::Text(TextOp::ILike, pattern) => ilike(text, pattern),
        Op::InText(Membership::In, texts) => texts.iter().any(|wanted| wanted == text),
        Op::InText(Membership::NotIn, texts) => texts.iter().all(|wanted| wanted != text),
        Op::Number(..) | Op::InNumber(..) | Op::IsNull | Op::IsNotNull => false,
    }
}

fn float(number: Number) -> f64 {
    match number {
        Number::Integer(number) => number as f64,
        Number::Float(number) => number,
    }
}

fn spell(op: NumberOp) -> &'static str {
    match op {
        NumberOp::Less => "<",
        NumberOp::LessOrEqual => "<=",
        NumberOp::Equal => "=",
        NumberOp::NotEqual => "<>",
        NumberOp::GreaterOrEqual => ">=",
        NumberOp::Greater => ">",
    }
}
