//! One connection while a transaction runs on it.

use super::failure::{self, Failure, Kind};
use super::url::PostgresUrl;
use super::{Client, statement};
use crate::db::{Insert, Row, Value};
use crate::error::{Error, Result};
use deadpool_postgres::{ClientWrapper, HookError, Object};
use std::cell::RefCell;
use std::future::Future;
use std::panic::Location;
use std::time::Duration;
use tokio::runtime::Handle;

/// How long the beginning or the end of a transaction may stay without an answer.
const BEGIN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a statement or a commit may; longer than a statement waits for a lock. A network that
/// swallows everything would hold the connection, and the client, for ever.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// Every statement sees what is committed by then, so that a row that was locked is read as it is
/// now. Waiting for another writer, or for a client that is gone, has an end.
pub(super) const BEGIN_WRITE: &str = "begin isolation level read committed; \
    set local lock_timeout = '20s'; \
    set local idle_in_transaction_session_timeout = '60s'";
/// All queries see one state.
pub(super) const BEGIN_READ: &str = "begin isolation level repeatable read read only; \
    set local idle_in_transaction_session_timeout = '60s'";

/// Why a statement has no answer.
enum Broken {
    Failed(tokio_postgres::Error),
    /// None came in time.
    Silent,
}

/// A connection with the transaction that runs on it; used by one thread.
///
/// Invariant: it goes back to the pool outside of a transaction, or not at all.
pub struct Session {
    client: Client,
    handle: Handle,
    /// How messages name the database.
    database: String,
    /// The first failure of the transaction; nothing after it counts.
    failure: RefCell<Option<Failure>>,
}

/// Refuses a database whose texts are not UTF-8.
pub(super) async fn check(client: &mut ClientWrapper) -> Result<(), HookError> {
    let row = client
        .query_typed_one("select current_setting('server_encoding')", &[])
        .await
        .map_err(HookError::Backend)?;
    let encoding: String = row.try_get(0).map_err(HookError::Backend)?;
    match encoding.as_str() {
        "UTF8" => Ok(()),
        other => Err(HookError::message(format!(
            "its encoding is {other}, and UTF8 is needed: create it with encoding 'UTF8'"
        ))),
    }
}

impl Session {
    /// Takes a connection; called where a runtime runs.
    pub(super) fn new(client: Client, url: &PostgresUrl) -> Self {
        Self {
            client,
            handle: Handle::current(),
            database: url.to_string(),
            failure: RefCell::new(None),
        }
    }

    #[track_caller]
    pub(super) fn begin(&self, sql: &str) -> Result<()> {
        let at = Location::caller();
        let done = self.within(BEGIN_TIMEOUT, self.client.batch_execute(sql));
        done.map_err(|error| self.broken(error, at))
    }

    /// Commits; when the connection is lost meanwhile, nobody knows whether it did.
    pub(super) fn commit(&self) -> Result<()> {
        let error = match self.within(ANSWER_TIMEOUT, self.client.batch_execute("commit")) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let unknown = || {
            Error::unavailable(format!(
                "The connection to the database {} was lost while the request was being stored, \
                 so that it may be stored or not. Look before you send it again.",
                self.database
            ))
        };
        let failure = match error {
            // Nobody will hear the answer any more, so that the connection is closed.
            Broken::Silent => {
                self.broken(Broken::Silent, Location::caller());
                unknown()
            }
            Broken::Failed(error) if failure::is_lost(&error) => unknown().with_cause(error),
            Broken::Failed(error) => failure::of(error, &self.database, Location::caller()).error,
        };
        Err(failure)
    }

    /// Ends the transaction unless it is committed, and gives what made it fail.
    ///
    /// A connection that is lost or cannot be rolled back is closed.
    pub(super) fn end(self, committed: bool) -> Option<Failure> {
        let failure = self.failure.take();
        let is_lost = failure
            .as_ref()
            .is_some_and(|failure| matches!(failure.kind, Kind::Lost | Kind::Silent));
        let is_over = committed
            || !is_lost
                && self
                    .within(BEGIN_TIMEOUT, self.client.batch_execute("rollback"))
                    .is_ok();
        if !is_over {
            drop(Object::take(self.client));
        }
        failure
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.borrow().is_some()
    }

    /// Waits for an answer of the database, but not for ever.
    fn within<T>(
        &self,
        limit: Duration,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Broken> {
        let waited = async { tokio::time::timeout(limit, answer).await };
        match self.handle.block_on(waited) {
            Ok(done) => done.map_err(Broken::Failed),
            Err(_) => Err(Broken::Silent),
        }
    }

    fn broken(&self, why: Broken, at: &'static Location<'static>) -> Error {
        match why {
            Broken::Failed(error) => self.failed(error, at),
            Broken::Silent => self.note(failure::silent(&self.database, at)),
        }
    }

    /// Runs statements that take no parameters, however long they take: a migration is among them.
    #[track_caller]
    pub(in crate::db) fn plain(&self, sql: &str) -> Result<()> {
        let at = Location::caller();
        let done = self.handle.block_on(self.client.batch_execute(sql));
        done.map_err(|error| self.failed(error, at))
    }

    #[track_caller]
    pub(in crate::db) fn execute(&self, sql: &str, params: &[Value<'_>]) -> Result<u64> {
        let at = Location::caller();
        let typed = statement::typed(params)?;
        let done = self.within(ANSWER_TIMEOUT, self.client.execute_typed(sql, &typed));
        done.map_err(|error| self.broken(error, at))
    }

    #[track_caller]
    pub(in crate::db) fn query<T>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let at = Location::caller();
        let typed = statement::typed(params)?;
        let rows = self.within(ANSWER_TIMEOUT, self.client.query_typed(sql, &typed));
        let rows = rows.map_err(|error| self.broken(error, at))?;
        rows.iter().map(|row| map(&Row::Postgres(row))).collect()
    }

    #[track_caller]
    pub(in crate::db) fn insert_many<'v, const N: usize>(
        &self,
        insert: &Insert<'_>,
        rows: impl IntoIterator<Item = [Value<'v>; N]>,
    ) -> Result<u64> {
        let at = Location::caller();
        let rows: Vec<[Value<'v>; N]> = rows.into_iter().collect();
        let mut changed = 0;
        for rows in rows.chunks(statement::ROWS) {
            let (sql, columns) = statement::insert(insert, rows)?;
            let typed = statement::typed_columns(&columns);
            let done = self.within(ANSWER_TIMEOUT, self.client.execute_typed(&sql, &typed));
            changed += done.map_err(|error| self.broken(error, at))?;
        }
        Ok(changed)
    }

    /// Remembers the first failure, and says what it means to the client.
    fn failed(&self, error: tokio_postgres::Error, at: &'static Location<'static>) -> Error {
        self.note(failure::of(error, &self.database, at))
    }

    fn note(&self, failure: Failure) -> Error {
        let mut first = self.failure.borrow_mut();
        if first.is_some() {
            return failure.error;
        }
        let answer = failure.error.duplicate();
        *first = Some(failure);
        answer
    }
}
