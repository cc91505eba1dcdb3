//! Makes metrics and remembers them for the page.

use crate::error::{Error, Result};
use prometheus::core::Collector;
use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

/// Where metrics are remembered; cheap to clone.
#[derive(Clone, Default)]
pub struct Area {
    registry: Registry,
}

/// The name of a metric and what it tells.
type Naming = (&'static str, &'static str);

impl Area {
    /// Gives all metrics as Prometheus' text format 0.0.4 writes them.
    pub fn page(&self) -> Result<String> {
        prometheus::TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .map_err(broken)
    }

    fn keep<C: Collector + Clone + 'static>(&self, made: prometheus::Result<C>) -> Result<C> {
        let made = made.map_err(broken)?;
        self.registry
            .register(Box::new(made.clone()))
            .map_err(broken)?;
        Ok(made)
    }

    pub(super) fn counter(&self, (name, help): Naming) -> Result<IntCounter> {
        self.keep(IntCounter::new(name, help))
    }

    pub(super) fn float_counter(&self, (name, help): Naming) -> Result<prometheus::Counter> {
        self.keep(prometheus::Counter::new(name, help))
    }

    pub(super) fn counters(&self, naming: Naming, labels: &[&str]) -> Result<IntCounterVec> {
        self.keep(IntCounterVec::new(Opts::new(naming.0, naming.1), labels))
    }

    pub(super) fn gauge(&self, (name, help): Naming) -> Result<IntGauge> {
        self.keep(IntGauge::new(name, help))
    }

    pub(super) fn float_gauge(&self, (name, help): Naming) -> Result<Gauge> {
        self.keep(Gauge::new(name, help))
    }

    pub(super) fn gauges(&self, naming: Naming, labels: &[&str]) -> Result<IntGaugeVec> {
        self.keep(IntGaugeVec::new(Opts::new(naming.0, naming.1), labels))
    }

    pub(super) fn float_gauges(&self, naming: Naming, labels: &[&str]) -> Result<GaugeVec> {
        self.keep(GaugeVec::new(Opts::new(naming.0, naming.1), labels))
    }

    pub(super) fn histogram(&self, naming: Naming, buckets: &[f64]) -> Result<Histogram> {
        self.keep(Histogram::with_opts(options(naming, buckets)))
    }

    pub(super) fn histograms(
        &self,
        naming: Naming,
        buckets: &[f64],
        labels: &[&str],
    ) -> Result<HistogramVec> {
        self.keep(HistogramVec::new(options(naming, buckets), labels))
    }
}

fn options((name, help): Naming, buckets: &[f64]) -> HistogramOpts {
    HistogramOpts::new(name, help).buckets(buckets.to_vec())
}

fn broken(error: prometheus::Error) -> Error {
    Error::internal("The metrics of the server cannot be kept.").with_cause(error)
}
