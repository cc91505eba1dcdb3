//! Runs as CSV (RFC 4180), with a line of names first.

use super::{FIXED, Format};
use crate::insight::table::{Column, Table, Wanted};
use bytes::Bytes;
use std::io;

pub(super) const MEDIA_TYPE: &str = "text/csv; charset=utf-8";

/// A file of lines.
pub(super) struct Writer {
    /// What is written before the next page.
    heading: String,
}

impl Writer {
    pub(super) fn new(wanted: &[Wanted]) -> Self {
        let fixed = FIXED.iter().map(|(name, _)| (*name).to_owned());
        let names: Vec<String> = fixed.chain(wanted.iter().map(Wanted::name)).collect();
        Self {
            heading: line(&names),
        }
    }
}

impl Format for Writer {
    fn add(&mut self, page: &Table) -> io::Result<Bytes> {
        let mut text = std::mem::take(&mut self.heading);
        (0..page.rows).for_each(|row| write_row(&mut text, page, row));
        Ok(Bytes::from(text))
    }

    fn end(self) -> io::Result<Bytes> {
        Ok(Bytes::new())
    }
}

fn write_row(text: &mut String, table: &Table, row: usize) {
    let text_of = |list: &[String]| list.get(row).cloned().unwrap_or_default();
    let number = |number: Option<i64>| number.map(|number| number.to_string()).unwrap_or_default();
    let status = table.status.get(row).copied().unwrap_or_default();
    let parent = table.parent_run_id.get(row).cloned().flatten();
    let mut cells = vec![
        text_of(&table.run_id),
        text_of(&table.experiment_id),
        text_of(&table.name),
        status.to_owned(),
        text_of(&table.user),
        number(table.start_time.get(row).copied()),
        number(table.end_time.get(row).copied().flatten()),
        parent.unwrap_or_default(),
    ];
    cells.extend(table.columns.iter().map(|column| match column {
        Column::Metric(cells) => {
            let value = cells.values.get(row).copied().flatten();
            value
                .map(|value| format!("{:?}", value.0))
                .unwrap_or_default()
        }
        Column::Param(cells) | Column::Tag(cells) => {
            cells.values.get(row).cloned().flatten().unwrap_or_default()
        }
    }));
    text.push_str(&line(&cells));
}

/// Writes a line as RFC 4180 has it. A cell that a spreadsheet would take for a formula gets a quote
/// mark before it, as others may have written it.
fn line(cells: &[String]) -> String {
    let cells: Vec<String> = cells
        .iter()
        .map(|cell| {
            let is_number = cell.parse::<f64>().is_ok();
            let cell = match cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number {
                true => format!("'{cell}"),
                false => cell.clone(),
            };
            match cell.contains(['"', ',', '\n', '\r']) {
                true => format!("\"{}\"", cell.replace('"', "\"\"")),
                false => cell,
            }
        })
        .collect();
    format!("{}\r\n", cells.join(","))
}

#[cfg(test)]
mod tests {
    use super::line;

    #[test]
    fn cells_are_quoted_and_never_formulas() {
        let check = |cell: &str, expected: &str| {
            assert_eq!(line(&[cell.to_owned()]), format!("{expected}\r\n"));
        };
        check("plain", "plain");
        check("a,b", "\"a,b\"");
        check("say \"x\"", "\"say \"\"x\"\"\"");
        check("=1+1", "'=1+1");
        check("-0.5", "-0.5");
        check("-inf", "-inf");
        check("@x\ny", "\"'@x\ny\"");
    }
}
