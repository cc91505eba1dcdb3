//! The integration tests: one binary, one file per area, all through HTTP.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod recorded;
mod registry;
mod replay;
mod search;
mod server;
