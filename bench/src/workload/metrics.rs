//! W1 and W1b: metrics in batches and one by one.

use super::Scale;
use crate::api;
use crate::body::{FIRST_STEP, FIRST_TIMESTAMP, RUN_MARK, Template, metric_name};
use crate::data::value_of;
use crate::pool::{self, Done};
use crate::sample::{Sample, measure};
use crate::server::{Kind, Running};
use anyhow::{Result, ensure};
use std::time::Instant;

const KEYS: usize = 10;
const STEPS: usize = 100;

/// W1: batches of 1,000 points, of 10 metrics in 100 steps.
pub(crate) fn batches(server: &Running, scale: &Scale) -> Vec<Sample> {
    [1, 8]
        .map(|clients| {
            let sample = Sample::new("W1", title(clients), "points/s");
            sample.rate(rate(server, scale, clients, Shape::Batch))
        })
        .into()
}

/// W1b: one point a request.
pub(crate) fn singles(server: &Running, scale: &Scale) -> Vec<Sample> {
    [1, 8, 64]
        .map(|clients| {
            let sample = Sample::new("W1b", title(clients), "requests/s");
            sample.rate(rate(server, scale, clients, Shape::Single))
        })
        .into()
}

pub(super) fn title(clients: usize) -> String {
    match clients {
        1 => "1 client".to_owned(),
        clients => format!("{clients} clients"),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Batch,
    Single,
}

fn rate(
    server: &Running,
    scale: &Scale,
    clients: usize,
    shape: Shape,
) -> Result<crate::sample::Work> {
    let runs = match server.kind {
        Kind::Floor => vec![RUN_MARK.to_owned(); clients],
        _ => {
            let name = format!("{shape:?} of {clients}");
            api::create_runs(&mut server.client(), &name, clients)?
        }
    };
    let (keys, steps) = match shape {
        Shape::Batch => (KEYS, STEPS),
        Shape::Single => (1, 1),
    };
    let mut parts: Vec<Done> = Vec::new();
    let work = measure(server, || {
        parts = pool::run(server, runs.clone(), |client, run| {
            let mut template = match shape {
                Shape::Batch => Template::batch(&run, KEYS, STEPS),
                Shape::Single => Template::metric(&run),
            };
            let mut done = Done::default();
            let end = Instant::now() + scale.time;
            while Instant::now() < end {
                let first = done.requests as i64 * steps as i64;
                done.send(client, template.at(first), (keys * steps) as f64)?;
            }
            Ok(done)
        })?;
        Ok(pool::checked(pool::sum(&parts))?.units)
    })?;
    if server.kind != Kind::Floor {
        for (run, done) in runs.iter().zip(&parts).take(2) {
            check(server, run, done.requests, (keys, steps))?;
        }
    }
    Ok(work)
}

/// Reads a metric back: as many points as were acknowledged, each with its value to the last bit.
fn check(server: &Running, run: &str, requests: u64, (keys, steps): (usize, usize)) -> Result<()> {
    let key = keys - 1;
    let name = metric_name(key);
    let mut points = api::history(&mut server.client(), run, &name)?;
    let expected = requests as usize * steps;
    ensure!(
        points.len() == expected,
        "{name} has {} points instead of {expected}",
        points.len()
    );
    points.sort_by_key(|point| point.0);
    for (number, point) in points.iter().enumerate() {
        let value = value_of(key as u64, (number % steps) as u64);
        let number = number as i64;
        let wanted = (FIRST_STEP + number, FIRST_TIMESTAMP + number, value);
        ensure!(
            *point == wanted,
            "{name} has {point:?} instead of {wanted:?}"
        );
    }
    Ok(())
}
