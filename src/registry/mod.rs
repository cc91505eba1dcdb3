//! The model registry: registered models, their versions, stages and aliases, and the history of
//! all of them. Rules and SQL stand side by side.
//!
//! Invariant: whatever changes a model or a version appends to the history in the same
//! transaction, so that the history alone gives the current state; and appending emits the events
//! that tell others of the change.

pub mod alias;
mod announce;
pub mod history;
pub mod model;
mod origin;
pub mod past;
pub mod rule;
pub mod search;
pub mod source;
pub mod stage;
pub mod tag;
pub mod version;
