//! Searches of registered models and versions. Prompts are registered models, too, and are hidden
//! from searches that do not ask for them.

use super::model::{self, FullModel};
use super::rule::PROMPT_TAG;
use super::version::{self, Order, Version};
use crate::db::{Row, Tx, Value, placeholders};
use crate::error::Result;
use crate::search::ast::TextOp;
use crate::search::sql::{
    self, Column, KeyColumn, Keyed, Layout, Query, Scope, ValueIndex, Values,
};
use crate::search::{Attribute, Comparison, Expr, Field, Op, Target, parse, parse_order, token};
use serde::Serialize;
use std::collections::HashMap;

/// Rows read in one statement.
const CHUNK: usize = 500;

/// A search: filter and order as they came, page size and token.
#[derive(Debug, Clone, Serialize)]
pub struct Search {
    pub filter: String,
    pub order_by: Vec<String>,
    /// 0 asks only whether there is anything.
    #[serde(skip)]
    pub max_results: usize,
    #[serde(skip)]
    pub page_token: Option<String>,
}

/// A page of a search, and the token of the next one.
#[derive(Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<String>,
}

const fn models_in(table: &'static str) -> Layout {
    Layout {
        table,
        columns: &[
            (Attribute::Name, Column::Text("name")),
            (Attribute::LastUpdateTime, Column::Integer("updated_at")),
        ],
        metrics: None,
        params: None,
        tags: Some(keyed("registered_model_tags", "model_id")),
        datasets: &[],
    }
}

const fn versions_in(table: &'static str) -> Layout {
    Layout {
        table,
        columns: &[
            (Attribute::Name, Column::Text("model_name")),
            (Attribute::VersionNumber, Column::Integer("number")),
            (Attribute::RunId, Column::Text("run_id")),
            (Attribute::SourcePath, Column::Text("source")),
            (Attribute::CreationTime, Column::Integer("created_at")),
            (Attribute::LastUpdateTime, Column::Integer("updated_at")),
        ],
        metrics: None,
        params: None,
        tags: Some(keyed("model_version_tags", "version_id")),
        datasets: &[],
    }
}

const fn keyed(table: &'static str, owner: &'static str) -> Keyed {
    Keyed {
        table,
        owner,
        key: KeyColumn::Text,
        index: ValueIndex::None,
        values: Values::One,
    }
}

const ALL_MODELS: Layout = models_in("registered_models");
const MODELS: Layout = models_in(
    "(select m.* from registered_models m where not exists (
          select 1 from registered_model_tags t
          where t.model_id = m.id and t.key = 'mlflow.prompt.is_prompt' and t.value = 'true'))",
);
const ALL_VERSIONS: Layout = versions_in("model_versions");
/// One version that is a prompt hides all of its model.
const VERSIONS: Layout = versions_in(
    "(select v.* from model_versions v where not exists (
          select 1 from model_version_tags t
          where t.model_id = v.model_id and t.key = 'mlflow.prompt.is_prompt'
              and t.value = 'true'))",
);

/// Finds registered models.
///
/// # Errors
/// 400 for a filter, an order or a page token that is refused.
pub fn models(tx: &mut Tx<'_>, search: &Search) -> Result<Page<FullModel>> {
    let filter = parse(Target::RegisteredModels, &search.filter)?;
    let (layout, filter) = match asks_for_prompts(&filter) {
        true => (&ALL_MODELS, filter),
        false => (&MODELS, without_prompt_tag(filter)),
    };
    let found = find(tx, Target::RegisteredModels, (layout, &filter), search)?;
    let sql = format!("select {} from registered_models where id", model::COLUMNS);
    let models = load(tx, &found.items, (&sql, model::from_row))?;
    let models = in_order(&found.items, models, |model| model.id);
    Ok(Page {
        items: model::load(tx, models, Order::StageName)?,
        next: found.next,
    })
}

/// Finds versions that are not deleted, without their aliases, as MLflow shows them.
///
/// # Errors
/// 400 for a filter, an order or a page token that is refused.
pub fn versions(tx: &mut Tx<'_>, search: &Search) -> Result<Page<Version>> {
    let filter = parse(Target::ModelVersions, &search.filter)?;
    let (layout, filter) = match asks_for_prompts(&filter) {
        true => (&ALL_VERSIONS, filter),
        false => (&VERSIONS, without_prompt_tag(filter)),
    };
    let found = find(tx, Target::ModelVersions, (layout, &filter), search)?;
    let sql = format!(
        "select {} from model_versions v where v.id",
        version::COLUMNS
    );
    let versions = load(tx, &found.items, (&sql, version::from_row))?;
    let mut versions = in_order(&found.items, versions, |version| version.id);
    version::add_tags(tx, &mut versions)?;
    Ok(Page {
        items: versions,
        next: found.next,
    })
}

/// What a page token is bound to.
#[derive(Serialize)]
struct Identity<'s> {
    target: &'static str,
    search: &'s Search,
}

/// Finds the ids of a page.
fn find(
    tx: &mut Tx<'_>,
    target: Target,
    (layout, filter): (&Layout, &Expr),
    search: &Search,
) -> Result<Page<i64>> {
    let order = parse_order(target, &search.order_by)?;
    let fingerprint = token::fingerprint(&Identity {
        target: match target {
            Target::RegisteredModels => "registered models",
            _ => "model versions",
        },
        search,
    })?;
    let given = search.page_token.as_deref();
    let after = given
        .map(|given| token::decode(&fingerprint, given))
        .transpose()?;
    // A token without a position is that of an empty page: the search begins.
    let after = after.filter(|position| !position.is_empty());
    let query = Query {
        layout,
        scope: Scope {
            experiment_ids: None,
            lifecycles: &[1],
        },
        filter,
        order: &order,
        datasets: &[],
        after: after.as_deref(),
        limit: search.max_results.max(1),
    };
    let mut found = sql::find(tx, &query)?;
    if search.max_results == 0 && !found.ids.is_empty() {
        found.ids.clear();
        found.last = Some(after.unwrap_or_default());
    }
    Ok(Page {
        items: found.ids,
        next: found
            .last
            .map(|last| token::encode(&fingerprint, last))
            .transpose()?,
    })
}

/// Reads the rows with these ids, in any order; `sql` ends in the column of the id.
fn load<T>(
    tx: &mut Tx<'_>,
    ids: &[i64],
    (sql, from_row): (&str, fn(&Row<'_>) -> Result<T>),
) -> Result<Vec<T>> {
    let mut loaded = Vec::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        let sql = format!("{sql} in ({}) order by id", placeholders(1, chunk.len()));
        let params: Vec<Value<'_>> = chunk.iter().map(|id| Value::Int(*id)).collect();
        loaded.extend(tx.query(&sql, &params, from_row)?);
    }
    Ok(loaded)
}

fn in_order<T>(ids: &[i64], items: Vec<T>, id: fn(&T) -> i64) -> Vec<T> {
    let mut by_id: HashMap<i64, T> = items.into_iter().map(|item| (id(&item), item)).collect();
    ids.iter().filter_map(|id| by_id.remove(id)).collect()
}

/// Tells whether a filter asks for prompts: its first comparison with their tag decides.
fn asks_for_prompts(filter: &Expr) -> bool {
    first_of_prompts(filter).is_some_and(|comparison| match &comparison.op {
        Op::Text(TextOp::Equal, value) => value.eq_ignore_ascii_case("true"),
        Op::Text(TextOp::NotEqual, value) => value.eq_ignore_ascii_case("false"),
        _ => false,
    })
}

fn first_of_prompts(filter: &Expr) -> Option<&Comparison> {
    match filter {
        Expr::All => None,
        Expr::And(parts) | Expr::Or(parts) => parts.iter().find_map(first_of_prompts),
        Expr::Not(part) => first_of_prompts(part),
        Expr::Compare(comparison) => is_of_prompts(comparison).then_some(comparison),
    }
}

fn is_of_prompts(comparison: &Comparison) -> bool {
    matches!(&comparison.field, Field::Tag(key) if key == PROMPT_TAG)
}

/// Drops what a filter that does not ask for prompts demands of their tag, as MLflow does: no
/// model has it. Below `OR` and `NOT`, which MLflow does not have, it is left as it stands.
fn without_prompt_tag(filter: Expr) -> Expr {
    let kept = |part: &Expr| !matches!(part, Expr::Compare(one) if is_of_prompts(one));
    match filter {
        Expr::And(mut parts) => {
            parts.retain(kept);
            match (parts.pop(), parts.is_empty()) {
                (None, _) => Expr::All,
                (Some(only), true) => only,
                (Some(last), false) => {
                    parts.push(last);
                    Expr::And(parts)
                }
            }
        }
        filter if kept(&filter) => filter,
        _ => Expr::All,
    }
}
