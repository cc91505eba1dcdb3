//! How much there is of everything.

use crate::db::Tx;
use crate::error::Result;
use schemars::JsonSchema;
use serde::Serialize;

/// What the server holds now.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Counts {
    pub server: ServerFacts,
    /// Active ones.
    pub experiments: i64,
    /// Active ones.
    pub runs: i64,
    /// Active runs that say they are running.
    pub running: i64,
    pub models: i64,
    pub versions: i64,
    pub deliveries: Deliveries,
    pub audit_entries: i64,
}

/// What the server says of itself.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ServerFacts {
    pub version: &'static str,
    /// Milliseconds since 1970, in UTC.
    pub time: i64,
    /// Whether the server asks who somebody is.
    pub authentication: bool,
    /// Who asks, as far as the server knows.
    pub user: String,
    pub database: &'static str,
}

/// Deliveries to webhooks.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Deliveries {
    pub pending: i64,
    /// Given up until somebody asks for them again.
    pub parked: i64,
}

/// Counts everything.
pub fn count(tx: &mut Tx<'_>, server: ServerFacts) -> Result<Counts> {
    let mut of = |sql: &str| tx.query_one(sql, &[], |row| row.get::<i64>(0));
    Ok(Counts {
        server,
        experiments: of("select count(*) from experiments where lifecycle = 1")?,
        runs: of("select count(*) from runs where lifecycle = 1")?,
        running: of("select count(*) from runs where status = 1 and lifecycle = 1")?,
        models: of("select count(*) from registered_models where lifecycle = 1")?,
        versions: of("select count(*) from model_versions where lifecycle = 1")?,
        deliveries: Deliveries {
            pending: of("select count(*) from webhook_deliveries where state = 1")?,
            parked: of("select count(*) from webhook_deliveries where state = 3")?,
        },
        audit_entries: of("select coalesce(max(size), 0) from audit_tree")?,
    })
}
