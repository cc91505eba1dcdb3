//! `uv.lock`: every package of a project in the version that was resolved, as TOML.

use super::{Line, LineKind, Listed, Manager, Package};
use toml::{Table, Value};

/// Reads the text of a `uv.lock`; its packages may come in several versions, each for a platform.
pub fn parse(text: &str) -> Result<Listed, String> {
    let document: Table = text
        .parse()
        .map_err(|error: toml::de::Error| format!("It is not TOML: {}.", error.message()))?;
    if !document.contains_key("version") {
        return Err("It has no version of its format.".to_owned());
    }
    let mut listed = Listed {
        python: text_of(document.get("requires-python")),
        ..Listed::default()
    };
    let packages = document.get("package").and_then(Value::as_array);
    for (index, entry) in packages.into_iter().flatten().enumerate() {
        match package(entry) {
            Some(package) => listed.packages.push(package),
            None => listed.lines.push(Line {
                line: index + 1,
                kind: LineKind::Unparsed,
                text: format!("package {} of the lock has no name", index + 1),
            }),
        }
    }
    Ok(listed)
}

fn package(entry: &Value) -> Option<Package> {
    let mut package = Package::named(Manager::Lock, entry.get("name")?.as_str()?);
    package.version = text_of(entry.get("version"));
    package.specifier = match &package.version {
        Some(version) => format!("=={version}"),
        None => String::new(),
    };
    let markers = entry.get("resolution-markers").and_then(Value::as_array);
    let markers: Vec<&str> = markers
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    package.marker = (!markers.is_empty()).then(|| markers.join(" or "));
    // An index is where packages come from anyway; anything else is worth telling.
    let source = entry.get("source").and_then(Value::as_table);
    package.url = source.and_then(|source| {
        let (kind, place) = source.iter().find(|(kind, _)| *kind != "registry")?;
        Some(format!("{kind} {}", place.as_str().unwrap_or("?")))
    });
    Some(package)
}

fn text_of(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).map(str::to_owned)
}
