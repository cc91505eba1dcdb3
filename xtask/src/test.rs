//! `cargo xt test`: runs the wanted suites one after the other and adds them up.
//!
//! Its last line is always `N passed, N failed`. A suite that fails does not keep the others from
//! running.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use crate::postgres::Postgres;
use crate::suite::{Outcome, Suite};
use crate::suites::SUITES;
use crate::summary::Counts;
use crate::{binary, shell, ui};

/// What the caller asked for.
#[derive(Debug)]
pub(crate) struct Request {
    /// Only tests whose name contains this.
    pub(crate) filter: Option<String>,
    /// Only suites with these names or groups; empty means all.
    pub(crate) only: Vec<String>,
}

/// A suite that has ended.
struct Ended {
    suite: &'static Suite,
    outcome: Outcome,
    took: Duration,
}

/// Runs the suites, prints what became of them, and says whether all went well.
///
/// Fails if the filter matches no test at all.
pub(crate) fn run(request: &Request) -> Result<bool> {
    let mut release: Option<Result<PathBuf, String>> = None;
    let mut postgres = Postgres::default();
    let mut ended = Vec::new();
    for suite in SUITES.iter().filter(|suite| suite.is_wanted(&request.only)) {
        if suite.needs_binary() && release.is_none() {
            release = Some(build());
        }
        heading(suite.name, suite.title);
        let start = Instant::now();
        let outcome = match &release {
            Some(Err(reason)) if suite.needs_binary() => {
                Outcome::Broken(Counts::default(), reason.clone())
            }
            Some(Ok(path)) => suite.run(Some(path), request.filter.as_deref(), &mut postgres),
            _ => suite.run(None, request.filter.as_deref(), &mut postgres),
        };
        ended.push(Ended {
            suite,
            outcome,
            took: start.elapsed(),
        });
    }
    report(&ended, request.filter.as_deref())
}

fn build() -> Result<PathBuf, String> {
    heading("build", "the web interface and the release binary");
    let start = Instant::now();
    let built = ui::build()
        .and_then(|()| binary::release("trackway", "trackway"))
        .map_err(|reason| format!("{reason:#}"));
    println!("build took {}", seconds(start.elapsed()));
    built
}

fn heading(name: &str, title: &str) {
    println!("\n=== {name}: {title}");
}

fn report(ended: &[Ended], filter: Option<&str>) -> Result<bool> {
    heading("result", "every suite that was asked for");
    let total = ended.iter().fold(Counts::default(), |mut total, suite| {
        total.add(print(suite));
        total
    });
    let left_out = ended
        .iter()
        .any(|suite| matches!(suite.outcome, Outcome::Skipped(_)));
    let matched = total != Counts::default() || left_out;
    ensure!(
        matched,
        "no test has a name containing {:?}",
        filter.unwrap_or_default()
    );
    println!("{} passed, {} failed", total.passed, total.failed);
    Ok(total.failed == 0)
}

/// Prints one suite's line and gives its counts. A broken suite counts as one more failed test, and
/// so does, under CI, one that cannot run: the sum of a bad run never reads like a good one.
fn print(ended: &Ended) -> Counts {
    let (mut counts, note) = match &ended.outcome {
        Outcome::Ran(counts) => (*counts, String::new()),
        Outcome::Skipped(reason) => (Counts::default(), format!("NOT RUN: {reason}")),
        Outcome::Broken(counts, reason) => (*counts, format!("BROKEN: {reason}")),
    };
    counts.failed += match ended.outcome {
        Outcome::Ran(_) => 0,
        Outcome::Skipped(_) => u64::from(shell::is_ci()),
        Outcome::Broken(..) => 1,
    };
    let (passed, failed, skipped) = (counts.passed, counts.failed, counts.skipped);
    let sums = format!("{passed:5} passed {failed:4} failed {skipped:4} skipped");
    let line = format!(
        "{:16}{sums} {:>9}  {note}",
        ended.suite.name,
        seconds(ended.took)
    );
    println!("{}", line.trim_end());
    counts
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ended(outcome: Outcome) -> Ended {
        Ended {
            suite: &SUITES[0],
            outcome,
            took: Duration::from_millis(1500),
        }
    }

    fn counts(passed: u64, failed: u64) -> Counts {
        Counts {
            passed,
            failed,
            skipped: 0,
        }
    }

    #[test]
    fn broken_suite_counts_as_one_failure() {
        let broken = ended(Outcome::Broken(counts(2, 0), "reason".into()));
        assert_eq!(print(&broken), counts(2, 1));
        assert!(!report(&[ended(Outcome::Ran(counts(3, 0))), broken], None).unwrap());
    }

    #[test]
    fn passed_tests_alone_are_a_success() {
        assert!(report(&[ended(Outcome::Ran(counts(3, 0)))], None).unwrap());
        assert!(!report(&[ended(Outcome::Ran(counts(3, 1)))], None).unwrap());
    }

    #[test]
    fn filter_without_a_match_is_an_error() {
        let nothing = [ended(Outcome::Ran(counts(0, 0)))];
        let error = report(&nothing, Some("typo")).unwrap_err().to_string();
        assert_eq!(error, "no test has a name containing \"typo\"");
    }
}
