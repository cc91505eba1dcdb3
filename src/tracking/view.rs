//! Saved views: named states of a page, of one person or shared with all.
//!
//! What a state means is the page's business; here it is text of a bounded size.

use super::experiment;
use crate::audit::note::Change;
use crate::ctx::{Ctx, Ids};
use crate::db::{Lock, Row, Tx};
use crate::error::{Code, Error, Result};
use crate::params;
use serde_json::json;

/// Views of one experiment and kind, or of none.
const MAX_VIEWS: i64 = 500;
/// Stands for no experiment.
const NO_EXPERIMENT: i64 = -1;

/// A saved view.
#[derive(Debug, Clone)]
pub struct View {
    pub id: i64,
    pub uuid: String,
    /// `None` for a view of no experiment.
    pub experiment_id: Option<i64>,
    /// Which page it is a state of.
    pub kind: String,
    pub name: String,
    pub owner: String,
    pub shared: bool,
    pub is_default: bool,
    /// JSON.
    pub state: String,
    pub created_at: i64,
    pub updated_at: i64,
}

impl View {
    /// What the audit log calls the view.
    pub fn object(&self) -> String {
        format!("view:{}", self.uuid)
    }
}

/// A checked request for a new view.
#[derive(Debug, Clone)]
pub struct NewView {
    pub experiment_id: Option<i64>,
    pub kind: String,
    pub name: String,
    pub shared: bool,
    pub is_default: bool,
    pub state: String,
}

/// What an update changes; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct Update {
    pub name: Option<String>,
    pub shared: Option<bool>,
    pub is_default: Option<bool>,
    pub state: Option<String>,
}

const COLUMNS: &str = "id, uuid, experiment_id, kind, name, owner, shared, is_default, state, \
    created_at, updated_at";

fn from_row(row: &Row<'_>) -> Result<View> {
    Ok(View {
        id: row.get(0)?,
        uuid: row.get(1)?,
        experiment_id: Some(row.get(2)?).filter(|id| *id != NO_EXPERIMENT),
        kind: row.get(3)?,
        name: row.get(4)?,
        owner: row.get(5)?,
        shared: row.get(6)?,
        is_default: row.get(7)?,
        state: row.get(8)?,
        created_at: row.get(9)?,
        updated_at: row.get(10)?,
    })
}

/// Lists the shared views and those of the actor, by name; of all kinds where none is named.
pub fn list(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    experiment_id: Option<i64>,
    kind: Option<&str>,
) -> Result<Vec<View>> {
    let sql = format!(
        "select {COLUMNS} from saved_views
         where experiment_id = $1 and (shared or owner = $2) order by name, id"
    );
    let params = params![experiment_id.unwrap_or(NO_EXPERIMENT), &ctx.actor];
    let mut views = tx.query(&sql, params, from_row)?;
    views.retain(|view| kind.is_none_or(|kind| view.kind == kind));
    Ok(views)
}

/// Finds a view by its id, whoever asks: the id is what people send each other.
pub fn find(tx: &mut Tx<'_>, uuid: &str) -> Result<View> {
    let sql = format!("select {COLUMNS} from saved_views where uuid = $1");
    tx.query_optional(&sql, params![uuid], from_row)?
        .ok_or_else(|| unknown(uuid))
}

fn unknown(uuid: &str) -> Error {
    Error::not_found(format!("There is no saved view with the id '{uuid}'."))
}

/// Saves a new view.
///
/// # Errors
/// 404 for an unknown experiment, 409 for a name that the actor has used, 429 for too many views.
pub fn create(tx: &mut Tx<'_>, ctx: &Ctx, ids: &Ids, new: &NewView) -> Result<View> {
    if let Some(id) = new.experiment_id {
        experiment::find(tx, id)?;
    }
    check_default(new.is_default, new.shared)?;
    let experiment_id = new.experiment_id.unwrap_or(NO_EXPERIMENT);
    let count: i64 = tx.query_one(
        "select count(*) from saved_views where experiment_id = $1 and kind = $2",
        params![experiment_id, &new.kind],
        |row| row.get(0),
    )?;
    if count >= MAX_VIEWS {
        return Err(Error::new(
            Code::TooManyRequests,
            format!(
                "There are {MAX_VIEWS} saved views here, which is the most. Delete some first."
            ),
        ));
    }
    check_name(tx, (experiment_id, &new.kind), (&ctx.actor, &new.name))?;
    if new.is_default {
        take_default(tx, experiment_id, &new.kind)?;
    }
    let sql = format!(
        "insert into saved_views (uuid, experiment_id, kind, name, owner, shared, is_default,
             state, created_at, updated_at)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $9) returning {COLUMNS}"
    );
    let params = params![
        ids.next(),
        experiment_id,
        &new.kind,
        &new.name,
        &ctx.actor,
        new.shared,
        new.is_default,
        &new.state,
        ctx.now
    ];
    let view = tx.query_one(&sql, params, from_row)?;
    note(tx, "view_created", None, Some(&view));
    Ok(view)
}

/// Changes a view of the actor, or a shared one.
///
/// # Errors
/// 404 for an unknown view, 403 for a personal one of somebody else, 409 for a name that is taken.
pub fn update(tx: &mut Tx<'_>, ctx: &Ctx, uuid: &str, update: &Update) -> Result<View> {
    let old = open(tx, ctx, uuid)?;
    let mut view = old.clone();
    view.shared = update.shared.unwrap_or(view.shared);
    view.is_default = update.is_default.unwrap_or(view.is_default && view.shared);
    check_default(view.is_default, view.shared)?;
    let experiment_id = view.experiment_id.unwrap_or(NO_EXPERIMENT);
    if let Some(name) = update.name.as_ref().filter(|name| **name != old.name) {
        check_name(tx, (experiment_id, &view.kind), (&view.owner, name))?;
        view.name.clone_from(name);
    }
    if let Some(state) = &update.state {
        view.state.clone_from(state);
    }
    if view.is_default && !old.is_default {
        take_default(tx, experiment_id, &view.kind)?;
    }
    view.updated_at = ctx.now;
    tx.send(
        "update saved_views set name = $2, shared = $3, is_default = $4, state = $5,
             updated_at = $6
         where id = $1",
        params![
            view.id,
            &view.name,
            view.shared,
            view.is_default,
            &view.state,
            ctx.now
        ],
    )?;
    note(tx, "view_updated", Some(&old), Some(&view));
    Ok(view)
}

/// Deletes a view of the actor, or a shared one.
pub fn delete(tx: &mut Tx<'_>, ctx: &Ctx, uuid: &str) -> Result<()> {
    let view = open(tx, ctx, uuid)?;
    tx.send("delete from saved_views where id = $1", params![view.id])?;
    note(tx, "view_deleted", Some(&view), None);
    Ok(())
}

fn open(tx: &mut Tx<'_>, ctx: &Ctx, uuid: &str) -> Result<View> {
    let sql = format!("select {COLUMNS} from saved_views where uuid = $1");
    let found = tx.query_locked(Lock::Change, &sql, params![uuid], from_row)?;
    let view = found.into_iter().next().ok_or_else(|| unknown(uuid))?;
    match view.shared || view.owner == ctx.actor {
        true => Ok(view),
        false => Err(Error::denied(format!(
            "The saved view '{}' belongs to {} and is not shared.",
            view.name, view.owner
        ))),
    }
}

fn check_default(is_default: bool, shared: bool) -> Result<()> {
    match is_default && !shared {
        true => Err(Error::invalid(
            "A default view is what everybody sees first: share it, too.",
        )),
        false => Ok(()),
    }
}

fn check_name(
    tx: &mut Tx<'_>,
    (experiment_id, kind): (i64, &str),
    (owner, name): (&str, &str),
) -> Result<()> {
    let taken = tx.query_optional(
        "select 1 from saved_views
         where experiment_id = $1 and kind = $2 and owner = $3 and name = $4",
        params![experiment_id, kind, owner, name],
        |_| Ok(()),
    )?;
    match taken {
        None => Ok(()),
        Some(()) => Err(Error::new(
            Code::Conflict,
            format!("You have a saved view '{name}' here already. Choose another name."),
        )),
    }
}

/// Takes the rank of the default from the view that has it.
fn take_default(tx: &mut Tx<'_>, experiment_id: i64, kind: &str) -> Result<()> {
    tx.send(
        "update saved_views set is_default = false
         where experiment_id = $1 and kind = $2 and is_default",
        params![experiment_id, kind],
    )?;
    Ok(())
}

fn note(tx: &mut Tx<'_>, change: &'static str, before: Option<&View>, after: Option<&View>) {
    let told = |view: &View| {
        json!({
            "name": view.name, "kind": view.kind, "shared": view.shared,
            "is_default": view.is_default,
            "experiment_id": view.experiment_id.map(|id| id.to_string()),
        })
    };
    let Some(view) = after.or(before) else { return };
    Change::of(&view.object(), change)
        .before(before.map(told))
        .after(after.map(told))
        .note(tx);
}
