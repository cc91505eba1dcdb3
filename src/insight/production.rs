//! What is in production: one line for each model that has a version there, and the runs under way.

use crate::db::{Tx, Value, placeholders};
use crate::error::Result;
use crate::params;
use crate::registry::consumer;
use crate::registry::manifest;
use crate::registry::stage::Stage;
use crate::registry::standing::{self, Status};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// Models that are told.
const MAX_MODELS: usize = 1_000;
/// Reports of consumers that are summed up for a model.
const MAX_REPORTS: usize = 1_000;

/// What counts as production, and when a report of a consumer is too old.
#[derive(Debug, Clone)]
pub struct Scope {
    /// The aliases of production, the one that decides first.
    pub aliases: Vec<String>,
    pub now: i64,
    pub stale_after_ms: i64,
    /// Running runs that are told.
    pub running: usize,
}

/// Everything of the page.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Production {
    /// By name.
    pub models: Vec<ProductionRow>,
    /// Whether more models have a version in production.
    pub truncated: bool,
    /// The aliases that count as production.
    pub aliases: Vec<String>,
    /// The newest ones.
    pub running: Vec<RunningRun>,
    pub running_total: i64,
}

/// A model and its version in production.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProductionRow {
    pub name: String,
    pub version: String,
    pub via: Via,
    /// The newest change that brought the version there.
    pub promoted: Option<Promotion>,
    /// The version that was there before.
    pub previous: Option<Previous>,
    pub created_at: i64,
    pub run_id: Option<String>,
    pub experiment_id: Option<String>,
    pub digest: Option<String>,
    /// Of the model.
    pub description: String,
    pub owner: Option<String>,
    pub team: Option<String>,
    pub tier: Option<String>,
    /// Of the model.
    pub tags: BTreeMap<String, String>,
    pub consumers: Consumers,
}

/// Why a version counts as the one in production.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Via {
    pub stage: Option<&'static str>,
    pub aliases: Vec<String>,
}

/// When, by whom and why.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Promotion {
    pub at: i64,
    pub by: String,
    pub reason: String,
    pub request_id: String,
}

/// A version that was in production.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Previous {
    pub version: String,
    pub until: i64,
    /// Whether the version is still there.
    pub exists: bool,
}

/// How the processes that serve a model stand to what they should serve.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct Consumers {
    pub total: usize,
    pub on_desired: usize,
    pub behind: usize,
    pub failed: usize,
    /// Not heard of for longer than they may.
    pub stale: usize,
    pub last_report: Option<i64>,
}

/// A run that says it is running.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RunningRun {
    pub run_id: String,
    pub name: String,
    pub experiment_id: String,
    pub experiment_name: String,
    pub user: String,
    pub start_time: i64,
    pub stale: bool,
}

/// A model with a version in production, before the rest of the line is looked up.
struct Candidate {
    model_id: i64,
    name: String,
    description: String,
    version_id: i64,
    number: i64,
    stage: i64,
    run_id: String,
    created_at: i64,
}

/// Reads the page.
pub fn read(tx: &mut Tx<'_>, scope: &Scope) -> Result<Production> {
    let mut candidates = candidates(tx, scope)?;
    let truncated = candidates.len() > MAX_MODELS;
    candidates.truncate(MAX_MODELS);
    let mut models = Vec::with_capacity(candidates.len());
    for candidate in candidates {
        models.push(row(tx, candidate, scope)?);
    }
    Ok(Production {
        models,
        truncated,
        aliases: scope.aliases.clone(),
        running: running(tx, scope.running)?,
        running_total: tx.query_one(
            "select count(*) from runs where status = 1 and lifecycle = 1",
            &[],
            |row| row.get(0),
        )?,
    })
}

/// Finds for each model the version that the first alias of production points at, else the highest
/// one in the stage.
fn candidates(tx: &mut Tx<'_>, scope: &Scope) -> Result<Vec<Candidate>> {
    let mut params = vec![Value::Int(Stage::Production as i64)];
    let mut rank = String::from("case when v.stage is null then 0 ");
    for alias in &scope.aliases {
        params.push(Value::from(alias.as_str()));
        rank.push_str(&format!(
            "when a.alias = ${} then {} ",
            params.len(),
            params.len()
        ));
    }
    // The stage comes after the aliases.
    let last = params.len() + 1;
    rank.push_str(&format!("else {last} end"));
    let aliased = match scope.aliases.is_empty() {
        true => "a.alias is null".to_owned(),
        false => format!("a.alias in ({})", placeholders(2, scope.aliases.len())),
    };
    let sql = format!(
        "select m.id, m.name, m.description, v.id, v.number, v.stage, v.run_id, v.created_at,
             {rank} as rank
         from registered_models m
         join model_versions v on v.model_id = m.id and v.lifecycle = 1
         left join model_aliases a on a.model_id = m.id and a.version = v.number and {aliased}
         where m.lifecycle = 1 and (v.stage = $1 or a.alias is not null)
         order by m.name, m.id, rank, v.number desc"
    );
    let mut found: Vec<Candidate> = tx.query(&sql, &params, |row| {
        Ok(Candidate {
            model_id: row.get(0)?,
            name: row.get(1)?,
            description: row.get(2)?,
            version_id: row.get(3)?,
            number: row.get(4)?,
            stage: row.get(5)?,
            run_id: row.get(6)?,
            created_at: row.get(7)?,
        })
    })?;
    found.dedup_by_key(|candidate| candidate.model_id);
    Ok(found)
}

fn row(tx: &mut Tx<'_>, candidate: Candidate, scope: &Scope) -> Result<ProductionRow> {
    let tags = tags(tx, candidate.model_id)?;
    let aliases = tx.query(
        "select alias from model_aliases where model_id = $1 and version = $2 order by alias",
        params![candidate.model_id, candidate.number],
        |row| row.get::<String>(0),
    )?;
    let (promoted, previous) = promotions(tx, &candidate, scope)?;
    let experiment_id = tx.query_optional(
        "select experiment_id from runs where uuid = $1",
        params![&candidate.run_id],
        |row| row.get::<i64>(0),
    )?;
    let tag = |key: &str| {
        let own = tags
            .get(key)
            .or_else(|| tags.get(&format!("trackway.{key}")));
        own.cloned()
    };
    Ok(ProductionRow {
        via: Via {
            stage: (candidate.stage == Stage::Production as i64).then(|| Stage::Production.name()),
            aliases: aliases
                .into_iter()
                .filter(|alias| scope.aliases.contains(alias))
                .collect(),
        },
        promoted,
        previous,
        created_at: candidate.created_at,
        experiment_id: experiment_id.map(|id| id.to_string()),
        digest: manifest::digest(tx, candidate.version_id)?,
        consumers: consumers(tx, &candidate.name, scope)?,
        owner: tag("owner"),
        team: tag("team"),
        tier: tag("tier"),
        tags,
        run_id: Some(candidate.run_id).filter(|id| !id.is_empty()),
        name: candidate.name,
        version: candidate.number.to_string(),
        description: candidate.description,
    })
}

fn tags(tx: &mut Tx<'_>, model_id: i64) -> Result<BTreeMap<String, String>> {
    let tags = tx.query(
        "select key, value from registered_model_tags where model_id = $1 order by key",
        params![model_id],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )?;
    Ok(tags.into_iter().collect())
}

/// Finds in the history what brought the version into production, and which one was there before.
fn promotions(
    tx: &mut Tx<'_>,
    candidate: &Candidate,
    scope: &Scope,
) -> Result<(Option<Promotion>, Option<Previous>)> {
    let number = candidate.number.to_string();
    let mut params = vec![
        Value::Int(candidate.model_id),
        Value::from(Stage::Production.name()),
        Value::from(number.as_str()),
    ];
    params.extend(
        scope
            .aliases
            .iter()
            .map(|alias| Value::from(alias.as_str())),
    );
    let keys = placeholders(4, scope.aliases.len());
    let aliased = match scope.aliases.is_empty() {
        true => String::new(),
        false => format!("or (kind = 'alias_set' and key in ({keys}))"),
    };
    // Of a stage the version is a column; of an alias, the new value.
    let entries = format!(
        "select id, at, actor, reason, request_id,
             case when kind = 'alias_set' then new_value else cast(version as text) end as entered
         from registry_history
         where model_id = $1 and ((kind = 'stage_changed' and key = $2) {aliased})"
    );
    let sql = format!(
        "select id, at, actor, reason, request_id from ({entries}) e
         where entered = $3 order by id desc limit 1"
    );
    let promoted = tx.query_optional(&sql, &params, |row| {
        let promotion = Promotion {
            at: row.get(1)?,
            by: row.get(2)?,
            reason: row.get(3)?,
            request_id: row.get(4)?,
        };
        Ok((row.get::<i64>(0)?, promotion))
    })?;
    let Some((id, promotion)) = promoted else {
        return Ok((None, None));
    };
    params.push(Value::Int(id));
    let sql = format!(
        "select e.entered, (select count(*) from model_versions v where v.model_id = $1
             and cast(v.number as text) = e.entered and v.lifecycle = 1)
         from ({entries}) e where e.entered <> $3 and e.id < ${} order by e.id desc limit 1",
        params.len()
    );
    let previous = tx.query_optional(&sql, &params, |row| {
        Ok(Previous {
            version: row.get(0)?,
            until: promotion.at,
            exists: row.get::<i64>(1)? > 0,
        })
    })?;
    Ok((Some(promotion), previous))
}

/// Sums up what serving processes report on a model.
fn consumers(tx: &mut Tx<'_>, model: &str, scope: &Scope) -> Result<Consumers> {
    let reported = tx.query_optional(
        "select 1 from consumer_reports where model_name = $1 limit 1",
        params![model],
        |_| Ok(()),
    )?;
    let mut sum = Consumers::default();
    if reported.is_none() {
        return Ok(sum);
    }
    let question = consumer::Question {
        name: model.to_owned(),
        page_token: None,
        max_results: MAX_REPORTS,
    };
    for (stored, desired) in consumer::list(tx, &question)?.reports {
        let verdict = standing::judge(&stored, &desired, (scope.now, scope.stale_after_ms));
        sum.total += 1;
        match verdict.status {
            Status::InSync => sum.on_desired += 1,
            Status::Behind => sum.behind += 1,
            Status::Failed => sum.failed += 1,
            Status::Stale => sum.stale += 1,
        }
        sum.last_report = sum.last_report.max(Some(stored.reported_at));
    }
    Ok(sum)
}

fn running(tx: &mut Tx<'_>, limit: usize) -> Result<Vec<RunningRun>> {
    tx.query(
        "select r.uuid, r.name, r.experiment_id, e.name, r.user_id, r.start_time, r.staleness
         from runs r join experiments e on e.id = r.experiment_id
         where r.status = 1 and r.lifecycle = 1 order by r.start_time desc, r.id desc limit $1",
        params![limit as i64],
        |row| {
            Ok(RunningRun {
                run_id: row.get(0)?,
                name: row.get(1)?,
                experiment_id: row.get::<i64>(2)?.to_string(),
                experiment_name: row.get(3)?,
                user: row.get(4)?,
                start_time: row.get(5)?,
                stale: row.get::<i64>(6)? != 0,
            })
        },
    )
}
