//! Tells others what changed in the registry: each change becomes the events that MLflow has for
//! it, and those that it lacks.
//!
//! It reads what MLflow's payloads hold, and only when somebody listens. Models that are prompts
//! have events of their own.

use super::history::{Change, Kind};
use super::model::Model;
use super::rule;
use crate::ctx::Ctx;
use crate::db::Tx;
use crate::error::Result;
use crate::events::kind::{self, EventType, Origin};
use crate::events::{self, Event, Subject};
use crate::params;
use crate::tracking::experiment::Pair;
use serde_json::{Map, Value as Json, json};

/// The tags by which MLflow keeps prompts as registered models; its payloads leave them out.
const PROMPT_TAGS: [&str; 2] = [rule::PROMPT_TAG, "_mlflow_prompt_type"];

/// The events of a change, of a model and of a prompt.
///
/// Each kind of change has its line here: a new kind is announced by a new line.
fn kinds(kind: Kind) -> (&'static [EventType], &'static [EventType]) {
    match kind {
        Kind::ModelCreated => (&[kind::MODEL_CREATED], &[kind::PROMPT_CREATED]),
        Kind::ModelRenamed => (&[kind::MODEL_RENAMED], &[kind::PROMPT_RENAMED]),
        Kind::ModelUpdated => (&[kind::MODEL_UPDATED], &[kind::PROMPT_UPDATED]),
        Kind::ModelDeleted => (&[kind::MODEL_DELETED], &[kind::PROMPT_DELETED]),
        Kind::ModelTagSet => (&[kind::MODEL_TAG_SET], &[kind::PROMPT_TAG_SET]),
        Kind::ModelTagDeleted => (&[kind::MODEL_TAG_DELETED], &[kind::PROMPT_TAG_DELETED]),
        Kind::VersionCreated => (&[kind::VERSION_CREATED], &[kind::PROMPT_VERSION_CREATED]),
        Kind::VersionUpdated => (&[kind::VERSION_UPDATED], &[kind::PROMPT_VERSION_UPDATED]),
        Kind::VersionDeleted => (&[kind::VERSION_DELETED], &[kind::PROMPT_VERSION_DELETED]),
        Kind::StageChanged => (
            &[kind::VERSION_STAGE_TRANSITIONED],
            &[kind::PROMPT_VERSION_STAGE_TRANSITIONED],
        ),
        // Prompts do not age, and have no files that could be verified.
        Kind::VersionAged => (&[kind::VERSION_AGED], &[]),
        Kind::VersionVerified => (&[kind::VERSION_VERIFIED], &[]),
        Kind::VersionBroken => (&[kind::VERSION_BROKEN], &[]),
        Kind::VersionTagSet => (&[kind::VERSION_TAG_SET], &[kind::PROMPT_VERSION_TAG_SET]),
        Kind::VersionTagDeleted => (
            &[kind::VERSION_TAG_DELETED],
            &[kind::PROMPT_VERSION_TAG_DELETED],
        ),
        Kind::AliasSet => (
            &[kind::ALIAS_CREATED, kind::ALIAS_MOVED],
            &[kind::PROMPT_ALIAS_CREATED, kind::PROMPT_ALIAS_MOVED],
        ),
        Kind::AliasDeleted => (&[kind::ALIAS_DELETED], &[kind::PROMPT_ALIAS_DELETED]),
    }
}

/// Emits the events of changes that were just made to a model, in their order.
///
/// Changes that follow a creation in the same list say what was created: they are part of its
/// event and have none of their own.
pub(super) fn changes(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    model: &Model,
    changes: &[Change<'_>],
) -> Result<()> {
    let announced = match changes.first() {
        Some(first) if is_creation(first.kind) => std::slice::from_ref(first),
        _ => changes,
    };
    let possible: Vec<EventType> = announced
        .iter()
        .flat_map(|change| {
            let (of_model, of_prompt) = kinds(change.kind);
            of_model.iter().chain(of_prompt)
        })
        .copied()
        .collect();
    if !events::anyone_listens(tx, &possible)? {
        return Ok(());
    }
    let is_prompt = rule::is_prompt(&model_tags(tx, model)?);
    let mut emitted = Vec::new();
    for change in announced {
        emitted.extend(events_of(tx, model, is_prompt, change)?);
    }
    events::emit(tx, ctx, &emitted)
}

fn is_creation(kind: Kind) -> bool {
    matches!(kind, Kind::ModelCreated | Kind::VersionCreated)
}

fn events_of(
    tx: &mut Tx<'_>,
    model: &Model,
    is_prompt: bool,
    change: &Change<'_>,
) -> Result<Vec<Event>> {
    let created = match change.kind {
        Kind::ModelCreated => Some(created_model(tx, model)?),
        Kind::VersionCreated => Some(created_version(tx, model, change)?),
        _ => None,
    };
    let is_prompt = created
        .as_ref()
        .map_or(is_prompt, |created| created.is_prompt);
    let (of_model, of_prompt) = kinds(change.kind);
    let kinds = if is_prompt { of_prompt } else { of_model };
    let events = kinds.iter().map(|kind| Event {
        kind: *kind,
        object: object(&model.name),
        next_object: match change.kind {
            Kind::ModelRenamed => change.to.map(object),
            _ => None,
        },
        data: match &created {
            Some(created) => created.data.clone(),
            None => data(model, *kind, change),
        },
        subject: subject(model, change),
    });
    Ok(events.collect())
}

/// All events of a model are of one object, so that they are delivered in their order.
fn object(name: &str) -> String {
    format!("registered_model:{name}")
}

fn subject(model: &Model, change: &Change<'_>) -> Subject {
    let (from, to) = match change.kind {
        // Things have no state before they are there and after they are gone.
        Kind::ModelCreated | Kind::ModelDeleted | Kind::VersionCreated => (None, None),
        _ => (change.from, change.to),
    };
    let name = match change.kind {
        Kind::ModelRenamed => change.to.unwrap_or(&model.name),
        _ => &model.name,
    };
    Subject {
        name: name.to_owned(),
        version: change.version.map(|number| number.to_string()),
        key: change.key.map(str::to_owned),
        from: from.map(str::to_owned),
        to: to.map(str::to_owned),
        generation: change.generation,
    }
}

/// Gives the data of an event that is no creation: MLflow's, or ours in its manner.
fn data(model: &Model, kind: EventType, change: &Change<'_>) -> Map<String, Json> {
    let subject = subject(model, change);
    let mut data = Map::new();
    let mut add = |name: &str, value: Json| data.insert(name.to_owned(), value);
    add("name", json!(subject.name));
    if kind.entity().ends_with("_tag") {
        add("key", json!(subject.key));
        if let Some(value) = &subject.to {
            add("value", json!(value));
        }
        if kind.entity().contains("version") {
            add("version", json!(subject.version));
        }
        if kind.origin == Origin::Own {
            add("from", json!(subject.from));
            add("to", json!(subject.to));
        }
    } else if kind.entity().ends_with("_alias") {
        add("alias", json!(subject.key));
        if change.kind == Kind::AliasSet {
            add("version", json!(subject.version));
        }
        if kind.action() == "moved" {
            add("from", json!(subject.from));
            add("to", json!(subject.to));
            add("generation", json!(subject.generation));
        }
    } else {
        if let Some(version) = &subject.version {
            add("version", json!(version));
        }
        if change.kind == Kind::VersionAged {
            add("since", json!(subject.from));
            add("days", json!(days(change)));
            return data;
        }
        if change.kind == Kind::VersionBroken {
            add("found", json!(subject.key));
        }
        add("from", json!(subject.from));
        add("to", json!(subject.to));
    }
    data
}

/// For how many days an aged version is in Production.
fn days(change: &Change<'_>) -> Option<i64> {
    change.key.and_then(|days| days.parse().ok())
}

/// What MLflow tells of something new.
struct Created {
    data: Map<String, Json>,
    is_prompt: bool,
}

fn created_model(tx: &mut Tx<'_>, model: &Model) -> Result<Created> {
    let tags = model_tags(tx, model)?;
    let is_prompt = rule::is_prompt(&tags);
    let mut data = Map::new();
    data.insert("name".into(), json!(model.name));
    data.insert("tags".into(), told(&tags, is_prompt));
    data.insert("description".into(), json!(model.description));
    Ok(Created { data, is_prompt })
}

fn created_version(tx: &mut Tx<'_>, model: &Model, change: &Change<'_>) -> Result<Created> {
    let (id, source, run_id, description) = tx.query_one(
        "select id, source, run_id, description from model_versions
         where model_id = $1 and number = $2",
        params![model.id, change.version],
        |row| {
            let description: Option<String> = row.get(3)?;
            Ok((
                row.get::<i64>(0)?,
                row.get::<String>(1)?,
                row.get::<String>(2)?,
                description,
            ))
        },
    )?;
    let mut tags = tx.query(
        "select key, value from model_version_tags where version_id = $1 order by key",
        params![id],
        pair,
    )?;
    let is_prompt = rule::is_prompt(&tags);
    let filled = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mut data = Map::new();
    data.insert("name".into(), json!(model.name));
    data.insert(
        "version".into(),
        json!(change.version.map(|number| number.to_string())),
    );
    if is_prompt {
        let template = tags.iter().position(|tag| tag.key == rule::PROMPT_TEXT_TAG);
        let template = template.map(|at| tags.remove(at).value);
        data.insert("template".into(), json!(template));
    } else {
        data.insert("source".into(), json!(source));
        data.insert("run_id".into(), json!(filled(&run_id)));
    }
    data.insert("tags".into(), told(&tags, is_prompt));
    data.insert(
        "description".into(),
        json!(description.as_deref().and_then(filled)),
    );
    Ok(Created { data, is_prompt })
}

/// Gives tags as one object; of a prompt without those that only make it one.
fn told(tags: &[Pair], is_prompt: bool) -> Json {
    let told = tags
        .iter()
        .filter(|tag| !(is_prompt && PROMPT_TAGS.contains(&tag.key.as_str())));
    let told = told.map(|tag| (tag.key.clone(), json!(tag.value)));
    Json::Object(told.collect())
}

fn model_tags(tx: &mut Tx<'_>, model: &Model) -> Result<Vec<Pair>> {
    tx.query(
        "select key, value from registered_model_tags where model_id = $1 order by key",
        params![model.id],
        pair,
    )
}

fn pair(row: &crate::db::Row<'_>) -> Result<Pair> {
    Ok(Pair {
        key: row.get(0)?,
        value: row.get(1)?,
    })
}
