//! How a test suite is run: its variables, its command, its counts.
//!
//! It runs one suite at a time; which there are is told by `suites.rs`, and choosing, timing and
//! adding up is the business of `test.rs`.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result};

use crate::node;
use crate::pages;
use crate::postgres::{self, Postgres};
use crate::promtool;
use crate::python::{self, Environment};
use crate::shell;
use crate::suites;
use crate::summary::{self, Counts};

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

/// Tests at a time that wait for PostgreSQL most of their time.
const THREADS: &str = "6";

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
            ("RUST_TEST_THREADS", THREADS.into()),
        ])
    }
}

/// How a suite is run.
#[derive(Debug)]
pub(crate) enum Runner {
    /// `cargo test` with these arguments.
    Cargo(&'static [&'static str]),
    /// The tests of artifacts by `cargo test`, beside an object store.
    CargoBeside(Objects),
    /// pytest against the release binary, which it finds in `TRACKWAY_BIN`.
    Pytest(Session),
    /// The unit tests of `ui/`, by vitest.
    UiUnit,
    /// The tests of `tests/ui` against the release binary, by Playwright.
    UiBrowser,
}

/// An object store of the tests' own.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Objects {
    /// SeaweedFS, from the Python environment.
    S3,
    /// Azurite, from the Node packages of `tests/azure`.
    Azure,
}

impl Objects {
    /// Gives what starts the store and runs the command that follows beside it.
    fn starter(self) -> Result<Command> {
        Ok(match self {
            Objects::S3 => {
                let mut command = python::program(&python::prepare(&suites::MLFLOW_3)?);
                command.arg("tests/compat/s3_server.py");
                command
            }
            Objects::Azure => {
                node::install(&shell::root().join("tests/azure"))?;
                let mut command = shell::program("node");
                command.arg("tests/azure/beside.mjs");
                command
            }
        })
    }
}

/// One run of pytest.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) folder: &'static str,
    pub(crate) environment: Environment,
    /// Only tests that carry this marker.
    pub(crate) marker: Option<&'static str>,
    /// What the tests need beside Python and the binary.
    pub(crate) tool: Tool,
}

/// A program that a session needs, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    None,
    /// promtool, in `PROMTOOL`.
    Promtool,
    /// haproxy, in `HAPROXY`, before so many replicas for each server under test.
    Haproxy {
        replicas: u8,
    },
    /// What the commands of docs/deploy.md use beside PostgreSQL's programs.
    Deploy,
}

/// The packages of the programs that docs/deploy.md names, and the programs.
const DEPLOY_PROGRAMS: [(&str, &str); 4] = [
    ("sqlite3", "/usr/bin/sqlite3"),
    ("rclone", "/usr/bin/rclone"),
    ("curl", "/usr/bin/curl"),
    ("haproxy", "/usr/sbin/haproxy"),
];

impl Tool {
    /// Gives the variables by which the tests find the program, or why it cannot be had.
    fn variables(self) -> Result<Vec<(&'static str, OsString)>> {
        Ok(match self {
            Tool::None => Vec::new(),
            Tool::Promtool => vec![("PROMTOOL", promtool::prepare()?.into())],
            Tool::Haproxy { replicas } => {
                let program = postgres::program("haproxy", "/usr/sbin/haproxy")?;
                vec![
                    ("HAPROXY", program.into()),
                    ("TRACKWAY_TEST_REPLICAS", replicas.to_string().into()),
                ]
            }
            Tool::Deploy => {
                for (package, path) in DEPLOY_PROGRAMS {
                    postgres::program(package, path)?;
                }
                Vec::new()
            }
        })
    }
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

impl Suite {
    /// Says whether the suite tests the release binary.
    pub(crate) fn needs_binary(&self) -> bool {
        matches!(self.runner, Runner::Pytest(_) | Runner::UiBrowser)
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
            Runner::CargoBeside(objects) => match objects.starter() {
                Ok(mut starter) => {
                    counted(test_artifacts(&mut starter, filter), summary::cargo_line).map(sum)
                }
                Err(reason) => return Outcome::Skipped(format!("{reason:#}")),
            },
            Runner::UiUnit => match pages::unit_tests(filter) {
                Ok(mut command) => counted(&mut command, summary::vitest_line).map(last),
                Err(reason) => return Outcome::Skipped(format!("{reason:#}")),
            },
            Runner::UiBrowser => {
                let binary = binary.unwrap_or(Path::new("trackway"));
                match pages::browser_tests(binary, filter) {
                    Ok(mut command) => counted(&mut command, summary::playwright_line).map(sum),
                    Err(reason) => return Outcome::Skipped(format!("{reason:#}")),
                }
            }
            Runner::Pytest(session) if !shell::root().join(session.folder).is_dir() => {
                return broken(format!("the folder {} is missing", session.folder));
            }
            Runner::Pytest(session) => match prepare(session) {
                Ok((python, tool)) => pytest(session, self.name, &python)
                    .and_then(|mut pytest| {
                        pytest.args(filter.iter().flat_map(|text| ["-k", text]));
                        pytest.envs(binary.map(|path| ("TRACKWAY_BIN", path)));
                        pytest.envs(variables);
                        pytest.envs(tool);
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

type Variables = Vec<(&'static str, OsString)>;

/// Brings along what a session needs: Python, and the program that is asked for.
fn prepare(session: &Session) -> Result<(PathBuf, Variables)> {
    let tool = session.tool.variables()?;
    Ok((python::prepare(&session.environment)?, tool))
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

fn test_artifacts<'a>(starter: &'a mut Command, filter: Option<&str>) -> &'a mut Command {
    starter
        .arg(shell::cargo().get_program())
        .args(["test", "--locked", "--workspace"])
        .args(["--lib", "--test", "it", "--"]);
    match filter {
        Some(filter) => starter.arg(filter),
        None => starter.args(OF_ARTIFACTS),
    }
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
