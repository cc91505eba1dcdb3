//! `cargo xt check`: everything about the source that can be told without running it.
//!
//! It never changes a file. Each complaint is one line: where, what, and what to do.

mod dependencies;
mod files;
mod imports;
mod license;
mod lint;
mod rust_text;
mod size;
mod web;
mod words;

use std::fmt;

use anyhow::Result;

use files::Files;

/// Every check, in the order in which they run; the quick ones come first.
const CHECKS: &[(&str, Check)] = &[
    ("sizes", size::check),
    ("imports", imports::check),
    ("words", words::check),
    ("dependencies", dependencies::check),
    ("format", lint::format),
    ("clippy", lint::clippy),
    ("ui", web::check),
];

type Check = fn(&Files) -> Result<Report>;

/// What one check found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) failures: Vec<Finding>,
    pub(crate) warnings: Vec<Finding>,
}

/// One complaint about one place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Path from the checkout's root, with `/`.
    pub(crate) path: String,
    /// Counted from 1; none where the whole file is meant.
    pub(crate) line: Option<usize>,
    /// What is wrong and what to do.
    pub(crate) what: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(out, "{}:{line}: {}", self.path, self.what),
            None => write!(out, "{}: {}", self.path, self.what),
        }
    }
}

/// Runs every check, prints what they found, and says whether none failed.
///
/// Fails if the files of the checkout cannot be listed.
pub(crate) fn run() -> Result<bool> {
    let files = Files::list()?;
    let mut failed = 0;
    for (name, check) in CHECKS {
        println!("=== {name}");
        match check(&files) {
            Ok(report) => failed += usize::from(print(&report)),
            Err(reason) => {
                println!("{name} could not run: {reason:#}");
                failed += 1;
            }
        }
    }
    println!("{} passed, {failed} failed", CHECKS.len() - failed);
    Ok(failed == 0)
}

/// Prints a report and says whether it holds a failure.
fn print(report: &Report) -> bool {
    for warning in &report.warnings {
        println!("note: {warning}");
    }
    for failure in &report.failures {
        println!("{failure}");
    }
    !report.failures.is_empty()
}
