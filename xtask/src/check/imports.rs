//! Who may use whom inside the server: the table of layers and the rules around it.
//!
//! It reads paths that begin with `crate::`. It sees no other, so it refuses the ways around them.

use anyhow::Result;

use super::files::Files;
use super::rust_text::{code_only, is_ident, paths_from};
use super::{Finding, Report};

/// The modules of `src/`, from the top down. A module may use those of its own row and of every
/// row below it; `cli` has rules of its own.
const LAYERS: &[&[&str]] = &[
    &["main", "lib"],
    &["cli"],
    &["server"],
    &["http"],
    &["app", "jobs"],
    &["replicas", "insight"],
    &[
        "tracking",
        "registry",
        "artifacts",
        "audit",
        "lineage",
        "auth",
        "events",
    ],
    &["search"],
    &["config", "logging"],
    &["db"],
    &["traces"],
    &["ctx", "metrics"],
    &["error", "names", "python"],
];

/// What a command may use: it is a client of the server.
const CLIENT_USES: &[&str] = &[
    "cli",
    "http::wire",
    // Who checks the audit log computes its hashes on his own side.
    "audit::check",
    "audit::checkpoint::Head",
    "audit::checkpoint::SignedHead",
    "audit::key",
    "audit::log::Record",
    "audit::tree",
    "config",
    "error",
    "names",
    "python",
];

/// The commands that start or maintain a server; they may use all of it.
const SERVER_COMMANDS: &[&str] = &[
    "src/cli/server.rs",
    "src/cli/migrate.rs",
    "src/cli/routes.rs",
    "src/cli/config.rs",
    "src/cli/audit_database.rs",
];

/// Crates that only `db` may name.
const DRIVERS: &[&str] = &["rusqlite", "tokio_postgres", "deadpool_postgres"];

/// Checks every file of the server's source.
pub(crate) fn check(files: &Files) -> Result<Report> {
    let mut report = Report::default();
    for path in files.rust_below("src/") {
        let source = files.text(path)?.unwrap_or_default();
        report.failures.extend(check_file(path, &source));
    }
    Ok(report)
}

fn check_file(path: &str, source: &str) -> Vec<Finding> {
    let module = module_of(path);
    let code = code_only(source);
    let mut found = Vec::new();
    if rank(module).is_none() {
        let what = format!(
            "no layer is known for the module `{module}`; give it one in {}",
            "xtask/src/check/imports.rs"
        );
        found.push((None, what));
    }
    let modules = paths_from("crate", &code);
    found.extend(
        modules
            .iter()
            .filter_map(|(line, used)| complaint(path, used).map(|what| (Some(*line), what))),
    );
    found.extend(lines_leaving_by_super(path, &code).map(|line| {
        (
            Some(line),
            "`super` leaves the module; write the path from `crate::`".to_owned(),
        )
    }));
    if module != "db" {
        found.extend(DRIVERS.iter().flat_map(|driver| {
            let what = format!("`{driver}` is a driver; only src/db names one, go through `db`");
            lines_naming(&code, driver).map(move |line| (Some(line), what.clone()))
        }));
    }
    let path = path.to_owned();
    found
        .into_iter()
        .map(|(line, what)| Finding {
            path: path.clone(),
            line,
            what,
        })
        .collect()
}

/// Says why the file may not use the path, if so.
fn complaint(path: &str, used: &str) -> Option<String> {
    let module = module_of(path);
    let target = used.split("::").next().unwrap_or(used);
    let (own, other) = (rank(module)?, rank(target)?);
    if module == "cli" {
        let is_free = SERVER_COMMANDS.contains(&path)
            || CLIENT_USES.iter().any(|allowed| is_within(used, allowed));
        return (!is_free).then(|| {
            format!("a command is a client and may not use `{used}`; ask the server over HTTP")
        });
    }
    (other < own).then(|| {
        format!("`{module}` may not use `{target}`, which lies above it; pass in what it needs")
    })
}

fn is_within(used: &str, allowed: &str) -> bool {
    used.strip_prefix(allowed)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// Gives the top-level module of a file: `src/http/wire/run.rs` and `src/http.rs` give `http`.
fn module_of(path: &str) -> &str {
    let below = path.strip_prefix("src/").unwrap_or(path);
    below
        .split('/')
        .next()
        .unwrap_or(below)
        .trim_end_matches(".rs")
}

fn rank(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

/// Gives the lines, counted from 1, whose chain of `super` may reach the root of the crate. A single
/// one does so only at the outermost level of a top-level module, where rustfmt indents nothing.
fn lines_leaving_by_super<'a>(path: &str, code: &'a str) -> impl Iterator<Item = usize> + 'a {
    let file = path.strip_prefix("src/").unwrap_or(path);
    let depth = file.trim_end_matches("/mod.rs").split('/').count();
    let chain = vec!["super"; depth.max(2)].join("::");
    code.lines().zip(1..).filter_map(move |(line, number)| {
        let is_at_top = depth == 1 && line.trim_start_matches("pub ").starts_with("use super::");
        (is_at_top || line.contains(&chain)).then_some(number)
    })
}

/// Gives the lines, counted from 1, on which the name stands as a whole.
fn lines_naming(code: &str, name: &str) -> impl Iterator<Item = usize> {
    let names = |line: &str| {
        line.match_indices(name).any(|(at, _)| {
            let (before, rest) = line.split_at_checked(at).unwrap_or((line, ""));
            !before.ends_with(is_ident) && !rest.trim_start_matches(name).starts_with(is_ident)
        })
    };
    let lines: Vec<usize> = code
        .lines()
        .enumerate()
        .filter(|(_, line)| names(line))
        .map(|(at, _)| at + 1)
        .collect();
    lines.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, source: &str, expected: &[&str]) {
        let found: Vec<String> = check_file(path, source)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found, expected, "{path}: {source}");
    }

    #[test]
    fn lower_layers_and_own_layer_are_free() {
        for (path, source) in [
            (
                "src/http/mlflow/runs.rs",
                "use crate::{app::App, db::Tx, tracking, error::Result};",
            ),
            (
                "src/tracking/run.rs",
                "use crate::auth; use crate::search; use crate::tracking::tag;",
            ),
            ("src/server.rs", "use crate::http::router;"),
            ("src/main.rs", "use crate::cli;"),
            (
                "src/db/tx.rs",
                "use rusqlite::params; use crate::error::Error;",
            ),
            (
                "src/search/sql.rs",
                "/// See crate::http.\nuse crate::Error;",
            ),
        ] {
            check(path, source, &[]);
        }
    }

    #[test]
    fn nobody_below_uses_http() {
        check(
            "src/tracking/run.rs",
            "\nuse crate::http::wire::Run;",
            &[
                "src/tracking/run.rs:2: `tracking` may not use `http`, which lies above it; \
               pass in what it needs",
            ],
        );
        check(
            "src/db/mod.rs",
            "fn f() { crate::search::g() }",
            &[
                "src/db/mod.rs:1: `db` may not use `search`, which lies above it; \
               pass in what it needs",
            ],
        );
    }

    #[test]
    fn commands_are_clients_unless_they_run_the_server() {
        check(
            "src/cli/runs.rs",
            "use crate::http::wire::Run; use crate::config::Config;",
            &[],
        );
        check("src/cli/server.rs", "use crate::{app, server, db};", &[]);
        check(
            "src/cli/runs.rs",
            "use crate::{http::{wire::Run, wired}, db};",
            &[
                "src/cli/runs.rs:1: a command is a client and may not use `http::wired`; \
                 ask the server over HTTP",
                "src/cli/runs.rs:1: a command is a client and may not use `db`; \
                 ask the server over HTTP",
            ],
        );
    }

    #[test]
    fn only_db_names_a_driver() {
        check(
            "src/search/sql.rs",
            "\nfn f(row: &rusqlite::Row) {}\nlet my_rusqlite_row = 1; // rusqlite",
            &[
                "src/search/sql.rs:2: `rusqlite` is a driver; only src/db names one, go through `db`",
            ],
        );
    }

    #[test]
    fn ways_around_the_rule_are_refused() {
        let leaves = "1: `super` leaves the module; write the path from `crate::`";
        for (path, source) in [
            ("src/db/row.rs", "use super::super::http;"),
            (
                "src/http/wire/run.rs",
                "    super::super::super::db::open()",
            ),
            ("src/db/mod.rs", "use super::http;"),
            ("src/app.rs", "pub use super::http;"),
        ] {
            check(path, source, &[&format!("{path}:{leaves}")]);
        }
        check(
            "src/novelty.rs",
            "",
            &[
                "src/novelty.rs: no layer is known for the module `novelty`; give it one in \
               xtask/src/check/imports.rs",
            ],
        );
    }
}
