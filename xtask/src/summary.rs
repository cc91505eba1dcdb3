//! Reading the closing lines of `cargo test`, pytest, vitest and Playwright, and adding them up.
//!
//! It never decides whether a suite succeeded: the program's exit status does that.

/// How many tests ended in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl Counts {
    /// Adds the tests of another run.
    pub(crate) fn add(&mut self, other: Counts) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.skipped += other.skipped;
    }

    fn count(&mut self, number: u64, outcome: &str) {
        match outcome {
            "passed" | "xpassed" => self.passed += number,
            "failed" | "error" | "errors" => self.failed += number,
            "skipped" | "ignored" | "xfailed" => self.skipped += number,
            _ => {}
        }
    }
}

/// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; ..`, one line per test binary.
pub(crate) fn cargo_line(line: &str) -> Option<Counts> {
    let (_, numbers) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = Counts::default();
    for part in numbers.split(';') {
        if let Some((number, outcome)) = numbered(part) {
            counts.count(number, outcome);
        }
    }
    Some(counts)
}

/// Reads `=== 1 failed, 3 passed, 2 deselected in 4.05s ===`, the last line of a session.
pub(crate) fn pytest_line(line: &str) -> Option<Counts> {
    let (numbers, time) = line.trim_matches(['=', ' ']).rsplit_once(" in ")?;
    if !time.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let mut counts = Counts::default();
    if numbers != "no tests ran" {
        for part in numbers.split(',') {
            let (number, outcome) = numbered(part)?;
            counts.count(number, outcome);
        }
    }
    Some(counts)
}

/// Reads `Tests  1 failed | 12 passed (13)`, one of the last lines of vitest.
pub(crate) fn vitest_line(line: &str) -> Option<Counts> {
    let (numbers, _) = line.trim().strip_prefix("Tests ")?.rsplit_once(" (")?;
    let mut counts = Counts::default();
    for part in numbers.split('|') {
        let (number, outcome) = numbered(part)?;
        counts.count(number, outcome);
    }
    Some(counts)
}

/// Reads `  3 failed`, `  2 did not run` and `  12 passed (1.2m)`, a line each, at the end of
/// Playwright's output. A test that did not run, or only at the second try, did not pass.
pub(crate) fn playwright_line(line: &str) -> Option<Counts> {
    let (number, rest) = numbered(line.strip_prefix("  ")?)?;
    let outcome = rest.split_once(" (").map_or(rest, |(outcome, _)| outcome);
    let mut counts = Counts::default();
    match outcome {
        "passed" | "failed" | "skipped" => counts.count(number, outcome),
        "did not run" | "interrupted" | "flaky" => counts.count(number, "failed"),
        _ => return None,
    }
    Some(counts)
}

fn numbered(part: &str) -> Option<(u64, &str)> {
    let (number, outcome) = part.trim().split_once(' ')?;
    Some((number.parse().ok()?, outcome))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(passed: u64, failed: u64, skipped: u64) -> Option<Counts> {
        Some(Counts {
            passed,
            failed,
            skipped,
        })
    }

    #[test]
    fn cargo_results_are_read() {
        let ok = "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 3 filtered out; finished in 0.01s";
        assert_eq!(cargo_line(ok), counts(12, 0, 1));
        let bad = "test result: FAILED. 2 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(cargo_line(bad), counts(2, 3, 0));
        assert_eq!(cargo_line("test tests::result ... ok"), None);
    }

    #[test]
    fn pytest_sessions_are_read() {
        assert_eq!(
            pytest_line("=== 1 failed, 30 passed, 2 skipped, 5 deselected, 1 error in 4.05s ==="),
            counts(30, 2, 2)
        );
        assert_eq!(
            pytest_line("3 passed, 1 warning in 75.10s (0:01:15)"),
            counts(3, 0, 0)
        );
        assert_eq!(pytest_line("== 4 deselected in 0.02s =="), counts(0, 0, 0));
        assert_eq!(
            pytest_line("===== no tests ran in 0.01s ====="),
            counts(0, 0, 0)
        );
        assert_eq!(
            pytest_line("=== 2 passed, 3 subtests passed in 1.00s ==="),
            counts(2, 0, 0)
        );
    }

    #[test]
    fn other_lines_of_pytest_are_not_counted() {
        for line in [
            "",
            "3 runs in the list",
            "=== short test summary info ===",
            "a in 3 b",
        ] {
            assert_eq!(pytest_line(line), None, "{line}");
        }
    }

    #[test]
    fn the_sum_of_vitest_is_read() {
        let line = "      Tests  1 failed | 12 passed | 2 skipped (15)";
        assert_eq!(vitest_line(line), counts(12, 1, 2));
        assert_eq!(vitest_line(" Test Files  2 passed (2)"), None);
    }

    #[test]
    fn the_lines_of_playwright_are_read() {
        assert_eq!(playwright_line("  12 passed (1.2m)"), counts(12, 0, 0));
        assert_eq!(playwright_line("  3 failed"), counts(0, 3, 0));
        assert_eq!(playwright_line("  2 did not run"), counts(0, 2, 0));
        assert_eq!(playwright_line("  1 flaky"), counts(0, 1, 0));
        for line in [
            "Running 3 tests using 1 worker",
            "  ok 1 runs.spec.ts:3:1 > a (1s)",
            "  1) a",
        ] {
            assert_eq!(playwright_line(line), None, "{line}");
        }
    }
}
