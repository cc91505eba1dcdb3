//! Orders as joins and sort expressions, and the condition that a row comes after a position.
//!
//! Each step of an order has a rank (0 a value, 1 NaN, 2 nothing), which ascends in both
//! directions, and a value. A step whose value no row has sorts nothing and is left out.

use super::builder::{Builder, MetricState};
use super::condition::Condition;
use super::{Column, Keyed, NamedOrder, Values};
use crate::db::{FromColumn, Row, Value, by_bytes};
use crate::error::{Error, Result};
use crate::search::{Field, MetricDataset, OrderBy};
use serde::{Deserialize, Serialize};

/// Where a row stands in each step of an order.
pub type Position = Vec<Mark>;

/// What a row has in one step of an order. Doubles are kept by their bits, as decimal text might
/// not read back equal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    Integer(i64),
    Bits(u64),
    Text(String),
    Nan,
    Absent,
}

/// A step of an order, in SQL.
pub(super) struct Step {
    rank: Rank,
    value: String,
    kind: Kind,
    descending: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Rank {
    /// The same for each row.
    Fixed(u8),
    Sql(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Integer,
    Real,
    Text,
}

/// The steps of an order with the joins they need. Steps that sort nothing are `None`.
pub(super) struct Sorting {
    pub(super) steps: Vec<Option<Step>>,
    pub(super) joins: String,
}

impl Builder<'_> {
    /// Translates an order. If the state of its first metric is known, that metric is joined as
    /// `o0` already.
    pub(super) fn sorting(&mut self, order: &[OrderBy]) -> Sorting {
        let mut sorting = Sorting {
            steps: Vec::with_capacity(order.len()),
            joins: String::new(),
        };
        for (number, step) in order.iter().enumerate() {
            let translated = match (number, self.known) {
                (0, Some(known)) => fixed(known.state, step),
                _ => self.step(number, step, &mut sorting.joins),
            };
            sorting.steps.push(translated);
        }
        sorting
    }

    fn step(&mut self, number: usize, step: &OrderBy, joins: &mut String) -> Option<Step> {
        let layout = self.layout;
        if let Some((keyed, key)) = layout.keyed(&step.field) {
            let alias = format!("o{number}");
            joins.push_str(&self.join(keyed, key, &alias, &step.dataset)?);
            return Some(keyed_step(&alias, keyed, step));
        }
        let Field::Attribute(attribute) = &step.field else {
            return None;
        };
        let (value, kind, rank) = match layout.column(*attribute)? {
            Column::Text(column) => (format!("e.{column}"), Kind::Text, Rank::Fixed(0)),
            Column::Integer(column) | Column::ExperimentId(column) => {
                (format!("e.{column}"), Kind::Integer, Rank::Fixed(0))
            }
            Column::NullableInteger(column) => {
                let rank = format!("case when e.{column} is null then 2 else 0 end");
                (format!("e.{column}"), Kind::Integer, Rank::Sql(rank))
            }
            Column::Named {
                column,
                order: NamedOrder::Number,
                ..
            } => (format!("e.{column}"), Kind::Integer, Rank::Fixed(0)),
            Column::Named {
                column,
                names,
                order: NamedOrder::Name,
            } => {
                // By their place among the names, which no database's own order of texts changes.
                let mut names = names();
                names.sort_unstable_by_key(|(_, name)| *name);
                let cases: String = (0_i64..)
                    .zip(names)
                    .map(|(place, (number, _))| format!(" when {number} then {place}"))
                    .collect();
                let value = format!("case e.{column}{cases} else -1 end");
                (value, Kind::Integer, Rank::Fixed(0))
            }
            Column::Tag(_) => return None,
        };
        Some(Step {
            rank,
            value,
            kind,
            descending: step.descending,
        })
    }

    fn join(
        &mut self,
        keyed: &Keyed,
        key: &str,
        alias: &str,
        dataset: &MetricDataset,
    ) -> Option<String> {
        let (table, owner) = (keyed.table, keyed.owner);
        let key_is = self.key_is(keyed, alias, key)?;
        let latest = match keyed.values {
            Values::One => String::new(),
            Values::Many => {
                let key_is = self.key_is(keyed, "x", key)?;
                let dataset = self.on_dataset("x", dataset).into_sql();
                format!(
                    " and ({alias}.timestamp, {alias}.step, {alias}.run_uuid) =
                        (select x.timestamp, x.step, x.run_uuid from {table} x
                         where x.{owner} = e.id and {key_is} and {dataset}
                         order by x.timestamp desc, x.step desc, {} limit 1)",
                    by_bytes("x.run_uuid")
                )
            }
        };
        Some(format!(
            " left join {table} {alias} on {alias}.{owner} = e.id and {key_is}{latest}"
        ))
    }
}

/// The first step, when the state of its metric is known.
fn fixed(state: MetricState, step: &OrderBy) -> Option<Step> {
    let rank = match state {
        MetricState::Number => 0,
        MetricState::Nan => 1,
        MetricState::Absent => 2,
    };
    Some(Step {
        rank: Rank::Fixed(rank),
        value: "o0.value".to_owned(),
        kind: Kind::Real,
        descending: step.descending,
    })
}

fn keyed_step(alias: &str, keyed: &Keyed, step: &OrderBy) -> Step {
    let is_metric = matches!(step.field, Field::Metric(_));
    let nan = if is_metric {
        format!(" when {alias}.is_nan = true then 1")
    } else {
        String::new()
    };
    let owner = keyed.owner;
    Step {
        rank: Rank::Sql(format!(
            "case when {alias}.{owner} is null then 2{nan} else 0 end"
        )),
        value: format!("{alias}.value"),
        kind: if is_metric { Kind::Real } else { Kind::Text },
        descending: step.descending,
    }
}

impl Sorting {
    /// The columns that `mark` reads, each after a comma.
    pub(super) fn columns(&self) -> String {
        let parts = self.steps.iter().flatten().map(|step| match &step.rank {
            Rank::Fixed(0) => format!(", {}", step.value),
            Rank::Fixed(_) => String::new(),
            Rank::Sql(rank) => format!(", {}, {rank}", step.value),
        });
        parts.collect()
    }

    /// The list behind `order by`.
    pub(super) fn terms(&self) -> String {
        let mut terms = Vec::new();
        for step in self.steps.iter().flatten() {
            if let Rank::Sql(rank) = &step.rank {
                terms.push(rank.clone());
            }
            if matches!(step.rank, Rank::Fixed(0) | Rank::Sql(_)) {
                let direction = if step.descending { " desc" } else { "" };
                terms.push(format!("{}{direction}", step.sorted()));
            }
        }
        terms.join(", ")
    }

    /// Reads where a row stands, from the columns from `first` on.
    pub(super) fn position(&self, row: &Row<'_>, first: usize) -> Result<Position> {
        let mut index = first;
        let mut position = Vec::with_capacity(self.steps.len());
        for step in &self.steps {
            position.push(match step.as_ref().map(|step| &step.rank) {
                None | Some(Rank::Fixed(2)) => Mark::Absent,
                Some(Rank::Fixed(0)) => {
                    index += 1;
                    mark(row, index - 1)?
                }
                Some(Rank::Fixed(_)) => Mark::Nan,
                Some(Rank::Sql(_)) => {
                    index += 2;
                    match row.get::<i64>(index - 1)? {
                        0 => mark(row, index - 2)?,
                        1 => Mark::Nan,
                        _ => Mark::Absent,
                    }
                }
            });
        }
        Ok(position)
    }

    /// Says that a row comes after the position.
    ///
    /// # Errors
    /// 400 for a position that is not one of this order.
    pub(super) fn after(&self, position: &[Mark], builder: &mut Builder<'_>) -> Result<Condition> {
        if position.len() != self.steps.len() {
            return Err(foreign());
        }
        let mut after = Condition::False;
        for (step, mark) in self.steps.iter().zip(position).rev() {
            let Some(step) = step else { continue };
            let (beyond, same) = step.compare(mark, builder)?;
            after = Condition::any([beyond, Condition::all([same, after])]);
        }
        Ok(Condition::all([self.bound(position, builder)?, after]))
    }
}

impl Sorting {
    /// Says that a row does not come before the position in the first step. It follows from the
    /// rest; but an index can use it.
    fn bound(&self, position: &[Mark], builder: &mut Builder<'_>) -> Result<Condition> {
        let first = self.steps.first().and_then(Option::as_ref);
        match (first, position.first()) {
            (Some(step), Some(mark)) if step.rank == Rank::Fixed(0) && mark.rank() == 0 => {
                let wanted = builder.bind(step.wanted(mark)?);
                let sign = if step.descending { "<=" } else { ">=" };
                Ok(Condition::Sql(format!("{} {sign} {wanted}", step.sorted())))
            }
            _ => Ok(Condition::True),
        }
    }
}

impl Mark {
    fn rank(&self) -> u8 {
        match self {
            Mark::Integer(_) | Mark::Bits(_) | Mark::Text(_) => 0,
            Mark::Nan => 1,
            Mark::Absent => 2,
        }
    }
}

impl Step {
    fn sorted(&self) -> &str {
        match self.kind {
            Kind::Text => by_bytes(&self.value),
            Kind::Integer | Kind::Real => &self.value,
        }
    }

    /// Says that a row comes after the mark in this step, and that it stands at the mark.
    fn compare(&self, mark: &Mark, builder: &mut Builder<'_>) -> Result<(Condition, Condition)> {
        let rank = mark.rank();
        let (higher, equal) = match &self.rank {
            Rank::Fixed(own) => (
                Condition::constant(*own > rank),
                Condition::constant(*own == rank),
            ),
            Rank::Sql(sql) => (
                Condition::Sql(format!("{sql} > {rank}")),
                Condition::Sql(format!("{sql} = {rank}")),
            ),
        };
        if rank != 0 || equal == Condition::False {
            return Ok((higher, equal));
        }
        let wanted = builder.bind(self.wanted(mark)?);
        let sign = if self.descending { "<" } else { ">" };
        let beyond = Condition::Sql(format!("{} {sign} {wanted}", self.sorted()));
        let same = Condition::Sql(format!("{} = {wanted}", self.value));
        let beyond = Condition::all([equal.clone(), beyond]);
        Ok((
            Condition::any([higher, beyond]),
            Condition::all([equal, same]),
        ))
    }

    fn wanted(&self, mark: &Mark) -> Result<Value<'static>> {
        match (self.kind, mark) {
            (Kind::Integer, Mark::Integer(number)) => Ok(Value::Int(*number)),
            (Kind::Real, Mark::Bits(bits)) if !f64::from_bits(*bits).is_nan() => {
                Ok(Value::Real(f64::from_bits(*bits)))
            }
            (Kind::Text, Mark::Text(text)) if !text.contains('\0') => Ok(Value::from(text.clone())),
            _ => Err(foreign()),
        }
    }
}

fn mark(row: &Row<'_>, index: usize) -> Result<Mark> {
    row.get(index)
}

impl FromColumn for Mark {
    fn from_column(column: crate::db::Column<'_>) -> Option<Self> {
        match Value::from_column(column)? {
            Value::Int(number) => Some(Mark::Integer(number)),
            Value::Real(number) => Some(Mark::Bits(number.to_bits())),
            Value::Text(text) => Some(Mark::Text(text.into_owned())),
            Value::Null | Value::Bool(_) | Value::Bytes(_) => None,
        }
    }
}

fn foreign() -> Error {
    Error::invalid("Invalid page token, it does not fit the order of this search.")
}
