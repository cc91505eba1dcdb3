//! Searches of runs, experiments and logged models: what is asked for, how each kind is stored, and
//! pages of what was found.
//!
//! What filters and orders mean, and the SQL of them, is `crate::search`'s business.

mod experiments;
mod logged_models;
mod runs;
#[cfg(test)]
mod tests;

pub use experiments::experiments;
pub use logged_models::logged_models;
pub use runs::{TableSearch, runs, table};

use super::experiment::Lifecycle;
use crate::db::{Row, Tx, Value, placeholders};
use crate::error::Result;
use crate::search::Target;
use crate::search::sql::Position;
use crate::search::token;
use serde::Serialize;
use std::collections::HashMap;

/// Rows read in one statement.
const CHUNK: usize = 500;

/// A search of runs or experiments: filter and order as they came, page size and token.
#[derive(Debug, Clone)]
pub struct Search {
    pub filter: String,
    pub order_by: Vec<String>,
    /// Active things, deleted things, or both.
    pub lifecycles: &'static [Lifecycle],
    /// 1 to 50,000.
    pub max_results: usize,
    pub page_token: Option<String>,
}

/// A dataset that metrics must have been logged for; no digest means any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetFilter {
    pub name: String,
    pub digest: Option<String>,
}

/// One field that logged models are sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelOrder {
    pub field_name: String,
    pub ascending: bool,
    pub dataset: Option<DatasetFilter>,
}

/// A search of logged models.
#[derive(Debug, Clone)]
pub struct ModelSearch {
    pub experiment_ids: Vec<i64>,
    pub filter: String,
    /// Empty for metrics of any dataset and of none.
    pub datasets: Vec<DatasetFilter>,
    pub order_by: Vec<ModelOrder>,
    pub max_results: usize,
    pub page_token: Option<String>,
}

/// A page of a search, and the token of the next one.
#[derive(Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

/// What a token of runs and experiments is bound to.
#[derive(Serialize)]
struct Identity<'s> {
    target: &'static str,
    experiment_ids: &'s [i64],
    filter: &'s str,
    order_by: &'s [String],
    lifecycles: Vec<i64>,
}

impl Search {
    fn fingerprint(&self, target: Target, experiment_ids: &[i64]) -> Result<String> {
        token::fingerprint(&Identity {
            target: match target {
                Target::Runs => "runs",
                _ => "experiments",
            },
            experiment_ids,
            filter: &self.filter,
            order_by: &self.order_by,
            lifecycles: self.lifecycle_numbers(),
        })
    }

    fn lifecycle_numbers(&self) -> Vec<i64> {
        self.lifecycles
            .iter()
            .map(|lifecycle| lifecycle.number())
            .collect()
    }

    /// Reads where the last page ended.
    fn after(&self, fingerprint: &str) -> Result<Option<Position>> {
        let token = self.page_token.as_deref();
        token
            .map(|token| token::decode(fingerprint, token))
            .transpose()
    }
}

/// How the rows of what was found are read.
struct Rows<T> {
    /// Ends behind `in`.
    select: String,
    from_row: fn(&Row<'_>) -> Result<T>,
    id: fn(&T) -> i64,
}

impl<T> Rows<T> {
    /// Reads the rows with these ids, in the order of the ids.
    fn load(&self, tx: &mut Tx<'_>, ids: &[i64]) -> Result<Vec<T>> {
        let mut found = HashMap::with_capacity(ids.len());
        for chunk in ids.chunks(CHUNK) {
            let list = placeholders(1, chunk.len());
            let sql = format!("{} ({list}) order by id", self.select);
            let params: Vec<Value<'_>> = chunk.iter().map(|id| Value::Int(*id)).collect();
            for row in tx.query(&sql, &params, self.from_row)? {
                found.insert((self.id)(&row), row);
            }
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }
}

fn distinct(ids: &[i64]) -> Vec<i64> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    ids.dedup();
    ids
}
