//! Keeps the document of a version, and gives it back.

use super::files::FileFacts;
use super::{FORMAT, Facts, Source, rows};
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::error::{Error, Result};
use crate::params;
use crate::registry::model::Model;
use crate::registry::source::{self, Reference, Which};
use crate::registry::version::Version;

/// Takes down what is known of a version, in the transaction that creates it.
///
/// A copy of another version takes that one's document along: it is the same model, and its run may
/// have changed since.
pub fn freeze(tx: &mut Tx<'_>, ctx: &Ctx, version: &Version, files: &FileFacts) -> Result<()> {
    let facts = match copied(tx, version)? {
        Some(facts) => facts,
        None => taken(tx, version, files)?,
    };
    let text = serde_json::to_string(&facts)
        .map_err(|error| Error::internal("The facts of a version failed.").with_cause(error))?;
    tx.send(
        "insert into model_version_facts (version_id, facts, created_at) values ($1, $2, $3)",
        params![version.id, text, ctx.now],
    )?;
    Ok(())
}

/// Gives the document of the version that this one is a copy of.
fn copied(tx: &mut Tx<'_>, version: &Version) -> Result<Option<Facts>> {
    let Ok(Reference::Version(name, Which::Number(number))) = source::reference(&version.source)
    else {
        return Ok(None);
    };
    let id: Option<i64> = tx.query_optional(
        "select v.id from model_versions v join registered_models m on m.id = v.model_id
         where m.name = $1 and m.lifecycle = 1 and v.number = $2 and v.lifecycle = 1",
        params![name, number],
        |row| row.get(0),
    )?;
    let Some(mut facts) = id.map(|id| find(tx, id)).transpose()?.flatten() else {
        return Ok(None);
    };
    facts
        .copied_from
        .get_or_insert_with(|| format!("{name}/{number}"));
    Ok(Some(facts))
}

fn taken(tx: &mut Tx<'_>, version: &Version, files: &FileFacts) -> Result<Facts> {
    let mut facts = Facts {
        format: FORMAT,
        ..Facts::default()
    };
    if files.source.location == version.storage_location {
        facts.files = files.source.clone();
        facts.model.clone_from(&files.model);
        facts.signature.clone_from(&files.signature);
        facts.environment = files.environment.clone();
        facts.cut.clone_from(&files.cut);
    } else {
        facts.files = Source {
            location: version.storage_location.clone(),
            problem: Some("What the source names changed while the version was created.".into()),
            ..Source::default()
        };
    }
    rows::add_run(tx, &mut facts, &version.run_id)?;
    rows::add_model(tx, &mut facts, &version.model_uuid)?;
    rows::derive(&mut facts);
    Ok(facts)
}

/// Finds the document of a version by the version's id; `None` for a version that is older than
/// these documents.
pub fn find(tx: &mut Tx<'_>, version_id: i64) -> Result<Option<Facts>> {
    let text: Option<String> = tx.query_optional(
        "select facts from model_version_facts where version_id = $1",
        params![version_id],
        |row| row.get(0),
    )?;
    text.map(|text| {
        serde_json::from_str(&text).map_err(|error| {
            Error::internal("The database holds facts of a version that cannot be read.")
                .with_cause(error)
        })
    })
    .transpose()
}

/// Gives the document of a version.
///
/// # Errors
/// 404 for a version that is older than these documents.
pub fn of(tx: &mut Tx<'_>, version: &Version) -> Result<Facts> {
    find(tx, version.id)?.ok_or_else(|| {
        Error::not_found(format!(
            "Nothing was taken down when version {} of the registered model '{}' was created: the \
             server did not keep facts of versions then. Register the model again to have them.",
            version.number, version.model_name
        ))
    })
}

/// Forgets the documents of a model's versions, before the versions are deleted with their model.
pub(in crate::registry) fn delete_of_model(tx: &mut Tx<'_>, model: &Model) -> Result<()> {
    tx.send(
        "delete from model_version_facts
         where version_id in (select id from model_versions where model_id = $1)",
        params![model.id],
    )?;
    Ok(())
}
