//! Page tokens: where a page ended, bound to the search it belongs to.
//!
//! A token is opaque to clients. It is not secret and not signed: it can only choose where a
//! search goes on that its sender may make anyway.

use super::sql::Position;
use crate::db::Cursor;
use crate::error::{Error, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

#[derive(Serialize, Deserialize)]
struct Token {
    search: String,
    after: Position,
}

/// Gives a short name of a search: what it is made of, as 16 hexadecimal digits of a hash.
pub fn fingerprint(search: &impl Serialize) -> Result<String> {
    let json = serde_json::to_vec(search)
        .map_err(|error| Error::internal("A search could not be written.").with_cause(error))?;
    let digest = Sha256::digest(json);
    Ok(digest
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect())
}

/// Writes the token of the page after `after`, for the search with this fingerprint.
pub fn encode(search: &str, after: Position) -> Result<String> {
    Cursor::encode(&Token {
        search: search.to_owned(),
        after,
    })
}

/// Reads a token that `encode` wrote for the same search.
///
/// # Errors
/// 400 for a broken token, and for that of another search.
pub fn decode(search: &str, token: &str) -> Result<Position> {
    let json = decode_json(token)?;
    let token: Token = read(&json)?;
    if token.search != search {
        return Err(Error::invalid(
            "Invalid page token, it belongs to another search. Repeat the filter, order, view and \
             experiments of the request that gave the token.",
        ));
    }
    Ok(token.after)
}

/// Reads a token as JSON of any shape.
///
/// # Errors
/// 400 with MLflow's texts for what is not base64 of JSON.
pub fn decode_json(token: &str) -> Result<Json> {
    let bytes = STANDARD
        .decode(token)
        .map_err(|_| Error::invalid("Invalid page token, could not base64-decode"))?;
    serde_json::from_slice(&bytes).map_err(|_| {
        let bytes: String = bytes
            .iter()
            .map(|byte| byte.escape_ascii().to_string())
            .collect();
        Error::invalid(format!("Invalid page token, decoded value=b'{bytes}'"))
    })
}

/// Reads the JSON of a token into a type.
///
/// # Errors
/// 400 with MLflow's text where it does not fit.
pub fn read<T: for<'de> Deserialize<'de>>(json: &Json) -> Result<T> {
    T::deserialize(json)
        .map_err(|_| Error::invalid(format!("Invalid page token, parsed value={json}")))
}
