//! How a serving process stands to what it follows: what it reported against where its URI leads.

use super::consumer::{Report, State, Stored};
use super::model_uri::ModelUri;
use super::resolve::{self, Resolved};
use crate::db::Tx;
use crate::error::{Code, Result};

/// How a process stands to what its URI leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    InSync,
    Behind,
    Failed,
    Stale,
}

impl Status {
    /// Gives the name of the status.
    pub fn name(self) -> &'static str {
        match self {
            Status::InSync => "in_sync",
            Status::Behind => "behind",
            Status::Failed => "failed",
            Status::Stale => "stale",
        }
    }
}

/// Where a URI leads now, or why it leads nowhere; since when, where that is known.
#[derive(Debug, Clone)]
pub struct Desired {
    pub uri: ModelUri,
    pub resolved: Result<Box<Resolved>, String>,
    pub since: Option<i64>,
}

impl Desired {
    /// Looks where a URI leads.
    pub fn find(tx: &mut Tx<'_>, uri: &ModelUri) -> Result<Self> {
        let resolved = match resolve::resolve(tx, uri) {
            Ok(resolved) => Ok(Box::new(resolved)),
            Err(error) if error.code == Code::NotFound => Err(error.message),
            Err(error) => return Err(error),
        };
        Ok(Self {
            uri: uri.clone(),
            resolved,
            since: resolve::since(tx, uri)?,
        })
    }
}

/// What is to be said of a process: its status, since when, and why it is not another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub status: Status,
    /// Milliseconds since 1970, in UTC.
    pub since: i64,
    /// Empty for one in sync.
    pub reason: String,
}

/// Compares what a process reported with where its URI leads. Pure.
///
/// `now` and `stale_after` are in milliseconds; a report older than `stale_after` says nothing any
/// more.
pub fn judge(stored: &Stored, desired: &Desired, (now, stale_after): (i64, i64)) -> Verdict {
    let report = &stored.report;
    let moved = desired.since.unwrap_or(i64::MIN);
    let verdict = |status, since, reason| Verdict {
        status,
        since,
        reason,
    };
    let stale_at = stored.reported_at.saturating_add(stale_after);
    if now > stale_at {
        let reason = "It has not reported for longer than it may.".to_owned();
        return verdict(Status::Stale, stale_at, reason);
    }
    if report.state == State::Failed {
        return verdict(Status::Failed, stored.state_since, report.error.clone());
    }
    let since = stored.loaded_since.max(moved);
    match lag(report, desired) {
        Some(reason) => verdict(Status::Behind, since, reason),
        None if report.state == State::Loading => {
            let reason = "It is loading.".to_owned();
            verdict(Status::Behind, stored.state_since.max(moved), reason)
        }
        None => verdict(Status::InSync, since, String::new()),
    }
}

/// Says what is wrong with the version that a process serves.
fn lag(report: &Report, desired: &Desired) -> Option<String> {
    let resolved = match &desired.resolved {
        Ok(resolved) => resolved,
        Err(gone) => return report.loaded_version.map(|_| gone.clone()),
    };
    let number = resolved.version.number;
    match report.loaded_version {
        None => return Some(format!("It serves no version and should serve {number}.")),
        Some(loaded) if loaded != number => {
            return Some(format!(
                "It serves version {loaded} and should serve {number}."
            ));
        }
        Some(_) => {}
    }
    let (loaded, registered) = (report.loaded_digest.as_ref()?, resolved.digest.as_ref()?);
    (loaded != registered).then(|| {
        format!(
            "It serves files with the digest {loaded}; those of version {number} have {registered}."
        )
    })
}
