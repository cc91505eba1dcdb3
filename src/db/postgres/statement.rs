//! Parameters and columns of PostgreSQL, and the insertion of many rows.
//!
//! Statements are unnamed: text, types and values go to the server together, in one round trip.

use crate::db::row::Column;
use crate::db::{Insert, Value};
use crate::error::{Error, Result};
use bytes::BytesMut;
use std::error::Error as StdError;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

/// Rows inserted by one statement.
const ROWS: usize = 5_000;

/// A parameter with its type.
pub(super) type Typed<'v> = (&'v (dyn ToSql + Sync), Type);

/// Gives parameters with their types.
///
/// # Errors
/// 400 for a text with a NUL, which PostgreSQL cannot store.
#[track_caller]
pub(super) fn typed<'v>(params: &'v [Value<'_>]) -> Result<Vec<Typed<'v>>> {
    params.iter().try_for_each(check)?;
    Ok(with_types(params))
}

/// Gives parameters that were checked with their types.
pub(super) fn with_types<'v>(params: &'v [Value<'_>]) -> Vec<Typed<'v>> {
    params
        .iter()
        // The server works out the type of a null by itself.
        .map(|value| (value as _, type_of(value).unwrap_or(Type::UNKNOWN)))
        .collect()
}

#[track_caller]
fn check(value: &Value<'_>) -> Result<()> {
    match value {
        Value::Text(text) if text.contains('\0') => Err(Error::invalid(
            "A text of the request contains a NUL character, which cannot be stored. Remove it.",
        )),
        _ => Ok(()),
    }
}

fn type_of(value: &Value<'_>) -> Option<Type> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(_) => Type::BOOL,
        Value::Int(_) => Type::INT8,
        Value::Real(_) => Type::FLOAT8,
        Value::Text(_) => Type::TEXT,
        Value::Bytes(_) => Type::BYTEA,
    })
}

/// A column of rows to insert; no type where all its values are null.
pub(super) struct Cells<'v> {
    values: Vec<Value<'v>>,
    array: Option<Type>,
}

impl<'v> Cells<'v> {
    #[track_caller]
    fn new(values: Vec<Value<'v>>) -> Result<Self> {
        values.iter().try_for_each(check)?;
        let array = values.iter().find_map(|value| {
            Some(match value {
                Value::Null => return None,
                Value::Bool(_) => Type::BOOL_ARRAY,
                Value::Int(_) => Type::INT8_ARRAY,
                Value::Real(_) => Type::FLOAT8_ARRAY,
                Value::Text(_) => Type::TEXT_ARRAY,
                Value::Bytes(_) => Type::BYTEA_ARRAY,
            })
        });
        Ok(Self { values, array })
    }
}

/// Tells whether a statement changes nothing; of a `with`, which may, it says no.
pub(super) fn only_reads(sql: &str) -> bool {
    let word = sql.trim_start().get(..6);
    word.is_some_and(|word| word.eq_ignore_ascii_case("select"))
}

/// Splits rows into as many as one statement inserts.
pub(super) fn parts<R>(rows: impl IntoIterator<Item = R>) -> impl Iterator<Item = Vec<R>> {
    let mut rows = rows.into_iter();
    std::iter::from_fn(move || {
        let part: Vec<R> = rows.by_ref().take(ROWS).collect();
        (!part.is_empty()).then_some(part)
    })
}

/// Writes the statement that inserts the rows, each column of theirs as one array: its text is the
/// same however many the rows are.
///
/// # Errors
/// As `typed`.
#[track_caller]
pub(super) fn insert<'v, const N: usize>(
    insert: &Insert<'_>,
    rows: Vec<[Value<'v>; N]>,
) -> Result<(String, Vec<Cells<'v>>)> {
    let mut columns: Vec<_> = (0..N).map(|_| Vec::with_capacity(rows.len())).collect();
    for row in rows {
        for (column, value) in columns.iter_mut().zip(row) {
            column.push(value);
        }
    }
    let columns: Vec<Cells<'v>> = columns.into_iter().map(Cells::new).collect::<Result<_>>()?;
    let (mut selected, mut names, mut arrays) = (Vec::new(), Vec::new(), Vec::new());
    for column in &columns {
        if column.array.is_none() {
            selected.push("null".to_owned());
            continue;
        }
        let number = names.len() + 1;
        selected.push(format!("r.c{number}"));
        names.push(format!("c{number}"));
        arrays.push(format!("${number}"));
    }
    let sql = format!(
        "insert into {} ({}) select {} from unnest({}) as r ({}) {}",
        insert.table,
        insert.columns.join(", "),
        selected.join(", "),
        arrays.join(", "),
        names.join(", "),
        insert.conflict
    );
    Ok((sql, columns))
}

/// Gives the columns that are parameters, with their types.
pub(super) fn typed_columns<'v>(columns: &'v [Cells<'_>]) -> Vec<Typed<'v>> {
    columns
        .iter()
        .filter_map(|column| Some((&column.values as _, column.array.clone()?)))
        .collect()
}

impl ToSql for Value<'_> {
    fn to_sql(
        &self,
        kind: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn StdError + Sync + Send>> {
        if type_of(self).is_some_and(|own| own != *kind) {
            return Err(format!("{self:?} cannot be sent as {kind}").into());
        }
        match self {
            Value::Null => Ok(IsNull::Yes),
            Value::Bool(value) => value.to_sql(kind, out),
            Value::Int(value) => value.to_sql(kind, out),
            Value::Real(value) => value.to_sql(kind, out),
            Value::Text(value) => value.as_ref().to_sql(kind, out),
            Value::Bytes(value) => value.as_ref().to_sql(kind, out),
        }
    }

    fn accepts(kind: &Type) -> bool {
        matches!(
            *kind,
            Type::UNKNOWN | Type::BOOL | Type::INT8 | Type::FLOAT8 | Type::TEXT | Type::BYTEA
        )
    }

    to_sql_checked!();
}

impl<'r> FromSql<'r> for Column<'r> {
    fn from_sql(kind: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(match *kind {
            Type::BOOL => Column::Int(bool::from_sql(kind, raw)?.into()),
            Type::INT2 => Column::Int(i16::from_sql(kind, raw)?.into()),
            Type::INT4 => Column::Int(i32::from_sql(kind, raw)?.into()),
            Type::INT8 => Column::Int(i64::from_sql(kind, raw)?),
            Type::FLOAT8 => Column::Real(f64::from_sql(kind, raw)?),
            Type::BYTEA => Column::Bytes(<&[u8]>::from_sql(kind, raw)?),
            _ => Column::Text(<&str>::from_sql(kind, raw)?),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Column::Null)
    }

    fn accepts(kind: &Type) -> bool {
        matches!(
            *kind,
            Type::BOOL | Type::INT2 | Type::INT4 | Type::INT8 | Type::FLOAT8 | Type::BYTEA
        ) || <&str as FromSql>::accepts(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_inserted_as_columns_and_nulls_alone_have_no_type() {
        let of = Insert {
            table: "t",
            columns: &["a", "b", "c"],
            conflict: "on conflict do nothing",
        };
        let rows = [
            [Value::Int(1), Value::Null, Value::Null],
            [Value::Int(2), Value::Null, Value::from("x")],
        ];
        let (sql, columns) = insert(&of, rows.into()).unwrap();
        assert_eq!(
            sql,
            "insert into t (a, b, c) select r.c1, null, r.c2 from unnest($1, $2) as r (c1, c2) \
             on conflict do nothing"
        );
        let types: Vec<Type> = typed_columns(&columns)
            .into_iter()
            .map(|(_, kind)| kind)
            .collect();
        assert_eq!(types, [Type::INT8_ARRAY, Type::TEXT_ARRAY]);
    }

    #[test]
    fn a_select_only_reads() {
        assert!(only_reads("\n  select id from runs for update"));
        for sql in [
            "insert into a select 1",
            "with x as (delete from a) select 1",
            "",
            "é",
        ] {
            assert!(!only_reads(sql), "{sql}");
        }
    }

    #[test]
    fn a_nul_is_refused_before_it_is_sent() {
        let refused = |value: Value<'static>| typed(&[value]).err().map(|error| error.message);
        assert!(refused(Value::from("a\0b")).is_some_and(|text| text.contains("NUL")));
        assert_eq!(refused(Value::from("a")), None);
        assert_eq!(refused(Value::Bytes(vec![0].into())), None);
    }
}
