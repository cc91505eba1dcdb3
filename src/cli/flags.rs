//! The flags that set keys of the configuration, made from the table of keys.
//!
//! MLflow's own flags are spelled as there. Those that steer what Trackway does not have are taken
//! with a warning, or refused where taking them would promise something.

use crate::config::{Flag, Form, Inputs, KEYS, Key, Loaded, Setting, Source, find, load};
use crate::error::{Error, Result};
use clap::{Arg, ArgAction, ArgMatches, Command};
use std::path::PathBuf;

/// MLflow's flags that have no effect here, and whether each takes a value.
const IGNORED: &[(&str, bool)] = &[
    ("gunicorn-opts", true),
    ("waitress-opts", true),
    ("uvicorn-opts", true),
    ("app-name", true),
    ("secrets-cache-ttl", true),
    ("secrets-cache-max-size", true),
    ("dev", false),
    ("disable-workspaces", false),
];

/// MLflow's flags that ask for what is not here, whether each takes a value, and what to say.
const REFUSED: &[(&str, bool, &str)] = &[
    ("enable-workspaces", false, "Trackway has no workspaces"),
    ("workspace-store-uri", true, "Trackway has no workspaces"),
    (
        "trace-archival-config",
        true,
        "Trackway does not archive traces",
    ),
];

const CONFIG: &str = "config";
const REGISTRY: &str = "registry-store-uri";
/// MLflow's flag for the metrics; the folder that it names has no use here.
const PROMETHEUS: &str = "expose-prometheus";

/// What the flags of a command say about the configuration.
#[derive(Debug, Clone, Default)]
pub(super) struct ServerFlags {
    inputs: FlagInputs,
    ignored: Vec<&'static str>,
    refused: Vec<(&'static str, &'static str)>,
}

#[derive(Debug, Clone, Default)]
struct FlagInputs {
    file: Option<PathBuf>,
    registry_store_uri: Option<String>,
    settings: Vec<Setting>,
}

impl ServerFlags {
    /// Reads the configuration with these flags as its last layer.
    pub(super) fn load(self, environment: Vec<(String, String)>) -> Result<Loaded> {
        if let Some((flag, why)) = self.refused.first() {
            return Err(Error::invalid(format!(
                "The flag --{flag} cannot be used: {why}. Leave it out."
            )));
        }
        let mut loaded = load(&Inputs {
            file: self.inputs.file,
            environment,
            flags: self.inputs.settings,
            registry_store_uri: self.inputs.registry_store_uri,
        })?;
        let warning = |flag: &str| format!("The flag --{flag} of MLflow has no effect here.");
        loaded
            .warnings
            .extend(self.ignored.into_iter().map(warning));
        Ok(loaded)
    }
}

impl clap::Args for ServerFlags {
    fn augment_args(command: Command) -> Command {
        let mut command = command.arg(help()).arg(
            Arg::new(CONFIG)
                .long(CONFIG)
                .value_name("FILE")
                .value_parser(clap::value_parser!(PathBuf))
                .help("TOML file with keys that differ from the defaults [env: TRACKWAY_CONFIG]"),
        );
        for key in KEYS {
            command = key
                .flag
                .into_iter()
                .flat_map(|flag| arguments(key, flag))
                .fold(command, Command::arg);
        }
        command = command.arg(Arg::new(REGISTRY).long(REGISTRY).value_name("URI").help(
            "Accepted where it is the database of the runs [env: MLFLOW_REGISTRY_STORE_URI]",
        ));
        command = command.arg(
            Arg::new(PROMETHEUS)
                .long(PROMETHEUS)
                .value_name("DIRECTORY")
                .help("Turn server.metrics on, as MLflow spells it; no directory is needed"),
        );
        let refused = REFUSED.iter().map(|(flag, valued, _)| (*flag, *valued));
        for (flag, valued) in IGNORED.iter().copied().chain(refused) {
            let action = if valued {
                ArgAction::Set
            } else {
                ArgAction::SetTrue
            };
            let argument = Arg::new(flag).long(flag).hide(true).action(action);
            command = command.arg(argument.allow_hyphen_values(valued));
        }
        command
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for ServerFlags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given =
            |name: &str| matches.value_source(name) == Some(clap::parser::ValueSource::CommandLine);
        let named = |flag: &Flag| [Some(flag.long), other_name(flag.form)];
        let mut settings = Vec::new();
        for key in KEYS {
            for name in key.flag.iter().flat_map(named).flatten() {
                if given(name) {
                    settings.push(setting(key, name, matches));
                }
            }
        }
        if let Some(key) = find("server.metrics").filter(|_| given(PROMETHEUS)) {
            settings.push(Setting {
                key,
                text: "true".into(),
                source: Source::Flag(format!("--{PROMETHEUS}")),
            });
        }
        let ignored = IGNORED.iter().map(|(flag, _)| *flag);
        let refused = REFUSED.iter().map(|(flag, _, why)| (*flag, *why));
        Ok(Self {
            inputs: FlagInputs {
                file: matches.get_one::<PathBuf>(CONFIG).cloned(),
                registry_store_uri: matches.get_one::<String>(REGISTRY).cloned(),
                settings,
            },
            ignored: ignored.filter(|flag| given(flag)).collect(),
            refused: refused.filter(|(flag, _)| given(flag)).collect(),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// MLflow's `-h` is the host, so that help has its long name alone.
fn help() -> Arg {
    Arg::new("help")
        .long("help")
        .action(ArgAction::Help)
        .help("Print help")
}

fn other_name(form: Form) -> Option<&'static str> {
    match form {
        Form::OnOrOff(off) => Some(off),
        Form::Value | Form::On | Form::Off => None,
    }
}

fn arguments(key: &'static Key, flag: Flag) -> Vec<Arg> {
    let mut help = key.documentation();
    let mlflow = key.mlflow.map(|alias| format!(" or {}", alias.name));
    help.push_str(&format!(
        " [{}, env: {}{}]",
        key.name,
        key.variable(),
        mlflow.unwrap_or_default()
    ));
    let mut argument = Arg::new(flag.long).long(flag.long).help(help);
    if let Some(short) = flag.short {
        argument = argument.short(short);
    }
    match flag.form {
        Form::Value => vec![argument.action(ArgAction::Set).value_name("VALUE")],
        Form::On => vec![argument.action(ArgAction::SetTrue)],
        Form::Off => {
            let help = format!("Turn {} off [env: {}{}]", key.name, key.variable(), {
                let inverted = key
                    .mlflow
                    .map(|alias| format!("=false or {}=true", alias.name));
                inverted.unwrap_or_default()
            });
            vec![argument.help(help).action(ArgAction::SetTrue)]
        }
        Form::OnOrOff(off) => {
            let opposite = Arg::new(off)
                .long(off)
                .help(format!("Turn {} off", key.name))
                .action(ArgAction::SetTrue)
                .overrides_with(flag.long);
            let argument = argument.action(ArgAction::SetTrue).overrides_with(off);
            vec![argument, opposite]
        }
    }
}

fn setting(key: &'static Key, name: &'static str, matches: &ArgMatches) -> Setting {
    let form = key.flag.map(|flag| (flag.form, flag.long == name));
    let text = match form {
        Some((Form::On, _)) | Some((Form::OnOrOff(_), true)) => "true".into(),
        Some((Form::Off, _)) | Some((Form::OnOrOff(_), false)) => "false".into(),
        Some((Form::Value, _)) | None => {
            matches.get_one::<String>(name).cloned().unwrap_or_default()
        }
    };
    let source = Source::Flag(format!("--{name}"));
    Setting { key, text, source }
}
