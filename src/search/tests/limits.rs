//! Bounds of filters, and input that is long, deep or strange.

use super::{Target, accepts, parse, refuses};
use crate::search::{Expr, MAX_COMPARISONS, MAX_DEPTH, MAX_FILTER_BYTES, MAX_LIST_VALUES};

fn refusal(filter: &str) -> String {
    parse(Target::Runs, filter).expect_err("is refused").message
}

#[test]
fn an_empty_filter_matches_everything() {
    for target in [Target::Runs, Target::Experiments, Target::LoggedModels] {
        assert_eq!(parse(target, "").expect("is accepted"), Expr::All);
    }
}

#[test]
fn nesting_is_bounded_whatever_the_input() {
    let text = "Filter string is nested deeper than 64 levels.";
    assert_eq!(refusal(&"(".repeat(10_000)), text);
    assert_eq!(
        refusal(&format!("{}metrics.m = 1", "NOT ".repeat(10_000))),
        text
    );
    assert_eq!(
        refusal(&format!("{}metrics.m = 1", "NOT (".repeat(10_000))),
        text
    );
    assert_eq!(refusal(&format!("run_id IN {}", "(".repeat(10_000))), text);
    let nested = |depth| format!("{}metrics.m = 1{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(refusal(&nested(MAX_DEPTH + 1)), text);
    assert!(parse(Target::Runs, &nested(MAX_DEPTH)).is_ok());
}

#[test]
fn comparisons_are_bounded() {
    let filter = |count| vec!["metrics.m = 1"; count].join(" OR ");
    assert!(parse(Target::Runs, &filter(MAX_COMPARISONS)).is_ok());
    assert_eq!(
        refusal(&filter(MAX_COMPARISONS + 1)),
        "Filter string has too many comparisons, at most 1000 are accepted."
    );
}

#[test]
fn lists_are_bounded_together() {
    let list = |count| format!("run_id IN ({})", vec!["'a'"; count].join(","));
    assert!(parse(Target::Runs, &list(MAX_LIST_VALUES)).is_ok());
    let text = "Filter string has too many values in lists, at most 10000 are accepted.";
    assert_eq!(refusal(&list(MAX_LIST_VALUES + 1)), text);
    assert_eq!(
        refusal(&format!("{} AND {}", list(MAX_LIST_VALUES), list(1))),
        text
    );
}

#[test]
fn length_is_bounded() {
    let filter = format!("params.p = '{}'", "x".repeat(MAX_FILTER_BYTES));
    assert_eq!(
        refusal(&filter),
        "Filter string has 524301 bytes, at most 524288 are accepted."
    );
    let pattern = format!("params.p LIKE '{}'", "%".repeat(50_001));
    assert_eq!(
        refusal(&pattern),
        "Pattern has 50001 bytes, at most 50000 are accepted."
    );
    assert_eq!(
        refusal("params.p = 'a\0'"),
        "Filter string must not contain NUL characters."
    );
}

#[test]
fn a_list_cannot_smuggle_in_a_nul_character() {
    refuses(
        Target::Runs,
        &[
            (
                r"run_id IN ('a\x00')",
                "Filter string must not contain NUL characters.",
            ),
            (
                r"run_id IN ('\ud800')",
                "While parsing a list in the query, expected a non-empty list of string values, \
                 but got ill-formed list.",
            ),
        ],
    );
}

#[test]
fn lists_are_read_as_python_prints_them() {
    accepts(
        Target::Runs,
        &[
            (
                r"run_id IN ('a\'b', 'c\\d', 'e\x41\u00e9\U0001F600')",
                r"run_id IN ('a'b', 'c\d', 'eAé😀')",
            ),
            (
                r"run_id IN ('tab\t', 'keep\d')",
                "run_id IN ('tab\t', 'keep\\d')",
            ),
        ],
    );
}

/// A lexer that looks ahead without a memory takes quadratic time for some of these.
#[test]
fn long_garbage_is_refused_quickly() {
    let started = std::time::Instant::now();
    for part in [
        "'", "\"", "`", "/*", "--", "a+", "\\'", "''", "a.", "=", "-1", ";", "[", "é", "a ",
    ] {
        let filter = part.repeat(MAX_FILTER_BYTES / 4 / part.len());
        for target in [Target::Runs, Target::LoggedModels] {
            assert!(parse(target, &filter).is_err(), "{part}");
        }
    }
    assert!(started.elapsed().as_secs() < 20, "{:?}", started.elapsed());
}
