//! A table of runs, column by column: what a browser shows of thousands of them.

use super::goal::Direction;
use super::number::Num;
use crate::db::{Tx, Value, placeholders};
use crate::error::{Error, Result};
use crate::tracking::experiment::Lifecycle;
use crate::tracking::run::{PARENT_TAG, Run, Staleness, Status};
use crate::tracking::search::{self, TableSearch};
use crate::tracking::series::Point;
use crate::tracking::{curve, history};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::HashMap;

/// Runs and keys named in one statement.
const CHUNK: usize = 500;

/// Which of its values stands for a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aggregate {
    /// The one of the largest step.
    Last,
    Min,
    Max,
    /// The least or the largest, by what the name of the metric means.
    Best,
}

/// What a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Metric,
    Param,
    Tag,
}

/// A column that is asked for, as `metrics.loss`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub kind: Kind,
    pub key: String,
}

impl Wanted {
    /// Reads the name of a column.
    ///
    /// # Errors
    /// 400 for a name that does not begin with `metrics.`, `params.` or `tags.`.
    pub fn parse(name: &str) -> Result<Self> {
        let kinds = [
            ("metrics.", Kind::Metric),
            ("params.", Kind::Param),
            ("tags.", Kind::Tag),
        ];
        let found = kinds
            .iter()
            .find_map(|(prefix, kind)| Some((*kind, name.strip_prefix(prefix)?)));
        match found.filter(|(_, key)| !key.is_empty()) {
            Some((kind, key)) => Ok(Self {
                kind,
                key: key.to_owned(),
            }),
            None => Err(Error::invalid(format!(
                "The column '{name}' must be metrics.KEY, params.KEY or tags.KEY."
            ))),
        }
    }

    /// Gives the name that `parse` reads.
    pub fn name(&self) -> String {
        let prefix = match self.kind {
            Kind::Metric => "metrics",
            Kind::Param => "params",
            Kind::Tag => "tags",
        };
        format!("{prefix}.{}", self.key)
    }
}

/// A page of a table.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Table {
    /// Runs of all pages.
    pub total: i64,
    pub next_cursor: Option<String>,
    /// Runs of this page: the length of every array.
    pub rows: usize,
    pub run_id: Vec<String>,
    pub experiment_id: Vec<String>,
    pub name: Vec<String>,
    pub user: Vec<String>,
    #[schemars(with = "Vec<Status>")]
    pub status: Vec<&'static str>,
    #[schemars(with = "Vec<Lifecycle>")]
    pub lifecycle: Vec<&'static str>,
    pub start_time: Vec<i64>,
    pub end_time: Vec<Option<i64>>,
    /// Whether a run says it is running although nothing was written for long.
    pub stale: Vec<bool>,
    pub parent_run_id: Vec<Option<String>>,
    /// Active runs that name this one as their parent.
    pub children: Vec<i64>,
    /// In the order in which they were asked for.
    pub columns: Vec<Column>,
}

/// One column; null where a run has no such thing.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
#[schemars(rename = "TableColumn")]
pub enum Column {
    Metric(Cells<Num>),
    Param(Cells<String>),
    Tag(Cells<String>),
}

/// The name of a column and its values, one for each row.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "CellsOf{T}")]
pub struct Cells<T> {
    pub name: String,
    pub key: String,
    pub values: Vec<Option<T>>,
}

impl Column {
    fn empty(wanted: &Wanted, rows: usize) -> Self {
        match wanted.kind {
            Kind::Metric => Column::Metric(Cells::empty(wanted, rows)),
            Kind::Param => Column::Param(Cells::empty(wanted, rows)),
            Kind::Tag => Column::Tag(Cells::empty(wanted, rows)),
        }
    }
}

impl<T: Clone> Cells<T> {
    fn empty(wanted: &Wanted, rows: usize) -> Self {
        Self {
            name: wanted.name(),
            key: wanted.key.clone(),
            values: vec![None; rows],
        }
    }

    fn set(&mut self, place: usize, value: &T) {
        if let Some(slot) = self.values.get_mut(place) {
            *slot = Some(value.clone());
        }
    }
}

/// Reads a page of a table.
///
/// # Errors
/// 400 for a filter, an order or a cursor that is refused.
pub fn read(
    tx: &mut Tx<'_>,
    asked: &TableSearch,
    wanted: &[Wanted],
    aggregate: Aggregate,
) -> Result<Table> {
    let (page, total) = search::table(tx, asked)?;
    let runs = page.items;
    let rows = Rows::of(&runs);
    let parents = rows.texts(tx, Kind::Tag, PARENT_TAG)?;
    let children = children(tx, &asked.experiment_ids, &runs)?;
    let columns = columns(tx, &rows, wanted, aggregate)?;
    Ok(Table {
        total,
        next_cursor: page.next,
        rows: runs.len(),
        run_id: runs.iter().map(|run| run.uuid.clone()).collect(),
        experiment_id: runs
            .iter()
            .map(|run| run.experiment_id.to_string())
            .collect(),
        name: runs.iter().map(|run| run.name.clone()).collect(),
        user: runs.iter().map(|run| run.user_id.clone()).collect(),
        status: runs.iter().map(|run| run.status.name()).collect(),
        lifecycle: runs.iter().map(|run| run.lifecycle.name()).collect(),
        start_time: runs.iter().map(|run| run.start_time).collect(),
        end_time: runs.iter().map(|run| run.end_time).collect(),
        stale: runs
            .iter()
            .map(|run| run.staleness == Staleness::Stale)
            .collect(),
        parent_run_id: parents,
        children,
        columns,
    })
}

/// The runs of a page and where each stands.
pub(super) struct Rows {
    ids: Vec<i64>,
    place: HashMap<i64, usize>,
}

impl Rows {
    pub(super) fn of(runs: &[Run]) -> Self {
        let ids: Vec<i64> = runs.iter().map(|run| run.id).collect();
        let place = ids.iter().copied().zip(0..).collect();
        Self { ids, place }
    }

    /// Reads the values of one key, one for each run.
    pub(super) fn texts(
        &self,
        tx: &mut Tx<'_>,
        kind: Kind,
        key: &str,
    ) -> Result<Vec<Option<String>>> {
        let mut values = vec![None; self.ids.len()];
        let Some(key_id) = tx.find_key(key)? else {
            return Ok(values);
        };
        let table = match kind {
            Kind::Tag => "tags",
            Kind::Param | Kind::Metric => "params",
        };
        self.each(tx, (table, "value"), &[key_id], |place, _, row| {
            if let Some(value) = values.get_mut(place) {
                *value = Some(row.get(2)?);
            }
            Ok(())
        })?;
        Ok(values)
    }

    /// Runs `take` for each row of a table of keys and values: its run, its key, and the row, whose
    /// columns begin at 2.
    fn each(
        &self,
        tx: &mut Tx<'_>,
        (table, columns): (&str, &str),
        key_ids: &[i64],
        mut take: impl FnMut(usize, i64, &crate::db::Row<'_>) -> Result<()>,
    ) -> Result<()> {
        for ids in self.ids.chunks(CHUNK) {
            let sql = format!(
                "select run_id, key_id, {columns} from {table}
                 where run_id in ({}) and key_id in ({}) order by run_id, key_id",
                placeholders(1, ids.len()),
                placeholders(ids.len() + 1, key_ids.len())
            );
            let params: Vec<Value<'_>> = ids
                .iter()
                .chain(key_ids)
                .map(|id| Value::Int(*id))
                .collect();
            tx.query(&sql, &params, |row| {
                match self.place.get(&row.get::<i64>(0)?) {
                    Some(place) => take(*place, row.get(1)?, row),
                    None => Ok(()),
                }
            })?;
        }
        Ok(())
    }
}

fn columns(
    tx: &mut Tx<'_>,
    rows: &Rows,
    wanted: &[Wanted],
    aggregate: Aggregate,
) -> Result<Vec<Column>> {
    let mut keys: HashMap<(Kind, i64), Vec<usize>> = HashMap::new();
    let mut columns = Vec::with_capacity(wanted.len());
    for (index, one) in wanted.iter().enumerate() {
        if let Some(key_id) = tx.find_key(&one.key)? {
            keys.entry((one.kind, key_id)).or_default().push(index);
        }
        columns.push(Column::empty(one, rows.ids.len()));
    }
    for kind in [Kind::Metric, Kind::Param, Kind::Tag] {
        let ids = keys.keys().filter(|(other, _)| *other == kind);
        let ids: Vec<i64> = ids.map(|(_, id)| *id).collect();
        if ids.is_empty() {
            continue;
        }
        let mut set = |key_id: i64, place: usize, value: Cell| {
            for index in keys.get(&(kind, key_id)).into_iter().flatten() {
                if let Some(column) = columns.get_mut(*index) {
                    value.put(column, place);
                }
            }
        };
        match (kind, aggregate) {
            (Kind::Metric, Aggregate::Last) => {
                let from = ("latest_metrics", "value, is_nan, step, timestamp");
                rows.each(tx, from, &ids, |place, key_id, row| {
                    let point = Point {
                        value: row.get(2)?,
                        is_nan: row.get(3)?,
                        step: row.get(4)?,
                        timestamp: row.get(5)?,
                    };
                    set(key_id, place, Cell::Number(Num::of(&point)));
                    Ok(())
                })?;
            }
            (Kind::Metric, _) => {
                for (place, run_id) in rows.ids.iter().enumerate() {
                    for (key_id, points) in history::whole(tx, *run_id, Some(&ids))? {
                        let key = name_of(wanted, keys.get(&(kind, key_id)));
                        if let Some(found) = pick(&points, aggregate, key) {
                            set(key_id, place, Cell::Number(found));
                        }
                    }
                }
            }
            (Kind::Param | Kind::Tag, _) => {
                let table = if kind == Kind::Tag { "tags" } else { "params" };
                rows.each(tx, (table, "value"), &ids, |place, key_id, row| {
                    set(key_id, place, Cell::Text(row.get(2)?));
                    Ok(())
                })?;
            }
        }
    }
    Ok(columns)
}

enum Cell {
    Number(Num),
    Text(String),
}

impl Cell {
    fn put(&self, column: &mut Column, place: usize) {
        match (self, column) {
            (Cell::Number(number), Column::Metric(cells)) => cells.set(place, number),
            (Cell::Text(text), Column::Param(cells) | Column::Tag(cells)) => {
                cells.set(place, text);
            }
            _ => {}
        }
    }
}

fn name_of<'w>(wanted: &'w [Wanted], places: Option<&Vec<usize>>) -> &'w str {
    let first = places.and_then(|places| places.first());
    first
        .and_then(|place| wanted.get(*place))
        .map_or("", |one| one.key.as_str())
}

/// Picks the value that stands for a metric; one that is not finite only where there is no other.
pub(super) fn pick(points: &[Point], aggregate: Aggregate, key: &str) -> Option<Num> {
    let last = points
        .iter()
        .max_by_key(|point| (point.step, point.timestamp))?;
    let direction = match aggregate {
        Aggregate::Last => return Some(Num::of(last)),
        Aggregate::Min => Direction::Min,
        Aggregate::Max => Direction::Max,
        Aggregate::Best => Direction::guess(key),
    };
    let values = points
        .iter()
        .map(curve::value)
        .filter(|value| value.is_finite());
    let best = values.reduce(|best, value| match direction.prefers(value, best) {
        true => value,
        false => best,
    });
    Some(best.map_or(Num::of(last), Num))
}

/// Counts the active runs of these experiments that name each run as their parent.
fn children(tx: &mut Tx<'_>, experiment_ids: &[i64], runs: &[Run]) -> Result<Vec<i64>> {
    let mut counts = vec![0; runs.len()];
    let Some(key_id) = tx.find_key(PARENT_TAG)? else {
        return Ok(counts);
    };
    let place: HashMap<&str, usize> = runs.iter().map(|run| run.uuid.as_str()).zip(0..).collect();
    for chunk in runs.chunks(CHUNK) {
        let sql = format!(
            "select t.value, count(*) from tags t join runs r on r.id = t.run_id
             where t.experiment_id in ({}) and t.key_id = ${} and substr(t.value, 1, 64) in ({})
                 and r.lifecycle = 1
             group by t.value order by t.value",
            placeholders(1, experiment_ids.len()),
            experiment_ids.len() + 1,
            placeholders(experiment_ids.len() + 2, chunk.len())
        );
        let mut params: Vec<Value<'_>> = experiment_ids.iter().map(|id| Value::Int(*id)).collect();
        params.push(Value::Int(key_id));
        params.extend(chunk.iter().map(|run| Value::from(run.uuid.as_str())));
        tx.query(&sql, &params, |row| {
            let found = place.get(row.get::<String>(0)?.as_str());
            if let Some(count) = found.and_then(|place| counts.get_mut(*place)) {
                *count = row.get(1)?;
            }
            Ok(())
        })?;
    }
    Ok(counts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_metric_is_stood_for_by_a_finite_value_where_there_is_one() {
        let points = [
            Point::new(1, 1, 0.5),
            Point::new(2, 2, f64::INFINITY),
            Point::new(3, 3, f64::NAN),
        ];
        let check = |aggregate, key, expected: f64| {
            let Num(found) = pick(&points, aggregate, key).unwrap();
            assert!(Num(found).is_same(Num(expected)), "{key}: {found}");
        };
        check(Aggregate::Last, "loss", f64::NAN);
        check(Aggregate::Min, "loss", 0.5);
        check(Aggregate::Max, "loss", 0.5);
        let Num(none) = pick(&points[2..], Aggregate::Best, "loss").unwrap();
        assert!(none.is_nan());
        assert!(pick(&[], Aggregate::Last, "loss").is_none());
    }

    #[test]
    fn names_of_columns_say_what_they_show() {
        for name in ["metrics.loss", "params.a.b", "tags.mlflow.user"] {
            assert_eq!(Wanted::parse(name).unwrap().name(), name);
        }
        for name in ["", "loss", "metrics.", "attributes.status"] {
            assert!(Wanted::parse(name).is_err(), "{name}");
        }
    }
}
