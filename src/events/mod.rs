//! What the server tells other systems about its changes.

pub mod send;
