//! Puts lists into words.

use super::Row;

/// Things that a sentence names before it counts the rest.
const NAMED: usize = 3;
/// Characters of a value in a sentence.
const MAX_VALUE: usize = 60;

/// Names the first rows with their values, and counts the rest.
pub(super) fn told(rows: &[Row], (label_a, label_b): (&str, &str)) -> String {
    let rows: Vec<String> = rows
        .iter()
        .map(|row| match (&row.a, &row.b) {
            (Some(a), Some(b)) => {
                format!("{} {} -> {}", row.key, short(a), short(b))
            }
            (Some(a), None) => format!("{} {} only in {label_a}", row.key, short(a)),
            (None, Some(b)) => format!("{} {} only in {label_b}", row.key, short(b)),
            (None, None) => row.key.clone(),
        })
        .collect();
    listed(&rows.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Names the first items, and counts the rest.
pub(super) fn listed(items: &[&str]) -> String {
    let named = items.iter().take(NAMED).copied().collect::<Vec<_>>();
    match items.len().saturating_sub(NAMED) {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

/// Cuts a text that is too long for a sentence, and makes it one line.
fn short(text: &str) -> String {
    let plain = |c: char| if c.is_control() { ' ' } else { c };
    let mut short: String = text.chars().take(MAX_VALUE).map(plain).collect();
    if text.chars().nth(MAX_VALUE).is_some() {
        short.push_str("..");
    }
    short
}

/// Counts things in words: `1 file`, `2 files`.
pub(super) fn counted(count: usize, thing: &str) -> String {
    match count {
        1 => format!("1 {thing}"),
        _ => format!("{count} {thing}s"),
    }
}
