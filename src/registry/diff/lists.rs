//! Comparing what is a list of keys with values.

use super::{Change, Row, Section, Side, plain};
use crate::registry::facts::{Dataset, Entry, Facts};
use serde_json::Value as Json;
use std::collections::{BTreeMap, BTreeSet};

/// How deep the description of a flavor is compared piece by piece.
const MAX_DEPTH: usize = 4;
/// The most rows of one kind.
pub(super) const MAX_ROWS: usize = 5_000;

/// Compares two maps from keys to values as texts.
pub(super) fn maps(a: &BTreeMap<String, String>, b: &BTreeMap<String, String>) -> Section<Row> {
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let mut section = Section::default();
    for key in keys {
        let (a, b) = (a.get(key), b.get(key));
        let change = match (a, b) {
            (Some(a), Some(b)) if a == b => {
                section.equal += 1;
                continue;
            }
            (Some(_), Some(_)) => Change::Changed,
            (None, _) => Change::Added,
            (_, None) => Change::Removed,
        };
        section.differ.push(Row {
            key: key.clone(),
            change,
            a: a.cloned(),
            b: b.cloned(),
        });
    }
    bounded(section)
}

/// Keeps at most `MAX_ROWS` rows, and says so where there are more.
pub(super) fn bounded<R>(mut section: Section<R>) -> Section<R> {
    let all = section.differ.len();
    if all > MAX_ROWS {
        section.differ.truncate(MAX_ROWS);
        section.note = Some(format!("{all} differ; the first {MAX_ROWS} are listed."));
    }
    section
}

fn map(entries: &[Entry]) -> BTreeMap<String, String> {
    let pairs = entries.iter();
    pairs
        .map(|entry| (entry.key.clone(), entry.value.clone()))
        .collect()
}

pub(super) fn entries(a: &[Entry], b: &[Entry]) -> Section<Row> {
    maps(&map(a), &map(b))
}

/// Compares params; one of the logged model goes before one of the run.
pub(super) fn params(a: &Facts, b: &Facts) -> Section<Row> {
    let all = |facts: &Facts| {
        let mut all = map(&facts.params);
        let model = facts.logged_model.as_ref();
        all.extend(model.map(|model| map(&model.params)).unwrap_or_default());
        all
    };
    cut(maps(&all(a), &all(b)), (a, b), "params of ")
}

/// Compares the tags of the runs, without those that MLflow keeps for itself.
pub(super) fn run_tags(a: &Facts, b: &Facts) -> Section<Row> {
    let own = |facts: &Facts| {
        let mut tags = map(&facts.tags);
        tags.retain(|key, _| !key.starts_with("mlflow."));
        tags
    };
    cut(maps(&own(a), &own(b)), (a, b), "tags of ")
}

/// Says so where one side's list was too long to be kept whole.
pub(super) fn cut<R>(mut section: Section<R>, (a, b): (&Facts, &Facts), what: &str) -> Section<R> {
    let all = a.cut.iter().chain(&b.cut);
    if all.into_iter().any(|cut| cut.what.starts_with(what)) {
        section
            .note
            .get_or_insert_with(|| "A list was too long to be kept whole: see cut.".to_owned());
    }
    section
}

/// Compares datasets by name and use; the values are digests.
pub(super) fn datasets(a: &Facts, b: &Facts) -> Section<Row> {
    let all = |facts: &Facts| {
        let mut digests: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for dataset in &facts.datasets {
            digests
                .entry(dataset_key(dataset))
                .or_default()
                .push(&dataset.digest);
        }
        digests
            .into_iter()
            .map(|(key, mut digests)| {
                digests.sort_unstable();
                (key, digests.join(", "))
            })
            .collect()
    };
    cut(maps(&all(a), &all(b)), (a, b), "datasets")
}

fn dataset_key(dataset: &Dataset) -> String {
    match &dataset.context {
        Some(context) => format!("{} ({context})", dataset.name),
        None => dataset.name.clone(),
    }
}

/// Makes a map of what is there.
fn there<const N: usize>(pairs: [(&str, Option<String>); N]) -> BTreeMap<String, String> {
    let there = pairs.into_iter();
    there
        .filter_map(|(key, value)| Some((key.to_owned(), value?)))
        .collect()
}

pub(super) fn code(a: &Facts, b: &Facts) -> Section<Row> {
    let all = |facts: &Facts| {
        let code = &facts.code;
        there([
            ("branch", code.branch.clone()),
            ("commit", code.commit.clone()),
            ("dirty", code.dirty.map(|dirty| dirty.to_string())),
            ("entry point", code.entry_point.clone()),
            ("repository", code.repository.clone()),
            ("source", code.source.clone()),
            ("source type", code.source_type.clone()),
            ("uncommitted changes", code.diff_sha256.clone()),
        ])
    };
    maps(&all(a), &all(b))
}

pub(super) fn environment(a: &Facts, b: &Facts) -> Section<Row> {
    let all = |facts: &Facts| {
        let model = facts.model.as_ref();
        there([
            ("docker image", facts.environment.docker_image.clone()),
            ("docker image id", facts.environment.docker_image_id.clone()),
            (
                "mlflow",
                model.and_then(|model| model.mlflow_version.clone()),
            ),
            ("python", facts.environment.python.clone()),
        ])
    };
    maps(&all(a), &all(b))
}

pub(super) fn origin(a: &Facts, b: &Facts) -> Section<Row> {
    let all = |facts: &Facts| {
        let run = facts.run.as_ref();
        let model = facts.logged_model.as_ref();
        let known = |text: fn(&crate::registry::facts::RunFacts) -> &String| {
            run.map(text).filter(|text| !text.is_empty()).cloned()
        };
        there([
            ("experiment", known(|run| &run.experiment_name)),
            ("files", Some(facts.files.location.clone())),
            ("logged model", model.map(|model| model.id.clone())),
            ("run", known(|run| &run.id)),
            ("run name", known(|run| &run.name)),
            ("run status", known(|run| &run.status)),
            ("user", known(|run| &run.user)),
        ])
    };
    maps(&all(a), &all(b))
}

/// Compares the files of both sides by their digests.
pub(super) fn files(a: &Side<'_>, b: &Side<'_>) -> Section<Row> {
    let (Some(of_a), Some(of_b)) = (a.files, b.files) else {
        let unknown = match (a.files, b.files) {
            (None, None) => format!("{} and {}", a.label, b.label),
            (None, _) => a.label.to_owned(),
            _ => b.label.to_owned(),
        };
        return Section {
            note: Some(format!("The server does not know the files of {unknown}.")),
            ..Section::default()
        };
    };
    let map = |files: &[super::FileDigest]| {
        let pairs = files.iter();
        pairs
            .map(|file| (file.path.clone(), file.sha256.clone()))
            .collect()
    };
    maps(&map(of_a), &map(of_b))
}

/// Compares the descriptions of flavors piece by piece, with keys such as `sklearn.sklearn_version`.
pub(super) fn flavors(a: &Facts, b: &Facts) -> Section<Row> {
    let all = |facts: &Facts| {
        let mut pieces = BTreeMap::new();
        for (name, flavor) in facts.model.iter().flat_map(|model| &model.flavors) {
            add_pieces(&mut pieces, name.clone(), flavor, 0);
        }
        pieces
    };
    cut(maps(&all(a), &all(b)), (a, b), "flavor")
}

fn add_pieces(pieces: &mut BTreeMap<String, String>, key: String, value: &Json, depth: usize) {
    match value {
        Json::Object(parts) if depth < MAX_DEPTH && !parts.is_empty() => {
            for (name, part) in parts {
                add_pieces(pieces, format!("{key}.{name}"), part, depth + 1);
            }
        }
        _ => {
            pieces.insert(key, plain(value));
        }
    }
}
