//! Chromium, in which the tests look at the pages: the one of the system, installed where Debian's
//! or Ubuntu's tools can do so without asking anybody.

use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::shell;

/// What says which browser to take.
pub(crate) const VARIABLE: &str = "TRACKWAY_CHROMIUM";
/// The names under which a browser of this kind may be installed.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome-stable",
    "google-chrome",
];

/// Gives the browser.
///
/// Fails, saying what to do, if this machine cannot have one.
pub(crate) fn prepare() -> Result<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    shell::install("chromium")?;
    find().with_context(|| {
        format!(
            "there is no Chromium: install the package chromium, or name a Chromium or Chrome in \
             {VARIABLE}"
        )
    })
}

fn find() -> Option<PathBuf> {
    let named = std::env::var_os(VARIABLE).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&path)
        .flat_map(|folder| NAMES.map(|name| folder.join(name)))
        .filter(|path| path.is_file());
    // On Ubuntu the package is a note that asks for another installer, so that it must answer.
    named
        .into_iter()
        .chain(installed)
        .find(|program| shell::output_of(shell::program(program).arg("--version")).is_some())
}
