//! The report: Markdown tables of medians, ratios and costs.

use crate::sample::{Better, median};
use crate::server::{Kind, Store};
use crate::session::{Measured, Setup};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::process::Command;

/// A row of the tables: workload, what, unit.
type Row<'m> = (&'static str, &'m str, &'static str);

/// Writes the report.
pub(crate) fn write(measured: &[Measured], missing: &[String], setup: &Setup) -> String {
    let rounds = measured.iter().map(|one| one.round + 1).max().unwrap_or(0);
    let mut text = head(setup, rounds);
    for (store, title) in [(Store::Sqlite, "SQLite"), (Store::Postgres, "PostgreSQL")] {
        let part: Vec<&Measured> = measured.iter().filter(|one| one.store == store).collect();
        if part.is_empty() {
            continue;
        }
        let table = Table::of(&part);
        let _ = write!(text, "\n### On {title}\n\n{}", table.figures());
        let _ = write!(
            text,
            "\nCPU time of the server for one unit of work:\n\n{}",
            table.costs()
        );
    }
    for peer in missing {
        let (name, reason) = peer.split_once('=').unwrap_or((peer, ""));
        let _ = writeln!(text, "\n{name} could not be had: {reason}");
    }
    text
}

fn head(setup: &Setup, rounds: usize) -> String {
    let output = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output().ok();
        let text = output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned());
        text.unwrap_or_default()
    };
    let cpu = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpu
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    format!(
        "Measured on {}, {cores} cores ({}), Linux {}, {} repetitions{}.\n",
        output("date", &["+%F"]),
        model.map_or("unknown", |(_, model)| model),
        output("uname", &["-r"]),
        rounds,
        if setup.scale.quick { ", quick" } else { "" },
    )
}

/// The figures of one store: for each row and server, one a round.
struct Table<'m> {
    kinds: Vec<Kind>,
    /// In the order in which they were measured.
    rows: Vec<Row<'m>>,
    cells: BTreeMap<(Row<'m>, Kind), Vec<&'m Measured>>,
}

impl<'m> Table<'m> {
    fn of(measured: &[&'m Measured]) -> Self {
        let mut table = Self {
            kinds: Vec::new(),
            rows: Vec::new(),
            cells: BTreeMap::new(),
        };
        for one in measured {
            let row = (
                one.sample.workload,
                one.sample.what.as_str(),
                one.sample.unit,
            );
            if !table.rows.contains(&row) {
                table.rows.push(row);
            }
            if !table.kinds.contains(&one.kind) {
                table.kinds.push(one.kind);
            }
            table.cells.entry((row, one.kind)).or_default().push(one);
        }
        table.rows.sort_by_key(|row| row.0);
        // Ours stands first, the floor last.
        table.kinds.sort_by_key(|kind| match kind {
            Kind::Trackway => (0, *kind),
            Kind::Floor => (2, *kind),
            _ => (1, *kind),
        });
        table
    }

    fn figures(&self) -> String {
        let titles: Vec<String> = self.kinds.iter().map(|kind| kind.title()).collect();
        let mut text = format!(
            "| | | unit | {} | against the best peer | share of the floor |\n|---|---|---|{}---|---|\n",
            titles.join(" | "),
            "---|".repeat(titles.len())
        );
        for row in &self.rows {
            let _ = write!(text, "| {} | {} | {} |", row.0, row.1, row.2);
            for kind in &self.kinds {
                let _ = write!(text, " {} |", self.cell(row, *kind));
            }
            let _ = writeln!(text, " {} | {} |", self.against_peers(row), self.share(row));
        }
        text
    }

    fn costs(&self) -> String {
        let mut text = String::new();
        let titles: Vec<String> = self.kinds.iter().map(|kind| kind.title()).collect();
        let _ = write!(
            text,
            "| | | us for one of | {} |\n|---|---|---|{}\n",
            titles.join(" | "),
            "---|".repeat(titles.len())
        );
        for row in &self.rows {
            let costs: Vec<Option<f64>> = self
                .kinds
                .iter()
                .map(|kind| self.cost(row, *kind))
                .collect();
            if costs.iter().all(Option::is_none) {
                continue;
            }
            let unit = match row.2 {
                "ms" => "searches",
                unit => unit.trim_end_matches("/s"),
            };
            let _ = write!(text, "| {} | {} | {unit} |", row.0, row.1);
            for cost in costs {
                let cost = cost.map_or_else(String::new, |cost| number(cost * 1e6));
                let _ = write!(text, " {cost} |");
            }
            text.push('\n');
        }
        text
    }

    fn values(&self, row: &Row<'m>, kind: Kind) -> Vec<f64> {
        let cell = self.cells.get(&(*row, kind));
        let found = cell.into_iter().flatten();
        found
            .filter_map(|one| one.sample.value.as_ref().ok().copied())
            .collect()
    }

    fn cell(&self, row: &Row<'m>, kind: Kind) -> String {
        let values = self.values(row, kind);
        if values.is_empty() {
            let cell = self.cells.get(&(*row, kind)).and_then(|cell| cell.first());
            return match cell.and_then(|one| one.sample.value.as_ref().err()) {
                Some(reason) => format!("fails: {reason}"),
                None => String::new(),
            };
        }
        spread(&values)
    }

    fn cost(&self, row: &Row<'m>, kind: Kind) -> Option<f64> {
        let cell = self.cells.get(&(*row, kind))?;
        let costs: Vec<f64> = cell.iter().filter_map(|one| one.sample.cpu).collect();
        (!costs.is_empty()).then(|| median(&costs))
    }

    /// How many times better than the best peer, in each round by itself.
    fn against_peers(&self, row: &Row<'m>) -> String {
        let ratios = self.ratios(row, |kind| kind.is_peer());
        match ratios.is_empty() {
            true => String::new(),
            false => format!("{} x", spread(&ratios)),
        }
    }

    fn share(&self, row: &Row<'m>) -> String {
        let ratios = self.ratios(row, |kind| kind == Kind::Floor);
        match ratios.is_empty() || !row.2.ends_with("/s") {
            true => String::new(),
            false => format!("{:.0} %", median(&ratios) * 100.0),
        }
    }

    fn ratios(&self, row: &Row<'m>, against: impl Fn(Kind) -> bool) -> Vec<f64> {
        let Some(ours) = self.cells.get(&(*row, Kind::Trackway)) else {
            return Vec::new();
        };
        let others: Vec<&&Measured> = self
            .cells
            .iter()
            .filter(|((other, kind), _)| other == row && against(*kind))
            .flat_map(|(_, cell)| cell)
            .collect();
        let mut ratios = Vec::new();
        for our in ours {
            let same = others.iter().filter(|other| other.round == our.round);
            let values = same.filter_map(|other| other.sample.value.as_ref().ok().copied());
            let best = match our.sample.better {
                Better::Higher => values.reduce(f64::max),
                Better::Lower => values.reduce(f64::min),
            };
            if let (Some(best), Ok(value)) = (best, &our.sample.value) {
                ratios.push(match our.sample.better {
                    Better::Higher => value / best,
                    Better::Lower => best / value,
                });
            }
        }
        ratios
    }
}

/// A median with the lowest and the highest value.
fn spread(values: &[f64]) -> String {
    let low = values.iter().copied().fold(f64::INFINITY, f64::min);
    let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    match values.len() {
        1 => number(low),
        _ => format!(
            "{} ({}..{})",
            number(median(values)),
            number(low),
            number(high)
        ),
    }
}

/// Three digits that matter, and commas between thousands.
fn number(value: f64) -> String {
    if !value.is_finite() {
        return "-".to_owned();
    }
    let digits = match value.abs() {
        v if v >= 99.5 => 0,
        v if v >= 9.95 => 1,
        v if v >= 0.995 || v == 0.0 => 2,
        _ => 3,
    };
    let plain = format!("{value:.digits$}");
    let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
    let mut grouped = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) && digit != '-' {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    match fraction {
        "" => grouped,
        fraction => format!("{grouped}.{fraction}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_digits_that_matter() {
        let check = |value, expected: &str| assert_eq!(number(value), expected);
        check(1_234_567.8, "1,234,568");
        check(123.4, "123");
        check(12.34, "12.3");
        check(1.234, "1.23");
        check(0.1234, "0.123");
        check(0.0, "0.00");
    }
}
