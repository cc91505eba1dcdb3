//! The SQLite driver: one writer thread with group commit, and a pool of readers.
//!
//! One commit costs one flush of the disk, whether it carries one job or hundreds.

mod writer;

use super::statement::{self, failed};
use super::{KeyCache, Tx, like, tx};
use crate::error::{Error, Result};
use crate::metrics;
use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, OpenFlags};
use std::panic::Location;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, oneshot};
use writer::{Job, TypedJob, Writer};

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

/// How long a stop waits for reads under way.
const READERS_PATIENCE: Duration = Duration::from_secs(5);

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
        // The writer goes last: whoever closes the last connection moves the log into the database.
        self.readers.close();
        // A failed send says that the writer has stopped already.
        let _ = self.queue.send(Message::Close);
        let thread = self
            .writer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
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
    /// Closes the connections; waits a while for those in use.
    fn close(&self) {
        self.permits.close();
        let deadline = Instant::now() + READERS_PATIENCE;
        while self.permits.available_permits() < self.options.readers.max(1)
            && Instant::now() < deadline
        {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
    }

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

fn run_plain(conn: &Connection, sql: &str) -> Result<()> {
    statement::execute(conn, sql, &[]).map(|_| ())
}
