//! Says how far the demo is, on standard error and for people only: a line that changes in place on
//! a terminal, nothing anywhere else.

use super::plan::Job;
use std::io::{IsTerminal, Write, stderr};

pub(super) struct Progress {
    total: usize,
    is_shown: bool,
}

impl Progress {
    pub(super) fn new<'a>(is_json: bool, jobs: impl Iterator<Item = &'a Job>) -> Self {
        Self {
            total: jobs.map(|job| 1 + job.trials.len()).sum(),
            is_shown: !is_json && stderr().is_terminal(),
        }
    }

    pub(super) fn show(&self, runs: usize) {
        if self.is_shown {
            // A terminal that has gone is no reason to stop.
            let _ = write!(stderr(), "\r{runs} of {} runs", self.total);
        }
    }

    /// Clears the line.
    pub(super) fn end(&self) {
        if self.is_shown {
            let _ = write!(stderr(), "\r\x1b[K");
        }
    }
}
