//! Delivers events to webhooks: claims what is due, sends it, and records how it went.
//!
//! What is under way is sent side by side, and what it became is recorded by the loop alone. Only
//! the server that has the lease of this job sends. When it loses the lease it breaks off what is
//! under way: the next owner sends that again, under the same ids.

use super::Watched;
use crate::app::App;
use crate::db::Tx;
use crate::error::{Code, Error, Result};
use crate::events::format::Letter;
use crate::events::parcel::{self, Envelope};
use crate::events::send::{Attempt, Parcel, Verdict};
use crate::events::sending::{self, Claim, Claimed, Made};
use crate::replicas::Tenure;
use crate::replicas::lease::Task;
use crate::traces;
use std::collections::HashMap;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

/// How often the outbox is looked at while nothing is under way.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// How long a claim lasts without being renewed.
const CLAIM_MS: i64 = 10_000;
/// How often claims are renewed; much less than they last.
const RENEW_EVERY: Duration = Duration::from_secs(2);
/// How long a stopping server waits for what is under way.
const FINISH_WITHIN: Duration = Duration::from_secs(5);
/// How often old deliveries are looked for.
pub(super) const CLEAN_EVERY: Duration = Duration::from_secs(60);

/// Delivers until it is told to stop. What is under way then has some seconds to be finished; the
/// rest is sent again, under the same ids, by the next server.
pub(super) async fn run(app: App, stop: CancellationToken) {
    let job = Watched::new(&app, Task::DELIVER.name());
    let leases = app.leases.clone();
    while let Some(tenure) = super::owned(&leases, Task::DELIVER, &stop).await {
        // What an earlier tenure has under way is dropped, and with it broken off.
        let mut courier = Courier::new(app.clone(), tenure);
        while !stop.is_cancelled() && leases.tenure(Task::DELIVER) == Some(tenure) {
            let claimed = job.turn(courier.claim()).await;
            if claimed > 0 {
                continue;
            }
            tokio::select! {
                () = stop.cancelled() => {}
                () = courier.wait(LOOK_EVERY) => {}
            }
            job.turn(courier.record_finished()).await;
        }
        if stop.is_cancelled() {
            job.turn(courier.finish()).await;
        }
    }
}

/// Deletes deliveries that ended long ago, some at a time, and gives how many they were.
pub(super) async fn clean(app: App, tenure: Tenure) -> Result<usize> {
    let before = app.clock.now() - app.settings.events.keep_ms;
    let delete = move |tx: &mut Tx<'_>| sending::delete_older_than(tx, before);
    tenure.write(&app.db, delete).await
}

/// Delivers everything that is due now, and gives how many attempts were made. What becomes due by
/// the outcome, as the next event of an object, is delivered too.
///
/// # Errors
/// What the database gives, nothing that a receiver does; 409 where another server has the job.
pub async fn deliver_due(app: &App) -> Result<usize> {
    app.leases.look().await?;
    let tenure = app
        .leases
        .tenure(Task::DELIVER)
        .ok_or_else(|| Error::new(Code::Conflict, "Another server delivers the events."))?;
    let mut courier = Courier::new(app.clone(), tenure);
    let mut made = 0;
    loop {
        made += courier.claim().await?;
        if courier.under_way.is_empty() {
            return Ok(made);
        }
        courier.wait(RENEW_EVERY).await;
        courier.record_finished().await?;
    }
}

/// What this process has under way.
struct Courier {
    app: App,
    tenure: Tenure,
    sending: JoinSet<Made>,
    /// The webhook of each delivery.
    under_way: HashMap<i64, i64>,
    finished: Vec<Made>,
    renewed_at: tokio::time::Instant,
}

impl Courier {
    fn new(app: App, tenure: Tenure) -> Self {
        Self {
            app,
            tenure,
            sending: JoinSet::new(),
            under_way: HashMap::new(),
            finished: Vec::new(),
            renewed_at: tokio::time::Instant::now(),
        }
    }

    /// Claims what is due, as far as there is room, begins to send it, and gives how many it is.
    async fn claim(&mut self) -> Result<usize> {
        let workers = self.app.settings.events.workers;
        let (now, token) = (self.app.clock.now(), self.tenure.token);
        let mut by_webhook: HashMap<i64, usize> = HashMap::new();
        for webhook in self.under_way.values() {
            *by_webhook.entry(*webhook).or_default() += 1;
        }
        let claim = Claim {
            now,
            until: now + CLAIM_MS,
            token,
            room: workers.saturating_sub(self.under_way.len()),
            room_for_each: workers.div_ceil(2),
            under_way: by_webhook,
        };
        if claim.room == 0
            || !self
                .app
                .db
                .read(move |tx| sending::is_any_due(tx, now, token))
                .await?
        {
            return Ok(0);
        }
        let claimed = self
            .tenure
            .write(&self.app.db, move |tx| sending::claim(tx, &claim))
            .await?;
        let number = claimed.len();
        for delivery in claimed {
            self.under_way.insert(delivery.id, delivery.webhook_id);
            self.sending.spawn(send(self.app.clone(), delivery, token));
        }
        Ok(number)
    }

    /// Waits until something is finished, but not longer than `most`.
    async fn wait(&mut self, most: Duration) {
        let finished = tokio::time::timeout(most, async {
            match self.sending.join_next().await {
                Some(finished) => Some(finished),
                None => std::future::pending().await,
            }
        });
        if let Ok(Some(Ok(made))) = finished.await {
            self.finished.push(made);
        }
    }

    /// Records what is finished, and keeps the claims on what is not.
    async fn record_finished(&mut self) -> Result<()> {
        while let Some(finished) = self.sending.try_join_next() {
            self.finished.extend(finished.ok());
        }
        if !self.finished.is_empty() {
            let policy = self.app.settings.events.policy;
            let finished = self.finished.clone();
            let record = move |tx: &mut Tx<'_>| {
                finished
                    .iter()
                    .try_for_each(|made| sending::record(tx, policy, made))
            };
            self.app.db.write(record).await?;
            for made in self.finished.drain(..) {
                self.under_way.remove(&made.delivery_id);
            }
        }
        if self.sending.is_empty() {
            // A sending that panicked is under way no more; its claim ends by itself.
            self.under_way.clear();
        }
        self.renew().await
    }

    async fn renew(&mut self) -> Result<()> {
        if self.under_way.is_empty() || self.renewed_at.elapsed() < RENEW_EVERY {
            return Ok(());
        }
        self.renewed_at = tokio::time::Instant::now();
        let ids: Vec<i64> = self.under_way.keys().copied().collect();
        let (until, token) = (self.app.clock.now() + CLAIM_MS, self.tenure.token);
        self.app
            .db
            .write(move |tx| sending::renew(tx, &ids, until, token))
            .await
    }

    /// Waits a little for what is under way, records it, and gives up the claims on the rest.
    async fn finish(&mut self) -> Result<()> {
        let until = tokio::time::Instant::now() + FINISH_WITHIN;
        while !self.sending.is_empty() && tokio::time::Instant::now() < until {
            self.wait(LOOK_EVERY).await;
        }
        self.record_finished().await?;
        self.sending.abort_all();
        let rest: Vec<i64> = self.under_way.keys().copied().collect();
        let token = self.tenure.token;
        self.app
            .db
            .write(move |tx| sending::renew(tx, &rest, 0, token))
            .await
    }
}

async fn send(app: App, delivery: Claimed, token: i64) -> Made {
    let sent_at = app.clock.now();
    let (attempt, parcel) = match pack(&app, &delivery, sent_at) {
        Ok(mut parcel) => {
            let post = app.sender.post_traced(&mut parcel);
            (traces::within(app.traces.apart(), post).await, Some(parcel))
        }
        Err(error) => {
            tracing::warn!(delivery.id = %delivery.uuid, "a delivery cannot be made: {error}");
            let error = Some(error.message);
            (
                Attempt {
                    error,
                    ..Attempt::default()
                },
                None,
            )
        }
    };
    let delivered = attempt.verdict() == Verdict::Delivered;
    app.metrics.webhooks.tried(delivered);
    tracing::debug!(
        delivery.id = %delivery.uuid,
        event = delivery.event.name,
        status = attempt.status,
        latency_ms = attempt.latency_ms,
        "tried to deliver an event"
    );
    let headers = parcel.as_ref().map(|parcel| {
        let headers = parcel
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()));
        serde_json::json!(headers.collect::<HashMap<_, _>>()).to_string()
    });
    Made {
        delivery_id: delivery.id,
        token,
        sent_at,
        now: app.clock.now(),
        attempt,
        request_headers: headers.unwrap_or_else(|| "{}".to_owned()),
        request_digest: parcel
            .map(|parcel| parcel::digest(&parcel.body))
            .unwrap_or_default(),
        jitter: rand::random(),
    }
}

fn pack(app: &App, delivery: &Claimed, sent_at: i64) -> Result<Parcel> {
    let settings = &app.settings.events;
    let secret = delivery.secret.as_ref();
    let secret = secret
        .map(|secret| settings.vault.open(secret))
        .transpose()?;
    let letter = Letter {
        id: &delivery.uuid,
        event: delivery.event,
        occurred_at: delivery.occurred_at,
        facts: &delivery.facts,
        public_url: &settings.public_url,
    };
    let envelope = Envelope {
        url: &delivery.url,
        format: delivery.format,
        secret: secret.as_deref(),
        sent_at,
    };
    parcel::pack(&letter, &envelope)
}
