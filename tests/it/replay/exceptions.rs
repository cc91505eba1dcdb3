//! Where the answers are meant to differ from the recorded ones, and why.
//!
//! The rules hold for every exchange; the table names single ones. An entry of the table that is
//! no longer needed is reported as a difference, so that the table stays true.

/// What is expected in the place of the recorded answer.
#[derive(Debug, Clone, Copy)]
#[allow(
    dead_code,
    reason = "which kinds the table uses changes with the server"
)]
pub(crate) enum Expectation {
    /// This status; the body is not compared.
    Status(u16),
    /// This status and this JSON; placeholders such as `{run}` are filled.
    Answer(u16, &'static str),
    /// The recorded status and error code, with this message; placeholders are filled.
    Message(&'static str),
}

use Expectation::{Message, Status};

/// (label, why, expectation) of the documented differences.
pub(crate) const EXCEPTIONS: &[(&str, &str, Expectation)] = &[
    ("search runs OR", "OR is part of our grammar", Status(200)),
    (
        "experiments filter: \"name = 'search' OR name = 'x'\"",
        "OR",
        Status(200),
    ),
    (
        "experiments filter: \"(name = 'search')\"",
        "parentheses",
        Status(200),
    ),
    (
        "experiments filter: \"name IN ('search')\"",
        "IN everywhere",
        Status(200),
    ),
    (
        "runs filter: \"(tags.env = 'Prod')\"",
        "parentheses",
        Status(200),
    ),
    ("runs filter: \"NOT tags.env = 'Prod'\"", "NOT", Status(200)),
    (
        "runs filter: \"status IN ('FINISHED', 'FAILED')\"",
        "IN everywhere",
        Status(200),
    ),
    (
        "runs filter: \"run_name IN ('alpha', 'Beta')\"",
        "IN everywhere",
        Status(200),
    ),
    (
        "runs filter: \"params.lr IN ('0.1')\"",
        "IN everywhere",
        Status(200),
    ),
    (
        "runs filter: \"tags.env IN ('Prod')\"",
        "IN everywhere",
        Status(200),
    ),
    (
        "runs filter: 'metrics.acc IN (0.5)'",
        "IN everywhere",
        Status(200),
    ),
    (
        "runs filter: 'start_time IN (1003)'",
        "IN everywhere",
        Status(200),
    ),
    (
        "models filter: \"name = 'alpha' OR name = 'beta'\"",
        "OR",
        Status(200),
    ),
    (
        "models filter: \"(name = 'alpha')\"",
        "parentheses",
        Status(200),
    ),
    (
        "reg: rename in camel case",
        "both spellings are read on every route",
        Status(404),
    ),
    (
        "reg: rename to a taken name",
        "no SQL in a message",
        Message("Registered Model (name=twice) already exists."),
    ),
    (
        "reg: models timestamp > 1",
        "names the key that is wrong",
        Message("Invalid attribute key 'timestamp' specified. Valid keys are '{'name'}'"),
    ),
    (
        "reg: versions source_path IN ('s3://b/1')",
        "IN everywhere",
        Status(200),
    ),
    (
        "reg: versions version_number IN (1, 2)",
        "IN everywhere",
        Status(200),
    ),
    (
        "reg: models of -1",
        "no page has fewer than no results",
        Status(400),
    ),
];

/// Finds the documented difference of a label.
pub(crate) fn find(label: &str) -> Option<Expectation> {
    EXCEPTIONS
        .iter()
        .find(|(of, _, _)| *of == label)
        .map(|(_, _, expectation)| *expectation)
}

/// Cuts the text of an SQL error off a recorded message: no other database says it so.
///
/// Gives the part to be compared, and whether something was cut.
pub(crate) fn without_sql(message: &str) -> (&str, bool) {
    let marks = [
        " Error: (sqlite3.",
        "(raised as a result of Query-invoked",
        "(sqlite3.",
    ];
    let cut = marks.iter().filter_map(|mark| message.find(mark)).min();
    cut.map_or((message, false), |at| (&message[..at], true))
}

/// True for a recorded page of HTML that says an error or a new address: our errors are MLflow's
/// JSON errors, so that only the status is compared.
pub(crate) fn is_error_page(status: u16, content_type: Option<&str>) -> bool {
    status >= 300 && content_type.is_some_and(|kind| kind.starts_with("text/html"))
}

/// True for a recorded 500: a user's mistake is a 4xx with us, whichever fits.
pub(crate) fn is_server_error(status: u16) -> bool {
    status == 500
}
