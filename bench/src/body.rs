//! Requests prepared ahead: their numbers are overwritten in place before each is sent.
//!
//! Steps and timestamps have a fixed width, so that a request keeps its length.

use crate::client::post;
use crate::data::value_of;

/// The first step; all of them have as many digits.
pub(crate) const FIRST_STEP: i64 = 10_000_000;
/// The first timestamp, in milliseconds.
pub(crate) const FIRST_TIMESTAMP: i64 = 1_700_000_000_000;
/// Stands where the id of a run goes.
pub(crate) const RUN_MARK: &str = "00000000000000000000000000000000";

/// A request whose steps, timestamps and run can be overwritten.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    /// Where each point's step and timestamp stand, and its step counted from the first.
    places: Vec<(usize, usize, i64)>,
}

impl Template {
    /// Prepares a batch: for each key so many steps in a row. The value of a point is
    /// `value_of(key, step)`, of the steps of this template.
    pub(crate) fn batch(run: &str, keys: usize, steps: usize) -> Self {
        let mut body = format!("{{\"run_id\":\"{run}\",\"metrics\":[");
        let mut places = Vec::new();
        for step in 0..steps {
            for key in 0..keys {
                if step + key > 0 {
                    body.push(',');
                }
                places.push(push_point(&mut body, &metric_name(key), key, step));
            }
        }
        body.push_str("]}");
        Self::finish("/api/2.0/mlflow/runs/log-batch", body, places)
    }

    /// Prepares a single point of key 0.
    pub(crate) fn metric(run: &str) -> Self {
        let mut point = String::new();
        let place = push_point(&mut point, &metric_name(0), 0, 0);
        let start = format!("{{\"run_id\":\"{run}\",");
        let body = format!("{start}{}", point.trim_start_matches('{'));
        let shift = start.len() - 1;
        let places = vec![(place.0 + shift, place.1 + shift, place.2)];
        Self::finish("/api/2.0/mlflow/runs/log-metric", body, places)
    }

    fn finish(path: &str, body: String, places: Vec<(usize, usize, i64)>) -> Self {
        let bytes = post(path, &body);
        let head = bytes.len() - body.len();
        let places = places
            .into_iter()
            .map(|(step, timestamp, offset)| (step + head, timestamp + head, offset))
            .collect();
        Self { bytes, places }
    }

    /// Gives the request with its steps moved on by so many.
    pub(crate) fn at(&mut self, first: i64) -> &[u8] {
        for (step, timestamp, offset) in &self.places {
            write_digits(&mut self.bytes, *step, FIRST_STEP + first + offset, 8);
            write_digits(
                &mut self.bytes,
                *timestamp,
                FIRST_TIMESTAMP + first + offset,
                13,
            );
        }
        &self.bytes
    }
}

/// Names a metric.
pub(crate) fn metric_name(key: usize) -> String {
    format!("metric_{key}")
}

/// Appends a point and gives where its step and its timestamp stand, and its step.
fn push_point(body: &mut String, name: &str, key: usize, step: usize) -> (usize, usize, i64) {
    body.push_str(&format!(
        "{{\"key\":\"{name}\",\"value\":{:?},\"timestamp\":",
        value_of(key as u64, step as u64)
    ));
    let timestamp = body.len();
    body.push_str(&format!("{FIRST_TIMESTAMP},\"step\":"));
    let place = body.len();
    body.push_str(&format!("{FIRST_STEP}}}"));
    (place, timestamp, step as i64)
}

fn write_digits(bytes: &mut [u8], start: usize, mut number: i64, width: usize) {
    for index in (start..start + width).rev() {
        if let Some(byte) = bytes.get_mut(index) {
            *byte = b'0' + (number % 10) as u8;
        }
        number /= 10;
    }
}

/// Overwrites the mark of the run in a request.
pub(crate) fn name_run(request: &mut [u8], run: &str) {
    let mark = RUN_MARK.as_bytes();
    let place = request
        .windows(mark.len())
        .position(|window| window == mark);
    if let Some(place) = place
        && let Some(target) = request.get_mut(place..place + mark.len())
        && run.len() == mark.len()
    {
        target.copy_from_slice(run.as_bytes());
    }
}
