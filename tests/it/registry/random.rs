//! Any sequence of changes: the current state, the history replayed, and what the server says of
//! every moment agree with a plain model kept beside.

use super::entries;
use crate::server::{START_MS, TestServer};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

const NAMES: [&str; 3] = ["a", "b", "c"];
const ALIASES: [&str; 2] = ["x", "y"];
const STAGES: [&str; 4] = ["None", "Staging", "Production", "Archived"];

#[derive(Debug, Clone)]
enum Step {
    Create(usize),
    Rename(usize, usize),
    Delete(usize),
    Describe(usize, u8),
    Tag(usize, u8),
    Untag(usize),
    Version(usize),
    DeleteVersion(usize, i64),
    DescribeVersion(usize, i64, u8),
    TagVersion(usize, i64, u8),
    UntagVersion(usize, i64),
    Stage(usize, i64, usize, bool),
    Alias(usize, usize, i64),
    Unalias(usize, usize),
}

fn step() -> impl Strategy<Value = Step> {
    let (name, alias, stage) = (0..NAMES.len(), 0..ALIASES.len(), 0..STAGES.len());
    let number = 1..5i64;
    prop_oneof![
        4 => name.clone().prop_map(Step::Create),
        2 => (name.clone(), name.clone()).prop_map(|(from, to)| Step::Rename(from, to)),
        1 => name.clone().prop_map(Step::Delete),
        1 => (name.clone(), 0..3u8).prop_map(|(name, text)| Step::Describe(name, text)),
        1 => (name.clone(), 0..3u8).prop_map(|(name, text)| Step::Tag(name, text)),
        1 => name.clone().prop_map(Step::Untag),
        6 => name.clone().prop_map(Step::Version),
        2 => (name.clone(), number.clone()).prop_map(|(name, at)| Step::DeleteVersion(name, at)),
        1 => (name.clone(), number.clone(), 0..3u8)
            .prop_map(|(name, at, text)| Step::DescribeVersion(name, at, text)),
        1 => (name.clone(), number.clone(), 0..3u8)
            .prop_map(|(name, at, text)| Step::TagVersion(name, at, text)),
        1 => (name.clone(), number.clone()).prop_map(|(name, at)| Step::UntagVersion(name, at)),
        5 => (name.clone(), number.clone(), stage, any::<bool>())
            .prop_map(|(name, at, stage, archive)| Step::Stage(name, at, stage, archive)),
        6 => (name.clone(), alias.clone(), number)
            .prop_map(|(name, alias, at)| Step::Alias(name, alias, at)),
        2 => (name, alias).prop_map(|(name, alias)| Step::Unalias(name, alias)),
    ]
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Version {
    stage: String,
    description: String,
    tags: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct Model {
    description: String,
    tags: BTreeMap<String, String>,
    versions: BTreeMap<i64, Version>,
    aliases: BTreeMap<String, i64>,
}

/// The state kept beside, and the versions ever made of each model.
#[derive(Debug, Clone, Default)]
struct Beside {
    models: BTreeMap<String, Model>,
    made: BTreeMap<String, i64>,
}

impl Step {
    /// The request: method, route and body.
    fn request(&self) -> (&'static str, &'static str, Json) {
        let name = |index: usize| NAMES[index];
        match *self {
            Step::Create(at) => {
                let tags = json!([{ "key": "t", "value": "0" }]);
                let body = json!({ "name": name(at), "description": "new", "tags": tags });
                ("POST", "registered-models/create", body)
            }
            Step::Rename(from, to) => {
                let body = json!({ "name": name(from), "new_name": name(to) });
                ("POST", "registered-models/rename", body)
            }
            Step::Delete(at) => {
                let body = json!({ "name": name(at) });
                ("DELETE", "registered-models/delete", body)
            }
            Step::Describe(at, text) => {
                let body = json!({ "name": name(at), "description": text.to_string() });
                ("PATCH", "registered-models/update", body)
            }
            Step::Tag(at, text) => {
                let body = json!({ "name": name(at), "key": "k", "value": text.to_string() });
                ("POST", "registered-models/set-tag", body)
            }
            Step::Untag(at) => {
                let body = json!({ "name": name(at), "key": "k" });
                ("DELETE", "registered-models/delete-tag", body)
            }
            Step::Version(at) => {
                let tags = json!([{ "key": "t", "value": "0" }]);
                let body = json!({ "name": name(at), "source": "s3://b/x", "tags": tags });
                ("POST", "model-versions/create", body)
            }
            Step::Alias(at, alias, version) => {
                let alias = ALIASES[alias];
                let version = version.to_string();
                let body = json!({ "name": name(at), "alias": alias, "version": version });
                ("POST", "registered-models/alias", body)
            }
            Step::Unalias(at, alias) => {
                let body = json!({ "name": name(at), "alias": ALIASES[alias] });
                ("DELETE", "registered-models/alias", body)
            }
            _ => self.version_request(),
        }
    }

    fn version_request(&self) -> (&'static str, &'static str, Json) {
        let at = |name: usize, version: i64, more: Json| {
            let mut body = json!({ "name": NAMES[name], "version": version.to_string() });
            let fields = body.as_object_mut().unwrap();
            fields.extend(more.as_object().unwrap().clone());
            body
        };
        match *self {
            Step::DeleteVersion(name, version) => {
                let body = at(name, version, json!({}));
                ("DELETE", "model-versions/delete", body)
            }
            Step::DescribeVersion(name, version, text) => {
                let body = at(name, version, json!({ "description": text.to_string() }));
                ("PATCH", "model-versions/update", body)
            }
            Step::TagVersion(name, version, text) => {
                let tag = json!({ "key": "k", "value": text.to_string() });
                ("POST", "model-versions/set-tag", at(name, version, tag))
            }
            Step::UntagVersion(name, version) => {
                let body = at(name, version, json!({ "key": "k" }));
                ("DELETE", "model-versions/delete-tag", body)
            }
            Step::Stage(name, version, stage, archive) => {
                let archive = archive && matches!(stage, 1 | 2);
                let move_to = json!({
                    "stage": STAGES[stage].to_uppercase(),
                    "archive_existing_versions": archive,
                });
                let body = at(name, version, move_to);
                ("POST", "model-versions/transition-stage", body)
            }
            _ => unreachable!("every other step is a request on a model"),
        }
    }
}

impl Beside {
    /// Does what the server should do, and says whether the server should have done it.
    fn apply(&mut self, step: &Step) -> bool {
        match *step {
            Step::Create(at) => self.create(NAMES[at]),
            Step::Rename(from, to) => self.rename(NAMES[from], NAMES[to]),
            Step::Delete(at) => {
                self.made.remove(NAMES[at]);
                self.models.remove(NAMES[at]).is_some()
            }
            Step::Version(at) => {
                let Some(model) = self.models.get_mut(NAMES[at]) else {
                    return false;
                };
                let made = self.made.entry(NAMES[at].to_owned()).or_default();
                *made += 1;
                let version = Version {
                    stage: "None".to_owned(),
                    description: String::new(),
                    tags: [("t".to_owned(), "0".to_owned())].into(),
                };
                model.versions.insert(*made, version);
                true
            }
            Step::Describe(at, text) => self.on_model(at, |model| {
                model.description = text.to_string();
            }),
            Step::Tag(at, text) => self.on_model(at, |model| {
                model.tags.insert("k".to_owned(), text.to_string());
            }),
            Step::Untag(at) => self.on_model(at, |model| {
                model.tags.remove("k");
            }),
            Step::Unalias(at, alias) => self.on_model(at, |model| {
                model.aliases.remove(ALIASES[alias]);
            }),
            Step::DeleteVersion(at, number) => self.on_version(at, number, |model| {
                model.versions.remove(&number);
                model.aliases.retain(|_, version| *version != number);
            }),
            Step::DescribeVersion(at, number, text) => self.on_version(at, number, |model| {
                model.versions.get_mut(&number).unwrap().description = text.to_string();
            }),
            Step::TagVersion(at, number, text) => self.on_version(at, number, |model| {
                let version = model.versions.get_mut(&number).unwrap();
                version.tags.insert("k".to_owned(), text.to_string());
            }),
            Step::UntagVersion(at, number) => self.on_version(at, number, |model| {
                model.versions.get_mut(&number).unwrap().tags.remove("k");
            }),
            Step::Stage(at, number, stage, archive) => self.on_version(at, number, |model| {
                let archive = archive && matches!(stage, 1 | 2);
                for (other, version) in &mut model.versions {
                    let is_kept = model.aliases.values().any(|kept| kept == other);
                    if archive && !is_kept && version.stage == STAGES[stage] {
                        version.stage = "Archived".to_owned();
                    }
                }
                model.versions.get_mut(&number).unwrap().stage = STAGES[stage].to_owned();
            }),
            Step::Alias(at, alias, number) => self.on_version(at, number, |model| {
                model.aliases.insert(ALIASES[alias].to_owned(), number);
            }),
        }
    }

    fn create(&mut self, name: &str) -> bool {
        if self.models.contains_key(name) {
            return false;
        }
        let model = Model {
            description: "new".to_owned(),
            tags: [("t".to_owned(), "0".to_owned())].into(),
            ..Model::default()
        };
        self.models.insert(name.to_owned(), model);
        true
    }

    fn rename(&mut self, from: &str, to: &str) -> bool {
        if !self.models.contains_key(from) || from != to && self.models.contains_key(to) {
            return false;
        }
        let model = self.models.remove(from).unwrap();
        self.models.insert(to.to_owned(), model);
        if let Some(made) = self.made.remove(from) {
            self.made.insert(to.to_owned(), made);
        }
        true
    }

    fn on_model(&mut self, at: usize, change: impl FnOnce(&mut Model)) -> bool {
        match self.models.get_mut(NAMES[at]) {
            Some(model) => {
                change(model);
                true
            }
            None => false,
        }
    }

    fn on_version(&mut self, at: usize, number: i64, change: impl FnOnce(&mut Model)) -> bool {
        match self.models.get_mut(NAMES[at]) {
            Some(model) if model.versions.contains_key(&number) => {
                change(model);
                true
            }
            _ => false,
        }
    }
}

/// Reads the current state through MLflow's routes.
async fn current(server: &TestServer) -> BTreeMap<String, Model> {
    let found = server.get("registered-models/search").await.ok();
    let mut models = BTreeMap::new();
    for model in found["registered_models"].as_array().into_iter().flatten() {
        let aliases = model["aliases"].as_array().into_iter().flatten();
        let aliases = aliases.map(|alias| (text(&alias["alias"]), number(&alias["version"])));
        let read = Model {
            description: text(&model["description"]),
            tags: tags(&model["tags"]),
            versions: BTreeMap::new(),
            aliases: aliases.collect(),
        };
        models.insert(text(&model["name"]), read);
    }
    let found = server.get("model-versions/search").await.ok();
    for version in found["model_versions"].as_array().into_iter().flatten() {
        let read = Version {
            stage: text(&version["current_stage"]),
            description: text(&version["description"]),
            tags: tags(&version["tags"]),
        };
        let model: &mut Model = models.get_mut(&text(&version["name"])).unwrap();
        model.versions.insert(number(&version["version"]), read);
    }
    models
}

fn text(value: &Json) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Json) -> i64 {
    value.as_str().unwrap().parse().unwrap()
}

fn tags(list: &Json) -> BTreeMap<String, String> {
    let list = list.as_array().into_iter().flatten();
    list.map(|tag| (text(&tag["key"]), text(&tag["value"])))
        .collect()
}

/// Gives the whole history, oldest first.
async fn history(server: &TestServer) -> Vec<Json> {
    let mut all = BTreeMap::new();
    for name in NAMES {
        let path = format!("/api/1.0/models/{name}/history?max_results=1000");
        let answer = server.get(&path).await;
        if answer.status == 200 {
            for entry in entries(&answer.json()) {
                all.insert(entry["id"].as_i64().unwrap(), entry);
            }
        }
    }
    all.into_values().collect()
}

/// What both the history and the audit log say of a change.
fn told(object: Json, change: &Json, told: [&Json; 4]) -> Json {
    json!([object, change, told])
}

fn told_of_history(entry: &Json) -> Json {
    let name = text(&entry["model_name"]);
    let object = match entry["version"].as_str() {
        Some(version) => format!("model_version:{name}/{version}"),
        None => format!("registered_model:{name}"),
    };
    let fields = ["key", "from", "to", "generation"].map(|field| &entry[field]);
    told(object.into(), &entry["kind"], fields)
}

/// Gives the changes of the registry that the audit log tells, oldest first, without what was left
/// as it was; every request must have left an entry, the refused ones too.
async fn audited(server: &TestServer) -> Vec<Json> {
    let path = "/api/1.0/audit/entries?max_results=1000&actor=anonymous";
    let mut entries = server.get(path).await.ok()["entries"].take();
    let entries = entries.as_array_mut().unwrap();
    entries.reverse();
    let changes = entries.iter().flat_map(|entry| {
        let changes = entry["entry"]["changes"].as_array().cloned();
        changes.unwrap_or_default()
    });
    changes
        .filter(|change| change["change"] != "stage_kept")
        .map(|change| {
            let fields = ["key", "before", "after", "generation"].map(|field| &change[field]);
            told(change["object"].clone(), &change["change"], fields)
        })
        .collect()
}

/// Makes the state that a history leads to.
fn replayed(history: &[Json]) -> BTreeMap<String, Model> {
    let mut models: BTreeMap<i64, (String, Model)> = BTreeMap::new();
    for entry in history {
        let id = entry["model_id"].as_i64().unwrap();
        let kind = entry["kind"].as_str().unwrap();
        let (key, to) = (text(&entry["key"]), text(&entry["to"]));
        if kind == "model_deleted" {
            models.remove(&id).unwrap();
            continue;
        }
        let (name, model) = models.entry(id).or_default();
        let of_version = || number(&entry["version"]);
        match kind {
            "model_created" | "model_renamed" => *name = to,
            "model_updated" => model.description = to,
            "model_tag_set" => drop(model.tags.insert(key, to)),
            "model_tag_deleted" => drop(model.tags.remove(&key)),
            "version_created" => {
                let version = Version {
                    stage: "None".to_owned(),
                    ..Version::default()
                };
                model.versions.insert(of_version(), version);
            }
            "version_deleted" => drop(model.versions.remove(&of_version())),
            "alias_set" => drop(model.aliases.insert(key, number(&entry["to"]))),
            "alias_deleted" => drop(model.aliases.remove(&key)),
            _ => {
                let version = model.versions.get_mut(&of_version()).unwrap();
                match kind {
                    "version_updated" => version.description = to,
                    "stage_changed" => version.stage = to,
                    "version_tag_set" => drop(version.tags.insert(key, to)),
                    "version_tag_deleted" => drop(version.tags.remove(&key)),
                    other => panic!("{other} is no kind"),
                }
            }
        }
    }
    models.into_values().collect()
}

/// Asks the server what held at a moment for one model, and compares it.
async fn check_then(server: &TestServer, at: i64, (name, model): (&String, &Model)) {
    for alias in ALIASES {
        let path = format!("/api/1.0/models/{name}/aliases/{alias}?at={at}");
        let answer = server.get(&path).await;
        match model.aliases.get(alias) {
            Some(version) => assert_eq!(number(&answer.ok()["version"]), *version, "{path}"),
            None => assert_eq!(answer.status, 404, "{path}"),
        }
    }
    for stage in ["None", "Production"] {
        let path = format!("/api/1.0/models/{name}/stages/{stage}?at={at}");
        let answer = server.get(&path).await;
        let versions: Vec<i64> = match answer.status.as_u16() {
            200 => {
                let versions = answer.json()["versions"].clone();
                let versions = versions.as_array().unwrap().clone();
                versions.iter().map(|one| number(&one["version"])).collect()
            }
            _ => Vec::new(),
        };
        let in_stage = model.versions.iter().rev();
        let in_stage = in_stage.filter(|(_, version)| version.stage == stage);
        let expected: Vec<i64> = in_stage.map(|(number, _)| *number).collect();
        assert_eq!(versions, expected, "{path}");
    }
}

async fn run(steps: Vec<Step>) {
    let server = TestServer::start().await;
    let mut beside = Beside::default();
    let mut moments = Vec::new();
    for (index, step) in steps.iter().enumerate() {
        server.advance(10);
        let (method, path, body) = step.request();
        let answer = server.send_json(method, path, body).await;
        let expected = beside.apply(step);
        let entries = server
            .get("/api/1.0/audit/entries?max_results=1")
            .await
            .ok();
        let last = &entries["entries"][0]["entry"]["result"];
        assert_eq!(last != "refused", answer.status == 200, "{step:?}");
        assert_eq!(answer.status == 200, expected, "{step:?}: {answer:?}");
        let at = START_MS + 10 * (index as i64 + 1);
        moments.push((at, beside.models.clone()));
    }
    assert_eq!(current(&server).await, beside.models);
    let history = history(&server).await;
    assert_eq!(replayed(&history), beside.models);
    let (told, happened) = (audited(&server).await, history.iter().map(told_of_history));
    assert_eq!(told, happened.collect::<Vec<_>>());
    for (at, models) in &moments {
        for model in models {
            check_then(&server, *at, model).await;
            check_then(&server, *at + 9, model).await;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..Default::default() })]

    #[test]
    fn history_state_and_past_agree(steps in proptest::collection::vec(step(), 1..50)) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(run(steps));
    }
}
