//! The transaction that domain code works in: `execute`, `query`, `insert_many`, `lock`, and
//! what is built of them.

use super::postgres::Session;
use super::{KeyCache, Row, Value, placeholders, statement};
use crate::error::{Error, Result};
use serde_json::Value as Json;
use std::collections::HashMap;

/// Where the statements of a transaction go.
#[derive(Clone, Copy)]
pub(super) enum Connection<'c> {
    Sqlite(&'c rusqlite::Connection),
    Postgres(&'c Session),
}

/// How far other writers are kept from a row until the transaction ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Nobody else changes the row or holds it.
    Change,
    /// Others may hold the row, too, but nobody changes it.
    Hold,
    /// As `Change`; rows that another writer has are left out of the answer.
    ChangeIfFree,
    /// Nobody deletes the row or takes it by `Change`, but its columns outside of keys may change.
    Pin,
}

pub(super) type CommitHook = Box<dyn FnOnce() + Send>;

/// A running transaction. Statements are written with `$1..` and mean the same on each database.
pub struct Tx<'c> {
    conn: Connection<'c>,
    keys: &'c KeyCache,
    /// Keys that this transaction looked up or created.
    interned: HashMap<String, i64>,
    hooks: Vec<CommitHook>,
    notes: Vec<Json>,
    /// The queries that were run, for tests that ask the database for its plans.
    #[cfg(test)]
    pub(crate) queries: Vec<String>,
}

/// A multi-row insert: table, columns, and what to do on a conflict (`on conflict ..` or empty).
pub struct Insert<'s> {
    pub table: &'s str,
    pub columns: &'s [&'s str],
    pub conflict: &'s str,
}

impl<'c> Tx<'c> {
    pub(super) fn new(conn: Connection<'c>, keys: &'c KeyCache) -> Self {
        Self {
            conn,
            keys,
            interned: HashMap::new(),
            hooks: Vec::new(),
            notes: Vec::new(),
            #[cfg(test)]
            queries: Vec::new(),
        }
    }

    /// Runs a statement and gives the number of rows it changed.
    #[track_caller]
    pub fn execute(&mut self, sql: &str, params: &[Value<'_>]) -> Result<u64> {
        match self.conn {
            Connection::Sqlite(conn) => statement::execute(conn, sql, params),
            Connection::Postgres(session) => session.execute(sql, params),
        }
    }

    /// Runs a statement of which nobody needs the number of rows: over a network it goes together
    /// with the next one, or with the commit, which then fail in its place.
    ///
    /// # Errors
    /// 400 for a value that the database cannot store; the statement itself may fail later.
    #[track_caller]
    pub fn send(&mut self, sql: &str, params: &[Value<'_>]) -> Result<()> {
        match self.conn {
            Connection::Sqlite(conn) => statement::execute(conn, sql, params).map(|_| ()),
            Connection::Postgres(session) => session.send(sql, params),
        }
    }

    /// Runs the statements of a schema step; it takes no parameters.
    pub(super) fn execute_script(&mut self, sql: &str) -> Result<()> {
        match self.conn {
            Connection::Sqlite(conn) => statement::execute_script(conn, sql),
            Connection::Postgres(session) => session.plain(sql),
        }
    }

    /// Runs a query and maps each row.
    #[track_caller]
    pub fn query<T>(
        &mut self,
        sql: &str,
        params: &[Value<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        #[cfg(test)]
        self.queries.push(sql.to_owned());
        match self.conn {
            Connection::Sqlite(conn) => statement::query(conn, sql, params, map),
            Connection::Postgres(session) => session.query(sql, params, map),
        }
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
    /// Invariant: `rows` come in key order, so that two writers cannot lock each other out, and none
    /// of them comes twice where `conflict` updates what is there.
    #[track_caller]
    pub fn insert_many<'v, const N: usize>(
        &mut self,
        insert: &Insert<'_>,
        rows: impl IntoIterator<Item = [Value<'v>; N]>,
    ) -> Result<u64> {
        match self.conn {
            Connection::Sqlite(conn) => statement::insert_many(conn, insert, rows),
            Connection::Postgres(session) => session.insert_many(insert, rows),
        }
    }

    /// Inserts rows as `insert_many` does, where nobody needs their number, as `send` does.
    ///
    /// # Errors
    /// Those of `send`.
    #[track_caller]
    pub fn send_many<'v, const N: usize>(
        &mut self,
        insert: &Insert<'_>,
        rows: impl IntoIterator<Item = [Value<'v>; N]>,
    ) -> Result<()> {
        match self.conn {
            Connection::Sqlite(conn) => statement::insert_many(conn, insert, rows).map(|_| ()),
            Connection::Postgres(session) => session.send_many(insert, rows),
        }
    }

    /// Runs a query over one table and locks the rows that it finds, as they are then.
    ///
    /// What is read before a lock may be changed by another writer before the lock is there; what
    /// this gives stays true until the transaction ends. On SQLite a write transaction is alone, so
    /// that there is nothing to lock.
    ///
    /// Invariant: a transaction takes its locks in the order leases and claims, experiments, runs,
    /// logged models, registered models, audit log, and those of one table in one order.
    #[track_caller]
    pub fn query_locked<T>(
        &mut self,
        lock: Lock,
        sql: &str,
        params: &[Value<'_>],
        map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let clause = match (self.conn, lock) {
            (Connection::Sqlite(_), _) => return self.query(sql, params, map),
            (Connection::Postgres(_), Lock::Change) => "for update",
            (Connection::Postgres(_), Lock::Hold) => "for share",
            (Connection::Postgres(_), Lock::ChangeIfFree) => "for update skip locked",
            (Connection::Postgres(_), Lock::Pin) => "for key share",
        };
        self.query(&format!("{sql} {clause}"), params, map)
    }

    /// Locks the rows of `table` with these ids until the transaction ends, in the order of the
    /// ids; on SQLite there is nothing to lock.
    #[track_caller]
    pub fn lock(&mut self, table: &str, ids: &[i64]) -> Result<()> {
        if let Connection::Sqlite(_) = self.conn {
            return Ok(());
        }
        let sql = format!(
            "select id from {table} where id in ({}) order by id",
            placeholders(1, ids.len())
        );
        let ids: Vec<Value<'_>> = ids.iter().map(|id| Value::Int(*id)).collect();
        self.query_locked(Lock::Change, &sql, &ids, |_| Ok(()))?;
        Ok(())
    }

    /// Waits until no other transaction has `name` for itself or among those `above` it, and keeps
    /// it until the transaction ends; on SQLite a write transaction is alone anyway.
    ///
    /// Invariant: `above` leads from the top down, so that two transactions cannot lock each other
    /// out.
    #[track_caller]
    pub fn lock_name(&mut self, above: &[&str], name: &str) -> Result<()> {
        if let Connection::Sqlite(_) = self.conn {
            return Ok(());
        }
        let shared = (1..=above.len())
            .map(|at| format!("pg_advisory_xact_lock_shared(hashtextextended(${at}, 0))::text, "));
        let sql = format!(
            "select {}pg_advisory_xact_lock(hashtextextended(${}, 0))::text",
            shared.collect::<String>(),
            above.len() + 1
        );
        let names: Vec<Value<'_>> = above
            .iter()
            .chain([&name])
            .map(|name| Value::from(*name))
            .collect();
        self.query(&sql, &names, |_| Ok(()))?;
        Ok(())
    }

    /// Gives the time by the clock of the database, in milliseconds since 1970: the same clock for
    /// all servers that use it.
    #[track_caller]
    pub fn database_time(&mut self) -> Result<i64> {
        match self.conn {
            Connection::Sqlite(_) => Ok(statement::now()),
            Connection::Postgres(_) => self.query_one(
                "select (extract(epoch from clock_timestamp()) * 1000)::bigint",
                &[],
                |row| row.get(0),
            ),
        }
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

    pub(super) fn interned(&mut self) -> &mut HashMap<String, i64> {
        &mut self.interned
    }

    pub(super) fn connection(&self) -> Connection<'c> {
        self.conn
    }

    pub(super) fn into_hooks(self) -> Vec<CommitHook> {
        self.hooks
    }
}
