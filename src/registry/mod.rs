//! The model registry: registered models, their versions, stages and aliases, and the history of
//! all of them. Rules and SQL stand side by side.
//!
//! Invariant: whatever changes a model or a version appends to the history in the same
//! transaction, so that the history alone gives the current state; and appending emits the events
//! that tell others of the change.

pub mod aged;
pub mod alias;
mod announce;
pub mod consumer;
pub mod diff;
pub mod environment;
pub mod facts;
pub mod freeze;
pub mod history;
pub mod intake;
pub mod manifest;
mod mlmodel;
pub mod model;
pub mod model_uri;
pub mod named;
mod origin;
pub mod past;
pub mod policy;
pub mod resolution;
pub mod resolve;
pub mod rule;
pub mod search;
pub mod signature;
pub mod source;
pub mod stage;
pub mod standing;
pub mod tag;
pub mod verify;
pub mod version;
mod yaml;
