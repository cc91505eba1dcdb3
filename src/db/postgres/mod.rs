//! The PostgreSQL driver: a pool of connections, and a transaction on a blocking thread for each
//! request.
//!
//! It keeps nothing in a session but the transaction under way: no named statement, no session
//! setting, no session lock, so that a pool such as pgbouncer may stand between. It never waits for
//! a lock or a connection without an end.

mod failure;
mod session;
mod standby;
mod statement;
mod tls;
mod url;

pub(super) use session::Session;
pub(super) use standby::Standby;
pub use url::{PostgresOptions, PostgresUrl};

use self::failure::{Failure, Kind};
use super::{KeyCache, Tx};
use crate::error::{Error, Result};
use crate::metrics;
use deadpool_postgres::{
    Hook, Manager, ManagerConfig, Object, Pool, PoolError, RecyclingMethod, Runtime, TimeoutType,
};
use rand::RngExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How often a write begins again that got in the way of another one, or lost its connection.
const RETRIES: u32 = 3;
/// How long opening one connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often an unreachable database is tried at the start.
const START_PAUSE: Duration = Duration::from_millis(500);

pub(super) struct Postgres {
    pool: Pool,
    options: PostgresOptions,
    keys: KeyCache,
    figures: metrics::Database,
}

impl Postgres {
    /// Makes the pool; it connects when it is first used.
    pub(super) fn open(options: PostgresOptions, figures: metrics::Database) -> Result<Self> {
        let tls = tls::connector(&options.url)?;
        let keys = KeyCache::default();
        let known = keys.clone();
        let manager = Manager::from_config(
            options.url.config(CONNECT_TIMEOUT),
            tls,
            ManagerConfig {
                recycling_method: RecyclingMethod::Fast,
            },
        );
        let pool = Pool::builder(manager)
            .max_size(options.connections.max(1))
            .wait_timeout(Some(options.wait))
            .create_timeout(Some(CONNECT_TIMEOUT))
            .post_create(Hook::async_fn(move |client, _| {
                // It may lead to another primary, which need not have every key that was cached.
                known.forget();
                Box::pin(session::check(client))
            }))
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(|error| {
                Error::internal("The pool of connections cannot be made.").with_cause(error)
            })?;
        Ok(Self {
            pool,
            options,
            keys,
            figures,
        })
    }

    /// Waits until the database answers, as long as the options allow.
    ///
    /// # Errors
    /// 503 that names the database, at once where waiting does not help, such as a wrong password.
    pub(super) async fn wait_until_reachable(&self) -> Result<()> {
        let deadline = Instant::now() + self.options.start_wait;
        loop {
            let error = match self.pool.get().await {
                Ok(_) => return Ok(()),
                Err(error) => error,
            };
            let refused = failure::is_refusal(&error);
            if refused || Instant::now() >= deadline {
                let (database, reason) = (&self.options.url, failure::told(&error));
                return Err(Error::unavailable(format!(
                    "The database {database} cannot be reached: {reason}. Check database.url, and \
                     that the database is up."
                ))
                .with_cause(error));
            }
            tracing::warn!(database = %self.options.url, cause = failure::told(&error),
                "the database cannot be reached yet; trying again");
            tokio::time::sleep(START_PAUSE).await;
        }
    }

    pub(super) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let mut session = self.session().await?;
        let (keys, pool) = (self.keys.clone(), self.clone_pool());
        let task = move || {
            let mut retries = 0;
            loop {
                let started = Instant::now();
                let (outcome, kind) = attempt(session, &keys, &work);
                let Err(error) = outcome else {
                    pool.figures.committed(1, started.elapsed());
                    return outcome;
                };
                if !kind.is_some_and(Kind::may_pass) || retries == RETRIES {
                    return Err(error);
                }
                retries += 1;
                tracing::debug!(retries, ?kind, "a write begins again");
                std::thread::sleep(pause(retries));
                session = Handle::current().block_on(pool.session())?;
            }
        };
        joined(tokio::task::spawn_blocking(task).await)
    }

    pub(super) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let session = self.session().await?;
        let (keys, pool) = (self.keys.clone(), self.clone_pool());
        let task = move || {
            let session = pool.begin_read(session)?;
            let outcome = run(&session, &keys, work);
            session.end(false);
            let (answer, hooks) = outcome?;
            // Keys that a reader looked up are committed: it can see nothing else.
            hooks.into_iter().for_each(|hook| hook());
            Ok(answer)
        };
        joined(tokio::task::spawn_blocking(task).await)
    }

    /// Begins a read, on another connection where this one turns out to be lost.
    fn begin_read(&self, mut session: Session) -> Result<Session> {
        let mut retries = 0;
        while let Err(error) = session.begin(session::BEGIN_READ) {
            session.end(false);
            if retries == RETRIES {
                return Err(error);
            }
            retries += 1;
            session = Handle::current().block_on(self.session())?;
        }
        Ok(session)
    }

    /// Lets no new transaction begin, and closes the connections as they come back.
    pub(super) fn close(&self) {
        self.pool.close();
    }

    fn clone_pool(&self) -> Self {
        Self {
            pool: self.pool.clone(),
            options: self.options.clone(),
            keys: self.keys.clone(),
            figures: self.figures.clone(),
        }
    }

    async fn session(&self) -> Result<Session> {
        let client = self
            .pool
            .get()
            .await
            .map_err(|error| self.unreachable(error))?;
        Ok(Session::new(client, &self.options.url))
    }

    #[track_caller]
    fn unreachable(&self, error: PoolError) -> Error {
        let database = &self.options.url;
        let answer = match &error {
            PoolError::Timeout(TimeoutType::Wait) => Error::unavailable(format!(
                "All {} connections to the database {database} are in use; send the request again \
                 in a moment.",
                self.options.connections
            )),
            PoolError::Closed => Error::unavailable(
                "The server is shutting down; send the request again in a moment.",
            ),
            error => Error::unavailable(format!(
                "The database {database} cannot be reached: {}. Nothing of this request was \
                 stored; send it again in a moment.",
                failure::told(error)
            )),
        };
        answer.with_cause(error)
    }
}

/// Runs a write once. A failure that may pass is told by its kind.
fn attempt<T>(
    session: Session,
    keys: &KeyCache,
    work: &impl Fn(&mut Tx<'_>) -> Result<T>,
) -> (Result<T>, Option<Kind>) {
    session.begin_with_next(session::BEGIN_WRITE);
    let outcome = run(&session, keys, work).and_then(|(answer, hooks)| {
        session.commit()?;
        hooks.into_iter().for_each(|hook| hook());
        Ok(answer)
    });
    let failure = session.end(outcome.is_ok());
    match (outcome, failure) {
        (Ok(answer), _) => (Ok(answer), None),
        (Err(_), Some(Failure { kind, error })) if kind.may_pass() => (Err(error), Some(kind)),
        (Err(error), _) => (Err(error), None),
    }
}

type Hooks = Vec<Box<dyn FnOnce() + Send>>;

/// Does the work in the transaction that runs.
fn run<T>(
    session: &Session,
    keys: &KeyCache,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T>,
) -> Result<(T, Hooks)> {
    let mut tx = Tx::new(super::tx::Connection::Postgres(session), keys);
    let outcome = catch_unwind(AssertUnwindSafe(|| work(&mut tx))).unwrap_or_else(|_| {
        Err(Error::internal(
            "A transaction stopped unexpectedly; see the log.",
        ))
    });
    let answer = outcome?;
    match session.has_failed() {
        // PostgreSQL commits nothing after a failed statement, whatever the work made of it.
        true => Err(Error::internal(
            "A statement failed, and its transaction went on.",
        )),
        false => Ok((answer, tx.into_hooks())),
    }
}

/// A pause that grows with each retry, and that two writers do not share.
fn pause(retries: u32) -> Duration {
    let most = 10 * 4_u64.pow(retries.min(RETRIES));
    Duration::from_millis(rand::rng().random_range(1..=most))
}

fn joined<T>(task: Result<Result<T>, tokio::task::JoinError>) -> Result<T> {
    task.map_err(|error| {
        Error::internal("A transaction stopped unexpectedly; see the log.").with_cause(error)
    })?
}

/// A connection that is borrowed from the pool.
type Client = Object;
