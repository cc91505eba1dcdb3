//! The SQLite driver: one writer thread with group commit, and a pool of readers.
//!
//! The writer drains its queue into one transaction, each job in a savepoint of its own, commits
//! once, and answers every job after that commit. One commit costs one flush of the disk, whether
//! it carries one job or hundreds.

use super::row::Column;
use super::{Insert, KeyCache, Row, Tx, Value, like};
use crate::error::{Error, Result};
use rusqlite::functions::FunctionFlags;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, Statement, ToSql};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;
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
    pub(super) fn open(options: SqliteOptions) -> Result<Self> {
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
        let mut failure = failed(error);
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
        .map_err(failed)?;
    Ok(conn)
}

fn read_once<T>(
    conn: &Connection,
    keys: &KeyCache,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T>,
) -> Result<T> {
    run_plain(conn, "begin")?;
    let mut tx = Tx::new(conn, keys);
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
            self.commit_group(&mut jobs);
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
            let mut tx = Tx::new(&self.conn, &self.keys);
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
    execute(conn, sql, &[]).map(|_| ())
}

pub(super) fn execute_script(conn: &Connection, sql: &str) -> Result<()> {
    conn.execute_batch(sql).map_err(failed)
}

#[track_caller]
pub(super) fn execute(conn: &Connection, sql: &str, params: &[Value<'_>]) -> Result<u64> {
    let run = || -> rusqlite::Result<usize> {
        let mut statement = conn.prepare_cached(sql)?;
        bind(&mut statement, params)?;
        statement.raw_execute()
    };
    Ok(run().map_err(failed)? as u64)
}

#[track_caller]
pub(super) fn query<T>(
    conn: &Connection,
    sql: &str,
    params: &[Value<'_>],
    mut map: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let mut statement = conn.prepare_cached(sql).map_err(failed)?;
    bind(&mut statement, params).map_err(failed)?;
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(inner) = rows.next().map_err(failed)? {
        found.push(map(&Row { inner })?);
    }
    Ok(found)
}

#[track_caller]
pub(super) fn insert_many<'v, const N: usize>(
    conn: &Connection,
    insert: &Insert<'_>,
    rows: impl IntoIterator<Item = [Value<'v>; N]>,
) -> Result<u64> {
    let sql = format!(
        "insert into {} ({}) values ({}) {}",
        insert.table,
        insert.columns.join(", "),
        super::placeholders(1, N),
        insert.conflict
    );
    let mut statement = conn.prepare_cached(&sql).map_err(failed)?;
    let mut changed = 0;
    for row in rows {
        bind(&mut statement, &row).map_err(failed)?;
        changed += statement.raw_execute().map_err(failed)? as u64;
    }
    Ok(changed)
}

/// Binds `$N` to the N-th parameter: SQLite itself would number them by order of appearance.
fn bind(statement: &mut Statement<'_>, params: &[Value<'_>]) -> rusqlite::Result<()> {
    for index in 1..=statement.parameter_count() {
        let number = statement
            .parameter_name(index)
            .and_then(|name| name.strip_prefix('$'))
            .and_then(|number| number.parse::<usize>().ok());
        let value = number
            .and_then(|number| params.get(number.wrapping_sub(1)))
            .ok_or(rusqlite::Error::InvalidParameterCount(index, params.len()))?;
        statement.raw_bind_parameter(index, value)?;
    }
    Ok(())
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Value::Null => ValueRef::Null,
            Value::Bool(value) => ValueRef::Integer((*value).into()),
            Value::Int(value) => ValueRef::Integer(*value),
            Value::Real(value) => ValueRef::Real(*value),
            Value::Text(value) => ValueRef::Text(value.as_bytes()),
            Value::Bytes(value) => ValueRef::Blob(value),
        }))
    }
}

pub(super) fn column<'r>(row: &'r rusqlite::Row<'_>, index: usize) -> Result<Column<'r>> {
    Ok(match row.get_ref(index).map_err(failed)? {
        ValueRef::Null => Column::Null,
        ValueRef::Integer(value) => Column::Int(value),
        ValueRef::Real(value) => Column::Real(value),
        ValueRef::Text(value) => Column::Text(std::str::from_utf8(value).map_err(|error| {
            Error::internal("The database holds text that is not UTF-8.").with_cause(error)
        })?),
        ValueRef::Blob(value) => Column::Bytes(value),
    })
}

/// Says what a failure of SQLite means to the client.
#[track_caller]
fn failed(error: rusqlite::Error) -> Error {
    let answer = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => Error::unavailable(
            "The disk that holds the database is full. Nothing of this request was stored and \
             nothing stored before is lost; free some space and send the request again.",
        ),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::unavailable(
            "The database is held by another process; send the request again in a moment.",
        ),
        Some(ErrorCode::SystemIoFailure | ErrorCode::CannotOpen | ErrorCode::ReadOnly) => {
            Error::unavailable(
                "The database file cannot be read or written. Nothing of this request was stored; \
                 check the disk and the permissions of the file.",
            )
        }
        _ => Error::internal("The database refused a statement; the server's log says why."),
    };
    answer.with_cause(error)
}
