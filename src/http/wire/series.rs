//! The wire of curves: which part of which metrics, and their bytes.

use super::field::{Field, Message};
use super::run_table::{distinct, some, within};
use crate::error::{Error, Result};
use crate::tracking::curve::{Axis, MAX_BUCKETS, Window};
use schemars::JsonSchema;
use serde::Deserialize;

/// Slices of one curve when the request does not say.
const DEFAULT_BUCKETS: i64 = 800;
/// Slices of each of many curves when the request does not say.
const DEFAULT_BULK_BUCKETS: i64 = 300;
const MAX_RUNS: usize = 500;
const MAX_KEYS: usize = 100;
/// Curves of one request.
const MAX_CURVES: usize = 1_000;
/// Slices of all curves of one request.
const MAX_ALL_BUCKETS: usize = 400_000;

fn axis(x: Field<String>) -> Result<Axis> {
    match x.optional("x")?.as_deref() {
        None | Some("" | "step") => Ok(Axis::Step),
        Some("time") => Ok(Axis::Time),
        Some("relative") => Ok(Axis::Relative),
        Some(other) => Err(Error::invalid(format!(
            "x must be step, time or relative, and is '{other}'."
        ))),
    }
}

fn edge(field: Field<f64>, name: &str) -> Result<Option<f64>> {
    let edge = field.optional(name)?;
    match edge.filter(|edge| !edge.is_finite()) {
        Some(_) => Err(Error::invalid(format!("{name} must be a finite number."))),
        None => Ok(edge),
    }
}

/// A question for one curve.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["run_id", "key"]))]
pub struct ReadSeries {
    run_id: Field<String>,
    key: Field<String>,
    /// step, time or relative.
    x: Field<String>,
    /// The first x of the window.
    from: Field<f64>,
    /// The last x of the window.
    to: Field<f64>,
    /// 1 to 1,600 slices.
    buckets: Field<i64>,
}

impl Message for ReadSeries {}

impl ReadSeries {
    /// Gives the run, the key and the window.
    pub fn check(self) -> Result<(String, String, Window)> {
        let buckets = (1, MAX_BUCKETS as i64, DEFAULT_BUCKETS);
        Ok((
            self.run_id.required("run_id")?,
            self.key.required("key")?,
            Window {
                axis: axis(self.x)?,
                from: edge(self.from, "from")?,
                to: edge(self.to, "to")?,
                buckets: within(self.buckets, "buckets", buckets)?,
            },
        ))
    }
}

/// A question for the curves of many runs.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["run_ids", "keys"]))]
pub struct ReadManySeries {
    /// 1 to 500.
    run_ids: Field<Vec<Field<String>>>,
    /// 1 to 100.
    keys: Field<Vec<Field<String>>>,
    /// step, time or relative.
    x: Field<String>,
    from: Field<f64>,
    to: Field<f64>,
    /// Slices of each curve.
    buckets: Field<i64>,
}

impl Message for ReadManySeries {
    const LISTS: &'static [&'static str] = &["run_ids", "keys"];
}

impl ReadManySeries {
    /// Gives the runs, the keys and the window of each curve.
    pub fn check(self) -> Result<(Vec<String>, Vec<String>, Window)> {
        let runs = some(self.run_ids, "run_ids", MAX_RUNS)?;
        let keys = some(self.keys, "keys", MAX_KEYS)?;
        let bounds = (1, MAX_BUCKETS as i64, DEFAULT_BULK_BUCKETS);
        let buckets = within(self.buckets, "buckets", bounds)?;
        let curves = runs.len() * keys.len();
        if distinct(runs.clone()).len() < runs.len() || distinct(keys.clone()).len() < keys.len() {
            return Err(Error::invalid("Name each run and each key once."));
        }
        if curves > MAX_CURVES || curves * buckets > MAX_ALL_BUCKETS {
            return Err(Error::invalid(format!(
                "The request asks for {curves} curves of {buckets} buckets. Ask for at most \
                 {MAX_CURVES} curves and {MAX_ALL_BUCKETS} buckets in all."
            )));
        }
        let window = Window {
            axis: axis(self.x)?,
            from: edge(self.from, "from")?,
            to: edge(self.to, "to")?,
            buckets,
        };
        Ok((runs, keys, window))
    }
}
