//! Logged models.

use super::{KEYS, all_pages, expected, in_database, orders, pairs, text, value};
use crate::ctx::{Ctx, Ids};
use crate::db::Tx;
use crate::error::Result;
use crate::search::eval::{Entity, Point, Scalar};
use crate::search::tests::print;
use crate::search::{
    Attribute, Expr, Field, LoggedModelOrder, MetricDataset, Target, parse_logged_model_order,
};
use crate::tracking::experiment::{self, NewExperiment, Pair};
use crate::tracking::logged_model::{self, Deleted, LoggedModel, NewModel, Status};
use crate::tracking::metric::{Metric, ModelLink};
use crate::tracking::run::{self, NewRun, Run};
use crate::tracking::search::{self, DatasetFilter, ModelOrder, ModelSearch};
use crate::tracking::series;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

type Dataset = Option<(String, String)>;

#[derive(Debug, Clone)]
struct Spec {
    experiment: usize,
    deleted: bool,
    status: Status,
    created_at: i64,
    updated_at: i64,
    name: String,
    model_type: String,
    source_run_id: String,
    params: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
    metrics: Vec<Logged>,
}

#[derive(Debug, Clone)]
struct Logged {
    key: String,
    value: f64,
    timestamp: i64,
    step: i64,
    run: usize,
    dataset: Dataset,
}

fn dataset() -> impl Strategy<Value = Dataset> {
    let name = prop::sample::select(vec!["d", "e"]);
    let digest = prop::sample::select(vec!["1", "2"]);
    prop::option::of((name, digest))
        .prop_map(|found| found.map(|(name, digest)| (name.to_owned(), digest.to_owned())))
}

fn logged() -> impl Strategy<Value = Logged> {
    let key = prop::sample::select(KEYS.to_vec()).prop_map(str::to_owned);
    (key, value(), 0..3_i64, 0..2_i64, 0..2_usize, dataset()).prop_map(
        |(key, value, timestamp, step, run, dataset)| Logged {
            key,
            value,
            timestamp,
            step,
            run,
            dataset,
        },
    )
}

fn spec() -> impl Strategy<Value = Spec> {
    let status = prop::sample::select(Status::ALL.map(|(status, _)| status).to_vec());
    let name = prop::sample::select(vec!["a", "A", "b", "é"]).prop_map(str::to_owned);
    let first = (
        0..2_usize,
        prop::bool::weighted(0.15),
        status,
        0..3_i64,
        0..3_i64,
        name,
    );
    let second = (
        text(),
        text(),
        pairs(),
        pairs(),
        prop::collection::vec(logged(), 0..5),
    );
    (first, second).prop_map(|(first, second)| Spec {
        experiment: first.0,
        deleted: first.1,
        status: first.2,
        created_at: first.3,
        updated_at: first.4,
        name: first.5,
        model_type: second.0,
        source_run_id: second.1,
        params: second.2,
        tags: second.3,
        metrics: second.4,
    })
}

fn ctx(now: i64) -> Ctx {
    Ctx::of_server("tests", now)
}

fn listed(pairs: &BTreeMap<String, String>) -> Vec<Pair> {
    let pair = |(key, value): (&String, &String)| Pair {
        key: key.clone(),
        value: value.clone(),
    };
    pairs.iter().map(pair).collect()
}

struct World {
    ids: Ids,
    experiments: Vec<i64>,
    runs: Vec<Run>,
}

impl World {
    fn new(tx: &mut Tx<'_>) -> Result<Self> {
        let next = AtomicU64::new(1);
        let ids = Ids::from_fn(move || u128::from(next.fetch_add(1, Ordering::Relaxed)));
        let mut experiments = Vec::new();
        for name in ["a", "b"] {
            let new = NewExperiment {
                name: name.to_owned(),
                artifact_location: None,
                tags: Vec::new(),
            };
            experiments.push(experiment::create(tx, &ctx(1), &new, "mlflow-artifacts:/")?);
        }
        let mut runs = Vec::new();
        for _ in 0..2 {
            let new = NewRun {
                experiment_id: experiments[0],
                user_id: String::new(),
                start_time: 0,
                name: String::new(),
                tags: Vec::new(),
            };
            runs.push(run::create(tx, &ctx(1), &ids, &new)?.0);
        }
        Ok(Self {
            ids,
            experiments,
            runs,
        })
    }

    /// Stores a model and gives it as the evaluator sees it.
    fn store(&self, tx: &mut Tx<'_>, spec: &Spec) -> Result<(String, Entity)> {
        let new = NewModel {
            experiment_id: self.experiments[spec.experiment],
            name: spec.name.clone(),
            model_type: spec.model_type.clone(),
            source_run_id: spec.source_run_id.clone(),
            params: listed(&spec.params),
            tags: listed(&spec.tags),
        };
        let model = logged_model::create(tx, &ctx(spec.created_at), &self.ids, &new)?;
        logged_model::finalize(tx, &ctx(spec.updated_at), &model.uuid, spec.status)?;
        for logged in &spec.metrics {
            let metric = Metric {
                key: logged.key.clone(),
                point: series::Point::new(logged.timestamp, logged.step, logged.value),
                model: Some(Box::new(ModelLink {
                    model_uuid: model.uuid.clone(),
                    dataset_name: logged.dataset.as_ref().map(|(name, _)| name.clone()),
                    dataset_digest: logged.dataset.as_ref().map(|(_, digest)| digest.clone()),
                })),
            };
            logged_model::append_metrics(tx, &self.runs[logged.run], &[metric])?;
        }
        if spec.deleted {
            logged_model::delete(tx, &ctx(spec.updated_at), &model.uuid)?;
        }
        let model = logged_model::find(tx, &model.uuid, Deleted::Allowed)?;
        Ok((model.uuid.clone(), self.entity(spec, &model)))
    }

    fn entity(&self, spec: &Spec, model: &LoggedModel) -> Entity {
        let mut entity = Entity {
            params: spec.params.clone(),
            tags: spec.tags.clone(),
            ..Entity::default()
        };
        let status = match spec.status {
            Status::Pending => "PENDING",
            Status::Ready => "READY",
            Status::Failed => "FAILED",
        };
        let text = |text: &str| Scalar::Text(text.to_owned());
        let named = |number: i64, name: &str| Scalar::Named(number, name.to_owned());
        let experiment_id = model.experiment_id;
        entity.attributes.extend([
            (Attribute::Name, text(&spec.name)),
            (Attribute::ModelId, text(&model.uuid)),
            (Attribute::ModelType, text(&spec.model_type)),
            (Attribute::SourceRunId, text(&spec.source_run_id)),
            (Attribute::ArtifactUri, text(&model.artifact_uri)),
            (Attribute::LifecycleStage, text("active")),
            (Attribute::Status, named(spec.status as i64, status)),
            (
                Attribute::ExperimentId,
                named(experiment_id, &experiment_id.to_string()),
            ),
            (Attribute::CreationTime, Scalar::Integer(spec.created_at)),
            (Attribute::LastUpdateTime, Scalar::Integer(spec.updated_at)),
        ]);
        for logged in &spec.metrics {
            let points = entity.metrics.entry(logged.key.clone()).or_default();
            let point = Point {
                value: logged.value,
                timestamp: logged.timestamp,
                step: logged.step,
                run_id: self.runs[logged.run].uuid.clone(),
                dataset: MetricDataset {
                    name: logged.dataset.as_ref().map(|(name, _)| name.clone()),
                    digest: logged.dataset.as_ref().map(|(_, digest)| digest.clone()),
                },
            };
            // Of two values of one run at one step and time the first one stays.
            let same = |other: &Point| {
                (other.timestamp, other.step, &other.run_id)
                    == (point.timestamp, point.step, &point.run_id)
            };
            if !points.iter().any(same) {
                points.push(point);
            }
        }
        entity
    }
}

#[derive(Debug, Clone)]
struct Wanted {
    filter: Expr,
    datasets: Vec<DatasetFilter>,
    order: Vec<ModelOrder>,
    experiments: Vec<usize>,
    size: usize,
}

fn dataset_filter() -> impl Strategy<Value = DatasetFilter> {
    let name = prop::sample::select(vec!["d", "e", "f"]);
    (name, prop::option::of(prop::sample::select(vec!["1", "2"]))).prop_map(|(name, digest)| {
        DatasetFilter {
            name: name.to_owned(),
            digest: digest.map(str::to_owned),
        }
    })
}

fn wanted() -> impl Strategy<Value = Wanted> {
    let order = orders(&[
        "metrics.k",
        "metrics.a b",
        "metrics.absent",
        "name",
        "status",
        "status_message",
        "experiment_id",
        "creation_timestamp",
        "last_updated_timestamp",
        "model_type",
        "source_run_id",
        "model_id",
    ]);
    let order = (order, prop::option::of(dataset_filter())).prop_map(|(order, dataset)| {
        let step = |(field_name, ascending): (&str, bool)| ModelOrder {
            field_name: field_name.to_owned(),
            ascending,
            dataset: dataset.clone(),
        };
        order.into_iter().map(step).collect()
    });
    (
        super::filters::filter(Target::LoggedModels),
        prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(dataset_filter(), 1..3)],
        order,
        prop::sample::subsequence(vec![0, 1, 2], 0..=3),
        1..6_usize,
    )
        .prop_map(|(filter, datasets, order, experiments, size)| Wanted {
            filter,
            datasets,
            order,
            experiments,
            size,
        })
}

impl Wanted {
    /// The values that the filter may look at.
    fn restrict(&self, entity: &Entity) -> Entity {
        let mut entity = entity.clone();
        let fits = |point: &Point| {
            self.datasets.is_empty()
                || self.datasets.iter().any(|dataset| {
                    point.dataset.name.as_ref() == Some(&dataset.name)
                        && (dataset.digest.is_none() || dataset.digest == point.dataset.digest)
                })
        };
        for points in entity.metrics.values_mut() {
            points.retain(fits);
        }
        entity.metrics.retain(|_, points| !points.is_empty());
        entity
    }

    fn finds(&self, entity: &Entity) -> bool {
        let restricted = self.restrict(entity);
        let measured = self.datasets.is_empty()
            || names_metric(&self.filter)
            || !restricted.metrics.is_empty();
        measured && crate::search::eval::matches(&self.filter, &restricted)
    }
}

fn names_metric(filter: &Expr) -> bool {
    match filter {
        Expr::All => false,
        Expr::And(parts) | Expr::Or(parts) => parts.iter().any(names_metric),
        Expr::Not(part) => names_metric(part),
        Expr::Compare(comparison) => matches!(comparison.field, Field::Metric(_)),
    }
}

fn check(tx: &mut Tx<'_>, specs: &[Spec], searches: &[Wanted]) -> Result<()> {
    let world = World::new(tx)?;
    let mut stored = Vec::new();
    for spec in specs {
        stored.push((spec, world.store(tx, spec)?));
    }
    for wanted in searches {
        let steps: Vec<LoggedModelOrder> = wanted
            .order
            .iter()
            .map(|step| LoggedModelOrder {
                field_name: step.field_name.clone(),
                ascending: step.ascending,
                dataset: step
                    .dataset
                    .as_ref()
                    .map_or_else(MetricDataset::default, |dataset| MetricDataset {
                        name: Some(dataset.name.clone()),
                        digest: dataset.digest.clone(),
                    }),
            })
            .collect();
        let order = parse_logged_model_order(&steps)?;
        let visible: Vec<_> = stored
            .iter()
            .filter(|(spec, _)| !spec.deleted && wanted.experiments.contains(&spec.experiment))
            .filter(|(_, (_, entity))| wanted.finds(entity))
            .map(|(_, entity)| entity.clone())
            .collect();
        let filter = print::expr(Target::LoggedModels, &wanted.filter);
        let asked = wanted.experiments.iter();
        let asked: Vec<i64> = asked
            .map(|at| world.experiments.get(*at).copied().unwrap_or(99))
            .collect();
        let found = all_pages(wanted.size, |page_token| {
            let search = ModelSearch {
                experiment_ids: asked.clone(),
                filter: filter.clone(),
                datasets: wanted.datasets.clone(),
                order_by: wanted.order.clone(),
                max_results: wanted.size,
                page_token,
            };
            search::logged_models(tx, &search)
        })?;
        let found: Vec<_> = found.into_iter().map(|model| model.uuid).collect();
        assert_eq!(
            found,
            expected(&visible, &Expr::All, &order),
            "filter: {filter}\ndatasets: {:?}\norder: {:?}\npages of {}",
            wanted.datasets,
            wanted.order,
            wanted.size
        );
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(40) })]
    #[test]
    fn random_searches_of_logged_models_find_what_the_evaluator_finds(
        specs in prop::collection::vec(spec(), 1..10),
        searches in prop::collection::vec(wanted(), 8),
    ) {
        in_database(move |tx| check(tx, &specs, &searches)).unwrap();
    }
}
