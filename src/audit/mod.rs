//! The audit log: who did what, when and why, in a form that shows whether it was touched.
//!
//! Each state-changing request appends one entry in the transaction that makes the change, and
//! each refused one an entry of its own. The entries are the leaves of a Merkle tree, and the
//! server signs the heads of the tree. Nothing here ever changes or deletes an entry.

pub mod check;
pub mod checkpoint;
pub mod entry;
pub mod key;
pub mod log;
pub mod note;
pub mod search;
pub mod tree;
