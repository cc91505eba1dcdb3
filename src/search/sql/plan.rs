//! Where a statement starts, so that the database need not look at every entity.
//!
//! * If a comparison that must hold is met by few entities, the statement starts from them. How
//!   many they are is counted in the index, up to a bound.
//! * Otherwise, an order by a metric is walked along the index of values: first the numbers, then
//!   NaN, then what has no such metric, each with a statement of its own until the page is full.
//! * Otherwise, the statement starts from the entities themselves, in the order of their index.
//!
//! `cross join` fixes the order of the tables on SQLite, which has no statistics of its own to
//! choose by; on other databases it is an ordinary join.

use super::builder::{Builder, Known, MetricState};
use super::condition::Condition;
use super::order::Sorting;
use super::{Query, Rows, ValueIndex};
use crate::db::{Tx, Value};
use crate::error::{Error, Result};
use crate::search::ast::{Membership, NumberOp, TextOp};
use crate::search::{Attribute, Comparison, Expr, Field, Op};
use std::borrow::Cow;
use std::collections::HashMap;

/// Longest statement, in bytes: SQLite takes up to 1,000,000.
const MAX_STATEMENT_BYTES: usize = 900_000;
/// Most parameters of a statement: SQLite takes up to 32,766.
const MAX_PARAMS: usize = 30_000;
/// A comparison that is met by at most so many entities is always worth starting from.
///
/// The tests have few of everything, and shall take every way.
const FEW: i64 = if cfg!(test) { 3 } else { 1_000 };
/// A comparison that is met by more is never worth starting from.
const MANY_TO_START_FROM: i64 = 10_000;
/// A filter with more comparisons is long.
const MANY: usize = if cfg!(test) { 2 } else { 8 };
/// Comparisons that are counted before a search.
const MAX_COUNTED: usize = 4;

/// What a statement starts from.
#[derive(Debug, Clone, Copy)]
enum Start<'q> {
    Entities,
    /// What meets this comparison.
    Comparison(&'q Comparison),
    /// What has the metric of the first step of the order in this state.
    Metric(Known<'q>),
}

/// A search with the ids of its keys.
#[derive(Clone, Copy)]
pub(super) struct Plan<'q> {
    pub(super) query: &'q Query<'q>,
    /// The ids of interned keys; a key that is not here was never stored.
    pub(super) keys: &'q HashMap<String, i64>,
}

impl<'q> Plan<'q> {
    /// Finds the rows of the page and, if there are any, one more.
    pub(super) fn rows(self, tx: &mut Tx<'_>) -> Result<Rows> {
        let limit = self.query.limit + 1;
        if self.names_few(self.query.filter) {
            return self.select(tx, Start::Entities, limit);
        }
        if let Some(comparison) = self.selective(tx)? {
            return self.select(tx, Start::Comparison(&comparison), limit);
        }
        let Some(metric) = self.leading_metric() else {
            return self.select(tx, Start::Entities, limit);
        };
        let mut rows = Vec::new();
        for state in [MetricState::Number, MetricState::Nan, MetricState::Absent] {
            if rows.len() < limit {
                let start = Start::Metric(Known { metric, state });
                rows.extend(self.select(tx, start, limit - rows.len())?);
            }
        }
        Ok(rows)
    }

    /// Counts what the search finds on all its pages.
    pub(super) fn total(self, tx: &mut Tx<'_>) -> Result<i64> {
        let selective = match self.names_few(self.query.filter) {
            true => None,
            false => self.selective(tx)?,
        };
        let start = match &selective {
            Some(comparison) => Start::Comparison(comparison),
            None => Start::Entities,
        };
        let mut builder = self.builder(None);
        let Some((from, started)) = builder.start(start) else {
            return Ok(0);
        };
        let scope = builder.in_scope();
        let filter = builder.filter(self.query.filter);
        let measured = match names_metric(self.query.filter) {
            true => Condition::True,
            false => builder.measured_on_datasets(),
        };
        let condition = Condition::all([started, scope, filter, measured]);
        if condition == Condition::False {
            return Ok(0);
        }
        let sql = format!("select count(*) from {from} where {}", condition.into_sql());
        check_size(&sql, &builder.params)?;
        tx.query_one(&sql, &builder.params, |row| row.get(0))
    }

    /// The metric that the order begins with, if an index holds its values in order.
    fn leading_metric(self) -> Option<&'q str> {
        let step = self.query.order.first()?;
        let (keyed, key) = self.query.layout.keyed(&step.field)?;
        let walkable = matches!(step.field, Field::Metric(_))
            && keyed.index == ValueIndex::ByExperiment
            && self.keys.contains_key(key);
        walkable.then_some(key)
    }

    /// Tells whether the filter asks for entities by their ids.
    fn names_few(self, filter: &Expr) -> bool {
        conjuncts(filter).iter().any(|comparison| {
            comparison.field == Field::Attribute(Attribute::RunId)
                && matches!(
                    comparison.op,
                    Op::Text(TextOp::Equal, _) | Op::InText(Membership::In, _)
                )
        })
    }

    /// Finds the comparison that the fewest entities meet, if they are few.
    fn selective(self, tx: &mut Tx<'_>) -> Result<Option<Cow<'q, Comparison>>> {
        let mut candidates = Vec::new();
        for comparison in conjuncts(self.query.filter) {
            if self.is_indexed(comparison) {
                candidates.push(Cow::Borrowed(comparison));
            } else if let Some(listed) = self.builder(None).listed(tx, comparison)? {
                candidates.push(Cow::Owned(listed));
            }
            if candidates.len() == MAX_COUNTED {
                break;
            }
        }
        let mut best = None;
        for comparison in candidates {
            let fewest = match &best {
                Some((fewest, _)) => *fewest,
                None => self.few(tx)?,
            };
            let count = self.count(tx, &comparison, fewest)?;
            if count <= fewest {
                best = Some((count, comparison));
            }
        }
        Ok(best.map(|(_, comparison)| comparison))
    }

    /// Gives how many entities are worth starting from.
    ///
    /// Who walks along an order to fill a page of L with the n of N entities that pass looks at
    /// L * N / n of them, and who starts from the n looks at n; both cost the same where n is the
    /// square root of L * N. Looking at one costs more in the second case, as they lie apart.
    fn few(self, tx: &mut Tx<'_>) -> Result<i64> {
        if cfg!(test) {
            return Ok(FEW);
        }
        let sql = format!("select max(id) from {}", self.query.layout.table);
        let newest: Option<i64> = tx.query_one(&sql, &[], |row| row.get(0))?;
        let even = (self.query.limit as i64)
            .saturating_mul(newest.unwrap_or(0))
            .isqrt();
        Ok((even / 2).clamp(FEW, MANY_TO_START_FROM))
    }

    fn is_indexed(self, comparison: &Comparison) -> bool {
        let Some((keyed, _)) = self.query.layout.keyed(&comparison.field) else {
            return false;
        };
        keyed.index == ValueIndex::ByExperiment
            && match &comparison.op {
                Op::Number(op, _) => *op != NumberOp::NotEqual,
                Op::Text(op, _) => *op == TextOp::Equal,
                Op::InNumber(membership, _) | Op::InText(membership, _) => {
                    *membership == Membership::In
                }
                Op::IsNull | Op::IsNotNull => false,
            }
    }

    /// Counts what meets the comparison, up to one more than `bound`.
    fn count(self, tx: &mut Tx<'_>, comparison: &Comparison, bound: i64) -> Result<i64> {
        let mut builder = self.builder(None);
        let Some(rows) = builder.rows_meeting(comparison, "1") else {
            return Ok(0);
        };
        let limit = builder.bind(bound + 1);
        let sql = format!("select count(*) from ({rows} limit {limit}) c");
        check_size(&sql, &builder.params)?;
        tx.query_one(&sql, &builder.params, |row| row.get(0))
    }

    fn builder(self, known: Option<Known<'q>>) -> Builder<'q> {
        Builder {
            layout: self.query.layout,
            scope: &self.query.scope,
            keys: self.keys,
            datasets: self.query.datasets,
            known,
            is_long: comparisons(self.query.filter) > MANY,
            params: Vec::new(),
        }
    }

    fn select(self, tx: &mut Tx<'_>, start: Start<'q>, limit: usize) -> Result<Rows> {
        let query = self.query;
        let mut builder = self.builder(match start {
            Start::Metric(known) => Some(known),
            Start::Entities | Start::Comparison(_) => None,
        });
        let Some((from, started)) = builder.start(start) else {
            return Ok(Vec::new());
        };
        let scope = builder.in_scope();
        let filter = builder.filter(query.filter);
        let measured = match names_metric(query.filter) {
            true => Condition::True,
            false => builder.measured_on_datasets(),
        };
        let sorting = builder.sorting(query.order);
        let after = match query.after {
            Some(position) => sorting.after(position, &mut builder)?,
            None => Condition::True,
        };
        let condition = Condition::all([started, scope, filter, measured, after]);
        if condition == Condition::False {
            return Ok(Vec::new());
        }
        let limit = builder.bind(limit as i64);
        let sql = format!(
            "select e.id{} from {from}{} where {} order by {} limit {limit}",
            sorting.columns(),
            sorting.joins,
            condition.into_sql(),
            sorting.terms(),
        );
        run(tx, &sql, &builder.params, &sorting)
    }
}

fn run(tx: &mut Tx<'_>, sql: &str, params: &[Value<'_>], sorting: &Sorting) -> Result<Rows> {
    check_size(sql, params)?;
    tx.query(sql, params, |row| {
        Ok((row.get(0)?, sorting.position(row, 1)?))
    })
}

fn check_size(sql: &str, params: &[Value<'_>]) -> Result<()> {
    if sql.len() <= MAX_STATEMENT_BYTES && params.len() <= MAX_PARAMS {
        return Ok(());
    }
    Err(Error::invalid(
        "The search is too long: it names too many experiments, datasets or values. Split it \
         into several searches.",
    ))
}

impl Builder<'_> {
    /// Gives the tables to start from, and what joins them; `None` if nothing can be found there.
    fn start(&mut self, start: Start<'_>) -> Option<(String, Condition)> {
        let entities = self.layout.table;
        match start {
            Start::Entities => Some((format!("{entities} e"), Condition::True)),
            Start::Comparison(comparison) => {
                let (keyed, _) = self.layout.keyed(&comparison.field)?;
                let owner = format!("x.{} as id", keyed.owner);
                let rows = self.rows_meeting(comparison, &owner)?;
                let joined = Condition::Sql("e.id = d.id".to_owned());
                Some((format!("({rows}) d cross join {entities} e"), joined))
            }
            Start::Metric(known) => {
                let keyed = self.layout.metrics.as_ref()?;
                let (table, owner) = (keyed.table, keyed.owner);
                let is_nan = match known.state {
                    MetricState::Number => false,
                    MetricState::Nan => true,
                    MetricState::Absent => {
                        let key = self.key_is(keyed, "x", known.metric)?;
                        let absent = Condition::Sql(format!(
                            "not exists (select 1 from {table} x where x.{owner} = e.id and {key})"
                        ));
                        return Some((format!("{entities} e"), absent));
                    }
                };
                let key = self.key_is(keyed, "o0", known.metric)?;
                let joined = Condition::Sql(format!(
                    "{key} and o0.is_nan = {is_nan} and e.id = o0.{owner}"
                ));
                let scope = self.in_experiments("o0");
                let from = format!("{table} o0 cross join {entities} e");
                Some((from, Condition::all([scope, joined])))
            }
        }
    }

    /// Writes the query of the rows that meet a comparison, found by the index of values.
    fn rows_meeting(&mut self, comparison: &Comparison, columns: &str) -> Option<String> {
        let (keyed, key) = self.layout.keyed(&comparison.field)?;
        let scope = self.in_experiments("x");
        let key = Condition::Sql(self.key_is(keyed, "x", key)?);
        let value = match comparison.field {
            Field::Metric(_) => self.metric("x", &comparison.op),
            _ => self.text("x.value", keyed.index, &comparison.op),
        };
        let condition = Condition::all([scope, key, value]);
        (condition != Condition::False).then(|| {
            let table = keyed.table;
            format!(
                "select {columns} from {table} x where {}",
                condition.into_sql()
            )
        })
    }

    fn in_experiments(&mut self, alias: &str) -> Condition {
        match self.scope.experiment_ids {
            Some(ids) => self.one_of(format!("{alias}.experiment_id"), ids),
            None => Condition::True,
        }
    }

    fn in_scope(&mut self) -> Condition {
        let experiments = self.in_experiments("e");
        let lifecycles = self.one_of("e.lifecycle", self.scope.lifecycles);
        Condition::all([experiments, lifecycles])
    }
}

/// The comparisons that must hold whatever else does.
fn conjuncts(filter: &Expr) -> Vec<&Comparison> {
    match filter {
        Expr::Compare(comparison) => vec![comparison],
        Expr::And(parts) => parts.iter().flat_map(conjuncts).collect(),
        Expr::All | Expr::Or(_) | Expr::Not(_) => Vec::new(),
    }
}

fn comparisons(filter: &Expr) -> usize {
    match filter {
        Expr::All => 0,
        Expr::And(parts) | Expr::Or(parts) => parts.iter().map(comparisons).sum(),
        Expr::Not(part) => comparisons(part),
        Expr::Compare(_) => 1,
    }
}

fn names_metric(filter: &Expr) -> bool {
    match filter {
        Expr::All => false,
        Expr::And(parts) | Expr::Or(parts) => parts.iter().any(names_metric),
        Expr::Not(part) => names_metric(part),
        Expr::Compare(comparison) => matches!(comparison.field, Field::Metric(_)),
    }
}
