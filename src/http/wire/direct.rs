//! The wire of transfers between a client and the object store: uploads in parts, signed URLs.

use super::field::{self, Field, Message};
use crate::artifacts::ArtifactPath;
use crate::artifacts::direct::{MAX_PARTS, PartUrls, SentPart, SignedUrl, in_order};
use crate::error::{Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct CreateParts {
    path: Field<String>,
    #[serde(alias = "numParts")]
    num_parts: Field<i64>,
}

impl Message for CreateParts {}

impl CreateParts {
    /// Gives the path of the file below `folder`, which is as the URL has it, and how many parts.
    pub fn check(self, folder: &str) -> Result<(ArtifactPath, usize)> {
        let path = self.path.required("path")?;
        let count = self.num_parts.optional("num_parts")?.unwrap_or_default();
        let count = usize::try_from(count).ok().filter(|n| *n <= MAX_PARTS);
        let count = count.ok_or_else(|| {
            Error::invalid(format!("num_parts must be between 0 and {MAX_PARTS}."))
        })?;
        Ok((file_in(folder, &path)?, count))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct CompleteParts {
    path: Field<String>,
    #[serde(alias = "uploadId")]
    upload_id: Field<String>,
    parts: Field<Vec<Field<PartBody>>>,
}

impl Message for CompleteParts {}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PartBody {
    #[serde(alias = "partNumber")]
    part_number: Field<i64>,
    etag: Field<String>,
    url: Field<String>,
}

impl Message for PartBody {}

impl CompleteParts {
    /// Gives the path of the file below `folder`, the upload, and its parts in order.
    pub fn check(self, folder: &str) -> Result<(ArtifactPath, String, Vec<SentPart>)> {
        let path = self.path.required("path")?;
        let upload_id = self.upload_id.optional("upload_id")?.unwrap_or_default();
        let given = self.parts.required("parts")?;
        if given.is_empty() {
            return Err(field::missing("parts"));
        }
        let mut parts = Vec::with_capacity(given.len());
        for part in given {
            let part = part.required("parts")?;
            part.url.optional("url")?;
            let number = part.part_number.required("part_number")?;
            parts.push(SentPart {
                number: usize::try_from(number).unwrap_or_default(),
                etag: part.etag.optional("etag")?.unwrap_or_default(),
            });
        }
        Ok((file_in(folder, &path)?, upload_id, in_order(parts)?))
    }
}

#[derive(Deserialize, Default)]
#[serde(default)]
pub struct AbortParts {
    path: Field<String>,
    #[serde(alias = "uploadId")]
    upload_id: Field<String>,
}

impl Message for AbortParts {}

impl AbortParts {
    /// Gives the path of the file below `folder`, and the upload.
    pub fn check(self, folder: &str) -> Result<(ArtifactPath, String)> {
        let path = self.path.required("path")?;
        let upload_id = self.upload_id.optional("upload_id")?.unwrap_or_default();
        Ok((file_in(folder, &path)?, upload_id))
    }
}

/// Clients name the file by its path on their own machine; only the name counts.
fn file_in(folder: &str, local: &str) -> Result<ArtifactPath> {
    let name = local.rsplit('/').next().unwrap_or_default();
    ArtifactPath::parse_file(&format!("{folder}/{name}"))
}

#[derive(Serialize)]
pub struct PartsReply {
    #[serde(skip_serializing_if = "String::is_empty")]
    upload_id: String,
    credentials: Vec<Credential>,
}

#[derive(Serialize)]
struct Credential {
    url: String,
    part_number: usize,
}

impl PartsReply {
    pub fn new(begun: PartUrls) -> Self {
        let credentials = begun.urls.into_iter().zip(1..);
        Self {
            upload_id: begun.upload_id,
            credentials: credentials
                .map(|(url, part_number)| Credential { url, part_number })
                .collect(),
        }
    }
}

/// A signed URL of the server's own store.
#[derive(Serialize)]
pub struct OwnUrl {
    url: String,
    headers: BTreeMap<String, String>,
    file_size: u64,
}

impl OwnUrl {
    /// Takes the URL and the size of the file in bytes.
    pub fn new(signed: SignedUrl, size: u64) -> Self {
        Self {
            url: signed.url,
            headers: signed.headers.into_iter().collect(),
            file_size: size,
        }
    }
}

/// A signed URL of the store that a run or model keeps its files in.
#[derive(Serialize)]
pub struct PresignedReply {
    presigned_url: String,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    headers: BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file_size: Option<u64>,
}

impl PresignedReply {
    /// Takes the URL and, for a download, the size of the file in bytes.
    pub fn new(signed: SignedUrl, file_size: Option<u64>) -> Self {
        Self {
            presigned_url: signed.url,
            headers: signed.headers.into_iter().collect(),
            file_size,
        }
    }
}
