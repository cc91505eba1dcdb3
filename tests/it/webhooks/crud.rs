//! MLflow's routes: create, list, find, update, delete, try out.

use super::receiver::Receiver;
use super::{deliver, events, local, start, subscribe};
use crate::server::TestServer;
use serde_json::{Value as Json, json};

const URL: &str = "https://1.1.1.1/x";

fn good() -> Json {
    json!({ "name": "w", "url": URL, "events": events(&["model_version.created"]) })
}

/// Creates a webhook with one field changed, and gives status, code and message of the refusal.
async fn refused(server: &TestServer, field: &str, value: Json) -> (u16, String, String) {
    let mut body = good();
    body[field] = value;
    server.post("webhooks", body).await.refused()
}

#[tokio::test]
async fn a_webhook_is_created_and_found_without_its_secret() {
    let server = TestServer::start().await;
    let mut body = good();
    body["description"] = "d".into();
    body["secret"] = "s3cret".into();
    let created = server.post("webhooks", body).await;
    insta::assert_snapshot!(created.shown(), @r#"
    200
    {
      "webhook": {
        "creation_timestamp": 1700000000000,
        "description": "d",
        "events": [
          {
            "action": "CREATED",
            "entity": "MODEL_VERSION"
          }
        ],
        "last_updated_timestamp": 1700000000000,
        "name": "w",
        "status": "ACTIVE",
        "url": "https://1.1.1.1/x",
        "webhook_id": "00000000-0000-0000-0000-000000000002"
      }
    }
    "#);
    let id = created.json()["webhook"]["webhook_id"]
        .as_str()
        .unwrap()
        .to_owned();
    let found = server.get(&format!("webhooks/{id}")).await;
    assert_eq!(found.shown(), created.shown());
    let listed = server.get("webhooks").await.ok();
    assert_eq!(listed["webhooks"][0], created.json()["webhook"]);
    let own = server.get(&format!("/api/1.0/webhooks/{id}")).await;
    insta::assert_snapshot!(own.shown(), @r#"
    200
    {
      "creation_timestamp": 1700000000000,
      "description": "d",
      "events": [
        "model_version.created"
      ],
      "format": "mlflow",
      "is_signed": true,
      "last_updated_timestamp": 1700000000000,
      "name": "w",
      "status": "ACTIVE",
      "url": "https://1.1.1.1/x",
      "webhook_id": "00000000-0000-0000-0000-000000000002"
    }
    "#);
}

#[tokio::test]
async fn bad_fields_are_refused_in_mlflows_words() {
    let server = TestServer::start().await;
    let mut told = Vec::new();
    for (field, value) in [
        ("name", json!("-x")),
        ("name", json!("a".repeat(64))),
        ("name", json!("it's")),
        ("name", json!("")),
        ("name", json!(7)),
        ("url", json!("")),
        ("url", json!("   ")),
        ("url", json!("foo")),
        ("url", json!("http://1.1.1.1/")),
        ("url", json!("https:///x")),
        ("url", json!("https://127.0.0.1/x")),
        (
            "url",
            json!(format!("https://1.1.1.1/{}", "x".repeat(2000))),
        ),
        ("events", json!([])),
        ("events", json!("x")),
        ("events", json!([7])),
        ("events", json!([{ "entity": "MODEL_VERSION" }])),
        ("events", json!([{ "entity": "RUN", "action": "CREATED" }])),
        ("events", events(&["model_version_tag.created"])),
        ("events", events(&["model_version.exceeded"])),
        ("events", json!([{ "entity": 11, "action": 1 }])),
        ("status", json!("FOO")),
        ("status", json!(7)),
        ("format", json!("xml")),
        ("description", json!("d".repeat(1001))),
        ("description", json!(7)),
        ("secret", json!("ä".repeat(501))),
    ] {
        let (status, code, message) = refused(&server, field, value).await;
        assert_eq!(
            (status, code.as_str()),
            (400, "INVALID_PARAMETER_VALUE"),
            "{message}"
        );
        told.push(message);
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    Webhook name '-x' is invalid. It must start and end with a letter or digit, be less than 63 characters long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-).
    Webhook name 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' is invalid. It must start and end with a letter or digit, be less than 63 characters long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-).
    Webhook name "it's" is invalid. It must start and end with a letter or digit, be less than 63 characters long, and contain only letters, digits, dots (.), underscores (_), and hyphens (-).
    Missing value for required parameter 'name'. See the API docs for more information about request parameters.
    Invalid value 7 for parameter 'name' supplied:  Hint: Value was of type 'int'. See the API docs for more information about request parameters.
    Missing value for required parameter 'url'. See the API docs for more information about request parameters.
    Webhook URL cannot be empty or just whitespace: '   '
    Invalid webhook URL scheme: ''. Allowed schemes are: https.
    Invalid webhook URL scheme: 'http'. Allowed schemes are: https.
    Webhook URL must include a hostname: 'https:///x'
    Webhook URL must not resolve to a non-public IP address. '127.0.0.1' resolves to 127.0.0.1. It is a loopback address; add its network to webhooks.allowed_private_networks to allow it.
    The url of a webhook has at most 2000 characters, and this one has 2016.
    Webhook events must be a non-empty list of WebhookEvent objects: [].
    Invalid value "x" for parameter 'events' supplied:  Hint: Value was of type 'str'. See the API docs for more information about request parameters.
    Invalid value 7 for parameter 'events[0]' supplied:  Hint: Value was of type 'int'. See the API docs for more information about request parameters.
    Missing value for required parameter 'events[0].action'. See the API docs for more information about request parameters.
    There is no entity 'run' of a webhook event. The entities are registered_model, registered_model_tag, model_version, model_version_tag, model_version_alias, prompt, prompt_tag, prompt_version, prompt_version_tag, prompt_alias, budget_policy.
    Invalid action 'created' for entity 'model_version_tag'. Valid actions are: ['deleted', 'set']
    Invalid action 'exceeded' for entity 'model_version'. Valid actions are: ['aged', 'broken', 'created', 'deleted', 'stage_transitioned', 'updated', 'verified']
    Invalid value 11 for parameter 'events[0].entity' supplied:  Hint: Value was of type 'int'. See the API docs for more information about request parameters.
    Invalid webhook status 'FOO'. The status is ACTIVE or DISABLED.
    Invalid value 7 for parameter 'status' supplied:  Hint: Value was of type 'int'. See the API docs for more information about request parameters.
    There is no webhook format 'xml'. The formats are mlflow, cloudevents, slack, teams.
    The description of a webhook has at most 1000 characters, and this one has 1001.
    Invalid value 7 for parameter 'description' supplied:  Hint: Value was of type 'int'. See the API docs for more information about request parameters.
    The secret of a webhook has at most 1000 bytes, and this one has 1002.
    "#);
    assert_eq!(server.get("webhooks").await.ok(), json!({}));
}

#[tokio::test]
async fn events_are_read_by_name_number_and_in_any_case() {
    let server = TestServer::start().await;
    let mut body = good();
    body["events"] = json!([
        { "entity": 6, "action": 1 },
        { "entity": "prompt_version", "action": "created" },
        { "entity": "Model_Version_Alias", "action": "MOVED" },
        { "entity": "BUDGET_POLICY", "action": "EXCEEDED" },
    ]);
    let created = server.post("webhooks", body).await.ok();
    let expected = events(&["budget_policy.exceeded", "prompt_version.created"]);
    assert_eq!(created["webhook"]["events"], expected);
    let own = events(&["model_version_alias.moved"]);
    assert_eq!(created["webhook"]["own_events"], own);
}

#[tokio::test]
async fn a_webhook_with_our_events_alone_is_not_shown_to_mlflows_client() {
    let server = TestServer::start().await;
    let own = subscribe(
        &server,
        URL,
        &["model_version.stage_transitioned"],
        json!({}),
    )
    .await;
    let both = ["model_version.created", "model_version.deleted"];
    let both = subscribe(&server, URL, &both, json!({})).await;
    let listed = server.get("webhooks").await.ok();
    let ids: Vec<&Json> = listed["webhooks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|w| &w["webhook_id"])
        .collect();
    assert_eq!(ids, [&json!(both)]);
    let all = server.get("/api/1.0/webhooks").await.ok();
    assert_eq!(all["webhooks"][0]["webhook_id"], json!(both));
    assert_eq!(
        all["webhooks"][0]["events"],
        json!(["model_version.created", "model_version.deleted"])
    );
    assert_eq!(all["webhooks"][1]["webhook_id"], json!(own));
    let found = server.get(&format!("webhooks/{own}")).await.ok();
    assert_eq!(found["webhook"].get("events"), None);
}

#[tokio::test]
async fn an_update_changes_what_it_names() {
    let server = TestServer::start().await;
    let id = subscribe(
        &server,
        URL,
        &["prompt.created"],
        json!({ "description": "d", "secret": "s" }),
    )
    .await;
    let path = format!("webhooks/{id}");
    server.advance(5);
    let patch = async |body| server.send_json("PATCH", &path, body).await;
    let untouched = patch(json!({ "name": "", "url": "", "events": [], "webhook_id": "zz" })).await;
    insta::assert_snapshot!(untouched.shown(), @r#"
    200
    {
      "webhook": {
        "creation_timestamp": 1700000000000,
        "description": "d",
        "events": [
          {
            "action": "CREATED",
            "entity": "PROMPT"
          }
        ],
        "last_updated_timestamp": 1700000000005,
        "name": "w",
        "status": "ACTIVE",
        "url": "https://1.1.1.1/x",
        "webhook_id": "00000000-0000-0000-0000-000000000002"
      }
    }
    "#);
    let changed = patch(json!({
        "name": "n2", "url": "https://8.8.8.8/", "description": "", "status": "DISABLED",
        "events": events(&["model_version.deleted", "model_version.created"]),
        "format": "slack", "secret": "",
    }));
    insta::assert_snapshot!(changed.await.shown(), @r#"
    200
    {
      "webhook": {
        "creation_timestamp": 1700000000000,
        "events": [
          {
            "action": "CREATED",
            "entity": "MODEL_VERSION"
          }
        ],
        "format": "slack",
        "last_updated_timestamp": 1700000000005,
        "name": "n2",
        "own_events": [
          {
            "action": "DELETED",
            "entity": "MODEL_VERSION"
          }
        ],
        "status": "DISABLED",
        "url": "https://8.8.8.8/",
        "webhook_id": "00000000-0000-0000-0000-000000000002"
      }
    }
    "#);
    let info = server.get(&format!("/api/1.0/webhooks/{id}")).await.ok();
    assert_eq!(info["is_signed"], json!(false));
    for (body, text) in [
        (json!({ "name": "-" }), "Webhook name '-' is invalid."),
        (
            json!({ "url": "ftp://a" }),
            "Invalid webhook URL scheme: 'ftp'.",
        ),
        (json!({ "url": 7 }), "Invalid value 7 for parameter 'url'"),
        (json!({ "status": "FOO" }), "Invalid webhook status 'FOO'."),
    ] {
        let (status, _, message) = patch(body).await.refused();
        assert!(status == 400 && message.starts_with(text), "{message}");
    }
}

#[tokio::test]
async fn an_unknown_or_deleted_webhook_is_a_404() {
    let server = TestServer::start().await;
    let id = subscribe(&server, URL, &["prompt.created"], json!({})).await;
    let deleted = server
        .bare("DELETE", &format!("/api/2.0/mlflow/webhooks/{id}"))
        .await;
    assert_eq!(deleted.ok(), json!({}));
    for id in [id.as_str(), "zz"] {
        let path = format!("/api/2.0/mlflow/webhooks/{id}");
        let own = format!("/api/1.0/webhooks/{id}");
        let answers = [
            server.get(&path).await,
            server
                .send_json("PATCH", &path, json!({ "name": "-" }))
                .await,
            server.bare("DELETE", &path).await,
            server.post(&format!("{path}/test"), json!({})).await,
            server.get(&own).await,
        ];
        for answer in answers {
            let expected = format!("Webhook with ID {id} not found.");
            assert_eq!(
                answer.refused(),
                (404, "RESOURCE_DOES_NOT_EXIST".into(), expected)
            );
        }
    }
    assert_eq!(server.get("webhooks").await.ok(), json!({}));
}

#[tokio::test]
async fn webhooks_are_listed_newest_first_in_pages() {
    let server = TestServer::start().await;
    let mut ids = Vec::new();
    for number in 0..5 {
        ids.push(json!(
            subscribe(&server, URL, &["prompt.created"], json!({})).await
        ));
        server.advance(number % 2);
    }
    ids.reverse();
    let mut found = Vec::new();
    let mut token = String::new();
    loop {
        let page = server
            .get(&format!("webhooks?max_results=2&page_token={token}"))
            .await
            .ok();
        found.extend(
            page["webhooks"]
                .as_array()
                .unwrap()
                .iter()
                .map(|w| w["webhook_id"].clone()),
        );
        match page["next_page_token"].as_str() {
            Some(next) => token = next.replace('=', "%3D").replace('+', "%2B"),
            None => break,
        }
    }
    assert_eq!(found, ids);
    let default = server.get("webhooks?max_results=0").await.ok();
    assert_eq!(default["webhooks"].as_array().unwrap().len(), 5);
    for (query, text) in [
        ("max_results=-1", "max_results must be between 1 and 1000."),
        (
            "max_results=1001",
            "max_results must be between 1 and 1000.",
        ),
        (
            "max_results=x",
            "Invalid value \"x\" for parameter 'max_results' supplied:",
        ),
        (
            "page_token=x",
            "Invalid page token, could not base64-decode",
        ),
    ] {
        let (status, _, message) = server.get(&format!("webhooks?{query}")).await.refused();
        assert!(status == 400 && message.starts_with(text), "{message}");
    }
}

#[tokio::test]
async fn trying_a_webhook_out_sends_mlflows_example() {
    let (server, receiver) = (start().await, Receiver::start().await);
    let names = ["prompt.created", "model_version.created"];
    let id = subscribe(&server, &receiver.url, &names, json!({ "secret": "s" })).await;
    let path = format!("webhooks/{id}/test");
    let first = server.post(&path, json!({})).await;
    insta::assert_snapshot!(first.shown(), @r#"
    200
    {
      "result": {
        "response_body": "the receiver's words",
        "response_status": 200,
        "success": true
      }
    }
    "#);
    let letters = receiver.take();
    insta::assert_snapshot!(serde_json::to_string_pretty(&letters[0].json()).unwrap(), @r#"
    {
      "action": "created",
      "data": {
        "description": "An example model version",
        "name": "example_model",
        "run_id": "abcd1234abcd5678",
        "source": "models:/123",
        "tags": {
          "example_key": "example_value"
        },
        "version": "1"
      },
      "entity": "model_version",
      "timestamp": "2023-11-14T22:13:20+00:00"
    }
    "#);
    assert!(letters[0].header("x-mlflow-signature").starts_with("v1,"));
    let named = json!({ "event": { "entity": "PROMPT_VERSION", "action": "CREATED" } });
    server.post(&path, named).await.ok();
    let prompt = json!({ "name": "example_prompt", "version": "1", "template": "Hello {{name}}!",
        "tags": { "example_key": "example_value" }, "description": "An example prompt version" });
    assert_eq!(receiver.take_one()["data"], prompt);
    receiver.answer(&[500]);
    let failing = server.post(&path, json!({})).await.ok();
    assert_eq!(failing["result"]["success"], json!(false));
    assert_eq!(failing["result"]["response_status"], json!(500));
    let wrong = json!({ "event": { "entity": "PROMPT", "action": "SET" } });
    assert_eq!(server.post(&path, wrong).await.refused().0, 400);
    assert_eq!(deliver(&server).await, 0);
}

#[tokio::test]
async fn trying_out_a_receiver_that_is_not_there_says_so() {
    let server = TestServer::start_with(local).await;
    let id = subscribe(
        &server,
        "http://127.0.0.1:9/x",
        &["prompt.created"],
        json!({}),
    )
    .await;
    let answer = server
        .post(&format!("webhooks/{id}/test"), json!({}))
        .await
        .ok();
    let result = &answer["result"];
    assert_eq!(result["success"], json!(false));
    assert_eq!(result.get("response_status"), None);
    let message = result["error_message"].as_str().unwrap();
    assert!(message.starts_with("Failed to test webhook: "), "{message}");
}
