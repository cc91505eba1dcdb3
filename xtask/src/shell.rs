//! Running other programs: where they start, what they inherit, how their output is read.
//!
//! It knows nothing of what the programs do.

use std::env;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result};

/// Gives the folder of the checkout.
pub(crate) fn root() -> PathBuf {
    let xtask = env::var_os("CARGO_MANIFEST_DIR").unwrap_or(env!("CARGO_MANIFEST_DIR").into());
    let xtask = PathBuf::from(xtask);
    xtask.parent().map_or_else(|| xtask.clone(), PathBuf::from)
}

/// Says whether this run is the project's automatic check, where nothing may be left out.
pub(crate) fn is_ci() -> bool {
    env::var("CI").is_ok_and(|value| !matches!(value.as_str(), "" | "0" | "false"))
}

/// Prepares a program that starts in the checkout and reads no input.
pub(crate) fn program(name: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(name);
    command.current_dir(root()).stdin(Stdio::null());
    command
}

/// Prepares cargo, without the variables that `cargo run` set for this program: build scripts that
/// watch one of them would run again at every change between `cargo xt test` and `cargo test`.
pub(crate) fn cargo() -> Command {
    let mut command = program(env::var_os("CARGO").unwrap_or("cargo".into()));
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(name);
        }
    }
    command
}

/// Runs the command with its output on the screen, and says whether it succeeded.
///
/// Fails if the program cannot be started.
pub(crate) fn succeeds(command: &mut Command) -> Result<bool> {
    Ok(command
        .status()
        .with_context(|| cannot_start(command))?
        .success())
}

/// Runs the command quietly and gives its standard output, or none if it is absent or fails.
pub(crate) fn output_of(command: &mut Command) -> Option<String> {
    let output = command.stderr(Stdio::null()).output().ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Runs the command and hands each line of its standard output to `on_line`.
///
/// Fails if the program cannot be started or its output cannot be read.
pub(crate) fn each_line(
    command: &mut Command,
    mut on_line: impl FnMut(&str),
) -> Result<ExitStatus> {
    command.stdout(Stdio::piped());
    let mut child = command.spawn().with_context(|| cannot_start(command))?;
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).split(b'\n') {
            on_line(&String::from_utf8_lossy(&line?));
        }
    }
    Ok(child.wait()?)
}

/// Says whether root runs this.
pub(crate) fn is_root() -> bool {
    output_of(program("id").arg("-u")).is_some_and(|id| id.trim() == "0")
}

/// Installs a system package where Debian's or Ubuntu's tools can do so without asking anybody; the
/// caller looks whether what it needs is there then.
///
/// Fails if the tools cannot be started.
pub(crate) fn install(package: &str) -> Result<()> {
    let Some(apt_get) = apt_get() else {
        return Ok(());
    };
    println!("Installing the system package {package}");
    for arguments in [&["update", "-q"][..], &["install", "-q", "-y", package]] {
        let mut command = program(apt_get);
        if apt_get == "sudo" {
            command.args(["-n", "apt-get"]);
        }
        // A failed update leaves older lists in place, which may do.
        succeeds(
            command
                .args(arguments)
                .env("DEBIAN_FRONTEND", "noninteractive"),
        )?;
    }
    Ok(())
}

/// Gives the program by which packages can be installed without asking anybody, if there is one.
fn apt_get() -> Option<&'static str> {
    output_of(program("apt-get").arg("--version"))?;
    if is_root() {
        return Some("apt-get");
    }
    output_of(program("sudo").args(["-n", "true"])).map(|_| "sudo")
}

fn cannot_start(command: &Command) -> String {
    format!("cannot start {}", command.get_program().to_string_lossy())
}
