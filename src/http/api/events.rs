//! The stream of server-sent events: what changes while a page is open.

use crate::app::{App, Ctx};
use crate::ctx::Clock;
use crate::error::Result;
use crate::http::input::Wire;
use crate::http::router::{Access, Route, get};
use crate::http::wire::event::{self, OpenStream, Topic};
use crate::jobs::stream::{Heard, Listener, Mark};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, stream as streams};
use std::convert::Infallible;
use std::time::Duration;

/// How often a stream without news says that it is there.
const HEARTBEAT: Duration = Duration::from_secs(15);
const KIND: &str = "text/event-stream";

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("1.0/events", Access::Read, open)
            .own()
            .waiting()
            .tells("Tells what changes, for as long as the client listens.")
            .query::<OpenStream>()
            .answers_as(KIND)
            .mentions::<(event::Hello, event::Changes, event::Reason)>(),
    ]
}

async fn open(
    State(app): State<App>,
    ctx: Ctx,
    headers: HeaderMap,
    Wire(request): Wire<OpenStream>,
) -> Result<Response> {
    let (topics, last) = request.check()?;
    let header = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let last = header.map(str::to_owned).or(last);
    let listener = app.streams.join()?;
    // What comes after the greeting must be heard, so the look is under way before it.
    listener.ready().await?;
    let first = first(&app, &topics, last.as_deref(), ctx.now).await?;
    let rest = Rest {
        topics,
        listener,
        clock: app.clock.clone(),
    };
    let mut response = Response::new(Body::from_stream(events(first, rest)));
    let headers = response.headers_mut();
    let mut set = |name, value| headers.insert(name, HeaderValue::from_static(value));
    set(header::CONTENT_TYPE, KIND);
    set(header::CACHE_CONTROL, "no-store");
    // Proxies that gather answers would hold the events back.
    set(header::HeaderName::from_static("x-accel-buffering"), "no");
    Ok(response)
}

/// Writes what a stream begins with: a greeting, and what happened since it broke off.
async fn first(app: &App, topics: &[Topic], last: Option<&str>, at: i64) -> Result<String> {
    let Some(last) = last else {
        let mark = app.streams.mark().await?;
        return Ok(event::hello(topics, (at, false), mark));
    };
    let missed = match Mark::parse(last) {
        Some(from) => app.streams.since(from).await?,
        None => None,
    };
    let mark = match &missed {
        Some(round) => round.mark,
        None => app.streams.mark().await?,
    };
    let mut text = event::hello(topics, (at, missed.is_some()), mark);
    match missed {
        Some(round) => text.extend(event::changes(topics, &round, at)),
        None => text.push_str(&event::reset("too long ago")),
    }
    Ok(text)
}

struct Rest {
    topics: Vec<Topic>,
    listener: Listener,
    clock: Clock,
}

/// The first text, and then the news, until the server stops or the client leaves.
fn events(first: String, rest: Rest) -> impl Stream<Item = Result<Bytes, Infallible>> {
    streams::unfold((Some(first), Some(rest)), |(first, rest)| async move {
        let mut rest = rest?;
        if let Some(first) = first {
            return Some((Ok(Bytes::from(first)), (None, Some(rest))));
        }
        let (text, goes_on) = rest.next().await;
        Some((Ok(Bytes::from(text)), (None, goes_on.then_some(rest))))
    })
}

impl Rest {
    /// Waits for the next text, and says whether others follow.
    async fn next(&mut self) -> (String, bool) {
        loop {
            let heard = tokio::time::timeout(HEARTBEAT, self.listener.hear()).await;
            match heard {
                Err(_) => return (": heartbeat\n\n".to_owned(), true),
                Ok(Heard::Stop) => return (event::bye(), false),
                Ok(Heard::Lost) => return (event::reset("too much happened"), true),
                Ok(Heard::News(round)) => {
                    let now = self.clock.now();
                    if let Some(text) = event::changes(&self.topics, &round, now) {
                        return (text, true);
                    }
                }
            }
        }
    }
}
