//! The way of a delivery out: claimed by one server, sent by it, and recorded with its outcome.
//!
//! Of several servers one has the lease of the job and sends; its claims carry the token of that
//! lease. A claim under another token does not count, so that a delivery whose server died is sent
//! again at once by the next owner, under the same id, and what the earlier one still wants to record
//! of it is left out. Nothing here sends anything.

use super::Facts;
use super::format::Format;
use super::kind::EventType;
use super::outbox::{self, State};
use super::schedule::{Failure, Policy};
use super::seal::StoredSecret;
use super::send::{Attempt, Verdict};
use crate::db::{Insert, Lock, Row, Tx, Value, placeholders};
use crate::error::{Error, Result};
use crate::params;
use std::collections::HashMap;

/// Webhooks that are looked at for one claim.
const MAX_WEBHOOKS: i64 = 1_000;
/// Deliveries that are deleted in one transaction.
const MAX_DELETED: i64 = 500;

/// A delivery that this server is to send now.
#[derive(Debug, Clone)]
pub struct Claimed {
    pub id: i64,
    /// The delivery id that the receiver sees.
    pub uuid: String,
    pub webhook_id: i64,
    pub event: EventType,
    pub occurred_at: i64,
    pub facts: Facts,
    pub url: String,
    pub secret: Option<StoredSecret>,
    pub format: Format,
}

/// What may be claimed.
#[derive(Debug, Clone)]
pub struct Claim {
    pub now: i64,
    /// Until when what is claimed is not given out again, should the sending get lost.
    pub until: i64,
    /// The token of the lease under which it is sent.
    pub token: i64,
    /// How many deliveries at most.
    pub room: usize,
    /// How many deliveries to one webhook may be under way at once.
    pub room_for_each: usize,
    /// How many are under way, by webhook.
    pub under_way: HashMap<i64, usize>,
}

/// Says whether any delivery is due; cheap, and no write.
pub fn is_any_due(tx: &mut Tx<'_>, now: i64, token: i64) -> Result<bool> {
    Ok(!webhooks_due(tx, (now, token), 1)?.is_empty())
}

fn webhooks_due(tx: &mut Tx<'_>, (now, token): (i64, i64), limit: i64) -> Result<Vec<i64>> {
    tx.query(
        "select w.id from webhooks w where w.status = 1 and w.lifecycle = 1 and exists (
             select 1 from webhook_deliveries d where d.webhook_id = w.id and d.state = 1
             and d.ready and d.next_attempt_at <= $1
             and (d.claimed_until <= $1 or d.claim_token <> $3))
         order by w.id limit $2",
        params![now, limit, token],
        |row| row.get(0),
    )
}

/// Claims deliveries that are due, the longest waiting first, in equal shares for each webhook.
pub fn claim(tx: &mut Tx<'_>, claim: &Claim) -> Result<Vec<Claimed>> {
    let webhooks = webhooks_due(tx, (claim.now, claim.token), MAX_WEBHOOKS)?;
    let share = claim.room.div_ceil(webhooks.len().max(1));
    let mut claimed = Vec::new();
    for webhook_id in webhooks {
        let busy = claim.under_way.get(&webhook_id).copied().unwrap_or(0);
        let room = (claim.room - claimed.len())
            .min(share)
            .min(claim.room_for_each.saturating_sub(busy));
        if room > 0 {
            claimed.extend(claim_of_webhook(tx, claim, webhook_id, room)?);
        }
    }
    Ok(claimed)
}

fn claim_of_webhook(
    tx: &mut Tx<'_>,
    claim: &Claim,
    webhook_id: i64,
    room: usize,
) -> Result<Vec<Claimed>> {
    let due = tx.query(
        "select d.id, d.uuid, d.webhook_id, d.event, d.occurred_at, d.facts, w.url, w.secret,
             w.secret_sealed, w.format
         from webhook_deliveries d join webhooks w on w.id = d.webhook_id
         where d.webhook_id = $1 and d.state = 1 and d.ready and d.next_attempt_at <= $2
             and (d.claimed_until <= $2 or d.claim_token <> $4)
         order by d.next_attempt_at, d.id limit $3",
        params![webhook_id, claim.now, room as i64, claim.token],
        claimed,
    )?;
    let mut taken = Vec::with_capacity(due.len());
    for delivery in due {
        let changed = tx.execute(
            "update webhook_deliveries set claimed_until = $2, claim_token = $4,
                 first_attempt_at = coalesce(first_attempt_at, $3)
             where id = $1 and state = 1 and (claimed_until <= $3 or claim_token <> $4)",
            params![delivery.id, claim.until, claim.now, claim.token],
        )?;
        if changed == 1 {
            taken.push(delivery);
        }
    }
    Ok(taken)
}

fn claimed(row: &Row<'_>) -> Result<Claimed> {
    let name: String = row.get(3)?;
    let (secret, sealed): (Option<String>, bool) = (row.get(7)?, row.get(8)?);
    Ok(Claimed {
        id: row.get(0)?,
        uuid: row.get(1)?,
        webhook_id: row.get(2)?,
        event: EventType::named(&name)
            .ok_or_else(|| Error::internal("The database holds an unknown event."))?,
        occurred_at: row.get(4)?,
        facts: Facts::from_text(&row.get::<String>(5)?)?,
        url: row.get(6)?,
        secret: secret.map(|text| StoredSecret { text, sealed }),
        format: Format::stored(&row.get::<String>(9)?)?,
    })
}

/// Keeps deliveries claimed that take longer than the claim, as far as they still are.
pub fn renew(tx: &mut Tx<'_>, ids: &[i64], until: i64, token: i64) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let mut params = vec![Value::Int(until), Value::Int(token)];
    params.extend(ids.iter().map(|id| Value::Int(*id)));
    let sql = format!(
        "update webhook_deliveries set claimed_until = $1
         where id in ({}) and state = 1 and claim_token = $2",
        placeholders(3, ids.len())
    );
    tx.send(&sql, &params)?;
    Ok(())
}

/// An attempt that was made, with all that is kept of it.
#[derive(Debug, Clone)]
pub struct Made {
    pub delivery_id: i64,
    /// The token under which it was claimed.
    pub token: i64,
    /// When it was sent.
    pub sent_at: i64,
    /// When it is recorded; the next attempt is counted from here.
    pub now: i64,
    pub attempt: Attempt,
    /// JSON of the headers that were sent.
    pub request_headers: String,
    /// SHA-256 of the body that was sent, in hexadecimal.
    pub request_digest: String,
    /// From 0 to 1, random.
    pub jitter: f64,
}

/// A delivery as `record` finds it.
struct Pending {
    webhook_id: i64,
    state: State,
    attempts: i64,
    first_attempt_at: Option<i64>,
    object: String,
    next_object: Option<String>,
    claim_token: i64,
}

/// Records an attempt and what follows from it: delivered, tried again later, or parked; nothing if
/// another server has claimed the delivery since.
pub fn record(tx: &mut Tx<'_>, policy: Policy, made: &Made) -> Result<()> {
    let Some(webhook_id) = webhook_of(tx, made.delivery_id)? else {
        return Ok(());
    };
    tx.lock("webhooks", &[webhook_id])?;
    let Some(pending) = find(tx, made.delivery_id)? else {
        return Ok(());
    };
    if pending.claim_token != made.token {
        return Ok(());
    }
    insert_attempt(tx, made)?;
    let attempts = pending.attempts + 1;
    let failure = Failure {
        attempt: attempts,
        first_at: pending.first_attempt_at.unwrap_or(made.sent_at),
        now: made.now,
        retry_after_ms: made.attempt.retry_after_ms,
        jitter: made.jitter,
    };
    let next = match made.attempt.verdict() {
        Verdict::Delivered => Next::Ended(State::Delivered, String::new()),
        Verdict::GiveUp => Next::Ended(State::Parked, refused(&made.attempt)),
        Verdict::Retry => match policy.next(failure) {
            Some(at) => Next::At(at),
            None => Next::Ended(State::Parked, exhausted(&made.attempt, attempts)),
        },
    };
    match (pending.state, next) {
        (State::Pending, Next::At(at)) => put_off(tx, made.delivery_id, attempts, at),
        (State::Pending, Next::Ended(state, note)) => {
            tx.send(
                "update webhook_deliveries set state = $2, attempts = $3, finished_at = $4,
                     claimed_until = 0, note = $5 where id = $1",
                params![made.delivery_id, state as i64, attempts, made.now, &note],
            )?;
            let mut objects = vec![pending.object.as_str()];
            objects.extend(pending.next_object.as_deref());
            outbox::release(tx, pending.webhook_id, &objects)
        }
        // It was cancelled while it was under way.
        (_, _) => Ok(()),
    }
}

fn webhook_of(tx: &mut Tx<'_>, id: i64) -> Result<Option<i64>> {
    tx.query_optional(
        "select webhook_id from webhook_deliveries where id = $1",
        params![id],
        |row| row.get(0),
    )
}

/// Finds a delivery as it is now, and keeps others from claiming it until the transaction ends.
fn find(tx: &mut Tx<'_>, id: i64) -> Result<Option<Pending>> {
    let found = tx.query_locked(
        Lock::Change,
        "select webhook_id, state, attempts, first_attempt_at, object, next_object,
             claim_token
         from webhook_deliveries where id = $1",
        params![id],
        |row| {
            Ok(Pending {
                webhook_id: row.get(0)?,
                state: State::from_number(row.get(1)?)?,
                attempts: row.get(2)?,
                first_attempt_at: row.get(3)?,
                object: row.get(4)?,
                next_object: row.get(5)?,
                claim_token: row.get(6)?,
            })
        },
    )?;
    Ok(found.into_iter().next())
}

enum Next {
    At(i64),
    Ended(State, String),
}

fn put_off(tx: &mut Tx<'_>, id: i64, attempts: i64, at: i64) -> Result<()> {
    tx.send(
        "update webhook_deliveries set attempts = $2, next_attempt_at = $3, claimed_until = 0
         where id = $1",
        params![id, attempts, at],
    )?;
    Ok(())
}

fn insert_attempt(tx: &mut Tx<'_>, made: &Made) -> Result<()> {
    let insert = Insert {
        table: "webhook_attempts",
        columns: &[
            "delivery_id",
            "at",
            "status",
            "latency_ms",
            "response_head",
            "error",
            "request_headers",
            "request_digest",
        ],
        conflict: "",
    };
    let attempt = &made.attempt;
    let row = [
        Value::Int(made.delivery_id),
        Value::Int(made.sent_at),
        Value::from(attempt.status.map(i64::from)),
        Value::Int(attempt.latency_ms),
        Value::from(without_nul(&attempt.response_head)),
        Value::from(attempt.error.as_deref().map(without_nul)),
        Value::from(&made.request_headers),
        Value::from(&made.request_digest),
    ];
    tx.send_many(&insert, [row])?;
    Ok(())
}

/// A text column holds no NUL.
fn without_nul(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

fn refused(attempt: &Attempt) -> String {
    format!("{}, which is not tried again.", outcome(attempt))
}

fn exhausted(attempt: &Attempt, attempts: i64) -> String {
    format!(
        "Tried {attempts} times; the last outcome: {}.",
        outcome(attempt)
    )
}

fn outcome(attempt: &Attempt) -> String {
    match (&attempt.error, attempt.status) {
        (Some(error), _) => without_nul(error.trim_end_matches('.')),
        (None, Some(status)) => format!("The receiver answered {status}"),
        (None, None) => "The receiver did not answer".to_owned(),
    }
}

/// Deletes deliveries that ended before a moment, with their attempts, some at a time; gives how
/// many they were.
pub fn delete_older_than(tx: &mut Tx<'_>, before: i64) -> Result<usize> {
    let old: Vec<i64> = tx.query(
        "select id from webhook_deliveries
         where finished_at is not null and finished_at < $1 order by finished_at limit $2",
        params![before, MAX_DELETED],
        |row| row.get(0),
    )?;
    if old.is_empty() {
        return Ok(0);
    }
    let ids: Vec<Value<'_>> = old.iter().map(|id| Value::Int(*id)).collect();
    for (table, column) in [
        ("webhook_attempts", "delivery_id"),
        ("webhook_deliveries", "id"),
    ] {
        let list = placeholders(1, ids.len());
        tx.send(
            &format!("delete from {table} where {column} in ({list})"),
            &ids,
        )?;
    }
    Ok(old.len())
}
