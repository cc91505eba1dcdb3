//! What a webhook is sent when it is tried out: an example of each event, MLflow's where it has one.

use super::kind::EventType;
use super::{Facts, Subject};
use serde_json::{Map, Value as Json, json};

/// Gives the example of an event.
pub fn of(event: EventType) -> Facts {
    let entity = event.entity();
    let (name, thing) = match entity.starts_with("prompt") {
        true => ("example_prompt", "prompt"),
        false => ("example_model", "model"),
    };
    let has_version = entity.contains("version") || entity.ends_with("_alias");
    let mut subject = Subject {
        name: name.to_owned(),
        version: has_version.then(|| "1".to_owned()),
        ..Subject::default()
    };
    let data = match (entity, event.action()) {
        ("budget_policy", _) => budget_policy(),
        ("registered_model", "created") => json!({ "name": name, "tags": example_tags(),
            "description": "An example registered model" }),
        ("prompt", "created") => json!({ "name": name, "tags": example_tags(),
            "description": "An example prompt" }),
        ("model_version", "created") => json!({ "name": name, "version": "1",
            "source": "models:/123", "run_id": "abcd1234abcd5678", "tags": example_tags(),
            "description": "An example model version" }),
        ("prompt_version", "created") => json!({ "name": name, "version": "1",
            "template": "Hello {{name}}!", "tags": example_tags(),
            "description": "An example prompt version" }),
        (_, action) if entity.ends_with("_alias") => alias(&mut subject, action),
        (_, action) if entity.ends_with("_tag") => tag(&mut subject, action, has_version),
        (_, "aged") => aged(&mut subject),
        (_, action) => change(&mut subject, action, thing),
    };
    let data = match data {
        Json::Object(data) => data,
        _ => Map::new(),
    };
    Facts {
        data,
        subject,
        actor: "example_user".to_owned(),
        reason: "An example reason".to_owned(),
        request_id: "example".to_owned(),
    }
}

fn example_tags() -> Json {
    json!({ "example_key": "example_value" })
}

fn alias(subject: &mut Subject, action: &str) -> Json {
    subject.key = Some("example_alias".to_owned());
    let name = &subject.name;
    match action {
        "deleted" => json!({ "name": name, "alias": "example_alias" }),
        "moved" => {
            let json = json!({ "name": name, "alias": "example_alias", "version": "1", "from": "2",
                "to": "1", "generation": 3 });
            subject.from = Some("2".to_owned());
            subject.to = Some("1".to_owned());
            subject.generation = Some(3);
            json
        }
        _ => {
            let json = json!({ "name": name, "alias": "example_alias", "version": "1" });
            subject.to = Some("1".to_owned());
            json
        }
    }
}

fn tag(subject: &mut Subject, action: &str, has_version: bool) -> Json {
    subject.key = Some("example_key".to_owned());
    let mut data = Map::new();
    data.insert("name".into(), json!(subject.name));
    data.insert("key".into(), json!("example_key"));
    if has_version {
        data.insert("version".into(), json!("1"));
    }
    if action == "set" {
        data.insert("value".into(), json!("example_value"));
    }
    Json::Object(data)
}

fn aged(subject: &mut Subject) -> Json {
    let since = "2026-01-01T00:00:00Z";
    subject.key = Some("90".to_owned());
    subject.from = Some(since.to_owned());
    json!({ "name": subject.name, "version": "1", "since": since, "days": 90 })
}

/// A change of a model or version that MLflow has no event for.
fn change(subject: &mut Subject, action: &str, thing: &str) -> Json {
    let (from, to) = match action {
        "stage_transitioned" => (Some("Staging".to_owned()), Some("Production".to_owned())),
        "renamed" => (
            Some(format!("old_example_{thing}")),
            Some(subject.name.clone()),
        ),
        "updated" => (Some(String::new()), Some(format!("An example {thing}"))),
        _ => (None, None),
    };
    let mut data = Map::new();
    data.insert("name".into(), json!(subject.name));
    data.insert("from".into(), json!(from));
    data.insert("to".into(), json!(to));
    if let Some(version) = &subject.version {
        data.insert("version".into(), json!(version));
    }
    subject.from = from;
    subject.to = to;
    Json::Object(data)
}

fn budget_policy() -> Json {
    json!({
        "budget_policy_id": "bp-abc123",
        "budget_unit": "USD",
        "budget_amount": 100.0,
        "current_spend": 105.5,
        "duration_unit": "MONTHS",
        "duration_value": 1,
        "target_scope": "ENDPOINT",
        "workspace": "default",
        "target_value": "ep-abc123",
        "window_start": 1_704_067_200_000_i64,
    })
}
