//! What a person looks at: summaries, tables and comparisons that put many things together.
//!
//! It reads and never writes. Its answers are shaped for the screen and carry their names on the
//! wire themselves, as the one thing they are for is to be shown.

pub mod columns;
pub mod compare;
pub mod counts;
pub mod experiments;
pub mod goal;
pub mod metrics;
pub mod number;
pub mod production;
pub mod table;
