//! Posts batches of spans to the collector, and says when it takes none.
//!
//! A batch that is not taken is dropped: traces are no record, and keeping them for later would only
//! drop others.

use super::Options;
use crate::metrics;
use hyper::header::{HeaderName, HeaderValue};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use prost::Message;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use ureq::Agent;
use ureq::tls::{RootCerts, TlsConfig};

/// How long the collector may take for a batch, from connecting to its answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// For how long nothing is said of a collector that goes and comes.
const QUIET: Duration = Duration::from_secs(600);
/// The longest answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 * 1024;

/// Sends what it is given, one batch after the other.
#[derive(Debug)]
pub(super) struct Sender {
    agent: Agent,
    endpoint: String,
    headers: Vec<(HeaderName, HeaderValue)>,
    resource: ResourceAttributesWithSchema,
    outage: Mutex<Outage>,
    /// The spans that wait or are being sent.
    waiting: Arc<AtomicUsize>,
    figures: metrics::Traces,
}

impl Sender {
    pub(super) fn new(
        options: Options,
        waiting: Arc<AtomicUsize>,
        figures: metrics::Traces,
    ) -> Self {
        // A collector inside a company has its certificate from there, as the system knows.
        let tls = TlsConfig::builder().root_certs(RootCerts::PlatformVerifier);
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(TIMEOUT))
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("trackway/", env!("CARGO_PKG_VERSION")))
            .tls_config(tls.build());
        Self {
            agent: config.build().new_agent(),
            endpoint: options.endpoint,
            headers: options.headers,
            resource: ResourceAttributesWithSchema::default(),
            outage: Mutex::default(),
            waiting,
            figures,
        }
    }

    /// Sends a batch; gives how many of its spans the collector refused, or why it took none.
    fn post(&self, batch: Vec<SpanData>) -> Result<u64, String> {
        let resource_spans = group_spans_by_resource_and_scope(batch, &self.resource);
        let body = ExportTraceServiceRequest { resource_spans }.encode_to_vec();
        let mut request = self.agent.post(&self.endpoint);
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut answer = request
            .content_type("application/x-protobuf")
            .send(&body[..])
            .map_err(|error| error.to_string())?;
        let status = answer.status();
        if !status.is_success() {
            return Err(format!("it answered {status}"));
        }
        let body = answer.body_mut().with_config().limit(MAX_ANSWER);
        let read = body.read_to_vec().unwrap_or_default();
        // A collector that answers in another way took the batch all the same.
        let told = ExportTraceServiceResponse::decode(&read[..]).unwrap_or_default();
        let refused = told.partial_success.map_or(0, |part| part.rejected_spans);
        Ok(u64::try_from(refused).unwrap_or(0))
    }

    fn tell(&self, outcome: &Result<u64, String>) {
        let mut outage = self.outage.lock().unwrap_or_else(PoisonError::into_inner);
        let news = outage.note(outcome.is_ok(), Instant::now());
        let endpoint = &self.endpoint;
        match (news, outcome) {
            (Some(News::Away), Err(reason)) => tracing::warn!(
                endpoint,
                reason,
                "the collector of traces.endpoint takes no spans, which are dropped until it does; \
                 it must speak OTLP over HTTP with protobuf, which most do on port 4318"
            ),
            (Some(News::Back), _) => tracing::info!(endpoint, "the collector takes spans again"),
            _ => {}
        }
    }
}

impl SpanExporter for Sender {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let count = batch.len();
        let outcome = self.post(batch);
        self.waiting.fetch_sub(count, Ordering::Relaxed);
        let refused = match &outcome {
            Ok(refused) => (*refused).min(count as u64),
            Err(_) => count as u64,
        };
        self.figures.dropped_by_collector.inc_by(refused);
        self.figures.sent.inc_by(count as u64 - refused);
        self.tell(&outcome);
        outcome.map(drop).map_err(OTelSdkError::InternalFailure)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.resource = resource.into();
    }
}

/// Whether the collector takes spans, and when it was last told that it does not.
#[derive(Debug, Default)]
struct Outage {
    /// Whether the present outage was told; `None` where there is none.
    is_told: Option<bool>,
    told_at: Option<Instant>,
}

#[derive(Debug, PartialEq, Eq)]
enum News {
    Away,
    Back,
}

impl Outage {
    /// Notes how a batch fared, and gives what the operator should know of it.
    fn note(&mut self, is_taken: bool, now: Instant) -> Option<News> {
        if is_taken {
            return self.is_told.take().filter(|told| *told).map(|_| News::Back);
        }
        if self.is_told.is_some() {
            return None;
        }
        let is_fresh = self
            .told_at
            .is_none_or(|at| now.duration_since(at) >= QUIET);
        self.is_told = Some(is_fresh);
        if !is_fresh {
            return None;
        }
        self.told_at = Some(now);
        Some(News::Away)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outage_is_told_once_and_one_soon_after_it_not_at_all() {
        let (start, mut outage) = (Instant::now(), Outage::default());
        let mut check = |after_s: u64, is_taken: bool, expected: Option<News>| {
            let now = start + Duration::from_secs(after_s);
            assert_eq!(outage.note(is_taken, now), expected, "{after_s} s");
        };
        check(0, true, None);
        check(1, false, Some(News::Away));
        check(2, false, None);
        check(3, true, Some(News::Back));
        check(4, true, None);
        check(5, false, None);
        check(6, true, None);
        check(601, false, Some(News::Away));
        check(3000, false, None);
        check(3001, true, Some(News::Back));
    }
}
