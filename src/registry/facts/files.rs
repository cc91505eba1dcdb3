//! What the files of a model say: the `MLmodel` file and the environment files.
//!
//! It gets the bytes, and opens nothing itself. It never loads or unpickles a model.

use super::{Cut, Environment, FileLine, ReadFile, Source};
use crate::artifacts::hexadecimal;
use crate::registry::environment::{self, Format, Listed, MAX_ENTRIES, Manager, Package};
use crate::registry::mlmodel::{self, MlModel};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};
use std::collections::HashSet;

/// The file in which MLflow describes a model.
pub const MLMODEL: &str = "MLmodel";
/// The largest file that is read, in bytes.
pub const MAX_FILE: u64 = 4 << 20;
/// What goes before the name of a file of the run's own folder.
pub const OF_RUN: &str = "run:";

/// What was found where a version says its files are.
#[derive(Debug, Default)]
pub struct Found {
    /// Where the files are; the facts hold for a version only if it says the same.
    pub location: String,
    /// Why nothing could be read there.
    pub problem: Option<String>,
    pub files: Vec<FoundFile>,
}

/// A file that is there.
#[derive(Debug)]
pub struct FoundFile {
    /// Below the model's folder; `run:` goes before a file of the run's own folder.
    pub path: String,
    /// The bytes, or why they could not be read.
    pub content: Result<Vec<u8>, String>,
}

/// What the files say.
#[derive(Debug, Default)]
pub struct FileFacts {
    pub source: Source,
    pub model: Option<MlModel>,
    pub signature: Option<Json>,
    pub environment: Environment,
    pub cut: Vec<Cut>,
}

/// Reads all that was found.
pub fn read(found: Found) -> FileFacts {
    let mut facts = FileFacts::default();
    facts.source.location = found.location;
    facts.source.problem = found.problem;
    let mut listed = Vec::new();
    for file in found.files {
        let outcome = take(&mut facts, &mut listed, &file);
        let bytes = file.content.as_ref().ok();
        facts.source.read.push(ReadFile {
            bytes: bytes.map(|bytes| bytes.len() as u64),
            sha256: bytes.map(|bytes| hexadecimal(&Sha256::digest(bytes))),
            problem: outcome.err(),
            path: file.path,
        });
    }
    gather(&mut facts, listed);
    facts
}

fn take(
    facts: &mut FileFacts,
    listed: &mut Vec<(String, Listed)>,
    file: &FoundFile,
) -> Result<(), String> {
    let bytes = file.content.as_ref().map_err(Clone::clone)?;
    let text = std::str::from_utf8(bytes).map_err(|_| "It is not UTF-8.".to_owned())?;
    let name = file.path.strip_prefix(OF_RUN).unwrap_or(&file.path);
    if name == MLMODEL {
        let parsed = mlmodel::parse(text)?;
        facts.model = Some(parsed.model);
        facts.signature = parsed.signature;
        facts.cut.extend(parsed.cut);
        return parsed.signature_problem.map_or(Ok(()), Err);
    }
    let format = Format::ALL.iter().find(|(_, other)| *other == name);
    let Some((format, _)) = format else {
        return Ok(());
    };
    listed.push((file.path.clone(), format.parse(text)?));
    Ok(())
}

/// Puts what all environment files list into one list.
fn gather(facts: &mut FileFacts, listed: Vec<(String, Listed)>) {
    let logged = facts
        .model
        .as_ref()
        .and_then(|model| model.python_version.clone());
    let environment = &mut facts.environment;
    // A lock names the versions of Python that would do, the others the one there was.
    let named = |wanted: fn(&str) -> bool| {
        let mut all = listed
            .iter()
            .filter_map(|(_, listed)| listed.python.clone());
        all.find(|python| wanted(python))
    };
    let is_one = |python: &str| python.starts_with(|c: char| c.is_ascii_digit());
    environment.python = logged.or_else(|| named(is_one)).or_else(|| named(|_| true));
    let mut seen = HashSet::new();
    for (path, listed) in listed {
        Cut::note(
            &mut facts.cut,
            &format!("packages of {path}"),
            MAX_ENTRIES,
            listed.packages.len(),
        );
        Cut::note(
            &mut facts.cut,
            &format!("lines of {path}"),
            MAX_ENTRIES,
            listed.lines.len(),
        );
        let mut new = Vec::new();
        for mut package in listed.packages.into_iter().take(MAX_ENTRIES) {
            // MLflow writes the same list of pip's into requirements.txt and conda.yaml.
            if package.manager == Manager::Pip && seen.contains(&identity(&package)) {
                continue;
            }
            package.file.clone_from(&path);
            new.push(package);
        }
        seen.extend(new.iter().map(identity));
        environment.packages.extend(new);
        environment.lines.extend(
            listed
                .lines
                .into_iter()
                .take(MAX_ENTRIES)
                .map(|line| FileLine {
                    file: path.clone(),
                    line,
                }),
        );
    }
    let lines: Vec<_> = environment
        .lines
        .iter()
        .map(|line| line.line.clone())
        .collect();
    environment.pinning = environment::pinning(&environment.packages, &lines);
}

fn identity(package: &Package) -> (String, String, Option<String>) {
    (
        package.name.clone(),
        package.specifier.clone(),
        package.marker.clone(),
    )
}
