//! Trackway: a tracking server and model registry for unmodified MLflow clients.

pub mod app;
pub mod artifacts;
pub mod audit;
pub mod cli;
pub mod config;
pub mod ctx;
pub mod db;
pub mod error;
pub mod events;
pub mod http;
pub mod insight;
pub mod jobs;
pub mod logging;
pub mod metrics;
pub mod names;
pub mod python;
pub mod registry;
pub mod replicas;
pub mod search;
pub mod server;
pub mod traces;
pub mod tracking;
