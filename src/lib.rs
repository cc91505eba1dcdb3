//! Trackway: a tracking server and model registry for unmodified MLflow clients.

pub mod error;
