//! Comparing metrics: the values, and by how much they differ.

use super::lists::{bounded, cut};
use super::{Change, Section};
use crate::registry::facts::{Facts, Metric, Reading};
use crate::tracking::metric::is_system;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// A metric that differs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MetricRow {
    /// The metric, with `@ dataset` where it was measured on a dataset.
    pub key: String,
    pub change: Change,
    pub a: Option<Reading>,
    pub b: Option<Reading>,
    /// `b - a`; null where either is missing or no finite number.
    pub delta: Option<f64>,
    /// `(b - a) / |a|`, so that 0.1 means ten percent more; null also where `a` is 0.
    pub relative: Option<f64>,
}

/// Compares metrics; a value of the logged model goes before that of the run, which may have gone
/// on to train others. What differs comes by its name, that of the machine last.
pub(super) fn compare(a: &Facts, b: &Facts) -> Section<MetricRow> {
    let (of_a, of_b) = (readings(a), readings(b));
    let keys: BTreeSet<&String> = of_a.keys().chain(of_b.keys()).collect();
    let mut section = Section::default();
    for key in keys {
        match row(key, of_a.get(key), of_b.get(key)) {
            Some(row) => section.differ.push(row),
            None => section.equal += 1,
        }
    }
    section.differ.sort_by_key(|row| is_system(&row.key));
    cut(bounded(section), (a, b), "metrics of ")
}

fn readings(facts: &Facts) -> BTreeMap<String, Reading> {
    let of_run = facts.metrics.iter();
    let mut readings: BTreeMap<String, Reading> = of_run
        .map(|metric| (metric.key.clone(), metric.value))
        .collect();
    for metric in facts.logged_model.iter().flat_map(|model| &model.metrics) {
        readings.insert(key(metric), metric.value);
        if metric.dataset.is_some() {
            // The run knows the same value without its dataset.
            readings.remove(&metric.key);
        }
    }
    readings
}

fn key(metric: &Metric) -> String {
    match &metric.dataset {
        Some(dataset) => format!("{} @ {dataset}", metric.key),
        None => metric.key.clone(),
    }
}

fn row(key: &str, a: Option<&Reading>, b: Option<&Reading>) -> Option<MetricRow> {
    let change = match (a, b) {
        (Some(a), Some(b)) if a == b => return None,
        (Some(_), Some(_)) => Change::Changed,
        (None, _) => Change::Added,
        (_, None) => Change::Removed,
    };
    let delta = a.zip(b).map(|(a, b)| b.0 - a.0);
    let delta = delta.filter(|delta| delta.is_finite());
    let relative = delta.zip(a).map(|(delta, a)| delta / a.0.abs());
    Some(MetricRow {
        key: key.to_owned(),
        change,
        a: a.copied(),
        b: b.copied(),
        delta,
        relative: relative.filter(|relative| relative.is_finite()),
    })
}
