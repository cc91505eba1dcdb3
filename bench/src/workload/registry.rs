//! W6: the registry of 1,000 models with 20 versions each.

use super::Scale;
use super::metrics::title;
use crate::api::{self, escape};
use crate::client::{Client, get, post};
use crate::data::mix;
use crate::fill::{ALIAS, MODELS, VERSIONS, model_name};
use crate::pool;
use crate::sample::{Sample, Work, measure};
use crate::server::{Kind, Running};
use anyhow::{Result, ensure};
use serde_json::json;

/// What is asked of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Question {
    ByAlias,
    Search,
    SetAlias,
}

/// W6: version by alias, version search, alias set.
pub(crate) fn lookups(server: &Running, scale: &Scale) -> Vec<Sample> {
    if !matches!(server.kind, Kind::Trackway | Kind::Mlflow { .. }) {
        return Vec::new();
    }
    let questions = [
        (Question::ByAlias, "version by alias"),
        (Question::Search, "version search"),
        (Question::SetAlias, "alias set"),
    ];
    let mut samples = Vec::new();
    for (question, what) in questions {
        for clients in [1, 64] {
            let what = format!("{what}, {}", title(clients));
            let sample = Sample::new("W6", what, "requests/s");
            samples.push(sample.rate(rate(server, scale, clients, question)));
        }
    }
    samples
}

fn rate(server: &Running, scale: &Scale, clients: usize, question: Question) -> Result<Work> {
    check(&mut server.client(), question)?;
    let work = measure(server, || {
        let numbers: Vec<u64> = (0..clients as u64).collect();
        let parts = pool::run(server, numbers, |client, number| {
            pool::repeat(client, scale.time, 1.0, |count| {
                question.request(mix(number << 32 | count))
            })
        })?;
        Ok(pool::checked(pool::sum(&parts))?.units)
    })?;
    check(&mut server.client(), question)?;
    Ok(work)
}

impl Question {
    fn request(self, draw: u64) -> Vec<u8> {
        let name = model_name(draw % MODELS);
        match self {
            Question::ByAlias => get(&format!(
                "/api/2.0/mlflow/registered-models/alias?name={name}&alias={ALIAS}"
            )),
            Question::Search => get(&format!(
                "/api/2.0/mlflow/model-versions/search?max_results=100&filter={}",
                escape(&format!("name='{name}'"))
            )),
            Question::SetAlias => {
                let version = (draw >> 32) % VERSIONS + 1;
                let body = json!({ "name": name, "alias": ALIAS, "version": version.to_string() });
                post("/api/2.0/mlflow/registered-models/alias", &body.to_string())
            }
        }
    }
}

/// Asks once more and looks at the answer.
fn check(client: &mut Client, question: Question) -> Result<()> {
    let answer = api::ask(client, &question.request(7))?;
    let name = model_name(7);
    match question {
        Question::ByAlias => {
            let found = api::text(&answer, "/model_version/name")?;
            ensure!(found == name, "{found} came instead of {name}");
        }
        Question::Search => {
            let versions = answer["model_versions"].as_array().map_or(0, Vec::len);
            ensure!(versions as u64 == VERSIONS, "{versions} versions came");
        }
        Question::SetAlias => {
            let read = api::ask(client, &Question::ByAlias.request(7))?;
            let version = api::text(&read, "/model_version/version")?;
            ensure!(
                version == "1",
                "the alias names version {version} instead of 1"
            );
        }
    }
    Ok(())
}
