//! `cargo xt serve`: the server for somebody who has just cloned the project.
//!
//! It adds a data folder, a host and a port where the caller gave none. What the flags mean is the
//! server's own business.

use std::process::{Command, Stdio};

use anyhow::Result;

use crate::{binary, shell};

/// Each default with the spellings by which a caller overrides it.
const DEFAULTS: &[(&str, &str, &[&str])] = &[
    ("--data-dir", "./data", &["--data-dir"]),
    ("--host", "127.0.0.1", &["--host", "-h"]),
    ("--port", "5000", &["--port", "-p"]),
];

/// Builds the server and becomes it; the answer says whether it ended well.
///
/// Fails if the server does not compile or cannot be started.
pub(crate) fn run(flags: &[String]) -> Result<bool> {
    println!("Building the release binary (the first time takes a few minutes)");
    let binary = binary::release("trackway", "trackway")?;
    let mut server = shell::program(binary);
    server
        .arg("server")
        .args(with_defaults(flags))
        .stdin(Stdio::inherit());
    become_program(&mut server)
}

/// Replaces this process, so that Ctrl-C and every other signal reach the server directly.
#[cfg(unix)]
fn become_program(command: &mut Command) -> Result<bool> {
    use std::os::unix::process::CommandExt;
    let name = command.get_program().to_string_lossy().into_owned();
    Err(anyhow::Error::new(command.exec()).context(format!("cannot start {name}")))
}

#[cfg(not(unix))]
fn become_program(command: &mut Command) -> Result<bool> {
    shell::succeeds(command)
}

fn with_defaults(flags: &[String]) -> Vec<String> {
    let mut all = Vec::new();
    for (flag, value, spellings) in DEFAULTS {
        if !flags.iter().any(|given| overrides(given, spellings)) {
            all.extend([flag.to_string(), value.to_string()]);
        }
    }
    all.extend_from_slice(flags);
    all
}

fn overrides(given: &str, spellings: &[&str]) -> bool {
    let name = given.split_once('=').map_or(given, |(name, _)| name);
    spellings.contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(flags: &[&str], expected: &[&str]) {
        let flags: Vec<String> = flags.iter().map(|flag| flag.to_string()).collect();
        assert_eq!(with_defaults(&flags), expected);
    }

    #[test]
    fn defaults_fill_in_what_was_not_given() {
        check(
            &[],
            &[
                "--data-dir",
                "./data",
                "--host",
                "127.0.0.1",
                "--port",
                "5000",
            ],
        );
        check(
            &["--port=7", "--workers", "2"],
            &[
                "--data-dir",
                "./data",
                "--host",
                "127.0.0.1",
                "--port=7",
                "--workers",
                "2",
            ],
        );
        check(
            &["-h", "::1", "-p", "7", "--data-dir", "d"],
            &["-h", "::1", "-p", "7", "--data-dir", "d"],
        );
    }
}
