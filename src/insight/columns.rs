//! What the runs of an experiment have: the columns that a table of them could show, and those that
//! it should show first.
//!
//! It looks at the newest matching runs, at most `MAX_SAMPLE`, and says how many they were.

use super::goal::{self, Direction};
use super::number::Num;
use crate::db::{Row, Tx, Value, placeholders};
use crate::error::Result;
use crate::tracking::search::{self, TableSearch};
use crate::tracking::series::Point;
use crate::tracking::{curve, metric};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};

/// Runs that are looked at.
pub const MAX_SAMPLE: usize = 2_000;
/// Columns of a kind.
const MAX_COLUMNS: usize = 2_000;
/// Values of a column that are told apart.
const MAX_DISTINCT: usize = 100;
/// Values of a column that are told.
const TOLD_VALUES: usize = 10;
/// Characters of a value that are told.
const TOLD_LENGTH: usize = 100;
/// Params among the default columns.
const DEFAULT_PARAMS: usize = 4;
/// Metrics among the default columns where no goal is declared.
const DEFAULT_METRICS: usize = 3;
/// Runs named in one statement.
const CHUNK: usize = 500;

/// The columns of matching runs, the most common first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Columns {
    /// Matching runs.
    pub total: i64,
    /// The newest of them, that were looked at.
    pub sampled: usize,
    pub metrics: Vec<NumberColumn>,
    pub params: Vec<TextColumn>,
    pub tags: Vec<TextColumn>,
    /// The goal, then params that vary.
    pub default_columns: Vec<String>,
    /// Whether some kind has more columns than are told.
    pub truncated: bool,
}

/// A column of metrics; what is counted of values is of the last value of each run.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NumberColumn {
    pub name: String,
    pub key: String,
    /// The share of the runs that have it, 0 to 1.
    pub share: f64,
    pub distinct: usize,
    pub distinct_capped: bool,
    pub min: Option<Num>,
    pub max: Option<Num>,
    pub mean: Option<Num>,
    pub variance: Option<Num>,
    /// Values that are NaN or infinite; the figures above are without them.
    pub nonfinite: usize,
    pub is_goal: bool,
    pub direction: Direction,
    /// Whether it is a metric of the machine.
    pub system: bool,
}

/// A column of params or tags.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TextColumn {
    pub name: String,
    pub key: String,
    pub share: f64,
    pub distinct: usize,
    pub distinct_capped: bool,
    /// Whether every value is a number.
    pub numeric: bool,
    pub min: Option<f64>,
    pub max: Option<f64>,
    /// The most frequent values, each cut short where it is long.
    pub values: Vec<String>,
}

/// Finds the columns of the runs that a search finds; its limit is how many are looked at.
///
/// # Errors
/// 400 for a filter that is refused.
pub fn find(tx: &mut Tx<'_>, asked: &TableSearch) -> Result<Columns> {
    let (page, total) = search::table(tx, asked)?;
    let ids: Vec<i64> = page.items.iter().map(|run| run.id).collect();
    let mut goals = Vec::new();
    for id in &asked.experiment_ids {
        goals.extend(super::experiments::declared_goal(tx, *id)?);
    }
    let mut metrics = numbers(tx, &ids)?;
    for column in &mut metrics {
        if let Some((_, direction)) = goals.iter().find(|(key, _)| *key == column.key) {
            (column.is_goal, column.direction) = (true, *direction);
        }
    }
    let (mut params, mut tags) = (texts(tx, "params", &ids)?, texts(tx, "tags", &ids)?);
    let longest = metrics.len().max(params.len()).max(tags.len());
    metrics.truncate(MAX_COLUMNS);
    params.truncate(MAX_COLUMNS);
    tags.truncate(MAX_COLUMNS);
    Ok(Columns {
        total,
        sampled: ids.len(),
        default_columns: defaults(&metrics, &params),
        metrics,
        params,
        tags,
        truncated: longest > MAX_COLUMNS,
    })
}

fn numbers(tx: &mut Tx<'_>, ids: &[i64]) -> Result<Vec<NumberColumn>> {
    let mut found: HashMap<i64, Vec<f64>> = HashMap::new();
    each(
        tx,
        ("latest_metrics", "value, is_nan"),
        ids,
        |key_id, row| {
            let (value, is_nan) = (row.get(1)?, row.get(2)?);
            let point = Point {
                value,
                is_nan,
                step: 0,
                timestamp: 0,
            };
            found.entry(key_id).or_default().push(curve::value(&point));
            Ok(())
        },
    )?;
    let names = names(tx, found.keys().copied())?;
    let columns = found.into_iter().filter_map(|(key_id, values)| {
        Some(number_column(names.get(&key_id)?, &values, ids.len()))
    });
    let mut columns: Vec<NumberColumn> = columns.collect();
    columns.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.key.cmp(&b.key)));
    Ok(columns)
}

fn number_column(key: &str, values: &[f64], runs: usize) -> NumberColumn {
    let mut finite: Vec<f64> = values
        .iter()
        .copied()
        .filter(|value| value.is_finite())
        .collect();
    finite.sort_by(f64::total_cmp);
    let count = finite.len() as f64;
    let mean = (!finite.is_empty()).then(|| finite.iter().map(|value| value / count).sum::<f64>());
    let variance = mean.map(|mean| {
        let squares = finite
            .iter()
            .map(|value| (value - mean) * (value - mean) / count);
        squares.sum::<f64>()
    });
    let (min, max) = (finite.first().copied(), finite.last().copied());
    let nonfinite = values.len() - finite.len();
    finite.dedup();
    NumberColumn {
        name: format!("metrics.{key}"),
        key: key.to_owned(),
        share: values.len() as f64 / runs.max(1) as f64,
        distinct: finite.len().min(MAX_DISTINCT),
        distinct_capped: finite.len() > MAX_DISTINCT,
        min: min.map(Num),
        max: max.map(Num),
        mean: mean.map(Num),
        variance: variance.map(Num),
        nonfinite,
        is_goal: false,
        direction: Direction::guess(key),
        system: metric::is_system(key),
    }
}

/// What is counted of one key while its values go by.
#[derive(Default)]
struct Tally {
    runs: usize,
    counts: BTreeMap<String, usize>,
    capped: bool,
    odd: bool,
    range: Option<(f64, f64)>,
}

impl Tally {
    fn add(&mut self, value: String) {
        self.runs += 1;
        match value
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
        {
            None => self.odd = true,
            Some(number) => {
                let (low, high) = self.range.unwrap_or((number, number));
                self.range = Some((low.min(number), high.max(number)));
            }
        }
        if self.counts.len() >= MAX_DISTINCT && !self.counts.contains_key(&value) {
            self.capped = true;
        } else {
            *self.counts.entry(value).or_default() += 1;
        }
    }

    fn column(self, (table, key): (&str, &str), runs: usize) -> TextColumn {
        let range = self.range.filter(|_| !self.odd);
        let distinct = self.counts.len();
        let mut values: Vec<(String, usize)> = self.counts.into_iter().collect();
        values.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        let told = values.into_iter().take(TOLD_VALUES);
        TextColumn {
            name: format!("{table}.{key}"),
            key: key.to_owned(),
            share: self.runs as f64 / runs.max(1) as f64,
            distinct,
            distinct_capped: self.capped,
            numeric: range.is_some(),
            min: range.map(|(low, _)| low),
            max: range.map(|(_, high)| high),
            values: told
                .map(|(value, _)| value.chars().take(TOLD_LENGTH).collect())
                .collect(),
        }
    }
}

fn texts(tx: &mut Tx<'_>, table: &str, ids: &[i64]) -> Result<Vec<TextColumn>> {
    let mut found: HashMap<i64, Tally> = HashMap::new();
    each(tx, (table, "value"), ids, |key_id, row| {
        found.entry(key_id).or_default().add(row.get(1)?);
        Ok(())
    })?;
    let names = names(tx, found.keys().copied())?;
    let columns = found
        .into_iter()
        .filter_map(|(key_id, tally)| Some(tally.column((table, names.get(&key_id)?), ids.len())));
    let mut columns: Vec<TextColumn> = columns.collect();
    columns.sort_by(|a, b| b.share.total_cmp(&a.share).then_with(|| a.key.cmp(&b.key)));
    Ok(columns)
}

/// Reads the rows of some runs; each begins with the id of its key.
fn each(
    tx: &mut Tx<'_>,
    (table, columns): (&str, &str),
    ids: &[i64],
    mut take: impl FnMut(i64, &Row<'_>) -> Result<()>,
) -> Result<()> {
    for chunk in ids.chunks(CHUNK) {
        let sql = format!(
            "select key_id, {columns} from {table} where run_id in ({}) order by run_id, key_id",
            placeholders(1, chunk.len())
        );
        let params: Vec<Value<'_>> = chunk.iter().map(|id| Value::Int(*id)).collect();
        tx.query(&sql, &params, |row| take(row.get(0)?, row))?;
    }
    Ok(())
}

/// Gives the names of keys by their ids.
fn names(tx: &mut Tx<'_>, ids: impl Iterator<Item = i64>) -> Result<HashMap<i64, String>> {
    let mut ids: Vec<i64> = ids.collect();
    ids.sort_unstable();
    let mut names = HashMap::with_capacity(ids.len());
    for chunk in ids.chunks(CHUNK) {
        let sql = format!(
            "select id, name from keys where id in ({}) order by id",
            placeholders(1, chunk.len())
        );
        let params: Vec<Value<'_>> = chunk.iter().map(|id| Value::Int(*id)).collect();
        names.extend(tx.query(&sql, &params, |row| Ok((row.get(0)?, row.get(1)?)))?);
    }
    Ok(names)
}

/// Chooses the columns that are shown first: the goals, else the likeliest metrics that most runs
/// have, and then params that differ between the runs.
fn defaults(metrics: &[NumberColumn], params: &[TextColumn]) -> Vec<String> {
    let mut chosen: Vec<&NumberColumn> = metrics.iter().filter(|one| one.is_goal).collect();
    if chosen.is_empty() {
        let rank = |one: &NumberColumn| (goal::likelihood(&one.key), one.distinct > 1);
        chosen = metrics
            .iter()
            .filter(|one| !one.system && one.share >= 0.25)
            .collect();
        chosen.sort_by_key(|one| std::cmp::Reverse(rank(one)));
        chosen.truncate(DEFAULT_METRICS);
    }
    let mut varying: Vec<&TextColumn> = params
        .iter()
        .filter(|one| one.distinct > 1 || one.share < 1.0)
        .collect();
    // Few values for many runs tell more than an id that is different everywhere.
    varying.sort_by(|a, b| {
        let rank = |one: &TextColumn| (one.distinct_capped && !one.numeric, -one.share);
        let (a_rank, b_rank) = (rank(a), rank(b));
        a_rank.0.cmp(&b_rank.0).then(a_rank.1.total_cmp(&b_rank.1))
    });
    let metrics = chosen.iter().map(|one| one.name.clone());
    let params = varying
        .iter()
        .take(DEFAULT_PARAMS)
        .map(|one| one.name.clone());
    metrics.chain(params).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_of_a_metric_leave_out_what_is_not_finite() {
        let column = number_column("val_loss", &[1.0, 3.0, f64::NAN, f64::INFINITY], 8);
        assert_eq!(
            (column.share, column.distinct, column.nonfinite),
            (0.5, 2, 2)
        );
        assert_eq!(column.mean.map(|mean| mean.0), Some(2.0));
        assert_eq!(column.variance.map(|variance| variance.0), Some(1.0));
        let none = number_column("x", &[f64::NAN], 1);
        assert!(none.min.is_none() && none.mean.is_none());
    }

    #[test]
    fn a_column_of_texts_is_numeric_only_when_all_of_it_is() {
        let column = |values: &[&str]| {
            let mut tally = Tally::default();
            values
                .iter()
                .for_each(|value| tally.add((*value).to_owned()));
            tally.column(("params", "lr"), values.len())
        };
        let numbers = column(&["0.1", "1e-3", "0.1"]);
        assert_eq!(
            (numbers.numeric, numbers.min, numbers.max),
            (true, Some(0.001), Some(0.1))
        );
        assert_eq!(numbers.values, ["0.1", "1e-3"]);
        assert!(!column(&["0.1", "nan"]).numeric);
    }

    #[test]
    fn values_beyond_the_bound_are_counted_as_capped() {
        let mut tally = Tally::default();
        (0..150).for_each(|number| tally.add(number.to_string()));
        let column = tally.column(("params", "seed"), 150);
        assert_eq!(
            (column.distinct, column.distinct_capped),
            (MAX_DISTINCT, true)
        );
    }
}
