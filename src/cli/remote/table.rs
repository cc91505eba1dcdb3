//! Makes cells of the server's answers.

use crate::cli::columns;
use serde_json::Value as Json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Shows a value: a text as it is, nothing as an empty cell.
pub(super) fn cell(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => one_line(text),
        Json::Array(items) => items.iter().map(cell).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}

/// Shows milliseconds since 1970 as a time in UTC, to the second.
pub(super) fn time(value: &Json) -> String {
    let shown = value.as_i64().and_then(|milliseconds| {
        let time = OffsetDateTime::from_unix_timestamp(milliseconds.div_euclid(1000)).ok()?;
        time.format(&Rfc3339).ok()
    });
    shown.unwrap_or_default()
}

/// Puts a text into one line, without what a terminal would obey.
pub(super) fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

/// Gives the items of a list.
pub(super) fn items<'a>(value: &'a Json, name: &str) -> &'a [Json] {
    value
        .get(name)
        .and_then(Json::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Writes a number with the word for what is counted: `1 file`, `2 files`.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    match count {
        1 => format!("1 {one}"),
        count => format!("{count} {many}"),
    }
}

/// Lays out a table whose first row has the headings, or says `nothing` where it has no other row.
pub(super) fn table<const N: usize>(rows: &[[String; N]], nothing: &str) -> String {
    match rows.len() {
        0 | 1 => format!("{nothing}\n"),
        _ => columns(rows),
    }
}

/// Lays out named values, one a line, without those that are empty.
pub(super) fn pairs<const N: usize>(values: [(&str, String); N]) -> String {
    let given = values.into_iter().filter(|(_, value)| !value.is_empty());
    let rows: Vec<[String; 2]> = given
        .map(|(name, value)| [name.to_owned(), value])
        .collect();
    columns(&rows)
}
