//! Runs.

use super::{KEYS, all_pages, expected, in_database, orders, pairs, text, value};
use crate::ctx::{Ctx, Ids};
use crate::db::Tx;
use crate::error::Result;
use crate::search::eval::{Dataset, Entity, Point, Scalar};
use crate::search::tests::print;
use crate::search::{Attribute, Expr, Target, parse_order};
use crate::tracking::batch::{self, Batch};
use crate::tracking::dataset::{self, CONTEXT_TAG, DatasetInput, Inputs};
use crate::tracking::experiment::{self, Lifecycle, NewExperiment, Pair};
use crate::tracking::metric::Metric;
use crate::tracking::run::{self, NAME_TAG, NewRun, Status, Update};
use crate::tracking::search::{self, Search};
use crate::tracking::{series, tag};
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

#[derive(Debug, Clone)]
struct Spec {
    experiment: usize,
    deleted: bool,
    status: Status,
    start_time: i64,
    end_time: Option<i64>,
    user_id: String,
    /// `None` for a run whose name's tag was deleted.
    name: Option<String>,
    params: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
    metrics: BTreeMap<String, f64>,
    datasets: Vec<(String, String, Option<String>)>,
}

fn spec() -> impl Strategy<Value = Spec> {
    let status = prop::sample::select(Status::ALL.map(|(status, _)| status).to_vec());
    let name = prop_oneof![4 => text().prop_map(Some), 1 => Just(None)];
    let key = prop::sample::select(KEYS.to_vec()).prop_map(str::to_owned);
    let dataset = (
        text(),
        prop::sample::select(vec!["1", "a"]),
        prop::option::of(text()),
    );
    let datasets = prop::collection::vec(dataset, 0..3);
    let first = (0..3_usize, prop::bool::weighted(0.2), status, 0..4_i64);
    let second = (prop::option::of(0..3_i64), text(), name, pairs(), pairs());
    let third = (prop::collection::btree_map(key, value(), 0..3), datasets);
    (first, second, third).prop_map(|(first, second, third)| Spec {
        experiment: first.0,
        deleted: first.1,
        status: first.2,
        start_time: first.3,
        end_time: second.0,
        user_id: second.1,
        name: second.2,
        params: second.3,
        tags: second.4,
        metrics: third.0,
        datasets: third
            .1
            .into_iter()
            .map(|(name, digest, context)| (format!("d{name}"), digest.to_owned(), context))
            .collect(),
    })
}

fn listed(pairs: &BTreeMap<String, String>) -> Vec<Pair> {
    let pair = |(key, value): (&String, &String)| Pair {
        key: key.clone(),
        value: value.clone(),
    };
    pairs.iter().map(pair).collect()
}

/// Stores a run and gives it as the evaluator sees it.
fn store(tx: &mut Tx<'_>, ids: &Ids, spec: &Spec, experiment_id: i64) -> Result<(String, Entity)> {
    let ctx = Ctx::of_server("tests", 1);
    let new = NewRun {
        experiment_id,
        user_id: spec.user_id.clone(),
        start_time: spec.start_time,
        name: spec.name.clone().unwrap_or_default(),
        tags: listed(&spec.tags),
    };
    let (run, _) = run::create(tx, &ctx, ids, &new)?;
    let metrics = spec.metrics.iter().map(|(key, value)| Metric {
        key: key.clone(),
        point: series::Point::new(0, 0, *value),
        model: None,
    });
    let batch = Batch {
        run_uuid: run.uuid.clone(),
        metrics: metrics.collect(),
        params: listed(&spec.params),
        tags: Vec::new(),
    };
    batch::log(tx, &ctx, &batch)?;
    let input = |(name, digest, context): &(String, String, Option<String>)| DatasetInput {
        dataset: dataset::Dataset {
            name: name.clone(),
            digest: digest.clone(),
            source_type: String::new(),
            source: String::new(),
            schema: None,
            profile: None,
        },
        tags: context
            .iter()
            .map(|context| Pair {
                key: CONTEXT_TAG.to_owned(),
                value: context.clone(),
            })
            .collect(),
    };
    let inputs = Inputs {
        run_uuid: run.uuid.clone(),
        datasets: spec.datasets.iter().map(input).collect(),
        model_uuids: Vec::new(),
    };
    dataset::log_inputs(tx, &ctx, &inputs)?;
    let update = Update {
        status: Some(spec.status),
        end_time: spec.end_time,
        name: None,
    };
    run::update(tx, &ctx, &run.uuid, &update)?;
    if spec.name.is_none() {
        tag::delete(tx, &ctx, &run.uuid, NAME_TAG)?;
    }
    if spec.deleted {
        run::delete(tx, &run.uuid)?;
    }
    Ok((run.uuid.clone(), entity(spec, &run)))
}

fn entity(spec: &Spec, run: &run::Run) -> Entity {
    let texts = [
        (Attribute::RunId, run.uuid.as_str()),
        (Attribute::UserId, &spec.user_id),
        (Attribute::Status, spec.status.name()),
        (Attribute::ArtifactUri, &run.artifact_uri),
    ];
    let mut entity = Entity::default();
    entity
        .attributes
        .extend(texts.map(|(attribute, text)| (attribute, Scalar::Text(text.to_owned()))));
    entity
        .attributes
        .insert(Attribute::StartTime, Scalar::Integer(spec.start_time));
    if let Some(time) = spec.end_time {
        entity
            .attributes
            .insert(Attribute::EndTime, Scalar::Integer(time));
    }
    entity.params = spec.params.clone();
    entity.tags = spec.tags.clone();
    if spec.name.is_some() {
        entity.tags.insert(NAME_TAG.to_owned(), run.name.clone());
    }
    for (key, value) in &spec.metrics {
        let point = Point {
            value: *value,
            ..Point::default()
        };
        entity.metrics.insert(key.clone(), vec![point]);
    }
    for (name, digest, context) in &spec.datasets {
        let seen = |other: &Dataset| other.name == *name && other.digest == *digest;
        if !entity.datasets.iter().any(seen) {
            entity.datasets.push(Dataset {
                name: name.clone(),
                digest: digest.clone(),
                context: context.clone(),
            });
        }
    }
    entity
}

#[derive(Debug, Clone)]
struct Wanted {
    filter: Expr,
    order: Vec<(&'static str, bool)>,
    experiments: Vec<usize>,
    lifecycles: &'static [Lifecycle],
    size: usize,
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let order = orders(&[
        "metrics.k",
        "metrics.`a b`",
        "metrics.absent",
        "params.k",
        "tags.k",
        "start_time",
        "end_time",
        "status",
        "user_id",
        "run_name",
        "run_id",
    ]);
    let lifecycles: [&'static [Lifecycle]; 3] = [
        &[Lifecycle::Active],
        &[Lifecycle::Deleted],
        &[Lifecycle::Active, Lifecycle::Deleted],
    ];
    (
        super::filters::filter(Target::Runs),
        order,
        prop::sample::subsequence(vec![0, 1, 2, 3], 0..=4),
        prop::sample::select(lifecycles.to_vec()),
        1..7_usize,
    )
        .prop_map(|(filter, order, experiments, lifecycles, size)| Wanted {
            filter,
            order,
            experiments,
            lifecycles,
            size,
        })
}

fn check(tx: &mut Tx<'_>, specs: &[Spec], searches: &[Wanted]) -> Result<()> {
    let ctx = Ctx::of_server("tests", 1);
    let next = AtomicU64::new(1);
    let ids = Ids::from_fn(move || u128::from(next.fetch_add(1, Ordering::Relaxed)));
    let mut experiments = Vec::new();
    for name in ["a", "b", "c"] {
        let new = NewExperiment {
            name: name.to_owned(),
            artifact_location: None,
            tags: Vec::new(),
        };
        experiments.push(experiment::create(tx, &ctx, &new, "mlflow-artifacts:/")?);
    }
    let mut stored = Vec::new();
    for spec in specs {
        stored.push((spec, store(tx, &ids, spec, experiments[spec.experiment])?));
    }
    // An experiment that does not exist is asked for, too.
    experiments.push(99);
    for wanted in searches {
        let clauses: Vec<String> = wanted
            .order
            .iter()
            .map(|(field, descending)| {
                format!("{field} {}", if *descending { "DESC" } else { "asc" })
            })
            .collect();
        let order = parse_order(Target::Runs, &clauses)?;
        let visible: Vec<_> = stored
            .iter()
            .filter(|(spec, _)| wanted.experiments.contains(&spec.experiment))
            .filter(|(spec, _)| {
                let lifecycle = match spec.deleted {
                    true => Lifecycle::Deleted,
                    false => Lifecycle::Active,
                };
                wanted.lifecycles.contains(&lifecycle)
            })
            .map(|(_, entity)| entity.clone())
            .collect();
        let filter = print::expr(Target::Runs, &wanted.filter);
        let asked: Vec<i64> = wanted
            .experiments
            .iter()
            .map(|at| experiments[*at])
            .collect();
        let found = all_pages(wanted.size, |page_token| {
            let search = Search {
                filter: filter.clone(),
                order_by: clauses.clone(),
                lifecycles: wanted.lifecycles,
                max_results: wanted.size,
                page_token,
            };
            search::runs(tx, &asked, &search)
        })?;
        let found: Vec<_> = found.into_iter().map(|full| full.run.uuid).collect();
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
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(48) })]
    #[test]
    fn random_searches_of_runs_find_what_the_evaluator_finds(
        specs in prop::collection::vec(spec(), 1..14),
        searches in prop::collection::vec(wanted(), 10),
    ) {
        in_database(move |tx| check(tx, &specs, &searches)).unwrap();
    }
}
