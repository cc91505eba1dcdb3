//! The spans that wait for the collector: a bounded number, sent in batches by a thread of their own.
//!
//! Nobody waits here. A span that finds the queue full is dropped and counted.

use super::Options;
use super::sender::Sender;
use crate::metrics;
use opentelemetry::Context;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Span, SpanData, SpanProcessor,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// Spans that wait or are being sent.
const MAX_WAITING: usize = 4096;
/// Spans that are sent at once.
const MAX_BATCH: usize = 512;
/// How long a span waits for others.
const SEND_EVERY: Duration = Duration::from_secs(1);

/// The batches of OpenTelemetry's own processor, whose bound says nothing of what it drops, behind a
/// bound that counts.
#[derive(Debug)]
pub(super) struct Queue {
    batches: BatchSpanProcessor,
    waiting: Arc<AtomicUsize>,
    figures: metrics::Traces,
}

impl Queue {
    /// Starts the thread that sends.
    pub(super) fn start(options: Options, figures: metrics::Traces) -> Self {
        let waiting = Arc::new(AtomicUsize::new(0));
        let sender = Sender::new(options, waiting.clone(), figures.clone());
        let config = BatchConfigBuilder::default()
            .with_max_queue_size(MAX_WAITING)
            .with_max_export_batch_size(MAX_BATCH)
            .with_scheduled_delay(SEND_EVERY)
            .build();
        let batches = BatchSpanProcessor::builder(sender).with_batch_config(config);
        Self {
            batches: batches.build(),
            waiting,
            figures,
        }
    }
}

impl SpanProcessor for Queue {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if !span.span_context.is_sampled() {
            return;
        }
        if self.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            self.figures.dropped_by_queue.inc();
            return;
        }
        self.batches.on_end(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.batches.force_flush()
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.batches.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.batches.set_resource(resource);
    }
}
