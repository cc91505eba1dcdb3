//! Which consumer was told which version for which URI, and when.
//!
//! It is a report on use, not a log: one row for each consumer, URI and version, with the first and
//! the last time and how often.

use super::resolve;
use crate::db::{Cursor, Insert, Row, Tx, Value};
use crate::error::{Error, Result};
use crate::params;
use crate::search::token;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Rows that are kept of one model, about; the latest ones.
const MAX_RESOLUTIONS: i64 = 10_000;

/// Who was told what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sighting {
    pub model: String,
    pub consumer: String,
    pub uri: String,
    pub version: i64,
}

/// When something was seen, and how often; times are milliseconds since 1970, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    pub first_at: i64,
    pub last_at: i64,
    pub count: i64,
}

impl Times {
    /// Seen once.
    pub fn once(at: i64) -> Self {
        Self {
            first_at: at,
            last_at: at,
            count: 1,
        }
    }

    /// Joins what was seen at different times.
    pub fn and(self, other: Self) -> Self {
        Self {
            first_at: self.first_at.min(other.first_at),
            last_at: self.last_at.max(other.last_at),
            count: self.count.saturating_add(other.count),
        }
    }
}

/// Adds what was seen to what is known, and drops the oldest of a model that has too many.
pub fn add(tx: &mut Tx<'_>, seen: &BTreeMap<Sighting, Times>) -> Result<()> {
    let insert = Insert {
        table: "consumer_resolutions",
        columns: &[
            "model_name",
            "consumer",
            "uri",
            "version",
            "first_at",
            "last_at",
            "times",
        ],
        conflict: "on conflict (model_name, consumer, uri, version) do update set
             first_at = case when excluded.first_at < consumer_resolutions.first_at
                 then excluded.first_at else consumer_resolutions.first_at end,
             last_at = case when excluded.last_at > consumer_resolutions.last_at
                 then excluded.last_at else consumer_resolutions.last_at end,
             times = consumer_resolutions.times + excluded.times",
    };
    tx.send_many(
        &insert,
        seen.iter().map(|(sighting, times)| {
            [
                Value::from(&sighting.model),
                Value::from(&sighting.consumer),
                Value::from(&sighting.uri),
                Value::Int(sighting.version),
                Value::Int(times.first_at),
                Value::Int(times.last_at),
                Value::Int(times.count),
            ]
        }),
    )?;
    let models: BTreeSet<&String> = seen.keys().map(|sighting| &sighting.model).collect();
    for model in models {
        tx.send(
            "delete from consumer_resolutions where model_name = $1 and last_at < (
                 select last_at from consumer_resolutions where model_name = $1
                 order by last_at desc limit 1 offset $2)",
            params![model, MAX_RESOLUTIONS],
        )?;
    }
    Ok(())
}

/// Which resolutions of a model are asked for.
#[derive(Debug, Clone, Serialize)]
pub struct Question {
    pub name: String,
    /// One consumer; `None` for all.
    pub consumer: Option<String>,
    #[serde(skip)]
    pub page_token: Option<String>,
    /// 1 to 1,000.
    #[serde(skip)]
    pub max_results: usize,
}

/// A page of resolutions, by consumer, URI and version.
#[derive(Debug)]
pub struct Page {
    pub resolutions: Vec<(Sighting, Times)>,
    pub next: Option<String>,
}

/// Where a page of resolutions ended.
#[derive(Serialize, Deserialize)]
struct Token {
    search: String,
    after: (String, String, i64),
}

/// Lists who was told which version of a model, for which URI, and when.
///
/// # Errors
/// 404 for a name that no model ever had, 400 for a page token of another question.
pub fn list(tx: &mut Tx<'_>, question: &Question) -> Result<Page> {
    let name = &question.name;
    if !resolve::was_ever(tx, name)? {
        return Err(Error::not_found(format!(
            "There is no registered model '{name}', and there never was one."
        )));
    }
    let search = token::fingerprint(question)?;
    let after = match &question.page_token {
        None => (String::new(), String::new(), 0),
        Some(text) => {
            let token: Token = Cursor::decode(text)?;
            if token.search != search {
                return Err(Error::invalid(
                    "Invalid page token, it belongs to another search. Repeat the name and \
                     consumer of the request that gave the token.",
                ));
            }
            token.after
        }
    };
    let mut resolutions = tx.query(
        "select model_name, consumer, uri, version, first_at, last_at, times
         from consumer_resolutions
         where model_name = $1 and consumer = coalesce($2, consumer)
             and (consumer, uri, version) > ($3, $4, $5)
         order by consumer, uri, version limit $6",
        params![
            name,
            question.consumer.as_ref(),
            &after.0,
            &after.1,
            after.2,
            question.max_results as i64 + 1
        ],
        from_row,
    )?;
    let more = resolutions.len() > question.max_results;
    resolutions.truncate(question.max_results);
    let last = resolutions.last().filter(|_| more).map(|(last, _)| {
        Cursor::encode(&Token {
            search,
            after: (last.consumer.clone(), last.uri.clone(), last.version),
        })
    });
    Ok(Page {
        next: last.transpose()?,
        resolutions,
    })
}

fn from_row(row: &Row<'_>) -> Result<(Sighting, Times)> {
    Ok((
        Sighting {
            model: row.get(0)?,
            consumer: row.get(1)?,
            uri: row.get(2)?,
            version: row.get(3)?,
        },
        Times {
            first_at: row.get(4)?,
            last_at: row.get(5)?,
            count: row.get(6)?,
        },
    ))
}
