//! The formats through HTTP: what a receiver of each gets of one promotion.

use super::receiver::Receiver;
use super::{change, deliver, local, subscribe};
use crate::server::TestServer;
use serde_json::{Value as Json, json};

/// Promotes a version and gives what a webhook of the format is sent, and as what.
async fn promoted(format: &str) -> String {
    let server = TestServer::start_with(|config| {
        local(config);
        config.server.public_url = "https://models.example.com/".into();
    });
    let (server, receiver) = (server.await, Receiver::start().await);
    let event = ["model_version.stage_transitioned"];
    let id = subscribe(&server, &receiver.url, &event, json!({ "format": format })).await;
    let info = server.get(&format!("/api/1.0/webhooks/{id}")).await.ok();
    assert_eq!(info["format"], json!(format));
    change(
        &server,
        "POST",
        "registered-models/create",
        json!({ "name": "churn" }),
    )
    .await;
    let body = json!({ "name": "churn", "source": "s3://b/f" });
    change(&server, "POST", "model-versions/create", body).await;
    let body = json!({ "name": "churn", "version": "1", "stage": "Production" });
    change(&server, "POST", "model-versions/transition-stage", body).await;
    assert_eq!(deliver(&server).await, 1);
    let letters = receiver.take();
    let body = serde_json::to_string_pretty(&letters[0].json()).unwrap();
    let body = body.replace(letters[0].header("x-mlflow-delivery-id"), "DELIVERY");
    let kind = letters[0].header("content-type");
    format!("{kind}\n{body}").replace(info["webhook_id"].as_str().unwrap(), "WEBHOOK")
}

#[tokio::test]
async fn a_promotion_as_mlflow_would_tell_it() {
    insta::assert_snapshot!(promoted("mlflow").await, @r#"
    application/json
    {
      "action": "stage_transitioned",
      "data": {
        "actor": "anonymous",
        "from": "None",
        "name": "churn",
        "reason": "",
        "request_id": "00000000000000000000000000000006",
        "to": "Production",
        "version": "1"
      },
      "entity": "model_version",
      "timestamp": "2023-11-14T22:13:20+00:00"
    }
    "#);
}

#[tokio::test]
async fn a_promotion_as_a_cloudevent() {
    insta::assert_snapshot!(promoted("cloudevents").await, @r#"
    application/cloudevents+json; charset=utf-8
    {
      "data": {
        "actor": "anonymous",
        "from": "None",
        "name": "churn",
        "reason": "",
        "request_id": "00000000000000000000000000000006",
        "to": "Production",
        "version": "1"
      },
      "datacontenttype": "application/json",
      "id": "DELIVERY",
      "source": "https://models.example.com",
      "specversion": "1.0",
      "subject": "models/churn/versions/1",
      "time": "2023-11-14T22:13:20Z",
      "type": "trackway.model_version.stage_transitioned"
    }
    "#);
}

#[tokio::test]
async fn a_promotion_as_a_slack_message() {
    insta::assert_snapshot!(promoted("slack").await, @r#"
    application/json
    {
      "blocks": [
        {
          "text": {
            "emoji": false,
            "text": "churn version 1 moved from None to Production",
            "type": "plain_text"
          },
          "type": "header"
        },
        {
          "fields": [
            {
              "emoji": false,
              "text": "Model: churn",
              "type": "plain_text"
            },
            {
              "emoji": false,
              "text": "Version: 1",
              "type": "plain_text"
            },
            {
              "emoji": false,
              "text": "From: None",
              "type": "plain_text"
            },
            {
              "emoji": false,
              "text": "To: Production",
              "type": "plain_text"
            },
            {
              "emoji": false,
              "text": "By: anonymous",
              "type": "plain_text"
            }
          ],
          "type": "section"
        },
        {
          "text": {
            "text": "<https://models.example.com/models/churn/versions/1|Open in Trackway>",
            "type": "mrkdwn"
          },
          "type": "section"
        }
      ],
      "text": "churn version 1 moved from None to Production by anonymous"
    }
    "#);
}

#[tokio::test]
async fn a_promotion_as_a_teams_card() {
    let told = promoted("teams").await;
    // One line for each block of the card.
    let card: Json = serde_json::from_str(told.split_once('\n').unwrap().1).unwrap();
    let lines = card.to_string().replace("{\"inlines\"", "\n{\"inlines\"");
    insta::assert_snapshot!(lines, @r#"
    {"attachments":[{"content":{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","actions":[{"title":"Open in Trackway","type":"Action.OpenUrl","url":"https://models.example.com/models/churn/versions/1"}],"body":[
    {"inlines":[{"size":"Medium","text":"churn version 1 moved from None to Production","type":"TextRun","weight":"Bolder"}],"type":"RichTextBlock"},
    {"inlines":[{"text":"Model: ","type":"TextRun","weight":"Bolder"},{"text":"churn","type":"TextRun"}],"type":"RichTextBlock"},
    {"inlines":[{"text":"Version: ","type":"TextRun","weight":"Bolder"},{"text":"1","type":"TextRun"}],"type":"RichTextBlock"},
    {"inlines":[{"text":"From: ","type":"TextRun","weight":"Bolder"},{"text":"None","type":"TextRun"}],"type":"RichTextBlock"},
    {"inlines":[{"text":"To: ","type":"TextRun","weight":"Bolder"},{"text":"Production","type":"TextRun"}],"type":"RichTextBlock"},
    {"inlines":[{"text":"By: ","type":"TextRun","weight":"Bolder"},{"text":"anonymous","type":"TextRun"}],"type":"RichTextBlock"}],"type":"AdaptiveCard","version":"1.4"},"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null}],"summary":"churn version 1 moved from None to Production by anonymous","type":"message"}
    "#);
}
