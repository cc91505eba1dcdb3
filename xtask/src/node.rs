//! Node and npm: whether they are there, and packages installed from a committed lock file.
//!
//! Packages go into `node_modules` beside their lock file and nowhere else.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::shell;

/// The oldest Node that the packages run on.
const OLDEST: (u32, u32) = (20, 19);

/// Prepares npm in a folder of the checkout; it reports to nobody and asks nothing.
pub(crate) fn npm(folder: &Path) -> Command {
    let mut command = shell::program("npm");
    command
        .current_dir(folder)
        .env("npm_config_update_notifier", "false")
        .env("npm_config_fund", "false")
        .env("npm_config_audit", "false");
    command
}

/// Installs the packages that a folder's lock file names, unless they are there.
///
/// Fails, saying what to do, if this machine has no fitting Node or npm cannot install them.
pub(crate) fn install(folder: &Path) -> Result<()> {
    let version = version()?;
    let lock = folder.join("package-lock.json");
    let locked =
        fs::read_to_string(&lock).with_context(|| format!("cannot read {}", lock.display()))?;
    // Written last, so that an installation that broke off begins anew.
    let stamp = folder.join("node_modules/.installed");
    let wanted = format!("{version}\n{locked}");
    if fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    println!("Installing the Node packages of {}", name(folder));
    ensure!(
        shell::succeeds(npm(folder).args(["ci", "--no-audit", "--no-fund"]))?,
        "`npm ci` failed in {}, see above",
        name(folder)
    );
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Gives the version of Node.
///
/// Fails if it is missing or too old.
pub(crate) fn version() -> Result<String> {
    let (major, minor) = OLDEST;
    let advice = format!("install Node.js {major}.{minor} or later, with npm");
    let Some(version) = shell::output_of(shell::program("node").arg("--version")) else {
        bail!("Node.js is not installed: {advice}");
    };
    let version = version.trim().to_owned();
    ensure!(
        is_new_enough(&version),
        "Node.js {version} is too old: {advice}"
    );
    ensure!(
        shell::output_of(shell::program("npm").arg("--version")).is_some(),
        "npm is not installed: {advice}"
    );
    Ok(version)
}

fn is_new_enough(version: &str) -> bool {
    let mut numbers = version.trim_start_matches('v').split('.');
    let mut next = || numbers.next()?.parse::<u32>().ok();
    next().zip(next()).is_some_and(|found| found >= OLDEST)
}

fn name(folder: &Path) -> String {
    let root = shell::root();
    folder
        .strip_prefix(&root)
        .unwrap_or(folder)
        .display()
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::is_new_enough;

    #[test]
    fn versions_are_compared_by_number() {
        for good in ["v20.19.0", "v20.20.2", "v22.0.0", "v100.1.0"] {
            assert!(is_new_enough(good), "{good}");
        }
        for bad in ["v20.9.0", "v18.20.0", "", "nothing"] {
            assert!(!is_new_enough(bad), "{bad}");
        }
    }
}
