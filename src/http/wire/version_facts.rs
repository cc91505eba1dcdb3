//! The wire of our own routes on what a version remembers and on comparing two versions.
//!
//! The documents themselves are written as `registry::facts` and `registry::diff` have them: their
//! fields are our own format, not MLflow's.

use super::field::{Field, Message};
use crate::error::Result;
use crate::registry::diff::Diff;
use crate::registry::facts::Facts;
use crate::registry::facts::missing::{self, Missing};
use crate::registry::named::Named;
use crate::registry::version::Version;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The query that names nothing: the path says it all.
#[derive(Deserialize, Default, JsonSchema)]
pub struct Nothing {}

impl Message for Nothing {}

#[derive(Serialize, JsonSchema)]
struct MissingReply {
    link: &'static str,
    why: String,
}

/// What a version remembers, and which links of its lineage are missing.
#[derive(Serialize, JsonSchema)]
pub struct FactsReply {
    model: String,
    version: String,
    /// When the facts were taken: milliseconds since 1970, UTC.
    created_at: i64,
    missing: Vec<MissingReply>,
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    facts: Facts,
}

impl FactsReply {
    /// Answers for a version.
    pub fn new(version: Version, facts: Facts) -> Self {
        let missing = missing::missing(&facts).into_iter();
        Self {
            model: version.model_name,
            version: version.number.to_string(),
            created_at: version.created_at,
            missing: missing
                .map(|Missing { link, why }| MissingReply { link, why })
                .collect(),
            facts,
        }
    }
}

/// The query that names two versions.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct CompareVersions {
    a: Field<String>,
    b: Field<String>,
}

impl Message for CompareVersions {}

impl CompareVersions {
    /// Checks the query for two versions, of this model where it names no other.
    pub fn check(self, model: &str) -> Result<(Named, Named)> {
        let a = self.a.required("a")?;
        let b = self.b.required("b")?;
        Ok((Named::parse(&a, model, "a")?, Named::parse(&b, model, "b")?))
    }
}

/// One of the two versions that are compared.
#[derive(Serialize, JsonSchema)]
pub struct SideReply {
    model: String,
    version: String,
    stage: &'static str,
    aliases: Vec<String>,
    created_at: i64,
    run_id: String,
}

impl From<&Version> for SideReply {
    fn from(version: &Version) -> Self {
        Self {
            model: version.model_name.clone(),
            version: version.number.to_string(),
            stage: version.stage.name(),
            aliases: version.aliases.clone(),
            created_at: version.created_at,
            run_id: version.run_id.clone(),
        }
    }
}

/// What differs between two versions.
#[derive(Serialize, JsonSchema)]
pub struct DiffReply {
    pub a: SideReply,
    pub b: SideReply,
    #[serde(flatten)]
    #[schemars(with = "serde_json::Map<String, serde_json::Value>")]
    pub diff: Diff,
}
