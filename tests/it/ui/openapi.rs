//! The OpenAPI document says what there is, no more and no less.

use crate::server::TestServer;
use serde_json::Value as Json;
use std::collections::BTreeSet;
use trackway::http::router;

#[tokio::test]
async fn every_route_of_our_own_is_documented_and_nothing_else() {
    let server = TestServer::start().await;
    let document = server.own("openapi.json").await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut documented = BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            documented.insert((method.to_uppercase(), path.clone()));
            assert!(
                operation["summary"]
                    .as_str()
                    .is_some_and(|text| text.ends_with('.')),
                "{path}"
            );
            let content = operation["responses"]["200"]["content"]
                .as_object()
                .unwrap();
            assert_eq!(
                content.len(),
                1,
                "{method} {path} does not say what it answers"
            );
        }
    }
    let own: BTreeSet<(String, String)> = router::table()
        .into_iter()
        .filter(|route| route.path.starts_with("/api/1.0/"))
        .map(|route| (route.method.to_owned(), route.path.replace("{*", "{")))
        .collect();
    assert_eq!(documented, own);
}

#[tokio::test]
async fn every_reference_leads_somewhere_and_every_operation_has_its_own_name() {
    let document = router::document();
    let mut references = BTreeSet::new();
    collect(&document, &mut references);
    for reference in &references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    assert!(references.len() > 20, "{references:?}");
    let operations = document["paths"].as_object().unwrap().values();
    let names: Vec<&Json> = operations
        .flat_map(|methods| methods.as_object().unwrap().values())
        .map(|operation| &operation["operationId"])
        .collect();
    let distinct: BTreeSet<String> = names.iter().map(|name| name.to_string()).collect();
    assert_eq!(names.len(), distinct.len());
}

fn collect(value: &Json, references: &mut BTreeSet<String>) {
    match value {
        Json::Object(object) => {
            if let Some(Json::String(reference)) = object.get("$ref") {
                references.insert(reference.clone());
            }
            object.values().for_each(|value| collect(value, references));
        }
        Json::Array(items) => items.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}
