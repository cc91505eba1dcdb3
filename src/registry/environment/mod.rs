//! Which packages a model was made with, read from the environment files beside it.
//!
//! One file a format: `requirement` (requirements.txt), `conda` (conda.yaml), `python_env`
//! (python_env.yaml), `uv_lock` (uv.lock). It reads texts only: it never resolves, fetches,
//! installs or executes anything, and what it does not understand it keeps and marks.

mod conda;
mod python_env;
pub mod requirement;
mod uv_lock;

use serde::{Deserialize, Serialize};

/// Packages and lines that are kept of one file.
pub const MAX_ENTRIES: usize = 10_000;
/// The longest line that is kept whole, in characters.
const MAX_LINE: usize = 500;

/// Who installs a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Manager {
    Pip,
    Conda,
    /// What is needed to build the others: pip itself, setuptools, wheel.
    Build,
    /// A lock: every package, those that others ask for included.
    Lock,
}

impl Manager {
    /// Gives the name of the manager.
    pub fn name(self) -> &'static str {
        match self {
            Manager::Pip => "pip",
            Manager::Conda => "conda",
            Manager::Build => "build",
            Manager::Lock => "lock",
        }
    }
}

/// One package that a file asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Normalized by PEP 503: lower case, with single dashes.
    pub name: String,
    pub manager: Manager,
    /// The one version that is asked for; absent where several would do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The versions that would do, as the file says it without spaces; empty for any.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub specifier: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub extras: Vec<String>,
    /// Where it is asked for at all, such as `sys_platform == "linux"`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marker: Option<String>,
    /// Where it comes from, if not from an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The file that asks for it.
    pub file: String,
}

impl Package {
    /// Makes a package of which only the name is known.
    pub fn named(manager: Manager, name: &str) -> Self {
        Self {
            name: normalized(name),
            manager,
            version: None,
            specifier: String::new(),
            extras: Vec::new(),
            marker: None,
            url: None,
            file: String::new(),
        }
    }

    /// Says which version is asked for, as people write it: `1.2.3`, `>=1,<2`, a URL, or `any`.
    pub fn asked(&self) -> String {
        match (&self.version, &self.url) {
            (Some(version), Some(url)) => format!("{version} ({url})"),
            (Some(version), None) => version.clone(),
            (None, Some(url)) => url.clone(),
            (None, None) if self.specifier.is_empty() => "any".to_owned(),
            (None, None) => self.specifier.clone(),
        }
    }

    fn is_pinned(&self) -> bool {
        self.version.is_some() || self.url.is_some()
    }
}

/// What a line is that asks for no package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LineKind {
    /// An option of the installer, such as an index.
    Option,
    /// The name of another file; it is not followed.
    Reference,
    /// A channel of conda.
    Channel,
    /// Not understood.
    Unparsed,
}

/// A line that asks for no package.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// Counted from 1; in YAML, the place in its list.
    pub line: usize,
    pub kind: LineKind,
    pub text: String,
}

/// What one file lists.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listed {
    pub python: Option<String>,
    pub packages: Vec<Package>,
    pub lines: Vec<Line>,
}

/// How far the files settle which versions are installed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pinning {
    /// A lock settles every package.
    Lock,
    /// One version of each package that is asked for, but not of those that they ask for.
    Pinned,
    /// Several versions of at least one package would do.
    Partial,
    /// No package is known.
    #[default]
    None,
}

/// The formats of environment files, by the name of the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    Requirements,
    Conda,
    PythonEnv,
    UvLock,
}

impl Format {
    /// All formats with the names of their files, the one that says most first.
    pub const ALL: [(Format, &'static str); 4] = [
        (Format::UvLock, "uv.lock"),
        (Format::Requirements, "requirements.txt"),
        (Format::Conda, "conda.yaml"),
        (Format::PythonEnv, "python_env.yaml"),
    ];

    /// Reads the text of a file.
    ///
    /// # Errors
    /// A sentence that says what is wrong with the file.
    pub fn parse(self, text: &str) -> Result<Listed, String> {
        let mut listed = match self {
            Format::Requirements => requirement::parse_file(text),
            Format::Conda => conda::parse(text)?,
            Format::PythonEnv => python_env::parse(text)?,
            Format::UvLock => uv_lock::parse(text)?,
        };
        for line in &mut listed.lines {
            if line.text.chars().count() > MAX_LINE {
                line.text = line.text.chars().take(MAX_LINE).collect();
                line.text.push_str(" [cut]");
            }
        }
        Ok(listed)
    }
}

/// Says how far these packages are settled; build tools do not count, for nothing ever pins them.
/// A line that was not understood, or that installs a folder, may ask for anything.
pub fn pinning(packages: &[Package], lines: &[Line]) -> Pinning {
    if packages
        .iter()
        .any(|package| package.manager == Manager::Lock)
    {
        return Pinning::Lock;
    }
    let is_loose = |line: &Line| match line.kind {
        LineKind::Unparsed => true,
        LineKind::Option => line.text.starts_with("-e") || line.text.starts_with("--editable"),
        LineKind::Reference | LineKind::Channel => false,
    };
    let asked = || packages.iter().filter(|package| !is_build_tool(package));
    match asked().count() {
        0 => Pinning::None,
        _ if asked().all(Package::is_pinned) && !lines.iter().any(is_loose) => Pinning::Pinned,
        _ => Pinning::Partial,
    }
}

/// Says whether a package only helps to install others.
pub fn is_build_tool(package: &Package) -> bool {
    package.manager == Manager::Build || matches!(&*package.name, "pip" | "setuptools" | "wheel")
}

/// Normalizes the name of a package by PEP 503.
pub fn normalized(name: &str) -> String {
    let mut normal = String::with_capacity(name.len());
    for c in name.chars() {
        match c {
            '-' | '_' | '.' if normal.ends_with('-') => {}
            '-' | '_' | '.' => normal.push('-'),
            _ => normal.extend(c.to_lowercase()),
        }
    }
    normal
}

#[cfg(test)]
mod tests;
