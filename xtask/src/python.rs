//! Virtual environments with locked packages, under `target/venv`.
//!
//! It changes nothing outside the checkout but pip's cache, with one exception: where Debian and
//! Ubuntu leave Python's `venv` module out, it installs their package for it if it may.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use anyhow::{Context, Result, bail, ensure};

use crate::shell;

/// Packages locked in `tests/compat/requirements/<name>.lock`.
#[derive(Debug)]
pub(crate) struct Environment {
    pub(crate) name: &'static str,
    /// Minor versions of Python 3 for which every locked package is published ready-built.
    pub(crate) minors: RangeInclusive<u32>,
}

/// An interpreter found on this machine.
struct Interpreter {
    command: String,
    version: String,
}

/// Installs the environment unless it is there and up to date, and gives its interpreter.
///
/// Fails, saying what to do, if this machine cannot have it.
pub(crate) fn prepare(environment: &Environment) -> Result<PathBuf> {
    let lock = shell::root().join(format!(
        "tests/compat/requirements/{}.lock",
        environment.name
    ));
    let folder = shell::root().join("target/venv").join(environment.name);
    let python = folder.join("bin/python");
    let locked =
        fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    let interpreter = find(environment)?;
    // The stamp is written last and holds all that the content of the folder depends on, so an
    // interrupted installation, a new lock file and a new Python each lead to a fresh one.
    let stamp = folder.join("installed");
    let wanted = format!("{}\n{locked}", interpreter.version);
    if python.exists() && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(python);
    }
    println!(
        "Installing the Python packages of {} into target/venv",
        environment.name
    );
    create(&interpreter, &folder)?;
    install(&python, &lock)?;
    fs::write(&stamp, wanted)?;
    Ok(python)
}

/// Prepares a program of the environment: no setting of the developer's own MLflow or Python
/// reaches it, it reports to nobody, and its caches stay in the checkout.
pub(crate) fn program(python: &Path) -> Command {
    let mut command = shell::program(python);
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("MLFLOW_") || text.starts_with("PYTHON") {
            command.env_remove(name);
        }
    }
    command
        .env("MLFLOW_DISABLE_TELEMETRY", "true")
        .env("DO_NOT_TRACK", "1")
        .env("MPLBACKEND", "Agg")
        .env("MPLCONFIGDIR", shell::root().join("target/matplotlib"));
    command
}

fn find(environment: &Environment) -> Result<Interpreter> {
    let by_version = environment
        .minors
        .clone()
        .rev()
        .map(|minor| format!("python3.{minor}"));
    let mut seen = Vec::new();
    for command in ["python3".to_owned()].into_iter().chain(by_version) {
        let script = "import sys; print(sys.version_info[1], sys.version.replace('\\n', ' '))";
        let Some(answer) = shell::output_of(shell::program(&command).args(["-c", script])) else {
            continue;
        };
        let (minor, version) = answer.trim().split_once(' ').unwrap_or_default();
        if minor
            .parse()
            .is_ok_and(|minor| environment.minors.contains(&minor))
        {
            return Ok(Interpreter {
                command,
                version: version.to_owned(),
            });
        }
        seen.push(format!("{command} is Python 3.{minor}"));
    }
    let (first, last) = (environment.minors.start(), environment.minors.end());
    let seen = if seen.is_empty() {
        "none was found".to_owned()
    } else {
        seen.join(", ")
    };
    bail!(
        "{} needs Python 3.{first} to 3.{last}; {seen}",
        environment.name
    )
}

fn create(interpreter: &Interpreter, folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    if !can_create(interpreter) {
        install_venv_module(interpreter)?;
    }
    let mut venv = shell::program(&interpreter.command);
    ensure!(
        shell::succeeds(venv.args(["-m", "venv"]).arg(folder))?,
        "`{} -m venv` failed, see above",
        interpreter.command
    );
    Ok(())
}

fn can_create(interpreter: &Interpreter) -> bool {
    let mut probe = shell::program(&interpreter.command);
    shell::output_of(probe.args(["-c", "import ensurepip, venv"])).is_some()
}

fn install_venv_module(interpreter: &Interpreter) -> Result<()> {
    let package = format!("{}-venv", interpreter.command);
    let advice = format!(
        "{} has no `venv` module: install the package {package}, then run the command again",
        interpreter.command
    );
    shell::install(&package)?;
    ensure!(can_create(interpreter), advice);
    Ok(())
}

fn install(python: &Path, lock: &Path) -> Result<()> {
    let mut pip = shell::program(python);
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--disable-pip-version-check",
    ]);
    // The lock names every package with its hashes, so there is nothing to resolve; compiling all
    // modules beforehand would take longer than the tests save by it.
    pip.args([
        "--require-hashes",
        "--no-deps",
        "--no-compile",
        "--only-binary",
        ":all:",
        "-r",
    ]);
    pip.arg(lock)
        .env("PIP_NO_INPUT", "1")
        .env_remove("PIP_TARGET")
        .env_remove("PIP_USER");
    ensure!(
        shell::succeeds(&mut pip)?,
        "pip could not install {}",
        lock.display()
    );
    Ok(())
}
