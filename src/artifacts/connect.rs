//! Clients of object stores, with the credentials that MLflow's own client and server would use.
//!
//! Everything comes from the environment. It never asks the cloud's metadata address unless the
//! operator allows it, and building a client connects to nothing.

use super::direct::{Direct, Kind};
use crate::config::{Bucket, Container};
use crate::error::{Error, Result};
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey};
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::{BackoffConfig, Certificate, ClientOptions, ObjectStore, RetryConfig};
use std::sync::Arc;
use std::time::Duration;
use tokio_rustls::rustls::crypto::ring;

/// How often a request is tried again that failed at once.
const RETRIES: usize = 3;
/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);

/// Reads variables of an environment by their names.
pub type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// What clients of object stores are made of.
#[derive(Clone)]
pub struct Access {
    /// Reads a variable of the environment.
    pub variable: Variables,
    /// The longest silence of a store, and the longest time in which a request is tried again.
    pub timeout: Duration,
    /// Whether credentials may be asked of the cloud's metadata address.
    pub may_ask_metadata: bool,
}

/// A client of one bucket.
#[derive(Debug, Clone)]
pub(super) struct Connected {
    pub(super) store: Arc<dyn ObjectStore>,
    /// Where clients may be sent to the store itself.
    pub(super) direct: Option<Direct>,
}

impl Access {
    /// Takes the variables of this process.
    pub fn of_process(timeout: Duration, may_ask_metadata: bool) -> Self {
        Self {
            variable: Arc::new(|name| std::env::var(name).ok()),
            timeout,
            may_ask_metadata,
        }
    }

    /// Gives the storage account of Azure that the environment names; empty for none.
    pub fn azure_account(&self) -> String {
        let named = self.first(&["AZURE_STORAGE_ACCOUNT_NAME", "AZURE_STORAGE_ACCOUNT"]);
        self.connection_string("AccountName")
            .or(named)
            .unwrap_or_default()
    }

    /// Makes the client of a bucket.
    ///
    /// # Errors
    /// 400 that names the variables to set, where the environment lacks them.
    pub(super) fn connect(&self, bucket: &Bucket) -> Result<Connected> {
        // It fails where the process has a provider already, which is as good.
        let _ = ring::default_provider().install_default();
        match bucket {
            Bucket::S3(name) => self.s3(bucket, name),
            Bucket::Gcs(name) => self.gcs(bucket, name),
            Bucket::Azure(container) => self.azure(bucket, container),
        }
    }

    fn s3(&self, bucket: &Bucket, name: &str) -> Result<Connected> {
        const ENDPOINTS: &[&str] = &[
            "MLFLOW_S3_ENDPOINT_URL",
            "AWS_ENDPOINT_URL_S3",
            "AWS_ENDPOINT_URL",
        ];
        let region = self.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]);
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(name)
            .with_region(region.unwrap_or_else(|| "us-east-1".to_owned()))
            .with_retry(self.retries());
        let mut is_plain = false;
        let style = self.get("MLFLOW_BOTO_CLIENT_ADDRESSING_STYLE");
        builder = match self.first(ENDPOINTS) {
            Some(endpoint) => {
                is_plain = endpoint.starts_with("http://");
                let in_host = style.as_deref() == Some("virtual");
                let endpoint = match endpoint.split_once("://") {
                    Some((scheme, host)) if in_host => format!("{scheme}://{name}.{host}"),
                    _ => endpoint,
                };
                builder
                    .with_endpoint(endpoint)
                    .with_virtual_hosted_style_request(in_host)
            }
            // No certificate of AWS fits a name with dots in front of its host.
            None => builder.with_virtual_hosted_style_request(
                style.as_deref() != Some("path") && !name.contains('.'),
            ),
        };
        let mut options = self.options(is_plain);
        if self
            .get("MLFLOW_S3_IGNORE_TLS")
            .is_some_and(|text| is_true(&text))
        {
            options = options.with_allow_invalid_certificates(true);
        }
        if let Some(path) = self.first(&["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"]) {
            options = with_certificates(options, &path)?;
        }
        let store = self
            .s3_credentials(builder)
            .and_then(|builder| {
                builder
                    .with_client_options(options)
                    .build()
                    .map_err(refused)
            })
            .map_err(|error| no_client(bucket, error))?;
        Ok(connected(store, Kind::S3))
    }

    fn s3_credentials(&self, mut builder: AmazonS3Builder) -> Result<AmazonS3Builder> {
        use AmazonS3ConfigKey as S3;
        if let (Some(id), Some(secret)) = (
            self.get("AWS_ACCESS_KEY_ID"),
            self.get("AWS_SECRET_ACCESS_KEY"),
        ) {
            builder = builder
                .with_access_key_id(id)
                .with_secret_access_key(secret);
            return Ok(match self.get("AWS_SESSION_TOKEN") {
                Some(token) => builder.with_token(token),
                None => builder,
            });
        }
        if let (Some(file), Some(role)) = (
            self.get("AWS_WEB_IDENTITY_TOKEN_FILE"),
            self.get("AWS_ROLE_ARN"),
        ) {
            return Ok(builder
                .with_config(S3::WebIdentityTokenFile, file)
                .with_config(S3::RoleArn, role));
        }
        if !self.may_ask_metadata {
            return Err(lacks_credentials(
                "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_WEB_IDENTITY_TOKEN_FILE and \
                 AWS_ROLE_ARN",
            ));
        }
        for (variable, key) in [
            (
                "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                S3::ContainerCredentialsRelativeUri,
            ),
            (
                "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                S3::ContainerCredentialsFullUri,
            ),
            (
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
                S3::ContainerAuthorizationTokenFile,
            ),
        ] {
            if let Some(value) = self.get(variable) {
                builder = builder.with_config(key, value);
            }
        }
        Ok(builder)
    }

    fn gcs(&self, bucket: &Bucket, name: &str) -> Result<Connected> {
        let mut builder = GoogleCloudStorageBuilder::new()
            .with_bucket_name(name)
            .with_retry(self.retries())
            .with_client_options(self.options(false));
        builder = match self.get("GOOGLE_APPLICATION_CREDENTIALS") {
            Some(path) => builder.with_application_credentials(path),
            None if self.may_ask_metadata => builder,
            None => {
                let error = lacks_credentials("GOOGLE_APPLICATION_CREDENTIALS");
                return Err(no_client(bucket, error));
            }
        };
        let store = builder.build().map_err(refused);
        let store = store.map_err(|error| no_client(bucket, error))?;
        Ok(connected(store, Kind::Gcs))
    }

    fn azure(&self, bucket: &Bucket, container: &Container) -> Result<Connected> {
        let fail = |error| no_client(bucket, error);
        if container.account.is_empty() {
            return Err(fail(lacks_credentials(
                "AZURE_STORAGE_CONNECTION_STRING or AZURE_STORAGE_ACCOUNT_NAME",
            )));
        }
        let is_described = self
            .connection_string("AccountName")
            .is_some_and(|account| account == container.account);
        let part = |name: &str| self.connection_string(name).filter(|_| is_described);
        let endpoint = part("BlobEndpoint").unwrap_or_else(|| {
            let protocol = part("DefaultEndpointsProtocol").unwrap_or_else(|| "https".to_owned());
            let end = part("EndpointSuffix").unwrap_or_else(|| container.host_end.clone());
            format!("{protocol}://{}.blob.{end}", container.account)
        });
        let is_plain = endpoint.starts_with("http://");
        let builder = MicrosoftAzureBuilder::new()
            .with_container_name(&container.name)
            .with_account(&container.account)
            .with_endpoint(endpoint.trim_end_matches('/').to_owned())
            .with_retry(self.retries())
            .with_client_options(self.options(is_plain));
        let key = part("AccountKey").or_else(|| self.azure_key(container));
        let sas = part("SharedAccessSignature").or_else(|| self.get("AZURE_STORAGE_SAS_TOKEN"));
        let store = match (key, sas) {
            (Some(key), _) => Ok(builder.with_access_key(key)),
            (None, Some(sas)) => Ok(builder.with_config(AzureConfigKey::SasKey, sas)),
            (None, None) => self.azure_identity(builder),
        };
        let store = store.and_then(|builder| builder.build().map_err(refused));
        // Clients are not sent to it: see `direct::Kind`.
        Ok(Connected {
            store: Arc::new(store.map_err(fail)?),
            direct: None,
        })
    }

    /// Gives the key of the account that the environment has; it belongs to the account that the
    /// environment names, if it names one.
    fn azure_key(&self, container: &Container) -> Option<String> {
        let account = self.azure_account();
        let is_its = account.is_empty() || account == container.account;
        let key = self.first(&["AZURE_STORAGE_ACCESS_KEY", "AZURE_STORAGE_ACCOUNT_KEY"]);
        key.filter(|_| is_its)
    }

    fn azure_identity(&self, builder: MicrosoftAzureBuilder) -> Result<MicrosoftAzureBuilder> {
        use AzureConfigKey as Azure;
        let client = self.get("AZURE_CLIENT_ID").zip(self.get("AZURE_TENANT_ID"));
        if let Some((client, tenant)) = client {
            let builder = builder
                .with_config(Azure::ClientId, client)
                .with_config(Azure::AuthorityId, tenant);
            if let Some(secret) = self.get("AZURE_CLIENT_SECRET") {
                return Ok(builder.with_config(Azure::ClientSecret, secret));
            }
            if let Some(file) = self.get("AZURE_FEDERATED_TOKEN_FILE") {
                return Ok(builder.with_config(Azure::FederatedTokenFile, file));
            }
            return self.managed_identity(builder);
        }
        self.managed_identity(builder)
    }

    fn managed_identity(&self, builder: MicrosoftAzureBuilder) -> Result<MicrosoftAzureBuilder> {
        match self.may_ask_metadata {
            true => Ok(builder),
            false => Err(lacks_credentials(
                "AZURE_STORAGE_CONNECTION_STRING, AZURE_STORAGE_ACCESS_KEY, \
                 AZURE_STORAGE_SAS_TOKEN, or AZURE_CLIENT_ID, AZURE_TENANT_ID and \
                 AZURE_CLIENT_SECRET",
            )),
        }
    }

    /// Gives a part of Azure's connection string, as `AccountKey`.
    fn connection_string(&self, part: &str) -> Option<String> {
        let text = self.get("AZURE_STORAGE_CONNECTION_STRING")?;
        let mut parts = text.split(';').filter_map(|entry| entry.split_once('='));
        let (_, value) = parts.find(|(name, _)| name.trim().eq_ignore_ascii_case(part))?;
        Some(value.trim().to_owned())
    }

    fn get(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }

    fn first(&self, names: &[&str]) -> Option<String> {
        names.iter().find_map(|name| self.get(name))
    }

    fn options(&self, is_plain: bool) -> ClientOptions {
        // Nothing bounds a whole transfer, since a file may be large: silence is what is bounded.
        ClientOptions::new()
            .with_timeout_disabled()
            .with_connect_timeout(CONNECT.min(self.timeout))
            .with_read_timeout(self.timeout)
            .with_allow_http(is_plain)
    }

    fn retries(&self) -> RetryConfig {
        RetryConfig {
            backoff: BackoffConfig {
                init_backoff: Duration::from_millis(100),
                max_backoff: Duration::from_secs(2),
                base: 2.,
            },
            max_retries: RETRIES,
            retry_timeout: self.timeout,
        }
    }
}

fn connected<S>(store: S, kind: Kind) -> Connected
where
    S: ObjectStore + object_store::signer::Signer + object_store::multipart::MultipartStore,
{
    let store = Arc::new(store);
    Connected {
        direct: Some(Direct::new(store.clone(), store.clone(), kind)),
        store,
    }
}

fn with_certificates(options: ClientOptions, path: &str) -> Result<ClientOptions> {
    let bad = |reason: String| {
        Error::invalid(format!(
            "The certificates in '{path}' cannot be used: {reason}."
        ))
    };
    let text = std::fs::read(path).map_err(|error| bad(error.to_string()))?;
    let found = Certificate::from_pem_bundle(&text).map_err(|error| bad(error.to_string()))?;
    Ok(found
        .into_iter()
        .fold(options, ClientOptions::with_root_certificate))
}

fn is_true(text: &str) -> bool {
    ["true", "1"].contains(&text.to_ascii_lowercase().as_str())
}

fn lacks_credentials(variables: &str) -> Error {
    Error::invalid(format!(
        "the environment has no credentials for it. Set {variables}; or let \
         artifacts.instance_credentials allow that they are asked of the cloud's metadata address"
    ))
}

fn refused(error: object_store::Error) -> Error {
    Error::invalid(error.to_string()).with_cause(error)
}

fn no_client(bucket: &Bucket, error: Error) -> Error {
    Error::invalid(format!(
        "The object store {bucket} cannot be used: {}.",
        error.message
    ))
    .with_cause(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(variables: &[(&'static str, &'static str)]) -> Access {
        let variables = variables.to_vec();
        let get = move |name: &str| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        };
        Access {
            variable: Arc::new(get),
            timeout: Duration::from_secs(1),
            may_ask_metadata: false,
        }
    }

    fn check(url: &str, variables: &[(&'static str, &'static str)], lacking: Option<&str>) {
        let access = access(variables);
        let url = crate::config::StoreUrl::parse(url).unwrap().unwrap();
        let bucket = url.in_account(&access.azure_account()).bucket;
        match (access.connect(&bucket), lacking) {
            (Ok(_), None) => {}
            (Err(error), Some(lacking)) => {
                assert!(error.message.contains(lacking), "{}", error.message);
                assert!(
                    error.message.contains(&bucket.to_string()),
                    "{}",
                    error.message
                );
            }
            (outcome, _) => panic!("{bucket}: {outcome:?}"),
        }
    }

    #[test]
    fn nothing_is_asked_of_the_metadata_address_without_leave() {
        check("s3://b", &[], Some("AWS_ACCESS_KEY_ID"));
        check(
            "s3://b",
            &[("AWS_ACCESS_KEY_ID", "x")],
            Some("AWS_SECRET_ACCESS_KEY"),
        );
        let task = ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/x");
        check("s3://b", &[task], Some("artifacts.instance_credentials"));
        check("gs://b", &[], Some("GOOGLE_APPLICATION_CREDENTIALS"));
        check("az://c", &[], Some("AZURE_STORAGE_CONNECTION_STRING"));
        let account = ("AZURE_STORAGE_ACCOUNT_NAME", "a");
        check("az://c", &[account], Some("AZURE_STORAGE_ACCESS_KEY"));
        let identity = [("AZURE_CLIENT_ID", "c"), ("AZURE_TENANT_ID", "t")];
        let place = "wasbs://c@a.blob.core.windows.net";
        check(place, &identity, Some("AZURE_CLIENT_SECRET"));
    }

    #[test]
    fn the_usual_variables_are_credentials() {
        let key = [("AWS_ACCESS_KEY_ID", "x"), ("AWS_SECRET_ACCESS_KEY", "y")];
        check("s3://b", &key, None);
        check("s3://b.with.dots", &key, None);
        let role = [
            ("AWS_WEB_IDENTITY_TOKEN_FILE", "/f"),
            ("AWS_ROLE_ARN", "arn:aws:iam::1:role/r"),
        ];
        check("s3://b", &role, None);
        let place = "wasbs://c@a.blob.core.windows.net";
        check(place, &[("AZURE_STORAGE_ACCESS_KEY", "a2V5")], None);
        let text = "DefaultEndpointsProtocol=https;AccountName=a;AccountKey=a2V5";
        let described = [("AZURE_STORAGE_CONNECTION_STRING", text)];
        check(place, &described, None);
        check("az://c", &described, None);
        let other = "wasbs://c@other.blob.core.windows.net";
        check(other, &described, Some("no credentials"));
    }
}
