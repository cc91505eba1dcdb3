//! The OpenAPI document of our own API, made of the table of routes and the types of its messages.
//!
//! It describes; it never decides what a route does.

use schemars::generate::{Contract, SchemaSettings};
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value as Json, json};

/// Gives the schema of a message.
pub(super) type SchemaOf = fn(&mut SchemaGenerator) -> Schema;

/// What the document says of a route.
#[derive(Default)]
pub(super) struct Doc {
    pub summary: &'static str,
    pub query: Option<SchemaOf>,
    pub body: Option<SchemaOf>,
    pub answer: Option<Answer>,
    /// What stands in an answer that is no JSON.
    pub mentions: Option<SchemaOf>,
}

/// What a route answers with.
pub(super) enum Answer {
    Json(SchemaOf),
    /// The content type.
    Other(&'static str),
}

/// A route with the path that it is mounted at.
pub(super) struct Operation<'r> {
    pub method: &'static str,
    pub path: String,
    pub group: &'static str,
    pub changes: bool,
    pub doc: &'r Doc,
}

/// Writes the document.
pub(super) fn document<'r>(operations: impl Iterator<Item = Operation<'r>>) -> Json {
    let mut messages = Messages {
        asked: generator(Contract::Deserialize),
        told: generator(Contract::Serialize),
    };
    let mut paths = Map::new();
    for operation in operations {
        let path = operation.path.replace("{*", "{");
        let written = write(&operation, &path, &mut messages);
        let at = paths.entry(path).or_insert_with(|| json!({}));
        if let Some(at) = at.as_object_mut() {
            at.insert(operation.method.to_lowercase(), written);
        }
    }
    let mut schemas = messages.asked.take_definitions(true);
    schemas.append(&mut messages.told.take_definitions(true));
    schemas.insert("Error".to_owned(), error());
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Trackway",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What Trackway serves beside MLflow's REST API. Times are milliseconds \
                since 1970 in UTC; what is not there is null.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": { "schemas": schemas },
    })
}

/// What clients send and what they are sent are described apart: a field may be left out of the one
/// and is always in the other.
struct Messages {
    asked: SchemaGenerator,
    told: SchemaGenerator,
}

fn generator(contract: Contract) -> SchemaGenerator {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    settings.contract = contract;
    settings.into_generator()
}

fn write(operation: &Operation<'_>, path: &str, messages: &mut Messages) -> Json {
    let doc = operation.doc;
    let mut parameters: Vec<Json> = names_in(path)
        .map(|name| {
            json!({
                "name": name, "in": "path", "required": true,
                "schema": { "type": "string", "minLength": 1 },
            })
        })
        .collect();
    if let Some(query) = doc.query {
        parameters.extend(query_parameters(query));
    }
    if operation.changes {
        parameters.push(json!({
            "name": "X-Trackway-Reason", "in": "header", "required": false,
            "description": "Why the change is made, percent-encoded UTF-8.",
            "schema": { "type": "string", "maxLength": 2000 },
        }));
    }
    let content = match &doc.answer {
        Some(Answer::Json(of)) => {
            json!({ "application/json": { "schema": of(&mut messages.told) } })
        }
        Some(Answer::Other(kind)) => json!({ *kind: {} }),
        None => json!({}),
    };
    if let Some(mentions) = doc.mentions {
        mentions(&mut messages.told);
    }
    let mut written = json!({
        "summary": doc.summary,
        "tags": [operation.group],
        "operationId": operation_id(operation.method, path),
        "parameters": parameters,
        "responses": {
            "200": { "description": "What was asked for.", "content": content },
            "default": {
                "description": "Why not, in the form of MLflow's errors.",
                "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
            },
        },
    });
    if let Some(body) = doc.body
        && let Some(written) = written.as_object_mut()
    {
        let schema = body(&mut messages.asked);
        let content = json!({ "application/json": { "schema": schema } });
        written.insert(
            "requestBody".to_owned(),
            json!({ "required": true, "content": content }),
        );
    }
    written
}

/// Turns the fields of a message into parameters of a query; the message itself is in no list then.
fn query_parameters(of: SchemaOf) -> Vec<Json> {
    let mut generator = generator(Contract::Deserialize);
    let reference = of(&mut generator);
    let name = reference.get("$ref").and_then(Json::as_str).unwrap_or("");
    let name = name.rsplit('/').next().unwrap_or("");
    let whole = generator.definitions_mut().remove(name);
    let whole = whole.unwrap_or_else(|| reference.to_value());
    let required: Vec<&str> = whole["required"]
        .as_array()
        .map(|names| names.iter().filter_map(Json::as_str).collect())
        .unwrap_or_default();
    let fields = whole["properties"].as_object().into_iter().flatten();
    fields
        .map(|(name, schema)| {
            let mut schema = schema.clone();
            let description = schema
                .as_object_mut()
                .and_then(|schema| schema.remove("description"));
            let mut parameter = json!({
                "name": name, "in": "query",
                "required": required.contains(&name.as_str()),
                "schema": schema,
            });
            if let Some((parameter, text)) = parameter.as_object_mut().zip(description) {
                parameter.insert("description".to_owned(), text);
            }
            parameter
        })
        .collect()
}

fn names_in(path: &str) -> impl Iterator<Item = &str> {
    path.split('{')
        .skip(1)
        .filter_map(|rest| Some(rest.split_once('}')?.0))
}

fn operation_id(method: &str, path: &str) -> String {
    let path = path.trim_start_matches("/api/1.0/");
    let words = path.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    let words = words.filter(|word| !word.is_empty());
    std::iter::once(method.to_lowercase())
        .chain(words.map(str::to_owned))
        .collect::<Vec<_>>()
        .join("_")
}

fn error() -> Json {
    json!({
        "type": "object",
        "required": ["error_code", "message"],
        "properties": {
            "error_code": { "type": "string" },
            "message": { "type": "string" },
        },
    })
}
