//! `cargo xt serve`: the server for somebody who has just cloned the project.
//!
//! It adds a data folder, a host and a port where the caller gave none. What the flags mean is the
//! server's own business.

use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::{binary, shell, ui};

/// Each default with the spellings by which a caller overrides it.
const DEFAULTS: &[(&str, &str, &[&str])] = &[
    ("--data-dir", "./data", &["--data-dir"]),
    ("--host", "127.0.0.1", &["--host", "-h"]),
    ("--port", "5000", &["--port", "-p"]),
];

/// How long the demo waits for the server, in seconds: opening a large database may take a while.
const PATIENCE: &str = "300";

/// Builds the server and becomes it; the answer says whether it ended well. With `demo`, a process
/// beside it fills it as soon as it answers.
///
/// Fails if the server does not compile or cannot be started.
pub(crate) fn run(demo: bool, flags: &[String]) -> Result<bool> {
    if let Err(reason) = ui::build() {
        // Who has no Node gets a server all the same, which says where its pages are missing.
        println!("The server gets no web interface. {reason:#}");
    }
    println!("Building the release binary (the first time takes a few minutes)");
    let binary = binary::release("trackway", "trackway")?;
    // After other flags, it arrives among them.
    let is_demo = |flag: &String| flag == "--demo";
    let demo = demo || flags.iter().any(is_demo);
    let flags: Vec<String> = flags
        .iter()
        .filter(|flag| !is_demo(flag))
        .cloned()
        .collect();
    let flags = with_defaults(&flags);
    if demo {
        let mut fill = shell::program(&binary);
        fill.args(["demo", "--wait", PATIENCE, "--url", &address(&flags)]);
        fill.spawn().context("cannot start the demo")?;
    }
    let mut server = shell::program(binary);
    server.arg("server").args(flags).stdin(Stdio::inherit());
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

/// Gives the address at which a server with these flags is reached from this machine.
fn address(flags: &[String]) -> String {
    let value = |spellings: &[&str]| {
        let at = flags
            .iter()
            .rposition(|given| overrides(given, spellings))?;
        let given = flags.get(at)?;
        let joined = given.split_once('=').map(|(_, value)| value.to_owned());
        joined.or_else(|| flags.get(at + 1).cloned())
    };
    let host = value(&["--host", "-h"]).unwrap_or_default();
    let host = match host.as_str() {
        "" | "0.0.0.0" | "::" => "127.0.0.1".to_owned(),
        v6 if v6.contains(':') => format!("[{v6}]"),
        _ => host,
    };
    let port = value(&["--port", "-p"]).unwrap_or_default();
    format!("http://{host}:{port}")
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

    #[test]
    fn the_demo_finds_the_server() {
        for (flags, expected) in [
            (
                &["--host", "127.0.0.1", "--port", "5000"][..],
                "http://127.0.0.1:5000",
            ),
            (&["-h", "::1", "-p=7"], "http://[::1]:7"),
            (
                &["--host=0.0.0.0", "--port", "1", "--port", "2"],
                "http://127.0.0.1:2",
            ),
        ] {
            let flags: Vec<String> = flags.iter().map(|flag| flag.to_string()).collect();
            assert_eq!(address(&flags), expected);
        }
    }
}
