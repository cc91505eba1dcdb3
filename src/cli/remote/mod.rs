//! The commands that are clients of a running server: `models`, `webhooks` and `audit`.

pub(super) mod audit;
pub(super) mod client;
mod deliveries;
pub(super) mod models;
mod named;
mod table;
pub(super) mod versions;
pub(super) mod webhooks;

use super::Outcome;
use crate::error::Result;
use client::Client;

/// Which server is asked, and how the answer is shown.
#[derive(Debug, clap::Args)]
pub(super) struct Remote {
    /// The server's address. [env: TRACKWAY_URL, MLFLOW_TRACKING_URI; default: http://127.0.0.1:5000]
    #[arg(long, global = true, value_name = "URL")]
    url: Option<String>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub(super) json: bool,
}

impl Remote {
    pub(super) fn client(&self, environment: &[(String, String)]) -> Result<Client> {
        Client::new(self.url.as_deref(), environment)
    }

    /// Prints the server's answer as it is, or what `table` makes of it.
    fn print(
        &self,
        answer: &serde_json::Value,
        table: impl FnOnce(&serde_json::Value) -> String,
    ) -> Outcome {
        Outcome {
            stdout: match self.json {
                true => super::json(answer),
                false => table(answer),
            },
            ..Outcome::default()
        }
    }
}

/// Says what was done, or prints `{}` for programs.
fn done(remote: &Remote, text: String) -> Outcome {
    remote.print(&serde_json::json!({}), |_| text + "\n")
}
