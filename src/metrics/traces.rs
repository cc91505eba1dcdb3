//! What is counted of the spans that go to a collector.

use super::{Area, preset};
use crate::error::Result;
use prometheus::IntCounter;

/// The spans that were sent, and those that were not; cheap to clone.
#[derive(Debug, Clone)]
pub struct Traces {
    pub sent: IntCounter,
    pub dropped_by_queue: IntCounter,
    pub dropped_by_collector: IntCounter,
}

impl Traces {
    pub(super) fn new(area: &Area) -> Result<Self> {
        let dropped = area.counters(
            (
                "trackway_traces_dropped_spans_total",
                "Spans that were lost: the queue was full, or the collector did not take them.",
            ),
            &["by"],
        )?;
        preset(&dropped, &["collector", "queue"]);
        Ok(Self {
            sent: area.counter((
                "trackway_traces_sent_spans_total",
                "Spans that the collector took.",
            ))?,
            dropped_by_queue: dropped.with_label_values(&["queue"]),
            dropped_by_collector: dropped.with_label_values(&["collector"]),
        })
    }
}
