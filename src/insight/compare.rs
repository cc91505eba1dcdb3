//! Runs side by side: everything they recorded, and in what they differ.

use super::number::Num;
use super::table::{Aggregate, pick};
use crate::db::{Tx, Value, placeholders};
use crate::error::Result;
use crate::tracking::assemble::{self, FullRun, ShortPair};
use crate::tracking::experiment::Pair;
use crate::tracking::history;
use crate::tracking::run::{self, PARENT_TAG, Status};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

const COMMIT_TAG: &str = "mlflow.source.git.commit";
const SOURCE_TAG: &str = "mlflow.source.name";
const CONTEXT_TAG: &str = "mlflow.data.context";

/// Runs side by side; every array has one value for each of `runs`.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Comparison {
    /// In the order in which they were asked for.
    pub runs: Vec<ComparedRun>,
    /// Ids that no run has.
    pub missing: Vec<String>,
    pub params: Vec<TextRow>,
    pub metrics: Vec<MetricRow>,
    pub tags: Vec<TextRow>,
    pub datasets: Vec<DatasetRow>,
    pub commit: CommitRow,
}

/// A run as a column.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ComparedRun {
    pub run_id: String,
    pub experiment_id: String,
    pub experiment_name: String,
    pub name: String,
    pub user: String,
    #[schemars(with = "Status")]
    pub status: &'static str,
    pub start_time: i64,
    pub end_time: Option<i64>,
    pub commit: Option<String>,
    pub source: Option<String>,
    pub parent_run_id: Option<String>,
    pub artifact_uri: String,
}

/// A param or a tag; a run without it differs from one that has it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TextRow {
    pub key: String,
    pub differs: bool,
    pub values: Vec<Option<String>>,
}

/// A metric; the least and the largest are null where they were not asked for.
#[derive(Debug, Serialize, JsonSchema)]
pub struct MetricRow {
    pub key: String,
    pub differs: bool,
    pub last: Vec<Option<Num>>,
    pub min: Option<Vec<Option<Num>>>,
    pub max: Option<Vec<Option<Num>>>,
}

/// A dataset by its name and what it was used for.
#[derive(Debug, Serialize, JsonSchema)]
pub struct DatasetRow {
    pub name: String,
    pub context: Option<String>,
    pub differs: bool,
    pub digests: Vec<Option<String>>,
}

/// The commits of the code.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CommitRow {
    pub differs: bool,
    pub values: Vec<Option<String>>,
}

/// Whether the least and the largest value of each metric are looked up, which reads histories.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ranges {
    Left,
    Read,
}

/// Compares runs; ids that no run has are told.
pub fn compare(tx: &mut Tx<'_>, uuids: &[String], ranges: Ranges) -> Result<Comparison> {
    let mut runs = Vec::with_capacity(uuids.len());
    let mut missing = Vec::new();
    for uuid in uuids {
        match run::find_optional(tx, uuid)? {
            Some(run) => runs.push(run),
            None => missing.push(uuid.clone()),
        }
    }
    let full = assemble::load(tx, runs)?;
    let names = experiment_names(tx, &full)?;
    let tag = |run: &FullRun, key: &str| value_of(&run.data.tags, key);
    let commits: Vec<Option<String>> = full.iter().map(|run| tag(run, COMMIT_TAG)).collect();
    Ok(Comparison {
        runs: full
            .iter()
            .map(|one| ComparedRun {
                run_id: one.run.uuid.clone(),
                experiment_id: one.run.experiment_id.to_string(),
                experiment_name: names
                    .get(&one.run.experiment_id)
                    .cloned()
                    .unwrap_or_default(),
                name: one.run.name.clone(),
                user: one.run.user_id.clone(),
                status: one.run.status.name(),
                start_time: one.run.start_time,
                end_time: one.run.end_time,
                commit: tag(one, COMMIT_TAG),
                source: tag(one, SOURCE_TAG),
                parent_run_id: tag(one, PARENT_TAG),
                artifact_uri: one.run.artifact_uri.clone(),
            })
            .collect(),
        missing,
        params: texts(&full, |run| &run.data.params),
        metrics: metrics(tx, &full, ranges)?,
        tags: texts(&full, |run| &run.data.tags),
        datasets: datasets(&full),
        commit: CommitRow {
            differs: differ(&commits),
            values: commits,
        },
    })
}

fn value_of<K, V>(pairs: &[Pair<K, V>], key: &str) -> Option<String>
where
    K: AsRef<str>,
    V: AsRef<str>,
{
    let found = pairs.iter().find(|pair| pair.key.as_ref() == key);
    found.map(|pair| pair.value.as_ref().to_owned())
}

fn differ<T: PartialEq>(values: &[T]) -> bool {
    values.windows(2).any(|pair| pair.first() != pair.last())
}

fn experiment_names(tx: &mut Tx<'_>, runs: &[FullRun]) -> Result<HashMap<i64, String>> {
    let ids: BTreeSet<i64> = runs.iter().map(|one| one.run.experiment_id).collect();
    if ids.is_empty() {
        return Ok(HashMap::new());
    }
    let sql = format!(
        "select id, name from experiments where id in ({}) order by id",
        placeholders(1, ids.len())
    );
    let params: Vec<Value<'_>> = ids.into_iter().map(Value::Int).collect();
    let names = tx.query(&sql, &params, |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(names.into_iter().collect())
}

fn texts(runs: &[FullRun], pairs: impl Fn(&FullRun) -> &Vec<ShortPair>) -> Vec<TextRow> {
    let mut rows: BTreeMap<&str, Vec<Option<String>>> = BTreeMap::new();
    for (place, run) in runs.iter().enumerate() {
        for pair in pairs(run) {
            let values = rows
                .entry(&pair.key)
                .or_insert_with(|| vec![None; runs.len()]);
            if let Some(value) = values.get_mut(place) {
                *value = Some(pair.value.to_string());
            }
        }
    }
    rows.into_iter()
        .map(|(key, values)| TextRow {
            key: key.to_owned(),
            differs: differ(&values),
            values,
        })
        .collect()
}

fn metrics(tx: &mut Tx<'_>, runs: &[FullRun], ranges: Ranges) -> Result<Vec<MetricRow>> {
    let keys: BTreeSet<&str> = runs
        .iter()
        .flat_map(|run| run.data.metrics.iter().map(|(key, _)| &**key))
        .collect();
    let mut rows: BTreeMap<&str, MetricRow> = keys
        .into_iter()
        .map(|key| (key, MetricRow::empty(key, runs.len(), ranges)))
        .collect();
    for (place, run) in runs.iter().enumerate() {
        for (key, point) in &run.data.metrics {
            if let Some(row) = rows.get_mut(&**key) {
                set(&mut row.last, place, Num::of(point));
            }
        }
        if ranges == Ranges::Left {
            continue;
        }
        let mut histories = history::whole(tx, run.run.id, None)?;
        for (key, row) in &mut rows {
            let Some(points) = tx.find_key(key)?.and_then(|id| histories.remove(&id)) else {
                continue;
            };
            for (values, aggregate) in [
                (&mut row.min, Aggregate::Min),
                (&mut row.max, Aggregate::Max),
            ] {
                if let Some((values, found)) = values.as_mut().zip(pick(&points, aggregate, key)) {
                    set(values, place, found);
                }
            }
        }
    }
    Ok(rows
        .into_values()
        .map(|mut row| {
            row.differs = row.last.windows(2).any(|pair| !same(pair));
            row
        })
        .collect())
}

impl MetricRow {
    fn empty(key: &str, runs: usize, ranges: Ranges) -> Self {
        let range = || (ranges == Ranges::Read).then(|| vec![None; runs]);
        Self {
            key: key.to_owned(),
            differs: false,
            last: vec![None; runs],
            min: range(),
            max: range(),
        }
    }
}

fn set(values: &mut [Option<Num>], place: usize, number: Num) {
    if let Some(value) = values.get_mut(place) {
        *value = Some(number);
    }
}

fn same(pair: &[Option<Num>]) -> bool {
    match pair {
        [Some(one), Some(other)] => one.is_same(*other),
        [None, None] => true,
        _ => false,
    }
}

fn datasets(runs: &[FullRun]) -> Vec<DatasetRow> {
    let mut rows: BTreeMap<(String, Option<String>), Vec<Option<String>>> = BTreeMap::new();
    for (place, run) in runs.iter().enumerate() {
        for input in &run.data.datasets {
            let key = (
                input.dataset.name.clone(),
                value_of(&input.tags, CONTEXT_TAG),
            );
            let digests = rows.entry(key).or_insert_with(|| vec![None; runs.len()]);
            if let Some(digest) = digests.get_mut(place) {
                *digest = Some(input.dataset.digest.clone());
            }
        }
    }
    rows.into_iter()
        .map(|((name, context), digests)| DatasetRow {
            name,
            context,
            differs: differ(&digests),
            digests,
        })
        .collect()
}
