//! The wire of webhooks, as MLflow's routes spell it.
//!
//! MLflow's client fails to read a webhook with an event that it does not know. So `events` of an
//! answer holds the events that MLflow has, and `own_events` those that it lacks; a request names
//! both kinds in `events`.

use super::field::{Field, Message, missing, wrong_type};
use crate::error::{Error, Result};
use crate::events::format::Format;
use crate::events::kind::{EventType, Origin};
use crate::events::rule;
use crate::events::seal::StoredSecret;
use crate::events::webhook::{NewSecret, NewWebhook, Page, Status, Update, Webhook};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// Webhooks of a page when the request does not say.
const DEFAULT_PAGE: i64 = 100;
/// Webhooks of a page.
const MAX_PAGE: i64 = 1_000;

/// MLflow's numbers of entities, from 1.
const ENTITIES: [&str; 10] = [
    "registered_model",
    "model_version",
    "model_version_tag",
    "model_version_alias",
    "prompt",
    "prompt_version",
    "prompt_tag",
    "prompt_version_tag",
    "prompt_alias",
    "budget_policy",
];
/// MLflow's numbers of actions, from 1.
const ACTIONS: [&str; 5] = ["created", "updated", "deleted", "set", "exceeded"];

/// An event as an entity and an action, each by its name in any case or by MLflow's number.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct EventBody {
    entity: Field<Json>,
    action: Field<Json>,
}

impl Message for EventBody {}

impl EventBody {
    fn check(self, path: &str) -> Result<EventType> {
        let entity = word(self.entity, &format!("{path}.entity"), &ENTITIES)?;
        let action = word(self.action, &format!("{path}.action"), &ACTIONS)?;
        EventType::find(&entity, &action)
    }
}

/// Reads a word of an enumeration, in lower case.
fn word(field: Field<Json>, path: &str, numbered: &[&str]) -> Result<String> {
    match field.optional(path)? {
        None => Err(missing(path)),
        Some(Json::String(name)) if name.is_empty() => Err(missing(path)),
        Some(Json::String(name)) => Ok(name.to_lowercase()),
        Some(value) => {
            let place = value
                .as_u64()
                .and_then(|number| usize::try_from(number).ok());
            let found = place.and_then(|number| numbered.get(number.checked_sub(1)?));
            let found = found.ok_or_else(|| wrong_type(path, &value))?;
            Ok((*found).to_owned())
        }
    }
}

fn events(list: Vec<Field<EventBody>>) -> Result<Vec<EventType>> {
    let events = list.into_iter().enumerate().map(|(index, event)| {
        let path = format!("events[{index}]");
        event.optional(&path)?.unwrap_or_default().check(&path)
    });
    events.collect()
}

fn format(field: Field<String>) -> Result<Option<Format>> {
    let given = field.optional("format")?.filter(|name| !name.is_empty());
    given.map(|name| Format::parse(&name)).transpose()
}

fn status(field: Field<String>) -> Result<Option<Status>> {
    let given = field.optional("status")?.filter(|name| !name.is_empty());
    given.map(|name| Status::parse(&name)).transpose()
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct CreateWebhook {
    name: Field<String>,
    url: Field<String>,
    events: Field<Vec<Field<EventBody>>>,
    description: Field<String>,
    secret: Field<String>,
    status: Field<String>,
    format: Field<String>,
}

impl Message for CreateWebhook {}

impl CreateWebhook {
    /// Checks everything but the URL, which only the sender can judge; `seal` stores a secret.
    pub fn check(self, uuid: String, seal: impl Fn(&str) -> StoredSecret) -> Result<NewWebhook> {
        let name = self.name.required("name")?;
        let url = self.url.required("url")?;
        let list = match self.events {
            Field::Absent => return Err(missing("events")),
            given => given.optional("events")?.unwrap_or_default(),
        };
        let description = self.description.optional("description")?;
        let secret = self
            .secret
            .optional("secret")?
            .filter(|secret| !secret.is_empty());
        let status = status(self.status)?;
        let format = format(self.format)?;
        let events = events(list)?;
        rule::check_name(&name)?;
        rule::check_lengths(Some(&url), description.as_deref(), secret.as_deref())?;
        Ok(NewWebhook {
            uuid,
            name,
            description: description.unwrap_or_default(),
            url,
            secret: secret.as_deref().map(seal),
            status: status.unwrap_or(Status::Active),
            format: format.unwrap_or_default(),
            events,
        })
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct UpdateWebhook {
    name: Field<String>,
    description: Field<String>,
    url: Field<String>,
    events: Field<Vec<Field<EventBody>>>,
    secret: Field<String>,
    status: Field<String>,
    format: Field<String>,
}

impl Message for UpdateWebhook {}

impl UpdateWebhook {
    /// Checks the types of the fields and the events. An empty name, URL or list of events changes
    /// nothing, an empty description or secret removes the old one.
    pub fn check(self, seal: impl Fn(&str) -> StoredSecret) -> Result<Update> {
        let filled = |text: &String| !text.is_empty();
        let name = self.name.optional("name")?.filter(filled);
        let description = self.description.optional("description")?;
        let url = self.url.optional("url")?.filter(filled);
        let list = self.events.optional("events")?.unwrap_or_default();
        let secret = self.secret.optional("secret")?;
        let status = status(self.status)?;
        let format = format(self.format)?;
        let events = events(list)?;
        rule::check_lengths(url.as_deref(), description.as_deref(), secret.as_deref())?;
        Ok(Update {
            name,
            description,
            url,
            secret: secret.map(|secret| match secret.as_str() {
                "" => NewSecret::Removed,
                secret => NewSecret::Set(seal(secret)),
            }),
            status,
            format,
            events: Some(events).filter(|events| !events.is_empty()),
        })
    }
}

#[derive(Deserialize, Default, schemars::JsonSchema)]
#[serde(default)]
pub struct ListWebhooks {
    max_results: Field<i64>,
    page_token: Field<String>,
}

impl Message for ListWebhooks {}

impl ListWebhooks {
    /// Gives the size of the page, 1 to 1,000, and the token.
    pub fn check(self) -> Result<(usize, Option<String>)> {
        let max_results = self.max_results.optional("max_results")?;
        let max_results = max_results
            .filter(|most| *most != 0)
            .unwrap_or(DEFAULT_PAGE);
        let page_token = self.page_token.optional("page_token")?;
        if !(1..=MAX_PAGE).contains(&max_results) {
            return Err(Error::invalid("max_results must be between 1 and 1000."));
        }
        Ok((
            max_results as usize,
            page_token.filter(|token| !token.is_empty()),
        ))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct TestWebhook {
    event: Field<EventBody>,
}

impl Message for TestWebhook {}

impl TestWebhook {
    /// Gives the event to try, if the request names one.
    pub fn check(self) -> Result<Option<EventType>> {
        let event = self.event.optional("event")?;
        event.map(|event| event.check("event")).transpose()
    }
}

#[derive(Serialize)]
struct EventReply {
    entity: String,
    action: String,
}

impl From<&EventType> for EventReply {
    fn from(kind: &EventType) -> Self {
        Self {
            entity: kind.entity().to_uppercase(),
            action: kind.action().to_uppercase(),
        }
    }
}

/// A webhook without its secret. `format` is left out where it is MLflow's.
#[derive(Serialize)]
pub struct WebhookReply {
    webhook_id: String,
    name: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    description: String,
    url: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    events: Vec<EventReply>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    own_events: Vec<EventReply>,
    status: &'static str,
    creation_timestamp: i64,
    last_updated_timestamp: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
}

impl From<Webhook> for WebhookReply {
    fn from(webhook: Webhook) -> Self {
        let of = |origin| {
            let events = webhook
                .events
                .iter()
                .filter(move |kind| kind.origin == origin);
            events.map(EventReply::from).collect()
        };
        Self {
            events: of(Origin::Mlflow),
            own_events: of(Origin::Own),
            webhook_id: webhook.uuid,
            name: webhook.name,
            description: webhook.description,
            url: webhook.url,
            status: webhook.status.name(),
            creation_timestamp: webhook.created_at,
            last_updated_timestamp: webhook.updated_at,
            format: Some(webhook.format)
                .filter(|format| *format != Format::Mlflow)
                .map(Format::name),
        }
    }
}

#[derive(Serialize)]
pub struct OneWebhook {
    webhook: WebhookReply,
}

impl From<Webhook> for OneWebhook {
    fn from(webhook: Webhook) -> Self {
        let webhook = webhook.into();
        Self { webhook }
    }
}

#[derive(Serialize)]
pub struct WebhookPage {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    webhooks: Vec<WebhookReply>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_page_token: Option<String>,
}

impl From<Page> for WebhookPage {
    fn from(page: Page) -> Self {
        Self {
            webhooks: page.webhooks.into_iter().map(WebhookReply::from).collect(),
            next_page_token: page.next,
        }
    }
}

/// What came of trying a webhook out.
#[derive(Serialize)]
pub struct TestResult {
    pub success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_status: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub response_body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

#[derive(Serialize)]
pub struct TestReply {
    pub result: TestResult,
}
