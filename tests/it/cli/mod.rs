//! The commands that are clients, against a server that listens.

mod audit;
mod demo;
mod models;
mod versions;
mod webhooks;

use crate::server::TestServer;
use trackway::cli::{self, Outcome};

/// Runs a command against a server, given as the words of a line; a tilde stands for a space.
async fn run(server: &TestServer, line: &str) -> Outcome {
    let url = server.listen().await;
    let words: Vec<String> = line
        .split_whitespace()
        .map(|word| word.replace('~', " "))
        .collect();
    let environment = vec![("TRACKWAY_URL".to_owned(), url)];
    let work = move || {
        let words = std::iter::once("trackway".to_owned()).chain(words);
        cli::run(words.map(Into::into), environment)
    };
    tokio::task::spawn_blocking(work).await.unwrap()
}

/// Gives the output of a command that succeeds.
async fn printed(server: &TestServer, line: &str) -> String {
    let outcome = run(server, line).await;
    assert_eq!(outcome.exit, 0, "{line}: {}", outcome.stderr);
    assert_eq!(outcome.stderr, "");
    outcome.stdout
}
