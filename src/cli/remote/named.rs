//! What a person calls a version or a webhook, looked up on the server.

use super::client::{Client, query};
use super::table::{cell, items};
use crate::error::{Error, Result};
use serde_json::Value as Json;

/// A version by its model and number.
pub(super) struct Version {
    pub(super) name: String,
    pub(super) number: String,
}

impl Version {
    /// Writes the version as NAME/VERSION.
    pub(super) fn shown(&self) -> String {
        format!("{}/{}", self.name, self.number)
    }
}

/// Finds the version that `text` names: NAME/VERSION, or where NAME@ALIAS, NAME/STAGE or NAME/latest
/// leads now, each also with `models:/` before it.
///
/// # Errors
/// What the resolver says of one that leads nowhere.
pub(super) fn version(text: &str, client: &Client) -> Result<Version> {
    let plain = text.strip_prefix("models:/").unwrap_or(text);
    if let Some((name, number)) = plain.rsplit_once('/')
        && !name.is_empty()
        && number.parse::<u64>().is_ok()
    {
        return Ok(Version {
            name: name.to_owned(),
            number: number.to_owned(),
        });
    }
    let query = query(&[("uri", Some(format!("models:/{plain}")))]);
    let answer = client.get(&format!("/api/1.0/resolve{query}"))?;
    Ok(Version {
        name: cell(&answer["name"]),
        number: cell(&answer["version"]),
    })
}

/// Reads an argument that is to name a version.
pub(super) fn version_argument(text: &str) -> std::result::Result<String, String> {
    match text.strip_prefix("models:/").unwrap_or(text) {
        plain if plain.contains(['/', '@']) => Ok(text.to_owned()),
        _ => Err(
            "it names no version of a model. Write it as NAME/VERSION, such as churn/3, or as \
                  NAME@ALIAS, such as churn@champion"
                .to_owned(),
        ),
    }
}

/// Lists the webhooks of the server.
pub(super) fn webhooks(client: &Client) -> Result<Vec<Json>> {
    let mut webhooks = Vec::new();
    let mut token = None;
    loop {
        let query = query(&[("page_token", token)]);
        let page = client.get(&format!("/api/1.0/webhooks{query}"))?;
        webhooks.extend_from_slice(items(&page, "webhooks"));
        token = page["next_page_token"].as_str().map(str::to_owned);
        if token.is_none() {
            return Ok(webhooks);
        }
    }
}

/// Gives the id of the webhook that `text` names: its id, or its name where only one has it.
///
/// # Errors
/// 400 for a name that none or several have.
pub(super) fn webhook_id(text: &str, client: &Client) -> Result<String> {
    if is_id(text) {
        return Ok(text.to_owned());
    }
    let webhooks = webhooks(client)?;
    let named = webhooks.iter().filter(|webhook| webhook["name"] == text);
    let ids: Vec<String> = named.map(|webhook| cell(&webhook["webhook_id"])).collect();
    match &ids[..] {
        [id] => Ok(id.clone()),
        [] => Err(Error::invalid(format!(
            "There is no webhook with the name or id '{text}'. `trackway webhooks list` lists them."
        ))),
        several => Err(Error::invalid(format!(
            "Several webhooks have the name '{text}'. Name one by its id: {}.",
            several.join(", ")
        ))),
    }
}

/// Says whether a text is written as the ids of webhooks are: 32 hexadecimal digits in groups.
fn is_id(text: &str) -> bool {
    let digits = text.replace('-', "");
    digits.len() == 32 && digits.chars().all(|c| c.is_ascii_hexdigit())
}
