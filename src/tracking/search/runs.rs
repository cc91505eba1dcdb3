//! The search of runs.

use super::{Page, Rows, Search};
use crate::db::Tx;
use crate::error::Result;
use crate::search::sql::{
    self, Column, KeyColumn, Keyed, Layout, Linked, NamedOrder, Query, Scope, ValueIndex, Values,
};
use crate::search::{Attribute, DatasetField, Target, parse, parse_order, token};
use crate::tracking::assemble::{self, FullRun};
use crate::tracking::run::{self, NAME_TAG, Status};

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
    let rows = Rows {
        select: format!("select {} from runs r where r.id in", run::COLUMNS),
        from_row: run::from_row,
        id: |run| run.id,
    };
    let runs = rows.load(tx, &found.ids)?;
    Ok(Page {
        items: assemble::load(tx, runs)?,
        next: found
            .last
            .map(|last| token::encode(&fingerprint, last))
            .transpose()?,
    })
}
