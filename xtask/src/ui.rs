//! `cargo xt ui`: builds the web interface into `ui/dist`, from where the release binary takes it.
//!
//! It builds only when something below `ui/` changed since the last build.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use crate::{node, shell};

/// Gives the folder of the interface.
pub(crate) fn folder() -> PathBuf {
    shell::root().join("ui")
}

/// Builds the interface unless it is up to date; the answer is always that it is there.
///
/// Fails, saying what to do, if this machine cannot build it.
pub(crate) fn run() -> Result<bool> {
    build()?;
    println!("The web interface is in ui/dist");
    Ok(true)
}

/// Builds the interface unless it is up to date.
pub(crate) fn build() -> Result<()> {
    let stamp = shell::root().join("target/ui-built");
    let wanted = sources()?;
    let is_there = folder().join("dist/index.html").is_file();
    if is_there && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    node::install(&folder())?;
    println!("Building the web interface");
    let mut build = node::npm(&folder());
    ensure!(
        shell::succeeds(build.args(["run", "--silent", "build"]))?,
        "the web interface does not build, see above"
    );
    fs::create_dir_all(shell::root().join("target"))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}

/// Checks format, lints and types, and that the pages keep to their sizes; says whether all do.
///
/// Fails if this machine cannot build the interface.
pub(crate) fn check() -> Result<bool> {
    node::install(&folder())?;
    let is_clean = shell::succeeds(node::npm(&folder()).args(["run", "--silent", "check"]))?;
    build()?;
    let is_small = shell::succeeds(node::npm(&folder()).args(["run", "--silent", "size"]))?;
    Ok(is_clean && is_small)
}

/// Sums up every file that the build depends on.
fn sources() -> Result<String> {
    let mut git = shell::program("git");
    git.args([
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
        "ui",
    ]);
    let listed = shell::output_of(&mut git).context("`git ls-files` failed in the checkout")?;
    let mut paths: Vec<&str> = listed.split('\0').filter(|path| !path.is_empty()).collect();
    paths.sort_unstable();
    paths.dedup();
    let mut hasher = DefaultHasher::new();
    for path in paths {
        // A file that git knows may be deleted already.
        let bytes = fs::read(shell::root().join(path)).ok();
        (path, bytes).hash(&mut hasher);
    }
    Ok(format!("{:016x}", hasher.finish()))
}
