//! A message of a Slack incoming webhook: blocks, and a text for notifications.
//!
//! Names and values are written as plain text, where Slack reads no markup. The text for
//! notifications is markup; there `&`, `<` and `>` are escaped, as Slack asks, so that no name can
//! become a link or a mention.

use super::Letter;
use super::message::Message;
use serde_json::{Value as Json, json};

/// Characters of a header block, as Slack allows them.
const MAX_HEADER: usize = 150;
/// Fields of one section block, as Slack allows them.
const MAX_FIELDS: usize = 10;

pub(super) fn body(letter: &Letter<'_>) -> Json {
    let message = Message::new(letter);
    let fields: Vec<Json> = message
        .facts
        .iter()
        .take(MAX_FIELDS)
        .map(|(label, value)| plain(&format!("{label}: {value}")))
        .collect();
    let mut blocks = vec![
        json!({ "type": "header", "text": plain(&cut(&message.headline)) }),
        json!({ "type": "section", "fields": fields }),
    ];
    if let Some(link) = &message.link {
        let text = format!("<{}|Open in Trackway>", escaped(link));
        let text = json!({ "type": "mrkdwn", "text": text });
        blocks.push(json!({ "type": "section", "text": text }));
    }
    json!({ "text": escaped(&message.in_one_line()), "blocks": blocks })
}

fn plain(text: &str) -> Json {
    json!({ "type": "plain_text", "text": text, "emoji": false })
}

fn cut(text: &str) -> String {
    if text.chars().count() <= MAX_HEADER {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(MAX_HEADER - 1).collect();
    cut.push('…');
    cut
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
