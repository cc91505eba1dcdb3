//! The integration tests: one binary, one file per area, all through HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod artifacts;
mod audit;
mod bad_input;
mod batches;
mod cli;
mod concurrency;
mod database;
mod experiments;
mod graphql;
mod inputs;
mod logged_models;
mod metrics;
mod metrics_page;
mod metrics_random;
mod object_store;
mod postgres;
mod ready;
mod recorded;
mod registry;
mod replay;
mod replicas;
mod run_files;
mod runs;
mod schema;
mod search;
mod server;
mod server_routes;
mod stale;
mod support;
mod ui;
mod webhooks;
