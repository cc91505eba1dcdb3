//! Statements of SQLite: binding, running, reading columns, and what their failures mean.

use super::row::Column;
use super::{Insert, Row, Tx, Value};
use crate::error::{Error, Result};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, Statement, ToSql};
use std::panic::Location;
use std::time::{SystemTime, UNIX_EPOCH};

/// Pages given back in one transaction.
const RECLAIMED_AT_ONCE: i64 = 500;
/// Pages that are never given back, beside a sixteenth of the file.
const KEPT_FREE: i64 = 64;

/// Gives free pages at the end of the file back to the disk, and says how many they were.
pub(super) fn reclaim(tx: &mut Tx<'_>) -> Result<usize> {
    let mut number = |pragma: &str| tx.query_one(pragma, &[], |row| row.get::<i64>(0));
    let free = number("pragma freelist_count")?;
    let kept = KEPT_FREE.max(number("pragma page_count")? / 16);
    let surplus = (free - kept).min(RECLAIMED_AT_ONCE);
    if surplus <= 0 {
        return Ok(0);
    }
    // Each step of this statement frees one page, and gives a row.
    tx.query(
        &format!("pragma incremental_vacuum({surplus})"),
        &[],
        |_| Ok(()),
    )?;
    let left = tx.query_one("pragma freelist_count", &[], |row| row.get::<i64>(0))?;
    Ok(usize::try_from(free - left).unwrap_or(0))
}

#[track_caller]
pub(super) fn execute_script(conn: &Connection, sql: &str) -> Result<()> {
    let at = Location::caller();
    conn.execute_batch(sql).map_err(|error| failed(error, at))
}

#[track_caller]
pub(super) fn execute(conn: &Connection, sql: &str, params: &[Value<'_>]) -> Result<u64> {
    let at = Location::caller();
    let run = || -> rusqlite::Result<usize> {
        let mut statement = conn.prepare_cached(&spell(sql))?;
        bind(&mut statement, params)?;
        statement.raw_execute()
    };
    Ok(run().map_err(|error| failed(error, at))? as u64)
}

#[track_caller]
pub(super) fn query<T>(
    conn: &Connection,
    sql: &str,
    params: &[Value<'_>],
    mut map: impl FnMut(&Row<'_>) -> Result<T>,
) -> Result<Vec<T>> {
    let at = Location::caller();
    let failed = |error| failed(error, at);
    let mut statement = conn.prepare_cached(&spell(sql)).map_err(failed)?;
    bind(&mut statement, params).map_err(failed)?;
    let mut rows = statement.raw_query();
    let mut found = Vec::new();
    while let Some(inner) = rows.next().map_err(failed)? {
        found.push(map(&Row::Sqlite(inner))?);
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
    let at = Location::caller();
    let failed = |error| failed(error, at);
    let mut statement = conn.prepare_cached(&spell(&sql)).map_err(failed)?;
    let mut changed = 0;
    for row in rows {
        bind(&mut statement, &row).map_err(failed)?;
        changed += statement.raw_execute().map_err(failed)? as u64;
    }
    Ok(changed)
}

/// Gives the time by the clock of this machine, in milliseconds since 1970.
pub(super) fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    i64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(i64::MAX)
}

/// Spells `$N` as `?N`: SQLite would number named parameters by order of appearance, and looks
/// each name up again when it is bound.
fn spell(sql: &str) -> String {
    sql.replace('$', "?")
}

/// Binds the N-th parameter to `?N`.
fn bind(statement: &mut Statement<'_>, params: &[Value<'_>]) -> rusqlite::Result<()> {
    let wanted = statement.parameter_count();
    if wanted != params.len() {
        return Err(rusqlite::Error::InvalidParameterCount(params.len(), wanted));
    }
    for (index, value) in (1..).zip(params) {
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

#[track_caller]
pub(super) fn column<'r>(row: &'r rusqlite::Row<'_>, index: usize) -> Result<Column<'r>> {
    let at = Location::caller();
    Ok(
        match row.get_ref(index).map_err(|error| failed(error, at))? {
            ValueRef::Null => Column::Null,
            ValueRef::Integer(value) => Column::Int(value),
            ValueRef::Real(value) => Column::Real(value),
            ValueRef::Text(value) => {
                std::str::from_utf8(value).map_or(Column::Broken(value), Column::Text)
            }
            ValueRef::Blob(value) => Column::Bytes(value),
        },
    )
}

/// Says what a failure of SQLite means to the client.
///
/// `at` is the line of the domain whose statement failed.
pub(super) fn failed(error: rusqlite::Error, at: &'static Location<'static>) -> Error {
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
    Error {
        at,
        ..answer.with_cause(error)
    }
}
