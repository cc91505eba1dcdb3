//! Keys that are secrets: what they must look like, and that they are never shown.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE;

/// What stands for a value that is not shown.
pub const HIDDEN: &str = "(hidden)";

/// Accepts 32 bytes in URL-safe base64, or nothing.
pub fn check_fernet_key(text: &str) -> Result<(), String> {
    let decoded = URL_SAFE.decode(text.trim());
    match text.is_empty() || decoded.is_ok_and(|bytes| bytes.len() == 32) {
        true => Ok(()),
        false => Err(
            "32 bytes in URL-safe base64 are needed, as Python's `Fernet.generate_key()` makes them"
                .to_owned(),
        ),
    }
}
