//! `trackway webhooks`: who is told of what.

use super::audit::path;
use super::client::Client;
use super::table::{cell, items, pairs, table, time};
use super::{Remote, deliveries, done, named};
use crate::cli::{FAILED, Outcome};
use crate::error::{Error, Result};
use serde_json::{Value as Json, json};

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// List webhooks.
    List,
    /// Show a webhook.
    Show {
        /// The webhook, by its id or its name.
        #[arg(value_name = "WEBHOOK")]
        webhook_id: String,
    },
    /// Create a webhook.
    Create(Create),
    /// Change a webhook.
    Update(Update),
    /// Delete a webhook; what was not delivered yet is not delivered any more.
    Delete {
        /// The webhook, by its id or its name.
        #[arg(value_name = "WEBHOOK")]
        webhook_id: String,
        /// Why, for the audit log.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Send an example of an event and show what the receiver says; exit with 1 if it fails.
    Test {
        /// The webhook, by its id or its name.
        #[arg(value_name = "WEBHOOK")]
        webhook_id: String,
        /// The event; the first of the webhook's if not given.
        #[arg(long, value_parser = event)]
        event: Option<Event>,
    },
    #[command(flatten)]
    Log(deliveries::Command),
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Create {
    /// What it is called: up to 63 letters, digits, dots, dashes and underscores.
    name: String,
    /// The URL that events are sent to.
    #[arg(value_name = "RECEIVER_URL")]
    receiver: String,
    /// An event, such as model_version.created or model_version_alias.moved; may be repeated.
    #[arg(long = "event", required = true, value_name = "EVENT", value_parser = event)]
    events: Vec<Event>,
    #[command(flatten)]
    fields: Fields,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Update {
    /// The webhook, by its id or its name.
    #[arg(value_name = "WEBHOOK")]
    webhook_id: String,
    /// Another name.
    #[arg(long)]
    name: Option<String>,
    /// The URL that events are sent to.
    #[arg(long, value_name = "RECEIVER_URL")]
    receiver: Option<String>,
    /// An event in place of those it has; may be repeated.
    #[arg(long = "event", value_name = "EVENT", value_parser = event)]
    events: Vec<Event>,
    #[command(flatten)]
    fields: Fields,
}

/// What creating and changing have in common.
#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Fields {
    #[arg(long)]
    description: Option<String>,
    /// The file with the secret that deliveries are signed with; a secret in the arguments would
    /// stand in the list of processes.
    #[arg(long, value_name = "FILE")]
    secret_file: Option<std::path::PathBuf>,
    /// mlflow, cloudevents, slack or teams.
    #[arg(long)]
    format: Option<String>,
    /// ACTIVE or DISABLED.
    #[arg(long)]
    status: Option<String>,
    /// Why, for the audit log.
    #[arg(long, default_value = "")]
    reason: String,
}

const WEBHOOKS: &str = "/api/2.0/mlflow/webhooks";

pub(in crate::cli) fn run(command: &Command, remote: &Remote, client: &Client) -> Result<Outcome> {
    match command {
        Command::List => list(remote, client),
        Command::Show { webhook_id } => {
            let id = named::webhook_id(webhook_id, client)?;
            let answer = client.get(&own(&[&id]))?;
            Ok(remote.print(&answer, show))
        }
        Command::Create(create) => {
            let names = (
                Some(&create.name),
                Some(&create.receiver),
                &create.events[..],
            );
            let body = body(names, &create.fields)?;
            store(
                ("POST", WEBHOOKS),
                (&body, &create.fields.reason),
                remote,
                client,
            )
        }
        Command::Update(update) => {
            let names = (
                update.name.as_ref(),
                update.receiver.as_ref(),
                &update.events[..],
            );
            let body = body(names, &update.fields)?;
            let id = named::webhook_id(&update.webhook_id, client)?;
            let path = format!("{WEBHOOKS}{}", path(&[&id]));
            store(
                ("PATCH", &path),
                (&body, &update.fields.reason),
                remote,
                client,
            )
        }
        Command::Delete { webhook_id, reason } => {
            let id = named::webhook_id(webhook_id, client)?;
            let path = format!("{WEBHOOKS}{}", path(&[&id]));
            client.change("DELETE", &path, (&json!({}), reason))?;
            Ok(done(remote, format!("webhook {webhook_id} is deleted")))
        }
        Command::Test { webhook_id, event } => test(webhook_id, event.as_ref(), remote, client),
        Command::Log(command) => deliveries::run(command, remote, client),
    }
}

/// Writes the path of one of our own routes.
pub(super) fn own(parts: &[&str]) -> String {
    format!("/api/1.0/webhooks{}", path(parts))
}

fn list(remote: &Remote, client: &Client) -> Result<Outcome> {
    let answer = json!({ "webhooks": named::webhooks(client)? });
    Ok(remote.print(&answer, |answer| listed(items(answer, "webhooks"))))
}

/// Shows one webhook with all that it has.
fn show(webhook: &Json) -> String {
    pairs([
        ("id", cell(&webhook["webhook_id"])),
        ("name", cell(&webhook["name"])),
        ("description", cell(&webhook["description"])),
        ("status", cell(&webhook["status"])),
        ("format", cell(&webhook["format"])),
        ("signed", yes(&webhook["is_signed"])),
        ("url", cell(&webhook["url"])),
        ("events", cell(&webhook["events"])),
        ("created", time(&webhook["creation_timestamp"])),
        ("updated", time(&webhook["last_updated_timestamp"])),
    ])
}

fn yes(value: &Json) -> String {
    match value == true {
        true => "yes".to_owned(),
        false => "no".to_owned(),
    }
}

fn listed(webhooks: &[Json]) -> String {
    let mut rows =
        vec![["ID", "NAME", "STATUS", "FORMAT", "SIGNED", "URL", "EVENTS"].map(String::from)];
    rows.extend(webhooks.iter().map(|webhook| {
        [
            cell(&webhook["webhook_id"]),
            cell(&webhook["name"]),
            cell(&webhook["status"]),
            cell(&webhook["format"]),
            yes(&webhook["is_signed"]),
            cell(&webhook["url"]),
            cell(&webhook["events"]),
        ]
    }));
    table(
        &rows,
        "There are no webhooks. `trackway webhooks create --help` says how to make one.",
    )
}

/// MLflow's entity and action of `model_version.created`.
#[derive(Debug, Clone)]
pub(in crate::cli) struct Event {
    entity: String,
    action: String,
}

impl Event {
    fn to_json(&self) -> Json {
        json!({ "entity": self.entity, "action": self.action })
    }
}

fn event(name: &str) -> std::result::Result<Event, String> {
    let (entity, action) = name
        .split_once('.')
        .ok_or("an event is written as model_version.created")?;
    Ok(Event {
        entity: entity.to_uppercase(),
        action: action.to_uppercase(),
    })
}

/// Makes the body of a request from what the command names.
fn body(
    (name, url, events): (Option<&String>, Option<&String>, &[Event]),
    fields: &Fields,
) -> Result<Json> {
    let events: Vec<Json> = events.iter().map(Event::to_json).collect();
    let given = [
        ("name", name.map(|text| json!(text))),
        ("url", url.map(|text| json!(text))),
        ("events", Some(json!(events)).filter(|_| !events.is_empty())),
        (
            "description",
            fields.description.as_ref().map(|text| json!(text)),
        ),
        ("secret", secret(fields)?),
        ("format", fields.format.as_ref().map(|text| json!(text))),
        ("status", fields.status.as_ref().map(|text| json!(text))),
    ];
    let given = given
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    Ok(Json::Object(given.collect()))
}

/// Creates or changes a webhook and shows it.
fn store(
    (method, path): (&str, &str),
    change: (&Json, &str),
    remote: &Remote,
    client: &Client,
) -> Result<Outcome> {
    let answer = client.change(method, path, change)?;
    let id = cell(&answer["webhook"]["webhook_id"]);
    let stored = client.get(&own(&[&id]))?;
    Ok(remote.print(&stored, |stored| listed(std::slice::from_ref(stored))))
}

fn secret(fields: &Fields) -> Result<Option<Json>> {
    let Some(path) = &fields.secret_file else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::invalid(format!("{} cannot be read: {error}.", path.display())))?;
    Ok(Some(json!(text.trim_end_matches(['\r', '\n']))))
}

fn test(
    webhook_id: &str,
    event: Option<&Event>,
    remote: &Remote,
    client: &Client,
) -> Result<Outcome> {
    let body = match event {
        Some(event) => json!({ "event": event.to_json() }),
        None => json!({}),
    };
    let id = named::webhook_id(webhook_id, client)?;
    let path = format!("{WEBHOOKS}{}", path(&[&id, "test"]));
    let answer = client.change("POST", &path, (&body, ""))?;
    let result = &answer["result"];
    let mut outcome = remote.print(&answer, |_| {
        let parts = ["response_status", "error_message", "response_body"];
        let parts = parts.map(|part| cell(&result[part]));
        let said: Vec<&str> = parts
            .iter()
            .map(|part| part.trim())
            .filter(|part| !part.is_empty())
            .collect();
        match result["success"] == true {
            true => format!("the receiver took it: {}\n", said.join(" ")),
            false => format!("the receiver did not take it: {}\n", said.join(" ")),
        }
    });
    outcome.exit = if result["success"] == true { 0 } else { FAILED };
    Ok(outcome)
}
