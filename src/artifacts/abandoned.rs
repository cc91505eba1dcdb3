//! Uploads in parts that were begun in an object store and never finished.
//!
//! Their parts take room that no listing of files shows. Only S3 is asked: a bucket of Google's needs a
//! lifecycle rule.

use super::direct::Direct;
use super::path::ArtifactPath;
use object_store::{Error as StoreError, Result as StoreResult};
use serde::Deserialize;
use std::sync::LazyLock;
use std::time::Duration;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// Pages of at most 1,000 uploads that one turn reads.
const MAX_PAGES: usize = 100;
/// The longest wait for a page.
const PATIENCE: Duration = Duration::from_secs(60);

/// An upload in parts.
#[derive(Debug)]
pub(super) struct Unfinished {
    pub(super) key: String,
    pub(super) upload_id: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
struct Page {
    is_truncated: bool,
    next_key_marker: String,
    next_upload_id_marker: String,
    upload: Vec<Upload>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Upload {
    key: String,
    upload_id: String,
    initiated: String,
}

/// Lists the uploads below a prefix that began before a moment, in milliseconds since 1970.
pub(super) async fn find(
    direct: &Direct,
    prefix: &ArtifactPath,
    before_ms: i64,
) -> StoreResult<Vec<Unfinished>> {
    let mut found = Vec::new();
    let below = match prefix.is_root() {
        true => String::new(),
        false => format!("{prefix}/"),
    };
    let mut after: Option<(String, String)> = None;
    for _ in 0..MAX_PAGES {
        let after_this = after.as_ref().map(|(key, id)| (key.as_str(), id.as_str()));
        let Some(url) = direct.sign_uploads(&below, after_this).await? else {
            break;
        };
        let page = fetch(url.as_str()).await?;
        let old = page.upload.into_iter().filter(|upload| {
            // What a store lists in spite of the prefix is none of ours.
            upload.key.starts_with(&below) && began(upload).is_some_and(|at| at < before_ms)
        });
        found.extend(old.map(|upload| Unfinished {
            key: upload.key,
            upload_id: upload.upload_id,
        }));
        if !page.is_truncated || page.next_key_marker.is_empty() {
            break;
        }
        after = Some((page.next_key_marker, page.next_upload_id_marker));
    }
    Ok(found)
}

fn began(upload: &Upload) -> Option<i64> {
    let at = OffsetDateTime::parse(&upload.initiated, &Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos() / 1_000_000).ok()
}

async fn fetch(url: &str) -> StoreResult<Page> {
    static CLIENT: LazyLock<reqwest::Client> = LazyLock::new(reqwest::Client::new);
    let asking = async {
        let answer = CLIENT.get(url).timeout(PATIENCE).send().await?;
        answer.error_for_status()?.text().await
    };
    let text = asking.await.map_err(|error| failed(error.without_url()))?;
    quick_xml::de::from_str(&text).map_err(failed)
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Generic {
        store: "S3",
        source: Box::new(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_uploads_are_read() {
        let text = r#"<?xml version="1.0" encoding="UTF-8"?>
            <ListMultipartUploadsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
              <Bucket>b</Bucket><KeyMarker/><IsTruncated>true</IsTruncated>
              <NextKeyMarker>p/a</NextKeyMarker><NextUploadIdMarker>1</NextUploadIdMarker>
              <Upload><Key>p/a</Key><UploadId>1</UploadId>
                <Initiated>2010-11-10T20:48:33.000Z</Initiated></Upload>
              <Upload><Key>p/b</Key><UploadId>2</UploadId>
                <Initiated>2010-11-10T20:48:34Z</Initiated></Upload>
            </ListMultipartUploadsResult>"#;
        let page: Page = quick_xml::de::from_str(text).unwrap();
        assert!(page.is_truncated);
        assert_eq!((&*page.next_key_marker, page.upload.len()), ("p/a", 2));
        assert_eq!(began(&page.upload[0]), Some(1_289_422_113_000));
        let none: Page = quick_xml::de::from_str("<ListMultipartUploadsResult/>").unwrap();
        assert!(none.upload.is_empty() && !none.is_truncated);
    }
}
