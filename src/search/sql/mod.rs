//! The one translation of a search to SQL.
//!
//! It turns a parsed filter, an order and a page into statements with `$N` parameters that mean
//! the same on every database, and gives the ids of what it found. What a filter and an order mean
//! is said in `search` and `search::order`; where things are stored is said by a `Layout`, which
//! the owner of the tables brings. It never reads what it found, and never names a driver.

mod builder;
mod condition;
mod filter;
mod layout;
mod order;

pub use layout::{Column, KeyColumn, Keyed, Layout, Linked, NamedOrder, ValueIndex, Values};
pub use order::{Mark, Position};

use self::builder::Builder;
use self::condition::Condition;
use self::order::Sorting;
use super::{Expr, Field, MetricDataset, OrderBy};
use crate::db::{Tx, Value};
use crate::error::{Error, Result};
use std::collections::HashMap;

/// Longest statement, in bytes: SQLite takes up to 1,000,000.
const MAX_STATEMENT_BYTES: usize = 900_000;
/// Most parameters of a statement: SQLite takes up to 32,766.
const MAX_PARAMS: usize = 30_000;

/// Among which entities to search.
#[derive(Debug, Clone)]
pub struct Scope<'s> {
    /// `None` for entities that belong to no experiment.
    pub experiment_ids: Option<&'s [i64]>,
    pub lifecycles: &'s [i64],
}

/// A page of a search.
#[derive(Debug, Clone)]
pub struct Query<'q> {
    pub layout: &'q Layout,
    pub scope: Scope<'q>,
    pub filter: &'q Expr,
    /// Complete down to the last tie, as `search::order` makes it.
    pub order: &'q [OrderBy],
    /// The datasets whose metric values the filter looks at; empty for all values. A filter
    /// without metrics then finds what has any metric on them.
    pub datasets: &'q [MetricDataset],
    /// Where the last page ended.
    pub after: Option<&'q [Mark]>,
    /// At least 1.
    pub limit: usize,
}

/// The ids of a page in their order.
#[derive(Debug)]
pub struct Found {
    pub ids: Vec<i64>,
    /// Where the page ended; `None` when nothing comes after it.
    pub last: Option<Position>,
}

/// Finds a page.
///
/// # Errors
/// 400 for a position of another order, and for a search that is too long for a statement.
pub fn find(tx: &mut Tx<'_>, query: &Query<'_>) -> Result<Found> {
    let keys = known_keys(tx, query)?;
    let mut rows = select(tx, query, &keys)?;
    let last = match rows.len() > query.limit {
        true => {
            rows.truncate(query.limit);
            rows.last().map(|(_, position)| position.clone())
        }
        false => None,
    };
    Ok(Found {
        ids: rows.into_iter().map(|(id, _)| id).collect(),
        last,
    })
}

type Rows = Vec<(i64, Position)>;

fn select(tx: &mut Tx<'_>, query: &Query<'_>, keys: &HashMap<String, i64>) -> Result<Rows> {
    let mut builder = Builder {
        layout: query.layout,
        scope: &query.scope,
        keys,
        datasets: query.datasets,
        known: None,
        params: Vec::new(),
    };
    let scope = builder.in_scope();
    let filter = builder.filter(query.filter);
    let measured = match mentions_metric(query.filter) {
        true => Condition::True,
        false => builder.measured_on_datasets(),
    };
    let sorting = builder.sorting(query.order);
    let after = match query.after {
        Some(position) => sorting.after(position, &mut builder)?,
        None => Condition::True,
    };
    let condition = Condition::all([scope, filter, measured, after]);
    if condition == Condition::False {
        return Ok(Vec::new());
    }
    let sql = format!(
        "select e.id{} from {} e{} where {} order by {} limit {}",
        sorting.columns(),
        query.layout.table,
        sorting.joins,
        condition.into_sql(),
        sorting.terms(),
        builder.bind(query.limit as i64 + 1),
    );
    run(tx, &sql, &builder.params, &sorting)
}

fn run(tx: &mut Tx<'_>, sql: &str, params: &[Value<'_>], sorting: &Sorting) -> Result<Rows> {
    if sql.len() > MAX_STATEMENT_BYTES || params.len() > MAX_PARAMS {
        return Err(Error::invalid(
            "The search is too long: it names too many experiments, datasets or values. Split it \
             into several searches.",
        ));
    }
    tx.query(sql, params, |row| {
        Ok((row.get(0)?, sorting.position(row, 1)?))
    })
}

impl Builder<'_> {
    fn in_scope(&mut self) -> Condition {
        let scope = self.scope;
        let experiments = match scope.experiment_ids {
            Some(ids) => self.one_of("e.experiment_id", ids),
            None => Condition::True,
        };
        let lifecycles = self.one_of("e.lifecycle", scope.lifecycles);
        Condition::all([experiments, lifecycles])
    }
}

/// Looks up the interned keys that the filter and the order name.
fn known_keys(tx: &mut Tx<'_>, query: &Query<'_>) -> Result<HashMap<String, i64>> {
    let mut fields = Vec::new();
    collect_fields(query.filter, &mut fields);
    fields.extend(query.order.iter().map(|step| &step.field));
    let mut keys = HashMap::new();
    for field in fields {
        let Some((keyed, key)) = query.layout.keyed(field) else {
            continue;
        };
        if keyed.key == KeyColumn::Interned
            && !keys.contains_key(key)
            && let Some(id) = tx.find_key(key)?
        {
            keys.insert(key.to_owned(), id);
        }
    }
    Ok(keys)
}

fn collect_fields<'e>(expr: &'e Expr, fields: &mut Vec<&'e Field>) {
    match expr {
        Expr::All => {}
        Expr::And(parts) | Expr::Or(parts) => {
            parts.iter().for_each(|part| collect_fields(part, fields));
        }
        Expr::Not(part) => collect_fields(part, fields),
        Expr::Compare(comparison) => fields.push(&comparison.field),
    }
}

fn mentions_metric(filter: &Expr) -> bool {
    let mut fields = Vec::new();
    collect_fields(filter, &mut fields);
    fields.iter().any(|field| matches!(field, Field::Metric(_)))
}
