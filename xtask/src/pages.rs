//! What looks at the pages: the tests of the web interface, its pictures and its measurement.
//!
//! The scripts are in `tests/ui` and `bench/ui`. They find the binary in `TRACKWAY_BIN` and the
//! browser in `TRACKWAY_CHROMIUM`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::python::{self, Environment};
use crate::{binary, chromium, node, shell, ui};

/// Prepares the unit tests of the interface, which need no browser.
///
/// Fails if this machine cannot have what they need.
pub(crate) fn unit_tests(filter: Option<&str>) -> Result<Command> {
    node::install(&ui::folder())?;
    let mut command = node::npm(&ui::folder());
    command.args(["run", "--silent", "test", "--"]);
    command.args(filter.iter().flat_map(|text| ["-t", text]));
    Ok(plain(command))
}

/// Prepares the tests of the pages in a browser.
///
/// Fails if this machine cannot have what they need.
pub(crate) fn browser_tests(binary: &Path, filter: Option<&str>) -> Result<Command> {
    let mut command = script("node_modules/.bin/playwright", binary)?;
    command.arg("test");
    command.args(filter.iter().flat_map(|text| ["--grep", text]));
    Ok(plain(command))
}

/// Takes the pictures of the README.
pub(crate) fn screenshots() -> Result<bool> {
    let binary = built()?;
    let mut command = script("node_modules/.bin/playwright", &binary)?;
    shell::succeeds(command.args(["test", "-c", "screenshots.config.ts"]))
}

/// Measures the interface beside MLflow's own.
pub(crate) fn bench(flags: &[String]) -> Result<bool> {
    const MLFLOW: Environment = Environment {
        name: "mlflow3",
        minors: 10..=13,
    };
    let python = python::prepare(&MLFLOW)?;
    let binary = built()?;
    let mut command = script("node", &binary)?;
    command.arg("../../bench/ui/bench.mjs").args(flags);
    shell::succeeds(command.env("TRACKWAY_PYTHON", python))
}

fn built() -> Result<PathBuf> {
    ui::build()?;
    binary::release("trackway", "trackway")
}

/// Prepares a program in the folder of the tests.
fn script(program: &str, binary: &Path) -> Result<Command> {
    let folder = shell::root().join("tests/ui");
    let browser = chromium::prepare()?;
    node::install(&folder)?;
    let program = match program.contains('/') {
        true => folder.join(program),
        false => program.into(),
    };
    let mut command = shell::program(program);
    command
        .current_dir(folder)
        .env("TRACKWAY_BIN", binary)
        .env(chromium::VARIABLE, browser);
    Ok(command)
}

/// Asks a program for no colors, because its lines are read.
fn plain(mut command: Command) -> Command {
    command.env("NO_COLOR", "1").env_remove("FORCE_COLOR");
    command
}
