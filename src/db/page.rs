//! Helpers for lists: placeholders of an `in (..)` list, the order of texts, and the cursor inside a
//! page token.

use crate::error::{Error, Result};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Write;

/// Writes `count` placeholders from `$first` on, separated by commas.
pub fn placeholders(first: usize, count: usize) -> String {
    let mut text = String::with_capacity(count * 5);
    for number in first..first + count {
        if number > first {
            text.push(',');
        }
        // Writing to a String cannot fail.
        let _ = write!(text, "${number}");
    }
    text
}

/// Spells a text that is ordered, or compared with `<` and `>`, so that its bytes decide.
///
/// Both databases do so by themselves for columns, as PostgreSQL's are declared `collate "C"`, and
/// for what is built of columns; a text that comes from no column must not be ordered.
pub fn by_bytes(expression: &str) -> &str {
    expression
}

/// The opaque token of a page: what a keyset query needs to go on, as base64 of JSON.
pub struct Cursor;

impl Cursor {
    /// Writes a token.
    pub fn encode<T: Serialize>(position: &T) -> Result<String> {
        let json = serde_json::to_vec(position).map_err(|error| {
            Error::internal("A page token could not be written.").with_cause(error)
        })?;
        Ok(STANDARD.encode(json))
    }

    /// Reads a token that `encode` wrote; anything else is a 400.
    pub fn decode<T: DeserializeOwned>(token: &str) -> Result<T> {
        let json = STANDARD
            .decode(token)
            .map_err(|_| Error::invalid("Invalid page token, could not base64-decode"))?;
        serde_json::from_slice(&json).map_err(|_| {
            Error::invalid(
                "Invalid page token, it is not one of this request. Send the next_page_token of \
                 the previous page unchanged, or none for the first page.",
            )
        })
    }
}
