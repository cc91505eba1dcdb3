//! The TypeScript types of the web interface are those of the OpenAPI document.
//!
//! `TRACKWAY_WRITE_TYPES=1 cargo test --test it ui::types` writes them anew.

use serde_json::Value as Json;
use std::fmt::Write;
use std::path::Path;
use trackway::http::router;

const HEADING: &str = "\
// The types of Trackway's own API, written from its OpenAPI document; do not change them by hand.
// `TRACKWAY_WRITE_TYPES=1 cargo test --test it ui::types` writes them anew.
";

#[test]
fn the_types_of_the_web_interface_are_those_of_the_document() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("ui/src/api/types.ts");
    let written = types(&router::document());
    if std::env::var_os("TRACKWAY_WRITE_TYPES").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, &written).unwrap();
    }
    let found = std::fs::read_to_string(&file).unwrap();
    assert!(
        found == written,
        "{} is not what the document says: write it anew with TRACKWAY_WRITE_TYPES=1 cargo test \
         --test it ui::types",
        file.display()
    );
}

fn types(document: &Json) -> String {
    let mut text = HEADING.to_owned();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        text.push('\n');
        comment(&mut text, schema, "");
        let is_interface = schema["properties"].is_object() && schema.get("oneOf").is_none();
        match is_interface {
            true => writeln!(text, "export interface {name} {}", of(schema, "")).unwrap(),
            false => writeln!(text, "export type {name} = {};", of(schema, "")).unwrap(),
        }
    }
    text
}

fn comment(text: &mut String, schema: &Json, indent: &str) {
    if let Some(description) = schema["description"].as_str() {
        let line = description.split_whitespace().collect::<Vec<_>>().join(" ");
        writeln!(text, "{indent}/** {} */", line.replace("*/", "* /")).unwrap();
    }
}

/// Writes the type of a schema.
fn of(schema: &Json, indent: &str) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return match schema["properties"].is_object() {
            true => format!("{name} & {}", of_object(schema, indent)),
            false => name.to_owned(),
        };
    }
    if let Some(constant) = schema.get("const") {
        return constant.to_string();
    }
    if let Some(values) = schema["enum"].as_array() {
        return values
            .iter()
            .map(Json::to_string)
            .collect::<Vec<_>>()
            .join(" | ");
    }
    for (word, sign) in [("anyOf", " | "), ("oneOf", " | "), ("allOf", " & ")] {
        if let Some(parts) = schema[word].as_array() {
            return parts
                .iter()
                .map(|part| of(part, indent))
                .collect::<Vec<_>>()
                .join(sign);
        }
    }
    match &schema["type"] {
        Json::String(kind) => of_kind(kind, schema, indent),
        Json::Array(kinds) => {
            let kinds = kinds
                .iter()
                .map(|kind| of_kind(kind.as_str().unwrap(), schema, indent));
            kinds.collect::<Vec<_>>().join(" | ")
        }
        _ => "unknown".to_owned(),
    }
}

fn of_kind(kind: &str, schema: &Json, indent: &str) -> String {
    match kind {
        "integer" | "number" => "number".to_owned(),
        "array" => match schema["prefixItems"].as_array() {
            Some(items) => {
                let items: Vec<String> = items.iter().map(|item| of(item, indent)).collect();
                format!("[{}]", items.join(", "))
            }
            None => {
                let item = of(&schema["items"], indent);
                match item.contains(' ') && !item.starts_with('{') || item.contains("} | ") {
                    true => format!("({item})[]"),
                    false => format!("{item}[]"),
                }
            }
        },
        "object" => of_object(schema, indent),
        other => other.to_owned(),
    }
}

fn of_object(schema: &Json, indent: &str) -> String {
    let Some(properties) = schema["properties"]
        .as_object()
        .filter(|all| !all.is_empty())
    else {
        let values = match &schema["additionalProperties"] {
            Json::Object(values) => of(&Json::Object(values.clone()), indent),
            _ => "unknown".to_owned(),
        };
        return format!("Record<string, {values}>");
    };
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    let inner = format!("{indent}  ");
    let mut text = "{\n".to_owned();
    for (name, property) in properties {
        comment(&mut text, property, &inner);
        let mark = if required.contains(&Json::from(name.as_str())) {
            ""
        } else {
            "?"
        };
        writeln!(text, "{inner}{name}{mark}: {};", of(property, &inner)).unwrap();
    }
    write!(text, "{indent}}}").unwrap();
    text
}
