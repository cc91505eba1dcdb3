//! `trackway config`: every value of the configuration and where it came from.

use super::{Outcome, columns, json};
use crate::config::{Effective, HIDDEN, Loaded, location};
use crate::error::Result;
use serde_json::json;

pub(super) fn run(loaded: &Loaded, as_json: bool) -> Result<Outcome> {
    let resolved = resolved(loaded)?;
    let stdout = match as_json {
        true => document(loaded, &resolved),
        false => table(loaded, &resolved),
    };
    let stderr = loaded
        .warnings
        .iter()
        .map(|text| format!("warning: {text}\n"));
    Ok(Outcome {
        exit: 0,
        stdout,
        stderr: stderr.collect(),
    })
}

/// Gives where things are, once defaults are filled in and relative paths are resolved.
fn resolved(loaded: &Loaded) -> Result<Vec<(&'static str, String)>> {
    let config = &loaded.config;
    Ok(vec![
        ("database", config.database_options()?.to_string()),
        ("audit key", config.audit_key_path()?.display().to_string()),
        ("artifacts", config.artifact_destination()?.to_string()),
        (
            "artifact root",
            config.artifact_root()?.location_of("EXPERIMENT_ID"),
        ),
    ])
}

/// Whether a value is a secret; that there is none is shown.
fn is_hidden(entry: &Effective) -> bool {
    let is_empty = match &entry.value {
        toml::Value::Array(items) => items.is_empty(),
        value => value.as_str() == Some(""),
    };
    entry.key.is_hidden && !is_empty
}

fn document(loaded: &Loaded, resolved: &[(&'static str, String)]) -> String {
    let value = |entry: &Effective| {
        json!({
            "key": entry.key.name,
            "value": match (is_hidden(entry), &entry.value) {
                (true, _) => json!(HIDDEN),
                (false, toml::Value::String(text)) => json!(location::without_password(text)),
                (false, value) => serde_json::to_value(value).unwrap_or_default(),
            },
            "source": entry.source.to_string(),
        })
    };
    let values: Vec<_> = loaded.values.iter().map(value).collect();
    let names = resolved
        .iter()
        .map(|(name, path)| (name.replace(' ', "_"), json!(path)));
    let resolved: serde_json::Map<String, serde_json::Value> = names.collect();
    json(&json!({"values": values, "resolved": resolved, "warnings": loaded.warnings}))
}

fn table(loaded: &Loaded, resolved: &[(&'static str, String)]) -> String {
    let mut rows = vec![["KEY", "VALUE", "SOURCE"].map(String::from)];
    rows.extend(loaded.values.iter().map(|entry| {
        let value = match is_hidden(entry) {
            true => HIDDEN.to_owned(),
            false => location::without_password(&entry.value.to_string()),
        };
        [entry.key.name.into(), value, entry.source.to_string()]
    }));
    let paths: Vec<_> = resolved
        .iter()
        .map(|(name, path)| [name.to_string(), path.clone()])
        .collect();
    format!("{}\n{}", columns(&rows), columns(&paths))
}
