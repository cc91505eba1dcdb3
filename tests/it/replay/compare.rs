//! Compares an answer with the recorded one, apart from what a server invents.
//!
//! Ids and random run names are bound to each other when they are first seen at the same place;
//! from then on the recorded one must always come back as the same other one, so that orders and
//! references are compared too. Times that the server makes must be there and be positive. Where
//! MLflow leaves the order of a list to its database, the list is sorted by its keys first.

use std::collections::HashMap;

use serde_json::Value;

use super::exceptions::{self, Expectation};
use super::{Answer, Body, Captured, Exchange, Expected, text};

/// Fields that hold a time of the server's own making, in milliseconds.
const TIMES: &[&str] = &[
    "creation_time",
    "last_update_time",
    "creation_timestamp",
    "last_updated_timestamp",
    "creation_timestamp_ms",
    "last_updated_timestamp_ms",
];

/// Lists in no promised order, as (name of what holds them, name of the list).
const UNORDERED: &[(&str, &str)] = &[
    ("data", "tags"),
    ("data", "params"),
    ("data", "metrics"),
    ("info", "tags"),
    ("experiment", "tags"),
    ("experiments", "tags"),
    ("registered_model", "tags"),
    ("registered_models", "tags"),
    ("latest_versions", "tags"),
    ("model_version", "tags"),
    ("model_versions", "tags"),
    ("inputs", "dataset_inputs"),
    ("dataset_inputs", "tags"),
    ("outputs", "model_outputs"),
    ("", "dataset_summaries"),
];

/// What is remembered from one exchange to the next.
#[derive(Debug, Default)]
pub(crate) struct Comparer {
    /// Recorded id or random name -> the one of the server that is being tried.
    bound: HashMap<String, String>,
}

impl Comparer {
    /// Gives what differs between an answer and its recording; nothing when they agree.
    pub(crate) fn check(
        &mut self,
        exchange: &Exchange,
        answer: &Answer,
        captured: &Captured,
    ) -> Vec<String> {
        let bound = self.bound.clone();
        let found = self.check_all(exchange, answer, captured);
        if !found.is_empty() {
            // What was bound on the way may be wrong, and would spoil the answers to come.
            self.bound = bound;
        }
        found
    }

    fn check_all(
        &mut self,
        exchange: &Exchange,
        answer: &Answer,
        captured: &Captured,
    ) -> Vec<String> {
        let bound = self.bound.clone();
        let as_recorded = self.check_recorded(&exchange.expected, answer);
        let Some(expectation) = exceptions::find(&exchange.label) else {
            return as_recorded;
        };
        if as_recorded.is_empty() {
            return vec!["the exception is not needed".to_owned()];
        }
        self.bound = bound;
        match expectation {
            Expectation::Status(status) => check_status(status, answer),
            Expectation::Answer(status, json) => {
                let mut found = check_status(status, answer);
                let json = text::fill(json, captured);
                found.extend(self.check_body(&parse_body(json.as_bytes()), answer));
                found
            }
            Expectation::Message(message) => {
                let mut expected = exchange.expected.clone();
                if let Body::Json(json) = &mut expected.body {
                    json["message"] = Value::String(text::fill(message, captured));
                }
                self.check_recorded(&expected, answer)
            }
        }
    }

    fn check_recorded(&mut self, expected: &Expected, answer: &Answer) -> Vec<String> {
        if exceptions::is_server_error(expected.status) {
            return match answer.status {
                400..500 => Vec::new(),
                other => vec![format!(
                    "MLflow fails with 500 here, and this is {other}, not 4xx"
                )],
            };
        }
        let mut found = check_status(expected.status, answer);
        let kind = expected.content_type.as_deref();
        if exceptions::is_error_page(expected.status, kind) {
            return found;
        }
        if essence(kind) != essence(answer.header("content-type")) {
            let have = answer.header("content-type");
            found.push(format!("content type: recorded {kind:?}, here {have:?}"));
        }
        for (name, value) in &expected.headers {
            if answer.header(name) != Some(value) {
                let have = answer.header(name);
                found.push(format!("header {name}: recorded {value:?}, here {have:?}"));
            }
        }
        if expected.any_order {
            let answer = Answer {
                body: sorted_lists(&answer.body),
                ..answer.clone()
            };
            found.extend(self.check_body(&sorted(&expected.body), &answer));
        } else {
            found.extend(self.check_body(&expected.body, answer));
        }
        found
    }

    fn check_body(&mut self, expected: &Body, answer: &Answer) -> Vec<String> {
        let mut found = Vec::new();
        match (expected, text::json(&answer.body)) {
            (Body::NotKept, _) => {}
            (Body::Json(expected), Some(have)) => {
                self.compare_json(expected.clone(), have, &mut found);
            }
            (Body::Bytes(bytes), have) => match (text::json(bytes), have) {
                (Some(expected), Some(have)) => self.compare_json(expected, have, &mut found),
                _ if *bytes == answer.body => {}
                _ => found.push(format!(
                    "body: recorded {:?}, here {:?}",
                    shown(bytes),
                    shown(&answer.body)
                )),
            },
            (Body::Json(expected), None) => found.push(format!(
                "body: recorded {}, here no JSON: {:?}",
                shown(expected.to_string().as_bytes()),
                shown(&answer.body)
            )),
        }
        found
    }

    fn compare_json(&mut self, mut expected: Value, mut have: Value, found: &mut Vec<String>) {
        sort_unordered("", &mut expected);
        sort_unordered("", &mut have);
        self.walk("", "", &expected, &have, found);
    }

    /// Walks two values at once. `at` is the path for the report, `name` the field's name.
    fn walk(
        &mut self,
        at: &str,
        name: &str,
        expected: &Value,
        have: &Value,
        found: &mut Vec<String>,
    ) {
        match (expected, have) {
            (Value::Object(expected), Value::Object(have)) => {
                for (key, value) in expected {
                    match have.get(key) {
                        Some(other) => {
                            self.walk(&format!("{at}.{key}"), key, value, other, found);
                        }
                        None => found.push(format!("{at}.{key}: missing, recorded {value}")),
                    }
                }
                let extra = have.iter().filter(|(key, _)| !expected.contains_key(*key));
                found
                    .extend(extra.map(|(key, value)| format!("{at}.{key}: not recorded: {value}")));
            }
            (Value::Array(expected), Value::Array(have)) => {
                if expected.len() != have.len() {
                    let (e, h) = (expected.len(), have.len());
                    found.push(format!("{at}: {e} items recorded, {h} here"));
                }
                for (n, (value, other)) in expected.iter().zip(have).enumerate() {
                    self.walk(&format!("{at}[{n}]"), name, value, other, found);
                }
            }
            _ if exceptions::is_kept_nan(at, expected, have) => {}
            _ if self.same_scalar(name, expected, have) => {}
            _ => found.push(format!("{at}: recorded {expected}, here {have}")),
        }
    }

    fn same_scalar(&mut self, name: &str, expected: &Value, have: &Value) -> bool {
        match (expected, have) {
            (Value::Number(_), Value::Number(time)) if TIMES.contains(&name) => {
                time.as_i64().is_some_and(|time| time > 0)
            }
            (Value::Number(expected), Value::Number(have)) => {
                expected == have || expected.as_f64() == have.as_f64()
            }
            (Value::String(_), Value::String(token)) if name == "next_page_token" => {
                !token.is_empty()
            }
            (Value::String(expected), Value::String(have)) if name == "message" => {
                self.same_message(expected, have)
            }
            (Value::String(expected), Value::String(have)) => self.same_string(expected, have),
            _ => expected == have,
        }
    }

    fn same_message(&mut self, expected: &str, have: &str) -> bool {
        let (expected, cut) = exceptions::without_sql(expected);
        let have = if cut {
            have.get(..expected.len()).unwrap_or(have)
        } else {
            have
        };
        self.same_string(&text::sort_sets(expected), &text::sort_sets(have))
    }

    /// Compares two strings and binds the ids and names at the same places to each other.
    fn same_string(&mut self, expected: &str, have: &str) -> bool {
        let (expected_pattern, recorded) = text::split_invented(expected);
        let (have_pattern, invented) = text::split_invented(have);
        if expected_pattern != have_pattern {
            return false;
        }
        recorded.iter().zip(invented).all(|(recorded, invented)| {
            let bound = self.bound.entry((*recorded).to_owned());
            bound.or_insert_with(|| invented.to_owned()) == invented
        })
    }
}

fn check_status(status: u16, answer: &Answer) -> Vec<String> {
    if status == answer.status {
        return Vec::new();
    }
    let have = answer.status;
    vec![format!(
        "status: recorded or expected {status}, here {have}: {}",
        shown(&answer.body)
    )]
}

fn parse_body(bytes: &[u8]) -> Body {
    text::json(bytes).map_or_else(|| Body::Bytes(bytes.to_vec()), Body::Json)
}

/// Gives a content type without its parameters, in lower case.
fn essence(kind: Option<&str>) -> Option<String> {
    kind.map(|kind| {
        kind.split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase()
    })
}

/// Gives the start of a body, for a report.
fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(400).collect()
}

fn sort_unordered(holder: &str, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields.iter_mut() {
                sort_unordered(name, field);
                if let Value::Array(items) = field
                    && UNORDERED.contains(&(holder, name.as_str()))
                {
                    items.sort_by_cached_key(sort_key);
                }
            }
        }
        Value::Array(items) => items
            .iter_mut()
            .for_each(|item| sort_unordered(holder, item)),
        _ => {}
    }
}

/// Sorts the lists at the top of a JSON body; any other body stays as it is.
fn sorted_lists(body: &[u8]) -> Vec<u8> {
    let Some(mut value) = text::json(body) else {
        return body.to_vec();
    };
    sort_unordered("", &mut value);
    for field in value
        .as_object_mut()
        .into_iter()
        .flat_map(|fields| fields.values_mut())
    {
        if let Value::Array(items) = field {
            items.sort_by_cached_key(sort_key);
        }
    }
    value.to_string().into_bytes()
}

fn sorted(body: &Body) -> Body {
    match body {
        Body::Json(value) => Body::Bytes(sorted_lists(value.to_string().as_bytes())),
        other => other.clone(),
    }
}

/// Spells an item without what is invented, so that two servers sort it to the same place.
fn sort_key(item: &Value) -> String {
    match item {
        Value::Object(fields) => {
            let mut names: Vec<&String> = fields.keys().collect();
            names.sort_unstable();
            let spelled = names
                .iter()
                .map(|name| format!("{name}={},", sort_key(&fields[*name])));
            spelled.collect()
        }
        Value::Array(items) => items.iter().map(sort_key).collect(),
        Value::String(string) => text::split_invented(string).0,
        scalar => scalar.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ONE: &str = "de1a1c52917343a6b5c85de567a52a5e";
    const TWO: &str = "bde6c90ef0014aea8972c8f01305adb2";

    fn differences(comparer: &mut Comparer, expected: Value, have: Value) -> Vec<String> {
        let mut found = Vec::new();
        comparer.compare_json(expected, have, &mut found);
        found
    }

    #[test]
    fn an_id_stays_bound_to_the_first_one_seen() {
        let mut comparer = Comparer::default();
        let first = differences(
            &mut comparer,
            json!({"run_id": ONE}),
            json!({"run_id": TWO}),
        );
        assert_eq!(first, Vec::<String>::new());
        let uri = |id: &str| json!({"artifact_uri": format!("mlflow-artifacts:/0/{id}/artifacts")});
        assert_eq!(
            differences(&mut comparer, uri(ONE), uri(TWO)),
            Vec::<String>::new()
        );
        assert_eq!(differences(&mut comparer, uri(ONE), uri(ONE)).len(), 1);
    }

    #[test]
    fn times_need_only_be_there_and_other_numbers_are_exact() {
        let mut comparer = Comparer::default();
        let made = |time| json!({"creation_time": time, "step": 1});
        assert!(differences(&mut comparer, made(5), made(7)).is_empty());
        assert_eq!(differences(&mut comparer, made(5), made(0)).len(), 1);
        assert_eq!(
            differences(&mut comparer, json!({"step": 1}), json!({"step": 2})).len(),
            1
        );
        assert!(differences(&mut comparer, json!({"value": 1.0}), json!({"value": 1})).is_empty());
    }

    #[test]
    fn tags_of_a_run_are_compared_in_any_order_and_runs_are_not() {
        let mut comparer = Comparer::default();
        let tags =
            |keys: [&str; 2]| json!({"data": {"tags": [{"key": keys[0]}, {"key": keys[1]}]}});
        assert!(differences(&mut comparer, tags(["a", "b"]), tags(["b", "a"])).is_empty());
        let runs = |names: [&str; 2]| json!({"runs": [{"n": names[0]}, {"n": names[1]}]});
        assert_eq!(
            differences(&mut comparer, runs(["a", "b"]), runs(["b", "a"])).len(),
            2
        );
    }

    #[test]
    fn the_text_of_an_sql_error_is_not_compared() {
        let mut comparer = Comparer::default();
        let recorded = json!({"message": "Experiment(name=x) already exists. Error: (sqlite3.Y)"});
        let same = json!({"message": "Experiment(name=x) already exists."});
        let other = json!({"message": "Experiment(name=y) already exists."});
        assert!(differences(&mut comparer, recorded.clone(), same).is_empty());
        assert_eq!(differences(&mut comparer, recorded, other).len(), 1);
    }
}
