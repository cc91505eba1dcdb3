//! TLS to PostgreSQL: which server certificates are good enough for the URL's `sslmode`.

use super::url::{PostgresUrl, Roots, Trust};
use crate::error::{Error, Result};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
};
use std::sync::Arc;
use tokio_postgres_rustls::MakeRustlsConnect;

/// Makes what opens TLS on a new connection, where the URL wants it.
///
/// # Errors
/// 400 for a file of authorities that cannot be used.
pub(super) fn connector(url: &PostgresUrl) -> Result<MakeRustlsConnect> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(url.trust(), &provider)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::internal("TLS cannot be set up.").with_cause(error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    Ok(MakeRustlsConnect::new(config))
}

/// Checks certificates as libpq does.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    /// `None` where any certificate will do.
    authority: Option<Authority>,
}

#[derive(Debug)]
struct Authority {
    chains: Arc<WebPkiServerVerifier>,
    /// A server's own certificate may be named as its authority.
    certificates: Vec<CertificateDer<'static>>,
    checks_name: bool,
}

impl Verifier {
    fn new(trust: &Trust, provider: &Arc<CryptoProvider>) -> Result<Self> {
        let authority = match trust {
            Trust::Anything => None,
            Trust::Authority(roots) => Some(Authority::new(roots, false, provider)?),
            Trust::Host(roots) => Some(Authority::new(roots, true, provider)?),
        };
        Ok(Self {
            provider: provider.clone(),
            authority,
        })
    }
}

impl Authority {
    fn new(roots: &Roots, checks_name: bool, provider: &Arc<CryptoProvider>) -> Result<Self> {
        let certificates = match roots {
            Roots::OfSystem => rustls_native_certs::load_native_certs().certs,
            Roots::InFile(path) => CertificateDer::pem_file_iter(path)
                .and_then(Iterator::collect)
                .map_err(|error| {
                    Error::invalid(format!(
                        "The file {} of database.url (sslrootcert) cannot be read as certificates \
                         in PEM: {error}.",
                        path.display()
                    ))
                })?,
        };
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(certificates.iter().cloned());
        let chains = WebPkiServerVerifier::builder_with_provider(Arc::new(store), provider.clone());
        Ok(Self {
            chains: chains.build().map_err(|error| {
                Error::invalid(
                    "There is no certificate that database.url could trust: name a file with \
                     sslrootcert.",
                )
                .with_cause(error)
            })?,
            certificates,
            checks_name,
        })
    }

    fn check_itself(
        &self,
        certificate: &CertificateDer<'_>,
        name: &ServerName<'_>,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.checks_name {
            rustls::client::verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
        }
        Ok(ServerCertVerified::assertion())
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(authority) = &self.authority else {
            return Ok(ServerCertVerified::assertion());
        };
        if authority.certificates.contains(certificate) {
            return authority.check_itself(certificate, name);
        }
        let checked =
            authority
                .chains
                .verify_server_cert(certificate, intermediates, name, ocsp, now);
        match checked {
            // The chain is checked before the name.
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) if !authority.checks_name => Ok(ServerCertVerified::assertion()),
            checked => checked,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signed, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signed, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider
            .signature_verification_algorithms
            .supported_schemes()
    }
}
