//! Histories of metrics against a plain model: random batches, folded at random moments.

use crate::metrics::paged;
use crate::server::TestServer;
use crate::support::points;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};

const KEYS: [&str; 2] = ["a", "b/c"];

/// A point in the order of a history; the value is counted in halves, and 0 for a NaN.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Sample {
    timestamp: i64,
    step: i64,
    halves: i64,
    is_nan: bool,
}

impl Sample {
    fn shown(self) -> (Json, i64, i64) {
        let value = match self.is_nan {
            true => json!("NaN"),
            false => json!(self.halves as f64 / 2.0),
        };
        (value, self.timestamp, self.step)
    }
}

#[derive(Debug, Clone)]
enum Step {
    Log(Vec<(usize, Sample)>),
    Fold,
}

/// What a server must know of one run.
#[derive(Default)]
struct Model {
    series: BTreeMap<usize, BTreeSet<Sample>>,
    latest: BTreeMap<usize, Sample>,
}

impl Model {
    fn log(&mut self, key: usize, sample: Sample) {
        self.series.entry(key).or_default().insert(sample);
        let recency = |sample: &Sample| (sample.step, sample.timestamp, sample.halves);
        let latest = self.latest.entry(key).or_insert(sample);
        if recency(&sample) > recency(latest) {
            *latest = sample;
        }
    }

    fn history(&self, key: usize) -> Vec<(Json, i64, i64)> {
        let series = self.series.get(&key).into_iter().flatten();
        series.map(|sample| sample.shown()).collect()
    }

    /// Samples as SQL's `ntile` would: every row gets the number of its bucket, the first row of
    /// each is taken, and the last row is always among them.
    fn sampled(
        &self,
        key: usize,
        buckets: usize,
        steps: Option<(i64, i64)>,
    ) -> Vec<(Json, i64, i64)> {
        let mut rows: Vec<Sample> = self
            .series
            .get(&key)
            .into_iter()
            .flatten()
            .copied()
            .collect();
        rows.retain(|row| steps.is_none_or(|(first, last)| first <= row.step && row.step <= last));
        rows.sort_by_key(|row| (row.step, row.timestamp, row.halves, row.is_nan));
        let mut taken = Vec::new();
        let mut start = 0;
        for bucket in 0..buckets {
            let size = rows.len() / buckets + usize::from(bucket < rows.len() % buckets);
            taken.extend(rows.get(start).filter(|_| size > 0).copied());
            start += size;
        }
        let Some(last) = rows.last().filter(|last| taken.last() != Some(last)) else {
            return taken.into_iter().map(Sample::shown).collect();
        };
        if taken.len() >= buckets {
            taken.pop();
        }
        taken.push(*last);
        taken.into_iter().map(Sample::shown).collect()
    }
}

fn sample() -> impl Strategy<Value = Sample> {
    let value = prop_oneof![4 => (-4_i64..5).prop_map(Some), 1 => Just(None)];
    // Many share a time or come close, and some fall anywhere among the points of a long stretch.
    let timestamp = prop_oneof![0_i64..40, 0_i64..9000];
    (timestamp, -6_i64..20, value).prop_map(|(timestamp, step, halves)| Sample {
        timestamp,
        step,
        halves: halves.unwrap_or(0),
        is_nan: halves.is_none(),
    })
}

/// Many points in a row: the longest fill more than one block.
fn stretch() -> impl Strategy<Value = Vec<(usize, Sample)>> {
    (0..KEYS.len(), 0_i64..3000, 0_i64..4, 500_i64..6000).prop_map(|(key, from, pace, count)| {
        let sample = |index: i64| Sample {
            timestamp: from + index * pace,
            step: index / 2 - from,
            halves: index % 7,
            is_nan: false,
        };
        (0..count).map(|index| (key, sample(index))).collect()
    })
}

fn step() -> impl Strategy<Value = Step> {
    let few = prop::collection::vec((0..KEYS.len(), sample()), 1..20);
    prop_oneof![
        4 => few.prop_map(Step::Log),
        2 => stretch().prop_map(Step::Log),
        3 => Just(Step::Fold),
    ]
}

async fn apply(server: &TestServer, run: &str, steps: &[Step]) -> Model {
    let mut model = Model::default();
    for step in steps {
        let Step::Log(batch) = step else {
            server.fold(run).await;
            continue;
        };
        for batch in batch.chunks(1000) {
            let metric = |(key, sample): &(usize, Sample)| {
                let (value, timestamp, step) = sample.shown();
                (KEYS[*key], value, timestamp, step)
            };
            let metrics: Vec<_> = batch.iter().map(metric).collect();
            server.log_metrics(run, &metrics).await;
        }
        for (key, sample) in batch {
            model.log(*key, *sample);
        }
    }
    model
}

/// What is asked of a server after the steps.
#[derive(Debug, Clone)]
struct Questions {
    /// Pages of each history.
    pages: usize,
    buckets: usize,
    steps: Option<(i64, i64)>,
    limit: usize,
}

fn questions() -> impl Strategy<Value = Questions> {
    let steps =
        prop::option::of((-8_i64..400, 0_i64..400).prop_map(|(from, by)| (from, from + by)));
    (1_usize..8, 1_usize..60, steps, 0_usize..3000).prop_map(|(pages, buckets, steps, limit)| {
        Questions {
            pages,
            buckets,
            steps,
            limit,
        }
    })
}

async fn check(server: &TestServer, run: &str, model: &Model, ask: &Questions) {
    for (number, key) in KEYS.iter().enumerate() {
        let expected = model.history(number);
        assert_eq!(
            server.history(run, key).await,
            expected,
            "the history of {key}"
        );
        let size = expected.len().div_ceil(ask.pages).max(1);
        assert_eq!(
            paged(server, run, key, size).await,
            expected,
            "{key} in pages of {size}"
        );
        let bulk = "/ajax-api/2.0/mlflow/metrics/get-history-bulk";
        let query = format!("run_id={run}&metric_key={key}&max_results={}", ask.limit);
        let answer = server.get(&format!("{bulk}?{query}")).await.ok();
        let cut = &expected[..expected.len().min(ask.limit)];
        assert_eq!(points(&answer), cut, "the first {} of {key}", ask.limit);
        let mut query = format!("run_ids={run}&metric_key={key}&max_results={}", ask.buckets);
        if let Some((first, last)) = ask.steps {
            query += &format!("&start_step={first}&end_step={last}");
        }
        let answer = server
            .get(&format!("metrics/get-history-bulk-interval?{query}"))
            .await
            .ok();
        let expected = model.sampled(number, ask.buckets, ask.steps);
        assert_eq!(
            points(&answer),
            expected,
            "{} of {key} in {:?}",
            ask.buckets,
            ask.steps
        );
    }
    let found = server.whole_run(run).await;
    let expected: Vec<_> = model.latest.values().map(|sample| sample.shown()).collect();
    assert_eq!(points(&found["data"]), expected, "the latest values");
}

#[test]
fn every_history_is_what_was_logged_whenever_it_is_folded() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let server = runtime.block_on(TestServer::start());
    let config = ProptestConfig {
        cases: 12,
        failure_persistence: None,
        ..Default::default()
    };
    let steps = prop::collection::vec(step(), 2..12);
    proptest!(config, |(steps in steps, ask in questions())| {
        runtime.block_on(async {
            let run = server.run("0").await;
            let model = apply(&server, &run, &steps).await;
            check(&server, &run, &model, &ask).await;
            server.fold(&run).await;
            check(&server, &run, &model, &ask).await;
        });
    });
}
