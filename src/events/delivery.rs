//! The log of deliveries: what was sent to a webhook, how it went, and sending it again.

use super::Facts;
use super::kind::EventType;
use super::outbox::State;
use super::webhook::{self, Status, Webhook};
use crate::audit::note::Change;
use crate::ctx::Ctx;
use crate::db::{Cursor, Row, Tx, Value};
use crate::error::{Error, Result};
use crate::params;
use serde::{Deserialize, Serialize};

/// Attempts that are shown of one delivery, the latest.
const MAX_ATTEMPTS: i64 = 100;

/// One delivery to one webhook.
#[derive(Debug, Clone)]
pub struct Delivery {
    pub id: i64,
    /// The delivery id that the receiver sees.
    pub uuid: String,
    pub event: EventType,
    /// What changed, as `registered_model:churn`.
    pub object: String,
    pub occurred_at: i64,
    pub facts: Facts,
    pub state: State,
    /// Whether no earlier delivery of the object is pending.
    pub ready: bool,
    /// Attempts since the event, or since it was last asked for again.
    pub attempts: i64,
    pub next_attempt_at: i64,
    pub finished_at: Option<i64>,
    /// Why it was parked or cancelled; empty otherwise.
    pub note: String,
}

/// One attempt to deliver.
#[derive(Debug, Clone)]
pub struct AttemptEntry {
    /// When it was sent, in milliseconds since 1970.
    pub at: i64,
    /// The HTTP status; `None` where there was no answer.
    pub status: Option<i64>,
    pub latency_ms: i64,
    pub response_head: String,
    pub error: Option<String>,
    /// JSON of the headers that were sent.
    pub request_headers: String,
    /// SHA-256 of the body that was sent, in hexadecimal.
    pub request_digest: String,
}

/// Which deliveries of a webhook are asked for.
#[derive(Debug, Clone)]
pub struct Question {
    /// The id of the webhook on the wire.
    pub webhook: String,
    pub state: Option<State>,
    /// 1 to 1,000.
    pub max_results: usize,
    pub page_token: Option<String>,
}

/// A page of deliveries, newest first.
#[derive(Debug)]
pub struct Page {
    pub deliveries: Vec<Delivery>,
    pub next: Option<String>,
}

/// Where a page of deliveries ended.
#[derive(Serialize, Deserialize)]
struct Token {
    before: i64,
}

const COLUMNS: &str = "id, uuid, event, object, occurred_at, facts, state, ready, attempts, \
    next_attempt_at, finished_at, note";

fn from_row(row: &Row<'_>) -> Result<Delivery> {
    let name: String = row.get(2)?;
    Ok(Delivery {
        id: row.get(0)?,
        uuid: row.get(1)?,
        event: EventType::named(&name)
            .ok_or_else(|| Error::internal("The database holds an unknown event."))?,
        object: row.get(3)?,
        occurred_at: row.get(4)?,
        facts: Facts::from_text(&row.get::<String>(5)?)?,
        state: State::from_number(row.get(6)?)?,
        ready: row.get(7)?,
        attempts: row.get(8)?,
        next_attempt_at: row.get(9)?,
        finished_at: row.get(10)?,
        note: row.get(11)?,
    })
}

/// Lists the deliveries to a webhook, also to a deleted one; an unknown webhook is a 404.
pub fn list(tx: &mut Tx<'_>, question: &Question) -> Result<Page> {
    let webhook = webhook::find_for_log(tx, &question.webhook)?;
    let before = match &question.page_token {
        None => i64::MAX,
        Some(text) => Cursor::decode::<Token>(text)?.before,
    };
    let mut params = params![webhook.id, before, question.max_results as i64 + 1].to_vec();
    let mut condition = "";
    if let Some(state) = question.state {
        params.push(Value::Int(state as i64));
        condition = "and state = $4";
    }
    let sql = format!(
        "select {COLUMNS} from webhook_deliveries
         where webhook_id = $1 and id < $2 {condition} order by id desc limit $3"
    );
    let mut deliveries = tx.query(&sql, &params, from_row)?;
    let more = deliveries.len() > question.max_results;
    deliveries.truncate(question.max_results);
    let last = deliveries.last().filter(|_| more);
    let next = last.map(|last| Cursor::encode(&Token { before: last.id }));
    let next = next.transpose()?;
    Ok(Page { deliveries, next })
}

/// One delivery with its webhook and its attempts, the latest of them, in their order.
#[derive(Debug)]
pub struct Detail {
    pub webhook: Webhook,
    pub delivery: Delivery,
    pub attempts: Vec<AttemptEntry>,
}

/// Finds a delivery to a webhook.
pub fn find(tx: &mut Tx<'_>, webhook: &str, uuid: &str) -> Result<Detail> {
    let webhook = webhook::find_for_log(tx, webhook)?;
    let delivery = find_row(tx, &webhook, uuid)?;
    let mut attempts = tx.query(
        "select at, status, latency_ms, response_head, error, request_headers, request_digest
         from webhook_attempts where delivery_id = $1 order by id desc limit $2",
        params![delivery.id, MAX_ATTEMPTS],
        |row| {
            Ok(AttemptEntry {
                at: row.get(0)?,
                status: row.get(1)?,
                latency_ms: row.get(2)?,
                response_head: row.get(3)?,
                error: row.get(4)?,
                request_headers: row.get(5)?,
                request_digest: row.get(6)?,
            })
        },
    )?;
    attempts.reverse();
    Ok(Detail {
        webhook,
        delivery,
        attempts,
    })
}

fn find_row(tx: &mut Tx<'_>, webhook: &Webhook, uuid: &str) -> Result<Delivery> {
    let sql =
        format!("select {COLUMNS} from webhook_deliveries where uuid = $1 and webhook_id = $2");
    let found = tx.query_optional(&sql, params![uuid, webhook.id], from_row)?;
    found.ok_or_else(|| {
        Error::not_found(format!(
            "Webhook {} has no delivery with ID {uuid}. Deliveries that ended long ago are deleted.",
            webhook.uuid
        ))
    })
}

/// Sends a delivery again, under the same id: one that ended begins anew, one that is pending is
/// tried at once when its turn in the order of its object has come.
///
/// # Errors
/// 404 for an unknown or deleted webhook and an unknown delivery, 400 for a disabled webhook.
pub fn redeliver(tx: &mut Tx<'_>, ctx: &Ctx, webhook: &str, uuid: &str) -> Result<Delivery> {
    let webhook = webhook::find(tx, webhook)?;
    tx.lock("webhooks", &[webhook.id])?;
    let delivery = find_row(tx, &webhook, uuid)?;
    if webhook.status == Status::Disabled {
        return Err(Error::invalid(format!(
            "Webhook {} is disabled and is sent nothing. Set its status to ACTIVE first.",
            webhook.uuid
        )));
    }
    let ready = delivery.state != State::Pending || delivery.ready;
    tx.send(
        "update webhook_deliveries set state = 1, ready = $2, attempts = 0, first_attempt_at = null,
             next_attempt_at = $3, finished_at = null, note = '' where id = $1",
        params![delivery.id, ready, ctx.now],
    )?;
    Change::of(&webhook.object(), "webhook_redelivered")
        .key(uuid)
        .note(tx);
    find_row(tx, &webhook, uuid)
}
