//! Any sequence of changes: the ETag of an answer is the same exactly as long as the answer is.

use crate::server::TestServer;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::collections::HashMap;

const URIS: [&str; 8] = [
    "models:/a@x",
    "models:/a@y",
    "models:/a/1",
    "models:/a/2",
    "models:/a/latest",
    "models:/a/Production",
    "models:/a/None",
    "models:/b@x",
];

/// A request that may change the registry; one that is refused changes nothing.
fn request() -> impl Strategy<Value = (&'static str, &'static str, Json)> {
    let name = || prop_oneof![4 => Just("a"), 1 => Just("b")];
    let number = || (1..4i64).prop_map(|number| number.to_string());
    let alias = || prop_oneof![Just("x"), Just("y")];
    let stage = prop_oneof![Just("None"), Just("Production"), Just("Archived")];
    prop_oneof![
        2 => name().prop_map(|name| {
            ("POST", "registered-models/create", json!({ "name": name }))
        }),
        1 => name().prop_map(|name| {
            ("DELETE", "registered-models/delete", json!({ "name": name }))
        }),
        1 => (name(), name()).prop_map(|(from, to)| {
            ("POST", "registered-models/rename", json!({ "name": from, "new_name": to }))
        }),
        5 => name().prop_map(|name| {
            ("POST", "model-versions/create", json!({ "name": name, "source": "s3://b/x" }))
        }),
        1 => (name(), number()).prop_map(|(name, version)| {
            ("DELETE", "model-versions/delete", json!({ "name": name, "version": version }))
        }),
        6 => (name(), alias(), number()).prop_map(|(name, alias, version)| {
            let body = json!({ "name": name, "alias": alias, "version": version });
            ("POST", "registered-models/alias", body)
        }),
        2 => (name(), alias()).prop_map(|(name, alias)| {
            ("DELETE", "registered-models/alias", json!({ "name": name, "alias": alias }))
        }),
        4 => (name(), number(), stage).prop_map(|(name, version, stage)| {
            let body = json!({ "name": name, "version": version, "stage": stage });
            ("POST", "model-versions/transition-stage", body)
        }),
        1 => (name(), number()).prop_map(|(name, version)| {
            let body = json!({ "name": name, "version": version, "description": "new" });
            ("PATCH", "model-versions/update", body)
        }),
    ]
}

async fn run(requests: Vec<(&'static str, &'static str, Json)>) {
    let server = TestServer::start().await;
    let mut bodies: HashMap<String, Vec<u8>> = HashMap::new();
    let mut etags: HashMap<Vec<u8>, String> = HashMap::new();
    for (method, path, body) in requests {
        server.advance(10);
        server.send_json(method, path, body.clone()).await;
        for uri in URIS {
            let answer = server.get(&format!("/api/1.0/resolve?uri={uri}")).await;
            assert!([200, 404].contains(&answer.status.as_u16()), "{answer:?}");
            let etag = answer.header("etag").to_owned();
            let first = bodies.entry(etag.clone()).or_insert(answer.body.clone());
            assert_eq!(*first, answer.body, "one ETag, two answers: {uri}");
            let same = etags.entry(answer.body).or_insert(etag.clone());
            assert_eq!(*same, etag, "one answer, two ETags: {uri}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..Default::default() })]

    #[test]
    fn an_etag_changes_exactly_when_the_answer_does(
        requests in proptest::collection::vec(request(), 1..40)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(run(requests));
    }
}
