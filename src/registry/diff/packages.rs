//! Comparing packages: the same kind of list on both sides, wherever there is one.

use super::lists::{cut, maps};
use super::{Row, Section};
use crate::registry::environment::{Manager, Package};
use crate::registry::facts::Facts;
use std::collections::{BTreeMap, BTreeSet};

/// Compares packages.
///
/// A lock names every package, a list of pip only those that were asked for: only a lock is compared
/// with a lock. Where one side has nothing but a lock, its versions are compared for the packages
/// that the other side asks for.
pub(super) fn compare(a: &Facts, b: &Facts) -> Section<Row> {
    let (of_a, of_b) = (by_manager(a), by_manager(b));
    let mut note = None;
    let (list_a, list_b) = match (asked(&of_a), asked(&of_b)) {
        (Asked::Lock(a) | Asked::Both(a, _), Asked::Lock(b) | Asked::Both(b, _)) => (a, b),
        (Asked::Both(_, a) | Asked::Pip(a), Asked::Both(_, b) | Asked::Pip(b)) => (a, b),
        (Asked::Lock(lock), Asked::Pip(pip)) => {
            note = Some("a has only a lock: compared are the packages that b asks for.");
            (narrowed(&lock, &pip), pip)
        }
        (Asked::Pip(pip), Asked::Lock(lock)) => {
            note = Some("b has only a lock: compared are the packages that a asks for.");
            let lock = narrowed(&lock, &pip);
            (pip, lock)
        }
    };
    let with_rest = |mut list: Versions, of: &BTreeMap<Manager, Versions>| {
        for manager in [Manager::Conda, Manager::Build] {
            for (name, version) in of.get(&manager).into_iter().flatten() {
                list.insert(format!("{name} ({})", manager.name()), version.clone());
            }
        }
        list
    };
    let mut section = maps(&with_rest(list_a, &of_a), &with_rest(list_b, &of_b));
    if section.note.is_none() {
        section.note = note.map(str::to_owned);
    }
    if section.note.is_none() {
        section.note = unread(a, b);
    }
    cut(section, (a, b), "packages of ")
}

/// Versions by the name of the package; several versions of one are joined.
type Versions = BTreeMap<String, String>;

fn by_manager(facts: &Facts) -> BTreeMap<Manager, Versions> {
    let mut all: BTreeMap<(Manager, String), BTreeSet<String>> = BTreeMap::new();
    for package in &facts.environment.packages {
        let versions = all
            .entry((package.manager, package.name.clone()))
            .or_default();
        versions.insert(wanted(package));
    }
    let mut by_manager: BTreeMap<Manager, Versions> = BTreeMap::new();
    for ((manager, name), versions) in all {
        let versions: Vec<String> = versions.into_iter().collect();
        let list = by_manager.entry(manager).or_default();
        list.insert(name, versions.join(" | "));
    }
    by_manager
}

fn wanted(package: &Package) -> String {
    let mut wanted = package.asked();
    if !package.extras.is_empty() {
        wanted.push_str(&format!(" [{}]", package.extras.join(",")));
    }
    if let Some(marker) = &package.marker {
        wanted.push_str(&format!("; {marker}"));
    }
    wanted
}

enum Asked {
    Lock(Versions),
    Pip(Versions),
    Both(Versions, Versions),
}

fn asked(of: &BTreeMap<Manager, Versions>) -> Asked {
    let list = |manager| of.get(&manager).cloned();
    match (list(Manager::Lock), list(Manager::Pip)) {
        (Some(lock), Some(pip)) => Asked::Both(lock, pip),
        (Some(lock), None) => Asked::Lock(lock),
        (None, pip) => Asked::Pip(pip.unwrap_or_default()),
    }
}

fn narrowed(lock: &Versions, to: &Versions) -> Versions {
    let mut lock = lock.clone();
    lock.retain(|name, _| to.contains_key(name));
    lock
}

/// Says so where the packages of a side are not known at all.
fn unread(a: &Facts, b: &Facts) -> Option<String> {
    let sides = [("a", a), ("b", b)].into_iter();
    let unknown: Vec<&str> = sides
        .filter(|(_, facts)| facts.environment.packages.is_empty())
        .map(|(side, _)| side)
        .collect();
    (!unknown.is_empty()).then(|| format!("No packages are known of {}.", unknown.join(" and ")))
}
