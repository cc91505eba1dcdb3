//! What failures of PostgreSQL mean: to the client, and to the transaction that may begin again.

use crate::error::Error;
use deadpool_postgres::PoolError;
use std::error::Error as _;
use std::panic::Location;
use tokio_postgres::error::SqlState;

/// A failed statement.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) kind: Kind,
    pub(super) error: Error,
}

/// Whether the same work may succeed if it begins again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Two writers stood in each other's way.
    Conflict,
    /// Another writer took a name or number since it was looked at; the next look will see it.
    Taken,
    /// The connection broke off before anything was committed.
    Lost,
    /// The database did not answer in time; what else it would say is not waited for.
    Silent,
    /// It will fail again.
    Lasting,
}

impl Kind {
    pub(super) fn may_pass(self) -> bool {
        !matches!(self, Kind::Lasting | Kind::Silent)
    }
}

/// Says whether the connection is gone, so that it is not known what the server did last.
pub(super) fn is_lost(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        // The server ends the connection with these, or is no primary any more.
        Some(code) => {
            matches!(
                *code,
                SqlState::ADMIN_SHUTDOWN
                | SqlState::CRASH_SHUTDOWN
                | SqlState::CANNOT_CONNECT_NOW
                | SqlState::IDLE_SESSION_TIMEOUT
                | SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
                | SqlState::READ_ONLY_SQL_TRANSACTION
                // pgbouncer has no other word for a server that it lost.
                | SqlState::PROTOCOL_VIOLATION
            ) || code.code().starts_with("08")
        }
        None => true,
    }
}

/// Says what a failed statement means; `at` is the line of the domain that has it.
pub(super) fn of(
    error: tokio_postgres::Error,
    database: &str,
    at: &'static Location<'static>,
) -> Failure {
    // An error without a code is one of the connection, or of a value that does not fit.
    let is_local = error.code().is_none()
        && error
            .source()
            .is_none_or(|cause| !cause.is::<std::io::Error>())
        && !error.is_closed();
    let (kind, answer) = match error.code() {
        _ if is_local => (Kind::Lasting, refused()),
        _ if is_lost(&error) => (
            Kind::Lost,
            Error::unavailable(format!(
                "The connection to the database {database} was lost. Nothing of this request was \
                 stored; send it again in a moment."
            )),
        ),
        Some(code) => of_code(code, database),
        None => (Kind::Lasting, refused()),
    };
    let error = Error {
        at,
        ..answer.with_cause(error)
    };
    Failure { kind, error }
}

/// The failure of a database that does not answer, though the connection is open.
pub(super) fn silent(database: &str, at: &'static Location<'static>) -> Failure {
    let answer = Error::unavailable(format!(
        "The database {database} does not answer. Nothing of this request was stored; send it \
         again in a moment."
    ));
    Failure {
        kind: Kind::Silent,
        error: Error { at, ..answer },
    }
}

fn of_code(code: &SqlState, database: &str) -> (Kind, Error) {
    match *code {
        SqlState::T_R_SERIALIZATION_FAILURE | SqlState::T_R_DEADLOCK_DETECTED => (
            Kind::Conflict,
            Error::unavailable(
                "Too many requests change the same thing at once. Nothing of this request was \
                 stored; send it again in a moment.",
            ),
        ),
        SqlState::UNIQUE_VIOLATION => (Kind::Taken, refused()),
        SqlState::LOCK_NOT_AVAILABLE | SqlState::QUERY_CANCELED => (
            Kind::Lasting,
            Error::unavailable(
                "The database took too long over the request. Nothing of it was stored; send it \
                 again in a moment.",
            ),
        ),
        SqlState::DISK_FULL | SqlState::OUT_OF_MEMORY | SqlState::TOO_MANY_CONNECTIONS => (
            Kind::Lasting,
            Error::unavailable(format!(
                "The database {database} has no room left. Nothing of this request was stored and \
                 nothing stored before is lost; send the request again when there is."
            )),
        ),
        // An index holds entries of up to about 2,700 bytes, compressed.
        SqlState::PROGRAM_LIMIT_EXCEEDED => (
            Kind::Lasting,
            Error::invalid(
                "A name, path or location of the request is too long for the index of the \
                 database; keep it below 2,000 bytes.",
            ),
        ),
        _ => (Kind::Lasting, refused()),
    }
}

fn refused() -> Error {
    Error::internal("The database refused a statement; the server's log says why.")
}

/// Says whether the server, or what stands before it, does not let us in, so that waiting is
/// useless.
pub(super) fn is_refusal(error: &PoolError) -> bool {
    match error {
        PoolError::Backend(error) => match error.code() {
            Some(code) => {
                // Passwords and rights, and a database that is not there.
                code.code().starts_with("28") || *code == SqlState::INVALID_CATALOG_NAME
            }
            None => false,
        },
        PoolError::Timeout(_) => false,
        _ => true,
    }
}

/// Tells why there is no connection, in words without a secret.
pub(super) fn told(error: &PoolError) -> String {
    match error {
        PoolError::Timeout(_) => "it did not answer in time".to_owned(),
        PoolError::Backend(error) => match (error.as_db_error(), error.source()) {
            (Some(told), _) => told.message().to_owned(),
            (None, Some(cause)) => cause.to_string(),
            (None, None) => error.to_string(),
        },
        PoolError::PostCreateHook(deadpool_postgres::HookError::Message(told)) => told.to_string(),
        error => error.to_string(),
    }
}
