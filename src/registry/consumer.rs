//! Serving processes and what they say that they have loaded, beside what they should have.
//!
//! A consumer is a name that a serving process gives itself; several processes of one name tell
//! themselves apart by their instance. They follow names, not models: a report outlives the model.

use super::model_uri::ModelUri;
use super::resolve;
use super::standing::Desired;
use crate::audit::note::Change;
use crate::ctx::Ctx;
use crate::db::{Cursor, Row, Tx};
use crate::error::{Code, Error, Result};
use crate::params;
use crate::search::token;
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// Reports that are kept of one model.
const MAX_REPORTS: i64 = 10_000;

/// What a serving process is doing; stored as 1 to 3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    Loaded = 1,
    Loading = 2,
    Failed = 3,
}

impl State {
    /// All states with their names.
    pub const ALL: [(State, &'static str); 3] = [
        (State::Loaded, "loaded"),
        (State::Loading, "loading"),
        (State::Failed, "failed"),
    ];

    /// Gives the name of the state.
    pub fn name(self) -> &'static str {
        Self::ALL
            .iter()
            .find(|(state, _)| *state == self)
            .map_or("", |(_, name)| name)
    }

    /// Reads the name of a state.
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().find(|(_, other)| *other == name);
        found.map(|(state, _)| *state).ok_or_else(|| {
            Error::invalid(format!(
                "The state must be loaded, loading or failed, and is '{name}'."
            ))
        })
    }

    fn from_number(number: i64) -> Result<Self> {
        Self::ALL
            .iter()
            .map(|(state, _)| *state)
            .find(|state| *state as i64 == number)
            .ok_or_else(|| Error::internal("The database holds an unknown state of a consumer."))
    }
}

/// What a process says; checked.
#[derive(Debug, Clone)]
pub struct Report {
    pub consumer: String,
    /// Which process of the consumer; empty where it does not say.
    pub instance: String,
    pub uri: ModelUri,
    pub state: State,
    /// The number of the version that it serves now, also while it loads another or fails to.
    pub loaded_version: Option<i64>,
    pub loaded_digest: Option<String>,
    /// What went wrong; empty where nothing did.
    pub error: String,
    /// A JSON object.
    pub metadata: String,
}

/// A report as it was stored; times are milliseconds since 1970, in UTC.
#[derive(Debug, Clone)]
pub struct Stored {
    pub report: Report,
    pub state_since: i64,
    pub loaded_since: i64,
    pub reported_at: i64,
    /// When the consumer last asked where the URI leads; `None` if it never did.
    pub resolved_at: Option<i64>,
}

const COLUMNS: &str = "r.consumer, r.instance, r.uri, r.state, r.loaded_version, r.loaded_digest, \
    r.error, r.metadata, r.state_since, r.loaded_since, r.reported_at, \
    (select max(s.last_at) from consumer_resolutions s \
     where s.model_name = r.model_name and s.consumer = r.consumer and s.uri = r.uri)";

fn from_row(row: &Row<'_>) -> Result<Stored> {
    Ok(Stored {
        report: Report {
            consumer: row.get(0)?,
            instance: row.get(1)?,
            uri: ModelUri::parse(&row.get::<String>(2)?)?,
            state: State::from_number(row.get(3)?)?,
            loaded_version: row.get(4)?,
            loaded_digest: row.get(5)?,
            error: row.get(6)?,
            metadata: row.get(7)?,
        },
        state_since: row.get(8)?,
        loaded_since: row.get(9)?,
        reported_at: row.get(10)?,
        resolved_at: row.get(11)?,
    })
}

/// Stores what a process says, in place of what it said before, and gives it with where its URI
/// leads.
///
/// # Errors
/// 404 for a name that no model ever had, 429 when too many processes report on one model.
pub fn report(tx: &mut Tx<'_>, ctx: &Ctx, report: &Report) -> Result<(Stored, Desired)> {
    let uri = report.uri.to_string();
    check_room(tx, report, &uri)?;
    tx.send(
        "insert into consumer_reports (model_name, consumer, instance, uri, state, loaded_version,
             loaded_digest, error, metadata, state_since, loaded_since, reported_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10, $10)
         on conflict (model_name, consumer, instance, uri) do update set
             state = excluded.state, loaded_version = excluded.loaded_version,
             loaded_digest = excluded.loaded_digest, error = excluded.error,
             metadata = excluded.metadata, reported_at = excluded.reported_at,
             state_since = case when consumer_reports.state = excluded.state
                 then consumer_reports.state_since else excluded.state_since end,
             loaded_since = case
                 when consumer_reports.loaded_version is not distinct from excluded.loaded_version
                     and consumer_reports.loaded_digest is not distinct from excluded.loaded_digest
                 then consumer_reports.loaded_since else excluded.loaded_since end",
        params![
            &report.uri.model,
            &report.consumer,
            &report.instance,
            &uri,
            report.state as i64,
            report.loaded_version,
            report.loaded_digest.as_ref(),
            &report.error,
            &report.metadata,
            ctx.now
        ],
    )?;
    let sql = format!(
        "select {COLUMNS} from consumer_reports r
         where r.model_name = $1 and r.consumer = $2 and r.instance = $3 and r.uri = $4"
    );
    let key = params![&report.uri.model, &report.consumer, &report.instance, &uri];
    let stored = tx.query_one(&sql, key, from_row)?;
    let desired = Desired::find(tx, &report.uri)?;
    Ok((stored, desired))
}

/// Refuses a report that is new where there are too many, or of a model that nobody ever had.
fn check_room(tx: &mut Tx<'_>, report: &Report, uri: &str) -> Result<()> {
    let model = &report.uri.model;
    let known = tx.query_optional(
        "select 1 from consumer_reports
         where model_name = $1 and consumer = $2 and instance = $3 and uri = $4",
        params![model, &report.consumer, &report.instance, uri],
        |_| Ok(()),
    )?;
    if known.is_some() {
        return Ok(());
    }
    if !resolve::was_ever(tx, model)? {
        return Err(Error::not_found(format!(
            "There is no registered model '{model}', and there never was one."
        )));
    }
    let reports: i64 = tx.query_one(
        "select count(*) from consumer_reports where model_name = $1",
        params![model],
        |row| row.get(0),
    )?;
    if reports >= MAX_REPORTS {
        return Err(Error::new(
            Code::TooManyRequests,
            format!(
                "{MAX_REPORTS} processes report on the registered model '{model}', which is the \
                 most. Forget old ones by DELETE /api/1.0/consumers/{{consumer}}."
            ),
        ));
    }
    Ok(())
}

/// Which reports on a model are asked for.
#[derive(Debug, Clone, Serialize)]
pub struct Question {
    pub name: String,
    #[serde(skip)]
    pub page_token: Option<String>,
    /// 1 to 1,000.
    #[serde(skip)]
    pub max_results: usize,
}

/// A page of reports, by consumer, instance and URI; and where each URI of the page leads.
#[derive(Debug)]
pub struct Page {
    pub reports: Vec<(Stored, Desired)>,
    pub next: Option<String>,
}

/// Where a page of reports ended.
#[derive(Serialize, Deserialize)]
struct Token {
    search: String,
    after: [String; 3],
}

/// Lists what processes report on the model of a name, and where their URIs lead.
///
/// # Errors
/// 404 for a name that no model ever had, 400 for a page token of another question.
pub fn list(tx: &mut Tx<'_>, question: &Question) -> Result<Page> {
    if !resolve::was_ever(tx, &question.name)? {
        return Err(Error::not_found(format!(
            "There is no registered model '{}', and there never was one.",
            question.name
        )));
    }
    let search = token::fingerprint(question)?;
    let after = match &question.page_token {
        None => Default::default(),
        Some(text) => {
            let token: Token = Cursor::decode(text)?;
            if token.search != search {
                return Err(Error::invalid(
                    "Invalid page token, it belongs to another search. Repeat the name of the \
                     request that gave the token.",
                ));
            }
            token.after
        }
    };
    let [consumer, instance, uri] = after;
    let sql = format!(
        "select {COLUMNS} from consumer_reports r
         where r.model_name = $1 and (r.consumer, r.instance, r.uri) > ($2, $3, $4)
         order by r.consumer, r.instance, r.uri limit $5"
    );
    let limit = question.max_results as i64 + 1;
    let params = params![&question.name, &consumer, &instance, &uri, limit];
    let mut stored = tx.query(&sql, params, from_row)?;
    let more = stored.len() > question.max_results;
    stored.truncate(question.max_results);
    let last = stored.last().filter(|_| more).map(|last| {
        let report = &last.report;
        let uri = report.uri.to_string();
        Cursor::encode(&Token {
            search,
            after: [report.consumer.clone(), report.instance.clone(), uri],
        })
    });
    Ok(Page {
        next: last.transpose()?,
        reports: with_desired(tx, stored)?,
    })
}

/// Looks where the URIs lead, each once.
fn with_desired(tx: &mut Tx<'_>, stored: Vec<Stored>) -> Result<Vec<(Stored, Desired)>> {
    let mut found: HashMap<ModelUri, Desired> = HashMap::new();
    let mut reports = Vec::with_capacity(stored.len());
    for one in stored {
        let uri = &one.report.uri;
        let desired = match found.get(uri) {
            Some(desired) => desired.clone(),
            None => {
                let desired = Desired::find(tx, uri)?;
                found.insert(uri.clone(), desired.clone());
                desired
            }
        };
        reports.push((one, desired));
    }
    Ok(reports)
}

/// Which reports and resolutions are to be forgotten.
#[derive(Debug, Clone)]
pub struct Forget {
    pub consumer: String,
    /// One process of the consumer; `None` for all of them and for its resolutions.
    pub instance: Option<String>,
    /// One model; `None` for all.
    pub name: Option<String>,
}

/// Forgets what a consumer said and asked, and gives how many reports and resolutions that were.
///
/// # Errors
/// 404 where there is nothing to forget.
pub fn forget(tx: &mut Tx<'_>, what: &Forget) -> Result<u64> {
    let (consumer, name) = (&what.consumer, what.name.as_ref());
    let mut forgotten = tx.execute(
        "delete from consumer_reports where consumer = $1
             and model_name = coalesce($2, model_name) and instance = coalesce($3, instance)",
        params![consumer, name, what.instance.as_ref()],
    )?;
    if what.instance.is_none() {
        forgotten += tx.execute(
            "delete from consumer_resolutions
             where consumer = $1 and model_name = coalesce($2, model_name)",
            params![consumer, name],
        )?;
    }
    match forgotten {
        0 => Err(Error::not_found(format!(
            "Nothing is known of the consumer '{consumer}' that fits the request."
        ))),
        _ => {
            Change::of(&format!("consumer:{consumer}"), "consumer_forgotten")
                .key(name.map(String::as_str))
                .after(forgotten)
                .note(tx);
            Ok(forgotten)
        }
    }
}

/// Forgets what was not said or asked again since `before`, in milliseconds since 1970.
pub fn forget_old(tx: &mut Tx<'_>, before: i64) -> Result<u64> {
    let reports = tx.execute(
        "delete from consumer_reports where reported_at < $1",
        params![before],
    )?;
    let resolutions = tx.execute(
        "delete from consumer_resolutions where last_at < $1",
        params![before],
    )?;
    Ok(reports + resolutions)
}
