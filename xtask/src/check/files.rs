//! The files that belong to the project: what git tracks, and what it would add.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result};

use crate::shell;

/// The project's files, by their paths from the root of the checkout, with `/`.
#[derive(Debug)]
pub(crate) struct Files {
    pub(crate) paths: Vec<String>,
    root: PathBuf,
}

impl Files {
    /// Lists the files. Fails where git cannot.
    pub(crate) fn list() -> Result<Files> {
        let mut git = shell::program("git");
        git.args([
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
        ]);
        let listed = shell::output_of(&mut git).context("`git ls-files` failed in the checkout")?;
        let root = shell::root();
        let mut paths: Vec<String> = listed
            .split('\0')
            .filter(|path| !path.is_empty() && root.join(path).is_file())
            .map(str::to_owned)
            .collect();
        paths.sort();
        paths.dedup();
        Ok(Files { paths, root })
    }

    /// Gives the paths of Rust files below a folder (`src/`), or of all for an empty name.
    pub(crate) fn rust_below(&self, folder: &str) -> impl Iterator<Item = &str> {
        let paths = self.paths.iter().map(String::as_str);
        paths.filter(move |path| path.starts_with(folder) && path.ends_with(".rs"))
    }

    /// Gives the text of a file, or none if it is not UTF-8. Fails if it cannot be read.
    pub(crate) fn text(&self, path: &str) -> Result<Option<String>> {
        let bytes =
            fs::read(self.root.join(path)).with_context(|| format!("cannot read {path}"))?;
        Ok(String::from_utf8(bytes).ok())
    }
}
