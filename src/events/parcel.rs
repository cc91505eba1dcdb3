//! Makes what is sent of a delivery: the body, MLflow's headers, and its signature.
//!
//! Beside MLflow's headers stand those of Standard Webhooks 1.0
//! (<https://www.standardwebhooks.com>), which sign the same text; its libraries know their secrets
//! as `whsec_` and base64.

use super::format::{Format, Letter};
use super::send::Parcel;
use crate::error::Result;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// Begins a secret that is a base64 key of Standard Webhooks.
const STANDARD_PREFIX: &str = "whsec_";

/// Where a letter goes, and what signs it.
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'e> {
    pub url: &'e str,
    pub format: Format,
    /// `None` for a webhook without a secret, whose letters are not signed.
    pub secret: Option<&'e str>,
    /// When the attempt is made, in milliseconds since 1970.
    pub sent_at: i64,
}

/// Writes and signs a letter. A repeated attempt has the same id and body, and a time and
/// signature of its own.
pub fn pack(letter: &Letter<'_>, envelope: &Envelope<'_>) -> Result<Parcel> {
    let body = envelope.format.write(letter)?;
    let seconds = (envelope.sent_at.div_euclid(1000)).to_string();
    let id = letter.id.to_owned();
    let mut headers = vec![
        ("Content-Type", envelope.format.content_type().to_owned()),
        ("X-MLflow-Delivery-Id", id.clone()),
        ("X-MLflow-Timestamp", seconds.clone()),
        ("webhook-id", id),
        ("webhook-timestamp", seconds.clone()),
    ];
    if let Some(secret) = envelope.secret {
        let signed = [letter.id.as_bytes(), b".", seconds.as_bytes(), b".", &body].concat();
        headers.push(("X-MLflow-Signature", signature(secret.as_bytes(), &signed)));
        let standard = secret.strip_prefix(STANDARD_PREFIX);
        let standard = standard.and_then(|key| STANDARD.decode(key).ok());
        let key = standard.unwrap_or_else(|| secret.as_bytes().to_vec());
        headers.push(("webhook-signature", signature(&key, &signed)));
    }
    let url = envelope.url.to_owned();
    Ok(Parcel { url, headers, body })
}

/// Gives `v1,` and the HMAC-SHA256 in base64.
fn signature(key: &[u8], signed: &[u8]) -> String {
    let tag = hmac(key, signed);
    format!("v1,{}", STANDARD.encode(tag))
}

fn hmac(key: &[u8], signed: &[u8]) -> Vec<u8> {
    // HMAC takes keys of any length, so that this is never an error.
    let mac = Hmac::<Sha256>::new_from_slice(key);
    mac.map(|mac| mac.chain_update(signed).finalize().into_bytes().to_vec())
        .unwrap_or_default()
}

/// Gives the SHA-256 of a body, in hexadecimal.
pub fn digest(body: &[u8]) -> String {
    let hash = Sha256::digest(body);
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(key: &[u8], signed: &str, expected: &str) {
        assert_eq!(signature(key, signed.as_bytes()), expected);
    }

    #[test]
    fn signatures_are_those_of_the_specifications() {
        // The example of Standard Webhooks' own libraries.
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        check(
            &key,
            "msg_p5jXN8AQM9LWM0D4loKWxJek.1614265330.{\"test\": 2432232314}",
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
        );
    }
}
