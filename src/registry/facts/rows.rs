//! What the run and the logged model of a version say, read inside the transaction that creates it.

use super::{Code, Cut, Dataset, Entry, Facts, LoggedModelFacts, Metric, Reading, RunFacts, Text};
use crate::artifacts::hexadecimal;
use crate::db::Tx;
use crate::error::{Code as Failure, Result};
use crate::tracking::assemble::{self, RunData};
use crate::tracking::dataset::{CONTEXT_TAG, DatasetInput};
use crate::tracking::experiment::{self, Lifecycle, Pair};
use crate::tracking::logged_model::{self, Deleted, LoggedModel};
use crate::tracking::run::{self, Run};
use crate::tracking::series::Point;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Entries that are kept of one list.
pub(super) const MAX_ENTRIES: usize = 10_000;
/// Bytes of keys and values that are kept of one list.
const MAX_BYTES: usize = 4 << 20;
/// Datasets that are kept.
const MAX_DATASETS: usize = 1_000;
/// The longest source, schema or profile of a dataset that is kept whole, in bytes.
const MAX_TEXT: usize = 16 << 10;

/// Adds what is known of a run; the id may be that of a run of another server.
pub(super) fn add_run(tx: &mut Tx<'_>, facts: &mut Facts, run_id: &str) -> Result<()> {
    if run_id.is_empty() {
        return Ok(());
    }
    let Some(run) = run::find_optional(tx, run_id)? else {
        facts.run = Some(RunFacts {
            id: run_id.to_owned(),
            ..RunFacts::default()
        });
        return Ok(());
    };
    facts.run = Some(of_run(tx, &run)?);
    let full = assemble::load(tx, vec![run])?.pop();
    let data = full.map(|full| full.data).unwrap_or_default();
    add_data(facts, data);
    Ok(())
}

fn of_run(tx: &mut Tx<'_>, run: &Run) -> Result<RunFacts> {
    let experiment = experiment::find(tx, run.experiment_id)?;
    Ok(RunFacts {
        id: run.uuid.clone(),
        known: true,
        name: run.name.clone(),
        experiment_id: experiment.id.to_string(),
        experiment_name: experiment.name,
        status: run.status.name().to_owned(),
        start_time: Some(run.start_time),
        end_time: run.end_time,
        user: run.user_id.clone(),
        deleted: run.lifecycle != Lifecycle::Active,
    })
}

fn add_data(facts: &mut Facts, data: RunData) {
    let cut = &mut facts.cut;
    facts.params = entries(data.params, "params of the run", cut);
    facts.tags = entries(data.tags, "tags of the run", cut);
    Cut::note(cut, "metrics of the run", MAX_ENTRIES, data.metrics.len());
    let metrics = data.metrics.into_iter().take(MAX_ENTRIES);
    facts.metrics = metrics.map(|(key, point)| metric(&key, &point)).collect();
    Cut::note(cut, "datasets", MAX_DATASETS, data.datasets.len());
    let datasets = data.datasets.into_iter().take(MAX_DATASETS);
    facts.datasets = datasets.map(dataset).collect();
}

fn metric(key: &str, point: &Point) -> Metric {
    Metric {
        key: key.to_owned(),
        value: Reading(match point.is_nan {
            true => f64::NAN,
            false => point.value,
        }),
        step: point.step,
        timestamp: point.timestamp,
        dataset: None,
        dataset_digest: None,
    }
}

/// Keeps as many pairs as the bounds allow, and notes what is left out.
fn entries<K: AsRef<str>, V: AsRef<str>>(
    pairs: Vec<Pair<K, V>>,
    what: &str,
    cut: &mut Vec<Cut>,
) -> Vec<Entry> {
    let mut bytes = 0;
    let most = pairs.iter().take(MAX_ENTRIES).take_while(|pair| {
        bytes += pair.key.as_ref().len() + pair.value.as_ref().len();
        bytes <= MAX_BYTES
    });
    let most = most.count();
    Cut::note(cut, what, most, pairs.len());
    let kept = pairs.into_iter().take(most);
    kept.map(|pair| Entry {
        key: pair.key.as_ref().to_owned(),
        value: pair.value.as_ref().to_owned(),
    })
    .collect()
}

fn dataset(input: DatasetInput) -> Dataset {
    let context = input.tags.iter().find(|tag| tag.key == CONTEXT_TAG);
    let context = context.map(|tag| tag.value.clone());
    let others = input.tags.into_iter().filter(|tag| tag.key != CONTEXT_TAG);
    Dataset {
        name: input.dataset.name,
        digest: input.dataset.digest,
        context,
        source_type: input.dataset.source_type,
        source: text(input.dataset.source),
        schema: input.dataset.schema.map(text),
        profile: input.dataset.profile.map(text),
        tags: others
            .map(|tag| Entry {
                key: tag.key,
                value: tag.value,
            })
            .collect(),
    }
}

/// Keeps a text, or its digest where it is too long.
fn text(text: String) -> Text {
    match text.len() <= MAX_TEXT {
        true => Text::Whole(text),
        false => Text::Digest {
            sha256: hexadecimal(&Sha256::digest(text.as_bytes())),
            bytes: text.len(),
        },
    }
}

/// Adds what is known of a logged model; one that is not on this server adds its id alone.
pub(super) fn add_model(tx: &mut Tx<'_>, facts: &mut Facts, model_id: &str) -> Result<()> {
    if model_id.is_empty() {
        return Ok(());
    }
    let model = match logged_model::find(tx, model_id, Deleted::Allowed) {
        Ok(model) => model,
        Err(error) if error.code == Failure::NotFound => {
            facts.logged_model = Some(LoggedModelFacts {
                id: model_id.to_owned(),
                ..LoggedModelFacts::default()
            });
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let metrics = latest(&model);
    let cut = &mut facts.cut;
    Cut::note(
        cut,
        "metrics of the logged model",
        MAX_ENTRIES,
        metrics.len(),
    );
    facts.logged_model = Some(LoggedModelFacts {
        params: entries(model.params, "params of the logged model", cut),
        tags: entries(model.tags, "tags of the logged model", cut),
        metrics: metrics.into_iter().take(MAX_ENTRIES).collect(),
        id: model.uuid,
        name: model.name,
        model_type: model.model_type,
        source_run_id: model.source_run_id,
    });
    Ok(())
}

/// Gives the latest metric of each key and dataset, by (step, timestamp), sorted by both.
fn latest(model: &LoggedModel) -> Vec<Metric> {
    let mut latest = BTreeMap::new();
    for one in &model.metrics {
        let place = (&one.key, &one.dataset_name, &one.dataset_digest);
        let order = |point: &Point| (point.step, point.timestamp);
        let kept = latest.entry(place).or_insert(one);
        if order(&one.point) > order(&kept.point) {
            *kept = one;
        }
    }
    let metrics = latest.into_values().map(|one| Metric {
        dataset: one.dataset_name.clone(),
        dataset_digest: one.dataset_digest.clone(),
        ..metric(&one.key, &one.point)
    });
    metrics.collect()
}

/// Reads from the tags which code ran and in which image, and from the params which seeds it used.
pub(super) fn derive(facts: &mut Facts) {
    let any = |keys: &[&str]| {
        let mut values = keys.iter().filter_map(|key| facts.tag(key));
        values.find(|value| !value.is_empty()).map(str::to_owned)
    };
    let code = Code {
        commit: any(&[
            "mlflow.source.git.commit",
            "mlflow.databricks.gitRepoCommit",
        ]),
        branch: any(&[
            "mlflow.source.git.branch",
            "mlflow.databricks.gitRepoReference",
        ]),
        repository: any(&["mlflow.source.git.repoURL", "mlflow.databricks.gitRepoUrl"]),
        dirty: any(&["mlflow.source.git.dirty"]).and_then(|said| match &*said.to_lowercase() {
            "true" | "1" | "yes" => Some(true),
            "false" | "0" | "no" => Some(false),
            _ => None,
        }),
        diff_sha256: any(&["mlflow.source.git.diff"])
            .map(|changes| hexadecimal(&Sha256::digest(changes.as_bytes()))),
        source: any(&["mlflow.source.name"]),
        source_type: any(&["mlflow.source.type"]),
        entry_point: any(&["mlflow.project.entryPoint"]),
    };
    let image = any(&["mlflow.docker.image.uri"]);
    let image_id = any(&["mlflow.docker.image.id"]);
    facts.code = code;
    facts.environment.docker_image = image;
    facts.environment.docker_image_id = image_id;
    let params = facts.params.iter();
    let of_model = facts.logged_model.iter().flat_map(|model| &model.params);
    let mut seeds: BTreeMap<&str, &Entry> = BTreeMap::new();
    for entry in params.chain(of_model).filter(|entry| is_seed(entry)) {
        seeds.insert(&entry.key, entry);
    }
    facts.seeds = seeds.into_values().cloned().collect();
}

/// Says whether a param sets where chance begins: its last part is `random_state`, `seed`, or ends
/// in `_seed`, and its value is not empty.
fn is_seed(entry: &Entry) -> bool {
    let key = entry.key.to_lowercase();
    let last = key.rsplit(['.', '/', ':', ' ']).next().unwrap_or_default();
    let last = last.rsplit("__").next().unwrap_or_default();
    let names = matches!(
        last,
        "seed" | "random_state" | "randomseed" | "pythonhashseed"
    );
    let is_named = names || last.ends_with("_seed");
    is_named && !matches!(&*entry.value.to_lowercase(), "" | "none" | "null" | "nan")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_known_by_the_last_part_of_their_key() {
        let check = |key: &str, value: &str, expected: bool| {
            let entry = Entry {
                key: key.to_owned(),
                value: value.to_owned(),
            };
            assert_eq!(is_seed(&entry), expected, "{key}={value}");
        };
        check("seed", "7", true);
        check("random_state", "0", true);
        check("model__random_state", "0", true);
        check("train.global_seed", "1", true);
        check("Seed", "1", true);
        check("random_state", "None", false);
        check("seed", "", false);
        check("seeds_planted", "3", false);
        check("seedling", "3", false);
    }

    #[test]
    fn a_list_that_is_too_long_is_cut_and_says_so() {
        let pair = |value: &str| Pair {
            key: "k".to_owned(),
            value: value.to_owned(),
        };
        let mut cut = Vec::new();
        assert_eq!(entries(vec![pair("v"); 3], "params", &mut cut).len(), 3);
        assert!(cut.is_empty());
        let long = "x".repeat(1 << 20);
        assert_eq!(entries(vec![pair(&long); 5], "params", &mut cut).len(), 3);
        assert_eq!(
            entries(vec![pair(""); 10_001], "tags", &mut cut).len(),
            10_000
        );
        let told: Vec<_> = cut
            .iter()
            .map(|cut| (&*cut.what, cut.kept, cut.of))
            .collect();
        assert_eq!(told, [("params", 3, 5), ("tags", 10_000, 10_001)]);
    }

    #[test]
    fn a_long_text_leaves_its_digest() {
        assert_eq!(text("a".to_owned()), Text::Whole("a".to_owned()));
        let Text::Digest { sha256, bytes } = text("a".repeat(20_000)) else {
            panic!("a text of 20,000 bytes is kept whole");
        };
        assert_eq!((sha256.len(), bytes), (64, 20_000));
    }
}
