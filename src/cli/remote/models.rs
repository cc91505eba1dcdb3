//! `trackway models`: the registry of a server, its history, and changes with a reason.

use super::audit::path;
use super::client::{Client, query};
use super::table::{cell, items, time};
use super::{Remote, done, versions};
use crate::cli::{Outcome, columns};
use crate::error::Result;
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
    /// Show a model and its versions.
    Show { name: String },
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
    match command {
        Command::List { filter, limit } => list((filter, *limit), remote, client),
        Command::Show { name } => show(name, remote, client),
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
        columns(&rows)
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
        text + &columns(&rows)
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
        columns(&rows)
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
            let body = json!({ "name": name, "alias": alias });
            client.change("DELETE", path, (&body, reason))?;
            Ok(done(remote, format!("{name}@{alias} is deleted")))
        }
    }
}
