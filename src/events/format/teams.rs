//! An Adaptive Card for a Microsoft Teams workflow ("when a webhook request is received").
//!
//! Names and values stand in text runs, in which Teams reads no Markdown. Two opening braces, with
//! which a date function begins, are parted.

use super::Letter;
use super::message::Message;
use serde_json::{Value as Json, json};

pub(super) fn body(letter: &Letter<'_>) -> Json {
    let message = Message::new(letter);
    let mut card = vec![rich(vec![
        json!({ "type": "TextRun", "text": safe(&message.headline), "weight": "Bolder",
            "size": "Medium" }),
    ])];
    card.extend(message.facts.iter().map(|(label, value)| {
        rich(vec![
            json!({ "type": "TextRun", "text": format!("{label}: "), "weight": "Bolder" }),
            json!({ "type": "TextRun", "text": safe(value) }),
        ])
    }));
    let actions: Vec<Json> = message
        .link
        .iter()
        .map(|link| json!({ "type": "Action.OpenUrl", "title": "Open in Trackway", "url": link }))
        .collect();
    json!({
        "type": "message",
        "summary": safe(&message.in_one_line()),
        "attachments": [{
            "contentType": "application/vnd.microsoft.card.adaptive",
            "contentUrl": null,
            "content": {
                "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
                "type": "AdaptiveCard",
                "version": "1.4",
                "body": card,
                "actions": actions,
            },
        }],
    })
}

fn rich(inlines: Vec<Json>) -> Json {
    json!({ "type": "RichTextBlock", "inlines": inlines })
}

fn safe(text: &str) -> String {
    text.replace("{{", "{ {")
}
