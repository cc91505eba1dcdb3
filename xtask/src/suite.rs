//! The test suites: one row each, in the order in which they run.
//!
//! It runs one suite at a time; choosing, timing and adding up is the business of `test.rs`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result};

use crate::postgres::Postgres;
use crate::promtool;
use crate::python::{self, Environment};
use crate::shell;
use crate::summary::{self, Counts};

const MLFLOW_3: Environment = Environment {
    name: "mlflow3",
    minors: 10..=13,
};
// Its Arrow library was never published for a later Python.
const MLFLOW_2: Environment = Environment {
    name: "mlflow2",
    minors: 10..=12,
};

const API: Environment = Environment {
    name: "api",
    minors: 10..=13,
};

/// Every suite. A new one is a row here.
pub(crate) const SUITES: &[Suite] = &[
    Suite {
        name: "rust",
        group: "rust",
        title: "unit and integration tests of the workspace",
        runner: Runner::Cargo(&["--workspace"]),
        store: Store::Sqlite,
        turn: Turn::Always,
    },
    Suite {
        name: "postgres",
        group: "postgres",
        title: "the integration tests on PostgreSQL",
        runner: Runner::Cargo(&["--test", "it"]),
        store: Store::Postgres,
        turn: Turn::Always,
    },
    Suite {
        name: "pgbouncer",
        group: "postgres",
        title: "the integration tests through pgbouncer in transaction mode",
        // The odd requests take long, and few of them reach the database.
        runner: Runner::Cargo(&["--test", "it", "--", "--skip", "bad_input"]),
        store: Store::Pgbouncer,
        turn: Turn::OnRequest,
    },
    Suite {
        name: "rust-s3",
        group: "rust",
        title: "what touches artifacts once more, with the artifacts in an S3 server",
        runner: Runner::CargoOnS3,
        store: Store::Sqlite,
        turn: Turn::OnRequest,
    },
    Suite {
        name: "compat-mlflow3",
        group: "compat",
        title: "the unmodified mlflow 3.17 client against the release binary",
        runner: Runner::Pytest(Session {
            folder: "tests/compat",
            environment: MLFLOW_3,
            marker: None,
            promtool: false,
        }),
        store: Store::Sqlite,
        turn: Turn::Always,
    },
    Suite {
        name: "compat-mlflow2",
        group: "compat",
        title: "the unmodified mlflow 2.16 client against the release binary",
        runner: Runner::Pytest(Session {
            folder: "tests/compat",
            environment: MLFLOW_2,
            marker: Some("mlflow2"),
            promtool: false,
        }),
        store: Store::Sqlite,
        turn: Turn::Always,
    },
    Suite {
        name: "compat-postgres",
        group: "compat",
        title: "the unmodified mlflow 3.17 client against a server on PostgreSQL behind pgbouncer",
        runner: Runner::Pytest(Session {
            folder: "tests/compat",
            environment: MLFLOW_3,
            marker: None,
            promtool: false,
        }),
        store: Store::Pgbouncer,
        turn: Turn::OnRequest,
    },
    Suite {
        name: "api",
        group: "api",
        title: "requests made up from the OpenAPI document find no failure of the server",
        runner: Runner::Pytest(Session {
            folder: "tests/api",
            environment: API,
            marker: None,
            promtool: false,
        }),
        store: Store::Sqlite,
        turn: Turn::Always,
    },
    Suite {
        name: "durability",
        group: "durability",
        title: "what was acknowledged survives kill -9 and a full disk",
        runner: Runner::Pytest(Session {
            folder: "tests/durability",
            environment: MLFLOW_3,
            marker: None,
            promtool: false,
        }),
        store: Store::Sqlite,
        turn: Turn::Always,
    },
    Suite {
        name: "observability",
        group: "observability",
        title: "metrics, alert rules, dashboard and log lines of the release binary",
        runner: Runner::Pytest(Session {
            folder: "tests/observability",
            environment: MLFLOW_3,
            marker: None,
            promtool: true,
        }),
        store: Store::Sqlite,
        turn: Turn::Always,
    },
];

/// A row of the table. `--only` takes its name or its group.
#[derive(Debug)]
pub(crate) struct Suite {
    pub(crate) name: &'static str,
    pub(crate) group: &'static str,
    pub(crate) title: &'static str,
    pub(crate) runner: Runner,
    pub(crate) store: Store,
    pub(crate) turn: Turn,
}

/// When a suite runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// Whenever all suites run.
    Always,
    /// When it is named: it repeats another suite by a longer way.
    OnRequest,
}

/// On which database a suite runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    Sqlite,
    Postgres,
    /// PostgreSQL behind a pool that changes the connection with each transaction.
    Pgbouncer,
}

impl Store {
    /// Gives what the tests must know of their database, or why it cannot be had.
    fn variables(self, postgres: &mut Postgres) -> Result<Vec<(&'static str, OsString)>, String> {
        let place = match self {
            Store::Sqlite => return Ok(Vec::new()),
            Store::Postgres => postgres.direct()?,
            Store::Pgbouncer => postgres.pooled()?,
        };
        Ok(vec![
            ("TRACKWAY_TEST_DATABASE", place.url.into()),
            ("TRACKWAY_TEST_ADMIN", place.admin.into()),
            ("TRACKWAY_TEST_PSQL", place.psql.into()),
        ])
    }
}

/// How a suite is run.
#[derive(Debug)]
pub(crate) enum Runner {
    /// `cargo test` with these arguments.
    Cargo(&'static [&'static str]),
    /// The tests of artifacts by `cargo test`, beside the S3 server of the Python environment.
    CargoOnS3,
    /// pytest against the release binary, which it finds in `TRACKWAY_BIN`.
    Pytest(Session),
}

/// One run of pytest.
#[derive(Debug)]
pub(crate) struct Session {
    folder: &'static str,
    environment: Environment,
    /// Only tests that carry this marker.
    marker: Option<&'static str>,
    /// Whether the tests find promtool in `PROMTOOL`.
    promtool: bool,
}

/// How a suite ended.
#[derive(Debug)]
pub(crate) enum Outcome {
    Ran(Counts),
    /// This machine cannot run it, for the reason given.
    Skipped(String),
    /// It did not get as far as counting its tests, or ended badly although none failed.
    Broken(Counts, String),
}

/// Gives what `--only` accepts: every group and every name, each once.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = SUITES
        .iter()
        .flat_map(|suite| [suite.group, suite.name])
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl Suite {
    /// Says whether the suite tests the release binary.
    pub(crate) fn needs_binary(&self) -> bool {
        matches!(self.runner, Runner::Pytest(_))
    }

    /// Says whether one of the wanted names means this suite; an empty list means all that run
    /// without being asked for.
    pub(crate) fn is_wanted(&self, wanted: &[String]) -> bool {
        wanted.is_empty() && self.turn == Turn::Always
            || wanted
                .iter()
                .any(|name| name == self.name || name == self.group)
    }

    /// Runs the tests whose name contains the filter, or all of them.
    pub(crate) fn run(
        &self,
        binary: Option<&Path>,
        filter: Option<&str>,
        postgres: &mut Postgres,
    ) -> Outcome {
        let variables = match self.store.variables(postgres) {
            Ok(variables) => variables,
            Err(reason) => return Outcome::Skipped(reason),
        };
        let ran = match &self.runner {
            Runner::Cargo(arguments) => {
                let mut test = cargo_test(arguments, filter);
                counted(test.envs(variables), summary::cargo_line).map(sum)
            }
            Runner::CargoOnS3 => match python::prepare(&MLFLOW_3) {
                Ok(python) => {
                    let mut command = cargo_test_on_s3(&python, filter);
                    counted(&mut command, summary::cargo_line).map(sum)
                }
                Err(reason) => return Outcome::Skipped(format!("{reason:#}")),
            },
            Runner::Pytest(session) if !shell::root().join(session.folder).is_dir() => {
                return broken(format!("the folder {} is missing", session.folder));
            }
            Runner::Pytest(session) => match prepare(session) {
                Ok((python, promtool)) => pytest(session, self.name, &python)
                    .and_then(|mut pytest| {
                        pytest.args(filter.iter().flat_map(|text| ["-k", text]));
                        pytest.envs(binary.map(|path| ("TRACKWAY_BIN", path)));
                        pytest.envs(variables);
                        pytest.envs(promtool.map(|path| ("PROMTOOL", path)));
                        counted(&mut pytest, summary::pytest_line)
                    })
                    .map(last),
                Err(reason) => return Outcome::Skipped(format!("{reason:#}")),
            },
        };
        match ran {
            Ok((status, counts)) => judge(status, counts, filter.is_some()),
            Err(reason) => broken(format!("{reason:#}")),
        }
    }
}

/// Brings along what a session needs: Python, and promtool where it is asked for.
fn prepare(session: &Session) -> Result<(PathBuf, Option<PathBuf>)> {
    let promtool = session.promtool.then(promtool::prepare).transpose()?;
    Ok((python::prepare(&session.environment)?, promtool))
}

type Lines = (ExitStatus, Vec<Counts>);

/// Runs the command with its output on the screen, and collects the lines that hold counts.
fn counted(command: &mut Command, parse: fn(&str) -> Option<Counts>) -> Result<Lines> {
    let mut found = Vec::new();
    let status = shell::each_line(command, |line| {
        println!("{line}");
        found.extend(parse(line));
    })?;
    Ok((status, found))
}

/// Each test binary closes with its own counts.
fn sum((status, lines): Lines) -> (ExitStatus, Option<Counts>) {
    let total = lines.into_iter().reduce(|mut total, counts| {
        total.add(counts);
        total
    });
    (status, total)
}

/// A session closes with one line; an earlier one that looks alike is the output of a test.
fn last((status, lines): Lines) -> (ExitStatus, Option<Counts>) {
    (status, lines.last().copied())
}

fn cargo_test(arguments: &[&str], filter: Option<&str>) -> Command {
    let mut command = shell::cargo();
    command
        .args(["test", "--locked", "--no-fail-fast"])
        .args(arguments)
        .args(filter);
    command
}

/// Tests that keep files, or look at them.
const OF_ARTIFACTS: &[&str] = &[
    "artifacts::",
    "object_store::",
    "run_files::",
    "registry::facts",
    "registry::freeze",
    "registry::manifests",
    "registry::verify",
];

fn cargo_test_on_s3(python: &Path, filter: Option<&str>) -> Command {
    let cargo = shell::cargo();
    let mut command = python::program(python);
    command
        .arg("tests/compat/s3_server.py")
        .arg(cargo.get_program())
        .args(["test", "--locked", "--lib", "--test", "it", "--"]);
    match filter {
        Some(filter) => command.arg(filter),
        None => command.args(OF_ARTIFACTS),
    };
    command
}

/// Prepares a session whose temporary files stay in the checkout, on a real disk.
fn pytest(session: &Session, name: &str, python: &Path) -> Result<Command> {
    let target = shell::root().join("target");
    let temporary = target.join("pytest");
    fs::create_dir_all(&temporary)
        .with_context(|| format!("cannot create {}", temporary.display()))?;
    let mut command = python::program(python);
    command
        .args(["-m", "pytest", session.folder, "--basetemp"])
        .arg(temporary.join(name));
    command
        .arg("-o")
        .arg(format!("cache_dir={}", temporary.join("cache").display()));
    command.args(session.marker.iter().flat_map(|marker| ["-m", marker]));
    Ok(command)
}

fn judge(status: ExitStatus, counts: Option<Counts>, filtered: bool) -> Outcome {
    let Some(counts) = counts else {
        return broken(format!("it did not get as far as its tests ({status})"));
    };
    let is_empty = counts == Counts::default();
    if is_empty && !filtered {
        return broken("it ran no test".to_owned());
    }
    if status.success() || counts.failed > 0 || is_empty {
        return Outcome::Ran(counts);
    }
    Outcome::Broken(counts, format!("it failed although no test did ({status})"))
}

fn broken(reason: String) -> Outcome {
    Outcome::Broken(Counts::default(), reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_groups_select_suites() {
        let chosen = |wanted: &[&str]| -> Vec<&str> {
            let wanted: Vec<String> = wanted.iter().map(|name| name.to_string()).collect();
            SUITES
                .iter()
                .filter(|suite| suite.is_wanted(&wanted))
                .map(|suite| suite.name)
                .collect()
        };
        assert_eq!(chosen(&[]).len(), SUITES.len() - 3);
        assert!(!chosen(&[]).contains(&"pgbouncer"));
        assert_eq!(
            chosen(&["compat"]),
            ["compat-mlflow3", "compat-mlflow2", "compat-postgres"]
        );
        assert_eq!(chosen(&["postgres"]), ["postgres", "pgbouncer"]);
        assert_eq!(
            chosen(&["durability", "compat-mlflow2"]),
            ["compat-mlflow2", "durability"]
        );
    }

    #[test]
    fn lock_file_of_every_environment_is_there() {
        for suite in SUITES {
            if let Runner::Pytest(session) = &suite.runner {
                let name = format!(
                    "tests/compat/requirements/{}.lock",
                    session.environment.name
                );
                assert!(shell::root().join(&name).is_file(), "{name}");
            }
        }
    }

    #[cfg(unix)]
    mod judging {
        use super::*;
        use std::os::unix::process::ExitStatusExt;

        fn check(exit: i32, counts: Option<Counts>, filtered: bool, expected: &str) {
            let outcome = judge(ExitStatus::from_raw(exit << 8), counts, filtered);
            let text = format!("{outcome:?}");
            assert!(text.starts_with(expected), "{text}");
        }

        #[test]
        fn success_needs_a_test_and_a_good_status() {
            let counts = |passed, failed| {
                Some(Counts {
                    passed,
                    failed,
                    skipped: 0,
                })
            };
            check(0, counts(3, 0), false, "Ran");
            check(1, counts(3, 1), false, "Ran");
            check(1, counts(3, 0), false, "Broken");
            check(101, None, true, "Broken");
        }

        #[test]
        fn no_test_at_all_is_right_only_with_a_filter() {
            check(5, Some(Counts::default()), true, "Ran");
            check(5, Some(Counts::default()), false, "Broken");
            check(0, Some(Counts::default()), false, "Broken");
        }
    }
}
