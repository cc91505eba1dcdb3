//! Puts runs together with what they recorded, a page at a time and one query per kind of record.

use super::dataset::{Dataset, DatasetInput, ModelOutput};
use super::experiment::Pair;
use super::run::Run;
use super::series::Point;
use crate::db::{Row, Tx, Value, placeholders};
use crate::error::Result;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

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
    pub params: Vec<Pair<Arc<str>>>,
    pub tags: Vec<Pair<Arc<str>>>,
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

    /// Runs a query of run id, key id and more, and hands each row with its key to that run's data,
    /// sorted by key. Names are sorted once for the page and not row by row in the database.
    fn each_key<T>(
        &mut self,
        tx: &mut Tx<'_>,
        sql: &str,
        read: impl Fn(&Row<'_>) -> Result<T>,
        add: impl Fn(&mut RunData, Arc<str>, T),
    ) -> Result<()> {
        let sql = sql.replace("{runs}", &self.list);
        let index = &self.index;
        // Rows come run by run.
        let mut place = (None, 0);
        let rows = tx.query(&sql, &self.ids, |row| {
            let run_id: i64 = row.get(0)?;
            if place.0 != Some(run_id) {
                place = (
                    Some(run_id),
                    index.get(&run_id).copied().unwrap_or(usize::MAX),
                );
            }
            Ok((place.1, row.get::<i64>(1)?, read(row)?))
        })?;
        let names = sorted_names(tx, rows.iter().map(|(_, key, _)| *key))?;
        let ranks: HashMap<i64, usize> = (0..)
            .zip(&names)
            .map(|(rank, (key, _))| (*key, rank))
            .collect();
        let mut ranked: Vec<(usize, usize, T)> = rows
            .into_iter()
            .map(|(place, key, value)| {
                (place, ranks.get(&key).copied().unwrap_or(usize::MAX), value)
            })
            .collect();
        ranked.sort_unstable_by_key(|(place, rank, _)| (*place, *rank));
        for (place, rank, value) in ranked {
            if let (Some(data), Some((_, name))) = (self.data.get_mut(place), names.get(rank)) {
                add(data, name.clone(), value);
            }
        }
        Ok(())
    }

    fn read_keyed(&mut self, tx: &mut Tx<'_>) -> Result<()> {
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
            |data, key, point| data.metrics.push((key, point)),
        )?;
        self.each_key(
            tx,
            "select run_id, key_id, value from params
             where run_id in ({runs}) order by run_id, key_id",
            |row| row.get(2),
            |data, key, value| data.params.push(Pair { key, value }),
        )?;
        self.each_key(
            tx,
            "select run_id, key_id, value from tags
             where run_id in ({runs}) order by run_id, key_id",
            |row| row.get(2),
            |data, key, value| data.tags.push(Pair { key, value }),
        )
    }

    fn read_datasets(&mut self, tx: &mut Tx<'_>) -> Result<()> {
        // Tags are read first; the datasets then take the tags of their own place in the order.
        let mut tags: HashMap<(i64, i64), Vec<Pair>> = HashMap::new();
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

/// Gives the keys with their names, each once, sorted by name.
fn sorted_names(tx: &mut Tx<'_>, keys: impl Iterator<Item = i64>) -> Result<Vec<(i64, Arc<str>)>> {
    let mut distinct = HashSet::new();
    let mut last = None;
    for key in keys {
        if last.replace(key) != Some(key) {
            distinct.insert(key);
        }
    }
    let ids: Vec<i64> = distinct.into_iter().collect();
    let mut names: Vec<(i64, Arc<str>)> = tx.key_names(&ids)?.into_iter().collect();
    names.sort_unstable_by(|one, other| one.1.cmp(&other.1));
    Ok(names)
}
