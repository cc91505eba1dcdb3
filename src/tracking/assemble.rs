//! Puts runs together with what they recorded, a page at a time and one query per kind of record.

use super::dataset::{Dataset, DatasetInput, ModelOutput};
use super::experiment::Pair;
use super::run::Run;
use super::series::Point;
use crate::db::{Row, Tx, Value, placeholders};
use crate::error::Result;
use compact_str::CompactString;
use foldhash::{HashMap, HashSet};
use std::mem::take;
use std::sync::Arc;

/// A param or tag of a run. Most values are short, and a page has tens of thousands of them: such a
/// value lies in the list itself.
pub type ShortPair = Pair<Arc<str>, CompactString>;

/// Runs read in one statement.
const CHUNK: usize = 500;

/// A run with what it recorded.
#[derive(Debug, Clone)]
pub struct FullRun {
    pub run: Run,
    pub data: RunData,
}

/// What a run recorded: latest metrics, params and tags sorted by key, inputs and outputs in the
/// order they were logged. The runs of a page share the texts of their keys.
#[derive(Debug, Clone, Default)]
pub struct RunData {
    pub metrics: Vec<(Arc<str>, Point)>,
    pub params: Vec<ShortPair>,
    pub tags: Vec<ShortPair>,
    pub datasets: Vec<DatasetInput>,
    pub model_inputs: Vec<String>,
    pub model_outputs: Vec<ModelOutput>,
}

/// Reads what these runs recorded, in the order of the runs.
pub fn load(tx: &mut Tx<'_>, runs: Vec<Run>) -> Result<Vec<FullRun>> {
    let mut full = Vec::with_capacity(runs.len());
    let mut runs = runs.into_iter();
    loop {
        let chunk: Vec<Run> = runs.by_ref().take(CHUNK).collect();
        if chunk.is_empty() {
            return Ok(full);
        }
        full.extend(load_chunk(tx, chunk)?);
    }
}

fn load_chunk(tx: &mut Tx<'_>, runs: Vec<Run>) -> Result<Vec<FullRun>> {
    let mut chunk = Chunk {
        list: placeholders(1, runs.len()),
        ids: runs.iter().map(|run| Value::Int(run.id)).collect(),
        index: runs
            .iter()
            .enumerate()
            .map(|(index, run)| (run.id, index))
            .collect(),
        data: runs.iter().map(|_| RunData::default()).collect(),
    };
    chunk.read_keyed(tx)?;
    chunk.read_datasets(tx)?;
    chunk.read_models(tx)?;
    Ok(runs
        .into_iter()
        .zip(chunk.data)
        .map(|(run, data)| FullRun { run, data })
        .collect())
}

struct Chunk {
    list: String,
    ids: Vec<Value<'static>>,
    index: HashMap<i64, usize>,
    data: Vec<RunData>,
}

impl Chunk {
    /// Runs a query whose first column is a run id and hands each row to that run's data.
    fn each(
        &mut self,
        tx: &mut Tx<'_>,
        sql: &str,
        add: impl Fn(&mut RunData, &Row<'_>) -> Result<()>,
    ) -> Result<()> {
        let sql = sql.replace("{runs}", &self.list);
        let (index, data) = (&self.index, &mut self.data);
        tx.query(&sql, &self.ids, |row| {
            let run_id: i64 = row.get(0)?;
            match index.get(&run_id).and_then(|index| data.get_mut(*index)) {
                Some(data) => add(data, row),
                None => Ok(()),
            }
        })?;
        Ok(())
    }

    /// Runs a query of run id, key id and more, sorted by both, and puts the rows of each run with their
    /// keys into a list of its data, sorted by key. Names are sorted once for the page and not row by
    /// row in the database.
    fn each_key<T, R>(
        &mut self,
        tx: &mut Tx<'_>,
        sql: &str,
        read: impl Fn(&Row<'_>) -> Result<T>,
        list: impl Fn(&mut RunData) -> &mut Vec<R>,
        with_key: impl Fn(Arc<str>, T) -> R,
    ) -> Result<()> {
        let sql = sql.replace("{runs}", &self.list);
        let index = &self.index;
        let (mut places, mut values) = (Vec::new(), Vec::new());
        tx.query(&sql, &self.ids, |row| {
            places.push((row.get::<i64>(0)?, row.get::<i64>(1)?));
            values.push(Some(read(row)?));
            Ok(())
        })?;
        let ranked = sorted_names(tx, &places)?;
        let ranks: HashMap<i64, usize> = (0..)
            .zip(&ranked)
            .map(|(rank, (key, _))| (*key, rank))
            .collect();
        let (mut values, mut seen) = (values.as_mut_slice(), [].as_slice());
        let mut order: Vec<(usize, usize)> = Vec::new();
        for rows in places.chunk_by(|one, other| one.0 == other.0) {
            if !same_keys(rows, seen) {
                let rank = |row: &(i64, i64)| ranks.get(&row.1).copied().unwrap_or(usize::MAX);
                order = rows.iter().map(rank).zip(0..).collect();
                order.sort_unstable();
                seen = rows;
            }
            let of_run;
            (of_run, values) = take(&mut values).split_at_mut(rows.len());
            let run = rows.first().and_then(|row| index.get(&row.0));
            let Some(data) = run.and_then(|run| self.data.get_mut(*run)) else {
                continue;
            };
            let list = list(data);
            list.reserve(rows.len());
            list.extend(order.iter().filter_map(|(rank, place)| {
                let (_, name) = ranked.get(*rank)?;
                Some(with_key(name.clone(), of_run.get_mut(*place)?.take()?))
            }));
        }
        Ok(())
    }

    fn read_keyed(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        let pair = |key, value| Pair { key, value };
        self.each_key(
            tx,
            "select run_id, key_id, value, is_nan, step, timestamp from latest_metrics
             where run_id in ({runs}) order by run_id, key_id",
            |row| {
                Ok(Point {
                    value: row.get(2)?,
                    is_nan: row.get(3)?,
                    step: row.get(4)?,
                    timestamp: row.get(5)?,
                })
            },
            |data| &mut data.metrics,
            |key, point| (key, point),
        )?;
        self.each_key(
            tx,
            "select run_id, key_id, value from params
             where run_id in ({runs}) order by run_id, key_id",
            |row| row.get(2),
            |data| &mut data.params,
            pair,
        )?;
        self.each_key(
            tx,
            "select run_id, key_id, value from tags
             where run_id in ({runs}) order by run_id, key_id",
            |row| row.get(2),
            |data| &mut data.tags,
            pair,
        )
    }

    fn read_datasets(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        // Tags are read first; the datasets then take the tags of their own place in the order.
        let mut tags: HashMap<(i64, i64), Vec<Pair>> = HashMap::default();
        let sql = "select run_id, dataset_id, key, value from run_dataset_tags
             where run_id in ({runs}) order by run_id, dataset_id, key";
        tx.query(&sql.replace("{runs}", &self.list), &self.ids, |row| {
            let pair = Pair {
                key: row.get(2)?,
                value: row.get(3)?,
            };
            tags.entry((row.get(0)?, row.get(1)?))
                .or_default()
                .push(pair);
            Ok(())
        })?;
        self.each(
            tx,
            "select i.run_id, d.id, d.name, d.digest, d.source_type, d.source, d.schema, d.profile
             from run_datasets i join datasets d on d.id = i.dataset_id
             where i.run_id in ({runs}) order by i.run_id, i.number, d.id",
            |data, row| {
                let place = (row.get(0)?, row.get(1)?);
                let dataset = Dataset {
                    name: row.get(2)?,
                    digest: row.get(3)?,
                    source_type: row.get(4)?,
                    source: row.get(5)?,
                    schema: row.get(6)?,
                    profile: row.get(7)?,
                };
                let tags = tags.get(&place).cloned().unwrap_or_default();
                data.datasets.push(DatasetInput { dataset, tags });
                Ok(())
            },
        )
    }

    fn read_models(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        self.each(
            tx,
            "select run_id, model_uuid from run_model_inputs
             where run_id in ({runs}) order by run_id, model_uuid",
            |data, row| {
                data.model_inputs.push(row.get(1)?);
                Ok(())
            },
        )?;
        self.each(
            tx,
            "select run_id, model_uuid, step from run_model_outputs
             where run_id in ({runs}) order by run_id, id",
            |data, row| {
                data.model_outputs.push(ModelOutput {
                    model_uuid: row.get(1)?,
                    step: row.get(2)?,
                });
                Ok(())
            },
        )
    }
}

/// Tells whether two runs have the same keys: those of an experiment mostly do.
fn same_keys(run: &[(i64, i64)], other: &[(i64, i64)]) -> bool {
    run.iter()
        .map(|row| row.1)
        .eq(other.iter().map(|row| row.1))
}

/// Gives the keys of rows of run and key with their names, each once, sorted by name.
fn sorted_names(tx: &mut Tx<'_>, rows: &[(i64, i64)]) -> Result<Vec<(i64, Arc<str>)>> {
    let mut distinct = HashSet::default();
    let mut last = [].as_slice();
    for run in rows.chunk_by(|one, other| one.0 == other.0) {
        if !same_keys(run, last) {
            distinct.extend(run.iter().map(|row| row.1));
            last = run;
        }
    }
    let ids: Vec<i64> = distinct.into_iter().collect();
    let mut names: Vec<(i64, Arc<str>)> = tx.key_names(&ids)?.into_iter().collect();
    names.sort_unstable_by(|one, other| one.1.cmp(&other.1));
    Ok(names)
}
