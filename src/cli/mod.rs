//! The command line: one file per command.
//!
//! A command returns what it prints, so that only `main` touches the terminal. Errors go to
//! standard error; the exit code is 0 for success, 1 for a failure, 2 for a mistake in the command
//! or the configuration.

mod audit_database;
mod config;
mod demo;
mod flags;
mod migrate;
mod remote;
mod routes;
mod server;

use crate::error::{Error, Result};
use clap::{Parser, Subcommand};
use flags::ServerFlags;
use remote::Remote;
use remote::{audit, models, webhooks};
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// What a finished command prints and the code it exits with.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    pub exit: u8,
    pub stdout: String,
    pub stderr: String,
}

/// The exit code of a command that could not do its work.
const FAILED: u8 = 1;
/// The exit code of a mistake in the command or the configuration.
const MISUSED: u8 = 2;

/// A tracking server and model registry for unmodified MLflow clients.
#[derive(Debug, Parser)]
#[command(name = "trackway", version, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Start the server.
    #[command(disable_help_flag = true, args_override_self = true)]
    Server(ServerCommand),
    /// Show every value of the configuration and where it came from.
    #[command(disable_help_flag = true, args_override_self = true)]
    Config(ReportCommand),
    /// List the routes of the server and the access each one needs.
    Routes(RoutesCommand),
    /// Bring the database up to date.
    #[command(disable_help_flag = true, args_override_self = true)]
    Migrate(MigrateCommand),
    /// Registered models: versions, aliases, stages and their history.
    Models(ModelsCommand),
    /// Webhooks: who is told of what, and what was delivered.
    Webhooks(WebhooksCommand),
    /// The audit log: read it, check it, export it.
    Audit(AuditCommand),
    /// Fill a server with the runs and models of a made-up company.
    Demo(DemoCommand),
}

#[derive(Debug, clap::Args)]
struct DemoCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(flatten)]
    command: demo::Command,
}

#[derive(Debug, clap::Args)]
struct ModelsCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: models::Command,
}

#[derive(Debug, clap::Args)]
struct WebhooksCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: webhooks::Command,
}

#[derive(Debug, clap::Args)]
struct AuditCommand {
    #[command(flatten)]
    remote: Remote,
    #[command(subcommand)]
    command: audit::Command,
}

#[derive(Debug, clap::Args)]
struct ServerCommand {
    #[command(flatten)]
    flags: ServerFlags,
}

#[derive(Debug, clap::Args)]
struct ReportCommand {
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: ServerFlags,
}

#[derive(Debug, clap::Args)]
struct RoutesCommand {
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
struct MigrateCommand {
    /// Change nothing; exit with 1 when a step is missing.
    #[arg(long)]
    check: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    flags: ServerFlags,
}

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let outcome = run(std::env::args_os(), environment());
    // A reader that has gone, as in `trackway config | head`, is no failure.
    let _ = std::io::stdout().write_all(outcome.stdout.as_bytes());
    let _ = std::io::stderr().write_all(outcome.stderr.as_bytes());
    ExitCode::from(outcome.exit)
}

/// Runs a command with the given arguments, the first being the program, and environment.
pub fn run(
    arguments: impl IntoIterator<Item = OsString>,
    environment: Vec<(String, String)>,
) -> Outcome {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let client = |remote: &Remote| remote.client(&environment);
    let load = |flags: ServerFlags| flags.load(environment.clone());
    match cli.command {
        Command::Server(command) => with(load(command.flags), server::run),
        Command::Config(command) => with(load(command.flags), |loaded| {
            config::run(&loaded, command.json)
        }),
        Command::Routes(command) => finish(routes::run(command.json)),
        Command::Migrate(command) => with(load(command.flags), |loaded| {
            migrate::run(&loaded, command.check, command.json)
        }),
        Command::Models(ModelsCommand { remote, command }) => with(client(&remote), |client| {
            models::run(&command, &remote, &client)
        }),
        Command::Webhooks(WebhooksCommand { remote, command }) => with(client(&remote), |client| {
            webhooks::run(&command, &remote, &client)
        }),
        Command::Audit(AuditCommand {
            remote,
            command: audit::Command::Verify(verify),
        }) if verify.database.is_some() => {
            let name = verify.database.as_deref().unwrap_or_default();
            finish(audit_database::verify(name, &verify, &remote))
        }
        Command::Audit(AuditCommand { remote, command }) => with(client(&remote), |client| {
            audit::run(&command, &remote, &client)
        }),
        Command::Demo(DemoCommand { remote, command }) => with(client(&remote), |client| {
            demo::run(&command, remote.json, &client)
        }),
    }
}

fn usage(error: &clap::Error) -> Outcome {
    let text = error.render().to_string();
    match error.use_stderr() {
        false => Outcome {
            stdout: text,
            ..Outcome::default()
        },
        true => Outcome {
            exit: MISUSED,
            stderr: text,
            ..Outcome::default()
        },
    }
}

/// Runs a command that needs what may be mistaken: the configuration or the server's address.
fn with<T>(loaded: Result<T>, run: impl FnOnce(T) -> Result<Outcome>) -> Outcome {
    match loaded {
        Ok(loaded) => finish(run(loaded)),
        Err(error) => failure(MISUSED, &error),
    }
}

fn finish(outcome: Result<Outcome>) -> Outcome {
    outcome.unwrap_or_else(|error| failure(FAILED, &error))
}

fn failure(exit: u8, error: &Error) -> Outcome {
    let mut stderr = format!("error: {}\n", error.message.trim_end());
    if let Some(cause) = &error.cause {
        stderr.push_str(&format!("cause: {cause}\n"));
    }
    Outcome {
        exit,
        stderr,
        ..Outcome::default()
    }
}

/// Reads the environment; what is not UTF-8 in it becomes replacement characters.
fn environment() -> Vec<(String, String)> {
    let text = |value: OsString| value.to_string_lossy().into_owned();
    std::env::vars_os()
        .map(|(name, value)| (text(name), text(value)))
        .collect()
}

fn json(value: &serde_json::Value) -> String {
    format!("{value:#}\n")
}

/// Lays rows out in columns, two spaces apart; the last column is not padded.
fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
            .unwrap_or_default()
    };
    let widths: [usize; N] = std::array::from_fn(width);
    let mut text = String::new();
    for row in rows {
        let line: String = row
            .iter()
            .zip(widths)
            .map(|(cell, width)| format!("{cell:width$}  "))
            .collect();
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
#[path = "cli_tests.rs"]
mod tests;
