//! The wire of what the first pages show: counts, production, experiments.

use super::field::{Field, Message};
use super::run_table::{view, within};
use crate::error::{Error, Result};
use crate::insight::experiments::{Order, Question};
use schemars::JsonSchema;
use serde::Deserialize;

/// A query that has no parameters.
#[derive(Deserialize, Default, JsonSchema)]
pub struct NoQuery {}

impl Message for NoQuery {}

/// The query of the page of production.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct ShowProduction {
    /// Running runs that are told, 0 to 100.
    limit: Field<i64>,
}

impl Message for ShowProduction {}

impl ShowProduction {
    /// Gives how many running runs are told.
    pub fn check(self) -> Result<usize> {
        within(self.limit, "limit", (0, 100, 20))
    }
}

/// The query of the list of experiments.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct ListSummaries {
    /// A part of the name, whatever its case.
    search: Field<String>,
    /// active, deleted or all.
    view: Field<String>,
    /// last_activity, name, created or runs.
    order_by: Field<String>,
    /// true or false.
    descending: Field<String>,
    cursor: Field<String>,
    /// 1 to 1,000.
    limit: Field<i64>,
}

impl Message for ListSummaries {}

impl ListSummaries {
    /// Checks the query.
    pub fn check(self) -> Result<Question> {
        let order = match self.order_by.optional("order_by")?.as_deref() {
            None | Some("" | "last_activity") => Order::LastActivity,
            Some("name") => Order::Name,
            Some("created") => Order::Created,
            Some("runs") => Order::Runs,
            Some(other) => {
                return Err(Error::invalid(format!(
                    "order_by must be last_activity, name, created or runs, and is '{other}'."
                )));
            }
        };
        let descending = match self.descending.optional("descending")?.as_deref() {
            None | Some("") => order != Order::Name,
            Some("true") => true,
            Some("false") => false,
            Some(other) => {
                return Err(Error::invalid(format!(
                    "descending must be true or false, and is '{other}'."
                )));
            }
        };
        let lifecycles = view(self.view)?;
        Ok(Question {
            search: self
                .search
                .optional("search")?
                .unwrap_or_default()
                .to_lowercase(),
            lifecycles: lifecycles.iter().map(|one| one.number()).collect(),
            order,
            descending,
            cursor: self
                .cursor
                .optional("cursor")?
                .filter(|text| !text.is_empty()),
            limit: within(self.limit, "limit", (1, 1_000, 100))?,
        })
    }
}
