//! The wire of artifacts: listings and the requests that name files.

use super::field::{Field, Message};
use crate::artifacts::{ArtifactPath, Entry};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Seconds that a presigned URL may live: 7 days.
const MAX_EXPIRATION: u64 = 604_800;
/// How long a URL for an upload is valid that asks for no time: MLflow's default.
const UPLOAD_EXPIRATION: Duration = Duration::from_secs(900);

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ListArtifacts {
    #[serde(alias = "runId")]
    run_id: Field<String>,
    #[serde(alias = "runUuid")]
    run_uuid: Field<String>,
    path: Field<String>,
    #[serde(alias = "pageToken")]
    page_token: Field<String>,
}

impl Message for ListArtifacts {}

impl ListArtifacts {
    /// Gives the run and the folder below its files.
    pub fn check(self) -> Result<(String, ArtifactPath)> {
        let run = self.run_id.or(self.run_uuid).required("run_id")?;
        let path = self.path.optional("path")?.unwrap_or_default();
        self.page_token.optional("page_token")?;
        Ok((run, ArtifactPath::parse(&path)?))
    }
}

/// A listing of the server's own store.
#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ListOwn {
    path: Field<String>,
}

impl Message for ListOwn {}

impl ListOwn {
    pub fn check(self) -> Result<ArtifactPath> {
        ArtifactPath::parse(&self.path.optional("path")?.unwrap_or_default())
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct ListModelFiles {
    #[serde(alias = "artifactDirectoryPath")]
    artifact_directory_path: Field<String>,
}

impl Message for ListModelFiles {}

impl ListModelFiles {
    pub fn check(self) -> Result<ArtifactPath> {
        let path = self
            .artifact_directory_path
            .optional("artifact_directory_path")?;
        ArtifactPath::parse(&path.unwrap_or_default())
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct PresignUpload {
    #[serde(alias = "runId")]
    run_id: Field<String>,
    #[serde(alias = "modelId")]
    model_id: Field<String>,
    path: Field<String>,
    expiration: Field<i64>,
}

impl Message for PresignUpload {}

/// Reads how long a URL shall be valid.
fn validity(expiration: Field<i64>, default: Duration) -> Result<Duration> {
    let Some(seconds) = expiration.optional("expiration")? else {
        return Ok(default);
    };
    match u64::try_from(seconds) {
        Ok(seconds) if (1..=MAX_EXPIRATION).contains(&seconds) => Ok(Duration::from_secs(seconds)),
        _ => Err(Error::invalid(format!(
            "expiration must be between 1 and {MAX_EXPIRATION} seconds (got {seconds})."
        ))),
    }
}

/// Whose files a presigned URL is for.
pub enum Owner {
    Run(String),
    Model(String),
}

impl PresignUpload {
    /// Gives whose file it is, its path, and how long the URL shall be valid.
    pub fn check(self) -> Result<(Owner, ArtifactPath, Duration)> {
        let run = self.run_id.optional("run_id")?.unwrap_or_default();
        let model = self.model_id.optional("model_id")?.unwrap_or_default();
        let path = self.path.required("path")?;
        let valid = validity(self.expiration, UPLOAD_EXPIRATION)?;
        let owner = match (run.is_empty(), model.is_empty()) {
            (false, true) => Owner::Run(run),
            (true, false) => Owner::Model(model),
            _ => {
                return Err(Error::invalid(
                    "Exactly one of run_id and model_id must be provided.",
                ));
            }
        };
        Ok((owner, ArtifactPath::parse_file(&path)?, valid))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct PresignDownload {
    #[serde(alias = "runId")]
    run_id: Field<String>,
    path: Field<String>,
    expiration: Field<i64>,
}

impl Message for PresignDownload {}

impl PresignDownload {
    /// Gives the run, the path of the file, and how long the URL shall be valid.
    pub fn check(self, default: Duration) -> Result<(String, ArtifactPath, Duration)> {
        let run = self.run_id.required("run_id")?;
        let path = self.path.required("path")?;
        let expiration = validity(self.expiration, default);
        let path = ArtifactPath::parse_file(&path)?;
        Ok((run, path, expiration?))
    }
}

#[derive(Serialize)]
struct FileInfo {
    path: String,
    is_dir: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_size: Option<u64>,
}

/// The files of a folder.
#[derive(Serialize)]
pub struct Listing {
    #[serde(skip_serializing_if = "Option::is_none")]
    root_uri: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    files: Vec<FileInfo>,
}

impl Listing {
    /// A folder of the own store: the paths are bare names.
    pub fn of_names(entries: Vec<Entry>) -> Self {
        Self {
            root_uri: None,
            files: files(entries, &ArtifactPath::root()),
        }
    }

    /// A folder of a run or model: the paths begin at its root.
    pub fn below(root_uri: String, folder: &ArtifactPath, entries: Vec<Entry>) -> Self {
        Self {
            root_uri: Some(root_uri),
            files: files(entries, folder),
        }
    }
}

fn files(entries: Vec<Entry>, folder: &ArtifactPath) -> Vec<FileInfo> {
    let path = |name: &str| match folder.is_root() {
        true => name.to_owned(),
        false => format!("{folder}/{name}"),
    };
    entries
        .into_iter()
        .map(|entry| FileInfo {
            path: path(&entry.name),
            is_dir: entry.is_dir,
            // MLflow leaves the size of an empty file out, and clients read that as 0.
            file_size: (entry.size > 0).then_some(entry.size),
        })
        .collect()
}
