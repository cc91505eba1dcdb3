//! Experiments, runs and what they record: the rules and the SQL side by side.

pub mod artifact;
pub mod assemble;
pub mod batch;
pub mod bulk;
pub mod change;
pub mod curve;
pub mod dataset;
pub mod experiment;
pub mod fold;
pub mod history;
pub mod legacy_model;
pub mod logged_model;
pub mod metric;
pub mod param;
pub mod rule;
pub mod run;
pub mod search;
pub mod series;
pub mod tag;
pub mod view;
pub mod watch;
