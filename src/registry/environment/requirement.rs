//! Lines of `requirements.txt`: requirements as PEP 508 has them, and what pip allows beside them.
//!
//! It follows no reference and fetches nothing; a line that it does not understand is kept as text.

use super::{Line, LineKind, Listed, Manager, Package};

/// Reads a whole `requirements.txt`.
pub fn parse_file(text: &str) -> Listed {
    let mut listed = Listed::default();
    let mut joined = String::new();
    let mut first = 1;
    for (index, line) in text.lines().enumerate() {
        if joined.is_empty() {
            first = index + 1;
        }
        match line.strip_suffix('\\') {
            Some(begun) => {
                joined.push_str(begun);
                continue;
            }
            None => joined.push_str(line),
        }
        add_line(&mut listed, &joined, first);
        joined.clear();
    }
    add_line(&mut listed, &joined, first);
    listed
}

/// Reads one line and adds what it says; `number` counts lines from 1.
pub fn add_line(listed: &mut Listed, line: &str, number: usize) {
    let line = without_comment(line).trim();
    if line.is_empty() {
        return;
    }
    let kept = |kind| Line {
        line: number,
        kind,
        text: without_secrets(line),
    };
    if line.starts_with('-') {
        let references = ["-r", "--requirement", "-c", "--constraint"];
        let is_reference = references.iter().any(|option| {
            let rest = line.strip_prefix(option);
            rest.is_some_and(|rest| rest.starts_with([' ', '=', '\t']))
        });
        listed.lines.push(kept(match is_reference {
            true => LineKind::Reference,
            false => LineKind::Option,
        }));
        return;
    }
    match parse(line) {
        Some(package) => listed.packages.push(package),
        None => listed.lines.push(kept(LineKind::Unparsed)),
    }
}

fn without_comment(line: &str) -> &str {
    if line.trim_start().starts_with('#') {
        return "";
    }
    match line.find(" #").or_else(|| line.find("\t#")) {
        Some(at) => line.get(..at).unwrap_or(line),
        None => line,
    }
}

/// Reads one requirement: `name[extras] specifier ; marker`, `name @ url`, or a URL that ends in
/// `#egg=name`.
pub fn parse(requirement: &str) -> Option<Package> {
    // Options of one requirement, such as hashes, say nothing about which version it is.
    let requirement = requirement.split(" --").next().unwrap_or_default().trim();
    let name_end = requirement
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')))
        .unwrap_or(requirement.len());
    let (name, rest) = requirement.split_at(name_end);
    let is_name = |name: &str| {
        let edge = |c: char| c.is_ascii_alphanumeric();
        name.starts_with(edge) && name.ends_with(edge)
    };
    if rest.starts_with([':', '/', '+']) {
        return from_url(requirement);
    }
    if !is_name(name) {
        return None;
    }
    let mut package = Package::named(Manager::Pip, name);
    let rest = match rest.trim_start().strip_prefix('[') {
        Some(rest) => {
            let (extras, rest) = rest.split_once(']')?;
            let extras = extras.split(',').map(str::trim);
            package.extras = extras
                .filter(|extra| !extra.is_empty())
                .map(str::to_owned)
                .collect();
            rest
        }
        None => rest,
    };
    if let Some(url) = rest.trim_start().strip_prefix('@') {
        let (url, marker) = match url.split_once(" ;") {
            Some((url, marker)) => (url, Some(marker.trim().to_owned())),
            None => (url, None),
        };
        package.url = Some(without_secrets(url.trim())).filter(|url| !url.is_empty());
        package.marker = marker;
        return package.url.is_some().then_some(package);
    }
    let (specifier, marker) = match rest.split_once(';') {
        Some((specifier, marker)) => (specifier, Some(marker.trim().to_owned())),
        None => (rest, None),
    };
    package.marker = marker.filter(|marker| !marker.is_empty());
    package.specifier = specifier_of(specifier)?;
    package.version = pinned(&package.specifier);
    Some(package)
}

fn from_url(requirement: &str) -> Option<Package> {
    let (_, fragment) = requirement.split_once('#')?;
    let egg = fragment
        .split('&')
        .find_map(|part| part.strip_prefix("egg="))?;
    let name = egg.split('[').next().unwrap_or_default();
    let mut package = Package::named(Manager::Pip, name);
    package.url = Some(without_secrets(requirement));
    (!package.name.is_empty()).then_some(package)
}

/// Checks a list of version clauses and writes it without spaces.
fn specifier_of(text: &str) -> Option<String> {
    let text = text.trim();
    let text = match text.strip_prefix('(') {
        Some(inner) => inner.strip_suffix(')')?,
        None => text,
    };
    if text.is_empty() {
        return Some(String::new());
    }
    let mut clauses = Vec::new();
    for clause in text
        .split(',')
        .map(str::trim)
        .filter(|clause| !clause.is_empty())
    {
        let operators = ["===", "==", "~=", "!=", "<=", ">=", "<", ">"];
        let (operator, version) = operators
            .iter()
            .find_map(|operator| Some((operator, clause.strip_prefix(operator)?.trim())))?;
        if version.is_empty() || version.contains(char::is_whitespace) {
            return None;
        }
        clauses.push(format!("{operator}{version}"));
    }
    Some(clauses.join(","))
}

/// Gives the one version that a specifier allows.
fn pinned(specifier: &str) -> Option<String> {
    let version = specifier
        .strip_prefix("===")
        .or_else(|| specifier.strip_prefix("=="))?;
    (!version.contains([',', '*'])).then(|| version.to_owned())
}

/// Takes the user and password out of URLs: an index may be written with a token.
fn without_secrets(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("://") {
        written.push_str(before);
        written.push_str("://");
        let end = after
            .find(|c: char| c == '/' || c.is_whitespace())
            .unwrap_or(after.len());
        let (authority, after) = after.split_at(end);
        match authority.rsplit_once('@') {
            // Git itself is reached as the user git, which is no secret.
            Some((user, host)) if user != "git" => written.push_str(&format!("***@{host}")),
            _ => written.push_str(authority),
        }
        rest = after;
    }
    written.push_str(rest);
    written
}
