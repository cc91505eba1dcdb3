//! The key that signs the heads of the audit log, and its file.

use crate::error::{Error, Result};
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};
use std::fs;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

/// The kind of signature that a signed note calls Ed25519.
const ED25519: u8 = 1;

/// The key that signs the heads; cheap to clone.
#[derive(Clone)]
pub struct Key(Arc<SigningKey>);

impl Key {
    /// Makes a new key.
    pub fn generate() -> Self {
        Self(Arc::new(SigningKey::from_bytes(&rand::random())))
    }

    /// Reads a private key in PKCS #8 PEM.
    pub fn from_pem(text: &str) -> Result<Self> {
        let key = SigningKey::from_pkcs8_pem(text).map_err(|error| {
            Error::invalid("The text is no Ed25519 private key in PKCS #8 PEM.")
                .with_cause(error.to_string())
        })?;
        Ok(Self(Arc::new(key)))
    }

    /// Writes the private key in PKCS #8 PEM.
    pub fn to_pem(&self) -> Result<String> {
        let pem = self.0.to_pkcs8_pem(LineEnding::LF).map_err(|error| {
            Error::internal("The key of the audit log cannot be written.")
                .with_cause(error.to_string())
        })?;
        Ok(pem.to_string())
    }

    /// Reads the key of a file, and makes one where there is no file, readable by its owner alone.
    ///
    /// # Errors
    /// 503 for a file that cannot be read or written, 400 for one that holds something else.
    pub fn open_or_create(path: &Path) -> Result<Self> {
        match fs::read_to_string(path) {
            Ok(text) => Self::from_pem(&text).map_err(|error| {
                Error::invalid(format!(
                    "The key of the audit log cannot be read from {}: {error} Restore the file \
                     from a backup, or move it away to begin with a new key.",
                    path.display()
                ))
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Self::create(path),
            Err(error) => Err(failed(path, "read", &error)),
        }
    }

    fn create(path: &Path) -> Result<Self> {
        let key = Self::generate();
        let pem = key.to_pem()?;
        let write = || -> io::Result<()> {
            let mut options = fs::OpenOptions::new();
            options.write(true).create_new(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let mut file = options.open(path)?;
            file.write_all(pem.as_bytes())?;
            file.sync_all()
        };
        match write() {
            Ok(()) => Ok(key),
            // Another process of this server was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                Self::open_or_create(path)
            }
            Err(error) => Err(failed(path, "written", &error)),
        }
    }

    /// Signs a message.
    pub(super) fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).to_bytes()
    }

    /// Gives the public half.
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key())
    }
}

/// The key that checks the heads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    /// Reads a public key in SPKI PEM.
    pub fn from_pem(text: &str) -> Result<Self> {
        let key = VerifyingKey::from_public_key_pem(text).map_err(|error| {
            Error::invalid("The text is no Ed25519 public key in PEM.")
                .with_cause(error.to_string())
        })?;
        Ok(Self(key))
    }

    /// Writes the key in SPKI PEM.
    pub fn to_pem(&self) -> Result<String> {
        self.0.to_public_key_pem(LineEnding::LF).map_err(|error| {
            Error::internal("The public key of the audit log cannot be written.")
                .with_cause(error.to_string())
        })
    }

    /// Gives the SHA-256 of the raw key, in hexadecimal.
    pub fn fingerprint(&self) -> String {
        let digest = Sha256::digest(self.0.as_bytes());
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Says whether this key signed a message.
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.0.verify_strict(message, &signature).is_ok())
    }

    /// Gives the four bytes that name the key in a signed note.
    pub(super) fn hint(&self, name: &str) -> [u8; 4] {
        let mut digest = Sha256::new();
        digest.update(name.as_bytes());
        digest.update([b'\n', ED25519]);
        digest.update(self.0.as_bytes());
        let [a, b, c, d, ..] = <[u8; 32]>::from(digest.finalize());
        [a, b, c, d]
    }
}

fn failed(path: &Path, what: &str, error: &io::Error) -> Error {
    Error::unavailable(format!(
        "The key of the audit log in {} cannot be {what}: {error}. Change the permissions, or name \
         another file with audit.key_file.",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_their_files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        let key = Key::open_or_create(&path).unwrap();
        let read = Key::open_or_create(&path).unwrap();
        assert_eq!(read.public(), key.public());
        let public = PublicKey::from_pem(&key.public().to_pem().unwrap()).unwrap();
        assert_eq!(public, key.public());
        assert_eq!(public.fingerprint().len(), 64);
    }

    #[test]
    #[cfg(unix)]
    fn nobody_else_may_read_the_file() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        Key::open_or_create(&path).unwrap();
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn another_file_is_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        fs::write(&path, "something else").unwrap();
        let error = Key::open_or_create(&path).err().unwrap();
        assert!(error.message.contains("key.pem"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "something else");
    }
}
