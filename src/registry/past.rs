//! What held at a moment: which version an alias pointed at, which versions were in a stage.
//!
//! It reads the history alone, so that it answers for deleted models, too.

use super::history::{self, Entry, Kind};
use super::stage::Stage;
use crate::db::{Row, Tx};
use crate::error::{Error, Result};
use crate::params;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Versions of a stage that are told at the most; the highest ones.
pub const MAX_VERSIONS: usize = 1_000;

/// What an alias pointed at.
#[derive(Debug)]
pub struct AliasThen {
    pub model_id: i64,
    pub version: i64,
    pub generation: Option<i64>,
    pub set: Entry,
}

/// The versions that were in a stage, the highest first.
#[derive(Debug)]
pub struct StageThen {
    pub model_id: i64,
    pub versions: Vec<Entry>,
    /// Whether there were more than `MAX_VERSIONS`.
    pub more: bool,
}

/// Gives the models that have a name, or, being deleted, had it last; the newest first.
pub(super) fn of_name(tx: &mut Tx<'_>, name: &str) -> Result<Vec<i64>> {
    let ids: Vec<i64> = tx.query(
        "select id from registered_models where name = $1 order by id desc limit 1000",
        params![name],
        |row| row.get(0),
    )?;
    if ids.is_empty() {
        return Err(unknown(tx, name)?);
    }
    Ok(ids)
}

/// The 404 for a name that no model has; it says where a renamed model is.
fn unknown(tx: &mut Tx<'_>, name: &str) -> Result<Error> {
    let last = tx.query_optional(
        "select m.name, m.lifecycle from registry_history h
         join registered_models m on m.id = h.model_id
         where h.new_value = $1 and h.kind in ('model_created', 'model_renamed')
         order by h.id desc limit 1",
        params![name],
        |row| Ok((row.get::<String>(0)?, row.get::<i64>(1)?)),
    )?;
    Ok(Error::not_found(match last {
        Some((now, 1)) => format!(
            "There is no registered model '{name}'. The model that was called so is called '{now}' \
             now."
        ),
        Some((last, _)) => format!(
            "There is no registered model '{name}'. The model that was called so was called \
             '{last}' when it was deleted."
        ),
        None => format!("There is no registered model '{name}', and there never was one."),
    }))
}

/// A model that once had a name, with its name at the moment; no name if it was not there then.
struct Life {
    id: i64,
    then: Option<String>,
    /// Whether it has the name now, or had it last.
    is_current: bool,
}

/// Finds the model that is meant by a name at a moment: the one that was called so then, or else
/// the one that is called so now.
fn model_then(tx: &mut Tx<'_>, name: &str, at: i64) -> Result<i64> {
    let lives = tx.query(
        "select m.id, m.name,
             (select case when h.kind = 'model_deleted' then null else h.new_value end
              from registry_history h
              where h.model_id = m.id and h.at <= $2
                  and h.kind in ('model_created', 'model_renamed', 'model_deleted')
              order by h.id desc limit 1)
         from registered_models m
         where m.id in (
             select model_id from registry_history
             where new_value = $1 and kind in ('model_created', 'model_renamed'))
         order by m.id desc limit 1000",
        params![name, at],
        |row: &Row<'_>| {
            Ok(Life {
                id: row.get(0)?,
                is_current: row.get::<String>(1)? == name,
                then: row.get(2)?,
            })
        },
    )?;
    if lives.is_empty() {
        return Err(unknown(tx, name)?);
    }
    let mut there = lives.iter().filter(|life| life.then.is_some());
    let called_so = there
        .clone()
        .find(|life| life.then.as_deref() == Some(name));
    called_so
        .or_else(|| there.find(|life| life.is_current))
        .map(|life| life.id)
        .ok_or_else(|| {
            Error::not_found(format!(
                "The registered model '{name}' did not exist at {}.",
                spelled(at)
            ))
        })
}

/// Says what an alias pointed at.
///
/// # Errors
/// 404 that tells whether the model, the alias at that moment, or the alias at any is missing.
pub fn alias(tx: &mut Tx<'_>, name: &str, alias: &str, at: i64) -> Result<AliasThen> {
    let model_id = model_then(tx, name, at)?;
    let last = last_move(tx, (model_id, alias), at)?;
    let set = last.filter(|entry| entry.kind == Kind::AliasSet);
    if let Some(entry) = set
        && let Some(version) = entry.version
    {
        return Ok(AliasThen {
            model_id,
            version,
            generation: entry.generation,
            set: entry,
        });
    }
    let ever = last_move(tx, (model_id, alias), i64::MAX)?;
    Err(Error::not_found(match ever {
        Some(_) => format!(
            "The alias '{alias}' of the registered model '{name}' was not set at {}.",
            spelled(at)
        ),
        None => format!("The registered model '{name}' never had an alias '{alias}'."),
    }))
}

/// Finds the last time until `at` that an alias of a model was set or deleted.
pub(super) fn last_move(
    tx: &mut Tx<'_>,
    (model_id, alias): (i64, &str),
    at: i64,
) -> Result<Option<Entry>> {
    let sql = format!(
        "select {} from registry_history
         where model_id = $1 and key = $2 and at <= $3 and kind in ('alias_set', 'alias_deleted')
         order by id desc limit 1",
        history::COLUMNS
    );
    tx.query_optional(&sql, params![model_id, alias, at], history::from_row)
}

/// Says which versions were in a stage, each with the entry that put it there.
///
/// # Errors
/// 404 that tells whether the model or any version in the stage is missing.
pub fn stage(tx: &mut Tx<'_>, name: &str, stage: Stage, at: i64) -> Result<StageThen> {
    let model_id = model_then(tx, name, at)?;
    let columns = history::COLUMNS.replace(", ", ", h.");
    let sql = format!(
        "select h.{columns} from registry_history h join (
             select version, max(id) as last from registry_history
             where model_id = $1 and version is not null and at <= $2
                 and kind in ('version_created', 'stage_changed', 'version_deleted')
             group by version) l on l.last = h.id
         where case h.kind when 'version_created' then 'None' when 'stage_changed' then h.new_value
             else '' end = $3
         order by h.version desc limit $4",
    );
    let limit = MAX_VERSIONS as i64 + 1;
    let params = params![model_id, at, stage.name(), limit];
    let mut versions = tx.query(&sql, params, history::from_row)?;
    if versions.is_empty() {
        return Err(Error::not_found(format!(
            "No version of the registered model '{name}' was in the stage {} at {}.",
            stage.name(),
            spelled(at)
        )));
    }
    let more = versions.len() > MAX_VERSIONS;
    versions.truncate(MAX_VERSIONS);
    Ok(StageThen {
        model_id,
        versions,
        more,
    })
}

/// Writes a time for a message; one that no calendar holds as its milliseconds.
pub fn spelled(at: i64) -> String {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000)
        .ok()
        .and_then(|time| time.format(&Rfc3339).ok())
        .unwrap_or_else(|| format!("{at} ms"))
}

/// Reads a time: milliseconds since 1970, or a date and time of RFC 3339.
pub fn parse_time(text: &str) -> Result<i64> {
    if let Ok(milliseconds) = text.parse() {
        return Ok(milliseconds);
    }
    // In a query string the plus sign of an offset reads as a space.
    let time = OffsetDateTime::parse(&text.replace(' ', "+"), &Rfc3339).map_err(|_| {
        Error::invalid(format!(
            "'{text}' is no time. Write it as milliseconds since 1970, or as in \
             2026-03-03T14:05:00Z or 2026-03-03T14:05:00+01:00."
        ))
    })?;
    i64::try_from(time.unix_timestamp_nanos().div_euclid(1_000_000))
        .map_err(|_| Error::invalid(format!("The time '{text}' is out of range.")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_both_spellings() {
        let check = |text: &str, expected: Option<i64>| {
            assert_eq!(parse_time(text).ok(), expected, "{text}");
        };
        check("1700000000000", Some(1_700_000_000_000));
        check("-1", Some(-1));
        check("2023-11-14T22:13:20Z", Some(1_700_000_000_000));
        check("2023-11-14T22:13:20.5Z", Some(1_700_000_000_500));
        check("2023-11-14T23:13:20+01:00", Some(1_700_000_000_000));
        check("2023-11-14T23:13:20 01:00", Some(1_700_000_000_000));
        check("2023-11-14", None);
        check("", None);
        check("yesterday", None);
    }

    #[test]
    fn times_are_spelled_for_people() {
        assert_eq!(spelled(1_700_000_000_000), "2023-11-14T22:13:20Z");
        assert_eq!(spelled(i64::MAX), "9223372036854775807 ms");
    }
}
