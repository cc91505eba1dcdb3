//! Spans of what the server does, sent to a collector by OTLP; off unless a collector is named.
//!
//! Which span a task works for is kept beside the task (`current`), so that nobody in between has to
//! pass it on: where there is none, every call here is one look and no more. Spans carry names of
//! our own, numbers and codes, never a body, a query or a path of a request, and of its headers its ids.

mod current;
mod queue;
mod sender;
mod transaction;

pub use current::{around, carried, child, within};
pub use opentelemetry::trace::SpanKind;
pub use transaction::{Steps, Transaction};

use crate::error::{Code, Error};
use crate::metrics;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::propagation::{Extractor, TextMapPropagator};
use opentelemetry::trace::{
    Span as _, SpanContext, Status, TraceContextExt, Tracer, TracerProvider,
};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::resource::{EnvResourceDetector, TelemetryResourceDetector};
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use opentelemetry_sdk::{Resource, trace};
use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

/// How long a stopping server waits for the collector to take the last spans.
const FLUSH_WITHIN: Duration = Duration::from_secs(3);

/// Where spans are sent, and of which requests there are any.
#[derive(Debug)]
pub struct Options {
    /// The URL that they are posted to.
    pub endpoint: String,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub service_name: String,
    pub sampling: Sampling,
}

/// Which requests get spans.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// What holds for a request that no span of the caller stands above.
    pub root: Root,
    /// Whether the caller decides where one does.
    pub follows_parent: bool,
}

/// How many of the requests get spans.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Root {
    Always,
    Never,
    /// From 0 to 1.
    Share(f64),
}

impl Sampling {
    fn sampler(self) -> Sampler {
        let root = match self.root {
            Root::Always => Sampler::AlwaysOn,
            Root::Never => Sampler::AlwaysOff,
            Root::Share(share) => Sampler::TraceIdRatioBased(share),
        };
        match self.follows_parent {
            true => Sampler::ParentBased(Box::new(root)),
            false => root,
        }
    }
}

/// What makes spans; cheap to clone. The default one makes none.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<Running>>);

struct Running {
    tracer: SdkTracer,
    provider: SdkTracerProvider,
}

impl Traces {
    /// Begins to send spans in the background; without options there are none.
    pub fn start(options: Option<Options>, figures: metrics::Traces) -> Self {
        let Some(options) = options else {
            return Self::default();
        };
        let resource = Resource::builder_empty()
            .with_detector(Box::new(TelemetryResourceDetector))
            .with_detector(Box::new(EnvResourceDetector::new()))
            .with_attributes([
                KeyValue::new("service.name", options.service_name.clone()),
                KeyValue::new("service.version", env!("CARGO_PKG_VERSION")),
            ])
            .build();
        let sampler = options.sampling.sampler();
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(sampler)
            .with_span_processor(queue::Queue::start(options, figures))
            .build();
        Self::of(provider)
    }

    fn of(provider: SdkTracerProvider) -> Self {
        let tracer = provider.tracer("trackway");
        Self(Some(Arc::new(Running { tracer, provider })))
    }

    /// Says whether spans are made at all.
    pub fn are_on(&self) -> bool {
        self.0.is_some()
    }

    /// Begins the span of a request, below the caller's where its headers name one.
    pub fn serve(&self, name: impl Into<Cow<'static, str>>, headers: &HeaderMap) -> Option<Span> {
        let running = self.0.as_ref()?;
        let caller =
            TraceContextPropagator::new().extract_with_context(&Context::new(), &Headers(headers));
        let scope = Scope {
            tracer: running.tracer.clone(),
            parent: caller.span().span_context().clone(),
        };
        Some(scope.span(name.into(), SpanKind::Server))
    }

    /// Gives a scope in which spans have no parent: that of a job. `None` where there are no spans.
    pub fn apart(&self) -> Option<Scope> {
        let running = self.0.as_ref()?;
        Some(Scope {
            tracer: running.tracer.clone(),
            parent: SpanContext::NONE,
        })
    }

    /// Sends what is left, for some seconds at the most, and makes no more spans that are sent.
    pub async fn stop(&self) {
        let Some(running) = self.0.clone() else {
            return;
        };
        let stop = move || running.provider.shutdown_with_timeout(FLUSH_WITHIN);
        // Why spans could not be sent was told when it began.
        let _ = tokio::task::spawn_blocking(stop).await;
    }
}

/// The headers of a request, as the propagator asks for them.
struct Headers<'h>(&'h HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// What spans begin below.
#[derive(Clone)]
pub struct Scope {
    tracer: SdkTracer,
    parent: SpanContext,
}

impl Scope {
    /// Begins a span; none below one that is not sent.
    fn begin(&self, name: impl Into<Cow<'static, str>>, kind: SpanKind) -> Option<Span> {
        if self.parent.is_valid() && !self.parent.is_sampled() {
            return None;
        }
        Some(self.span(name.into(), kind))
    }

    fn span(&self, name: Cow<'static, str>, kind: SpanKind) -> Span {
        // A parent that is none must not be there: samplers would take it for one that is not sent.
        let above = match self.parent.is_valid() {
            true => Context::new().with_remote_span_context(self.parent.clone()),
            false => Context::new(),
        };
        let builder = self.tracer.span_builder(name).with_kind(kind);
        let inner = self.tracer.build_with_context(builder, &above);
        let below = Scope {
            tracer: self.tracer.clone(),
            parent: inner.span_context().clone(),
        };
        Span { inner, below }
    }
}

/// A span under way; it ends when it is dropped.
pub struct Span {
    inner: trace::Span,
    below: Scope,
}

impl Span {
    /// Gives what its children begin below.
    pub fn scope(&self) -> Scope {
        self.below.clone()
    }

    /// Sets an attribute, which has not been set before.
    pub fn set(&mut self, key: &'static str, value: impl Into<Value>) {
        self.inner.set_attribute(KeyValue::new(key, value));
    }

    /// Marks the span as failed, by a word for the kind of failure.
    pub fn fail(&mut self, kind: impl Into<Value>) {
        self.set("error.type", kind);
        self.inner.set_status(Status::error(""));
    }

    /// Marks the span as failed if the server failed, or put the work off; a refusal by a rule is no
    /// failure.
    pub fn judge(&mut self, error: Option<&Error>) {
        if let Some(error) = error
            && matches!(
                error.code,
                Code::Internal | Code::Unavailable | Code::TooManyRequests
            )
        {
            self.fail(error.code.name());
        }
    }

    /// Gives the id of the trace, in hexadecimal.
    pub fn trace_id(&self) -> String {
        self.below.parent.trace_id().to_string()
    }

    /// Gives the header `traceparent` of a request that is sent below this span.
    pub fn traceparent(&self) -> String {
        let context = &self.below.parent;
        let flags = context.trace_flags().to_u8();
        format!(
            "00-{}-{}-{flags:02x}",
            context.trace_id(),
            context.span_id()
        )
    }
}

#[cfg(test)]
#[path = "traces_tests.rs"]
mod tests;
