//! Clients side by side, each on a thread and a connection of its own.

use crate::client::Client;
use crate::server::Running;
use anyhow::{Context, Result, ensure};
use std::sync::Barrier;
use std::time::{Duration, Instant};

/// What one client did: how much, and how long each of its requests took, in seconds.
#[derive(Debug, Default, Clone)]
pub(crate) struct Done {
    pub(crate) units: f64,
    pub(crate) latencies: Vec<f64>,
    pub(crate) requests: u64,
    /// Requests that were not answered with 200, and what came instead.
    pub(crate) errors: u64,
    pub(crate) first_error: String,
}

/// Runs one client for each item and waits for all; they start together.
pub(crate) fn run<I: Send, T: Send>(
    server: &Running,
    items: Vec<I>,
    work: impl Fn(&mut Client, I) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let barrier = Barrier::new(items.len());
    std::thread::scope(|scope| {
        let threads: Vec<_> = items
            .into_iter()
            .map(|item| {
                let (barrier, work) = (&barrier, &work);
                scope.spawn(move || {
                    let mut client = server.client();
                    barrier.wait();
                    work(&mut client, item)
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().ok().context("a client panicked")?)
            .collect()
    })
}

/// Sends requests until the time is over; `units` is what one of them is worth.
pub(crate) fn repeat<R: AsRef<[u8]>>(
    client: &mut Client,
    time: Duration,
    units: f64,
    mut next: impl FnMut(u64) -> R,
) -> Result<Done> {
    let mut done = Done::default();
    let end = Instant::now() + time;
    while Instant::now() < end {
        let request = next(done.requests);
        done.send(client, request.as_ref(), units)?;
    }
    Ok(done)
}

impl Done {
    /// Sends a request that is worth so many units, and counts it; gives the body of its answer.
    pub(crate) fn send(
        &mut self,
        client: &mut Client,
        request: &[u8],
        units: f64,
    ) -> Result<Vec<u8>> {
        let sent = Instant::now();
        let answer = client.send(request)?;
        self.latencies.push(sent.elapsed().as_secs_f64());
        self.requests += 1;
        if answer.status == 200 {
            self.units += units;
        } else {
            self.note(answer.status, &answer.body);
        }
        Ok(answer.body)
    }

    pub(crate) fn note(&mut self, status: u16, body: &[u8]) {
        self.errors += 1;
        if self.first_error.is_empty() {
            self.first_error = format!("{status} {}", String::from_utf8_lossy(body));
        }
    }
}

/// Adds up what clients did.
pub(crate) fn sum(parts: &[Done]) -> Done {
    let mut all = Done::default();
    for part in parts {
        all.units += part.units;
        all.requests += part.requests;
        all.errors += part.errors;
        all.latencies.extend_from_slice(&part.latencies);
        if all.first_error.is_empty() {
            all.first_error.clone_from(&part.first_error);
        }
    }
    all.latencies.sort_by(f64::total_cmp);
    all
}

/// Refuses what was not all answered with 200.
pub(crate) fn checked(done: Done) -> Result<Done> {
    ensure!(
        done.errors == 0,
        "{} of {} requests failed, the first with {}",
        done.errors,
        done.requests,
        done.first_error
    );
    Ok(done)
}
