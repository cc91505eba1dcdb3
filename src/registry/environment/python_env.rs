//! `python_env.yaml`: the Python version, the tools to build with, and pip's requirements.

use super::conda::{keep, list};
use super::{LineKind, Listed, Manager, requirement};
use crate::registry::yaml;
use serde_json::Value as Json;

/// Reads the text of a `python_env.yaml`.
pub fn parse(text: &str) -> Result<Listed, String> {
    let document = yaml::parse(text)?;
    let Json::Object(document) = document else {
        return Err("It is no mapping.".to_owned());
    };
    let mut listed = Listed {
        python: document.get("python").and_then(yaml::text),
        ..Listed::default()
    };
    for (key, manager) in [
        ("build_dependencies", Manager::Build),
        ("dependencies", Manager::Pip),
    ] {
        for (index, line) in list(document.get(key)).iter().enumerate() {
            let before = listed.packages.len();
            match line {
                Json::String(line) => requirement::add_line(&mut listed, line, index + 1),
                _ => keep(&mut listed, index, LineKind::Unparsed, line),
            }
            for package in listed.packages.iter_mut().skip(before) {
                package.manager = manager;
            }
        }
    }
    Ok(listed)
}
