//! Replays recorded exchanges of an MLflow server against another server and says what differs.
//!
//! The recordings are `tests/replay/*.json`; `tests/replay/README.md` describes them. This module
//! reads them, fills captured values into the requests and sends these in order; `compare` judges
//! the answers. It never starts a server and never opens a socket: the caller brings a closure.

pub(crate) mod compare;
pub(crate) mod exceptions;
pub(crate) mod text;

use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;

use serde_json::Value;

use self::compare::Comparer;

/// Values captured from answers, by the name that a placeholder such as `{run}` has.
pub(crate) type Captured = BTreeMap<String, String>;

/// Everything that is sent for one exchange; placeholders are already filled.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Path and query, percent-encoded, to be sent without any further normalization.
    pub(crate) path: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Option<Vec<u8>>,
}

/// What a server answered.
#[derive(Debug, Clone, Default)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Gives a header by its name, of any case.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let found = self
            .headers
            .iter()
            .find(|(have, _)| have.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }
}

/// The recorded body of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Body {
    Json(Value),
    Bytes(Vec<u8>),
    /// The recording keeps the status only.
    NotKept,
}

/// The recorded answer.
#[derive(Debug, Clone)]
pub(crate) struct Expected {
    pub(crate) status: u16,
    pub(crate) content_type: Option<String>,
    /// The headers worth comparing, by lower-case name.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
    /// True when the lists at the top of the body come in a random order.
    pub(crate) any_order: bool,
}

/// One recorded exchange.
#[derive(Debug, Clone)]
pub(crate) struct Exchange {
    pub(crate) label: String,
    pub(crate) group: String,
    /// The request as recorded, with its placeholders.
    pub(crate) request: Request,
    /// Pairs of a name and a dotted path into the JSON answer.
    pub(crate) capture: Vec<(String, String)>,
    pub(crate) expected: Expected,
}

/// Reads one recording, such as `tests/replay/probes.json`.
///
/// `cwd` is the working directory of the server that is going to answer; it stands where the
/// recording has `{cwd}`. Fails when the file cannot be read or is not JSON.
pub(crate) fn load(file: &Path, cwd: &str) -> Result<Vec<Exchange>, Box<dyn Error>> {
    let text = std::fs::read_to_string(file)?;
    let lines: Vec<Value> = serde_json::from_str(&text.replace("{cwd}", cwd))?;
    Ok(lines.iter().map(exchange).collect())
}

fn exchange(line: &Value) -> Exchange {
    let answer = &line["answer"];
    let request = Request {
        method: string(&line["method"]),
        path: string(&line["path"]),
        headers: pairs(&line["headers"]),
        body: match (line["body"].as_str(), line["body_hex"].as_str()) {
            (Some(text), _) => Some(text.as_bytes().to_vec()),
            (None, Some(hex)) => Some(text::from_hex(hex)),
            (None, None) => None,
        },
    };
    let body = match (
        answer.get("json"),
        answer["text"].as_str(),
        answer["hex"].as_str(),
    ) {
        (Some(json), _, _) => Body::Json(json.clone()),
        (None, Some(text), _) => Body::Bytes(text.as_bytes().to_vec()),
        (None, None, Some(hex)) => Body::Bytes(text::from_hex(hex)),
        (None, None, None) => Body::NotKept,
    };
    let status = answer["status"]
        .as_u64()
        .and_then(|status| u16::try_from(status).ok());
    Exchange {
        label: string(&line["label"]),
        group: string(&line["group"]),
        request,
        capture: pairs(&line["capture"]),
        expected: Expected {
            // A line without a status agrees with no answer at all.
            status: status.unwrap_or_default(),
            content_type: answer["content_type"].as_str().map(str::to_owned),
            headers: pairs(&answer["headers"]),
            body,
            any_order: line["compare"] == "any order",
        },
    }
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn pairs(value: &Value) -> Vec<(String, String)> {
    let Some(object) = value.as_object() else {
        return Vec::new();
    };
    object
        .iter()
        .map(|(name, value)| (name.clone(), string(value)))
        .collect()
}

/// Sends the exchanges of the given groups in order and gives what differs, one text each.
///
/// The server must be a fresh one. Its clock must move by a millisecond at least from one request
/// to the next, as some default orders are by creation time. An exchange of another group is not
/// sent at all.
pub(crate) async fn replay(
    exchanges: &[Exchange],
    groups: &[&str],
    mut send: impl AsyncFnMut(Request) -> Answer,
) -> Vec<String> {
    let mut captured = Captured::new();
    let mut comparer = Comparer::default();
    let mut differences = Vec::new();
    for exchange in exchanges
        .iter()
        .filter(|one| groups.contains(&one.group.as_str()))
    {
        let answer = send(filled(&exchange.request, &captured)).await;
        for difference in comparer.check(exchange, &answer, &captured) {
            differences.push(format!(
                "[{}] {}: {difference}",
                exchange.group, exchange.label
            ));
        }
        if let Some(filler) = filler(exchange, &answer) {
            send(filler).await;
        }
        let json = text::json(&answer.body).unwrap_or(Value::Null);
        for (name, path) in &exchange.capture {
            match text::follow(&json, path) {
                Some(value) => drop(captured.insert(name.clone(), value)),
                None => differences.push(format!("{}: nothing at {path}", exchange.label)),
            }
        }
    }
    differences
}

/// Creates an experiment where the recorded server created one and this one refused to, so that the
/// ids that follow agree.
fn filler(exchange: &Exchange, answer: &Answer) -> Option<Request> {
    let created = exchange.request.path.ends_with("/experiments/create")
        && exchange.expected.status == 200
        && answer.status != 200;
    let name = format!("in place of: {}", exchange.label);
    created.then(|| Request {
        method: "POST".to_owned(),
        path: "/api/2.0/mlflow/experiments/create".to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: Some(serde_json::json!({ "name": name }).to_string().into_bytes()),
    })
}

/// Fills captured values in: percent-encoded in the path, as they are elsewhere.
fn filled(request: &Request, captured: &Captured) -> Request {
    let header = |(name, value): &(String, String)| (name.clone(), text::fill(value, captured));
    let body = request
        .body
        .as_ref()
        .map(|bytes| match std::str::from_utf8(bytes) {
            Ok(body) => text::fill(body, captured).into_bytes(),
            Err(_) => bytes.clone(),
        });
    let encoded = captured
        .iter()
        .map(|(k, v)| (k.clone(), text::percent_encode(v)))
        .collect();
    Request {
        method: request.method.clone(),
        path: text::fill(&request.path, &encoded),
        headers: request.headers.iter().map(header).collect(),
        body,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn recordings() -> [Vec<Exchange>; 3] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/replay");
        ["probes.json", "goldens.json", "registry.json"]
            .map(|name| load(&folder.join(name), "/cwd").unwrap())
    }

    #[test]
    fn every_label_is_used_once() {
        for exchanges in recordings() {
            let labels: BTreeSet<&str> = exchanges.iter().map(|one| one.label.as_str()).collect();
            assert_eq!(labels.len(), exchanges.len());
        }
    }

    #[test]
    fn every_exception_names_a_recorded_exchange() {
        let recordings = recordings();
        for label in exceptions::DIFFERENCES
            .iter()
            .flat_map(|difference| difference.labels)
        {
            let mut all = recordings.iter().flatten();
            assert!(all.any(|one| one.label == *label), "{label}");
        }
    }

    #[test]
    fn every_difference_is_documented_for_users() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/compatibility.md");
        let words: Vec<String> = std::fs::read_to_string(path)
            .unwrap()
            .split_whitespace()
            .map(str::to_owned)
            .collect();
        let document = words.join(" ");
        for difference in exceptions::DIFFERENCES {
            assert!(document.contains(difference.why), "{}", difference.why);
        }
    }

    #[test]
    fn every_placeholder_is_captured_before_it_is_used() {
        for exchanges in recordings() {
            let mut captured = Captured::new();
            for exchange in exchanges {
                let path = text::fill(&exchange.request.path, &captured);
                assert!(!path.contains('{'), "{}: {path}", exchange.label);
                let value = |(name, _): (String, String)| (name, "x".to_owned());
                captured.extend(exchange.capture.into_iter().map(value));
            }
        }
    }
}
