//! A receiver of webhooks on a local port, which answers as it is told and remembers what it got.

use axum::Router;
use axum::body::Bytes;
use axum::http::{HeaderMap, StatusCode};
use serde_json::Value as Json;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// One request that came.
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Letter {
    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().unwrap())
    }

    /// Gives entity and action, as `model_version.created`.
    pub(crate) fn event(&self) -> String {
        let body = self.json();
        let text = |name: &str| body[name].as_str().unwrap().to_owned();
        format!("{}.{}", text("entity"), text("action"))
    }
}

/// An answer to give: the status, and a Retry-After if it is not empty.
type Script = Arc<Mutex<VecDeque<(u16, &'static str)>>>;

pub(crate) struct Receiver {
    pub(crate) url: String,
    letters: Arc<Mutex<Vec<Letter>>>,
    script: Script,
}

impl Receiver {
    pub(crate) async fn start() -> Self {
        let letters: Arc<Mutex<Vec<Letter>>> = Arc::default();
        let script = Script::default();
        let (kept, told) = (letters.clone(), script.clone());
        let answer = move |headers: HeaderMap, body: Bytes| async move {
            let body = body.to_vec();
            kept.lock().unwrap().push(Letter { headers, body });
            let (status, wait) = told.lock().unwrap().pop_front().unwrap_or((200, ""));
            let mut headers = HeaderMap::new();
            if !wait.is_empty() {
                headers.insert("retry-after", wait.parse().unwrap());
            }
            (
                StatusCode::from_u16(status).unwrap(),
                headers,
                "the receiver's words",
            )
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self {
            url,
            letters,
            script,
        }
    }

    /// Answers the next requests with these statuses, and every later one with 200.
    pub(crate) fn answer(&self, statuses: &[u16]) {
        let mut script = self.script.lock().unwrap();
        script.extend(statuses.iter().map(|status| (*status, "")));
    }

    /// Answers the next request with a status and a Retry-After.
    pub(crate) fn put_off(&self, status: u16, wait: &'static str) {
        self.script.lock().unwrap().push_back((status, wait));
    }

    /// Gives what came since the last call.
    pub(crate) fn take(&self) -> Vec<Letter> {
        std::mem::take(&mut self.letters.lock().unwrap())
    }

    /// Gives the body of the one event that came since the last call.
    #[track_caller]
    pub(crate) fn take_one(&self) -> Json {
        let letters = self.take();
        assert_eq!(letters.len(), 1, "{letters:?}");
        letters[0].json()
    }
}
