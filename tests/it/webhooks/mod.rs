//! Webhooks: what is sent to whom, when, and what is kept of it.

mod crud;
mod delivery;
mod emission;
mod formats;
mod log;
pub(crate) mod receiver;

use crate::server::{Answer, TestServer};
use receiver::Receiver;
use serde_json::{Value as Json, json};
use trackway::config::Config;
use trackway::jobs::deliver;

/// Allows what the receivers of the tests need: plain HTTP to this machine.
fn local(config: &mut Config) {
    config.webhooks.allowed_schemes = vec!["http".into(), "https".into()];
    config.webhooks.allowed_private_networks = vec!["127.0.0.0/8".into()];
    config.webhooks.timeout_s = 5;
}

pub(crate) async fn start() -> TestServer {
    TestServer::start_with(local).await
}

/// Writes an event as the wire has it, from `entity.action`.
fn event(name: &str) -> Json {
    let (entity, action) = name.split_once('.').unwrap();
    json!({ "entity": entity.to_uppercase(), "action": action.to_uppercase() })
}

fn events(names: &[&str]) -> Json {
    names.iter().map(|name| event(name)).collect()
}

/// Creates a webhook and gives its id; `more` holds further fields.
async fn subscribe(server: &TestServer, url: &str, names: &[&str], more: Json) -> String {
    let mut body = json!({ "name": "w", "url": url, "events": events(names) });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let created = server.post("webhooks", body).await.ok();
    created["webhook"]["webhook_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Delivers what is due and gives how many attempts that were.
pub(crate) async fn deliver(server: &TestServer) -> usize {
    deliver::deliver_due(&server.app).await.unwrap()
}

/// Gives the deliveries to a webhook, oldest first, each as event and state.
async fn deliveries(server: &TestServer, id: &str) -> Vec<String> {
    let path = format!("/api/1.0/webhooks/{id}/deliveries?max_results=1000");
    let page = server.get(&path).await.ok();
    let mut lines: Vec<String> = page["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let text = |name: &str| one[name].as_str().unwrap();
            format!("{} {}", text("event"), text("state"))
        })
        .collect();
    lines.reverse();
    lines
}

/// Sends a change to the registry that must succeed.
async fn change(server: &TestServer, method: &str, path: &str, body: Json) {
    let answer: Answer = server.send_json(method, path, body).await;
    answer.ok();
}

/// A server, a receiver, and a webhook between them.
pub(crate) async fn connected(names: &[&str]) -> (TestServer, Receiver, String) {
    let (server, receiver) = (start().await, Receiver::start().await);
    let id = subscribe(&server, &receiver.url, names, json!({})).await;
    (server, receiver, id)
}
