//! Webhooks: who is told of which events, where and in which format.

use super::format::Format;
use super::kind::{self, EventType, Origin};
use super::outbox;
use super::rule;
use super::seal::StoredSecret;
use crate::audit::note::Change;
use crate::ctx::Ctx;
use crate::db::{Cursor, Insert, Row, Tx, Value, placeholders};
use crate::error::{Error, Result};
use crate::params;
use crate::python;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use std::collections::{BTreeSet, HashMap};

/// Whether a webhook is sent anything; stored as 1 and 2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Active = 1,
    Disabled = 2,
}

impl Status {
    /// Gives MLflow's name of the status.
    pub fn name(self) -> &'static str {
        match self {
            Status::Active => "ACTIVE",
            Status::Disabled => "DISABLED",
        }
    }

    /// Reads MLflow's name of a status.
    pub fn parse(name: &str) -> Result<Self> {
        match name {
            "ACTIVE" => Ok(Status::Active),
            "DISABLED" => Ok(Status::Disabled),
            _ => Err(Error::invalid(format!(
                "Invalid webhook status {}. The status is ACTIVE or DISABLED.",
                python::repr(name)
            ))),
        }
    }

    fn from_number(number: i64) -> Self {
        match number {
            1 => Status::Active,
            _ => Status::Disabled,
        }
    }
}

/// A webhook with the events it asks for, sorted by name.
#[derive(Debug, Clone)]
pub struct Webhook {
    pub id: i64,
    /// The id on the wire.
    pub uuid: String,
    pub name: String,
    /// Empty where there is none.
    pub description: String,
    pub url: String,
    pub secret: Option<StoredSecret>,
    pub status: Status,
    pub format: Format,
    pub is_deleted: bool,
    pub created_at: i64,
    pub updated_at: i64,
    pub events: Vec<EventType>,
}

impl Webhook {
    /// What the audit log calls the webhook.
    pub fn object(&self) -> String {
        format!("webhook:{}", self.uuid)
    }

    /// What the audit log is told of it: neither the secret nor the path of the URL, which is a
    /// secret of its own with many receivers.
    fn told(&self) -> Json {
        let url = url::Url::parse(&self.url).ok();
        let events: Vec<&str> = self.events.iter().map(|event| event.name).collect();
        json!({
            "name": self.name,
            "description": self.description,
            "receiver": url.map(|url| url.origin().ascii_serialization()),
            "has_secret": self.secret.is_some(),
            "status": self.status.name(),
            "format": self.format.name(),
            "events": events,
        })
    }
}

/// A checked request for a new webhook.
#[derive(Debug, Clone)]
pub struct NewWebhook {
    pub uuid: String,
    pub name: String,
    pub description: String,
    pub url: String,
    pub secret: Option<StoredSecret>,
    pub status: Status,
    pub format: Format,
    pub events: Vec<EventType>,
}

/// What a request changes of a webhook; `None` leaves a thing as it is.
#[derive(Debug, Clone, Default)]
pub struct Update {
    pub name: Option<String>,
    pub description: Option<String>,
    pub url: Option<String>,
    pub secret: Option<NewSecret>,
    pub status: Option<Status>,
    pub format: Option<Format>,
    pub events: Option<Vec<EventType>>,
}

/// What becomes of the secret of a webhook.
#[derive(Debug, Clone)]
pub enum NewSecret {
    Removed,
    Set(StoredSecret),
}

/// Which webhooks are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    All,
    /// Those that ask for an event of MLflow's: its client cannot read any other.
    KnownToMlflow,
}

/// A page of webhooks, newest first.
#[derive(Debug)]
pub struct Page {
    pub webhooks: Vec<Webhook>,
    pub next: Option<String>,
}

/// Where a page of webhooks ended.
#[derive(Serialize, Deserialize)]
struct Token {
    created_at: i64,
    id: i64,
}

/// The columns that `from_row` reads.
const COLUMNS: &str = "w.id, w.uuid, w.name, w.description, w.url, w.secret, w.secret_sealed, \
    w.status, w.format, w.lifecycle, w.created_at, w.updated_at";

fn from_row(row: &Row<'_>) -> Result<Webhook> {
    let sealed = row.get(6)?;
    let secret: Option<String> = row.get(5)?;
    Ok(Webhook {
        id: row.get(0)?,
        uuid: row.get(1)?,
        name: row.get(2)?,
        description: row.get(3)?,
        url: row.get(4)?,
        secret: secret.map(|text| StoredSecret { text, sealed }),
        status: Status::from_number(row.get(7)?),
        format: Format::stored(&row.get::<String>(8)?)?,
        is_deleted: row.get::<i64>(9)? != 1,
        created_at: row.get(10)?,
        updated_at: row.get(11)?,
        events: Vec::new(),
    })
}

/// Creates a webhook and gives it.
pub fn create(tx: &mut Tx<'_>, ctx: &Ctx, new: &NewWebhook) -> Result<Webhook> {
    rule::check_events(&new.events)?;
    let secret = new.secret.as_ref();
    let id: i64 = tx.query_one(
        "insert into webhooks (uuid, name, description, url, secret, secret_sealed, status, format,
             lifecycle, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, 1, $9, $9) returning id",
        params![
            &new.uuid,
            &new.name,
            &new.description,
            &new.url,
            secret.map(|secret| &secret.text),
            secret.is_some_and(|secret| secret.sealed),
            new.status as i64,
            new.format.name(),
            ctx.now
        ],
        |row| row.get(0),
    )?;
    set_events(tx, id, &new.events)?;
    let created = find(tx, &new.uuid)?;
    Change::of(&created.object(), "webhook_created")
        .after(created.told())
        .note(tx);
    Ok(created)
}

fn set_events(tx: &mut Tx<'_>, id: i64, events: &[EventType]) -> Result<()> {
    tx.send(
        "delete from webhook_events where webhook_id = $1",
        params![id],
    )?;
    let insert = Insert {
        table: "webhook_events",
        columns: &["webhook_id", "event"],
        conflict: "",
    };
    let names: BTreeSet<&str> = events.iter().map(|event| event.name).collect();
    let rows = names
        .into_iter()
        .map(|name| [Value::Int(id), Value::from(name)]);
    tx.send_many(&insert, rows)?;
    Ok(())
}

/// Finds a webhook that is not deleted.
pub fn find(tx: &mut Tx<'_>, uuid: &str) -> Result<Webhook> {
    find_even_deleted(tx, uuid)?
        .filter(|webhook| !webhook.is_deleted)
        .ok_or_else(|| not_found(uuid))
}

/// Finds a webhook, also a deleted one, whose log is kept for a while.
pub fn find_for_log(tx: &mut Tx<'_>, uuid: &str) -> Result<Webhook> {
    find_even_deleted(tx, uuid)?.ok_or_else(|| not_found(uuid))
}

fn not_found(uuid: &str) -> Error {
    Error::not_found(format!("Webhook with ID {uuid} not found."))
}

fn find_even_deleted(tx: &mut Tx<'_>, uuid: &str) -> Result<Option<Webhook>> {
    let sql = format!("select {COLUMNS} from webhooks w where w.uuid = $1");
    let found = tx.query_optional(&sql, params![uuid], from_row)?;
    let mut found: Vec<Webhook> = found.into_iter().collect();
    add_events(tx, &mut found)?;
    Ok(found.pop())
}

/// Lists webhooks that are not deleted, newest first; `max_results` is 1 to 1,000.
pub fn list(
    tx: &mut Tx<'_>,
    scope: Scope,
    max_results: usize,
    page_token: Option<&str>,
) -> Result<Page> {
    let before = match page_token {
        None => Token {
            created_at: i64::MAX,
            id: i64::MAX,
        },
        Some(text) => Cursor::decode(text)?,
    };
    let mut params = params![before.created_at, before.id, max_results as i64 + 1].to_vec();
    let known = match scope {
        Scope::All => String::new(),
        Scope::KnownToMlflow => {
            let names = kind::ALL
                .iter()
                .filter(|kind| kind.origin == Origin::Mlflow);
            params.extend(names.map(|kind| Value::from(kind.name)));
            format!(
                "and exists (select 1 from webhook_events e
                     where e.webhook_id = w.id and e.event in ({}))",
                placeholders(4, params.len() - 3)
            )
        }
    };
    let sql = format!(
        "select {COLUMNS} from webhooks w
         where w.lifecycle = 1 and (w.created_at < $1 or (w.created_at = $1 and w.id < $2)) {known}
         order by w.created_at desc, w.id desc limit $3"
    );
    let mut webhooks = tx.query(&sql, &params, from_row)?;
    let more = webhooks.len() > max_results;
    webhooks.truncate(max_results);
    add_events(tx, &mut webhooks)?;
    let last = webhooks.last().filter(|_| more);
    let next = last.map(|last| {
        let (created_at, id) = (last.created_at, last.id);
        Cursor::encode(&Token { created_at, id })
    });
    let next = next.transpose()?;
    Ok(Page { webhooks, next })
}

fn add_events(tx: &mut Tx<'_>, webhooks: &mut [Webhook]) -> Result<()> {
    let ids: Vec<Value<'_>> = webhooks
        .iter()
        .map(|webhook| Value::Int(webhook.id))
        .collect();
    if ids.is_empty() {
        return Ok(());
    }
    let sql = format!(
        "select webhook_id, event from webhook_events where webhook_id in ({})
         order by webhook_id, event",
        placeholders(1, ids.len())
    );
    let mut events: HashMap<i64, Vec<EventType>> = HashMap::new();
    tx.query(&sql, &ids, |row| {
        let name: String = row.get(1)?;
        let kind = EventType::named(&name)
            .ok_or_else(|| Error::internal("The database holds an unknown event."))?;
        events.entry(row.get(0)?).or_default().push(kind);
        Ok(())
    })?;
    for webhook in webhooks {
        webhook.events = events.remove(&webhook.id).unwrap_or_default();
    }
    Ok(())
}

/// Changes a webhook and gives it. What is pending for one that is disabled is cancelled.
pub fn update(tx: &mut Tx<'_>, ctx: &Ctx, uuid: &str, update: &Update) -> Result<Webhook> {
    let old = find(tx, uuid)?;
    tx.lock("webhooks", &[old.id])?;
    let secret = match &update.secret {
        None => old.secret.as_ref(),
        Some(NewSecret::Removed) => None,
        Some(NewSecret::Set(secret)) => Some(secret),
    };
    let status = update.status.unwrap_or(old.status);
    tx.send(
        "update webhooks set name = $2, description = $3, url = $4, secret = $5,
             secret_sealed = $6, status = $7, format = $8, updated_at = $9 where id = $1",
        params![
            old.id,
            update.name.as_ref().unwrap_or(&old.name),
            update.description.as_ref().unwrap_or(&old.description),
            update.url.as_ref().unwrap_or(&old.url),
            secret.map(|secret| &secret.text),
            secret.is_some_and(|secret| secret.sealed),
            status as i64,
            update.format.unwrap_or(old.format).name(),
            ctx.now
        ],
    )?;
    if let Some(events) = &update.events {
        rule::check_events(events)?;
        set_events(tx, old.id, events)?;
    }
    if status == Status::Disabled {
        outbox::cancel_all(tx, old.id, ctx.now, "The webhook was disabled.")?;
    }
    let updated = find(tx, uuid)?;
    let (before, after) = (old.told(), updated.told());
    if before != after || update.secret.is_some() || update.url.is_some() {
        Change::of(&updated.object(), "webhook_updated")
            .before(before)
            .after(after)
            .note(tx);
    }
    Ok(updated)
}

/// Deletes a webhook: its secret is forgotten, and what is pending for it is cancelled.
pub fn delete(tx: &mut Tx<'_>, ctx: &Ctx, uuid: &str) -> Result<()> {
    let webhook = find(tx, uuid)?;
    tx.lock("webhooks", &[webhook.id])?;
    tx.send(
        "update webhooks set lifecycle = 2, secret = null, secret_sealed = $3, updated_at = $2
         where id = $1",
        params![webhook.id, ctx.now, false],
    )?;
    Change::of(&webhook.object(), "webhook_deleted")
        .before(webhook.told())
        .note(tx);
    outbox::cancel_all(tx, webhook.id, ctx.now, "The webhook was deleted.")
}
