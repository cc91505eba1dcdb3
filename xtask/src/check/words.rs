//! Marks of unfinished work, which do not belong in what is committed.

use anyhow::Result;

use super::files::Files;
use super::rust_text::is_ident;
use super::{Finding, Report};

/// Each mark, put together from two halves so that this file does not hold it, and what to do.
const MARKS: &[(&str, &str)] = &[
    (concat!("TO", "DO"), FINISH),
    (concat!("FIX", "ME"), FINISH),
    (concat!("X", "XX"), FINISH),
    (concat!("#[ig", "nore"), "let the test run, or delete it"),
    (concat!("to", "do!("), FINISH),
];

const FINISH: &str = "finish it, or open an issue and delete the mark";

/// Reads every text file of the project but lock files, whose checksums may spell anything.
pub(crate) fn check(files: &Files) -> Result<Report> {
    let mut report = Report::default();
    for path in files.paths.iter().filter(|path| !is_lock(path)) {
        let text = files.text(path)?.unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            report
                .failures
                .extend(marks_in(line).map(|(mark, advice)| Finding {
                    path: path.clone(),
                    line: Some(number + 1),
                    what: format!("`{mark}` marks unfinished work; {advice}"),
                }));
        }
    }
    Ok(report)
}

fn is_lock(path: &str) -> bool {
    path.ends_with(".lock") || path.ends_with("package-lock.json")
}

fn marks_in(line: &str) -> impl Iterator<Item = &'static (&'static str, &'static str)> {
    MARKS
        .iter()
        .filter(move |(mark, _)| stands_alone(line, mark))
}

/// Whether the mark is in the line and is no part of a longer word.
fn stands_alone(line: &str, mark: &str) -> bool {
    line.match_indices(mark).any(|(at, _)| {
        let before = line.get(..at).unwrap_or("");
        let after = line.get(at + mark.len()..).unwrap_or("");
        let joins_before = mark.starts_with(is_ident) && before.ends_with(is_ident);
        let joins_after = mark.ends_with(is_ident) && after.starts_with(is_ident);
        !joins_before && !joins_after
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: usize) {
        assert_eq!(marks_in(line).count(), expected, "{line}");
    }

    #[test]
    fn every_mark_is_found_and_longer_words_are_not() {
        for (mark, _) in MARKS {
            check(&format!("    {mark}"), 1);
            check(&format!("// {mark}: later"), 1);
            check(&format!("a{mark}"), usize::from(mark.starts_with('#')));
        }
        check(concat!("TO", "DOS and X", "XXL, a to", "do list"), 0);
        check(concat!("#[ig", "nore = \"slow\"]"), 1);
    }

    #[test]
    fn lock_files_are_left_alone() {
        assert!(is_lock("Cargo.lock") && is_lock("ui/package-lock.json"));
        assert!(!is_lock("src/lock.rs"));
    }
}
