//! rustfmt and clippy, which come with Rust but not with its smallest installation.

use std::process::Command;

use anyhow::{Result, ensure};

use super::files::Files;
use super::{Finding, Report};
use crate::shell;

/// Compares every Rust file with what rustfmt would make of it.
pub(crate) fn format(_: &Files) -> Result<Report> {
    provide("fmt", "rustfmt")?;
    let mut cargo = shell::cargo();
    cargo.args(["fmt", "--all", "--check"]);
    judge(
        &mut cargo,
        "the format is not rustfmt's, see above; run `cargo fmt --all`",
    )
}

/// Runs clippy over the workspace, its tests included.
pub(crate) fn clippy(_: &Files) -> Result<Report> {
    provide("clippy", "clippy")?;
    let mut cargo = shell::cargo();
    cargo.args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]);
    judge(
        &mut cargo,
        "clippy complains, see above; mend what it names",
    )
}

/// Makes sure that the subcommand of cargo is there. Where rustup manages Rust it can add it.
fn provide(subcommand: &str, component: &str) -> Result<()> {
    let is_there = || shell::output_of(shell::cargo().args([subcommand, "--version"])).is_some();
    if !is_there() {
        let mut rustup = shell::program("rustup");
        shell::output_of(rustup.args(["component", "add", component]));
        ensure!(
            is_there(),
            "`cargo {subcommand}` is missing: install Rust's {component} component"
        );
    }
    Ok(())
}

fn judge(command: &mut Command, what: &str) -> Result<Report> {
    let mut report = Report::default();
    if !shell::succeeds(command)? {
        let what = what.to_owned();
        report.failures.push(Finding {
            path: "workspace".to_owned(),
            line: None,
            what,
        });
    }
    Ok(report)
}
