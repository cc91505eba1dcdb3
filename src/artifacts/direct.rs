//! Transfers between a client and the object store itself: URLs that the server signs.
//!
//! The bytes never pass through the server. It signs for one path each, and for a limited time. An
//! upload that is signed for makes a file and never replaces one: a version may be registered while
//! the URL still holds.

use super::media;
use super::path::ArtifactPath;
use crate::error::{Error, Result};
use object_store::multipart::{MultipartStore, PartId};
use object_store::path::Path as Key;
use object_store::signer::{HeaderName, HeaderValue, Method, SignedUrlOptions, Signer, Url};
use object_store::{Error as StoreError, Result as StoreResult};
use std::sync::Arc;
use std::time::Duration;

/// The most parts of one upload that stores take.
pub const MAX_PARTS: usize = 10_000;

/// Whose protocol a store speaks. A signature of Azure's does not cover what is asked of the file, so
/// that nobody is sent to it: the URL of one part would replace the whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    S3,
    Gcs,
}

impl Kind {
    /// Gives the header by which a store refuses to replace a file.
    fn only_new(self) -> (&'static str, &'static str) {
        match self {
            Self::S3 => ("if-none-match", "*"),
            Self::Gcs => ("x-goog-if-generation-match", "0"),
        }
    }
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
    /// As the store gave it.
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

    /// Begins an upload of so many parts, whose URLs are valid for some time.
    pub(super) async fn begin(
        &self,
        key: &Key,
        count: usize,
        valid: Duration,
    ) -> StoreResult<PartUrls> {
        let mut urls = Vec::with_capacity(count);
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
        Ok(PartUrls { upload_id, urls })
    }

    /// Makes a file of the parts that were sent.
    pub(super) async fn complete(
        &self,
        key: &Key,
        upload_id: &str,
        parts: &[SentPart],
    ) -> StoreResult<()> {
        let parts = parts.iter().map(|part| PartId {
            content_id: part.etag.clone(),
        });
        self.parts
            .complete_multipart(key, &upload_id.to_owned(), parts.collect())
            .await
            .map(drop)
    }

    /// Throws the parts of an upload away.
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

    /// Signs for the upload of a whole file that is not there yet; the store refuses it when the file
    /// is there by then.
    pub(super) async fn sign_put(
        &self,
        key: &Key,
        path: &ArtifactPath,
        valid: Duration,
    ) -> StoreResult<SignedUrl> {
        let content_type = media::content_type(path.name());
        let (only_new, value) = self.kind.only_new();
        let options = SignedUrlOptions::new()
            .with_signed_header(
                HeaderName::from_static("content-type"),
                HeaderValue::from_static(content_type),
            )
            .with_signed_header(
                HeaderName::from_static(only_new),
                HeaderValue::from_static(value),
            );
        let url = self
            .signer
            .signed_url_opts(Method::PUT, key, valid, &options)
            .await?;
        Ok(SignedUrl {
            url: url.into(),
            headers: vec![
                ("Content-Type".to_owned(), content_type.to_owned()),
                (only_new.to_owned(), value.to_owned()),
            ],
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
