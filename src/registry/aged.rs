//! Versions that are in Production for longer than the operator wants: which they are, and telling
//! of each once for every time it was moved there.
//!
//! Prompts have stages in name only and never age.

use super::history::{self, Change, Kind};
use super::model::{self, Model};
use super::past;
use super::rule::PROMPT_TAG;
use super::stage::Stage;
use crate::audit::entry::Entry;
use crate::audit::log;
use crate::ctx::Ctx;
use crate::db::{Row, Tx};
use crate::error::Result;
use crate::params;

/// Versions that are listed at the most.
pub const MAX_LISTED: usize = 1_000;
/// Versions that one transaction tells of.
const MAX_TOLD: i64 = 100;
const DAY_MS: i64 = 86_400_000;

/// A version that was moved into Production long ago.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aged {
    pub model_id: i64,
    pub model_name: String,
    pub number: i64,
    /// When it was moved into Production the last time, in milliseconds since 1970.
    pub since: i64,
}

impl Aged {
    /// Gives for how many whole days it is in Production.
    pub fn days(&self, now: i64) -> i64 {
        now.saturating_sub(self.since) / DAY_MS
    }
}

/// An aged version with the aliases that point at it, sorted by name.
#[derive(Debug)]
pub struct Listed {
    pub aged: Aged,
    pub aliases: Vec<String>,
}

/// The versions that are aged at a moment, by the name of the model and the number.
#[derive(Debug, Default)]
pub struct Page {
    pub versions: Vec<Listed>,
    /// Whether there are more than `MAX_LISTED`.
    pub more: bool,
}

/// What every query for aged versions selects and joins: `$1` is the number of the stage, `$2` the
/// last moment at which they were moved there.
const FROM: &str = "from registered_models m
     join model_versions v on v.model_id = m.id and v.lifecycle = 1 and v.stage = $1
     join registry_history h on h.id = (
         select max(s.id) from registry_history s
         where s.model_id = v.model_id and s.version = v.number
             and s.kind in ('version_created', 'stage_changed', 'version_deleted'))
     where m.lifecycle = 1 and h.at < $2 and not exists (
         select 1 from registered_model_tags t
         where t.model_id = m.id and t.key = $3 and lower(t.value) = 'true')";

fn from_row(row: &Row<'_>) -> Result<Aged> {
    Ok(Aged {
        model_id: row.get(0)?,
        model_name: row.get(1)?,
        number: row.get(2)?,
        since: row.get(3)?,
    })
}

/// Lists the versions that are in Production for longer than `max_age_ms` milliseconds.
pub fn list(tx: &mut Tx<'_>, now: i64, max_age_ms: i64) -> Result<Page> {
    let sql =
        format!("select m.id, m.name, v.number, h.at {FROM} order by m.name, v.number limit $4");
    let before = now.saturating_sub(max_age_ms);
    let limit = MAX_LISTED as i64 + 1;
    let params = params![Stage::Production as i64, before, PROMPT_TAG, limit];
    let mut found = tx.query(&sql, params, from_row)?;
    let more = found.len() > MAX_LISTED;
    found.truncate(MAX_LISTED);
    let mut ids: Vec<i64> = found.iter().map(|aged| aged.model_id).collect();
    ids.dedup();
    let mut page = Page {
        versions: Vec::with_capacity(found.len()),
        more,
    };
    if ids.is_empty() {
        return Ok(page);
    }
    let aliases = model::aliases(tx, &ids)?;
    for aged in found {
        let of_model = aliases.get(&aged.model_id).into_iter().flatten();
        let of_version = of_model.filter(|alias| alias.version == aged.number);
        page.versions.push(Listed {
            aliases: of_version.map(|alias| alias.name.clone()).collect(),
            aged,
        });
    }
    Ok(page)
}

/// Writes into the history of each aged version that it is aged, once for each time it was moved
/// into Production, and gives those that it was written for now; at most 100.
pub fn tell(tx: &mut Tx<'_>, ctx: &Ctx, max_age_ms: i64) -> Result<Vec<Aged>> {
    let before = ctx.now.saturating_sub(max_age_ms);
    let mut ids: Vec<i64> = untold(tx, before)?
        .iter()
        .map(|aged| aged.model_id)
        .collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    ids.dedup();
    tx.lock("registered_models", &ids)?;
    // Another replica may have told of them before the lock was had; what it did not lock waits
    // for the next turn.
    let mut due = untold(tx, before)?;
    due.retain(|aged| ids.contains(&aged.model_id));
    for aged in &due {
        let (since, days) = (past::spelled(aged.since), aged.days(ctx.now).to_string());
        let change = Change::of_version(Kind::VersionAged, aged.number);
        let model = find(tx, aged)?;
        history::append(tx, ctx, &model, &[change.key(&days).from(&*since)])?;
    }
    if !due.is_empty() {
        let changes = tx.take_notes();
        log::append(
            tx,
            &Entry::of_server(ctx, "model_version.tell_aged", changes),
        )?;
    }
    Ok(due)
}

/// Finds aged versions whose history does not say so since they were moved to Production, by the id
/// of the model.
fn untold(tx: &mut Tx<'_>, before: i64) -> Result<Vec<Aged>> {
    let sql = format!(
        "select m.id, m.name, v.number, h.at {FROM} and not exists (
             select 1 from registry_history a
             where a.model_id = v.model_id and a.version = v.number and a.id > h.id
                 and a.kind = 'version_aged')
         order by m.id, v.number limit $4"
    );
    let params = params![Stage::Production as i64, before, PROMPT_TAG, MAX_TOLD];
    tx.query(&sql, params, from_row)
}

fn find(tx: &mut Tx<'_>, aged: &Aged) -> Result<Model> {
    let sql = format!(
        "select {} from registered_models where id = $1",
        model::COLUMNS
    );
    tx.query_one(&sql, params![aged.model_id], model::from_row)
}
