//! The wire of tables of runs: pages, statistics of columns, comparisons and files of all rows.

use super::field::{Field, Message, texts, wrong_type};
use crate::error::{Error, Result};
use crate::insight::columns;
use crate::insight::compare::Ranges;
use crate::insight::table::{Aggregate, Wanted};
use crate::tracking::experiment::Lifecycle;
use crate::tracking::rule;
use crate::tracking::search::{Search, TableSearch};
use schemars::JsonSchema;
use serde::Deserialize;

/// Rows of a page when the request does not say.
const DEFAULT_ROWS: i64 = 500;
/// Rows of a page.
pub const MAX_ROWS: usize = 5_000;
/// Rows of a page whose metrics are looked up in their histories.
const MAX_AGGREGATED: i64 = 500;
/// Columns of a table.
pub const MAX_COLUMNS: usize = 200;
/// Columns of a file.
pub const MAX_FILE_COLUMNS: usize = 2_000;
/// Experiments of a question.
const MAX_EXPERIMENTS: usize = 500;
/// Runs side by side.
const MAX_COMPARED: usize = 500;

/// Which of active and deleted things are meant.
pub fn view(view: Field<String>) -> Result<&'static [Lifecycle]> {
    match view.optional("view")?.as_deref() {
        None | Some("" | "active") => Ok(&[Lifecycle::Active]),
        Some("deleted") => Ok(&[Lifecycle::Deleted]),
        Some("all") => Ok(&[Lifecycle::Active, Lifecycle::Deleted]),
        Some(other) => Err(Error::invalid(format!(
            "view must be active, deleted or all, and is '{other}'."
        ))),
    }
}

/// Reads a number within bounds.
pub fn within(
    field: Field<i64>,
    name: &str,
    (least, most, otherwise): (i64, i64, i64),
) -> Result<usize> {
    let number = field.optional(name)?.unwrap_or(otherwise);
    if !(least..=most).contains(&number) {
        return Err(Error::invalid(format!(
            "{name} must be between {least} and {most}, and is {number}."
        )));
    }
    Ok(number as usize)
}

/// Reads a list of at least one and at most `most` texts.
pub fn some(list: Field<Vec<Field<String>>>, name: &str, most: usize) -> Result<Vec<String>> {
    let list = texts(list, name)?;
    match list.len() {
        0 => Err(super::field::missing(name)),
        count if count > most => Err(Error::invalid(format!(
            "{name} may have {most} entries at the most, and has {count}."
        ))),
        _ => Ok(list),
    }
}

fn experiments(list: Field<Vec<Field<String>>>) -> Result<Vec<i64>> {
    let list = some(list, "experiment_ids", MAX_EXPERIMENTS)?;
    list.iter().map(|id| rule::experiment_id(id)).collect()
}

fn wanted(list: Field<Vec<Field<String>>>, most: usize) -> Result<Vec<Wanted>> {
    let list = texts(list, "columns")?;
    if list.len() > most {
        return Err(Error::invalid(format!(
            "columns may have {most} entries at the most, and has {}.",
            list.len()
        )));
    }
    list.iter().map(|name| Wanted::parse(name)).collect()
}

fn aggregate(field: Field<String>) -> Result<Aggregate> {
    match field.optional("aggregate")?.as_deref() {
        None | Some("" | "last") => Ok(Aggregate::Last),
        Some("min") => Ok(Aggregate::Min),
        Some("max") => Ok(Aggregate::Max),
        Some("best") => Ok(Aggregate::Best),
        Some(other) => Err(Error::invalid(format!(
            "aggregate must be last, min, max or best, and is '{other}'."
        ))),
    }
}

/// A question for a table of runs.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
#[schemars(rename = "TableQuestion", extend("required" = ["experiment_ids"]))]
pub struct ReadTable {
    experiment_ids: Field<Vec<Field<String>>>,
    /// A filter in MLflow's grammar.
    filter: Field<String>,
    /// As `metrics.loss DESC`; the newest start first where nothing else decides.
    order_by: Field<Vec<Field<String>>>,
    /// active, deleted or all.
    view: Field<String>,
    /// As `metrics.loss`, `params.lr` and `tags.team`; at most 200, and 2,000 of a file.
    columns: Field<Vec<Field<String>>>,
    /// last, min, max or best: which value stands for a metric.
    aggregate: Field<String>,
    /// Only the children of this run.
    parent: Field<String>,
    cursor: Field<String>,
    /// At most 5,000, and 500 where `aggregate` is not last.
    limit: Field<i64>,
}

impl Message for ReadTable {
    const LISTS: &'static [&'static str] = &["experiment_ids", "order_by", "columns"];
}

/// A checked question for a table.
#[derive(Debug, Clone)]
pub struct TableQuestion {
    pub search: TableSearch,
    pub wanted: Vec<Wanted>,
    pub aggregate: Aggregate,
}

impl ReadTable {
    /// Checks a question for one page.
    pub fn check(self) -> Result<TableQuestion> {
        let question = self.read(MAX_COLUMNS)?;
        let rows = question.search.search.max_results as i64;
        if question.aggregate != Aggregate::Last && rows > MAX_AGGREGATED {
            return Err(Error::invalid(format!(
                "limit must be {MAX_AGGREGATED} at the most where aggregate is not last, and is \
                 {rows}."
            )));
        }
        Ok(question)
    }

    /// Checks a question for a file of all rows; its pages are as long as they may be.
    pub fn check_file(self) -> Result<TableQuestion> {
        let mut question = self.read(MAX_FILE_COLUMNS)?;
        question.search.search.page_token = None;
        question.search.search.max_results = MAX_AGGREGATED as usize;
        Ok(question)
    }

    fn read(self, columns: usize) -> Result<TableQuestion> {
        let aggregate = aggregate(self.aggregate)?;
        let otherwise = match aggregate {
            Aggregate::Last => DEFAULT_ROWS,
            _ => MAX_AGGREGATED,
        };
        let limit = within(self.limit, "limit", (1, MAX_ROWS as i64, otherwise))?;
        let parent = self.parent.optional("parent")?.filter(|id| !id.is_empty());
        if let Some(parent) = &parent {
            rule::check_run_id(parent)?;
            if !parent
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
            {
                return Err(wrong_type("parent", &parent.as_str().into()));
            }
        }
        Ok(TableQuestion {
            search: TableSearch {
                experiment_ids: experiments(self.experiment_ids)?,
                parent,
                search: Search {
                    filter: self.filter.optional("filter")?.unwrap_or_default(),
                    order_by: texts(self.order_by, "order_by")?,
                    lifecycles: view(self.view)?,
                    max_results: limit,
                    page_token: self
                        .cursor
                        .optional("cursor")?
                        .filter(|text| !text.is_empty()),
                },
            },
            wanted: wanted(self.columns, columns)?,
            aggregate,
        })
    }
}

/// A question for the columns of runs.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["experiment_ids"]))]
pub struct FindColumns {
    experiment_ids: Field<Vec<Field<String>>>,
    filter: Field<String>,
    /// active, deleted or all.
    view: Field<String>,
}

impl Message for FindColumns {
    const LISTS: &'static [&'static str] = &["experiment_ids"];
}

impl FindColumns {
    /// Checks the question.
    pub fn check(self) -> Result<TableSearch> {
        Ok(TableSearch {
            experiment_ids: experiments(self.experiment_ids)?,
            parent: None,
            search: Search {
                filter: self.filter.optional("filter")?.unwrap_or_default(),
                order_by: Vec::new(),
                lifecycles: view(self.view)?,
                max_results: columns::MAX_SAMPLE,
                page_token: None,
            },
        })
    }
}

/// A question for runs side by side.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
#[schemars(extend("required" = ["run_ids"]))]
pub struct CompareRuns {
    /// 1 to 500; each counts once.
    run_ids: Field<Vec<Field<String>>>,
    /// Whether to look for the least and the largest value of each metric, too.
    ranges: Field<bool>,
}

impl Message for CompareRuns {
    const LISTS: &'static [&'static str] = &["run_ids"];
}

impl CompareRuns {
    /// Gives the distinct runs in their order.
    pub fn check(self) -> Result<(Vec<String>, Ranges)> {
        let ranges = match self.ranges.optional("ranges")? {
            Some(true) => Ranges::Read,
            Some(false) | None => Ranges::Left,
        };
        Ok((
            distinct(some(self.run_ids, "run_ids", MAX_COMPARED)?),
            ranges,
        ))
    }
}

/// Drops what comes again.
pub fn distinct(mut list: Vec<String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    list.retain(|item| seen.insert(item.clone()));
    list
}
