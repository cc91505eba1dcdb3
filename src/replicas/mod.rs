//! What the servers that share one database agree on: who does which job of the background
//! (`lease`), and who changes which files (`claim`).
//!
//! Both are rows that their owner renews and that end by themselves when it does not. What is written
//! on the strength of one is checked in the transaction that writes it, so that a server that stood
//! still and wakes up does no harm. Where no other server can be, on SQLite, nothing is renewed.

pub mod claim;
pub mod lease;

pub use claim::{Claim, Claims};
pub use lease::{Leases, Tenure};

use std::time::Duration;

/// How often leases and claims are renewed, and free leases looked for.
pub const RENEW_EVERY: Duration = Duration::from_millis(1500);

/// Makes a name that no other server has, and no earlier start of this one.
pub fn name() -> String {
    let host = rustix::system::uname();
    let host = host.nodename().to_string_lossy().into_owned();
    let unique = uuid::Uuid::new_v4().simple();
    format!("{host}/{}/{unique}", std::process::id())
}
