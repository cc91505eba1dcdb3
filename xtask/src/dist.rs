//! `cargo xt dist`: the release binary with the web interface inside, as it is handed out.

use std::fs;

use anyhow::{Context, Result};

use crate::{binary, shell, ui};

/// Builds the interface and the binary, and puts it into `target/dist` with its checksum.
///
/// Fails if one of them does not build.
pub(crate) fn run() -> Result<bool> {
    ui::build()?;
    let built = binary::release("trackway", "trackway")?;
    let folder = shell::root().join("target/dist");
    fs::create_dir_all(&folder)?;
    let program = folder.join(built.file_name().context("the binary has no name")?);
    fs::copy(&built, &program).with_context(|| format!("cannot write {}", program.display()))?;
    let size = fs::metadata(&program)?.len();
    println!("{}: {:.1} MB", program.display(), size as f64 / 1e6);
    let mut sum = shell::program("sha256sum");
    sum.current_dir(&folder)
        .arg(program.file_name().unwrap_or_default());
    match shell::output_of(&mut sum) {
        Some(line) => {
            fs::write(folder.join("SHA256SUMS"), &line)?;
            print!("{line}");
        }
        None => println!("sha256sum is not installed, so that there is no checksum"),
    }
    Ok(true)
}
