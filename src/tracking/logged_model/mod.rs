//! Logged models: models as runs make them, before any of them is registered.

mod parts;

pub use parts::{add_registration, append_metrics, delete_tag, load, log_params, set_tags};

use super::experiment::{self, Lifecycle, Pair};
use super::series::Point;
use crate::artifacts::location;
use crate::audit::note::Change;
use crate::ctx::{Ctx, Ids};
use crate::db::{Lock, Row, Tx, Value, placeholders};
use crate::error::{Error, Result};
use crate::{params, python};
use parts::{add_params, store_tags};
use serde_json::json;

/// Whether a logged model's files are complete; stored as 1 to 3, as on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    Pending = 1,
    Ready = 2,
    Failed = 3,
}

impl Status {
    /// All statuses with their names on the wire.
    pub const ALL: [(Status, &'static str); 3] = [
        (Status::Pending, "LOGGED_MODEL_PENDING"),
        (Status::Ready, "LOGGED_MODEL_READY"),
        (Status::Failed, "LOGGED_MODEL_UPLOAD_FAILED"),
    ];

    /// Gives the name of the status on the wire.
    pub fn name(self) -> &'static str {
        let found = Self::ALL.iter().find(|(status, _)| *status == self);
        found.map_or("", |(_, name)| name)
    }

    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL
            .iter()
            .map(|(status, _)| *status)
            .find(|status| *status as i64 == number)
    }
}

/// A logged model; params and tags are sorted by key.
#[derive(Debug, Clone)]
pub struct LoggedModel {
    pub id: i64,
    pub uuid: String,
    pub experiment_id: i64,
    pub name: String,
    pub artifact_uri: String,
    pub model_type: String,
    pub source_run_id: String,
    pub status: Status,
    pub lifecycle: Lifecycle,
    pub created_at: i64,
    pub updated_at: i64,
    pub params: Vec<Pair>,
    pub tags: Vec<Pair>,
    pub metrics: Vec<ModelMetric>,
}

/// A metric value that a run logged for a model.
#[derive(Debug, Clone)]
pub struct ModelMetric {
    pub key: String,
    pub point: Point,
    pub run_uuid: String,
    pub dataset_name: Option<String>,
    pub dataset_digest: Option<String>,
}

/// A checked request for a new logged model.
#[derive(Debug, Clone)]
pub struct NewModel {
    pub experiment_id: i64,
    /// Empty for a name that the server makes up.
    pub name: String,
    pub model_type: String,
    pub source_run_id: String,
    pub params: Vec<Pair>,
    pub tags: Vec<Pair>,
}

/// The columns that `from_row` reads, for a query that calls the table `m`.
pub const COLUMNS: &str = "m.id, m.uuid, m.experiment_id, m.name, m.artifact_uri, m.model_type, \
    m.source_run_id, m.status, m.lifecycle, m.created_at, m.updated_at";

/// Reads a model of a query that selects `COLUMNS` first.
pub fn from_row(row: &Row<'_>) -> Result<LoggedModel> {
    Ok(LoggedModel {
        id: row.get(0)?,
        uuid: row.get(1)?,
        experiment_id: row.get(2)?,
        name: row.get(3)?,
        artifact_uri: row.get(4)?,
        model_type: row.get(5)?,
        source_run_id: row.get(6)?,
        status: Status::from_number(row.get(7)?)
            .ok_or_else(|| Error::internal("The database holds an unknown model status."))?,
        lifecycle: Lifecycle::from_number(row.get(8)?),
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
        params: Vec::new(),
        tags: Vec::new(),
        metrics: Vec::new(),
    })
}

/// Creates a logged model and gives it as it is stored.
pub fn create(tx: &mut Tx<'_>, ctx: &Ctx, ids: &Ids, new: &NewModel) -> Result<LoggedModel> {
    check_name(&new.name)?;
    let experiment = experiment::find_active(tx, new.experiment_id)?;
    let uuid = format!("m-{}", ids.next());
    let artifact_uri = location::of_model(&experiment.artifact_location, &uuid)?;
    let name = if new.name.is_empty() {
        ids.name()
    } else {
        new.name.clone()
    };
    let id: i64 = tx.query_one(
        "insert into logged_models (uuid, experiment_id, name, artifact_uri, model_type,
             source_run_id, status, lifecycle, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, 1, 1, $7, $7) returning id",
        params![
            &uuid,
            experiment.id,
            &name,
            &artifact_uri,
            &new.model_type,
            &new.source_run_id,
            ctx.now
        ],
        |row| row.get(0),
    )?;
    add_params(tx, id, &new.params)?;
    store_tags(tx, id, &new.tags)?;
    Change::of(&object(&uuid), "logged_model_created")
        .after(json!({ "name": name, "source_run_id": new.source_run_id }))
        .note(tx);
    find(tx, &uuid, Deleted::Refused)
}

fn check_name(name: &str) -> Result<()> {
    if name.contains(['/', ':', '.', '%', '"', '\'']) {
        return Err(Error::invalid(format!(
            "Invalid model name ({}) provided. Model name must be a non-empty string and cannot \
             contain the following characters: ('/', ':', '.', '%', '\"', \"'\")",
            python::repr(name)
        )));
    }
    Ok(())
}

/// Whether a deleted model may be found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deleted {
    Allowed,
    Refused,
}

/// Finds a model with all it recorded; an unknown id is a 404.
pub fn find(tx: &mut Tx<'_>, uuid: &str, deleted: Deleted) -> Result<LoggedModel> {
    let sql = format!("select {COLUMNS} from logged_models m where m.uuid = $1");
    let found = tx.query_optional(&sql, params![uuid], from_row)?;
    let model = found
        .filter(|model| deleted == Deleted::Allowed || model.lifecycle == Lifecycle::Active)
        .ok_or_else(|| not_found(uuid))?;
    let mut models = load(tx, vec![model])?;
    models.pop().ok_or_else(|| not_found(uuid))
}

fn not_found(uuid: &str) -> Error {
    Error::not_found(format!("Logged model with ID '{uuid}' not found."))
}

/// Finds the row of a model that is about to be changed, and locks it.
fn open(tx: &mut Tx<'_>, uuid: &str) -> Result<i64> {
    tx.query_locked(
        Lock::Change,
        "select id from logged_models where uuid = $1",
        params![uuid],
        |row| row.get(0),
    )?
    .pop()
    .ok_or_else(|| not_found(uuid))
}

/// Locks the models with these ids, where there are any, in the order of the ids.
pub fn lock(tx: &mut Tx<'_>, uuids: &[&str]) -> Result<()> {
    let sql = format!(
        "select uuid from logged_models where uuid in ({}) order by uuid",
        placeholders(1, uuids.len())
    );
    let uuids: Vec<Value<'_>> = uuids.iter().map(|uuid| Value::from(*uuid)).collect();
    tx.query_locked(Lock::Change, &sql, &uuids, |_| Ok(()))?;
    Ok(())
}

/// Sets the status of a model and gives the model.
pub fn finalize(tx: &mut Tx<'_>, ctx: &Ctx, uuid: &str, status: Status) -> Result<LoggedModel> {
    let id = open(tx, uuid)?;
    tx.send(
        "update logged_models set status = $2, updated_at = $3 where id = $1",
        params![id, status as i64, ctx.now],
    )?;
    Change::of(&object(uuid), "logged_model_finalized")
        .after(status.name())
        .note(tx);
    find(tx, uuid, Deleted::Allowed)
}

/// Marks a model as deleted.
pub fn delete(tx: &mut Tx<'_>, ctx: &Ctx, uuid: &str) -> Result<()> {
    let id = open(tx, uuid)?;
    tx.send(
        "update logged_models set lifecycle = 2, updated_at = $2 where id = $1",
        params![id, ctx.now],
    )?;
    Change::of(&object(uuid), "logged_model_deleted").note(tx);
    Ok(())
}

/// What the audit log calls a logged model.
fn object(uuid: &str) -> String {
    format!("logged_model:{uuid}")
}
