//! The `MLmodel` file: what MLflow writes about a model beside its files.
//!
//! It reads the text only; nothing that the file names is loaded.

use super::facts::Cut;
use super::yaml;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

/// The largest description of one flavor, and of the user's own notes, that is kept, in bytes of
/// JSON.
const MAX_PART: usize = 16 << 10;
/// Flavors that are kept.
const MAX_FLAVORS: usize = 100;

/// What an `MLmodel` file says beside the signature.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct MlModel {
    pub mlflow_version: Option<String>,
    pub model_uuid: Option<String>,
    pub model_id: Option<String>,
    pub run_id: Option<String>,
    /// As MLflow writes it: `2026-03-03 14:05:00.123456`, UTC.
    pub utc_time_created: Option<String>,
    /// In bytes.
    pub model_size_bytes: Option<i64>,
    /// The Python version that the model was logged with.
    pub python_version: Option<String>,
    /// The path of the example of an input.
    pub input_example: Option<String>,
    /// What each flavor needs to load the model, by the name of the flavor.
    pub flavors: Map<String, Json>,
    /// What the user wrote there.
    pub metadata: Option<Json>,
}

/// What an `MLmodel` file says, and what had to be left out.
#[derive(Debug, Default)]
pub struct Parsed {
    pub model: MlModel,
    /// `inputs`, `outputs` and `params` as MLflow has them, or none of them.
    pub signature: Option<Json>,
    /// Why the signature could not be read.
    pub signature_problem: Option<String>,
    pub cut: Vec<Cut>,
}

/// Reads the text of an `MLmodel` file.
///
/// # Errors
/// A sentence that says what is wrong with the file.
pub fn parse(text: &str) -> Result<Parsed, String> {
    let Json::Object(mut document) = yaml::parse(text)? else {
        return Err("It is no mapping.".to_owned());
    };
    let text_of = |key: &str| document.get(key).and_then(yaml::text);
    let example = document.get("saved_input_example_info");
    let mut parsed = Parsed {
        model: MlModel {
            mlflow_version: text_of("mlflow_version"),
            model_uuid: text_of("model_uuid"),
            model_id: text_of("model_id"),
            run_id: text_of("run_id"),
            utc_time_created: text_of("utc_time_created"),
            model_size_bytes: document.get("model_size_bytes").and_then(Json::as_i64),
            python_version: document
                .get("flavors")
                .and_then(|flavors| flavors.get("python_function"))
                .and_then(|flavor| flavor.get("python_version"))
                .and_then(yaml::text),
            input_example: example
                .and_then(|example| example.get("artifact_path"))
                .and_then(yaml::text),
            ..MlModel::default()
        },
        ..Parsed::default()
    };
    match document.get("signature").map(signature) {
        None | Some(Ok(None)) => {}
        Some(Ok(signature)) => parsed.signature = signature,
        Some(Err(problem)) => parsed.signature_problem = Some(problem),
    }
    if let Some(metadata) = document.remove("metadata").filter(|value| !value.is_null()) {
        parsed.model.metadata = Some(bounded(metadata, "MLmodel metadata", &mut parsed.cut));
    }
    if let Some(Json::Object(flavors)) = document.remove("flavors") {
        Cut::note(&mut parsed.cut, "flavors", MAX_FLAVORS, flavors.len());
        for (name, flavor) in flavors.into_iter().take(MAX_FLAVORS) {
            let flavor = bounded(flavor, &format!("flavor {name}"), &mut parsed.cut);
            parsed.model.flavors.insert(name, flavor);
        }
    }
    Ok(parsed)
}

/// Leaves out a value that is too large, and says so.
fn bounded(value: Json, what: &str, cut: &mut Vec<Cut>) -> Json {
    let size = value.to_string().len();
    if size <= MAX_PART {
        return value;
    }
    cut.push(Cut {
        what: format!("{what}, in bytes"),
        kept: 0,
        of: size,
    });
    Json::Null
}

/// Reads the three parts of a signature, each of which is JSON inside a text.
fn signature(given: &Json) -> Result<Option<Json>, String> {
    let Json::Object(given) = given else {
        return Ok(None);
    };
    let mut parts = Map::new();
    for part in ["inputs", "outputs", "params"] {
        let value = match given.get(part) {
            None | Some(Json::Null) => Json::Null,
            Some(Json::String(text)) => serde_json::from_str(text)
                .map_err(|error| format!("The {part} of the signature are not JSON: {error}."))?,
            Some(other) => other.clone(),
        };
        if !matches!(value, Json::Null | Json::Array(_)) {
            return Err(format!("The {part} of the signature are no list."));
        }
        parts.insert(part.to_owned(), value);
    }
    let is_empty = parts.values().all(Json::is_null);
    Ok((!is_empty).then_some(Json::Object(parts)))
}
