//! The HTTP side: reads a request, calls one domain function, writes the answer.

mod api;
mod audited;
mod bodies;
pub mod connection;
mod file;
mod graphql;
pub mod health;
mod input;
mod leftover;
mod mlflow;
mod observe;
mod openapi;
mod pages;
mod reply;
pub mod router;
mod security;
mod socket;
mod task;
mod traced;
pub mod wire;
