//! `trackway webhooks`: who is told of what, what was delivered, and sending again.

use super::audit::path;
use super::client::{Client, query};
use super::table::{cell, items, time};
use super::{Remote, done};
use crate::cli::{FAILED, Outcome, columns};
use crate::error::{Error, Result};
use serde_json::{Value as Json, json};

#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// List webhooks.
    List,
    /// Show a webhook.
    Show { webhook_id: String },
    /// Create a webhook.
    Create(Create),
    /// Change a webhook.
    Update(Update),
    /// Delete a webhook; what was not delivered yet is not delivered any more.
    Delete {
        webhook_id: String,
        /// Why, for the audit log.
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Send an example of an event and show what the receiver says; exit with 1 if it fails.
    Test {
        webhook_id: String,
        /// The event; the first of the webhook's if not given.
        #[arg(long)]
        event: Option<String>,
    },
    #[command(flatten)]
    Log(Log),
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Create {
    name: String,
    /// The URL that events are sent to.
    #[arg(value_name = "RECEIVER_URL")]
    receiver: String,
    /// An event, such as model_version.created or model_version_alias.moved; may be repeated.
    #[arg(long = "event", required = true, value_name = "EVENT")]
    events: Vec<String>,
    #[command(flatten)]
    fields: Fields,
}

#[derive(Debug, clap::Args)]
pub(in crate::cli) struct Update {
    webhook_id: String,
    #[arg(long)]
    name: Option<String>,
    /// The URL that events are sent to.
    #[arg(long, value_name = "RECEIVER_URL")]
    receiver: Option<String>,
    /// An event in place of those it has; may be repeated.
    #[arg(long = "event", value_name = "EVENT")]
    events: Vec<String>,
    #[command(flatten)]
    fields: Fields,
}

/// The commands on the log of deliveries.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Log {
    /// List deliveries, newest first.
    Deliveries {
        webhook_id: String,
        /// Only deliveries that are pending, delivered, parked or cancelled.
        #[arg(long)]
        state: Option<String>,
        /// How many at the most, 1 to 1000.
        #[arg(long, default_value_t = 50)]
        limit: u32,
    },
    /// Show a delivery: its payload and every attempt.
    Delivery {
        webhook_id: String,
        delivery_id: String,
    },
    /// Send a delivery again, under the same id.
    Redeliver {
        webhook_id: String,
        delivery_id: String,
        /// Why, for the audit log.
        #[arg(long, default_value = "")]
        reason: String,
    },
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
            let answer = client.get(&own(&[webhook_id]))?;
            Ok(remote.print(&answer, |answer| table(std::slice::from_ref(answer))))
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
            let path = format!("{WEBHOOKS}{}", path(&[&update.webhook_id]));
            store(
                ("PATCH", &path),
                (&body, &update.fields.reason),
                remote,
                client,
            )
        }
        Command::Delete { webhook_id, reason } => {
            let path = format!("{WEBHOOKS}{}", path(&[webhook_id]));
            client.change("DELETE", &path, (&json!({}), reason))?;
            Ok(done(remote, format!("webhook {webhook_id} is deleted")))
        }
        Command::Test { webhook_id, event } => test(webhook_id, event.as_deref(), remote, client),
        Command::Log(command) => deliveries(command, remote, client),
    }
}

/// Writes the path of one of our own routes.
fn own(parts: &[&str]) -> String {
    format!("/api/1.0/webhooks{}", path(parts))
}

fn list(remote: &Remote, client: &Client) -> Result<Outcome> {
    let mut webhooks = Vec::new();
    let mut token = None;
    loop {
        let query = query(&[("page_token", token)]);
        let page = client.get(&format!("/api/1.0/webhooks{query}"))?;
        webhooks.extend_from_slice(items(&page, "webhooks"));
        token = page["next_page_token"].as_str().map(str::to_owned);
        if token.is_none() {
            break;
        }
    }
    let answer = json!({ "webhooks": webhooks });
    Ok(remote.print(&answer, |answer| table(items(answer, "webhooks"))))
}

fn table(webhooks: &[Json]) -> String {
    let mut rows =
        vec![["ID", "NAME", "STATUS", "FORMAT", "SIGNED", "URL", "EVENTS"].map(String::from)];
    rows.extend(webhooks.iter().map(|webhook| {
        [
            cell(&webhook["webhook_id"]),
            cell(&webhook["name"]),
            cell(&webhook["status"]),
            cell(&webhook["format"]),
            if webhook["is_signed"] == true {
                "yes"
            } else {
                "no"
            }
            .to_owned(),
            cell(&webhook["url"]),
            cell(&webhook["events"]),
        ]
    }));
    columns(&rows)
}

/// Splits `model_version.created` into MLflow's entity and action.
fn event(name: &str) -> Result<Json> {
    let (entity, action) = name.split_once('.').ok_or_else(|| {
        Error::invalid(format!(
            "'{name}' is no event. An event is written as model_version.created."
        ))
    })?;
    Ok(json!({ "entity": entity.to_uppercase(), "action": action.to_uppercase() }))
}

/// Makes the body of a request from what the command names.
fn body(
    (name, url, events): (Option<&String>, Option<&String>, &[String]),
    fields: &Fields,
) -> Result<Json> {
    let events = events
        .iter()
        .map(|name| event(name))
        .collect::<Result<Vec<_>>>()?;
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
    Ok(remote.print(&stored, |stored| table(std::slice::from_ref(stored))))
}

fn secret(fields: &Fields) -> Result<Option<Json>> {
    let Some(path) = &fields.secret_file else {
        return Ok(None);
    };
    let text = std::fs::read_to_string(path)
        .map_err(|error| Error::invalid(format!("{} cannot be read: {error}.", path.display())))?;
    Ok(Some(json!(text.trim_end_matches(['\r', '\n']))))
}

fn test(webhook_id: &str, name: Option<&str>, remote: &Remote, client: &Client) -> Result<Outcome> {
    let body = match name {
        Some(name) => json!({ "event": event(name)? }),
        None => json!({}),
    };
    let path = format!("{WEBHOOKS}{}", path(&[webhook_id, "test"]));
    let answer = client.change("POST", &path, (&body, ""))?;
    let result = &answer["result"];
    let mut outcome = remote.print(&answer, |_| {
        let (status, body) = (
            cell(&result["response_status"]),
            cell(&result["response_body"]),
        );
        match result["success"] == true {
            true => format!("the receiver took it: {status} {body}\n"),
            false => format!(
                "the receiver did not take it: {status} {} {body}\n",
                cell(&result["error_message"])
            ),
        }
    });
    outcome.exit = if result["success"] == true { 0 } else { FAILED };
    Ok(outcome)
}

fn deliveries(command: &Log, remote: &Remote, client: &Client) -> Result<Outcome> {
    match command {
        Log::Deliveries {
            webhook_id,
            state,
            limit,
        } => {
            let query = query(&[
                ("state", state.clone()),
                ("max_results", Some(limit.to_string())),
            ]);
            let path = own(&[webhook_id, "deliveries"]);
            let answer = client.get(&format!("{path}{query}"))?;
            Ok(remote.print(&answer, |answer| {
                delivery_table(items(answer, "deliveries"))
            }))
        }
        Log::Delivery {
            webhook_id,
            delivery_id,
        } => {
            let answer = client.get(&own(&[webhook_id, "deliveries", delivery_id]))?;
            Ok(remote.print(&answer, delivery))
        }
        Log::Redeliver {
            webhook_id,
            delivery_id,
            reason,
        } => {
            let path = own(&[webhook_id, "deliveries", delivery_id, "redeliver"]);
            let answer = client.change("POST", &path, (&json!({}), reason))?;
            Ok(remote.print(&answer, |_| {
                format!("delivery {delivery_id} is sent again\n")
            }))
        }
    }
}

fn delivery_table(deliveries: &[Json]) -> String {
    let mut rows = vec![
        [
            "DELIVERY", "OCCURRED", "EVENT", "OBJECT", "STATE", "ATTEMPTS", "NEXT", "NOTE",
        ]
        .map(String::from),
    ];
    rows.extend(deliveries.iter().map(|one| {
        [
            cell(&one["delivery_id"]),
            time(&one["occurred_at"]),
            cell(&one["event"]),
            cell(&one["object"]),
            cell(&one["state"]),
            cell(&one["attempts"]),
            match one["is_waiting"] == true {
                true => "after an earlier one".to_owned(),
                false => time(&one["next_attempt_at"]),
            },
            cell(&one["note"]),
        ]
    }));
    columns(&rows)
}

fn delivery(answer: &Json) -> String {
    let mut text = delivery_table(std::slice::from_ref(&answer["delivery"]));
    let mut rows = vec![["TIME", "STATUS", "LATENCY", "RESPONSE"].map(String::from)];
    rows.extend(items(answer, "attempts").iter().map(|attempt| {
        let error = cell(&attempt["error"]);
        [
            time(&attempt["time"]),
            cell(&attempt["status"]),
            format!("{} ms", cell(&attempt["latency_ms"])),
            match error.is_empty() {
                true => cell(&attempt["response_head"]),
                false => error,
            },
        ]
    }));
    text.push_str(&columns(&rows));
    text + &crate::cli::json(&answer["payload"])
}
