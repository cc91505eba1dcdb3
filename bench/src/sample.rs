//! What is measured: a figure with its unit, and what the server spent on it.

use crate::server::Running;
use anyhow::{Result, ensure};
use std::time::{Duration, Instant};

/// Whether a larger figure is the better one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Better {
    Higher,
    Lower,
}

/// One figure of one repetition.
#[derive(Debug, Clone)]
pub(crate) struct Sample {
    /// As `W1`.
    pub(crate) workload: &'static str,
    /// As `1 client`.
    pub(crate) what: String,
    /// As `points/s`.
    pub(crate) unit: &'static str,
    pub(crate) better: Better,
    /// The figure, or why there is none.
    pub(crate) value: Result<f64, String>,
    /// CPU seconds of the server's processes for one unit of work.
    pub(crate) cpu: Option<f64>,
}

impl Sample {
    pub(crate) fn new(workload: &'static str, what: impl Into<String>, unit: &'static str) -> Self {
        Self {
            workload,
            what: what.into(),
            unit,
            better: Better::Higher,
            value: Err("not measured".to_owned()),
            cpu: None,
        }
    }

    pub(crate) fn lower(mut self) -> Self {
        self.better = Better::Lower;
        self
    }

    /// Takes the figure, or the reason why there is none.
    pub(crate) fn with(mut self, value: Result<f64>) -> Self {
        self.value = value.map_err(|error| short(&format!("{error:#}")));
        self
    }

    /// Takes a rate: so many units of work in that time, for that much CPU.
    pub(crate) fn rate(mut self, work: Result<Work>) -> Self {
        match work {
            Ok(work) => {
                self.cpu = Some(work.cpu / work.units.max(1.0));
                self.value = Ok(work.units / work.elapsed.as_secs_f64());
            }
            Err(error) => self.value = Err(short(&format!("{error:#}"))),
        }
        self
    }
}

/// Work that was done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Work {
    pub(crate) units: f64,
    pub(crate) elapsed: Duration,
    pub(crate) cpu: f64,
}

/// Measures what `run` does; it answers with the units of its work.
pub(crate) fn measure(server: &Running, run: impl FnOnce() -> Result<f64>) -> Result<Work> {
    let cpu = server.cpu_seconds();
    let started = Instant::now();
    let units = run()?;
    let elapsed = started.elapsed();
    ensure!(units > 0.0, "nothing was done in time");
    Ok(Work {
        units,
        elapsed,
        cpu: server.cpu_seconds() - cpu,
    })
}

/// Gives a part of sorted values: 0.5 is the median.
pub(crate) fn quantile(sorted: &[f64], part: f64) -> f64 {
    let last = sorted.len().saturating_sub(1);
    let index = (last as f64 * part).round() as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

/// Gives the median of values in any order; of an even number of them, the mean of the two in the
/// middle.
pub(crate) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (
        sorted.get(middle),
        middle.checked_sub(1).and_then(|at| sorted.get(at)),
    ) {
        (Some(high), Some(low)) if sorted.len().is_multiple_of(2) => f64::midpoint(*low, *high),
        (Some(value), _) => *value,
        (None, _) => f64::NAN,
    }
}

fn short(text: &str) -> String {
    let mut line: String = text.chars().filter(|c| *c != '|' && *c != '\n').collect();
    if line.chars().count() > 160 {
        line = line.chars().take(160).collect::<String>() + ".. ";
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_two() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert_eq!(median(&[7.0]), 7.0);
        assert!(median(&[]).is_nan());
    }
}
