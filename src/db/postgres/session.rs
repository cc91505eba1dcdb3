//! One connection while a transaction runs on it.

use super::failure::{self, Failure, Kind};
use super::url::PostgresUrl;
use super::{Client, statement};
use crate::db::{Insert, Row, Value};
use crate::error::{Error, Result};
use deadpool_postgres::{ClientWrapper, HookError, Object};
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, ready};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::panic::Location;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::time::error::Elapsed;
use tokio::time::timeout;

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

/// A statement that is on its way, and that nobody waited for yet.
struct Sent {
    answer: BoxFuture<'static, Result<(), tokio_postgres::Error>>,
    limit: Duration,
    at: &'static Location<'static>,
}

/// Why a statement failed, and which: the one that was waited for, or one that was sent before.
struct Fault {
    why: Broken,
    at: &'static Location<'static>,
    was_sent_before: bool,
}

/// A connection with the transaction that runs on it; used by one thread.
///
/// What needs no answer is sent and not waited for: it is on the network together with what comes
/// next. The next statement that is waited for, at the latest the commit, tells whether it failed.
///
/// Invariant: it goes back to the pool outside of a transaction, or not at all.
pub struct Session {
    client: Arc<Client>,
    handle: Handle,
    /// In the order in which the database answers.
    sent: RefCell<Vec<Sent>>,
    /// Whether the beginning of the transaction is among them.
    is_beginning: Cell<bool>,
    /// How messages name the database.
    database: String,
    /// The first failure of the transaction; nothing after it counts.
    failure: RefCell<Option<Failure>>,
}

/// Gives an answer, or why there is none.
fn told<T>(answer: Result<Result<T, tokio_postgres::Error>, Elapsed>) -> Result<T, Broken> {
    match answer {
        Ok(answer) => answer.map_err(Broken::Failed),
        Err(_) => Err(Broken::Silent),
    }
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
            client: Arc::new(client),
            handle: Handle::current(),
            sent: RefCell::default(),
            is_beginning: Cell::new(false),
            database: url.to_string(),
            failure: RefCell::new(None),
        }
    }

    /// Begins a transaction, and waits until it has begun.
    #[track_caller]
    pub(super) fn begin(&self, sql: &str) -> Result<()> {
        self.wait(BEGIN_TIMEOUT, self.client.batch_execute(sql))
    }

    /// Begins a transaction together with its first statement, if that only reads.
    #[track_caller]
    pub(super) fn begin_with_next(&self, sql: &'static str) {
        let client = self.client.clone();
        self.is_beginning.set(true);
        self.put(
            BEGIN_TIMEOUT,
            async move { client.batch_execute(sql).await },
        );
    }

    /// Commits; when the connection is lost meanwhile, nobody knows whether it did.
    pub(super) fn commit(&self) -> Result<()> {
        let at = Location::caller();
        self.begun()?;
        let Err(fault) = self.settle(ANSWER_TIMEOUT, at, self.client.batch_execute("commit"))
        else {
            return Ok(());
        };
        let unknown = || {
            Error::unavailable(format!(
                "The connection to the database {} was lost while the request was being stored, \
                 so that it may be stored or not. Look before you send it again.",
                self.database
            ))
        };
        Err(match fault.why {
            // Nobody will hear the answer any more, so that the connection is closed.
            Broken::Silent => {
                self.broken(Broken::Silent, fault.at);
                unknown()
            }
            Broken::Failed(error) if failure::is_lost(&error) => unknown().with_cause(error),
            // PostgreSQL rolls back when it is to commit after a failed statement.
            Broken::Failed(error) if fault.was_sent_before => self.failed(error, fault.at),
            Broken::Failed(error) => failure::of(error, &self.database, fault.at).error,
        })
    }

    /// Ends the transaction unless it is committed, and gives what made it fail.
    ///
    /// A connection that is lost or cannot be rolled back is closed.
    pub(super) fn end(self, committed: bool) -> Option<Failure> {
        // Whatever they would say: a rollback undoes them, a commit has waited for them.
        self.sent.take();
        let failure = self.failure.take();
        let is_lost = failure
            .as_ref()
            .is_some_and(|failure| matches!(failure.kind, Kind::Lost | Kind::Silent));
        let rollback = || {
            let at = Location::caller();
            self.settle(BEGIN_TIMEOUT, at, self.client.batch_execute("rollback"))
        };
        let is_over = committed || !is_lost && rollback().is_ok();
        if !is_over && let Some(client) = Arc::into_inner(self.client) {
            drop(Object::take(client));
        }
        failure
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.borrow().is_some()
    }

    /// Sends a statement that is not waited for.
    #[track_caller]
    fn put(
        &self,
        limit: Duration,
        answer: impl Future<Output = Result<(), tokio_postgres::Error>> + Send + 'static,
    ) {
        let mut answer = answer.boxed();
        // The first poll hands the statement to the connection; only a failure is there at once.
        if let Some(failed) = (&mut answer).now_or_never() {
            answer = ready(failed).boxed();
        }
        let at = Location::caller();
        self.sent.borrow_mut().push(Sent { answer, limit, at });
    }

    /// Waits for the answers to what was sent and to this, but not for ever.
    fn settle<T>(
        &self,
        limit: Duration,
        at: &'static Location<'static>,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Fault> {
        let mut answer = pin!(answer);
        let early = answer.as_mut().now_or_never();
        let sent = self.sent.take();
        self.is_beginning.set(false);
        self.handle.block_on(async {
            for one in sent {
                let answer = timeout(one.limit, one.answer).await;
                told(answer).map_err(|why| Fault {
                    why,
                    at: one.at,
                    was_sent_before: true,
                })?;
            }
            let answer = match early {
                Some(answer) => Ok(answer),
                None => timeout(limit, answer).await,
            };
            told(answer).map_err(|why| Fault {
                why,
                at,
                was_sent_before: false,
            })
        })
    }

    /// Waits until the transaction has begun: what changes something would be stored at once, and for
    /// good, if the beginning had failed.
    #[track_caller]
    fn begun(&self) -> Result<()> {
        match self.is_beginning.get() {
            true => self.wait(BEGIN_TIMEOUT, ready(Ok(()))),
            false => Ok(()),
        }
    }

    /// Waits for an answer; the first failure is remembered.
    #[track_caller]
    fn wait<T>(
        &self,
        limit: Duration,
        answer: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T> {
        self.settle(limit, Location::caller(), answer)
            .map_err(|fault| self.broken(fault.why, fault.at))
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
        self.begun()?;
        self.wait(Duration::MAX, self.client.batch_execute(sql))
    }

    #[track_caller]
    pub(in crate::db) fn execute(&self, sql: &str, params: &[Value<'_>]) -> Result<u64> {
        self.begun()?;
        let typed = statement::typed(params)?;
        self.wait(ANSWER_TIMEOUT, self.client.execute_typed(sql, &typed))
    }

    /// Sends a statement that is not waited for.
    #[track_caller]
    pub(in crate::db) fn send(&self, sql: &str, params: &[Value<'_>]) -> Result<()> {
        self.begun()?;
        statement::typed(params)?;
        let own = |value: &Value<'_>| value.clone().into_owned();
        let (sql, params) = (sql.to_owned(), params.iter().map(own).collect::<Vec<_>>());
        let client = self.client.clone();
        self.put(ANSWER_TIMEOUT, async move {
            let typed = statement::with_types(&params);
            client.execute_typed(&sql, &typed).await.map(|_| ())
        });
        Ok(())
    }

    #[track_caller]
    pub(in crate::db) fn query<T>(
        &self,
        sql: &str,
        params: &[Value<'_>],
        mut map: impl FnMut(&Row<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        if !statement::only_reads(sql) {
            self.begun()?;
        }
        let typed = statement::typed(params)?;
        let rows = self.wait(ANSWER_TIMEOUT, self.client.query_typed(sql, &typed))?;
        rows.iter().map(|row| map(&Row::Postgres(row))).collect()
    }

    #[track_caller]
    pub(in crate::db) fn insert_many<'v, const N: usize>(
        &self,
        insert: &Insert<'_>,
        rows: impl IntoIterator<Item = [Value<'v>; N]>,
    ) -> Result<u64> {
        self.begun()?;
        let mut changed = 0;
        for rows in statement::parts(rows) {
            let (sql, columns) = statement::insert(insert, rows)?;
            let typed = statement::typed_columns(&columns);
            changed += self.wait(ANSWER_TIMEOUT, self.client.execute_typed(&sql, &typed))?;
        }
        Ok(changed)
    }

    /// Sends the insertion of rows, which is not waited for.
    #[track_caller]
    pub(in crate::db) fn send_many<'v, const N: usize>(
        &self,
        insert: &Insert<'_>,
        rows: impl IntoIterator<Item = [Value<'v>; N]>,
    ) -> Result<()> {
        self.begun()?;
        let owned = rows.into_iter().map(|row| row.map(Value::into_owned));
        for rows in statement::parts(owned) {
            let (sql, columns) = statement::insert(insert, rows)?;
            let client = self.client.clone();
            self.put(ANSWER_TIMEOUT, async move {
                let typed = statement::typed_columns(&columns);
                client.execute_typed(&sql, &typed).await.map(|_| ())
            });
        }
        Ok(())
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
