//! What a version remembers: one document, taken when the version is created and never changed.
//!
//! `place` foresees where the model's files are, and `files` reads what they say, before the
//! transaction; `rows` reads the run and
//! the logged model inside of it, so that the document tells what held at that moment; `store`
//! keeps the document and gives it back; `missing` names the links of lineage that it lacks.
//!
//! Invariant: nothing is dropped silently. What is too much is listed in `cut`.

pub mod files;
pub mod missing;
pub mod place;
mod reading;
mod rows;
pub mod store;

pub use reading::Reading;

use super::environment::{Line, Package, Pinning};
use super::mlmodel::MlModel;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// The layout of the document that this version of the server writes.
pub const FORMAT: u32 = 1;

/// Everything that is remembered of a version.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    pub format: u32,
    /// The version that this one is a copy of, as `model/number`; the document is that version's.
    pub copied_from: Option<String>,
    pub run: Option<RunFacts>,
    pub code: Code,
    /// Sorted by key, as are metrics and tags.
    pub params: Vec<Entry>,
    /// The latest value of each.
    pub metrics: Vec<Metric>,
    /// The tags of the run.
    pub tags: Vec<Entry>,
    /// In the order in which the run named them.
    pub datasets: Vec<Dataset>,
    /// Params that say where chance begins.
    pub seeds: Vec<Entry>,
    pub logged_model: Option<LoggedModelFacts>,
    pub files: Source,
    pub model: Option<MlModel>,
    /// `inputs`, `outputs` and `params` as MLflow writes them.
    pub signature: Option<Json>,
    pub environment: Environment,
    pub cut: Vec<Cut>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    pub key: String,
    pub value: String,
}

/// The run that made the version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RunFacts {
    pub id: String,
    /// Whether the run is one of this server; of any other only the id is known.
    pub known: bool,
    pub name: String,
    pub experiment_id: String,
    pub experiment_name: String,
    pub status: String,
    /// Milliseconds since 1970, UTC.
    pub start_time: Option<i64>,
    pub end_time: Option<i64>,
    pub user: String,
    pub deleted: bool,
}

/// Which code ran.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Code {
    pub commit: Option<String>,
    pub branch: Option<String>,
    pub repository: Option<String>,
    /// Whether there were changes that the commit does not hold; absent where nobody said.
    pub dirty: Option<bool>,
    /// The SHA-256 of those changes, where they were recorded.
    pub diff_sha256: Option<String>,
    /// The script, notebook or project.
    pub source: Option<String>,
    /// `LOCAL`, `NOTEBOOK`, `PROJECT` or `JOB`.
    pub source_type: Option<String>,
    pub entry_point: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    pub key: String,
    pub value: Reading,
    pub step: i64,
    /// Milliseconds since 1970, UTC.
    pub timestamp: i64,
    /// The dataset it was measured on, where a logged model's metric names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dataset_digest: Option<String>,
}

/// A dataset that the run read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dataset {
    pub name: String,
    pub digest: String,
    /// What it was used for, such as `training`.
    pub context: Option<String>,
    pub source_type: String,
    pub source: Text,
    pub schema: Option<Text>,
    pub profile: Option<Text>,
    pub tags: Vec<Entry>,
}

/// A text, or what stands for one that is too long.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Text {
    Whole(String),
    Digest {
        /// Of the whole text, in hexadecimal digits.
        sha256: String,
        bytes: usize,
    },
}

/// The logged model that the version was made from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct LoggedModelFacts {
    pub id: String,
    pub name: String,
    pub model_type: String,
    pub source_run_id: String,
    pub params: Vec<Entry>,
    /// The latest value of each key and dataset.
    pub metrics: Vec<Metric>,
    pub tags: Vec<Entry>,
}

/// Whether the server could read the files of the version.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Source {
    /// Where they are.
    pub location: String,
    /// Why nothing could be read there.
    pub problem: Option<String>,
    pub read: Vec<ReadFile>,
}

/// A file that was read for this document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReadFile {
    /// Below the model's folder; `run:` goes before the name of a file of the run's own folder.
    pub path: String,
    /// Absent where the file could not be read.
    pub bytes: Option<u64>,
    pub sha256: Option<String>,
    /// Why the file says nothing here.
    pub problem: Option<String>,
}

/// Which packages the model was made with.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Environment {
    pub python: Option<String>,
    pub pinning: Pinning,
    pub packages: Vec<Package>,
    /// Lines that ask for no package, by file.
    pub lines: Vec<FileLine>,
    pub docker_image: Option<String>,
    pub docker_image_id: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileLine {
    pub file: String,
    #[serde(flatten)]
    pub line: Line,
}

/// Something of which only a part is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cut {
    pub what: String,
    pub kept: usize,
    pub of: usize,
}

impl Cut {
    /// Notes that a list of `of` entries is kept up to `most`; a list that fits is not worth it.
    pub fn note(cut: &mut Vec<Cut>, what: &str, most: usize, of: usize) {
        if of > most {
            cut.push(Cut {
                what: what.to_owned(),
                kept: most,
                of,
            });
        }
    }
}

impl Facts {
    /// Gives the value of a tag of the run or, where the run has none, of the logged model.
    pub fn tag(&self, key: &str) -> Option<&str> {
        let of = |tags: &'_ [Entry]| tags.iter().position(|tag| tag.key == key);
        let model = self.logged_model.as_ref();
        match of(&self.tags) {
            Some(index) => self.tags.get(index),
            None => model.and_then(|model| model.tags.get(of(&model.tags)?)),
        }
        .map(|tag| &*tag.value)
    }
}
