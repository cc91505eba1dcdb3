//! `conda.yaml`: packages of conda, and those of pip among them.

use super::{Line, LineKind, Listed, Manager, Package, requirement};
use crate::registry::yaml;
use serde_json::Value as Json;

/// Reads the text of a `conda.yaml`.
pub fn parse(text: &str) -> Result<Listed, String> {
    let document = yaml::parse(text)?;
    let Json::Object(document) = document else {
        return Err("It is no mapping.".to_owned());
    };
    let mut listed = Listed::default();
    for (index, channel) in list(document.get("channels")).iter().enumerate() {
        keep(&mut listed, index, LineKind::Channel, channel);
    }
    for (index, dependency) in list(document.get("dependencies")).iter().enumerate() {
        match dependency {
            Json::String(spec) => match parse_spec(spec) {
                Some(package) if package.name == "python" => {
                    listed.python = Some(package.asked());
                }
                Some(package) => listed.packages.push(package),
                None => keep(&mut listed, index, LineKind::Unparsed, dependency),
            },
            Json::Object(nested) if nested.len() == 1 && nested.contains_key("pip") => {
                for (index, line) in list(nested.get("pip")).iter().enumerate() {
                    match line {
                        Json::String(line) => {
                            requirement::add_line(&mut listed, line, index + 1);
                        }
                        _ => keep(&mut listed, index, LineKind::Unparsed, line),
                    }
                }
            }
            _ => keep(&mut listed, index, LineKind::Unparsed, dependency),
        }
    }
    Ok(listed)
}

pub(super) fn list(value: Option<&Json>) -> &[Json] {
    value.and_then(Json::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn keep(listed: &mut Listed, index: usize, kind: LineKind, value: &Json) {
    let text = yaml::text(value).unwrap_or_else(|| value.to_string());
    listed.lines.push(Line {
        line: index + 1,
        kind,
        text,
    });
}

/// Reads `[channel::]name`, with a version after `=` or a comparison, and a build after one more
/// `=`. Conda's single `=` also takes longer versions; who writes one means that one.
fn parse_spec(spec: &str) -> Option<Package> {
    let spec = spec.trim();
    let (channel, spec) = match spec.split_once("::") {
        Some((channel, spec)) => (Some(channel), spec),
        None => (None, spec),
    };
    let name_end = spec
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')))
        .unwrap_or(spec.len());
    let (name, rest) = spec.split_at(name_end);
    if !name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_') {
        return None;
    }
    let mut package = Package::named(Manager::Conda, name);
    if let Some(channel) = channel {
        package.extras = vec![format!("channel {channel}")];
    }
    let rest = rest.trim();
    if rest.starts_with(['[', '(', '@', '#', ':', '/']) {
        return None;
    }
    let exact = rest
        .strip_prefix("==")
        .or_else(|| rest.strip_prefix('='))
        .map(|version| version.split(['=', ' ']).next().unwrap_or_default());
    package.version = exact
        .filter(|version| !version.is_empty() && !version.contains([',', '|', '*', '<', '>']))
        .map(str::to_owned);
    package.specifier = rest.split_whitespace().collect();
    Some(package)
}
