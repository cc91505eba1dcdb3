//! What each change of the registry becomes: the events, their payloads, their transaction.

use super::receiver::Receiver;
use super::{change, connected, deliver, deliveries, start, subscribe};
use crate::server::TestServer;
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};
use trackway::events::kind;

/// Every event there is.
fn all_events() -> Vec<&'static str> {
    kind::ALL.iter().map(|kind| kind.name).collect()
}

/// Sends a change with a reason and a request id.
async fn because(server: &TestServer, method: &str, path: &str, body: Json) {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/2.0/mlflow/{path}"))
        .header("content-type", "application/json")
        .header("x-trackway-reason", "because")
        .header("x-request-id", "req-1")
        .body(Body::from(body.to_string()))
        .unwrap();
    server.send(request).await.ok();
}

/// Delivers what is due and shows what came, one line an event: its name and data.
async fn shown(server: &TestServer, receiver: &Receiver) -> String {
    deliver(server).await;
    let letters = receiver.take();
    let lines = letters
        .iter()
        .map(|letter| format!("{} {}", letter.event(), letter.json()["data"]));
    lines.collect::<Vec<_>>().join("\n")
}

/// Every change that a model and its versions can go through, after two versions were created.
fn steps() -> Vec<(&'static str, &'static str, Json)> {
    let one = |more: Json| {
        let mut body = json!({ "name": "m", "version": "1" });
        body.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        body
    };
    vec![
        (
            "POST",
            "model-versions/transition-stage",
            one(json!({ "stage": "production" })),
        ),
        (
            "POST",
            "registered-models/alias",
            one(json!({ "alias": "champion" })),
        ),
        (
            "POST",
            "registered-models/alias",
            json!({ "name": "m", "alias": "champion", "version": "2" }),
        ),
        (
            "POST",
            "registered-models/alias",
            json!({ "name": "m", "alias": "champion", "version": "2" }),
        ),
        (
            "DELETE",
            "registered-models/alias",
            json!({ "name": "m", "alias": "champion" }),
        ),
        (
            "POST",
            "model-versions/set-tag",
            one(json!({ "key": "t", "value": "v" })),
        ),
        (
            "DELETE",
            "model-versions/delete-tag",
            one(json!({ "key": "t" })),
        ),
        (
            "PATCH",
            "model-versions/update",
            one(json!({ "description": "d" })),
        ),
        (
            "POST",
            "registered-models/set-tag",
            one(json!({ "key": "t", "value": "v" })),
        ),
        (
            "DELETE",
            "registered-models/delete-tag",
            one(json!({ "key": "t" })),
        ),
        (
            "PATCH",
            "registered-models/update",
            one(json!({ "description": "d" })),
        ),
        (
            "POST",
            "registered-models/rename",
            json!({ "name": "m", "new_name": "n" }),
        ),
        (
            "DELETE",
            "model-versions/delete",
            json!({ "name": "n", "version": "1" }),
        ),
        ("DELETE", "registered-models/delete", json!({ "name": "n" })),
    ]
}

#[tokio::test]
async fn each_change_of_a_model_has_its_events() {
    let (server, receiver, _) = connected(&all_events()).await;
    let tags = json!([{ "key": "k", "value": "1" }, { "key": "k", "value": "2" }]);
    let body = json!({ "name": "m", "tags": tags });
    change(&server, "POST", "registered-models/create", body).await;
    for (source, description) in [("s3://b/1", ""), ("s3://b/2", "second")] {
        let body =
            json!({ "name": "m", "source": source, "description": description, "tags": tags });
        change(&server, "POST", "model-versions/create", body).await;
    }
    insta::assert_snapshot!(shown(&server, &receiver).await, @r#"
    registered_model.created {"description":"","name":"m","tags":{"k":"2"}}
    model_version.created {"description":null,"name":"m","run_id":null,"source":"s3://b/1","tags":{"k":"2"},"version":"1"}
    model_version.created {"description":"second","name":"m","run_id":null,"source":"s3://b/2","tags":{"k":"2"},"version":"2"}
    "#);
    for (method, path, body) in steps() {
        because(&server, method, path, body).await;
    }
    insta::assert_snapshot!(shown(&server, &receiver).await, @r#"
    model_version.stage_transitioned {"actor":"anonymous","from":"None","name":"m","reason":"because","request_id":"req-1","to":"Production","version":"1"}
    model_version_alias.created {"alias":"champion","name":"m","version":"1"}
    model_version_alias.moved {"actor":"anonymous","alias":"champion","from":null,"generation":1,"name":"m","reason":"because","request_id":"req-1","to":"1","version":"1"}
    model_version_alias.created {"alias":"champion","name":"m","version":"2"}
    model_version_alias.moved {"actor":"anonymous","alias":"champion","from":"1","generation":2,"name":"m","reason":"because","request_id":"req-1","to":"2","version":"2"}
    model_version_alias.deleted {"alias":"champion","name":"m"}
    model_version_tag.set {"key":"t","name":"m","value":"v","version":"1"}
    model_version_tag.deleted {"key":"t","name":"m","version":"1"}
    model_version.updated {"actor":"anonymous","from":"","name":"m","reason":"because","request_id":"req-1","to":"d","version":"1"}
    registered_model_tag.set {"actor":"anonymous","from":null,"key":"t","name":"m","reason":"because","request_id":"req-1","to":"v","value":"v"}
    registered_model_tag.deleted {"actor":"anonymous","from":"v","key":"t","name":"m","reason":"because","request_id":"req-1","to":null}
    registered_model.updated {"actor":"anonymous","from":"","name":"m","reason":"because","request_id":"req-1","to":"d"}
    registered_model.renamed {"actor":"anonymous","from":"m","name":"n","reason":"because","request_id":"req-1","to":"n"}
    model_version.deleted {"actor":"anonymous","from":null,"name":"n","reason":"because","request_id":"req-1","to":null,"version":"1"}
    registered_model.deleted {"actor":"anonymous","from":null,"name":"n","reason":"because","request_id":"req-1","to":null}
    "#);
}

#[tokio::test]
async fn each_change_of_a_prompt_has_its_events() {
    let (server, receiver, _) = connected(&all_events()).await;
    let is_prompt = json!({ "key": "mlflow.prompt.is_prompt", "value": "true" });
    let kind = json!({ "key": "_mlflow_prompt_type", "value": "text" });
    let mark = json!({ "key": "k", "value": "1" });
    let text = json!({ "key": "mlflow.prompt.text", "value": "Hello {{name}}!" });
    let body = json!({ "name": "p", "tags": [is_prompt, kind, mark], "description": "d" });
    change(&server, "POST", "registered-models/create", body).await;
    let body =
        json!({ "name": "p", "source": "dummy-source", "tags": [is_prompt, kind, mark, text] });
    change(&server, "POST", "model-versions/create", body).await;
    let version = json!({ "name": "p", "version": "1", "key": "t", "value": "v" });
    let alias = json!({ "name": "p", "version": "1", "alias": "a" });
    for (method, path, body) in [
        ("POST", "registered-models/set-tag", &version),
        ("DELETE", "registered-models/delete-tag", &version),
        ("POST", "model-versions/set-tag", &version),
        ("DELETE", "model-versions/delete-tag", &version),
        ("POST", "registered-models/alias", &alias),
        ("DELETE", "registered-models/alias", &alias),
        ("DELETE", "registered-models/delete", &alias),
    ] {
        change(&server, method, path, body.clone()).await;
    }
    insta::assert_snapshot!(shown(&server, &receiver).await, @r#"
    prompt.created {"description":"d","name":"p","tags":{"k":"1"}}
    prompt_version.created {"description":null,"name":"p","tags":{"k":"1"},"template":"Hello {{name}}!","version":"1"}
    prompt_tag.set {"key":"t","name":"p","value":"v"}
    prompt_tag.deleted {"key":"t","name":"p"}
    prompt_version_tag.set {"key":"t","name":"p","value":"v","version":"1"}
    prompt_version_tag.deleted {"key":"t","name":"p","version":"1"}
    prompt_alias.created {"alias":"a","name":"p","version":"1"}
    prompt_alias.moved {"actor":"anonymous","alias":"a","from":null,"generation":1,"name":"p","reason":"","request_id":"00000000000000000000000000000009","to":"1","version":"1"}
    prompt_alias.deleted {"alias":"a","name":"p"}
    prompt.deleted {"actor":"anonymous","from":null,"name":"p","reason":"","request_id":"0000000000000000000000000000000b","to":null}
    "#);
}

#[tokio::test]
async fn archiving_the_others_tells_of_each_version() {
    let (server, receiver, _) = connected(&["model_version.stage_transitioned"]).await;
    change(
        &server,
        "POST",
        "registered-models/create",
        json!({ "name": "m" }),
    )
    .await;
    for version in ["1", "2"] {
        let body = json!({ "name": "m", "source": "s3://b/f" });
        change(&server, "POST", "model-versions/create", body).await;
        let body = json!({ "name": "m", "version": version, "stage": "Production",
            "archive_existing_versions": true });
        change(&server, "POST", "model-versions/transition-stage", body).await;
    }
    insta::assert_snapshot!(shown(&server, &receiver).await, @r#"
    model_version.stage_transitioned {"actor":"anonymous","from":"None","name":"m","reason":"","request_id":"00000000000000000000000000000005","to":"Production","version":"1"}
    model_version.stage_transitioned {"actor":"anonymous","from":"Production","name":"m","reason":"","request_id":"00000000000000000000000000000007","to":"Archived","version":"1"}
    model_version.stage_transitioned {"actor":"anonymous","from":"None","name":"m","reason":"","request_id":"00000000000000000000000000000007","to":"Production","version":"2"}
    "#);
}

#[tokio::test]
async fn an_event_is_there_with_its_change_and_not_without() {
    let server = start().await;
    let names = ["registered_model.created", "registered_model.renamed"];
    let id = subscribe(&server, "http://127.0.0.1:9/", &names, json!({})).await;
    for (name, status) in [("a", 200), ("b", 200), ("a", 400)] {
        let answer = server
            .post("registered-models/create", json!({ "name": name }))
            .await;
        assert_eq!(answer.status, status);
    }
    let taken = json!({ "name": "a", "new_name": "b" });
    assert_eq!(
        server.post("registered-models/rename", taken).await.status,
        400
    );
    let created = "registered_model.created pending";
    assert_eq!(deliveries(&server, &id).await, [created, created]);
}

#[tokio::test]
async fn an_event_goes_to_each_active_webhook_that_asks_for_it() {
    let (server, receiver) = (start().await, Receiver::start().await);
    let created = ["registered_model.created"];
    let first = subscribe(&server, &receiver.url, &created, json!({})).await;
    let second = subscribe(&server, &receiver.url, &created, json!({})).await;
    let disabled = json!({ "status": "DISABLED" });
    let third = subscribe(&server, &receiver.url, &created, disabled).await;
    let other = subscribe(&server, &receiver.url, &["prompt.created"], json!({})).await;
    change(
        &server,
        "POST",
        "registered-models/create",
        json!({ "name": "m" }),
    )
    .await;
    for (id, number) in [(first, 1), (second, 1), (third, 0), (other, 0)] {
        assert_eq!(deliveries(&server, &id).await.len(), number);
    }
    assert_eq!(deliver(&server).await, 2);
    let ids: Vec<String> = receiver
        .take()
        .iter()
        .map(|letter| letter.header("x-mlflow-delivery-id").to_owned())
        .collect();
    assert_ne!(ids[0], ids[1]);
}
