//! Starts, tests and checks the project: `cargo xt serve`, `cargo xt test`, `cargo xt check`,
//! `cargo xt bench`.
//!
//! Each command brings along what it needs on a bare machine. It never writes outside the checkout,
//! apart from the caches of cargo, pip and npm and the system packages that `python.rs`,
//! `postgres.rs` and `chromium.rs` name.

mod bench;
mod binary;
mod check;
mod chromium;
mod dist;
mod node;
mod pages;
mod postgres;
mod promtool;
mod python;
mod serve;
mod shell;
mod suite;
mod suites;
mod summary;
mod test;
mod ui;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Arg, ArgAction, ArgMatches, Command, builder::PossibleValuesParser};

fn main() -> ExitCode {
    match run(&commands().get_matches()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(matches: &ArgMatches) -> Result<bool> {
    match matches.subcommand() {
        Some(("serve", given)) => serve::run(given.get_flag("demo"), &texts(given, "flags")),
        Some(("test", given)) => test::run(&test::Request {
            filter: given.get_one::<String>("filter").cloned(),
            only: texts(given, "only"),
        }),
        Some(("check", _)) => check::run(),
        Some(("ui", _)) => ui::run(),
        Some(("dist", _)) => dist::run(),
        Some(("screenshots", _)) => pages::screenshots(),
        Some(("bench-ui", given)) => pages::bench(&texts(given, "flags")),
        Some(("bench", given)) => bench::run(&texts(given, "flags")),
        _ => anyhow::bail!("no such command; `cargo xt --help` lists them"),
    }
}

fn commands() -> Command {
    Command::new("cargo xt")
        .about("Starts, tests and checks the project")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("serve")
                .about("Builds the release binary and starts it on ./data at port 5000")
                .arg(
                    Arg::new("demo")
                        .long("demo")
                        .help("Fill the server with the runs and models of a made-up company")
                        .action(ArgAction::SetTrue),
                )
                .arg(rest(
                    "Flags of `trackway server`, paths seen from the checkout",
                )),
        )
        .subcommand(
            Command::new("test")
                .about("Prepares what the tests need and runs every suite")
                .arg(Arg::new("filter").help("Only tests whose name contains this"))
                .arg(
                    Arg::new("only")
                        .long("only")
                        .help("Only this suite or group of suites; may be repeated")
                        .action(ArgAction::Append)
                        .value_delimiter(',')
                        .value_parser(PossibleValuesParser::new(suites::names())),
                ),
        )
        .subcommand(
            Command::new("bench")
                .about("Puts the same work to the server and its peers, and compares them")
                .arg(
                    Arg::new("flags")
                        .help(
                            "--quick, --only W1,W3, --peers mlflow,fasttrackml, --on sqlite, \
                             --rounds 5",
                        )
                        .num_args(..)
                        .trailing_var_arg(true)
                        .allow_hyphen_values(true),
                ),
        )
        .subcommand(
            Command::new("check")
                .about("Checks format, lints, sizes, imports, dependencies and leftovers"),
        )
        .subcommand(Command::new("ui").about("Builds the web interface into ui/dist"))
        .subcommand(
            Command::new("dist")
                .about("Builds the release binary with the web interface into target/dist"),
        )
        .subcommand(
            Command::new("screenshots")
                .about("Takes the pictures of the README with the demo's data"),
        )
        .subcommand(
            Command::new("bench-ui")
                .about("Measures the web interface beside MLflow's own, as a Markdown table")
                .arg(rest("Flags of the measurement, as --samples 10")),
        )
}

/// Everything that follows, flags included.
fn rest(help: &'static str) -> Arg {
    Arg::new("flags")
        .help(help)
        .num_args(..)
        .trailing_var_arg(true)
        .allow_hyphen_values(true)
}

fn texts(matches: &ArgMatches, name: &str) -> Vec<String> {
    matches
        .get_many::<String>(name)
        .into_iter()
        .flatten()
        .cloned()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn command_line_is_consistent() {
        commands().debug_assert();
    }

    #[test]
    fn serve_passes_unknown_flags_on() {
        for line in [
            &["xt", "serve", "--", "--port", "1"][..],
            &["xt", "serve", "--port", "1"],
        ] {
            let matches = commands().try_get_matches_from(line).unwrap();
            let (_, given) = matches.subcommand().unwrap();
            assert_eq!(texts(given, "flags"), ["--port", "1"]);
        }
    }

    #[test]
    fn test_takes_groups_and_refuses_unknown_suites() {
        let line = [
            "xt",
            "test",
            "log_batch",
            "--only",
            "rust,compat",
            "--only",
            "durability",
        ];
        let matches = commands().try_get_matches_from(line).unwrap();
        let (_, given) = matches.subcommand().unwrap();
        assert_eq!(texts(given, "only"), ["rust", "compat", "durability"]);
        assert!(
            commands()
                .try_get_matches_from(["xt", "test", "--only", "nothing"])
                .is_err()
        );
    }
}
