//! The SQLite driver: one writer thread with group commit, and a pool of readers.
//!
//! The writer drains its queue into one transaction, each job in a savepoint of its own, commits
//! once, and answers every job after that commit. One commit costs one flush of the disk, whether
//! it carries one job or hundreds.

use super::statement::{self, failed};
use super::{KeyCache, Tx, like, tx};
use crate::error::{Error, Result};
use crate::metrics;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OpenFlags};
use std::panic::{AssertUnwindSafe, Location, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot};

/// Jobs that share one commit at the most.
const GROUP_LIMIT: usize = 512;
/// Prepared statements kept by a connection.
const STATEMENT_CACHE: usize = 128;
/// Pages of the write-ahead log, 4 KiB each, after which it is copied into the database file.
const CHECKPOINT_PAGES: i64 = 4_000;
/// Bytes that the write-ahead log file keeps once it was copied.
const WAL_LIMIT: i64 = 64 * 1024 * 1024;
/// The page cache of a connection, in KiB; memory is taken only as it is used.
const CACHE_KIB: i64 = 16 * 1024;
/// How long a connection waits for another process that holds the database.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// What a commit waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// The disk has the data: it survives a power cut.
    Full,
    /// The operating system has the data: it survives a killed process, not a power cut.
    Relaxed,
}

/// How to open a SQLite database.
#[derive(Debug, Clone)]
pub struct SqliteOptions {
    pub path: PathBuf,
    pub durability: Durability,
    /// Connections that read at the same time; at least 1.
    pub readers: usize,
}

pub(super) struct Sqlite {
    queue: Sender<Message>,
    writer: Mutex<Option<JoinHandle<()>>>,
    readers: Readers,
}

enum Message {
    Job(Box<dyn Job>),
    Close,
}

impl Sqlite {
    pub(super) fn open(options: SqliteOptions, figures: metrics::Database) -> Result<Self> {
        let keys = KeyCache::default();
        let writer = connect(&options)?;
        let (queue, jobs) = channel();
        let thread_keys = keys.clone();
        let thread = std::thread::Builder::new()
            .name("sqlite-writer".into())
            .spawn(move || {
                Writer {
                    conn: writer,
                    keys: thread_keys,
                    figures,
                }
                .run(&jobs)
            })
            .map_err(|error| {
                Error::internal("The database writer cannot start.").with_cause(error)
            })?;
        Ok(Self {
            queue,
            writer: Mutex::new(Some(thread)),
            readers: Readers {
                permits: Arc::new(Semaphore::new(options.readers.max(1))),
                idle: Arc::default(),
                options: Arc::new(options),
                keys,
            },
        })
    }

    pub(super) async fn write<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: Fn(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job = TypedJob {
            work,
            outcome: None,
            reply,
        };
        self.queue
            .send(Message::Job(Box::new(job)))
            .map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    pub(super) async fn read<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        self.readers.run(work).await
    }

    pub(super) fn close(&self) -> Result<()> {
        // A failed send says that the writer has stopped already.
        let _ = self.queue.send(Message::Close);
        let thread = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        self.readers.permits.close();
        self.readers
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        match thread.map(JoinHandle::join) {
            Some(Err(_)) => Err(Error::internal("The database writer stopped with a panic.")),
            _ => Ok(()),
        }
    }
}

fn closed() -> Error {
    Error::unavailable("The server is shutting down; send the request again in a moment.")
}

fn connect(options: &SqliteOptions) -> Result<Connection> {
    let open = || -> rusqlite::Result<Connection> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let conn = Connection::open_with_flags(&options.path, flags)?;
        conn.busy_timeout(BUSY_TIMEOUT)?;
        conn.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
        // Lets pages that become free be given back. Asked of a database that has pages already,
        // it would write to it, and opening must work on a full disk.
        if conn.pragma_query_value(None, "page_count", |row| row.get::<_, i64>(0))? == 0 {
            conn.pragma_update(None, "auto_vacuum", "incremental")?;
        }
        conn.pragma_update(None, "journal_mode", "wal")?;
        let synchronous = match options.durability {
            Durability::Full => "full",
            Durability::Relaxed => "normal",
        };
        conn.pragma_update(None, "synchronous", synchronous)?;
        conn.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        conn.pragma_update(None, "journal_size_limit", WAL_LIMIT)?;
        conn.pragma_update(None, "cache_size", -CACHE_KIB)?;
        define_functions(&conn)?;
        Ok(conn)
    };
    open().map_err(|error| {
        let mut failure = failed(error, Location::caller());
        failure.message = format!(
            "The database {} cannot be opened: {} Check the path and its permissions.",
            options.path.display(),
            failure.message
        );
        failure
    })
}

/// Defines the functions that SQL text may call on every database: `matches_like(value, pattern)`
/// and `matches_ilike(value, pattern)`, as `like` explains them; of null nothing matches.
fn define_functions(conn: &Connection) -> rusqlite::Result<()> {
    let define = |name: &str, matches: fn(&str, &str) -> bool| {
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        conn.create_scalar_function(name, 2, flags, move |call| {
            let text = |index| call.get_raw(index).as_str().ok();
            Ok(text(0)
                .zip(text(1))
                .is_some_and(|(value, pattern)| matches(value, pattern)))
        })
    };
    define("matches_like", like::like)?;
    define("matches_ilike", like::ilike)
}

struct Readers {
    permits: Arc<Semaphore>,
    idle: Arc<Mutex<Vec<Connection>>>,
    options: Arc<SqliteOptions>,
    keys: KeyCache,
}

impl Readers {
    async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Tx<'_>) -> Result<T> + Send + 'static,
    {
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| closed())?;
        let (idle, options, keys) = (self.idle.clone(), self.options.clone(), self.keys.clone());
        let task = move || {
            // The permit lives as long as the connection is in use, also when the caller is gone.
            let _permit = permit;
            let pooled = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let conn = match pooled {
                Some(conn) => conn,
                None => reader(&options)?,
            };
            let outcome = read_once(&conn, &keys, work);
            if conn.is_autocommit() {
                idle.lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .push(conn);
            }
            outcome
        };
        tokio::task::spawn_blocking(task).await.map_err(|error| {
            Error::internal("Reading from the database stopped unexpectedly.").with_cause(error)
        })?
    }
}

fn reader(options: &SqliteOptions) -> Result<Connection> {
    let conn = connect(options)?;
    conn.pragma_update(None, "query_only", true)
        .map_err(|error| failed(error, Location::caller()))?;
    Ok(conn)
}

fn read_once<T>(
    conn: &Connection,
    keys: &KeyCache,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T>,
) -> Result<T> {
    run_plain(conn, "begin")?;
    let mut tx = Tx::new(tx::Connection::Sqlite(conn), keys);
    let outcome = work(&mut tx);
    if outcome.is_ok() {
        // Keys that a reader looked up are committed: it can see nothing else.
        tx.into_hooks().into_iter().for_each(|hook| hook());
    }
    run_plain(conn, "rollback")?;
    outcome
}

/// A write job as the writer thread sees it, whatever it answers with.
trait Job: Send {
    /// Runs the job and says whether it succeeded.
    fn attempt(&mut self, tx: &mut Tx<'_>) -> bool;
    /// Puts the failure of the transaction in place of a success.
    fn fail(&mut self, error: Error);
    fn answer(self: Box<Self>);
}

struct TypedJob<T, F> {
    work: F,
    outcome: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
}

impl<T, F> Job for TypedJob<T, F>
where
    T: Send,
    F: Fn(&mut Tx<'_>) -> Result<T> + Send,
{
    fn attempt(&mut self, tx: &mut Tx<'_>) -> bool {
        let outcome = catch_unwind(AssertUnwindSafe(|| (self.work)(tx))).unwrap_or_else(|_| {
            Err(Error::internal(
                "A write stopped unexpectedly; see the log.",
            ))
        });
        self.outcome.insert(outcome).is_ok()
    }

    fn fail(&mut self, error: Error) {
        if !matches!(self.outcome, Some(Err(_))) {
            self.outcome = Some(Err(error));
        }
    }

    fn answer(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            // A failed send says that the client has gone; the write stands all the same.
            let _ = self.reply.send(outcome);
        }
    }
}

struct Writer {
    conn: Connection,
    keys: KeyCache,
    figures: metrics::Database,
}

impl Writer {
    fn run(&self, queue: &Receiver<Message>) {
        while let Ok(first) = queue.recv() {
            let mut closing = false;
            let mut jobs = Vec::new();
            for message in std::iter::once(first).chain(queue.try_iter()) {
                match message {
                    Message::Job(job) => jobs.push(job),
                    Message::Close => closing = true,
                }
                if closing || jobs.len() >= GROUP_LIMIT {
                    break;
                }
            }
            let started = Instant::now();
            self.commit_group(&mut jobs);
            self.figures.committed(jobs.len(), started.elapsed());
            jobs.into_iter().for_each(Job::answer);
            if closing {
                return;
            }
        }
    }

    /// Commits the jobs together, or, when the shared transaction fails, each one alone: a job
    /// that fills the disk must not take the others with it.
    fn commit_group(&self, jobs: &mut [Box<dyn Job>]) {
        if jobs.len() > 1 && self.commit(jobs).is_ok() {
            return;
        }
        for job in jobs.chunks_mut(1) {
            if let Err(error) = self.commit(job) {
                job.iter_mut().for_each(|job| job.fail(error.duplicate()));
            }
        }
    }

    fn commit(&self, jobs: &mut [Box<dyn Job>]) -> Result<()> {
        run_plain(&self.conn, "begin immediate")?;
        let outcome = self.run_jobs(jobs);
        let outcome = outcome.and_then(|hooks| {
            run_plain(&self.conn, "commit")?;
            Ok(hooks)
        });
        if !self.conn.is_autocommit() {
            run_plain(&self.conn, "rollback")?;
        }
        outcome?.into_iter().for_each(|hook| hook());
        Ok(())
    }

    fn run_jobs(&self, jobs: &mut [Box<dyn Job>]) -> Result<Vec<Box<dyn FnOnce() + Send>>> {
        let mut hooks = Vec::new();
        for job in jobs {
            run_plain(&self.conn, "savepoint job")?;
            let mut tx = Tx::new(tx::Connection::Sqlite(&self.conn), &self.keys);
            if job.attempt(&mut tx) {
                hooks.extend(tx.into_hooks());
            } else if self.conn.is_autocommit() {
                // SQLite itself rolled the whole transaction back, as it does on a full disk.
                return Err(Error::unavailable(
                    "The database rolled the transaction back.",
                ));
            } else {
                run_plain(&self.conn, "rollback to job")?;
            }
            run_plain(&self.conn, "release job")?;
        }
        Ok(hooks)
    }
}

fn run_plain(conn: &Connection, sql: &str) -> Result<()> {
    statement::execute(conn, sql, &[]).map(|_| ())
}
