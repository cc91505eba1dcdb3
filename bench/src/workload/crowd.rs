//! W8: a crowd of training clients that log on time, and readers that search beside them.
//!
//! A log's latency counts from when it was due, so that a client that is kept waiting does not hide
//! the requests that it could not send.

use super::Scale;
use super::search::{find_experiment, first_request};
use crate::api;
use crate::body::Template;
use crate::pool::{self, Done};
use crate::sample::{Sample, quantile};
use crate::server::Running;
use anyhow::Result;
use std::time::{Duration, Instant};

const TRAINERS: usize = 64;
const READERS: usize = 4;
const EVERY: Duration = Duration::from_millis(100);
const KEYS: usize = 10;
const STEPS: usize = 10;

#[derive(Debug, Clone)]
enum Role {
    Trainer { run: String, number: u32 },
    Reader,
}

/// W8: 64 clients log 100 points every 100 ms, 4 readers search all the time.
pub(crate) fn training(server: &Running, scale: &Scale) -> Vec<Sample> {
    let share = Sample::new("W8", "share of the load taken", "%");
    match crowd(server, scale) {
        Ok(crowd) => crowd.samples(share),
        Err(error) => vec![share.with(Err(error))],
    }
}

struct Crowd {
    logs: Done,
    searches: Done,
    due: u64,
}

fn crowd(server: &Running, scale: &Scale) -> Result<Crowd> {
    let mut client = server.client();
    let search = first_request(&find_experiment(&mut client)?);
    let mut roles: Vec<Role> = api::create_runs(&mut client, "crowd", TRAINERS)?
        .into_iter()
        .zip(0..)
        .map(|(run, number)| Role::Trainer { run, number })
        .collect();
    roles.extend(vec![Role::Reader; READERS]);
    let time = scale.time.max(Duration::from_secs(3));
    let due = time.as_millis() as u64 / EVERY.as_millis() as u64;
    let parts = pool::run(server, roles, |client, role| match role {
        Role::Reader => Ok((
            pool::repeat(client, time, 1.0, |_| &search)?,
            Done::default(),
        )),
        Role::Trainer { run, number } => {
            let mut template = Template::batch(&run, KEYS, STEPS);
            // They do not all log in the same moment.
            let start = Instant::now() + EVERY * number / TRAINERS as u32;
            let mut done = Done::default();
            for tick in 0..due as u32 {
                let at = start + EVERY * tick;
                std::thread::sleep(at.saturating_duration_since(Instant::now()));
                if start.elapsed() > time {
                    break;
                }
                done.send(client, template.at(i64::from(tick) * STEPS as i64), 1.0)?;
                if let Some(latency) = done.latencies.last_mut() {
                    *latency = at.elapsed().as_secs_f64();
                }
            }
            Ok((Done::default(), done))
        }
    })?;
    let (searches, logs): (Vec<Done>, Vec<Done>) = parts.into_iter().unzip();
    Ok(Crowd {
        logs: pool::sum(&logs),
        searches: pool::sum(&searches),
        due: due * TRAINERS as u64,
    })
}

impl Crowd {
    fn samples(self, share: Sample) -> Vec<Sample> {
        let taken = self.logs.units / self.due as f64 * 100.0;
        let ms = |done: &Done, part| Ok(quantile(&done.latencies, part) * 1000.0);
        let errors = self.logs.errors + self.searches.errors;
        let lower = |what: &str, unit| Sample::new("W8", what, unit).lower();
        vec![
            share.with(Ok(taken)),
            lower("errors", "requests").with(Ok(errors as f64)),
            lower("log, p50", "ms").with(ms(&self.logs, 0.5)),
            lower("log, p99", "ms").with(ms(&self.logs, 0.99)),
            lower("search, p50", "ms").with(ms(&self.searches, 0.5)),
            lower("search, p99", "ms").with(ms(&self.searches, 0.99)),
        ]
    }
}
