//! How the place of files in an object store is spelled: S3, Azure and Google Cloud Storage.
//!
//! It is pure: it never looks for credentials and never connects. An error is a text that says what
//! is allowed.

use std::fmt;

/// The end of the host of a storage account of Azure's public cloud.
const AZURE_PUBLIC: &str = "core.windows.net";
/// The ends of hosts that MLflow's client takes for storage accounts of Azure.
const AZURE_ENDS: &[&str] = &[
    AZURE_PUBLIC,
    "core.chinacloudapi.cn",
    "core.usgovcloudapi.net",
];

/// A bucket or container, by whatever scheme it was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Bucket {
    S3(String),
    Gcs(String),
    Azure(Container),
}

/// A container of Azure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    pub name: String,
    /// Empty in a URL that leaves the account to the environment.
    pub account: String,
    /// The host of the account without the account and the service, as `core.windows.net`.
    pub host_end: String,
}

/// A bucket and what lies below a prefix of its keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreUrl {
    pub bucket: Bucket,
    /// Names with one slash between them; empty for the whole bucket. It is taken as it stands:
    /// clients of the store decode nothing.
    pub prefix: String,
}

impl StoreUrl {
    /// Reads a URL; `None` when its scheme is none of an object store.
    ///
    /// # Errors
    /// A text for a URL without a bucket, with a query or fragment, or with an empty name in it.
    pub fn parse(url: &str) -> Option<Result<Self, String>> {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let is_known = ["s3", "gs", "az", "wasb", "wasbs", "abfs", "abfss"].contains(&&*scheme);
        is_known.then(|| Self::below(&scheme, rest))
    }

    fn below(scheme: &str, rest: &str) -> Result<Self, String> {
        if rest.contains(['?', '#']) || rest.contains(char::is_control) {
            return Err("the URL of an object store has no query and no fragment".into());
        }
        let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
        let prefix = path.strip_suffix('/').unwrap_or(path);
        let is_name = |name: &str| !matches!(name, "" | "." | "..");
        if !prefix.is_empty() && !prefix.split('/').all(is_name) {
            return Err("a name in the path of an object store is empty, '.' or '..'".into());
        }
        let bucket = match scheme {
            "s3" => Bucket::S3(bucket_name(host)?),
            "gs" => Bucket::Gcs(bucket_name(host)?),
            _ => Bucket::Azure(container(scheme, host)?),
        };
        Ok(Self {
            bucket,
            prefix: prefix.to_owned(),
        })
    }

    /// Names the account in a URL that left it to the environment.
    pub fn in_account(mut self, account: &str) -> Self {
        if let Bucket::Azure(container) = &mut self.bucket
            && container.account.is_empty()
        {
            account.clone_into(&mut container.account);
        }
        self
    }

    /// Gives what is left of the key below the prefix of `root`: empty for the root itself, `None`
    /// outside of it.
    pub fn below_root<'p>(&'p self, root: &Self) -> Option<&'p str> {
        if self.bucket != root.bucket {
            return None;
        }
        match root.prefix.is_empty() {
            true => Some(&self.prefix),
            false => match self.prefix.strip_prefix(&root.prefix)? {
                "" => Some(""),
                rest => rest.strip_prefix('/'),
            },
        }
    }
}

/// The one spelling of a bucket.
impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::S3(name) => write!(f, "s3://{name}"),
            Self::Gcs(name) => write!(f, "gs://{name}"),
            Self::Azure(Container { name, account, .. }) if account.is_empty() => {
                write!(f, "az://{name}")
            }
            Self::Azure(Container {
                name,
                account,
                host_end,
            }) => write!(f, "wasbs://{name}@{account}.blob.{host_end}"),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.prefix.is_empty() {
            true => self.bucket.fmt(f),
            false => write!(f, "{}/{}", self.bucket, self.prefix),
        }
    }
}

fn bucket_name(host: &str) -> Result<String, String> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    match !host.is_empty() && host.chars().all(is_plain) {
        true => Ok(host.to_owned()),
        false => Err("the name of a bucket is needed, as in s3://BUCKET/PREFIX".into()),
    }
}

/// Reads `CONTAINER@ACCOUNT.blob.core.windows.net`, or `CONTAINER` alone after `az://`.
fn container(scheme: &str, host: &str) -> Result<Container, String> {
    let needed = || {
        "wasbs://CONTAINER@ACCOUNT.blob.core.windows.net/PREFIX, abfss:// with \
         ACCOUNT.dfs.core.windows.net, or az://CONTAINER/PREFIX is needed"
            .to_owned()
    };
    let Some((name, host)) = host.split_once('@') else {
        return match scheme {
            "az" => Ok(Container {
                name: bucket_name(host)?,
                account: String::new(),
                host_end: AZURE_PUBLIC.to_owned(),
            }),
            _ => Err(needed()),
        };
    };
    let host = host.to_ascii_lowercase();
    let (account, rest) = host.split_once('.').ok_or_else(needed)?;
    let (service, host_end) = rest.split_once('.').ok_or_else(needed)?;
    let is_azure = ["blob", "dfs"].contains(&service) && AZURE_ENDS.contains(&host_end);
    match is_azure && !account.is_empty() && account.chars().all(|c| c.is_ascii_alphanumeric()) {
        true => Ok(Container {
            name: bucket_name(name)?,
            account: account.to_owned(),
            host_end: host_end.to_owned(),
        }),
        false => Err(needed()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_place_is_one() {
        for (url, expected) in [
            ("s3://b", "s3://b"),
            ("S3://b/", "s3://b"),
            ("s3://b/p/q/", "s3://b/p/q"),
            ("s3://b/a%20b", "s3://b/a%20b"),
            ("gs://b/p", "gs://b/p"),
            ("az://c/p", "az://c/p"),
            (
                "wasbs://c@a.blob.core.windows.net/p",
                "wasbs://c@a.blob.core.windows.net/p",
            ),
            (
                "abfss://c@A.dfs.core.windows.net/p",
                "wasbs://c@a.blob.core.windows.net/p",
            ),
            (
                "wasbs://c@a.blob.core.chinacloudapi.cn",
                "wasbs://c@a.blob.core.chinacloudapi.cn",
            ),
        ] {
            let parsed = StoreUrl::parse(url).unwrap().unwrap();
            assert_eq!(parsed.to_string(), expected, "{url}");
        }
        let named = StoreUrl::parse("az://c/p")
            .unwrap()
            .unwrap()
            .in_account("a");
        assert_eq!(named.to_string(), "wasbs://c@a.blob.core.windows.net/p");
    }

    #[test]
    fn bad_places_are_refused_and_other_schemes_are_none() {
        for url in [
            "s3://",
            "s3:///p",
            "s3://b//p",
            "s3://b/../p",
            "s3://b/p?x",
            "s3://b@c/p",
            "gs://",
            "az://",
            "wasbs://c/p",
            "wasbs://c@evil.example/p",
            "abfss://c@a.blob.evil.net/p",
            "wasbs://c@.blob.core.windows.net/p",
        ] {
            assert!(StoreUrl::parse(url).unwrap().is_err(), "{url}");
        }
        for url in [
            "/a",
            "file:///a",
            "mlflow-artifacts:/",
            "http://h/x",
            "hdfs://h/x",
        ] {
            assert!(StoreUrl::parse(url).is_none(), "{url}");
        }
    }

    #[test]
    fn roots_hold_what_is_below_them() {
        let url = |text: &str| StoreUrl::parse(text).unwrap().unwrap();
        for (place, root, expected) in [
            ("s3://b/p/q", "s3://b/p", Some("q")),
            ("s3://b/p", "s3://b/p", Some("")),
            ("s3://b/p", "s3://b", Some("p")),
            ("s3://b/pq", "s3://b/p", None),
            ("s3://c/p", "s3://b", None),
            ("gs://b/p", "s3://b", None),
        ] {
            assert_eq!(url(place).below_root(&url(root)), expected, "{place}");
        }
    }
}
