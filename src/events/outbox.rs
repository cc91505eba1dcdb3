//! The outbox: what is to be delivered, written in the transaction of the change it tells of.
//!
//! Deliveries of one object to one webhook wait for each other: of those that are pending only the
//! first is `ready`. Whatever ends a delivery makes the next one ready, in the same transaction.
//! Both lock the webhook first, so that neither overlooks the other.

use super::kind::EventType;
use super::{Event, Facts};
use crate::ctx::Ctx;
use crate::db::{Insert, Row, Tx, Value, placeholders};
use crate::error::{Error, Result};
use crate::params;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Where a delivery stands; stored as 1 to 4.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Pending = 1,
    Delivered = 2,
    /// Given up; it stays until someone asks for it again or it is too old.
    Parked = 3,
    /// The webhook was disabled or deleted before it was sent.
    Cancelled = 4,
}

impl State {
    /// All states with their names.
    pub const ALL: [(State, &'static str); 4] = [
        (State::Pending, "pending"),
        (State::Delivered, "delivered"),
        (State::Parked, "parked"),
        (State::Cancelled, "cancelled"),
    ];

    /// Gives the name of the state.
    pub fn name(self) -> &'static str {
        match self {
            State::Pending => "pending",
            State::Delivered => "delivered",
            State::Parked => "parked",
            State::Cancelled => "cancelled",
        }
    }

    /// Finds a state by its name.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, other)| *other == name);
        found.map(|(state, _)| *state).ok_or_else(|| {
            let names = Self::ALL.map(|(_, name)| name).join(", ");
            Error::invalid(format!(
                "There is no state '{name}' of a delivery. The states are {names}."
            ))
        })
    }

    pub(super) fn from_number(number: i64) -> Result<Self> {
        let found = Self::ALL.iter().find(|(state, _)| *state as i64 == number);
        found
            .map(|(state, _)| *state)
            .ok_or_else(|| Error::internal("The database holds an unknown state of a delivery."))
    }
}

/// Says whether an active webhook asks for any of these events: one indexed read.
pub fn anyone_listens(tx: &mut Tx<'_>, events: &[EventType]) -> Result<bool> {
    Ok(!listeners(tx, events)?.is_empty())
}

/// Gives the active webhooks that ask for each of these events, by the name of the event.
fn listeners(tx: &mut Tx<'_>, events: &[EventType]) -> Result<BTreeMap<String, Vec<i64>>> {
    let names: BTreeSet<&str> = events.iter().map(|event| event.name).collect();
    let mut found: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    if names.is_empty() {
        return Ok(found);
    }
    let sql = format!(
        "select e.event, e.webhook_id from webhook_events e join webhooks w on w.id = e.webhook_id
         where e.event in ({}) and w.status = 1 and w.lifecycle = 1 order by e.event, e.webhook_id",
        placeholders(1, names.len())
    );
    let names: Vec<Value<'_>> = names.into_iter().map(Value::from).collect();
    tx.query(&sql, &names, |row| {
        found.entry(row.get(0)?).or_default().push(row.get(1)?);
        Ok(())
    })?;
    Ok(found)
}

/// Writes a delivery of each event for each active webhook that asks for it, in the order of the
/// events. They are sent once the transaction is committed, and never if it is not.
pub fn emit(tx: &mut Tx<'_>, ctx: &Ctx, events: &[Event]) -> Result<()> {
    let kinds: Vec<EventType> = events.iter().map(|event| event.kind).collect();
    let listeners = listeners(tx, &kinds)?;
    let webhooks: BTreeSet<i64> = listeners.values().flatten().copied().collect();
    if webhooks.is_empty() {
        return Ok(());
    }
    tx.lock("webhooks", &webhooks.into_iter().collect::<Vec<_>>())?;
    let mut queues = Queues::default();
    let mut rows = Vec::new();
    for event in events {
        let facts = Facts::new(event, ctx).to_text()?;
        for webhook_id in listeners.get(event.kind.name).into_iter().flatten() {
            let ready = queues.join(tx, *webhook_id, &event.objects())?;
            rows.push([
                Value::from(uuid::Uuid::new_v4().hyphenated().to_string()),
                Value::Int(*webhook_id),
                Value::from(event.kind.name),
                Value::from(&event.object),
                Value::from(event.next_object.as_ref()),
                Value::Int(ctx.now),
                Value::from(facts.clone()),
                Value::Int(State::Pending as i64),
                Value::from(ready),
                Value::Int(0),
                Value::Int(ctx.now),
                Value::Int(0),
                Value::from(""),
            ]);
        }
    }
    let insert = Insert {
        table: "webhook_deliveries",
        columns: &[
            "uuid",
            "webhook_id",
            "event",
            "object",
            "next_object",
            "occurred_at",
            "facts",
            "state",
            "ready",
            "attempts",
            "next_attempt_at",
            "claimed_until",
            "note",
        ],
        conflict: "",
    };
    tx.send_many(&insert, rows)?;
    Ok(())
}

/// Remembers for which webhooks and objects something is pending.
#[derive(Default)]
struct Queues {
    busy: HashMap<(i64, String), bool>,
}

impl Queues {
    /// Adds a delivery to the queues of its objects; gives whether it is the first of all of them.
    fn join(&mut self, tx: &mut Tx<'_>, webhook_id: i64, objects: &[&str]) -> Result<bool> {
        let mut is_first = true;
        for object in objects {
            let key = (webhook_id, (*object).to_owned());
            let is_busy = match self.busy.get(&key) {
                Some(is_busy) => *is_busy,
                None => head(tx, webhook_id, object)?.is_some(),
            };
            is_first &= !is_busy;
            self.busy.insert(key, true);
        }
        Ok(is_first)
    }
}

/// A pending delivery and the objects whose order it keeps.
#[derive(Debug)]
struct Waiting {
    id: i64,
    ready: bool,
    object: String,
    next_object: Option<String>,
}

fn waiting(row: &Row<'_>) -> Result<Waiting> {
    Ok(Waiting {
        id: row.get(0)?,
        ready: row.get(1)?,
        object: row.get(2)?,
        next_object: row.get(3)?,
    })
}

/// Gives the earliest pending delivery of an object to a webhook.
fn head(tx: &mut Tx<'_>, webhook_id: i64, object: &str) -> Result<Option<Waiting>> {
    let as_it_was = tx.query_optional(
        "select id, ready, object, next_object from webhook_deliveries
         where webhook_id = $1 and object = $2 and state = 1 order by id limit 1",
        params![webhook_id, object],
        waiting,
    )?;
    let as_renamed = tx.query_optional(
        "select id, ready, object, next_object from webhook_deliveries
         where webhook_id = $1 and next_object = $2 and state = 1 and next_object is not null
         order by id limit 1",
        params![webhook_id, object],
        waiting,
    )?;
    let both = as_it_was.into_iter().chain(as_renamed);
    Ok(both.min_by_key(|delivery| delivery.id))
}

/// Makes the next deliveries of these objects ready, after one of them has ended.
pub(super) fn release(tx: &mut Tx<'_>, webhook_id: i64, objects: &[&str]) -> Result<()> {
    for object in objects {
        let Some(next) = head(tx, webhook_id, object)? else {
            continue;
        };
        let mut is_first = !next.ready;
        for object in [Some(&next.object), next.next_object.as_ref()]
            .into_iter()
            .flatten()
        {
            is_first &= head(tx, webhook_id, object)?.is_none_or(|head| head.id == next.id);
        }
        if is_first {
            tx.send(
                "update webhook_deliveries set ready = $2 where id = $1",
                params![next.id, true],
            )?;
        }
    }
    Ok(())
}

/// Ends all that is pending for a webhook.
pub(super) fn cancel_all(tx: &mut Tx<'_>, webhook_id: i64, now: i64, why: &str) -> Result<()> {
    tx.send(
        "update webhook_deliveries set state = 4, finished_at = $2, note = $3
         where webhook_id = $1 and state = 1",
        params![webhook_id, now, why],
    )?;
    Ok(())
}

/// What is still to be delivered, and what was given up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Backlog {
    pub pending: i64,
    pub parked: i64,
    /// When the oldest pending event happened, in milliseconds since 1970.
    pub oldest_at: Option<i64>,
}

/// Counts the deliveries that are pending or parked, of webhooks that are not deleted; it reads no
/// others.
pub fn backlog(tx: &mut Tx<'_>) -> Result<Backlog> {
    let mut backlog = Backlog::default();
    tx.query(
        "select d.state, count(*), min(d.occurred_at)
         from webhooks w join webhook_deliveries d on d.webhook_id = w.id and d.state in (1, 3)
         where w.lifecycle = 1 group by d.state order by d.state",
        &[],
        |row| {
            let count = row.get(1)?;
            match State::from_number(row.get(0)?)? {
                State::Parked => backlog.parked = count,
                _ => (backlog.pending, backlog.oldest_at) = (count, row.get(2)?),
            }
            Ok(())
        },
    )?;
    Ok(backlog)
}
