//! Receivers behind TLS: only a certificate from a known authority counts.

use super::*;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use std::io::Write;
use tempfile::NamedTempFile;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// A receiver on 127.0.0.1 whose certificate is for a name, and its authority as a file.
struct Secure {
    port: u16,
    authority: NamedTempFile,
    requests: Arc<AtomicUsize>,
}

impl Secure {
    async fn start(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let mut authority = NamedTempFile::new().unwrap();
        authority.write_all(issuer.pem().as_bytes()).unwrap();

        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &issuer).unwrap();
        let acceptor = acceptor(certificate.der().clone(), &key);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let heard = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A sender that does not trust us breaks the handshake off.
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    continue;
                };
                read_request(&mut stream).await;
                heard.fetch_add(1, Ordering::Relaxed);
                Answering::status("200 OK").answer(stream).await;
            }
        });
        Self {
            port,
            authority,
            requests,
        }
    }

    fn rules(&self) -> Rules {
        Rules {
            ca_file: Some(self.authority.path().into()),
            ..allowing(&["127.0.0.1"])
        }
    }

    fn heard(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

fn acceptor(certificate: CertificateDer<'static>, key: &KeyPair) -> TlsAcceptor {
    let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

#[tokio::test]
async fn a_certificate_of_an_unknown_authority_is_refused() {
    let receiver = Secure::start(NAME).await;
    let (sender, _) = resolving(allowing(&["127.0.0.1"]), &[&["127.0.0.1"]]);
    let url = format!("https://{NAME}:{}/", receiver.port);
    let attempt = sender.post(&parcel(&url)).await;
    check_retried(
        &attempt,
        &["TLS with receiver.example failed", "UnknownIssuer"],
    );
    assert_eq!(receiver.heard(), 0);
}

#[tokio::test]
async fn an_authority_of_the_configuration_is_trusted() {
    let receiver = Secure::start(NAME).await;
    let (sender, _) = resolving(receiver.rules(), &[&["127.0.0.1"]]);
    let url = format!("https://{NAME}:{}/", receiver.port);
    let attempt = sender.post(&parcel(&url)).await;
    assert_eq!(attempt.verdict(), Verdict::Delivered, "{attempt:?}");
    assert_eq!(receiver.heard(), 1);
}

#[tokio::test]
async fn a_certificate_may_be_for_an_address() {
    let receiver = Secure::start("127.0.0.1").await;
    let sender = Sender::new(receiver.rules()).unwrap();
    let url = format!("https://127.0.0.1:{}/", receiver.port);
    let attempt = sender.post(&parcel(&url)).await;
    assert_eq!(attempt.verdict(), Verdict::Delivered, "{attempt:?}");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_refused() {
    let receiver = Secure::start("other.example").await;
    let (sender, _) = resolving(receiver.rules(), &[&["127.0.0.1"]]);
    let url = format!("https://{NAME}:{}/", receiver.port);
    let attempt = sender.post(&parcel(&url)).await;
    check_retried(
        &attempt,
        &["TLS with receiver.example failed", "not valid for name"],
    );
    assert_eq!(receiver.heard(), 0);
}

#[test]
fn a_file_without_authorities_is_refused_by_name() {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(b"no certificate").unwrap();
    let missing = file.path().with_extension("missing");
    for path in [file.path(), missing.as_path()] {
        let rules = Rules {
            ca_file: Some(path.into()),
            ..Rules::default()
        };
        let message = Sender::new(rules).unwrap_err().message;
        assert!(message.contains("webhooks.ca_file"), "{message}");
        assert!(message.contains(&path.display().to_string()), "{message}");
    }
}
