//! Trackway: a tracking server and model registry for unmodified MLflow clients.

pub mod db;
pub mod error;
pub mod http;
