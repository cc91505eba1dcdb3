//! The database facade: one small synchronous `Tx` that domain code writes its SQL against.
//!
//! `Db::write` and `Db::read` take an ordinary closure and run it as one transaction, away from the
//! async threads. Only this module names a driver; it never holds a rule of the domain.
//!
//! Invariant: when `Db::write` answers `Ok`, the transaction is committed and, with the default
//! durability, on the disk.

mod keys;
pub mod like;
mod load;
mod migrate;
mod page;
mod postgres;
mod row;
mod sqlite;
mod statement;
mod tx;
mod value;

pub use keys::KeyCache;
pub use load::Limits;
pub use migrate::MigrationReport;
pub use page::{Cursor, by_bytes, placeholders};
pub use postgres::{PostgresOptions, PostgresUrl};
pub use row::{AsFound, Column, FromColumn, Row};
pub use sqlite::{Durability, SqliteOptions};
pub use tx::{Insert, Lock, Tx};
pub use value::Value;

use crate::error::{Error, Result};
use crate::metrics;
use crate::traces::Transaction;
use load::Load;
use std::sync::Arc;

/// A handle on the database; cheap to clone.
#[derive(Clone)]
pub struct Db {
    driver: Driver,
    /// Where some reads may go, too.
    standby: Option<Arc<postgres::Standby>>,
    load: Load,
}

#[derive(Clone)]
enum Driver {
    Sqlite(Arc<sqlite::Sqlite>),
    Postgres(Arc<postgres::Postgres>),
}

/// Which database to open, and how; printed as the place of the database, without secrets.
#[derive(Debug, Clone)]
pub enum Options {
    Sqlite(SqliteOptions),
    Postgres(PostgresOptions),
}

impl std::fmt::Display for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Options::Sqlite(options) => options.path.display().fmt(f),
            Options::Postgres(options) => options.url.fmt(f),
        }
    }
}

impl Db {
    /// Opens a database without migrating it, and waits for one that is reached by a network.
    ///
    /// # Errors
    /// 503 for a database that cannot be opened or reached; the text names it and says why.
    pub async fn open(options: Options) -> Result<Self> {
        match options {
            Options::Sqlite(options) => Self::open_sqlite(options),
            Options::Postgres(options) => {
                let figures = metrics::Database::new()?;
                let driver = postgres::Postgres::open(options, figures.clone())?;
                driver.wait_until_reachable().await?;
                Ok(Self {
                    driver: Driver::Postgres(Arc::new(driver)),
                    standby: None,
                    load: Load::new(figures),
                })
            }
        }
    }

    /// Opens (and creates where it is missing) a SQLite database, without migrating it.
    pub fn open_sqlite(options: SqliteOptions) -> Result<Self> {
        let figures = metrics::Database::new()?;
        Ok(Self {
            driver: Driver::Sqlite(Arc::new(sqlite::Sqlite::open(options, figures.clone())?)),
            standby: None,
            load: Load::new(figures),
        })
    }

    /// Sends what `read_anywhere` reads to a standby of the PostgreSQL database.
    ///
    /// # Errors
    /// 400 for TLS settings that cannot be used; that the standby answers is not needed.
    pub fn with_standby(mut self, options: PostgresOptions) -> Result<Self> {
        let figures = self.load.figures.clone();
        self.standby = Some(Arc::new(postgres::Standby::open(options, figures)?));
        Ok(self)
    }

    /// Bounds how much work may wait; without this call there is no bound.
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.load.limit(limits);
        self
    }

    /// Gives a handle without bounds, for the server's own work: it is little, and must go on while
    /// requests are put off.
    pub fn for_own_work(&self) -> Self {
        Self {
            load: Load::new(self.load.figures.clone()),
            ..self.clone()
        }
    }

    /// Gives what is counted of the work of the database.
    pub fn figures(&self) -> &metrics::Database {
        &self.load.figures
    }

    /// Says whether other servers may use this database at the same time; a SQLite file belongs to
    /// one.
    pub fn is_shared(&self) -> bool {
        matches!(self.driver, Driver::Postgres(_))
    }

    /// Brings the schema up to date and says which steps it applied.
    pub async fn migrate(&self) -> Result<MigrationReport> {
        self.write(migrate::run).await
    }

    /// Lists the schema steps that are applied and those that are still to be applied.
    pub async fn migration_state(&self) -> Result<MigrationReport> {
        self.read(migrate::state).await
    }

    /// Runs `work` as one write transaction and answers after its commit.
    ///
    /// SQLite has one writer. PostgreSQL has many: each statement sees what others have committed by
    /// then, and what must not change between two statements is locked with `Tx::query_locked` or
    /// `Tx::lock`. Two writers that take the same unique value, or each other's locks, do not fail:
    /// one of them begins again.
    ///
    /// An `Err` of `work` rolls the transaction back. `work` may run more than once, so it must
    /// have no effect but its SQL.
    ///
    /// # Errors
    /// What `work` gives; 429 when too many writes wait; 503 when the database cannot be written.
    pub async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let mut trace = Transaction::begin("db.write", self.kind());
        let (steps, place) = (trace.steps(), self.load.queue_write().await);
        let place = trace.passed(place)?;
        let work = move |tx: &mut Tx<'_>| {
            // The place belongs to the work, whether or not somebody still waits for its answer.
            let _place = &place;
            let step = steps.begin();
            let outcome = work(tx);
            step.end(outcome.as_ref().err());
            outcome
        };
        let outcome = match &self.driver {
            Driver::Sqlite(driver) => driver.write(work).await,
            Driver::Postgres(driver) => driver.write(work).await,
        };
        trace.end(outcome.as_ref().err());
        self.load.judge(outcome)
    }

    /// Gives the name of the kind of database.
    pub fn kind(&self) -> &'static str {
        match &self.driver {
            Driver::Sqlite(_) => "sqlite",
            Driver::Postgres(_) => "postgresql",
        }
    }

    /// Runs `work` as one read transaction: all its queries see the same state.
    ///
    /// # Errors
    /// What `work` gives; 429 when too many reads wait; 503 when the database cannot be read.
    pub async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let mut trace = Transaction::begin("db.read", self.kind());
        let (steps, place) = (trace.steps(), self.load.queue_read().await);
        let place = trace.passed(place)?;
        let work = move |tx: &mut Tx<'_>| {
            let (_running, step) = (place.run(), steps.begin());
            let outcome = work(tx);
            step.end(outcome.as_ref().err());
            outcome
        };
        let outcome = match &self.driver {
            Driver::Sqlite(driver) => driver.read(work).await,
            Driver::Postgres(driver) => driver.read(work).await,
        };
        trace.end(outcome.as_ref().err());
        self.load.judge(outcome)
    }

    /// Runs `work` as `read` does, at the standby if there is one that has all that was written
    /// before this call. What a client was told is seen, whichever server told it. It may run twice.
    ///
    /// # Errors
    /// Those of `read`.
    pub async fn read_anywhere<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + Sync + 'static,
    {
        let (Driver::Postgres(primary), Some(standby)) = (&self.driver, &self.standby) else {
            return self.read(work).await;
        };
        let mut trace = Transaction::begin("db.read_standby", self.kind());
        let (steps, place) = (trace.steps(), self.load.queue_read().await);
        let place = trace.passed(place)?;
        let work = Arc::new(work);
        let far = work.clone();
        let far = move |tx: &mut Tx<'_>| {
            let (_running, step) = (place.run(), steps.begin());
            let outcome = far(tx);
            step.end(outcome.as_ref().err());
            outcome
        };
        match standby.read(primary, far).await {
            Some(outcome) => {
                trace.end(outcome.as_ref().err());
                self.load.judge(outcome)
            }
            None => {
                drop(trace);
                self.read(move |tx| work(tx)).await
            }
        }
    }

    /// Gives free room of the database file back to the disk, a few pages a call, and says how many
    /// they were; some room is always kept for the writes to come. PostgreSQL does so by itself.
    pub async fn reclaim(&self) -> Result<usize> {
        match &self.driver {
            Driver::Sqlite(_) => self.write(statement::reclaim).await,
            Driver::Postgres(_) => Ok(0),
        }
    }

    /// Commits what is queued and closes the database; later calls answer 503.
    pub async fn close(&self) -> Result<()> {
        let driver = match &self.driver {
            Driver::Sqlite(driver) => driver.clone(),
            Driver::Postgres(driver) => {
                driver.close();
                self.standby.iter().for_each(|standby| standby.close());
                return Ok(());
            }
        };
        tokio::task::spawn_blocking(move || driver.close())
            .await
            .map_err(|error| Error::internal("Closing the database failed.").with_cause(error))?
    }
}
