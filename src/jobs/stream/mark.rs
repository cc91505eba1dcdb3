//! Where everything stands, as one short text: what a page or a stream knew last.

use crate::db::Tx;
use crate::error::Result;

/// Where everything stands: what a stream was told of, and goes on from after a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Mark {
    /// The newest trace of a run.
    pub runs: i64,
    /// The newest entry of the registry's history.
    pub history: i64,
    /// Entries of the audit log.
    pub audit: i64,
    /// The newest delivery, and the newest attempt at one.
    pub deliveries: (i64, i64),
    /// What differs whenever an experiment is created, changed or deleted.
    pub experiments: (i64, i64),
    /// When that was, in milliseconds since 1970 by the clock of the server.
    pub at: i64,
}

impl Mark {
    /// Writes the mark as the id of an event.
    pub fn id(&self) -> String {
        format!(
            "{}.{}.{}.{}.{}.{}.{}.{}",
            self.runs,
            self.history,
            self.audit,
            self.deliveries.0,
            self.deliveries.1,
            self.experiments.0,
            self.experiments.1,
            self.at
        )
    }

    /// Reads what `id` wrote.
    pub fn parse(id: &str) -> Option<Self> {
        let numbers: Vec<i64> = id
            .split('.')
            .map(|part| part.parse().ok())
            .collect::<Option<_>>()?;
        let [runs, history, audit, a, b, c, d, at] = numbers.try_into().ok()?;
        Some(Self {
            runs,
            history,
            audit,
            deliveries: (a, b),
            experiments: (c, d),
            at,
        })
    }
}

/// Reads where everything stands; `at` is the time.
pub(super) fn now(tx: &mut Tx<'_>, at: i64) -> Result<Mark> {
    let mut one = |sql: &str| tx.query_one(sql, &[], |row| row.get::<i64>(0));
    let mark = Mark {
        runs: one("select coalesce(max(id), 0) from run_changes")?,
        history: one("select coalesce(max(id), 0) from registry_history")?,
        audit: one("select coalesce(max(size), 0) from audit_tree")?,
        deliveries: (
            one("select coalesce(max(id), 0) from webhook_deliveries")?,
            one("select coalesce(max(id), 0) from webhook_attempts")?,
        ),
        experiments: (
            one("select coalesce(max(updated_at), 0) from experiments")?,
            one("select count(*) + coalesce(max(id), 0) from experiments where lifecycle = 1")?,
        ),
        at,
    };
    Ok(mark)
}
