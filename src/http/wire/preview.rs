//! The wire of a file that is shown: whether its scripts may run, and whether it is saved.

use super::field::{Field, Message};
use crate::error::{Error, Result};
use schemars::JsonSchema;
use serde::Deserialize;

/// How a file is sent.
#[derive(Debug, Clone, Copy)]
pub struct Asked {
    pub scripts: Scripts,
    /// Whether the browser saves it.
    pub download: bool,
}

/// Whether the scripts of a file run, in its sandbox.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scripts {
    Still,
    Run,
}

/// The query of a file that is shown.
#[derive(Deserialize, Default, JsonSchema)]
#[serde(default)]
pub struct Preview {
    /// `allow` lets scripts run, without this server's pages and without a network.
    scripts: Field<String>,
    /// true sends the file as an attachment.
    download: Field<String>,
}

impl Message for Preview {}

impl Preview {
    /// Checks the query.
    pub fn check(self) -> Result<Asked> {
        let scripts = match self.scripts.optional("scripts")?.as_deref() {
            None | Some("") => Scripts::Still,
            Some("allow") => Scripts::Run,
            Some(other) => {
                return Err(Error::invalid(format!(
                    "scripts must be allow or absent, and is '{other}'."
                )));
            }
        };
        let download = match self.download.optional("download")?.as_deref() {
            None | Some("" | "false") => false,
            Some("true") => true,
            Some(other) => {
                return Err(Error::invalid(format!(
                    "download must be true or false, and is '{other}'."
                )));
            }
        };
        Ok(Asked { scripts, download })
    }
}
