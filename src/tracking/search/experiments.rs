//! The search of experiments.

use super::{CHUNK, Page, Rows, Search};
use crate::db::{Tx, Value, placeholders};
use crate::error::Result;
use crate::search::sql::{
    self, Column, KeyColumn, Keyed, Layout, Query, Scope, ValueIndex, Values,
};
use crate::search::{Attribute, Target, parse, parse_order, token};
use crate::tracking::experiment::{self, Experiment, Pair};
use std::collections::HashMap;

const LAYOUT: Layout = Layout {
    table: "experiments",
    columns: &[
        (Attribute::Name, Column::Text("name")),
        (Attribute::ExperimentId, Column::Integer("id")),
        (Attribute::CreationTime, Column::Integer("created_at")),
        (Attribute::LastUpdateTime, Column::Integer("updated_at")),
    ],
    metrics: None,
    params: None,
    tags: Some(Keyed {
        table: "experiment_tags",
        owner: "experiment_id",
        key: KeyColumn::Interned,
        index: ValueIndex::None,
        values: Values::One,
    }),
    datasets: &[],
};

/// Finds experiments.
///
/// # Errors
/// 400 for a filter, an order or a page token that is refused.
pub fn experiments(tx: &mut Tx<'_>, search: &Search) -> Result<Page<Experiment>> {
    let filter = parse(Target::Experiments, &search.filter)?;
    let order = parse_order(Target::Experiments, &search.order_by)?;
    let fingerprint = search.fingerprint(Target::Experiments, &[])?;
    let after = search.after(&fingerprint)?;
    let query = Query {
        layout: &LAYOUT,
        scope: Scope {
            experiment_ids: None,
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
        select: format!(
            "select {} from experiments where id in",
            experiment::COLUMNS
        ),
        from_row: experiment::from_row,
        id: |experiment| experiment.id,
    };
    let mut items = rows.load(tx, &found.ids)?;
    add_tags(tx, &mut items)?;
    Ok(Page {
        items,
        next: found
            .last
            .map(|last| token::encode(&fingerprint, last))
            .transpose()?,
    })
}

/// Adds the tags of each experiment, sorted by key.
fn add_tags(tx: &mut Tx<'_>, experiments: &mut [Experiment]) -> Result<()> {
    for chunk in experiments.chunks_mut(CHUNK) {
        let sql = format!(
            "select t.experiment_id, k.name, t.value
             from experiment_tags t join keys k on k.id = t.key_id
             where t.experiment_id in ({}) order by t.experiment_id, k.name",
            placeholders(1, chunk.len())
        );
        let ids: Vec<Value<'_>> = chunk.iter().map(|one| Value::Int(one.id)).collect();
        let mut tags: HashMap<i64, Vec<Pair>> = HashMap::new();
        tx.query(&sql, &ids, |row| {
            let tag = Pair {
                key: row.get(1)?,
                value: row.get(2)?,
            };
            tags.entry(row.get(0)?).or_default().push(tag);
            Ok(())
        })?;
        for experiment in chunk {
            experiment.tags = tags.remove(&experiment.id).unwrap_or_default();
        }
    }
    Ok(())
}
