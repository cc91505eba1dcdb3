//! `trackway webhooks deliveries | delivery | redeliver`: what was delivered, and sending again.

use super::client::{Client, query};
use super::table::{cell, items, table, time};
use super::webhooks::own;
use super::{Remote, named};
use crate::cli::{Outcome, columns};
use crate::error::Result;
use serde_json::{Value as Json, json};

/// The commands on the log of deliveries.
#[derive(Debug, clap::Subcommand)]
pub(in crate::cli) enum Command {
    /// List deliveries, newest first.
    Deliveries {
        /// The webhook, by its id or its name.
        #[arg(value_name = "WEBHOOK")]
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
        /// The webhook, by its id or its name.
        #[arg(value_name = "WEBHOOK")]
        webhook_id: String,
        delivery_id: String,
    },
    /// Send a delivery again, under the same id.
    Redeliver {
        /// The webhook, by its id or its name.
        #[arg(value_name = "WEBHOOK")]
        webhook_id: String,
        delivery_id: String,
        /// Why, for the audit log.
        #[arg(long, default_value = "")]
        reason: String,
    },
}

pub(super) fn run(command: &Command, remote: &Remote, client: &Client) -> Result<Outcome> {
    match command {
        Command::Deliveries {
            webhook_id,
            state,
            limit,
        } => {
            let query = query(&[
                ("state", state.clone()),
                ("max_results", Some(limit.to_string())),
            ]);
            let id = named::webhook_id(webhook_id, client)?;
            let path = own(&[&id, "deliveries"]);
            let answer = client.get(&format!("{path}{query}"))?;
            Ok(remote.print(&answer, |answer| {
                delivery_table(items(answer, "deliveries"))
            }))
        }
        Command::Delivery {
            webhook_id,
            delivery_id,
        } => {
            let id = named::webhook_id(webhook_id, client)?;
            let answer = client.get(&own(&[&id, "deliveries", delivery_id]))?;
            Ok(remote.print(&answer, delivery))
        }
        Command::Redeliver {
            webhook_id,
            delivery_id,
            reason,
        } => {
            let id = named::webhook_id(webhook_id, client)?;
            let path = own(&[&id, "deliveries", delivery_id, "redeliver"]);
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
    table(&rows, "No delivery matches.")
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
