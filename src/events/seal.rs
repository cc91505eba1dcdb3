//! How the secrets of webhooks are kept: as Fernet tokens where the server has a key, as they are
//! where it has none.
//!
//! Fernet is what MLflow keeps them as, under the same key. A token is, in URL-safe base64, the
//! byte 0x80, the time in seconds (8 bytes), an initialization vector (16), the text encrypted with
//! AES-128 in CBC mode with PKCS#7 padding, and the HMAC-SHA256 of all that (32). The first half of
//! the 32 bytes of a key signs, the second encrypts.
//! See <https://github.com/fernet/spec/blob/master/Spec.md>.

use crate::error::{Error, Result};
use aes::Aes128;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;
use cbc::cipher::block_padding::Pkcs7;
use cbc::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

const VERSION: u8 = 0x80;
/// Bytes of the version, the time and the initialization vector.
const HEAD: usize = 1 + 8 + 16;
/// Bytes of the HMAC at the end.
const TAIL: usize = 32;

/// A secret as the database holds it.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredSecret {
    pub text: String,
    /// Whether `text` is a token that only the server's key opens.
    pub sealed: bool,
}

impl std::fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("StoredSecret(..)")
    }
}

/// Seals and opens secrets, with the key of the server if it has one.
#[derive(Clone)]
pub struct Vault {
    keys: Option<Keys>,
}

#[derive(Clone, Copy)]
struct Keys {
    signing: [u8; 16],
    encryption: [u8; 16],
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.keys.is_some() {
            "Vault(key)"
        } else {
            "Vault(no key)"
        })
    }
}

impl Vault {
    /// Reads a key: 32 bytes in URL-safe base64, or empty for none.
    pub fn new(key: &str) -> Result<Self> {
        if key.is_empty() {
            return Ok(Self { keys: None });
        }
        let bytes = URL_SAFE.decode(key.trim()).unwrap_or_default();
        let keys = bytes
            .split_at_checked(16)
            .and_then(|(signing, encryption)| {
                Some(Keys {
                    signing: signing.try_into().ok()?,
                    encryption: encryption.try_into().ok()?,
                })
            });
        match keys {
            Some(keys) => Ok(Self { keys: Some(keys) }),
            None => Err(Error::invalid(
                "The key that webhook secrets are encrypted with must be 32 bytes in URL-safe \
                 base64, as Python's `Fernet.generate_key()` makes them.",
            )),
        }
    }

    /// Makes a secret ready to be stored; `now` is in milliseconds since 1970.
    pub fn seal(&self, secret: &str, now: i64) -> StoredSecret {
        let Some(keys) = &self.keys else {
            let text = secret.to_owned();
            return StoredSecret {
                text,
                sealed: false,
            };
        };
        let seconds = u64::try_from(now / 1000).unwrap_or(0);
        StoredSecret {
            text: keys.encrypt(secret.as_bytes(), seconds, rand::random()),
            sealed: true,
        }
    }

    /// Gives a stored secret as it was.
    ///
    /// # Errors
    /// 500 where it was sealed with another key, or the server has none.
    pub fn open(&self, stored: &StoredSecret) -> Result<String> {
        if !stored.sealed {
            return Ok(stored.text.clone());
        }
        let opened = self
            .keys
            .as_ref()
            .and_then(|keys| keys.decrypt(&stored.text));
        opened.ok_or_else(|| {
            Error::internal(
                "The secret of the webhook cannot be read: it was stored under another \
                 webhooks.secret_key. Start the server with that key, or set the secret anew.",
            )
        })
    }
}

impl Keys {
    fn encrypt(&self, text: &[u8], seconds: u64, iv: [u8; 16]) -> String {
        let cipher = cbc::Encryptor::<Aes128>::new(&self.encryption.into(), &iv.into());
        let mut token = vec![VERSION];
        token.extend(seconds.to_be_bytes());
        token.extend(iv);
        token.extend(cipher.encrypt_padded_vec::<Pkcs7>(text));
        let tag = self.mac(&token).finalize().into_bytes();
        token.extend(tag);
        URL_SAFE.encode(token)
    }

    fn decrypt(&self, token: &str) -> Option<String> {
        let token = URL_SAFE.decode(token).ok()?;
        let (signed, tag) = token.split_at_checked(token.len().checked_sub(TAIL)?)?;
        self.mac(signed).verify_slice(tag).ok()?;
        let (head, encrypted) = signed.split_at_checked(HEAD)?;
        let iv: [u8; 16] = head.last_chunk().copied()?;
        let cipher = cbc::Decryptor::<Aes128>::new(&self.encryption.into(), &iv.into());
        let text = cipher.decrypt_padded_vec::<Pkcs7>(encrypted).ok()?;
        (head.first() == Some(&VERSION)).then(|| String::from_utf8(text).ok())?
    }

    fn mac(&self, signed: &[u8]) -> Hmac<Sha256> {
        Hmac::<Sha256>::new(&hmac_key(&self.signing)).chain_update(signed)
    }
}

/// Fills a key up to the block of SHA-256 with zeros, as HMAC defines for short keys.
fn hmac_key(key: &[u8; 16]) -> hmac::digest::Key<Hmac<Sha256>> {
    let mut block = hmac::digest::Key::<Hmac<Sha256>>::default();
    for (place, byte) in block.iter_mut().zip(key) {
        *place = *byte;
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key and the token of the specification's own examples.
    const KEY: &str = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=";
    const TOKEN: &str = "gAAAAAAdwJ6wAAECAwQFBgcICQoLDA0ODy021cpGVWKZ_eEwCGM4BLLF_5CV9dOPmrhuVUPgJobwOz7JcbmrR64jVmpU4IwqDA==";

    #[test]
    fn tokens_are_those_of_the_specification() {
        let vault = Vault::new(KEY).unwrap();
        let iv = std::array::from_fn(|at| at as u8);
        assert_eq!(
            vault.keys.unwrap().encrypt(b"hello", 499_162_800, iv),
            TOKEN
        );
        let stored = StoredSecret {
            text: TOKEN.into(),
            sealed: true,
        };
        assert_eq!(vault.open(&stored).unwrap(), "hello");
    }

    #[test]
    fn a_changed_token_or_another_key_opens_nothing() {
        let vault = Vault::new(KEY).unwrap();
        let stored = vault.seal("s3cret", 1_700_000_000_000);
        assert!(stored.sealed && !stored.text.contains("s3cret"));
        assert_eq!(vault.open(&stored).unwrap(), "s3cret");
        assert_ne!(vault.seal("s3cret", 1_700_000_000_000), stored);
        let other = Vault::new(&URL_SAFE.encode([7; 32])).unwrap();
        assert!(other.open(&stored).is_err());
        assert!(Vault::new("").unwrap().open(&stored).is_err());
        for at in 0..URL_SAFE.decode(&stored.text).unwrap().len() {
            let mut token = URL_SAFE.decode(&stored.text).unwrap();
            token[at] ^= 1;
            let text = URL_SAFE.encode(token);
            assert!(
                vault.open(&StoredSecret { text, sealed: true }).is_err(),
                "{at}"
            );
        }
        for text in ["", "gAAA", "no base64"] {
            let text = text.to_owned();
            assert!(vault.open(&StoredSecret { text, sealed: true }).is_err());
        }
    }

    #[test]
    fn without_a_key_secrets_stay_as_they_are() {
        let vault = Vault::new("").unwrap();
        let stored = vault.seal("plain", 0);
        assert_eq!((stored.text.as_str(), stored.sealed), ("plain", false));
        let with_key = Vault::new(KEY).unwrap();
        assert_eq!(with_key.open(&stored).unwrap(), "plain");
        for key in ["short", "cw_0x689RpI", &URL_SAFE.encode([0; 33])] {
            assert!(Vault::new(key).is_err(), "{key}");
        }
    }
}
