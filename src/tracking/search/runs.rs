//! The search of runs.

use super::{Page, Rows, Search};
use crate::db::Tx;
use crate::error::Result;
use crate::search::sql::{
    self, Column, KeyColumn, Keyed, Layout, Linked, NamedOrder, Query, Scope, ValueIndex, Values,
};
use crate::search::{Attribute, DatasetField, Expr, Target, parse, parse_order, token};
use crate::tracking::assemble::{self, FullRun};
use crate::tracking::run::{self, NAME_TAG, PARENT_TAG, Run, Status};

const LAYOUT: Layout = Layout {
    table: "runs",
    columns: &[
        (Attribute::RunId, Column::Text("uuid")),
        (Attribute::RunName, Column::Tag(NAME_TAG)),
        (Attribute::UserId, Column::Text("user_id")),
        (
            Attribute::Status,
            Column::Named {
                column: "status",
                names: || {
                    Status::ALL
                        .map(|(status, name)| (status.number(), name))
                        .to_vec()
                },
                order: NamedOrder::Name,
            },
        ),
        (Attribute::ArtifactUri, Column::Text("artifact_uri")),
        (Attribute::StartTime, Column::Integer("start_time")),
        (Attribute::EndTime, Column::NullableInteger("end_time")),
    ],
    metrics: Some(keyed("latest_metrics")),
    params: Some(keyed("params")),
    tags: Some(keyed("tags")),
    datasets: &[
        (DatasetField::Name, dataset("d.name")),
        (DatasetField::Digest, dataset("d.digest")),
        (
            DatasetField::Context,
            Linked {
                from: "(select run_id, value from run_dataset_tags
                        where key = 'mlflow.data.context') t",
                owner: "t.run_id",
                value: "t.value",
            },
        ),
    ],
};

fn rows() -> Rows<Run> {
    Rows {
        select: format!("select {} from runs r where r.id in", run::COLUMNS),
        from_row: run::from_row,
        id: |run| run.id,
    }
}

const fn keyed(table: &'static str) -> Keyed {
    Keyed {
        table,
        owner: "run_id",
        key: KeyColumn::Interned,
        index: ValueIndex::ByExperiment,
        values: Values::One,
    }
}

const fn dataset(value: &'static str) -> Linked {
    Linked {
        from: "run_datasets i join datasets d on d.id = i.dataset_id",
        owner: "i.run_id",
        value,
    }
}

/// Where a page of a table of runs begins and ends, beside the search itself.
#[derive(Debug, Clone)]
pub struct TableSearch {
    pub experiment_ids: Vec<i64>,
    pub search: Search,
    /// Only the children of this run.
    pub parent: Option<String>,
}

/// Finds a page of runs without what they recorded, and counts the runs of all pages.
///
/// # Errors
/// 400 for a filter, an order or a page token that is refused.
pub fn table(tx: &mut Tx<'_>, asked: &TableSearch) -> Result<(Page<Run>, i64)> {
    let search = &asked.search;
    let mut filter = parse(Target::Runs, &search.filter)?;
    if let Some(parent) = &asked.parent {
        let child = format!("tags.`{PARENT_TAG}` = '{parent}'");
        filter = Expr::And(vec![filter, parse(Target::Runs, &child)?]);
    }
    let order = parse_order(Target::Runs, &search.order_by)?;
    let of_all = search.fingerprint(Target::Runs, &asked.experiment_ids)?;
    let fingerprint = token::fingerprint(&(of_all, &asked.parent))?;
    let after = search.after(&fingerprint)?;
    let query = Query {
        layout: &LAYOUT,
        scope: Scope {
            experiment_ids: Some(&super::distinct(&asked.experiment_ids)),
            lifecycles: &search.lifecycle_numbers(),
        },
        filter: &filter,
        order: &order,
        datasets: &[],
        after: after.as_deref(),
        limit: search.max_results,
    };
    let total = sql::count(tx, &query)?;
    let found = sql::find(tx, &query)?;
    let page = Page {
        items: rows().load(tx, &found.ids)?,
        next: found
            .last
            .map(|last| token::encode(&fingerprint, last))
            .transpose()?,
    };
    Ok((page, total))
}

/// Finds runs of these experiments; unknown experiments have none, and no experiment has none.
///
/// # Errors
/// 400 for a filter, an order or a page token that is refused.
pub fn runs(tx: &mut Tx<'_>, experiment_ids: &[i64], search: &Search) -> Result<Page<FullRun>> {
    let filter = parse(Target::Runs, &search.filter)?;
    let order = parse_order(Target::Runs, &search.order_by)?;
    let fingerprint = search.fingerprint(Target::Runs, experiment_ids)?;
    let after = search.after(&fingerprint)?;
    let query = Query {
        layout: &LAYOUT,
        scope: Scope {
            experiment_ids: Some(&super::distinct(experiment_ids)),
            lifecycles: &search.lifecycle_numbers(),
        },
        filter: &filter,
        order: &order,
        datasets: &[],
        after: after.as_deref(),
        limit: search.max_results,
    };
    let found = sql::find(tx, &query)?;
    let runs = rows().load(tx, &found.ids)?;
    Ok(Page {
        items: assemble::load(tx, runs)?,
        next: found
            .last
            .map(|last| token::encode(&fingerprint, last))
            .transpose()?,
    })
}
