//! promtool, which checks metrics, alert rules and tests of rules.
//!
//! One that is installed is taken; otherwise the package of Debian or Ubuntu is unpacked below
//! `target/tools`. Nothing is installed in the system, and no Prometheus is started.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use crate::shell;

/// Gives the program.
///
/// Fails, saying what to do, if this machine cannot have it.
pub(crate) fn prepare() -> Result<PathBuf> {
    if works(Path::new("promtool")) {
        return Ok("promtool".into());
    }
    let folder = shell::root().join("target/tools/prometheus");
    let program = folder.join("usr/bin/promtool");
    if !works(&program) {
        unpack(&folder)?;
    }
    ensure!(
        works(&program),
        "promtool cannot be had: install the package prometheus, then run the command again"
    );
    Ok(program)
}

fn works(program: &Path) -> bool {
    shell::output_of(shell::program(program).arg("--version")).is_some()
}

fn unpack(folder: &Path) -> Result<()> {
    println!("Unpacking promtool into target/tools");
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir_all(folder)?;
    let fetch = || {
        let mut fetch = shell::program("apt-get");
        fetch.args(["download", "-q", "prometheus"]);
        shell::output_of(fetch.current_dir(folder))
    };
    if fetch().is_none() {
        // Without package lists there is nothing to download; only root may fetch them.
        shell::output_of(shell::program("apt-get").args(["update", "-q"]));
        fetch().context("promtool is not installed and `apt-get download prometheus` fails")?;
    }
    let packages = fs::read_dir(folder)?.filter_map(|entry| Some(entry.ok()?.path()));
    let package = packages
        .into_iter()
        .find(|path| path.extension().is_some_and(|end| end == "deb"))
        .context("`apt-get download prometheus` left no package")?;
    let mut unpack = shell::program("dpkg-deb");
    unpack.arg("-x").arg(&package).arg(folder);
    ensure!(shell::succeeds(&mut unpack)?, "dpkg-deb failed, see above");
    fs::remove_file(package)?;
    Ok(())
}
