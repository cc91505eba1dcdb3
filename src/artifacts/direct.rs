//! Transfers between a client and the object store itself: URLs that the server signs.
//!
//! The bytes never pass through the server. It signs for one path each, and for a limited time.

use super::media;
use super::path::ArtifactPath;
use crate::error::{Error, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path as Key;
use object_store::signer::{HeaderName, Method, SignedUrlOptions, Signer, Url};
use object_store::{Error as StoreError, Result as StoreResult};
use std::sync::Arc;
use std::time::Duration;

/// The most parts of one upload that stores take.
pub const MAX_PARTS: usize = 10_000;

/// Whose protocol a store speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    S3,
    Gcs,
    Azure,
}

/// Signs for what clients do at an object store themselves.
#[derive(Clone)]
pub(super) struct Direct {
    signer: Arc<dyn Signer>,
    parts: Arc<dyn MultipartStore>,
    kind: Kind,
}

/// An upload in parts that has begun.
#[derive(Debug)]
pub struct PartUrls {
    pub upload_id: String,
    /// Where the parts go with PUT, from the first on.
    pub urls: Vec<String>,
}

/// What a client says of a part that it sent.
#[derive(Debug, Clone)]
pub struct SentPart {
    /// From 1 on.
    pub number: usize,
    /// As the store gave it; Azure gives none.
    pub etag: String,
}

/// A URL, and the headers that must come with the request.
#[derive(Debug)]
pub struct SignedUrl {
    pub url: String,
    pub headers: Vec<(String, String)>,
}

impl Direct {
    pub(super) fn new(signer: Arc<dyn Signer>, parts: Arc<dyn MultipartStore>, kind: Kind) -> Self {
        Self {
            signer,
            parts,
            kind,
        }
    }

    /// Tells whether downloads are signed for. Those of Azure are not, as by MLflow's own server.
    pub(super) fn signs_downloads(&self) -> bool {
        self.kind != Kind::Azure
    }

    /// Refuses what cannot be signed for: Azure's signatures fail for names that URLs escape.
    fn check_signable(&self, key: &Key) -> StoreResult<()> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
        match self.kind == Kind::Azure && !key.as_ref().chars().all(is_plain) {
            true => Err(StoreError::NotSupported {
                source: "a signed URL for a name with other than plain characters".into(),
            }),
            false => Ok(()),
        }
    }

    /// Begins an upload of so many parts, whose URLs are valid for some time.
    pub(super) async fn begin(
        &self,
        key: &Key,
        count: usize,
        valid: Duration,
    ) -> StoreResult<PartUrls> {
        self.check_signable(key)?;
        let mut urls = Vec::with_capacity(count);
        let upload_id = match self.kind {
            Kind::Azure => {
                let upload_id = format!("{:032x}", rand::random::<u128>());
                let url = self.signer.signed_url(Method::PUT, key, valid).await?;
                for number in 1..=count {
                    let block = STANDARD.encode(block_id(&upload_id, number));
                    let mut url = url.clone();
                    url.query_pairs_mut()
                        .append_pair("comp", "block")
                        .append_pair("blockid", &block);
                    urls.push(url.into());
                }
                upload_id
            }
            Kind::S3 | Kind::Gcs => {
                let upload_id = self.parts.create_multipart(key).await?;
                for number in 1..=count {
                    let query = [
                        ("partNumber", number.to_string()),
                        ("uploadId", upload_id.clone()),
                    ];
                    let options = SignedUrlOptions::new().with_query(query);
                    let url = self
                        .signer
                        .signed_url_opts(Method::PUT, key, valid, &options);
                    urls.push(url.await?.into());
                }
                upload_id
            }
        };
        Ok(PartUrls { upload_id, urls })
    }

    /// Makes a file of the parts that were sent.
    pub(super) async fn complete(
        &self,
        key: &Key,
        upload_id: &str,
        parts: &[SentPart],
    ) -> StoreResult<()> {
        let content_id = |part: &SentPart| match self.kind {
            Kind::Azure => block_id(upload_id, part.number),
            Kind::S3 | Kind::Gcs => part.etag.clone(),
        };
        let parts = parts.iter().map(|part| PartId {
            content_id: content_id(part),
        });
        self.parts
            .complete_multipart(key, &upload_id.to_owned(), parts.collect())
            .await
            .map(drop)
    }

    /// Throws the parts of an upload away; Azure does so by itself, within a week.
    pub(super) async fn abort(&self, key: &Key, upload_id: &str) -> StoreResult<()> {
        match self.parts.abort_multipart(key, &upload_id.to_owned()).await {
            Err(StoreError::NotFound { .. }) => Ok(()),
            outcome => outcome,
        }
    }

    /// Signs for the download of a file, which browsers keep under its own name.
    pub(super) async fn sign_get(
        &self,
        key: &Key,
        path: &ArtifactPath,
        valid: Duration,
    ) -> StoreResult<SignedUrl> {
        let name = media::attachment(path.name());
        let query = [("response-content-disposition", name)];
        let options = SignedUrlOptions::new().with_query(query);
        let url = self
            .signer
            .signed_url_opts(Method::GET, key, valid, &options)
            .await?;
        Ok(SignedUrl {
            url: url.into(),
            headers: Vec::new(),
        })
    }

    /// Signs for the upload of a whole file.
    pub(super) async fn sign_put(
        &self,
        key: &Key,
        path: &ArtifactPath,
        valid: Duration,
    ) -> StoreResult<SignedUrl> {
        self.check_signable(key)?;
        let mut headers = vec![(
            "Content-Type".to_owned(),
            media::content_type(path.name()).to_owned(),
        )];
        let url = match self.kind {
            Kind::Azure => {
                headers.push(("x-ms-blob-type".to_owned(), "BlockBlob".to_owned()));
                self.signer.signed_url(Method::PUT, key, valid).await?
            }
            Kind::S3 | Kind::Gcs => {
                let value = headers.first().and_then(|(_, value)| value.parse().ok());
                let mut options = SignedUrlOptions::new();
                if let Some(value) = value {
                    let name = HeaderName::from_static("content-type");
                    options = options.with_signed_header(name, value);
                }
                self.signer
                    .signed_url_opts(Method::PUT, key, valid, &options)
                    .await?
            }
        };
        Ok(SignedUrl {
            url: url.into(),
            headers,
        })
    }

    /// Signs for a list of the uploads in parts that go on; `None` where stores have no such list.
    pub(super) async fn sign_uploads(
        &self,
        prefix: &str,
        after: Option<(&str, &str)>,
    ) -> StoreResult<Option<Url>> {
        if self.kind != Kind::S3 {
            return Ok(None);
        }
        let mut query = vec![("uploads", ""), ("prefix", prefix)];
        if let Some((key, upload_id)) = after {
            query.extend([("key-marker", key), ("upload-id-marker", upload_id)]);
        }
        let options = SignedUrlOptions::new().with_query(query);
        let bucket = Key::default();
        let valid = Duration::from_secs(60);
        let url = self
            .signer
            .signed_url_opts(Method::GET, &bucket, valid, &options);
        url.await.map(Some)
    }
}

impl std::fmt::Debug for Direct {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Direct").field(&self.kind).finish()
    }
}

/// Names a block of Azure; all blocks of a file have names of one length.
fn block_id(upload_id: &str, number: usize) -> String {
    format!("{upload_id}-{number:05}")
}

/// Puts the parts in order, and refuses gaps: a store numbers parts as it finds them.
///
/// # Errors
/// 400 for numbers other than 1, 2, .. without a gap, and for too many.
pub fn in_order(mut parts: Vec<SentPart>) -> Result<Vec<SentPart>> {
    parts.sort_by_key(|part| part.number);
    let is_whole = parts.iter().zip(1..).all(|(part, n)| part.number == n);
    match is_whole && parts.len() <= MAX_PARTS {
        true => Ok(parts),
        false => Err(Error::invalid(format!(
            "The parts of an upload must be numbered 1, 2, .. without a gap, up to {MAX_PARTS}."
        ))),
    }
}
