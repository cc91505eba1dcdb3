//! What the project depends on: sources, licenses, versions, as cargo resolved them.
//!
//! It asks no network service for advisories; it works from the lock file alone.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;

use super::files::Files;
use super::{Finding, Report, license};
use crate::shell;

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// One package of the lock file.
struct Package {
    name: String,
    version: String,
    /// None for the members of the workspace and other local folders.
    source: Option<String>,
    license: Option<String>,
    is_member: bool,
}

/// Checks every package of the lock file against `deny.toml`.
pub(crate) fn check(files: &Files) -> Result<Report> {
    let deny = files.text("deny.toml")?.context("deny.toml is not UTF-8")?;
    let accepted = accepted_licenses(&deny);
    let packages = resolved()?;
    let failures = packages
        .iter()
        .flat_map(|package| {
            [
                source_complaint(package),
                license_complaint(package, &accepted),
            ]
            .into_iter()
            .flatten()
            .map(|what| in_lock_file(format!("{} {} {what}", package.name, package.version)))
        })
        .collect();
    Ok(Report {
        failures,
        warnings: duplicates(&packages).map(in_lock_file).collect(),
    })
}

fn in_lock_file(what: String) -> Finding {
    Finding {
        path: "Cargo.lock".to_owned(),
        line: None,
        what,
    }
}

fn resolved() -> Result<Vec<Package>> {
    let mut cargo = shell::cargo();
    cargo.args(["metadata", "--format-version", "1", "--locked"]);
    let text = shell::output_of(&mut cargo)
        .context("`cargo metadata --locked` failed; does Cargo.lock fit Cargo.toml?")?;
    let metadata: Value = serde_json::from_str(&text)?;
    let members: Vec<&Value> = list(&metadata, "workspace_members").collect();
    Ok(list(&metadata, "packages")
        .map(|package| Package {
            name: string(package, "name").unwrap_or_default(),
            version: string(package, "version").unwrap_or_default(),
            source: string(package, "source"),
            license: string(package, "license"),
            is_member: package.get("id").is_some_and(|id| members.contains(&id)),
        })
        .collect())
}

fn list<'a>(object: &'a Value, key: &str) -> impl Iterator<Item = &'a Value> {
    object
        .get(key)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn string(object: &Value, key: &str) -> Option<String> {
    Some(object.get(key)?.as_str()?.to_owned())
}

/// Gives the quoted entries of `allow = [..]`. The file is ours and one entry stands on each line,
/// which is all of TOML that has to be understood here.
fn accepted_licenses(deny: &str) -> Vec<String> {
    deny.lines()
        .map(|line| line.split('#').next().unwrap_or("").trim())
        .skip_while(|line| !line.starts_with("allow"))
        .skip(1)
        .take_while(|line| !line.starts_with(']'))
        .filter_map(|line| line.strip_prefix('"')?.split_once('"'))
        .map(|(license, _)| license.to_owned())
        .collect()
}

fn source_complaint(package: &Package) -> Option<String> {
    match package.source.as_deref() {
        Some(CRATES_IO) => None,
        Some(other) => Some(format!("comes from {other}; take it from crates.io")),
        None if package.is_member => None,
        None => Some("comes from a folder outside the workspace; take it from crates.io".into()),
    }
}

fn license_complaint(package: &Package, accepted: &[String]) -> Option<String> {
    let Some(expression) = &package.license else {
        return Some("names no license; replace it".into());
    };
    match license::is_met(expression, &|license| {
        accepted.iter().any(|known| known == license)
    }) {
        Ok(true) => None,
        Ok(false) => Some(format!(
            "is under `{expression}`, which deny.toml does not allow; replace it"
        )),
        Err(reason) => Some(format!(
            "has a license that cannot be read: {reason}; replace it"
        )),
    }
}

fn duplicates(packages: &[Package]) -> impl Iterator<Item = String> {
    let mut versions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for package in packages {
        versions
            .entry(&package.name)
            .or_default()
            .push(&package.version);
    }
    versions
        .into_iter()
        .filter(|(_, versions)| versions.len() > 1)
        .map(|(name, versions)| format!("{name} is built as {}", versions.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(source: Option<&str>, license: Option<&str>) -> Package {
        Package {
            name: "thing".into(),
            version: "1.0.0".into(),
            source: source.map(str::to_owned),
            license: license.map(str::to_owned),
            is_member: false,
        }
    }

    #[test]
    fn only_crates_io_and_the_workspace_are_sources() {
        assert_eq!(source_complaint(&package(Some(CRATES_IO), None)), None);
        let member = Package {
            is_member: true,
            ..package(None, None)
        };
        assert_eq!(source_complaint(&member), None);
        for source in [
            None,
            Some("git+https://example.com/x"),
            Some("registry+https://e.com"),
        ] {
            assert!(
                source_complaint(&package(source, None)).is_some(),
                "{source:?}"
            );
        }
    }

    #[test]
    fn licenses_are_read_from_the_file_and_applied() {
        let accepted = accepted_licenses(
            "[licenses]\nallow = [\n  # why\n  \"MIT\", # old\n  \"ISC\",\n]\n[x]\n\"GPL\"\n",
        );
        assert_eq!(accepted, ["MIT", "ISC"]);
        assert_eq!(
            license_complaint(&package(None, Some("GPL-2.0 OR MIT")), &accepted),
            None
        );
        for license in [None, Some("GPL-2.0"), Some("MIT OR")] {
            assert!(
                license_complaint(&package(None, license), &accepted).is_some(),
                "{license:?}"
            );
        }
    }

    #[test]
    fn two_versions_of_one_package_are_listed() {
        let newer = Package {
            version: "2.0.0".into(),
            ..package(None, None)
        };
        let other = Package {
            name: "other".into(),
            ..package(None, None)
        };
        let found: Vec<String> = duplicates(&[package(None, None), newer, other]).collect();
        assert_eq!(found, ["thing is built as 1.0.0 and 2.0.0"]);
    }
}
