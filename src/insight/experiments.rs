//! The experiments in a list: how many runs each has, what it is about, and its best run.

use super::goal::{self, Direction};
use super::number::Num;
use crate::db::{Cursor, Tx, Value, placeholders};
use crate::error::{Error, Result};
use crate::params;
use crate::search::token;
use crate::tracking::experiment::Lifecycle;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};

/// The tag of a description, as MLflow's own pages write it.
const NOTE_TAG: &str = "mlflow.note.content";
/// Metrics of an experiment among which a goal is guessed.
const GUESSED_AMONG: i64 = 500;

/// By what the list is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Order {
    LastActivity,
    Name,
    Created,
    Runs,
}

/// Which experiments are asked for.
#[derive(Debug, Clone, Serialize)]
pub struct Question {
    /// A part of the name in lower case; empty for all.
    pub search: String,
    pub lifecycles: Vec<i64>,
    pub order: Order,
    pub descending: bool,
    #[serde(skip)]
    pub cursor: Option<String>,
    /// 1 to 1,000.
    #[serde(skip)]
    pub limit: usize,
}

/// A page of the list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExperimentSummaries")]
pub struct Summaries {
    pub experiments: Vec<Summary>,
    /// Matching experiments of all pages.
    pub total: usize,
    pub next_cursor: Option<String>,
}

/// One experiment.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExperimentSummary")]
pub struct Summary {
    pub experiment_id: String,
    pub name: String,
    #[schemars(with = "Lifecycle")]
    pub lifecycle: &'static str,
    pub created_at: i64,
    pub updated_at: i64,
    /// Active runs, as all counts here.
    pub runs: i64,
    pub running: i64,
    pub failed: i64,
    /// When a run was last written to.
    pub last_activity: Option<i64>,
    pub goal: Option<Goal>,
    pub owner: Option<String>,
    pub description: String,
    pub tags: BTreeMap<String, String>,
}

/// What an experiment is about.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Goal {
    pub key: String,
    pub direction: Direction,
    /// Whether tags of the experiment say so; it is guessed from names otherwise.
    pub declared: bool,
    pub best: Option<Num>,
    pub best_run_id: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct Token {
    question: String,
    /// The place in the order, and the id, of the last experiment of the page.
    after: (Place, i64),
}

/// Where an experiment stands in an order; only one kind of place is in a list.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
enum Place {
    Number(i64),
    Text(String),
}

struct Listed {
    id: i64,
    name: String,
    lifecycle: Lifecycle,
    created_at: i64,
    updated_at: i64,
    runs: i64,
    running: i64,
    failed: i64,
    last_activity: Option<i64>,
}

impl Listed {
    fn place(&self, order: Order) -> Place {
        match order {
            Order::LastActivity => Place::Number(self.last_activity.unwrap_or(i64::MIN)),
            Order::Name => Place::Text(self.name.clone()),
            Order::Created => Place::Number(self.created_at),
            Order::Runs => Place::Number(self.runs),
        }
    }
}

/// Lists experiments.
///
/// # Errors
/// 400 for a cursor of another question.
pub fn list(tx: &mut Tx<'_>, question: &Question) -> Result<Summaries> {
    let mark = token::fingerprint(question)?;
    let after = question
        .cursor
        .as_deref()
        .map(Cursor::decode::<Token>)
        .transpose()?;
    if after.as_ref().is_some_and(|token| token.question != mark) {
        return Err(Error::invalid(
            "The cursor belongs to another question. Repeat the search, view and order of the \
             request that gave it.",
        ));
    }
    let mut found = all(tx, question)?;
    let total = found.len();
    let key = |one: &Listed| (one.place(question.order), one.id);
    found.sort_by_cached_key(key);
    if question.descending {
        found.reverse();
    }
    if let Some(Token { after, .. }) = after {
        found.retain(|one| match question.descending {
            true => key(one) < after,
            false => key(one) > after,
        });
    }
    let more = found.len() > question.limit;
    found.truncate(question.limit);
    let next = found.last().filter(|_| more).map(|last| {
        Cursor::encode(&Token {
            question: mark,
            after: key(last),
        })
    });
    let next_cursor = next.transpose()?;
    Ok(Summaries {
        experiments: describe(tx, found)?,
        total,
        next_cursor,
    })
}

/// Reads every matching experiment with the counts of its runs.
fn all(tx: &mut Tx<'_>, question: &Question) -> Result<Vec<Listed>> {
    let mut of_runs: HashMap<i64, (i64, i64, i64, i64)> = HashMap::new();
    tx.query(
        "select experiment_id, count(*), count(case when status = 1 then 1 end),
             count(case when status = 4 then 1 end), max(written_at)
         from runs where lifecycle = 1 group by experiment_id order by experiment_id",
        &[],
        |row| {
            let counts = (row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?);
            of_runs.insert(row.get(0)?, counts);
            Ok(())
        },
    )?;
    let sql = format!(
        "select id, name, lifecycle, created_at, updated_at from experiments
         where lifecycle in ({}) order by id",
        placeholders(1, question.lifecycles.len())
    );
    let lifecycles: Vec<Value<'_>> = question
        .lifecycles
        .iter()
        .map(|one| Value::Int(*one))
        .collect();
    let mut found = tx.query(&sql, &lifecycles, |row| {
        let id = row.get(0)?;
        let counts = of_runs.get(&id).copied();
        let (runs, running, failed, _) = counts.unwrap_or_default();
        Ok(Listed {
            id,
            name: row.get(1)?,
            lifecycle: Lifecycle::from_number(row.get(2)?),
            created_at: row.get(3)?,
            updated_at: row.get(4)?,
            runs,
            running,
            failed,
            last_activity: counts.map(|(_, _, _, at)| at),
        })
    })?;
    if !question.search.is_empty() {
        found.retain(|one| one.name.to_lowercase().contains(&question.search));
    }
    Ok(found)
}

fn describe(tx: &mut Tx<'_>, listed: Vec<Listed>) -> Result<Vec<Summary>> {
    let mut summaries = Vec::with_capacity(listed.len());
    for one in listed {
        let tags = tags(tx, one.id)?;
        let owner = ["owner", "trackway.owner", "mlflow.user"];
        summaries.push(Summary {
            goal: goal_of(tx, one.id, &tags)?,
            owner: owner.iter().find_map(|key| tags.get(*key).cloned()),
            description: tags.get(NOTE_TAG).cloned().unwrap_or_default(),
            experiment_id: one.id.to_string(),
            name: one.name,
            lifecycle: one.lifecycle.name(),
            created_at: one.created_at,
            updated_at: one.updated_at,
            runs: one.runs,
            running: one.running,
            failed: one.failed,
            last_activity: one.last_activity,
            tags,
        });
    }
    Ok(summaries)
}

fn tags(tx: &mut Tx<'_>, experiment_id: i64) -> Result<BTreeMap<String, String>> {
    let tags = tx.query(
        "select k.name, t.value from experiment_tags t join keys k on k.id = t.key_id
         where t.experiment_id = $1 order by k.name",
        params![experiment_id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(tags.into_iter().collect())
}

/// Finds the goal that the tags of an experiment declare.
pub fn declared_goal(tx: &mut Tx<'_>, experiment_id: i64) -> Result<Option<(String, Direction)>> {
    Ok(declared(&tags(tx, experiment_id)?))
}

fn declared(tags: &BTreeMap<String, String>) -> Option<(String, Direction)> {
    let key = tags.get(goal::NAME_TAG).filter(|key| !key.is_empty())?;
    let direction = match tags.get(goal::GREATER_TAG).map(|text| text.to_lowercase()) {
        Some(text) if text == "true" => Direction::Max,
        Some(text) if text == "false" => Direction::Min,
        _ => Direction::guess(key),
    };
    Some((key.clone(), direction))
}

fn goal_of(
    tx: &mut Tx<'_>,
    experiment_id: i64,
    tags: &BTreeMap<String, String>,
) -> Result<Option<Goal>> {
    let declared = declared(tags);
    let is_declared = declared.is_some();
    let (key, direction) = match declared {
        Some(declared) => declared,
        None => match guess(tx, experiment_id)? {
            Some(key) => (key.clone(), Direction::guess(&key)),
            None => return Ok(None),
        },
    };
    let best = match tx.find_key(&key)? {
        Some(key_id) => best(tx, (experiment_id, key_id), direction)?,
        None => None,
    };
    Ok(Some(Goal {
        key,
        direction,
        declared: is_declared,
        best: best.as_ref().map(|(value, _)| Num(*value)),
        best_run_id: best.map(|(_, run_id)| run_id),
    }))
}

/// Guesses the goal among the metrics of the newest active run.
fn guess(tx: &mut Tx<'_>, experiment_id: i64) -> Result<Option<String>> {
    let keys: Vec<String> = tx.query(
        "select k.name from latest_metrics m join keys k on k.id = m.key_id
         where m.run_id = (
             select r.id from runs r where r.experiment_id = $1 and r.lifecycle = 1
                 and exists (select 1 from latest_metrics l where l.run_id = r.id)
             order by r.start_time desc, r.uuid limit 1)
         order by k.name limit $2",
        params![experiment_id, GUESSED_AMONG],
        |row| row.get(0),
    )?;
    let likely = keys.into_iter().filter(|key| goal::likelihood(key) > 0);
    Ok(likely.max_by_key(|key| (goal::likelihood(key), std::cmp::Reverse(key.clone()))))
}

/// Finds the best finite last value of a metric and the run that has it.
fn best(
    tx: &mut Tx<'_>,
    (experiment_id, key_id): (i64, i64),
    direction: Direction,
) -> Result<Option<(f64, String)>> {
    let order = match direction {
        Direction::Min => "asc",
        Direction::Max => "desc",
    };
    let sql = format!(
        "select m.value, r.uuid from latest_metrics m join runs r on r.id = m.run_id
         where m.experiment_id = $1 and m.key_id = $2 and m.is_nan = false
             and m.value > $3 and m.value < $4 and r.lifecycle = 1
         order by m.value {order}, m.run_id limit 1"
    );
    // An infinity is stored as the largest finite number.
    let bounds = params![experiment_id, key_id, f64::MIN, f64::MAX];
    tx.query_optional(&sql, bounds, |row| Ok((row.get(0)?, row.get(1)?)))
}
