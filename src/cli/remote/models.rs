//! `trackway models`: the registry of a server, its history, and changes with a reason.

use super::audit::path;
use super::client::{Client, query};
use super::table::{cell, items, table, time};
use super::{Remote, done, versions};
use crate::cli::Outcome;
use crate::error::{Error, Result};
use serde_json::{Value as Json, json};

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// List registered models with their aliases and production versions.
    List {
        /// A filter in MLflow's grammar, such as "name LIKE 'churn%'".
        #[arg(long)]
        filter: Option<String>,
        /// How many models at the most, 1 to 1000.
        #[arg(long, default_value_t = 100)]
        limit: u32,
    },
    /// Show a model with its versions, or one version with its files and their digest.
    Show {
        /// NAME for a model, NAME/VERSION or NAME@ALIAS for a version.
        #[arg(value_name = "NAME[/VERSION]")]
        name: String,
    },
    /// Show what happened to a model, newest first.
    History(History),
    /// Set or delete an alias.
    #[command(subcommand)]
    Alias(Alias),
    #[command(flatten)]
    Version(versions::Command),
    /// Move a version to a stage: None, Staging, Production or Archived.
    Stage {
        name: String,
        version: String,
        stage: String,
        /// Archive the versions that are in that stage now, but for those that an alias points at.
        #[arg(long)]
        archive_existing: bool,
        /// Why, for the history and the audit log.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct History {
    name: String,
    /// Only what happened to this version.
    #[arg(long)]
    version: Option<String>,
    /// Only changes of this kind, such as alias_set or stage_changed; may be repeated.
    #[arg(long)]
    kind: Vec<String>,
    /// How many changes at the most, 1 to 1000.
    #[arg(long, default_value_t = 50)]
    limit: u32,
}

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Alias {
    /// Point an alias at a version.
    Set {
        name: String,
        alias: String,
        version: String,
        /// Why, for the history and the audit log.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Delete an alias.
    Delete {
        name: String,
        alias: String,
        /// Why, for the history and the audit log.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

pub(in crate::cli) fn run(command: &Command, remote: &Remote, client: &Client) -> Result<Outcome> {
    run_command(command, remote, client).map_err(with_hint)
}

/// Says where to look for the right name, beside the server's own words.
fn with_hint(mut error: Error) -> Error {
    let between = |start: &str, end: char| {
        let (_, rest) = error.message.split_once(start)?;
        Some(rest.split_once(end)?.0.to_owned())
    };
    let model = "Registered Model with name=";
    let hint = match between("Model Version (name=", ',') {
        Some(name) => format!("`trackway models show {name}` lists its versions."),
        None if error.message.starts_with(model) && error.message.ends_with("not found") => {
            "`trackway models list` lists the models.".to_owned()
        }
        None if error.message.starts_with("Registered model alias ") => {
            "`trackway models show NAME` lists the aliases of a model.".to_owned()
        }
        None => return error,
    };
    error.message.push_str(&format!("\nhint: {hint}"));
    error
}

fn run_command(command: &Command, remote: &Remote, client: &Client) -> Result<Outcome> {
    match command {
        Command::List { filter, limit } => list((filter, *limit), remote, client),
        // No model has a slash in its name, and few an @.
        Command::Show { name } if name.contains('/') => versions::show(name, remote, client),
        Command::Show { name } => {
            show(name, remote, client).or_else(|error| match name.contains('@') {
                true => versions::show(name, remote, client),
                false => Err(error),
            })
        }
        Command::History(history) => run_history(history, remote, client),
        Command::Version(command) => versions::run(command, remote, client),
        Command::Alias(alias) => run_alias(alias, remote, client),
        Command::Stage {
            name,
            version,
            stage,
            archive_existing,
            reason,
        } => {
            let body = json!({ "name": name, "version": version, "stage": stage,
                "archive_existing_versions": archive_existing });
            let path = "/api/2.0/mlflow/model-versions/transition-stage";
            let (answer, kept) = client.change_stage(path, (&body, reason))?;
            let outcome = remote.print(&answer, |answer| {
                let stage = cell(&answer["model_version"]["current_stage"]);
                format!("version {version} of {name} is now in {stage}\n")
            });
            Ok(with_kept(remote, outcome, kept))
        }
    }
}

fn list(
    (filter, limit): (&Option<String>, u32),
    remote: &Remote,
    client: &Client,
) -> Result<Outcome> {
    let query = query(&[
        ("filter", filter.clone()),
        ("max_results", Some(limit.to_string())),
    ]);
    let answer = client.get(&format!("/api/2.0/mlflow/registered-models/search{query}"))?;
    Ok(remote.print(&answer, |answer| {
        let mut rows =
            vec![["NAME", "LATEST", "PRODUCTION", "ALIASES", "UPDATED"].map(String::from)];
        rows.extend(items(answer, "registered_models").iter().map(|model| {
            let versions = items(model, "latest_versions");
            let number = |version: &Json| cell(&version["version"]).parse::<i64>().unwrap_or(0);
            let latest = versions.iter().map(number).max();
            let production = versions
                .iter()
                .find(|version| version["current_stage"] == "Production");
            [
                cell(&model["name"]),
                latest.map(|latest| latest.to_string()).unwrap_or_default(),
                production
                    .map(|version| cell(&version["version"]))
                    .unwrap_or_default(),
                aliases(model),
                time(&model["last_updated_timestamp"]),
            ]
        }));
        table(
            &rows,
            match filter {
                Some(_) => "No registered model matches the filter.",
                None => "There are no registered models.",
            },
        )
    }))
}

fn aliases(model: &Json) -> String {
    let aliases = items(model, "aliases").iter();
    let shown = aliases.map(|one| format!("{}={}", cell(&one["alias"]), cell(&one["version"])));
    shown.collect::<Vec<_>>().join(" ")
}

fn show(name: &str, remote: &Remote, client: &Client) -> Result<Outcome> {
    let named = query(&[("name", Some(name.to_owned()))]);
    let mut answer = client.get(&format!("/api/2.0/mlflow/registered-models/get{named}"))?;
    let quoted = name.replace('\'', "\\'");
    let filter = query(&[
        ("filter", Some(format!("name = '{quoted}'"))),
        ("max_results", Some("1000".to_owned())),
    ]);
    let versions = client.get(&format!("/api/2.0/mlflow/model-versions/search{filter}"))?;
    answer["model_versions"] = json!(items(&versions, "model_versions"));
    Ok(remote.print(&answer, |answer| {
        let model = &answer["registered_model"];
        let title = format!("{}  {}", cell(&model["name"]), cell(&model["description"]));
        let mut text = title.trim_end().to_owned() + "\n";
        let aliases = aliases(model);
        if !aliases.is_empty() {
            text.push_str(&format!("aliases  {aliases}\n"));
        }
        let mut rows = vec![["VERSION", "STAGE", "CREATED", "RUN", "SOURCE"].map(String::from)];
        rows.extend(items(answer, "model_versions").iter().map(|version| {
            [
                cell(&version["version"]),
                cell(&version["current_stage"]),
                time(&version["creation_timestamp"]),
                cell(&version["run_id"]),
                cell(&version["source"]),
            ]
        }));
        text + &table(&rows, "It has no versions.")
    }))
}

fn run_history(history: &History, remote: &Remote, client: &Client) -> Result<Outcome> {
    let mut parts = vec![
        ("version", history.version.clone()),
        ("max_results", Some(history.limit.to_string())),
    ];
    parts.extend(history.kind.iter().map(|kind| ("kind", Some(kind.clone()))));
    let path = path(&["models", &history.name, "history"]);
    let answer = client.get(&format!("/api/1.0{path}{}", query(&parts)))?;
    Ok(remote.print(&answer, |answer| {
        let mut rows = vec![
            [
                "TIME", "ACTOR", "VERSION", "CHANGE", "KEY", "FROM", "TO", "REASON",
            ]
            .map(String::from),
        ];
        rows.extend(items(answer, "entries").iter().map(|entry| {
            [
                time(&entry["time"]),
                cell(&entry["actor"]),
                cell(&entry["version"]),
                cell(&entry["kind"]),
                cell(&entry["key"]),
                cell(&entry["from"]),
                cell(&entry["to"]),
                cell(&entry["reason"]),
            ]
        }));
        table(&rows, "No change matches.")
    }))
}

/// Adds which versions were not archived along; a program that reads JSON finds it beside the answer.
fn with_kept(remote: &Remote, mut outcome: Outcome, kept: Option<String>) -> Outcome {
    let Some(kept) = kept else {
        return outcome;
    };
    let place = match remote.json {
        true => &mut outcome.stderr,
        false => &mut outcome.stdout,
    };
    place.push_str(&format!("not archived, an alias points there: {kept}\n"));
    outcome
}

fn run_alias(alias: &Alias, remote: &Remote, client: &Client) -> Result<Outcome> {
    let path = "/api/2.0/mlflow/registered-models/alias";
    match alias {
        Alias::Set {
            name,
            alias,
            version,
            reason,
        } => {
            let body = json!({ "name": name, "alias": alias, "version": version });
            let (_, kept) = client.change_stage(path, (&body, reason))?;
            let outcome = done(remote, format!("{name}@{alias} is now version {version}"));
            Ok(with_kept(remote, outcome, kept))
        }
        Alias::Delete {
            name,
            alias,
            reason,
        } => {
            // MLflow's route says yes to a name that was mistyped, too.
            let named = [("name", Some(name.clone())), ("alias", Some(alias.clone()))];
            client.get(&format!("{path}{}", query(&named)))?;
            let body = json!({ "name": name, "alias": alias });
            client.change("DELETE", path, (&body, reason))?;
            Ok(done(remote, format!("{name}@{alias} is deleted")))
        }
    }
}
