//! The wire of our own routes on webhooks and their deliveries. What is not there is null.

use super::field::{Field, Message};
use crate::error::{Error, Result};
use crate::events::delivery::{AttemptEntry, Delivery, Page, Question};
use crate::events::outbox::State;
use crate::events::webhook::{self, Webhook};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Deliveries of a page when the request does not say.
const DEFAULT_PAGE: i64 = 100;
/// Deliveries of a page.
const MAX_PAGE: i64 = 1_000;

/// The query of a log of deliveries.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct ListDeliveries {
    state: Field<String>,
    max_results: Field<i64>,
    page_token: Field<String>,
}

impl Message for ListDeliveries {}

impl ListDeliveries {
    /// Checks the query for the deliveries to a webhook.
    pub fn check(self, webhook: String) -> Result<Question> {
        let state = self
            .state
            .optional("state")?
            .filter(|state| !state.is_empty());
        let state = state.map(|state| State::parse(&state)).transpose()?;
        let max_results = self
            .max_results
            .optional("max_results")?
            .unwrap_or(DEFAULT_PAGE);
        if !(1..=MAX_PAGE).contains(&max_results) {
            return Err(Error::invalid(format!(
                "max_results must be between 1 and {MAX_PAGE}, and is {max_results}."
            )));
        }
        let page_token = self.page_token.optional("page_token")?;
        Ok(Question {
            webhook,
            state,
            max_results: max_results as usize,
            page_token: page_token.filter(|token| !token.is_empty()),
        })
    }
}

/// A request to send a delivery again: the path says all.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct Redeliver {}

impl Message for Redeliver {}

/// A webhook with all its events, and without its secret.
#[derive(Serialize, JsonSchema)]
pub struct WebhookInfo {
    webhook_id: String,
    name: String,
    description: String,
    url: String,
    /// Entity and action, as `model_version.created`.
    events: Vec<&'static str>,
    status: &'static str,
    format: &'static str,
    is_signed: bool,
    creation_timestamp: i64,
    last_updated_timestamp: i64,
}

impl From<Webhook> for WebhookInfo {
    fn from(webhook: Webhook) -> Self {
        Self {
            webhook_id: webhook.uuid,
            name: webhook.name,
            description: webhook.description,
            url: webhook.url,
            events: webhook.events.iter().map(|kind| kind.name).collect(),
            status: webhook.status.name(),
            format: webhook.format.name(),
            is_signed: webhook.secret.is_some(),
            creation_timestamp: webhook.created_at,
            last_updated_timestamp: webhook.updated_at,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct WebhookInfoPage {
    webhooks: Vec<WebhookInfo>,
    next_page_token: Option<String>,
}

impl From<webhook::Page> for WebhookInfoPage {
    fn from(page: webhook::Page) -> Self {
        Self {
            webhooks: page.webhooks.into_iter().map(WebhookInfo::from).collect(),
            next_page_token: page.next,
        }
    }
}

/// One delivery. Times are milliseconds since 1970.
#[derive(Serialize, JsonSchema)]
pub struct DeliveryReply {
    delivery_id: String,
    event: &'static str,
    object: String,
    occurred_at: i64,
    state: &'static str,
    /// Whether an earlier delivery of the object must end first.
    is_waiting: bool,
    attempts: i64,
    next_attempt_at: Option<i64>,
    finished_at: Option<i64>,
    note: String,
}

impl From<Delivery> for DeliveryReply {
    fn from(delivery: Delivery) -> Self {
        let is_pending = delivery.state == State::Pending;
        Self {
            delivery_id: delivery.uuid,
            event: delivery.event.name,
            object: delivery.object,
            occurred_at: delivery.occurred_at,
            state: delivery.state.name(),
            is_waiting: is_pending && !delivery.ready,
            attempts: delivery.attempts,
            next_attempt_at: is_pending.then_some(delivery.next_attempt_at),
            finished_at: delivery.finished_at,
            note: delivery.note,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct DeliveryPage {
    deliveries: Vec<DeliveryReply>,
    next_page_token: Option<String>,
}

impl From<Page> for DeliveryPage {
    fn from(page: Page) -> Self {
        Self {
            deliveries: page
                .deliveries
                .into_iter()
                .map(DeliveryReply::from)
                .collect(),
            next_page_token: page.next,
        }
    }
}

#[derive(Serialize, JsonSchema)]
pub struct OneDelivery {
    pub delivery: DeliveryReply,
}

#[derive(Serialize, JsonSchema)]
struct AttemptReply {
    time: i64,
    status: Option<i64>,
    latency_ms: i64,
    response_head: String,
    error: Option<String>,
    request_headers: Json,
    request_sha256: String,
}

impl From<AttemptEntry> for AttemptReply {
    fn from(attempt: AttemptEntry) -> Self {
        Self {
            time: attempt.at,
            status: attempt.status,
            latency_ms: attempt.latency_ms,
            response_head: attempt.response_head,
            error: attempt.error,
            request_headers: serde_json::from_str(&attempt.request_headers).unwrap_or_default(),
            request_sha256: attempt.request_digest,
        }
    }
}

/// A delivery with its attempts and the body, in the format that the webhook has now.
#[derive(Serialize, JsonSchema)]
pub struct DeliveryDetail {
    delivery: DeliveryReply,
    payload: Json,
    attempts: Vec<AttemptReply>,
}

impl DeliveryDetail {
    /// Puts the answer together; `payload` is the body as JSON.
    pub fn new(delivery: Delivery, payload: Json, attempts: Vec<AttemptEntry>) -> Self {
        Self {
            delivery: delivery.into(),
            payload,
            attempts: attempts.into_iter().map(AttemptReply::from).collect(),
        }
    }
}
