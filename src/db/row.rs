//! One row of an answer, read column by column.

use crate::error::{Error, Result};
use compact_str::CompactString;

/// A column as the driver holds it, borrowed from the row.
#[derive(Debug, Clone, Copy)]
pub enum Column<'r> {
    Null,
    Int(i64),
    Real(f64),
    Text(&'r str),
    /// Text that is not UTF-8: SQLite keeps it, and only another program can have written it.
    Broken(&'r [u8]),
    Bytes(&'r [u8]),
}

/// A row of a query's answer; it lives only inside the callback that maps it.
pub enum Row<'r> {
    #[doc(hidden)]
    Sqlite(&'r rusqlite::Row<'r>),
    #[doc(hidden)]
    Postgres(&'r tokio_postgres::Row),
}

impl Row<'_> {
    /// Reads column `index`, counted from 0; an unexpected type is an internal error.
    #[track_caller]
    pub fn get<T: FromColumn>(&self, index: usize) -> Result<T> {
        let column = match self {
            Row::Sqlite(row) => super::statement::column(row, index)?,
            Row::Postgres(row) => row.try_get(index).map_err(|error| {
                Error::internal(format!("Column {index} of a query cannot be read."))
                    .with_cause(error)
            })?,
        };
        T::from_column(column).ok_or_else(|| {
            let what = match column {
                Column::Broken(_) => "text that is not UTF-8",
                _ => "an unexpected value",
            };
            Error::internal(format!("The database holds {what} in column {index}."))
                .with_cause(format!("{column:?}"))
        })
    }
}

/// A type that a column can be read as; `None` says that the column holds something else.
pub trait FromColumn: Sized {
    fn from_column(column: Column<'_>) -> Option<Self>;
}

impl FromColumn for i64 {
    fn from_column(column: Column<'_>) -> Option<Self> {
        match column {
            Column::Int(value) => Some(value),
            _ => None,
        }
    }
}

impl FromColumn for bool {
    fn from_column(column: Column<'_>) -> Option<Self> {
        i64::from_column(column).map(|value| value != 0)
    }
}

impl FromColumn for f64 {
    fn from_column(column: Column<'_>) -> Option<Self> {
        match column {
            Column::Real(value) => Some(value),
            // SQLite may keep a whole number of a real column as an integer.
            Column::Int(value) => Some(value as f64),
            _ => None,
        }
    }
}

impl FromColumn for String {
    fn from_column(column: Column<'_>) -> Option<Self> {
        match column {
            Column::Text(value) => Some(value.to_owned()),
            _ => None,
        }
    }
}

impl FromColumn for CompactString {
    fn from_column(column: Column<'_>) -> Option<Self> {
        match column {
            Column::Text(value) => Some(value.into()),
            _ => None,
        }
    }
}

impl FromColumn for Vec<u8> {
    fn from_column(column: Column<'_>) -> Option<Self> {
        match column {
            Column::Bytes(value) => Some(value.to_owned()),
            _ => None,
        }
    }
}

impl<T: FromColumn> FromColumn for Option<T> {
    fn from_column(column: Column<'_>) -> Option<Self> {
        match column {
            Column::Null => Some(None),
            column => T::from_column(column).map(Some),
        }
    }
}

impl FromColumn for super::Value<'static> {
    fn from_column(column: Column<'_>) -> Option<Self> {
        use super::Value;
        Some(match column {
            Column::Null => Value::Null,
            Column::Int(value) => Value::Int(value),
            Column::Real(value) => Value::Real(value),
            Column::Text(value) => Value::from(value.to_owned()),
            Column::Broken(_) => return None,
            Column::Bytes(value) => Value::Bytes(value.to_owned().into()),
        })
    }
}

/// A column as it was found, for those who look for damage and must not stop at the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AsFound<T>(pub Option<T>);

impl FromColumn for AsFound<String> {
    /// Gives text as it is, with a mark for each byte that is none; `None` for another type.
    fn from_column(column: Column<'_>) -> Option<Self> {
        Some(AsFound(match column {
            Column::Broken(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
            column => String::from_column(column),
        }))
    }
}

impl FromColumn for AsFound<i64> {
    fn from_column(column: Column<'_>) -> Option<Self> {
        Some(AsFound(i64::from_column(column)))
    }
}

impl FromColumn for AsFound<Vec<u8>> {
    fn from_column(column: Column<'_>) -> Option<Self> {
        Some(AsFound(Vec::from_column(column)))
    }
}
