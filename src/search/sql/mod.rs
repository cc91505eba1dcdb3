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
mod plan;
mod values;

pub use layout::{Column, KeyColumn, Keyed, Layout, Linked, NamedOrder, ValueIndex, Values};
pub use order::{Mark, Position};

use self::plan::Plan;
use super::{Expr, Field, MetricDataset, OrderBy};
use crate::db::Tx;
use crate::error::Result;
use std::collections::HashMap;

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
    let mut rows = Plan { query, keys: &keys }.rows(tx)?;
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

/// Counts everything that the query finds, whatever its order, its page and its limit.
///
/// # Errors
/// 400 for a search that is too long for a statement.
pub fn count(tx: &mut Tx<'_>, query: &Query<'_>) -> Result<i64> {
    let keys = known_keys(tx, query)?;
    Plan { query, keys: &keys }.total(tx)
}

/// Ids with the places of their entities in the order.
type Rows = Vec<(i64, Position)>;

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
