//! A message of a Slack incoming webhook: blocks, and a text for notifications.
//!
//! Names and values stand in plain text objects, where Slack reads no asterisks and the like. `&`,
//! `<` and `>` are escaped everywhere, as Slack asks, so that no name can become a link or a mention.

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
    json!({ "type": "plain_text", "text": escaped(text), "emoji": false })
}

/// Cuts a text so that it fits a header also when it is escaped.
fn cut(text: &str) -> String {
    if escaped(text).chars().count() <= MAX_HEADER {
        return text.to_owned();
    }
    let mut room = MAX_HEADER - 1;
    let fits = |c: &char| {
        let needed = match c {
            '&' => 5,
            '<' | '>' => 4,
            _ => 1,
        };
        let has_room = needed <= room;
        room = room.saturating_sub(needed);
        has_room
    };
    let mut cut: String = text.chars().take_while(fits).collect();
    cut.push('…');
    cut
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
