//! Any sequence of changes while stages and aliases are to agree: they do after every request, and
//! the history alone gives the same state.

use super::{entries, model};
use crate::server::TestServer;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

const MAPPINGS: [[&str; 2]; 3] = [
    ["Production=live", "Staging=next"],
    ["Production=live!", "Staging=next"],
    ["Production=live!", "Staging=next!"],
];

type Sent = (&'static str, &'static str, Json);

/// A request that may change the model `m`; one that is refused changes nothing.
fn request() -> impl Strategy<Value = Sent> {
    let number = || (1..6i64).prop_map(|number| number.to_string());
    let alias = || prop_oneof![Just("live"), Just("next"), Just("free")];
    let stage = prop_oneof![
        2 => Just("Production"), 2 => Just("Staging"), 1 => Just("None"), 1 => Just("Archived")
    ];
    prop_oneof![
        6 => Just(("POST", "model-versions/create", json!({ "name": "m", "source": "s3://b/x" }))),
        2 => number().prop_map(|version| {
            ("DELETE", "model-versions/delete", json!({ "name": "m", "version": version }))
        }),
        6 => (alias(), number()).prop_map(|(alias, version)| {
            let body = json!({ "name": "m", "alias": alias, "version": version });
            ("POST", "registered-models/alias", body)
        }),
        2 => alias().prop_map(|alias| {
            ("DELETE", "registered-models/alias", json!({ "name": "m", "alias": alias }))
        }),
        8 => (number(), stage, any::<bool>()).prop_map(|(version, stage, archive)| {
            let body = json!({
                "name": "m", "version": version, "stage": stage,
                "archive_existing_versions": archive,
            });
            ("POST", "model-versions/transition-stage", body)
        }),
    ]
}

/// The stage of each version and the version of each alias.
#[derive(Debug, Default, PartialEq)]
struct State {
    stages: BTreeMap<String, String>,
    aliases: BTreeMap<String, String>,
}

impl State {
    async fn current(server: &TestServer) -> Self {
        let mut state = Self::default();
        let found = server.get("model-versions/search").await.ok();
        for version in found["model_versions"].as_array().into_iter().flatten() {
            let (number, stage) = (text(&version["version"]), text(&version["current_stage"]));
            state.stages.insert(number, stage);
        }
        let found = server.get("registered-models/get?name=m").await.ok();
        let aliases = found["registered_model"]["aliases"].as_array().cloned();
        for alias in aliases.unwrap_or_default() {
            let (name, version) = (text(&alias["alias"]), text(&alias["version"]));
            state.aliases.insert(name, version);
        }
        state
    }

    async fn of_history(server: &TestServer) -> Self {
        let mut state = Self::default();
        let path = "/api/1.0/models/m/history?max_results=1000";
        let mut entries = entries(&server.get(path).await.ok());
        entries.reverse();
        for entry in entries {
            let (version, key) = (text(&entry["version"]), text(&entry["key"]));
            match entry["kind"].as_str().unwrap() {
                "version_created" => drop(state.stages.insert(version, "None".into())),
                "version_deleted" => drop(state.stages.remove(&version)),
                "stage_changed" => drop(state.stages.insert(version, text(&entry["to"]))),
                "alias_set" => drop(state.aliases.insert(key, version)),
                "alias_deleted" => drop(state.aliases.remove(&key)),
                _ => {}
            }
        }
        state
    }

    /// Says whether an alias agrees with its stage: it points into it, or both are empty.
    fn agrees(&self, stage: &str, alias: &str) -> bool {
        match self.aliases.get(alias) {
            Some(version) => self.stages[version] == stage,
            None => self.stages.values().all(|other| other != stage),
        }
    }

    /// Says whether a stage holds one version, and those that other aliases point at.
    fn holds_one(&self, stage: &str, alias: &str) -> bool {
        let is_free = |number: &&String| {
            let mut aliases = self.aliases.iter();
            !aliases.any(|(name, version)| name != alias && version == *number)
        };
        let in_stage = self.stages.iter().filter(|(_, other)| *other == stage);
        in_stage.map(|(number, _)| number).filter(is_free).count() <= 1
    }
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

async fn run(mapping: [&'static str; 2], requests: Vec<Sent>) {
    let server = TestServer::start_with(|config| {
        config.registry.stage_aliases = mapping.map(String::from).to_vec();
    })
    .await;
    model(&server, "m").await;
    for (method, path, body) in requests {
        let answer = server.send_json(method, path, body.clone()).await;
        assert!(answer.status.as_u16() < 500, "{answer:?}");
        let state = State::current(&server).await;
        let entered = match path {
            "model-versions/transition-stage" if answer.status == 200 => text(&body["stage"]),
            _ => String::new(),
        };
        for (entry, stage, alias) in [
            (mapping[0], "Production", "live"),
            (mapping[1], "Staging", "next"),
        ] {
            let request = format!("{path} {body}: {state:?}");
            assert!(state.agrees(stage, alias), "{request}");
            if entered == stage {
                assert_eq!(state.aliases[alias], text(&body["version"]), "{request}");
                let is_one = !entry.ends_with('!') || state.holds_one(stage, alias);
                assert!(is_one, "{request}");
            }
        }
        assert_eq!(State::of_history(&server).await, state);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn a_stage_and_its_alias_agree_after_every_request(
        mapping in 0..MAPPINGS.len(),
        requests in proptest::collection::vec(request(), 1..50),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(run(MAPPINGS[mapping], requests));
    }
}
