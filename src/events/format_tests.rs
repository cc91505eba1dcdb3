use super::*;
use crate::events::kind;
use crate::events::{Subject, example};
use serde_json::json;

const ID: &str = "6f1c1c5e-0000-4000-8000-000000000001";

fn written(format: Format, event: EventType, facts: &Facts, public_url: &str) -> String {
    let letter = Letter {
        id: ID,
        event,
        occurred_at: 1_700_000_000_123,
        facts,
        public_url,
    };
    let body = format.write(&letter).unwrap();
    let body: Json = serde_json::from_slice(&body).unwrap();
    serde_json::to_string_pretty(&body).unwrap()
}

/// A promotion whose texts try every kind of markup.
fn promotion() -> Facts {
    let subject = Subject {
        name: "churn <!channel> & *co*".into(),
        version: Some("3".into()),
        key: Some("Production".into()),
        from: Some("Staging".into()),
        to: Some("Production".into()),
        generation: None,
    };
    let data = json!({ "name": subject.name, "version": "3", "from": "Staging",
        "to": "Production" });
    Facts {
        data: data.as_object().unwrap().clone(),
        subject,
        actor: "anna <https://evil.example|click>".into(),
        reason: "beats\n\n {{DATE(2024-01-01T00:00:00Z)}} [x](javascript:1)".into(),
        request_id: "req-1".into(),
    }
}

#[test]
fn times_are_spelled_as_python_does() {
    assert_eq!(
        iso_time(1_700_000_000_123, "+00:00"),
        "2023-11-14T22:13:20.123000+00:00"
    );
    assert_eq!(iso_time(1_700_000_000_000, "Z"), "2023-11-14T22:13:20Z");
    assert_eq!(iso_time(i64::MAX, "Z"), "1970-01-01T00:00:00Z");
}

#[test]
fn a_promotion_for_mlflow() {
    let body = written(
        Format::Mlflow,
        kind::VERSION_STAGE_TRANSITIONED,
        &promotion(),
        "",
    );
    insta::assert_snapshot!(body, @r#"
    {
      "action": "stage_transitioned",
      "data": {
        "actor": "anna <https://evil.example|click>",
        "from": "Staging",
        "name": "churn <!channel> & *co*",
        "reason": "beats\n\n {{DATE(2024-01-01T00:00:00Z)}} [x](javascript:1)",
        "request_id": "req-1",
        "to": "Production",
        "version": "3"
      },
      "entity": "model_version",
      "timestamp": "2023-11-14T22:13:20.123000+00:00"
    }
    "#);
}

#[test]
fn a_promotion_for_cloudevents() {
    let event = kind::VERSION_STAGE_TRANSITIONED;
    let body = written(
        Format::CloudEvents,
        event,
        &promotion(),
        "https://models.example.com",
    );
    insta::assert_snapshot!(body, @r#"
    {
      "data": {
        "actor": "anna <https://evil.example|click>",
        "from": "Staging",
        "name": "churn <!channel> & *co*",
        "reason": "beats\n\n {{DATE(2024-01-01T00:00:00Z)}} [x](javascript:1)",
        "request_id": "req-1",
        "to": "Production",
        "version": "3"
      },
      "datacontenttype": "application/json",
      "id": "6f1c1c5e-0000-4000-8000-000000000001",
      "source": "https://models.example.com",
      "specversion": "1.0",
      "subject": "models/churn%20%3C%21channel%3E%20%26%20%2Aco%2A/versions/3",
      "time": "2023-11-14T22:13:20.123000Z",
      "type": "trackway.model_version.stage_transitioned"
    }
    "#);
}

#[test]
fn a_promotion_for_slack() {
    let event = kind::VERSION_STAGE_TRANSITIONED;
    let body = written(
        Format::Slack,
        event,
        &promotion(),
        "https://models.example.com",
    );
    insta::assert_snapshot!(body, @r#"
    {
      "blocks": [
        {
          "text": {
            "emoji": false,
            "text": "churn &lt;!channel&gt; &amp; *co* version 3 moved from Staging to Production",
            "type": "plain_text"
          },
          "type": "header"
        },
        {
          "fields": [
            {
              "emoji": false,
              "text": "Model: churn &lt;!channel&gt; &amp; *co*",
              "type": "plain_text"
            },
            {
              "emoji": false,
              "text": "Version: 3",
              "type": "plain_text"
            },
            {
              "emoji": false,
              "text": "From: Staging",
              "type": "plain_text"
            },
            {
              "emoji": false,
              "text": "To: Production",
              "type": "plain_text"
            },
            {
              "emoji": false,
              "text": "By: anna &lt;https://evil.example|click&gt;",
              "type": "plain_text"
            },
            {
              "emoji": false,
              "text": "Why: beats {{DATE(2024-01-01T00:00:00Z)}} [x](javascript:1)",
              "type": "plain_text"
            }
          ],
          "type": "section"
        },
        {
          "text": {
            "text": "<https://models.example.com/models/churn%20%3C%21channel%3E%20%26%20%2Aco%2A/versions/3|Open in Trackway>",
            "type": "mrkdwn"
          },
          "type": "section"
        }
      ],
      "text": "churn &lt;!channel&gt; &amp; *co* version 3 moved from Staging to Production by anna &lt;https://evil.example|click&gt;: beats {{DATE(2024-01-01T00:00:00Z)}} [x](javascript:1)"
    }
    "#);
}

#[test]
fn a_promotion_for_teams() {
    let event = kind::VERSION_STAGE_TRANSITIONED;
    let body = written(
        Format::Teams,
        event,
        &promotion(),
        "https://models.example.com",
    );
    // One line for each block of the card.
    let body: Json = serde_json::from_str(&body).unwrap();
    let body = body.to_string().replace("{\"inlines\"", "\n{\"inlines\"");
    insta::assert_snapshot!(body, @r#"
    {"attachments":[{"content":{"$schema":"http://adaptivecards.io/schemas/adaptive-card.json","actions":[{"title":"Open in Trackway","type":"Action.OpenUrl","url":"https://models.example.com/models/churn%20%3C%21channel%3E%20%26%20%2Aco%2A/versions/3"}],"body":[
    {"inlines":[{"size":"Medium","text":"churn <!channel> & *co* version 3 moved from Staging to Production","type":"TextRun","weight":"Bolder"}],"type":"RichTextBlock"},
    {"inlines":[{"text":"Model: ","type":"TextRun","weight":"Bolder"},{"text":"churn <!channel> & *co*","type":"TextRun"}],"type":"RichTextBlock"},
    {"inlines":[{"text":"Version: ","type":"TextRun","weight":"Bolder"},{"text":"3","type":"TextRun"}],"type":"RichTextBlock"},
    {"inlines":[{"text":"From: ","type":"TextRun","weight":"Bolder"},{"text":"Staging","type":"TextRun"}],"type":"RichTextBlock"},
    {"inlines":[{"text":"To: ","type":"TextRun","weight":"Bolder"},{"text":"Production","type":"TextRun"}],"type":"RichTextBlock"},
    {"inlines":[{"text":"By: ","type":"TextRun","weight":"Bolder"},{"text":"anna <https://evil.example|click>","type":"TextRun"}],"type":"RichTextBlock"},
    {"inlines":[{"text":"Why: ","type":"TextRun","weight":"Bolder"},{"text":"beats { {DATE(2024-01-01T00:00:00Z)}} [x](javascript:1)","type":"TextRun"}],"type":"RichTextBlock"}],"type":"AdaptiveCard","version":"1.4"},"contentType":"application/vnd.microsoft.card.adaptive","contentUrl":null}],"summary":"churn <!channel> & *co* version 3 moved from Staging to Production by anna <https://evil.example|click>: beats { {DATE(2024-01-01T00:00:00Z)}} [x](javascript:1)","type":"message"}
    "#);
}

#[test]
fn long_values_are_cut_for_people_alone() {
    let mut facts = promotion();
    facts.reason = "ä".repeat(5_000);
    let slack = written(Format::Slack, kind::VERSION_STAGE_TRANSITIONED, &facts, "");
    assert!(slack.chars().count() < 2_000, "{slack}");
    let mlflow = written(Format::Mlflow, kind::VERSION_STAGE_TRANSITIONED, &facts, "");
    assert!(mlflow.contains(&facts.reason));
}

#[test]
fn every_example_has_a_headline_of_its_own() {
    let headline = |event: &EventType| {
        let facts = example::of(*event);
        let body: Json = serde_json::from_str(&written(Format::Slack, *event, &facts, "")).unwrap();
        assert!(
            body["blocks"].as_array().unwrap().len() == 2,
            "no link without an address"
        );
        format!(
            "{}: {}",
            event.name,
            body["blocks"][0]["text"]["text"].as_str().unwrap()
        )
    };
    let headlines: Vec<String> = kind::ALL.iter().map(headline).collect();
    insta::assert_snapshot!(headlines.join("\n"), @r#"
    registered_model.created: example_model was created
    registered_model.renamed: old_example_model was renamed to example_model
    registered_model.updated: example_model was updated
    registered_model.deleted: example_model was deleted
    registered_model_tag.set: example_model: tag example_key was set
    registered_model_tag.deleted: example_model: tag example_key was deleted
    model_version.created: example_model version 1 was created
    model_version.updated: example_model version 1 was updated
    model_version.deleted: example_model version 1 was deleted
    model_version.stage_transitioned: example_model version 1 moved from Staging to Production
    model_version.verified: example_model version 1 was verified: its files are as they were registered
    model_version.broken: example_model version 1 is broken: its files are not as they were registered
    model_version.aged: example_model version 1 has been in Production for 90 days
    model_version_tag.set: example_model version 1: tag example_key was set
    model_version_tag.deleted: example_model version 1: tag example_key was deleted
    model_version_alias.created: example_alias of example_model is now version 1
    model_version_alias.moved: example_alias of example_model moved from version 2 to version 1
    model_version_alias.deleted: example_alias of example_model was deleted, it was version 
    prompt.created: example_prompt was created
    prompt.renamed: old_example_prompt was renamed to example_prompt
    prompt.updated: example_prompt was updated
    prompt.deleted: example_prompt was deleted
    prompt_tag.set: example_prompt: tag example_key was set
    prompt_tag.deleted: example_prompt: tag example_key was deleted
    prompt_version.created: example_prompt version 1 was created
    prompt_version.updated: example_prompt version 1 was updated
    prompt_version.deleted: example_prompt version 1 was deleted
    prompt_version.stage_transitioned: example_prompt version 1 moved from Staging to Production
    prompt_version_tag.set: example_prompt version 1: tag example_key was set
    prompt_version_tag.deleted: example_prompt version 1: tag example_key was deleted
    prompt_alias.created: example_alias of example_prompt is now version 1
    prompt_alias.moved: example_alias of example_prompt moved from version 2 to version 1
    prompt_alias.deleted: example_alias of example_prompt was deleted, it was version 
    budget_policy.exceeded: example_model was exceeded
    "#);
}
