//! Tests of the search language. The tables of what MLflow accepts and refuses were taken from
//! its own parser; sets in its texts are printed sorted.

mod experiments;
mod limits;
mod logged_models;
mod memory;
mod orders;
pub(crate) mod print;
mod random;
mod registry;
mod runs;
mod runs_refused;

use super::{Target, parse};

/// Parses every input and compares what it means, printed canonically, with the expectation.
fn accepts(target: Target, cases: &[(&str, &str)]) {
    let wrong = cases.iter().filter_map(|(input, expected)| {
        let found = match parse(target, input) {
            Ok(expr) => print::expr(target, &expr),
            Err(error) => format!("refused: {error}"),
        };
        (found != *expected)
            .then(|| format!("{input}\n  expected {expected}\n  found    {found}\n"))
    });
    let wrong: String = wrong.collect();
    assert!(wrong.is_empty(), "{target:?}\n{wrong}");
}

/// Parses every input and compares the text of the refusal with the expectation.
fn refuses(target: Target, cases: &[(&str, &str)]) {
    let wrong = cases.iter().filter_map(|(input, expected)| {
        let found = match parse(target, input) {
            Ok(expr) => format!("accepted: {}", print::expr(target, &expr)),
            Err(error) if error.code != crate::error::Code::Invalid => format!("{error:?}"),
            Err(error) => error.message,
        };
        (found != *expected)
            .then(|| format!("{input}\n  expected {expected}\n  found    {found}\n"))
    });
    let wrong: String = wrong.collect();
    assert!(wrong.is_empty(), "{target:?}\n{wrong}");
}
