//! Whose certificates count: the authorities of the system and those of a file.
//!
//! There is no way to switch the check off.

use super::exchange::Failure;
use super::target::Target;
use crate::error::{Error, Result};
use std::path::Path;
use std::sync::{Arc, OnceLock};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, ConfigBuilder, RootCertStore, WantsVerifier, crypto};

/// The TLS side of every connection.
pub struct Trust {
    builder: ConfigBuilder<ClientConfig, WantsVerifier>,
    /// The authorities of the file.
    own: RootCertStore,
    /// Made for the first connection: reading the system's authorities takes milliseconds that a
    /// server without webhooks need not spend.
    connector: OnceLock<TlsConnector>,
}

impl Trust {
    /// Reads the file of authorities; an error names the file and what is wrong with it.
    pub fn new(ca_file: Option<&Path>) -> Result<Self> {
        let mut own = RootCertStore::empty();
        if let Some(path) = ca_file {
            add_file(&mut own, path)?;
        }
        let provider = Arc::new(crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| Error::internal("TLS cannot be set up.").with_cause(error))?;
        let connector = OnceLock::new();
        Ok(Self {
            builder,
            own,
            connector,
        })
    }

    /// Proves that the other side is the host, by its certificate.
    pub async fn secure(
        &self,
        target: &Target,
        stream: TcpStream,
    ) -> Result<TlsStream<TcpStream>, Failure> {
        let host = target.host();
        let name = ServerName::try_from(host.clone())
            .map_err(|_| Failure::refused(format!("The host {host} cannot have a certificate.")))?;
        let connected = self.connector().connect(name, stream).await;
        connected.map_err(|error| Failure::passing(format!("TLS with {host} failed: {error}.")))
    }

    fn connector(&self) -> &TlsConnector {
        self.connector.get_or_init(|| {
            let mut roots = self.own.clone();
            let system = rustls_native_certs::load_native_certs();
            roots.add_parsable_certificates(system.certs);
            if roots.is_empty() {
                tracing::warn!(
                    "The system has no certificate authorities, so no webhook over https can be \
                     delivered. Install them, or name a file of them in webhooks.ca_file."
                );
            }
            let config = self.builder.clone().with_root_certificates(roots);
            TlsConnector::from(Arc::new(config.with_no_client_auth()))
        })
    }
}

fn add_file(roots: &mut RootCertStore, path: &Path) -> Result<()> {
    let refused = |reason: String| {
        let shown = path.display();
        Error::invalid(format!(
            "The value \"{shown}\" of webhooks.ca_file is not allowed: {reason}. A PEM file with \
             certificates is needed."
        ))
    };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path)
        .map_err(|error| refused(error.to_string()))?
        .collect();
    let certificates = certificates.map_err(|error| refused(error.to_string()))?;
    if certificates.is_empty() {
        return Err(refused("it holds no certificate".to_owned()));
    }
    for certificate in certificates {
        let added = roots.add(certificate);
        added.map_err(|error| refused(error.to_string()))?;
    }
    Ok(())
}
