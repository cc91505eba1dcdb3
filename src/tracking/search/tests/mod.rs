//! Random searches over random things: what the SQL finds, page by page, is what the plain
//! evaluator in memory finds.

mod experiments;
mod filters;
mod logged_models;
mod plans;
mod runs;

use super::Page;
use crate::db::{Db, Durability, SqliteOptions, Tx};
use crate::error::Result;
use crate::search::eval::{self, Entity};
use crate::search::{Expr, OrderBy};
use proptest::prelude::*;
use std::collections::BTreeMap;

/// Keys that things have; filters also name one that nothing has.
const KEYS: [&str; 2] = ["k", "a b"];
/// Texts that differ in case, in bytes, and behind the part that is indexed.
const TEXTS: [&str; 9] = [
    "",
    "a",
    "A",
    "ab",
    "B",
    "é",
    "100%",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxé1",
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxé2",
];
const NUMBERS: [f64; 8] = [f64::MIN, -1.0, 0.0, 5e-324, 0.1, 1.0, 1e300, f64::MAX];

fn text() -> impl Strategy<Value = String> {
    prop::sample::select(TEXTS.to_vec()).prop_map(str::to_owned)
}

fn pairs() -> impl Strategy<Value = BTreeMap<String, String>> {
    let key = prop::sample::select(KEYS.to_vec()).prop_map(str::to_owned);
    prop::collection::btree_map(key, text(), 0..3)
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        6 => prop::sample::select(NUMBERS.to_vec()),
        1 => Just(f64::NAN),
    ]
}

/// Some of the orders, shuffled, each with a direction.
fn orders(fields: &[&'static str]) -> impl Strategy<Value = Vec<(&'static str, bool)>> {
    let most = fields.len().min(4);
    prop::sample::subsequence(fields.to_vec(), 0..=most)
        .prop_shuffle()
        .prop_flat_map(|fields| {
            let count = fields.len();
            (Just(fields), prop::collection::vec(any::<bool>(), count))
        })
        .prop_map(|(fields, directions)| fields.into_iter().zip(directions).collect())
}

/// Runs `work` in one transaction of a fresh database.
fn in_database<T: Send + 'static>(
    work: impl Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let db = Db::open_sqlite(SqliteOptions {
            path: folder.path().join("test.db"),
            durability: Durability::Relaxed,
            readers: 1,
        })?;
        db.migrate().await?;
        let outcome = db.write(work).await;
        db.close().await?;
        outcome
    })
}

/// What a search should find: the names of those that match, in their order.
fn expected(all: &[(String, Entity)], filter: &Expr, order: &[OrderBy]) -> Vec<String> {
    let mut matching: Vec<_> = all
        .iter()
        .filter(|(_, entity)| eval::matches(filter, entity))
        .collect();
    matching.sort_by(|a, b| eval::compare(&a.1, &b.1, order));
    matching.into_iter().map(|(name, _)| name.clone()).collect()
}

/// Follows the tokens to the last page; every page but the last must be full.
fn all_pages<T>(
    size: usize,
    mut page: impl FnMut(Option<String>) -> Result<Page<T>>,
) -> Result<Vec<T>> {
    let mut found = Vec::new();
    let mut token = None;
    loop {
        let next = page(token)?;
        let full = next.items.len() == size;
        assert!(next.items.len() <= size && (full || next.next.is_none()));
        found.extend(next.items);
        if next.next.is_none() || found.len() > 1_000 {
            return Ok(found);
        }
        token = next.next;
    }
}
