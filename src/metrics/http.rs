//! The metrics of requests and connections.

use super::{Area, LATENCIES, preset};
use crate::error::Result;
use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

/// Methods that have a label of their own; the last stands for all others.
const METHODS: [&str; 8] = [
    "GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "other",
];
/// Statuses that the server answers with; an answer with another one is counted a little slower.
const STATUSES: [u16; 18] = [
    200, 206, 304, 400, 401, 403, 404, 405, 408, 409, 413, 416, 429, 500, 501, 502, 503, 504,
];

/// Requests and connections; cheap to clone.
#[derive(Clone)]
pub struct Http {
    requests: IntCounterVec,
    duration: HistogramVec,
    pub in_flight: IntGauge,
    pub connections: IntGauge,
    refused: IntCounterVec,
    timeouts: IntCounterVec,
}

/// The metrics of one route, made as they are needed and found without a lock.
pub struct Endpoint {
    route: String,
    methods: [OnceLock<Answers>; METHODS.len()],
}

struct Answers {
    duration: Histogram,
    statuses: [OnceLock<IntCounter>; STATUSES.len()],
}

impl Endpoint {
    /// Takes the template of the route, as `/api/1.0/models/{name}`.
    pub fn new(route: impl Into<String>) -> Arc<Self> {
        Arc::new(Self {
            route: route.into(),
            methods: Default::default(),
        })
    }

    /// Gives the template of the route.
    pub fn route(&self) -> &str {
        &self.route
    }
}

impl Http {
    pub(super) fn new(area: &Area) -> Result<Self> {
        let made = Self {
            requests: area.counters(
                (
                    "trackway_http_requests_total",
                    "Requests that were answered, by method, route and status.",
                ),
                &["method", "route", "status"],
            )?,
            duration: area.histograms(
                (
                    "trackway_http_request_duration_seconds",
                    "Time from the head of a request to the head of its answer.",
                ),
                &LATENCIES,
                &["method", "route"],
            )?,
            in_flight: area.gauge((
                "trackway_http_requests_in_flight",
                "Requests whose answer is not sent whole yet.",
            ))?,
            connections: area.gauge(("trackway_http_connections", "Open connections."))?,
            refused: area.counters(
                (
                    "trackway_http_refused_total",
                    "Requests and connections that were refused because a limit was reached.",
                ),
                &["limit"],
            )?,
            timeouts: area.counters(
                (
                    "trackway_http_timeouts_total",
                    "Connections that were cut and bodies that were given up, by what was late.",
                ),
                &["of"],
            )?,
        };
        let limits = ["bodies", "connections", "requests", "transfers"];
        preset(&made.refused, &limits);
        preset(&made.timeouts, &["answer", "body", "head", "idle"]);
        Ok(made)
    }

    /// Counts an answer.
    pub fn answered(&self, endpoint: &Endpoint, (method, status): (&str, u16), took: Duration) {
        let slot = METHODS.iter().position(|known| *known == method);
        let slot = slot.unwrap_or(METHODS.len() - 1);
        let (Some(answers), Some(method)) = (endpoint.methods.get(slot), METHODS.get(slot)) else {
            return;
        };
        let route = endpoint.route();
        let answers = answers.get_or_init(|| Answers {
            duration: self.duration.with_label_values(&[*method, route]),
            statuses: Default::default(),
        });
        answers.duration.observe(took.as_secs_f64());
        let count = || {
            let status = status.to_string();
            self.requests
                .with_label_values(&[*method, route, status.as_str()])
        };
        let known = STATUSES.iter().position(|known| *known == status);
        match known.and_then(|slot| answers.statuses.get(slot)) {
            Some(counter) => counter.get_or_init(count).inc(),
            None => count().inc(),
        }
    }

    /// Counts what a limit refused.
    pub fn refused(&self, limit: &'static str) {
        self.refused.with_label_values(&[limit]).inc();
    }

    /// Counts what was late.
    pub fn late(&self, of: &'static str) {
        self.timeouts.with_label_values(&[of]).inc();
    }
}
