//! How long a Rust file may be. Functions are clippy's business (`clippy.toml`).

use anyhow::Result;

use super::files::Files;
use super::{Finding, Report};

/// Lines up to which a file is fine.
const AIM: usize = 400;
/// Lines above which a file is refused.
const CAP: usize = 600;

#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Fine,
    Long,
    TooLong,
}

/// Measures every Rust file but the tests.
pub(crate) fn check(files: &Files) -> Result<Report> {
    let mut report = Report::default();
    for path in files.rust_below("").filter(|path| !is_test(path)) {
        let lines = files.text(path)?.unwrap_or_default().lines().count();
        let finding = |what| Finding {
            path: path.to_owned(),
            line: None,
            what,
        };
        match verdict(lines) {
            Verdict::Fine => {}
            Verdict::Long => {
                report.warnings.push(finding(format!(
                    "{lines} lines; aim for {AIM}, split it soon"
                )));
            }
            Verdict::TooLong => {
                let what = format!("{lines} lines; {CAP} is the cap, split it by subject");
                report.failures.push(finding(what));
            }
        }
    }
    Ok(report)
}

fn verdict(lines: usize) -> Verdict {
    if lines > CAP {
        return Verdict::TooLong;
    }
    if lines > AIM {
        Verdict::Long
    } else {
        Verdict::Fine
    }
}

fn is_test(path: &str) -> bool {
    let is_named_so = |part| matches!(part, "tests" | "tests.rs");
    path.ends_with("_tests.rs") || path.split('/').any(is_named_so)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn borders_belong_to_the_milder_verdict() {
        assert_eq!(verdict(400), Verdict::Fine);
        assert_eq!(verdict(401), Verdict::Long);
        assert_eq!(verdict(600), Verdict::Long);
        assert_eq!(verdict(601), Verdict::TooLong);
    }

    #[test]
    fn tests_are_told_by_their_folder_or_name() {
        assert!(is_test("tests/it/runs.rs"));
        assert!(is_test("src/search/tests.rs"));
        assert!(is_test("src/search/filter_tests.rs"));
        assert!(!is_test("src/contests/latest.rs"));
        assert!(!is_test("xtask/src/test.rs"));
    }
}
