//! Versions of registered models.

use super::history::{self, Change, Kind};
use super::intake::{self, Seen};
use super::model::{self, Model};
use super::origin::{self, Origin};
use super::policy::Policy;
use super::stage::{self, Stage};
use super::{alias, rule, source, tag};
use crate::artifacts::location;
use crate::ctx::Ctx;
use crate::db::{Row, Tx, Value, placeholders};
use crate::error::{Error, Result};
use crate::params;
use crate::tracking::experiment::Pair;
use crate::tracking::logged_model;
use crate::tracking::run;
use std::collections::HashMap;
use std::path::Path;

/// Versions whose tags are read in one statement.
const CHUNK: usize = 500;
/// What stands for the source, run and link of a deleted version.
const REDACTED: [&str; 3] = [
    "REDACTED-SOURCE-PATH",
    "REDACTED-RUN-ID",
    "REDACTED-RUN-LINK",
];

/// A version of a registered model; its tags and aliases are sorted by name.
#[derive(Debug, Clone)]
pub struct Version {
    pub id: i64,
    pub model_id: i64,
    pub model_name: String,
    /// Counted from 1 and never given out again.
    pub number: i64,
    pub description: Option<String>,
    pub stage: Stage,
    pub source: String,
    /// Where the files are.
    pub storage_location: String,
    /// Empty where no run made the version.
    pub run_id: String,
    pub run_link: String,
    /// The logged model; empty where there is none.
    pub model_uuid: String,
    pub created_at: i64,
    pub updated_at: i64,
    pub tags: Vec<Pair>,
    /// Empty where they were not asked for.
    pub aliases: Vec<String>,
}

/// Names a version of a model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionRef {
    pub model: String,
    pub number: i64,
}

/// A checked request for a new version.
#[derive(Debug, Clone)]
pub struct NewVersion {
    pub model: String,
    pub source: String,
    /// `None` where the request does not say.
    pub run_id: Option<String>,
    /// `None` where the request does not say.
    pub model_uuid: Option<String>,
    pub run_link: String,
    pub description: String,
    pub tags: Vec<Pair>,
}

/// In which order the latest versions of a model come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// As MLflow shows one model: by the lowest version of each stage.
    Oldest,
    /// As MLflow shows models that it searched: by the name of the stage.
    StageName,
}

/// The columns that `from_row` reads.
pub const COLUMNS: &str = "v.id, v.model_id, v.model_name, v.number, v.description, v.stage, \
    v.source, v.storage_location, v.run_id, v.run_link, v.model_uuid, v.created_at, v.updated_at";

/// Reads a version of a query that selects `COLUMNS` first.
pub fn from_row(row: &Row<'_>) -> Result<Version> {
    Ok(Version {
        id: row.get(0)?,
        model_id: row.get(1)?,
        model_name: row.get(2)?,
        number: row.get(3)?,
        description: row.get(4)?,
        stage: Stage::from_number(row.get(5)?)
            .ok_or_else(|| Error::internal("The database holds an unknown stage."))?,
        source: row.get(6)?,
        storage_location: row.get(7)?,
        run_id: row.get(8)?,
        run_link: row.get(9)?,
        model_uuid: row.get(10)?,
        created_at: row.get(11)?,
        updated_at: row.get(12)?,
        tags: Vec::new(),
        aliases: Vec::new(),
    })
}

/// Creates the next version of a model and gives it; `None` if its files are no longer what was
/// seen. A logged model that the request names learns of it by its tag `mlflow.modelVersions`.
///
/// # Errors
/// 404 for an unknown model and for a logged model or version that the source names, 400 for a
/// source outside of the run or logged model that the request names.
pub fn create(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    new: &NewVersion,
    (working_directory, seen): (&Path, &Seen),
) -> Result<Option<Version>> {
    let origin = origin::find_locked(tx, new, working_directory)?;
    let model = model::open(tx, &new.model)?;
    if !intake::holds(tx, (new, &origin), seen)? {
        return Ok(None);
    }
    let version = insert(tx, ctx, &model, (new, &origin))?;
    intake::keep(tx, ctx, (version.id, &origin), seen)?;
    model::touch(tx, ctx, &model)?;
    let owner = tag::Owner {
        model: &model,
        id: version.id,
        number: version.number,
    };
    let tags = tag::store_on_version(tx, &owner, &new.tags)?;
    let mut changes =
        vec![Change::of_version(Kind::VersionCreated, version.number).to(&*version.source)];
    if !new.description.is_empty() {
        let described = Change::of_version(Kind::VersionUpdated, version.number);
        changes.push(described.from("").to(&*new.description));
    }
    let tagged = || Change::of_version(Kind::VersionTagSet, version.number);
    changes.extend(tags.iter().map(|tag| tag.change(tagged())));
    history::append(tx, ctx, &model, &changes)?;
    match new.model_uuid.as_deref() {
        None | Some("") => {}
        Some(_) if rule::is_prompt(&new.tags) => {}
        Some(uuid) => logged_model::add_registration(tx, uuid, (&model.name, version.number))?,
    }
    complete(tx, version).map(Some)
}

fn insert(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    model: &Model,
    (new, origin): (&NewVersion, &Origin),
) -> Result<Version> {
    let number: i64 = tx.query_one(
        "select coalesce(max(number), 0) + 1 from model_versions where model_id = $1",
        params![model.id],
        |row| row.get(0),
    )?;
    let id: i64 = tx.query_one(
        "insert into model_versions (model_id, model_name, number, description, stage, source,
             storage_location, run_id, run_link, model_uuid, lifecycle, created_at, updated_at)
         values ($1, $2, $3, $4, 1, $5, $6, $7, $8, $9, 1, $10, $10) returning id",
        params![
            model.id,
            &model.name,
            number,
            &new.description,
            &origin.source,
            &origin.storage_location,
            &origin.run_id,
            &new.run_link,
            &origin.model_uuid,
            ctx.now
        ],
        |row| row.get(0),
    )?;
    let sql = format!("select {COLUMNS} from model_versions v where v.id = $1");
    tx.query_one(&sql, params![id], from_row)
}

/// Finds a version with its tags and aliases; one that is deleted or unknown is a 404.
pub fn find(tx: &mut Tx<'_>, at: &VersionRef) -> Result<Version> {
    let version = find_row(tx, at)?;
    complete(tx, version)
}

/// Gives where the files of a version are, as a location that needs no run to be looked up.
pub fn find_files(tx: &mut Tx<'_>, at: &VersionRef) -> Result<String> {
    let location = find_row(tx, at)?.storage_location;
    located(tx, location)
}

/// Turns a location in a run into one that needs no run to be looked up.
pub(super) fn located(tx: &mut Tx<'_>, location: String) -> Result<String> {
    match source::run_path(&location) {
        Some((run_id, path)) => {
            let run = run::find(tx, run_id)?;
            location::append(&run.artifact_uri, &[path])
        }
        None => Ok(location.to_owned()),
    }
}

/// Finds a version without its tags and aliases.
pub(super) fn find_row(tx: &mut Tx<'_>, at: &VersionRef) -> Result<Version> {
    let sql = format!(
        "select {COLUMNS} from model_versions v join registered_models m on m.id = v.model_id
         where m.name = $1 and m.lifecycle = 1 and v.number = $2 and v.lifecycle = 1"
    );
    let found = tx.query_optional(&sql, params![&at.model, at.number], from_row)?;
    found.ok_or_else(|| not_found(at))
}

/// Finds a version that is about to be changed, and locks its model.
pub(super) fn open(tx: &mut Tx<'_>, at: &VersionRef) -> Result<(Model, Version)> {
    let model = model::find_by_name_locked(tx, &at.model)?.ok_or_else(|| not_found(at))?;
    Ok((model, find_row(tx, at)?))
}

pub(super) fn not_found(at: &VersionRef) -> Error {
    Error::not_found(format!(
        "Model Version (name={}, version={}) not found",
        at.model, at.number
    ))
}

/// Adds tags and aliases to one version.
fn complete(tx: &mut Tx<'_>, version: Version) -> Result<Version> {
    let mut versions = vec![version];
    add_tags(tx, &mut versions)?;
    add_aliases(tx, &mut versions)?;
    versions
        .pop()
        .ok_or_else(|| Error::internal("A version was lost while it was read."))
}

/// Sets or removes the description of a version and gives the version.
pub fn describe(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    at: &VersionRef,
    description: Option<&str>,
) -> Result<Version> {
    let (model, version) = open(tx, at)?;
    tx.send(
        "update model_versions set description = $2, updated_at = $3 where id = $1",
        params![version.id, description, ctx.now],
    )?;
    let (old, new) = (version.description.as_deref(), description);
    if old.unwrap_or("") != new.unwrap_or("") {
        let change = Change::of_version(Kind::VersionUpdated, version.number);
        let change = change.from(old.unwrap_or("")).to(new.unwrap_or(""));
        history::append(tx, ctx, &model, &[change])?;
    }
    find(tx, at)
}

/// Marks a version as deleted, takes its aliases away and forgets where it came from. Its number
/// is not given out again.
/// An alias that agrees with its stage goes to another version of the stage, if one is left.
pub fn delete(tx: &mut Tx<'_>, ctx: &Ctx, policy: &Policy, at: &VersionRef) -> Result<()> {
    let (model, version) = open(tx, at)?;
    stage::leave(tx, ctx, policy, (&model, &version))?;
    alias::delete_of_version(tx, ctx, &model, version.number)?;
    let [source, run_id, run_link] = REDACTED;
    tx.send(
        "update model_versions
         set lifecycle = 2, description = null, source = $2, storage_location = $2, run_id = $3,
             run_link = $4, model_uuid = '', updated_at = $5
         where id = $1",
        params![version.id, source, run_id, run_link, ctx.now],
    )?;
    model::touch(tx, ctx, &model)?;
    let change = Change::of_version(Kind::VersionDeleted, version.number);
    history::append(tx, ctx, &model, &[change])
}

/// Gives the highest version of each stage of each model.
pub(super) fn latest(
    tx: &mut Tx<'_>,
    model_ids: &[i64],
    order: Order,
) -> Result<HashMap<i64, Vec<Version>>> {
    let order = match order {
        Order::Oldest => "l.first",
        Order::StageName => "case v.stage when 1 then 2 when 2 then 4 when 3 then 3 else 1 end",
    };
    let sql = format!(
        "select {COLUMNS} from model_versions v join (
             select model_id, stage, max(number) as number, min(number) as first
             from model_versions where model_id in ({}) and lifecycle = 1
             group by model_id, stage) l
         on l.model_id = v.model_id and l.number = v.number
         order by v.model_id, {order}",
        placeholders(1, model_ids.len())
    );
    let params: Vec<Value<'_>> = model_ids.iter().map(|id| Value::Int(*id)).collect();
    let mut versions = tx.query(&sql, &params, from_row)?;
    add_tags(tx, &mut versions)?;
    let mut latest: HashMap<i64, Vec<Version>> = HashMap::new();
    for version in versions {
        latest.entry(version.model_id).or_default().push(version);
    }
    Ok(latest)
}

/// Gives the highest version of each stage of a model, with its aliases.
pub(super) fn latest_of(tx: &mut Tx<'_>, model: &Model) -> Result<Vec<Version>> {
    let mut versions = latest(tx, &[model.id], Order::Oldest)?
        .remove(&model.id)
        .unwrap_or_default();
    add_aliases(tx, &mut versions)?;
    Ok(versions)
}

/// Gives the highest version of each of these stages, or of all when none is named.
pub fn latest_in(tx: &mut Tx<'_>, name: &str, stages: &[Stage]) -> Result<Vec<Version>> {
    let model = model::find(tx, name)?;
    let mut latest = latest_of(tx, &model)?;
    latest.retain(|version| stages.is_empty() || stages.contains(&version.stage));
    Ok(latest)
}

/// Adds the tags of versions, sorted by key.
pub(super) fn add_tags(tx: &mut Tx<'_>, versions: &mut [Version]) -> Result<()> {
    for chunk in versions.chunks_mut(CHUNK) {
        let sql = format!(
            "select version_id, key, value from model_version_tags
             where version_id in ({}) order by version_id, key",
            placeholders(1, chunk.len())
        );
        let ids: Vec<Value<'_>> = chunk.iter().map(|one| Value::Int(one.id)).collect();
        let mut tags: HashMap<i64, Vec<Pair>> = HashMap::new();
        tx.query(&sql, &ids, |row| {
            let tag = Pair {
                key: row.get(1)?,
                value: row.get(2)?,
            };
            tags.entry(row.get(0)?).or_default().push(tag);
            Ok(())
        })?;
        for version in chunk {
            version.tags = tags.remove(&version.id).unwrap_or_default();
        }
    }
    Ok(())
}

/// Adds the aliases of versions of one model.
fn add_aliases(tx: &mut Tx<'_>, versions: &mut [Version]) -> Result<()> {
    let Some(model_id) = versions.first().map(|version| version.model_id) else {
        return Ok(());
    };
    let aliases = model::aliases(tx, &[model_id])?.remove(&model_id);
    for alias in aliases.unwrap_or_default() {
        for version in versions.iter_mut() {
            if version.number == alias.version {
                version.aliases.push(alias.name.clone());
            }
        }
    }
    Ok(())
}
