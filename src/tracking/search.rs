//! Searches of runs, experiments and logged models, as they are asked for.

use super::experiment::Lifecycle;

/// A search of runs or experiments: filter and order as they came, page size and token.
#[derive(Debug, Clone)]
pub struct Search {
    pub filter: String,
    pub order_by: Vec<String>,
    /// Active things, deleted things, or both.
    pub lifecycles: &'static [Lifecycle],
    /// 1 to 50,000.
    pub max_results: usize,
    pub page_token: Option<String>,
}

/// A dataset that metrics must have been logged for; no digest means any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DatasetFilter {
    pub name: String,
    pub digest: Option<String>,
}

/// One field that logged models are sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelOrder {
    pub field_name: String,
    pub ascending: bool,
    pub dataset: Option<DatasetFilter>,
}

/// A search of logged models.
#[derive(Debug, Clone)]
pub struct ModelSearch {
    pub experiment_ids: Vec<i64>,
    pub filter: String,
    /// Empty for metrics of any dataset and of none.
    pub datasets: Vec<DatasetFilter>,
    pub order_by: Vec<ModelOrder>,
    pub max_results: usize,
    pub page_token: Option<String>,
}

/// A page of a search, and the token of the next one.
#[derive(Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}
