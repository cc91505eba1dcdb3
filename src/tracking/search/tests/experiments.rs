//! Experiments.

use super::{all_pages, expected, in_database, orders, pairs, text};
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::error::Result;
use crate::search::eval::{Entity, Scalar};
use crate::search::tests::print;
use crate::search::{Attribute, Expr, Target, parse_order};
use crate::tracking::experiment::{self, Lifecycle, NewExperiment, Pair};
use crate::tracking::search::{self, Search};
use proptest::prelude::*;
use std::collections::BTreeMap;

#[derive(Debug, Clone)]
struct Spec {
    name: String,
    created_at: i64,
    tags: BTreeMap<String, String>,
    deleted_at: Option<i64>,
}

fn spec() -> impl Strategy<Value = Spec> {
    (
        text(),
        0..4_i64,
        pairs(),
        prop::option::weighted(0.3, 0..4_i64),
    )
        .prop_map(|(name, created_at, tags, deleted_at)| Spec {
            name,
            created_at,
            tags,
            deleted_at,
        })
}

fn store(tx: &mut Tx<'_>, number: usize, spec: &Spec) -> Result<(String, Entity)> {
    let ctx = |now| Ctx::of_server("tests", now);
    let tags = spec.tags.iter().map(|(key, value)| Pair {
        key: key.clone(),
        value: value.clone(),
    });
    let new = NewExperiment {
        name: format!("{}{number}", spec.name),
        artifact_location: None,
        tags: tags.collect(),
    };
    let id = experiment::create(tx, &ctx(spec.created_at), &new, "mlflow-artifacts:/")?;
    if let Some(now) = spec.deleted_at {
        experiment::delete(tx, &ctx(now), id)?;
    }
    let mut entity = Entity {
        tags: spec.tags.clone(),
        ..Entity::default()
    };
    let updated_at = spec.deleted_at.unwrap_or(spec.created_at);
    entity.attributes.extend([
        (Attribute::Name, Scalar::Text(new.name.clone())),
        (Attribute::ExperimentId, Scalar::Integer(id)),
        (Attribute::CreationTime, Scalar::Integer(spec.created_at)),
        (Attribute::LastUpdateTime, Scalar::Integer(updated_at)),
    ]);
    Ok((new.name, entity))
}

#[derive(Debug, Clone)]
struct Wanted {
    filter: Expr,
    order: Vec<(&'static str, bool)>,
    lifecycles: &'static [Lifecycle],
    size: usize,
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let order = orders(&["name", "experiment_id", "creation_time", "last_update_time"]);
    let lifecycles: [&'static [Lifecycle]; 3] = [
        &[Lifecycle::Active],
        &[Lifecycle::Deleted],
        &[Lifecycle::Active, Lifecycle::Deleted],
    ];
    (
        super::filters::filter(Target::Experiments),
        order,
        prop::sample::select(lifecycles.to_vec()),
        1..5_usize,
    )
        .prop_map(|(filter, order, lifecycles, size)| Wanted {
            filter,
            order,
            lifecycles,
            size,
        })
}

fn check(tx: &mut Tx<'_>, specs: &[Spec], searches: &[Wanted]) -> Result<()> {
    let mut stored = Vec::new();
    for (number, spec) in specs.iter().enumerate() {
        stored.push((spec, store(tx, number, spec)?));
    }
    for wanted in searches {
        let clauses: Vec<String> = wanted
            .order
            .iter()
            .map(|(field, descending)| format!("{field} {}", if *descending { "DESC" } else { "" }))
            .collect();
        let order = parse_order(Target::Experiments, &clauses)?;
        let visible: Vec<_> = stored
            .iter()
            .filter(|(spec, _)| {
                let lifecycle = match spec.deleted_at {
                    Some(_) => Lifecycle::Deleted,
                    None => Lifecycle::Active,
                };
                wanted.lifecycles.contains(&lifecycle)
            })
            .map(|(_, entity)| entity.clone())
            .collect();
        let filter = print::expr(Target::Experiments, &wanted.filter);
        let found = all_pages(wanted.size, |page_token| {
            let search = Search {
                filter: filter.clone(),
                order_by: clauses.clone(),
                lifecycles: wanted.lifecycles,
                max_results: wanted.size,
                page_token,
            };
            search::experiments(tx, &search)
        })?;
        let found: Vec<_> = found
            .into_iter()
            .map(|experiment| experiment.name)
            .collect();
        assert_eq!(
            found,
            expected(&visible, &wanted.filter, &order),
            "filter: {filter}\norder: {clauses:?}\npages of {}",
            wanted.size
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(32) })]
    #[test]
    fn random_searches_of_experiments_find_what_the_evaluator_finds(
        specs in prop::collection::vec(spec(), 1..10),
        searches in prop::collection::vec(wanted(), 8),
    ) {
        in_database(move |tx| check(tx, &specs, &searches)).unwrap();
    }
}
