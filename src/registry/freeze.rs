//! What must stay as it is because registered versions come from it: their files, and the runs,
//! experiments and logged models that made them.
//!
//! A version protects these from its registration until it is deleted.

use crate::artifacts::{Spot, Stored, hexadecimal};
use crate::ctx::Ctx;
use crate::db::{Row, Tx, Value, by_bytes, placeholders};
use crate::error::{Code, Error, Result};
use crate::params;
use crate::tracking::{experiment, logged_model, run};

/// Versions that a refusal names.
const NAMED: usize = 10;

/// Refuses an upload that would change the files of a version or add one to them; the very bytes
/// that are there already may come again.
///
/// # Errors
/// 409 that names the versions.
pub fn check_upload(tx: &mut Tx<'_>, spot: &Spot, stored: Stored) -> Result<()> {
    let roots: Vec<&str> = spot.lineage().collect();
    // A version may consist of one file, which is its own root.
    let sql = format!(
        "select v.model_name, v.number
         from model_version_manifests m
         join model_versions v on v.id = m.version_id
         left join model_version_files f on f.version_id = m.version_id and f.path =
             case when m.root = $1 then $2 else substr($1, length(m.root) + 2) end
         where m.root in ({}) and v.lifecycle = 1
             and not (f.path is null and m.state = 2)
             and (f.path is null or f.sha256 <> $3 or f.size <> $4)
         order by v.model_name, v.number limit {}",
        placeholders(5, roots.len()),
        NAMED + 1
    );
    let mut params = vec![
        Value::from(spot.as_str()),
        Value::from(spot.name()),
        Value::from(hexadecimal(&stored.sha256)),
        Value::Int(stored.size as i64),
    ];
    params.extend(roots.iter().map(|root| Value::from(*root)));
    let versions = tx.query(&sql, &params, named)?;
    refuse(&versions, |versions, these| {
        format!(
            "'{}' cannot be stored: the files of {versions} do not change any more. Log a new \
             model, or delete {these} first.",
            spot.shown()
        )
    })
}

/// Refuses what `check_upload` refuses for a file whose content is not known yet: it may be any.
///
/// # Errors
/// 409 that names the versions.
pub fn check_unread_upload(tx: &mut Tx<'_>, spot: &Spot) -> Result<()> {
    // No file has this size.
    let unlike_any = Stored {
        size: u64::MAX,
        sha256: [0; 32],
    };
    check_upload(tx, spot, unlike_any)
}

/// Refuses the deletion of a file of a version, or of a folder that holds one.
///
/// # Errors
/// 409 that names the versions.
pub fn check_removal(tx: &mut Tx<'_>, spot: &Spot) -> Result<()> {
    let root = by_bytes("m.root");
    let below = format!(
        "select v.model_name, v.number
         from model_version_manifests m join model_versions v on v.id = m.version_id
         where v.lifecycle = 1 and {root} > $1 || '/' and {root} < $1 || '0'
         order by v.model_name, v.number limit {}",
        NAMED + 1
    );
    let mut versions = tx.query(&below, params![spot.as_str()], named)?;
    versions.extend(holding(tx, spot)?);
    versions.sort();
    versions.dedup();
    refuse(&versions, |versions, these| {
        format!(
            "'{}' cannot be deleted: it belongs to the files of {versions}, or holds some of them. \
             Delete {these} first.",
            spot.shown()
        )
    })
}

/// Finds the versions whose own folder holds the spot, and who have a file there or below.
fn holding(tx: &mut Tx<'_>, spot: &Spot) -> Result<Vec<(String, i64)>> {
    let roots: Vec<&str> = spot.lineage().collect();
    if roots.is_empty() {
        return Ok(Vec::new());
    }
    let inside = "substr($1, length(m.root) + 2)";
    let path = by_bytes("f.path");
    let sql = format!(
        "select v.model_name, v.number
         from model_version_manifests m join model_versions v on v.id = m.version_id
         where m.root in ({}) and v.lifecycle = 1 and (m.root = $1 or exists (
             select 1 from model_version_files f
             where f.version_id = m.version_id and (f.path = {inside}
                 or {path} > {inside} || '/' and {path} < {inside} || '0')))
         order by v.model_name, v.number limit {}",
        placeholders(2, roots.len()),
        NAMED + 1
    );
    let mut params = vec![Value::from(spot.as_str())];
    params.extend(roots.iter().map(|root| Value::from(*root)));
    tx.query(&sql, &params, named)
}

/// Deletes a run as `run::delete` does, unless a version comes from it.
///
/// # Errors
/// 409 that names the versions.
pub fn delete_run(tx: &mut Tx<'_>, uuid: &str) -> Result<()> {
    let sql = format!(
        "select model_name, number from model_versions
         where run_id = $1 and lifecycle = 1 order by model_name, number limit {}",
        NAMED + 1
    );
    let versions = tx.query(&sql, params![uuid], named)?;
    refuse(&versions, |versions, these| {
        no_deletion(&format!("run '{uuid}'"), versions, these)
    })?;
    run::delete(tx, uuid)
}

/// Deletes an experiment as `experiment::delete` does, unless a version comes from one of its runs
/// or logged models.
///
/// # Errors
/// 409 that names the versions.
pub fn delete_experiment(tx: &mut Tx<'_>, ctx: &Ctx, id: i64) -> Result<()> {
    // There are fewer versions than runs, so the look begins with them.
    let sql = format!(
        "select v.model_name, v.number from model_versions v
         where v.lifecycle = 1 and (
             exists (select 1 from runs r where r.uuid = v.run_id and r.experiment_id = $1)
             or exists (select 1 from logged_models l
                 where l.uuid = v.model_uuid and l.experiment_id = $1))
         order by v.model_name, v.number limit {}",
        NAMED + 1
    );
    let versions = tx.query(&sql, params![id], named)?;
    refuse(&versions, |versions, these| {
        no_deletion(&format!("experiment {id}"), versions, these)
    })?;
    experiment::delete(tx, ctx, id)
}

/// Deletes a logged model as `logged_model::delete` does, unless a version comes from it.
///
/// # Errors
/// 409 that names the versions.
pub fn delete_logged_model(tx: &mut Tx<'_>, ctx: &Ctx, uuid: &str) -> Result<()> {
    // A version that is being created from it is there, or finds it deleted.
    logged_model::lock(tx, &[uuid])?;
    let sql = format!(
        "select model_name, number from model_versions
         where model_uuid = $1 and model_uuid <> '' and lifecycle = 1
         order by model_name, number limit {}",
        NAMED + 1
    );
    let versions = tx.query(&sql, params![uuid], named)?;
    refuse(&versions, |versions, these| {
        no_deletion(&format!("logged model '{uuid}'"), versions, these)
    })?;
    logged_model::delete(tx, ctx, uuid)
}

fn no_deletion(what: &str, versions: &str, these: &str) -> String {
    format!("The {what} cannot be deleted: it is the origin of {versions}. Delete {these} first.")
}

fn named(row: &Row<'_>) -> Result<(String, i64)> {
    Ok((row.get(0)?, row.get(1)?))
}

/// Fails with a text that names versions, if there are any; it is made of their names and of how
/// to speak of them again.
#[track_caller]
fn refuse(versions: &[(String, i64)], text: impl FnOnce(&str, &str) -> String) -> Result<()> {
    if versions.is_empty() {
        return Ok(());
    }
    let (noun, these) = match versions.len() {
        1 => ("version", "this version"),
        _ => ("versions", "these versions"),
    };
    let shown = versions.iter().take(NAMED);
    let shown: Vec<String> = shown
        .map(|(model, number)| format!("{model}/{number}"))
        .collect();
    let more = if versions.len() > NAMED {
        " and others"
    } else {
        ""
    };
    let names = shown.join(", ");
    let text = text(&format!("the registered model {noun} {names}{more}"), these);
    Err(Error::new(Code::Conflict, text))
}
