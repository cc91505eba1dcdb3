//! Artifacts: the files that runs and models leave behind.
//!
//! What a client may call a file (`path`), where a run's files live (`location`, `host`), how they
//! are kept and read back (`store` over `local` or `objects`), and how a download is described
//! (`range`, `media`). It never knows HTTP requests or the database: handlers call it and record
//! the digests it returns.

pub mod claims;
pub mod connect;
pub mod direct;
pub mod location;
pub mod media;
pub mod path;
pub mod range;
pub mod shelf;
pub mod store;
pub mod survey;

mod abandoned;
mod failure;
mod host;
mod local;
mod objects;
mod reading;
mod staged;
pub(crate) mod uri;

#[cfg(test)]
mod store_tests;

pub use claims::{Claim, Spot};
pub use connect::Access;
pub use location::{LocationPolicy, Place};
pub use path::ArtifactPath;
pub use shelf::{Shelf, Site, Stores};
pub use store::{ArtifactStore, Download, Entry, Found, Stored};

use std::fmt::Write;

/// Writes bytes, such as a digest, as hexadecimal digits in lower case.
pub fn hexadecimal(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
