//! The transaction that domain code works in: `execute`, `query`, `insert_many`, `lock`.

use super::{KeyCache, Row, Value, statement};
use crate::error::{Error, Result};
use serde_json::Value as Json;

type CommitHook = Box<dyn FnOnce() + Send>;

/// A running transaction. Statements are written with `$1..` and mean the same on each database.
pub struct Tx<'c> {
    conn: &'c rusqlite::Connection,
    keys: &'c KeyCache,
    hooks: Vec<CommitHook>,
    notes: Vec<Json>,
}

/// A multi-row insert: table, columns, and what to do on a conflict (`on conflict ..` or empty).
pub struct Insert<'s> {
    pub table: &'s str,
    pub columns: &'s [&'s str],
    pub conflict: &'s str,
}

impl<'c> Tx<'c> {
    pub(super) fn new(conn: &'c rusqlite::Connection, keys: &'c KeyCache) -> Self {
        Self {
            conn,
            keys,
            hooks: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Runs a statement and gives the number of rows it changed.
    #[track_caller]
    pub fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64> {
        statement::execute(self.conn, sql, params)
    }

    /// Runs the statements of a schema step; it takes no parameters.
    pub(super) fn execute_script(&mut self, sql: &str) -> Result<()> {
        statement::execute_script(self.conn, sql)
    }

    /// Runs a query and maps each row.
    #[track_caller]
    pub fn query<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        statement::query(self.conn, sql, params, map)
    }

    /// Runs a query that gives at most one row.
    #[track_caller]
    pub fn query_optional<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.query(sql, params, map)?.into_iter().next())
    }

    /// Runs a query that always gives a row, such as an aggregate or an insert with `returning`.
    #[track_caller]
    pub fn query_one<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<T> {
        self.query_optional(sql, params, map)?
            .ok_or_else(|| Error::internal("A statement that always gives a row gave none."))
    }

    /// Inserts rows and gives the number of rows that were inserted or changed.
    ///
    /// Invariant: `rows` come in key order, so that two writers cannot lock each other out.
    #[track_caller]
    pub fn insert_many<'v, const N: usize>(
        &mut self,
        insert: &Insert<'_>,
        rows: impl IntoIterator<Item = [Value<'v>; N]>,
    ) -> Result<u64> {
        statement::insert_many(self.conn, insert, rows)
    }

    /// Locks the rows of `table` with these ids until the transaction ends.
    ///
    /// On SQLite a write transaction is alone, so that there is nothing to lock; a database with
    /// many writers takes the rows in the order of their ids.
    pub fn lock(&mut self, _table: &str, _ids: &[i64]) -> Result<()> {
        Ok(())
    }

    /// Remembers what to do once this transaction is committed; a rollback forgets it.
    pub fn on_commit(&mut self, hook: impl FnOnce() + Send + 'static) {
        self.hooks.push(Box::new(hook));
    }

    /// Remembers what was changed until `take_notes` asks; it is not stored by itself.
    pub fn note(&mut self, note: Json) {
        self.notes.push(note);
    }

    /// Gives what was noted since the transaction began or since the last call.
    pub fn take_notes(&mut self) -> Vec<Json> {
        std::mem::take(&mut self.notes)
    }

    pub(super) fn keys(&self) -> &KeyCache {
        self.keys
    }

    pub(super) fn into_hooks(self) -> Vec<CommitHook> {
        self.hooks
    }
}
