//! Building release binaries. It never starts them.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::shell;

/// Builds a program of a package in release mode, with cargo's progress on the screen, and gives its
/// path.
///
/// Fails if it does not compile.
pub(crate) fn release(package: &str, program: &str) -> Result<PathBuf> {
    let mut build = shell::cargo();
    build.args([
        "build",
        "--release",
        "--locked",
        "-p",
        package,
        "--bin",
        program,
    ]);
    // Cargo itself says where the binary is: the target folder may be set in several ways.
    build.arg("--message-format=json-render-diagnostics");
    let mut path = None;
    let status = shell::each_line(&mut build, |line| path = executable(line).or(path.take()))?;
    ensure!(status.success(), "{program} does not compile");
    path.context("cargo named no release binary")
}

fn executable(line: &str) -> Option<PathBuf> {
    let message: Value = serde_json::from_str(line).ok()?;
    Some(PathBuf::from(message.get("executable")?.as_str()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executable_is_read_from_the_artifact_message_only() {
        let artifact = r#"{"reason":"compiler-artifact","executable":"/x/release/trackway"}"#;
        assert_eq!(
            executable(artifact),
            Some(PathBuf::from("/x/release/trackway"))
        );
        for other in [
            r#"{"reason":"compiler-artifact","executable":null}"#,
            "{}",
            "no json",
        ] {
            assert_eq!(executable(other), None, "{other}");
        }
    }
}
