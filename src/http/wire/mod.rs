//! How the MLflow protocol spells things: the only place that knows its field names.

pub mod aged;
pub mod artifact;
pub mod audit;
pub mod batch;
pub mod body;
pub mod consumer;
pub mod dataset;
pub mod direct;
pub mod experiment;
pub mod field;
pub mod logged_model;
pub mod manifest;
pub mod metric;
pub mod model_version;
pub mod pair;
pub mod registered_model;
pub mod registry_history;
pub mod resolve;
pub mod run;
pub mod version_facts;
pub mod webhook;
pub mod webhook_delivery;
