//! The fields of each target: entity names, columns and how an identifier is resolved.
//!
//! It decides which keys exist and of which kind they are; values and comparators are `value`'s
//! and `resolve`'s business.

use super::Target;
use super::ast::{Attribute, DatasetField, Field};
use crate::error::{Error, Result};

/// What a field may be compared with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Metric,
    Param,
    Tag,
    Dataset,
    Text,
    /// A numeric column that may be compared with a fraction.
    Number,
    Integer,
    /// An integer that is written as a quoted text.
    ExperimentId,
}

/// A resolved identifier.
#[derive(Debug, Clone)]
pub(super) struct Key {
    pub(super) field: Field,
    pub(super) kind: Kind,
    /// The key as the user named it, without entity and quotes.
    pub(super) name: String,
}

/// Where an identifier stands; some columns can only be ordered by, some only filtered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    Filter,
    Order,
}

struct Column {
    name: &'static str,
    attribute: Attribute,
    kind: Kind,
    /// The only use, if there is but one.
    only: Option<Use>,
}

const fn column(name: &'static str, attribute: Attribute, kind: Kind) -> Column {
    Column {
        name,
        attribute,
        kind,
        only: None,
    }
}

const fn filter_only(name: &'static str, attribute: Attribute, kind: Kind) -> Column {
    Column {
        name,
        attribute,
        kind,
        only: Some(Use::Filter),
    }
}

const fn order_only(name: &'static str, attribute: Attribute, kind: Kind) -> Column {
    Column {
        name,
        attribute,
        kind,
        only: Some(Use::Order),
    }
}

// In every table the first name of an attribute is its usual one.

const RUNS: &[Column] = &[
    column("run_id", Attribute::RunId, Kind::Text),
    column("run_name", Attribute::RunName, Kind::Text),
    filter_only("run name", Attribute::RunName, Kind::Text),
    filter_only("Run name", Attribute::RunName, Kind::Text),
    filter_only("Run Name", Attribute::RunName, Kind::Text),
    column("user_id", Attribute::UserId, Kind::Text),
    column("status", Attribute::Status, Kind::Text),
    column("artifact_uri", Attribute::ArtifactUri, Kind::Text),
    column("start_time", Attribute::StartTime, Kind::Number),
    column("created", Attribute::StartTime, Kind::Number),
    column("Created", Attribute::StartTime, Kind::Number),
    column("end_time", Attribute::EndTime, Kind::Number),
];

const EXPERIMENTS: &[Column] = &[
    column("name", Attribute::Name, Kind::Text),
    column("experiment_id", Attribute::ExperimentId, Kind::ExperimentId),
    column("creation_time", Attribute::CreationTime, Kind::Integer),
    column("last_update_time", Attribute::LastUpdateTime, Kind::Integer),
];

const REGISTERED_MODELS: &[Column] = &[
    column("name", Attribute::Name, Kind::Text),
    order_only("timestamp", Attribute::LastUpdateTime, Kind::Integer),
    order_only(
        "last_updated_timestamp",
        Attribute::LastUpdateTime,
        Kind::Integer,
    ),
];

const MODEL_VERSIONS: &[Column] = &[
    column("name", Attribute::Name, Kind::Text),
    column("version_number", Attribute::VersionNumber, Kind::Integer),
    filter_only("run_id", Attribute::RunId, Kind::Text),
    filter_only("source_path", Attribute::SourcePath, Kind::Text),
    order_only("creation_timestamp", Attribute::CreationTime, Kind::Integer),
    order_only(
        "last_updated_timestamp",
        Attribute::LastUpdateTime,
        Kind::Integer,
    ),
];

const LOGGED_MODELS: &[Column] = &[
    column("name", Attribute::Name, Kind::Text),
    column("model_id", Attribute::ModelId, Kind::Text),
    column("model_type", Attribute::ModelType, Kind::Text),
    column("status", Attribute::Status, Kind::Text),
    column("status_message", Attribute::StatusMessage, Kind::Text),
    column("source_run_id", Attribute::SourceRunId, Kind::Text),
    column("experiment_id", Attribute::ExperimentId, Kind::Text),
    column("artifact_location", Attribute::ArtifactUri, Kind::Text),
    column("lifecycle_stage", Attribute::LifecycleStage, Kind::Text),
    column(
        "creation_timestamp_ms",
        Attribute::CreationTime,
        Kind::Number,
    ),
    column("creation_timestamp", Attribute::CreationTime, Kind::Number),
    column("creation_time", Attribute::CreationTime, Kind::Number),
    column(
        "last_updated_timestamp_ms",
        Attribute::LastUpdateTime,
        Kind::Number,
    ),
    column(
        "last_updated_timestamp",
        Attribute::LastUpdateTime,
        Kind::Number,
    ),
];

fn columns(target: Target) -> &'static [Column] {
    match target {
        Target::Runs => RUNS,
        Target::Experiments => EXPERIMENTS,
        Target::LoggedModels => LOGGED_MODELS,
        Target::RegisteredModels => REGISTERED_MODELS,
        Target::ModelVersions => MODEL_VERSIONS,
    }
}

/// Gives the usual name of an attribute of the target, if the target has it.
pub(super) fn usual_name(target: Target, attribute: Attribute) -> Option<&'static str> {
    columns(target)
        .iter()
        .find(|column| column.attribute == attribute)
        .map(|column| column.name)
}

/// Resolves `[entity.]key`, which is split at its first dot only.
pub(super) fn identify(target: Target, text: &str, at: Use) -> Result<Key> {
    match target {
        Target::Runs => identify_of_run(text, at),
        Target::LoggedModels => identify_of_logged_model(text),
        Target::Experiments | Target::RegisteredModels | Target::ModelVersions => {
            identify_plain(target, text, at)
        }
    }
}

fn identify_of_run(text: &str, at: Use) -> Result<Key> {
    let (entity, key) = text.split_once('.').unwrap_or(("attribute", text));
    let entity = trim_quote(entity, '`');
    let name = trim_quotes(key).to_owned();
    let (field, kind) = match entity {
        "metric" | "metrics" => (Field::Metric(name.clone()), Kind::Metric),
        "parameter" | "parameters" | "param" | "params" => {
            (Field::Param(name.clone()), Kind::Param)
        }
        "tag" | "tags" => (Field::Tag(name.clone()), Kind::Tag),
        "attribute" | "attributes" | "attr" | "run" => {
            return attribute(Target::Runs, name, at);
        }
        "dataset" | "datasets" => (Field::Dataset(dataset_field(&name)?), Kind::Dataset),
        _ => {
            return Err(Error::invalid(format!(
                "Invalid entity type '{entity}'. Valid values are \
                 ['metric', 'parameter', 'tag', 'attribute', 'dataset']"
            )));
        }
    };
    Ok(Key { field, kind, name })
}

fn dataset_field(name: &str) -> Result<DatasetField> {
    match name {
        "name" => Ok(DatasetField::Name),
        "digest" => Ok(DatasetField::Digest),
        "context" => Ok(DatasetField::Context),
        _ => Err(Error::invalid(format!(
            "Invalid dataset key '{name}' specified. \
             Valid keys are '{{'context', 'digest', 'name'}}'"
        ))),
    }
}

fn identify_plain(target: Target, text: &str, at: Use) -> Result<Key> {
    let (entity, key) = text.split_once('.').unwrap_or(("attribute", text));
    let name = trim_quotes(key).to_owned();
    match entity {
        "attribute" => attribute(target, name, at),
        "tag" | "tags" => Ok(Key {
            field: Field::Tag(name.clone()),
            kind: Kind::Tag,
            name,
        }),
        _ => Err(Error::invalid(format!(
            "Invalid entity type '{entity}'. \
             Valid entity types are ('attribute', 'tag', 'tags')"
        ))),
    }
}

/// An entity name of logged models is lower case, and plural.
fn identify_of_logged_model(text: &str) -> Result<Key> {
    let entity = text.split_once('.').filter(|(entity, key)| {
        !entity.is_empty() && entity.chars().all(|c| c.is_ascii_lowercase()) && !key.is_empty()
    });
    let Some((entity, key)) = entity else {
        return attribute(
            Target::LoggedModels,
            trim_quotes(text).to_owned(),
            Use::Filter,
        );
    };
    let name = trim_quotes(key).to_owned();
    let (field, kind) = match entity {
        "metrics" => (Field::Metric(name.clone()), Kind::Metric),
        "params" => (Field::Param(name.clone()), Kind::Param),
        "tags" => (Field::Tag(name.clone()), Kind::Tag),
        "attributes" => return attribute(Target::LoggedModels, name, Use::Filter),
        _ => {
            return Err(Error::invalid(format!(
                "Invalid entity type: '{entity}'. \
                 Expected one of ['attributes', 'metrics', 'params', 'tags']."
            )));
        }
    };
    Ok(Key { field, kind, name })
}

fn attribute(target: Target, name: String, at: Use) -> Result<Key> {
    let found = columns(target)
        .iter()
        .find(|column| column.name == name && column.serves(at));
    let Some(column) = found else {
        let valid = valid_keys(target, at);
        return Err(Error::invalid(format!(
            "Invalid attribute key '{name}' specified. Valid keys are '{valid}'"
        )));
    };
    Ok(Key {
        field: Field::Attribute(column.attribute),
        kind: column.kind,
        name,
    })
}

impl Column {
    fn serves(&self, at: Use) -> bool {
        self.only.is_none_or(|only| only == at)
    }
}

/// Prints the keys as Python prints a set, sorted.
pub(super) fn valid_keys(target: Target, at: Use) -> String {
    let mut names: Vec<_> = columns(target)
        .iter()
        .filter(|column| column.serves(at))
        .map(|column| format!("'{}'", column.name))
        .collect();
    names.sort_unstable();
    format!("{{{}}}", names.join(", "))
}

/// Removes one pair of single or double quotes and then one pair of backticks.
fn trim_quotes(key: &str) -> &str {
    trim_quote(unquoted(key).unwrap_or(key), '`')
}

fn trim_quote(text: &str, quote: char) -> &str {
    text.strip_prefix(quote)
        .and_then(|text| text.strip_suffix(quote))
        .unwrap_or(text)
}

/// Gives what stands between single or double quotes.
pub(super) fn unquoted(text: &str) -> Option<&str> {
    ['\'', '"'].into_iter().find_map(|quote| {
        text.strip_prefix(quote)
            .and_then(|text| text.strip_suffix(quote))
    })
}
