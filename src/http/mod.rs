//! The HTTP side: reads a request, calls one domain function, writes the answer.

mod api;
mod audited;
mod file;
mod graphql;
mod health;
mod input;
mod mlflow;
mod reply;
pub mod router;
mod security;
mod task;
pub mod wire;
