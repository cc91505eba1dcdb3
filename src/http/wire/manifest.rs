//! The wire of our own routes on the files of versions. What is not there is null.

use super::field::{Field, Message};
use crate::db::Cursor;
use crate::error::{Error, Result};
use crate::registry::manifest::{FileDigest, Manifest, Verdict};
use crate::registry::rule;
use crate::registry::verify::{Comparison, Registered};
use crate::registry::version::VersionRef;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Files of a page.
const MAX_FILES: i64 = 1_000;

/// Reads the version that a path of our API names.
pub fn version_of((model, number): (String, String)) -> Result<VersionRef> {
    Ok(VersionRef {
        model,
        number: rule::version_number(&number)?,
    })
}

/// A request that has nothing to say.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct NoFields {}

impl Message for NoFields {}

/// What is known of the files of a version.
#[derive(Serialize, JsonSchema)]
pub struct ManifestReply {
    name: String,
    version: String,
    state: &'static str,
    digest: Option<String>,
    files: i64,
    bytes: i64,
    note: String,
    created_at: i64,
    verified_at: Option<i64>,
    verified: Option<&'static str>,
}

impl ManifestReply {
    /// Answers for a version.
    pub fn new(at: VersionRef, manifest: Manifest) -> Self {
        Self {
            name: at.model,
            version: at.number.to_string(),
            state: manifest.state.name(),
            digest: manifest.digest,
            files: manifest.files,
            bytes: manifest.bytes,
            note: manifest.note,
            created_at: manifest.created_at,
            verified_at: manifest.verified.map(|(at, _)| at),
            verified: manifest.verified.map(|(_, verdict)| verdict.name()),
        }
    }
}

/// The query for the files of a version.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct ListFiles {
    max_results: Field<i64>,
    page_token: Field<String>,
}

impl Message for ListFiles {}

/// Where a page of files ended.
#[derive(Serialize, Deserialize, JsonSchema)]
struct Token {
    after: String,
}

impl ListFiles {
    /// Gives the path that the page begins after, and how many files it has.
    pub fn check(self) -> Result<(String, usize)> {
        let limit = self.max_results.optional("max_results")?;
        let limit = limit.unwrap_or(MAX_FILES);
        if !(1..=MAX_FILES).contains(&limit) {
            return Err(Error::invalid(format!(
                "max_results must be between 1 and {MAX_FILES}, and is {limit}."
            )));
        }
        let token = self.page_token.optional("page_token")?;
        let after = match token.filter(|token| !token.is_empty()) {
            Some(token) => Cursor::decode::<Token>(&token)?.after,
            None => String::new(),
        };
        Ok((after, limit as usize))
    }
}

#[derive(Serialize, JsonSchema)]
struct FileReply {
    path: String,
    size: i64,
    sha256: String,
}

impl From<FileDigest> for FileReply {
    fn from(file: FileDigest) -> Self {
        Self {
            path: file.path,
            size: file.size,
            sha256: file.sha256,
        }
    }
}

/// A page of files, in the order of their paths.
#[derive(Serialize, JsonSchema)]
pub struct FilePage {
    files: Vec<FileReply>,
    next_page_token: Option<String>,
}

impl FilePage {
    /// Answers with `limit` files, of which one more was asked for.
    pub fn new(mut files: Vec<FileDigest>, limit: usize) -> Result<Self> {
        let more = files.len() > limit;
        files.truncate(limit);
        let last = files.last().filter(|_| more);
        let next_page_token = last.map(|last| {
            Cursor::encode(&Token {
                after: last.path.clone(),
            })
        });
        Ok(Self {
            next_page_token: next_page_token.transpose()?,
            files: files.into_iter().map(FileReply::from).collect(),
        })
    }
}

/// A file that is not what it was.
#[derive(Serialize, JsonSchema)]
struct ChangedFile {
    path: String,
    size: i64,
    sha256: String,
    found_size: i64,
    found_sha256: String,
}

/// What reading the files of a version again gave.
#[derive(Serialize, JsonSchema)]
pub struct VerifyReply {
    name: String,
    version: String,
    result: &'static str,
    verified_at: i64,
    files: i64,
    bytes: i64,
    digest: String,
    found_digest: String,
    missing: Vec<FileReply>,
    changed: Vec<ChangedFile>,
    extra: Vec<FileReply>,
}

impl VerifyReply {
    /// Answers for a version whose files were compared at a moment.
    pub fn new(registered: &Registered, comparison: Comparison, at: i64) -> Self {
        let reply = |files: Vec<FileDigest>| files.into_iter().map(FileReply::from).collect();
        let changed = comparison
            .changed
            .into_iter()
            .map(|(file, found)| ChangedFile {
                path: file.path,
                size: file.size,
                sha256: file.sha256,
                found_size: found.size,
                found_sha256: found.sha256,
            });
        Self {
            name: registered.version.model_name.clone(),
            version: registered.version.number.to_string(),
            result: Verdict::name(comparison.verdict),
            verified_at: at,
            files: registered.manifest.files,
            bytes: registered.manifest.bytes,
            digest: registered.digest.clone(),
            found_digest: comparison.digest,
            missing: reply(comparison.missing),
            changed: changed.collect(),
            extra: reply(comparison.extra),
        }
    }
}
