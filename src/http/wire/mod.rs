//! How the MLflow protocol spells things: the only place that knows its field names.

pub mod body;
pub mod field;
