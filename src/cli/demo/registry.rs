//! Registers the candidates as versions of the company's models, and moves stages and aliases with
//! reasons, as its people would have done. The server says when, so all of it happens today.

use super::company::{Model, Project, Story};
use super::files;
use super::plan::RunPlan;
use super::random::Random;
use crate::cli::remote::client::{Client, encode};
use crate::error::Result;
use serde_json::json;

/// A run that becomes a version.
#[derive(Debug, Clone)]
pub(super) struct Candidate {
    pub(super) run_id: String,
    pub(super) plan: RunPlan,
}

/// A version and what its run reached of the goal.
struct Version {
    number: String,
    value: f64,
}

/// Registers a project's models; each takes its turn at the candidates, which are the oldest first.
/// Gives how many versions were made.
pub(super) fn fill(
    client: &Client,
    project: &'static Project,
    (candidates, seed): (&[Candidate], u64),
) -> Result<usize> {
    let count = project.models.len();
    let mut made = 0;
    for (turn, model) in project.models.iter().enumerate() {
        let own: Vec<&Candidate> = candidates.iter().skip(turn).step_by(count).collect();
        let name = model
            .name
            .bytes()
            .fold(0u64, |sum, byte| sum.wrapping_mul(31) + u64::from(byte));
        let mut registrar = Registrar {
            client,
            project,
            model,
            random: Random::new(seed, name),
            seed,
        };
        registrar.create()?;
        let versions = registrar.versions(&own)?;
        registrar.promote(&versions)?;
        registrar.report(&versions)?;
        made += versions.len();
    }
    Ok(made)
}

struct Registrar<'a> {
    client: &'a Client,
    project: &'static Project,
    model: &'static Model,
    random: Random,
    seed: u64,
}

impl Registrar<'_> {
    fn create(&self) -> Result<()> {
        let path = "/api/2.0/mlflow/registered-models";
        let named = format!("{path}/get?name={}", encode(self.model.name));
        if self.client.get(&named).is_ok() {
            return Ok(());
        }
        let owner = self.project.people.first();
        let body = json!({
            "name": self.model.name, "description": self.model.note,
            "tags": [
                { "key": "owner", "value": owner },
                { "key": "team", "value": self.project.team },
                { "key": "tier", "value": self.model.tier },
            ],
        });
        self.client
            .change("POST", &format!("{path}/create"), (&body, ""))
            .map(drop)
    }

    fn versions(&mut self, candidates: &[&Candidate]) -> Result<Vec<Version>> {
        let mut versions = Vec::new();
        for candidate in candidates {
            let results = files::results(self.project, &candidate.plan, self.seed);
            let Some((key, value)) = results.first().copied() else {
                continue;
            };
            let body = json!({
                "name": self.model.name, "run_id": candidate.run_id,
                "source": format!("runs:/{}/model", candidate.run_id),
                "description": format!("{key} {value:.4}, trained by {}.", candidate.plan.user),
                "tags": [
                    { "key": "validation", "value": "passed" },
                    { "key": "commit", "value": candidate.plan.commit },
                ],
            });
            let path = "/api/2.0/mlflow/model-versions/create";
            let reason = format!("best {key} so far, from the run {}", candidate.plan.name);
            let answer = self.client.change("POST", path, (&body, &reason))?;
            let number = answer["model_version"]["version"]
                .as_str()
                .unwrap_or("1")
                .to_owned();
            versions.push(Version { number, value });
        }
        Ok(versions)
    }

    /// Moves stages and aliases from version to version. The newest one waits as the challenger,
    /// unless it is the only one.
    fn promote(&mut self, versions: &[Version]) -> Result<()> {
        let mut former: Option<&Version> = None;
        for (index, version) in versions.iter().enumerate() {
            self.stage(
                version,
                "Staging",
                "passed the offline evaluation; shadow traffic begins",
            )?;
            self.alias(version, "challenger", "next in line")?;
            let waits = index > 0 && index + 1 == versions.len();
            let is_rolled_back = self.model.story == Story::RolledBack;
            if self.model.story == Story::Staged || (waits && !is_rolled_back) {
                continue;
            }
            let reason = self.reason(version, former);
            // The alias leaves the former version first, which may be archived then.
            self.alias(version, "champion", &reason)?;
            self.stage(version, "Production", &reason)?;
            if let Some(former) = former.filter(|_| waits && is_rolled_back) {
                let reason = format!(
                    "rolled back: complaints doubled two hours after the release of version {} \
                     (INC-{}); the cause is looked for",
                    version.number,
                    self.random.whole(300, 399)
                );
                self.alias(former, "champion", &reason)?;
                self.stage(former, "Production", &reason)?;
            }
            former = Some(version);
        }
        Ok(())
    }

    fn reason(&mut self, version: &Version, former: Option<&Version>) -> String {
        let key = self
            .project
            .measures
            .first()
            .map_or("", |measure| measure.key);
        let compared = former.map_or_else(
            || "the first version to be released".to_owned(),
            |former| format!("version {} had {:.4}", former.number, former.value),
        );
        let days = self.random.whole(2, 9);
        let ticket = self.random.whole(1_000, 1_900);
        let value = version.value;
        format!(
            "{key} {value:.4}, {compared}; {days} days of shadow traffic without findings (CR-{ticket})"
        )
    }

    fn stage(&self, version: &Version, stage: &str, reason: &str) -> Result<()> {
        let body = json!({
            "name": self.model.name, "version": version.number, "stage": stage,
            "archive_existing_versions": true,
        });
        let path = "/api/2.0/mlflow/model-versions/transition-stage";
        self.client.change("POST", path, (&body, reason)).map(drop)
    }

    fn alias(&self, version: &Version, alias: &str, reason: &str) -> Result<()> {
        let body = json!({ "name": self.model.name, "alias": alias, "version": version.number });
        let path = "/api/2.0/mlflow/registered-models/alias";
        self.client.change("POST", path, (&body, reason)).map(drop)
    }

    /// Reports what the serving processes have loaded: most the version that the alias names, one
    /// instance of the last consumer an older one.
    fn report(&self, versions: &[Version]) -> Result<()> {
        let champion = versions.len().saturating_sub(2);
        let (Some(current), Some(older)) = (versions.get(champion), versions.first()) else {
            return Ok(());
        };
        for (place, consumer) in self.model.consumers.iter().enumerate() {
            for instance in 0..3 {
                let lags = place > 0 && place + 1 == self.model.consumers.len() && instance == 2;
                let loaded = if lags { older } else { current };
                let body = json!({
                    "consumer": consumer, "instance": format!("{consumer}-{instance}"),
                    "uri": format!("models:/{}@champion", self.model.name), "state": "loaded",
                    "loaded_version": loaded.number,
                });
                self.client
                    .change("POST", "/api/1.0/consumers", (&body, ""))?;
            }
        }
        Ok(())
    }
}
