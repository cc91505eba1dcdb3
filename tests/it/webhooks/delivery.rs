//! How deliveries are made: signed, in order, again and again, and no more once it is over.

use super::receiver::Receiver;
use super::{change, connected, deliver, deliveries, local, start, subscribe};
use crate::server::{START_MS, TestServer};
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};
use trackway::jobs::Jobs;
use trackway::replicas::lease::Task;

const TAGS: [&str; 2] = ["model_version_tag.set", "registered_model.renamed"];

async fn model(server: &TestServer, name: &str) {
    change(
        server,
        "POST",
        "registered-models/create",
        json!({ "name": name }),
    )
    .await;
    let body = json!({ "name": name, "source": "s3://b/f" });
    change(server, "POST", "model-versions/create", body).await;
}

async fn tag(server: &TestServer, name: &str, value: &str) {
    let body = json!({ "name": name, "version": "1", "key": "k", "value": value });
    change(server, "POST", "model-versions/set-tag", body).await;
}

/// Gives the values of the tags that were told, in the order they came.
fn values(receiver: &Receiver) -> Vec<String> {
    let letters = receiver.take();
    let value = |data: &Json| data["value"].as_str().unwrap_or("renamed").to_owned();
    letters
        .iter()
        .map(|letter| value(&letter.json()["data"]))
        .collect()
}

#[tokio::test]
async fn a_payload_is_signed_as_mlflow_and_standard_webhooks_sign() {
    let (server, receiver) = (start().await, Receiver::start().await);
    subscribe(&server, &receiver.url, &TAGS, json!({ "secret": "s3cret" })).await;
    model(&server, "m").await;
    tag(&server, "m", "1").await;
    assert_eq!(deliver(&server).await, 1);
    let letters = receiver.take();
    let letter = &letters[0];
    let (id, at) = (
        letter.header("x-mlflow-delivery-id"),
        letter.header("x-mlflow-timestamp"),
    );
    assert_eq!((id.len(), at), (36, "1700000000"));
    let signed = [id.as_bytes(), b".", at.as_bytes(), b".", &letter.body].concat();
    let signature = sign("s3cret", &signed);
    assert_eq!(letter.header("x-mlflow-signature"), signature);
    assert_eq!(letter.header("content-type"), "application/json");
    for (standard, mlflow) in [
        ("webhook-id", id),
        ("webhook-timestamp", at),
        ("webhook-signature", &signature),
    ] {
        assert_eq!(letter.header(standard), mlflow);
    }
    insta::assert_snapshot!(serde_json::to_string_pretty(&letter.json()).unwrap(), @r#"
    {
      "action": "set",
      "data": {
        "key": "k",
        "name": "m",
        "value": "1",
        "version": "1"
      },
      "entity": "model_version_tag",
      "timestamp": "2023-11-14T22:13:20+00:00"
    }
    "#);
}

/// HMAC-SHA256 as RFC 2104 defines it, for a key shorter than a block.
fn sign(key: &str, signed: &[u8]) -> String {
    use base64::Engine;
    use sha2::{Digest, Sha256};
    let mut block = [0_u8; 64];
    block[..key.len()].copy_from_slice(key.as_bytes());
    let with = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = Sha256::digest([&with(0x36)[..], signed].concat());
    let outer = Sha256::digest([&with(0x5c)[..], &inner[..]].concat());
    format!(
        "v1,{}",
        base64::engine::general_purpose::STANDARD.encode(outer)
    )
}

#[tokio::test]
async fn a_retry_has_the_same_id_and_body_and_a_signature_of_its_own() {
    let (server, receiver) = (start().await, Receiver::start().await);
    subscribe(&server, &receiver.url, &TAGS, json!({ "secret": "s" })).await;
    receiver.answer(&[503]);
    model(&server, "m").await;
    tag(&server, "m", "1").await;
    assert_eq!(deliver(&server).await, 1);
    server.advance(2_000);
    assert_eq!(deliver(&server).await, 1);
    let letters = receiver.take();
    let both = |name: &str| [letters[0].header(name), letters[1].header(name)];
    assert_eq!(both("x-mlflow-timestamp"), ["1700000000", "1700000002"]);
    let [first, second] = both("x-mlflow-delivery-id");
    assert_eq!(first, second);
    let [first, second] = both("x-mlflow-signature");
    assert_ne!(first, second);
    assert_eq!(letters[0].body, letters[1].body);
}

#[tokio::test]
async fn events_of_one_object_wait_for_each_other_and_others_do_not() {
    let (server, receiver, id) = connected(&TAGS).await;
    for name in ["a", "b"] {
        model(&server, name).await;
    }
    receiver.answer(&[500]);
    for value in ["1", "2", "3"] {
        tag(&server, "a", value).await;
    }
    assert_eq!(deliver(&server).await, 1);
    assert_eq!(values(&receiver), ["1"]);
    tag(&server, "b", "other").await;
    assert_eq!(deliver(&server).await, 1);
    assert_eq!(values(&receiver), ["other"]);
    server.advance(2_000);
    assert_eq!(deliver(&server).await, 3);
    assert_eq!(values(&receiver), ["1", "2", "3"]);
    let delivered = "model_version_tag.set delivered";
    assert_eq!(deliveries(&server, &id).await, [delivered; 4]);
}

#[tokio::test]
async fn a_renaming_comes_between_what_was_before_and_after() {
    let (server, receiver, _) = connected(&TAGS).await;
    model(&server, "a").await;
    receiver.answer(&[500, 500, 500]);
    tag(&server, "a", "1").await;
    let rename = json!({ "name": "a", "new_name": "b" });
    change(&server, "POST", "registered-models/rename", rename).await;
    tag(&server, "b", "2").await;
    // Another model under the old name.
    model(&server, "a").await;
    tag(&server, "a", "3").await;
    deliver(&server).await;
    assert_eq!(values(&receiver), ["1"]);
    for _ in 0..2 {
        server.advance(60_000);
        deliver(&server).await;
    }
    assert_eq!(values(&receiver), ["1", "1"]);
    server.advance(60_000);
    deliver(&server).await;
    let mut told = values(&receiver);
    assert_eq!(told[..2], ["1", "renamed"]);
    told.sort();
    assert_eq!(told, ["1", "2", "3", "renamed"]);
}

#[tokio::test]
async fn a_failing_receiver_is_tried_for_a_day_and_then_parked() {
    let (server, receiver, id) = connected(&TAGS).await;
    receiver.answer(&[500; 100]);
    model(&server, "m").await;
    tag(&server, "m", "1").await;
    tag(&server, "m", "2").await;
    let mut tries = Vec::new();
    while deliveries(&server, &id).await[0].ends_with("pending") {
        if deliver(&server).await > 0 {
            tries.push((server.app.clock.now() - START_MS) / 1_000);
        }
        let path = format!("/api/1.0/webhooks/{id}/deliveries");
        let page = server.get(&path).await.ok();
        let next = page["deliveries"][1]["next_attempt_at"].as_i64();
        server.advance(next.map_or(0, |next| next - server.app.clock.now()));
    }
    assert!((14..20).contains(&tries.len()), "{tries:?}");
    assert!(
        tries[1] <= 2 && tries[2] <= 5 && tries[3] <= 10,
        "{tries:?}"
    );
    let last = *tries.last().unwrap();
    assert!((18 * 3_600..=24 * 3_600).contains(&last), "{tries:?}");
    let parked = server
        .get(&format!("/api/1.0/webhooks/{id}/deliveries?state=parked"))
        .await
        .ok();
    let note = parked["deliveries"][0]["note"].as_str().unwrap();
    let expected = format!(
        "Tried {} times; the last outcome: The receiver answered 500.",
        tries.len()
    );
    assert_eq!(note, expected);
    // The next event of the object has its turn.
    let sent = values(&receiver);
    assert_eq!(
        sent.iter().filter(|value| *value == "2").count(),
        1,
        "{sent:?}"
    );
}

#[tokio::test]
async fn mlflows_retries_alone_can_be_had() {
    let server = TestServer::start_with(|config| {
        local(config);
        config.webhooks.quick_retries = 2;
        config.webhooks.retry_for_h = 0;
    });
    let (server, receiver) = (server.await, Receiver::start().await);
    let id = subscribe(&server, &receiver.url, &TAGS, json!({})).await;
    receiver.answer(&[500; 9]);
    model(&server, "m").await;
    tag(&server, "m", "1").await;
    for _ in 0..9 {
        deliver(&server).await;
        server.advance(60_000);
    }
    assert_eq!(receiver.take().len(), 3);
    assert_eq!(
        deliveries(&server, &id).await,
        ["model_version_tag.set parked"]
    );
}

#[tokio::test]
async fn the_receiver_can_ask_for_patience() {
    let (server, receiver, _) = connected(&TAGS).await;
    receiver.put_off(429, "120");
    model(&server, "m").await;
    tag(&server, "m", "1").await;
    assert_eq!(deliver(&server).await, 1);
    server.advance(119_999);
    assert_eq!(deliver(&server).await, 0);
    server.advance(1);
    assert_eq!(deliver(&server).await, 1);
}

#[tokio::test]
async fn a_refusal_is_parked_at_once_with_its_reason() {
    let (server, receiver, id) = connected(&TAGS).await;
    receiver.answer(&[410]);
    model(&server, "m").await;
    tag(&server, "m", "1").await;
    tag(&server, "m", "2").await;
    assert_eq!(deliver(&server).await, 2);
    let page = server
        .get(&format!("/api/1.0/webhooks/{id}/deliveries"))
        .await
        .ok();
    let first = &page["deliveries"][1];
    assert_eq!(first["state"], "parked");
    assert_eq!(
        first["note"],
        "The receiver answered 410, which is not tried again."
    );
    assert_eq!(page["deliveries"][0]["state"], "delivered");
}

#[tokio::test]
async fn a_disabled_or_deleted_webhook_is_sent_nothing_further() {
    let (server, receiver) = (start().await, Receiver::start().await);
    let disabled = subscribe(&server, &receiver.url, &TAGS, json!({})).await;
    let deleted = subscribe(&server, &receiver.url, &TAGS, json!({})).await;
    receiver.answer(&[500, 500]);
    model(&server, "m").await;
    tag(&server, "m", "1").await;
    assert_eq!(deliver(&server).await, 2);
    let disable = json!({ "status": "DISABLED" });
    change(&server, "PATCH", &format!("webhooks/{disabled}"), disable).await;
    change(&server, "DELETE", &format!("webhooks/{deleted}"), json!({})).await;
    tag(&server, "m", "2").await;
    server.advance(60_000);
    assert_eq!(deliver(&server).await, 0);
    for id in [&disabled, &deleted] {
        let cancelled = "model_version_tag.set cancelled";
        assert_eq!(deliveries(&server, id).await, [cancelled]);
    }
    let enable = json!({ "status": "ACTIVE" });
    change(&server, "PATCH", &format!("webhooks/{disabled}"), enable).await;
    receiver.take();
    tag(&server, "m", "3").await;
    assert_eq!(deliver(&server).await, 1);
    assert_eq!(values(&receiver), ["3"]);
}

/// Claims what is due as a server does that then dies, and gives the delivery ids.
async fn claim_under(server: &TestServer, token: i64) -> Vec<String> {
    use trackway::events::sending::{self, Claim};
    let now = server.app.clock.now();
    let claim = Claim {
        now,
        until: now + 10_000,
        token,
        room: 10,
        room_for_each: 5,
        under_way: Default::default(),
    };
    let claiming = server.app.db.write(move |tx| sending::claim(tx, &claim));
    let claimed = claiming.await.unwrap();
    claimed.into_iter().map(|claimed| claimed.uuid).collect()
}

#[tokio::test]
async fn a_claim_that_is_not_renewed_ends_by_itself() {
    let (server, receiver, _) = connected(&TAGS).await;
    model(&server, "m").await;
    tag(&server, "m", "1").await;
    server.app.leases.look().await.unwrap();
    let token = server.app.leases.tenure(Task::DELIVER).unwrap().token;
    let lost = claim_under(&server, token).await;
    assert_eq!(lost.len(), 1);
    assert_eq!(deliver(&server).await, 0);
    server.advance(10_000);
    assert_eq!(deliver(&server).await, 1);
    let letters = receiver.take();
    assert_eq!(letters[0].header("x-mlflow-delivery-id"), lost[0]);
}

#[tokio::test]
async fn a_claim_of_an_earlier_owner_does_not_count() {
    let (server, receiver, _) = connected(&TAGS).await;
    model(&server, "m").await;
    tag(&server, "m", "1").await;
    let died = claim_under(&server, 0).await;
    assert_eq!(died.len(), 1);
    assert_eq!(deliver(&server).await, 1);
    let letters = receiver.take();
    assert_eq!(letters[0].header("x-mlflow-delivery-id"), died[0]);
}

#[tokio::test]
async fn the_job_delivers_within_a_second() {
    let (server, receiver, _) = connected(&TAGS).await;
    let config = trackway::config::Config::with_defaults().unwrap();
    let jobs = Jobs::start(&server.app, &config.tracking);
    model(&server, "m").await;
    let started = Instant::now();
    tag(&server, "m", "1").await;
    let mut told = Vec::new();
    while told.is_empty() && started.elapsed() < Duration::from_secs(10) {
        tokio::time::sleep(Duration::from_millis(10)).await;
        told = values(&receiver);
    }
    assert_eq!(told, ["1"]);
    assert!(
        started.elapsed() < Duration::from_secs(1),
        "{:?}",
        started.elapsed()
    );
    jobs.stop().await;
}
