//! The log of deliveries: lists, details, sending again, and how long it is kept.

use super::receiver::Receiver;
use super::{change, connected, deliver, deliveries, local, start, subscribe};
use crate::server::TestServer;
use serde_json::{Value as Json, json};
use trackway::events::sending;

const CREATED: [&str; 1] = ["registered_model.created"];

async fn model(server: &TestServer, name: &str) {
    change(
        server,
        "POST",
        "registered-models/create",
        json!({ "name": name }),
    )
    .await;
}

async fn page(server: &TestServer, id: &str, query: &str) -> Json {
    server
        .get(&format!("/api/1.0/webhooks/{id}/deliveries?{query}"))
        .await
        .ok()
}

/// Gives the id of the newest delivery.
async fn newest(server: &TestServer, id: &str) -> String {
    let page = page(server, id, "").await;
    page["deliveries"][0]["delivery_id"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// Replaces what is different each time: ids that no clock or counter gives, and latencies.
fn steady(answer: &Json, delivery: &str) -> String {
    let mut answer = answer.clone();
    for attempt in answer["attempts"].as_array_mut().unwrap() {
        assert!(attempt["latency_ms"].take().as_i64().unwrap() >= 0);
        attempt["request_sha256"].take();
    }
    serde_json::to_string_pretty(&answer)
        .unwrap()
        .replace(delivery, "DELIVERY")
}

#[tokio::test]
async fn a_delivery_shows_its_payload_and_attempts() {
    let (server, receiver, id) = connected(&CREATED).await;
    receiver.answer(&[503]);
    model(&server, "m").await;
    deliver(&server).await;
    server.advance(2_000);
    deliver(&server).await;
    let delivery = newest(&server, &id).await;
    let path = format!("/api/1.0/webhooks/{id}/deliveries/{delivery}");
    let detail = server.get(&path).await.ok();
    insta::assert_snapshot!(steady(&detail, &delivery), @r#"
    {
      "attempts": [
        {
          "error": null,
          "latency_ms": null,
          "request_headers": {
            "Content-Type": "application/json",
            "X-MLflow-Delivery-Id": "DELIVERY",
            "X-MLflow-Timestamp": "1700000000",
            "webhook-id": "DELIVERY",
            "webhook-timestamp": "1700000000"
          },
          "request_sha256": null,
          "response_head": "the receiver's words",
          "status": 503,
          "time": 1700000000000
        },
        {
          "error": null,
          "latency_ms": null,
          "request_headers": {
            "Content-Type": "application/json",
            "X-MLflow-Delivery-Id": "DELIVERY",
            "X-MLflow-Timestamp": "1700000002",
            "webhook-id": "DELIVERY",
            "webhook-timestamp": "1700000002"
          },
          "request_sha256": null,
          "response_head": "the receiver's words",
          "status": 200,
          "time": 1700000002000
        }
      ],
      "delivery": {
        "attempts": 2,
        "delivery_id": "DELIVERY",
        "event": "registered_model.created",
        "finished_at": 1700000002000,
        "is_waiting": false,
        "next_attempt_at": null,
        "note": "",
        "object": "registered_model:m",
        "occurred_at": 1700000000000,
        "state": "delivered"
      },
      "payload": {
        "action": "created",
        "data": {
          "description": "",
          "name": "m",
          "tags": {}
        },
        "entity": "registered_model",
        "timestamp": "2023-11-14T22:13:20+00:00"
      }
    }
    "#);
    let unknown = server
        .get(&format!("/api/1.0/webhooks/{id}/deliveries/zz"))
        .await;
    assert_eq!(unknown.refused().0, 404);
}

#[tokio::test]
async fn deliveries_are_listed_by_state_and_in_pages() {
    let (server, receiver, id) = connected(&CREATED).await;
    receiver.answer(&[404]);
    for number in 0..5 {
        model(&server, &format!("m{number}")).await;
        if number < 3 {
            deliver(&server).await;
        }
    }
    for (state, number) in [
        ("parked", 1),
        ("delivered", 2),
        ("pending", 2),
        ("cancelled", 0),
    ] {
        let page = page(&server, &id, &format!("state={state}")).await;
        assert_eq!(
            page["deliveries"].as_array().unwrap().len(),
            number,
            "{state}"
        );
    }
    let first = page(&server, &id, "max_results=3").await;
    let token = first["next_page_token"]
        .as_str()
        .unwrap()
        .replace('=', "%3D");
    let second = page(&server, &id, &format!("max_results=3&page_token={token}")).await;
    let objects: Vec<&Json> = [&first, &second]
        .into_iter()
        .flat_map(|page| page["deliveries"].as_array().unwrap())
        .map(|one| &one["object"])
        .collect();
    let expected = [4, 3, 2, 1, 0].map(|number| json!(format!("registered_model:m{number}")));
    assert_eq!(objects, expected.iter().collect::<Vec<_>>());
    assert_eq!(second["next_page_token"], Json::Null);
    for (query, text) in [
        (
            "state=lost",
            "There is no state 'lost' of a delivery. The states are pending, delivered, parked, cancelled.",
        ),
        (
            "max_results=0",
            "max_results must be between 1 and 1000, and is 0.",
        ),
        (
            "page_token=x",
            "Invalid page token, could not base64-decode",
        ),
    ] {
        let path = format!("/api/1.0/webhooks/{id}/deliveries?{query}");
        assert_eq!(server.get(&path).await.refused().2, text);
    }
    let unknown = server.get("/api/1.0/webhooks/zz/deliveries").await;
    assert_eq!(unknown.refused().2, "Webhook with ID zz not found.");
}

#[tokio::test]
async fn a_delivery_is_sent_again_on_demand() {
    let (server, receiver, id) = connected(&CREATED).await;
    receiver.answer(&[404]);
    model(&server, "m").await;
    deliver(&server).await;
    assert_eq!(
        deliveries(&server, &id).await,
        ["registered_model.created parked"]
    );
    let delivery = newest(&server, &id).await;
    let path = format!("/api/1.0/webhooks/{id}/deliveries/{delivery}/redeliver");
    let again = server.post(&path, json!({})).await;
    insta::assert_snapshot!(again.shown().replace(&delivery, "DELIVERY"), @r#"
    200
    {
      "delivery": {
        "attempts": 0,
        "delivery_id": "DELIVERY",
        "event": "registered_model.created",
        "finished_at": null,
        "is_waiting": false,
        "next_attempt_at": 1700000000000,
        "note": "",
        "object": "registered_model:m",
        "occurred_at": 1700000000000,
        "state": "pending"
      }
    }
    "#);
    assert_eq!(deliver(&server).await, 1);
    assert_eq!(
        deliveries(&server, &id).await,
        ["registered_model.created delivered"]
    );
    // What was delivered can be sent again, too.
    server.post(&path, json!({})).await.ok();
    assert_eq!(deliver(&server).await, 1);
    let ids = receiver.take();
    assert_eq!(ids.len(), 3);
    assert!(
        ids.iter()
            .all(|letter| letter.header("x-mlflow-delivery-id") == delivery)
    );
    let detail = format!("/api/1.0/webhooks/{id}/deliveries/{delivery}");
    let detail = server.get(&detail).await.ok();
    assert_eq!(detail["attempts"].as_array().unwrap().len(), 3);
    let disable = json!({ "status": "DISABLED" });
    change(&server, "PATCH", &format!("webhooks/{id}"), disable).await;
    let (status, _, message) = server.post(&path, json!({})).await.refused();
    assert!(
        status == 400 && message.contains("is disabled"),
        "{message}"
    );
    change(&server, "DELETE", &format!("webhooks/{id}"), json!({})).await;
    assert_eq!(server.post(&path, json!({})).await.refused().0, 404);
    assert_eq!(deliveries(&server, &id).await.len(), 1);
}

#[tokio::test]
async fn a_delivery_that_waits_is_tried_at_once_on_demand() {
    let (server, receiver, id) = connected(&CREATED).await;
    receiver.answer(&[500]);
    model(&server, "m").await;
    deliver(&server).await;
    assert_eq!(deliver(&server).await, 0);
    let delivery = newest(&server, &id).await;
    let path = format!("/api/1.0/webhooks/{id}/deliveries/{delivery}/redeliver");
    server.post(&path, json!({})).await.ok();
    assert_eq!(deliver(&server).await, 1);
    assert_eq!(
        deliveries(&server, &id).await,
        ["registered_model.created delivered"]
    );
}

#[tokio::test]
async fn what_ended_long_ago_is_deleted() {
    let (server, receiver, id) = connected(&CREATED).await;
    model(&server, "a").await;
    deliver(&server).await;
    server.advance(10);
    receiver.answer(&[500]);
    model(&server, "b").await;
    deliver(&server).await;
    let before = server.app.clock.now();
    let delete = move |tx: &mut trackway::db::Tx<'_>| sending::delete_older_than(tx, before);
    assert_eq!(server.app.db.write(delete).await.unwrap(), 1);
    assert_eq!(server.app.db.write(delete).await.unwrap(), 0);
    assert_eq!(
        deliveries(&server, &id).await,
        ["registered_model.created pending"]
    );
}

#[tokio::test]
async fn a_secret_is_in_no_answer_and_sealed_in_the_database() {
    const SECRET: &str = "tell-nobody-of-this";
    let server = TestServer::start_with(|config| {
        local(config);
        config.webhooks.secret_key = "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=".into();
    });
    let (server, receiver) = (server.await, Receiver::start().await);
    let id = subscribe(
        &server,
        &receiver.url,
        &CREATED,
        json!({ "secret": SECRET }),
    )
    .await;
    model(&server, "m").await;
    assert_eq!(deliver(&server).await, 1);
    assert!(
        receiver.take()[0]
            .header("x-mlflow-signature")
            .starts_with("v1,")
    );
    let delivery = newest(&server, &id).await;
    for path in [
        format!("webhooks/{id}"),
        "webhooks".to_owned(),
        "/api/1.0/webhooks".to_owned(),
        format!("/api/1.0/webhooks/{id}"),
        format!("/api/1.0/webhooks/{id}/deliveries/{delivery}"),
    ] {
        let answer = server.get(&path).await.text();
        assert!(!answer.contains(SECRET), "{answer}");
    }
    let stored: (String, bool) = server
        .app
        .db
        .read(|tx| {
            let sql = "select secret, secret_sealed from webhooks";
            tx.query_one(sql, &[], |row| Ok((row.get(0)?, row.get(1)?)))
        })
        .await
        .unwrap();
    assert!(stored.0.starts_with("gAAAA") && stored.1, "{stored:?}");
    let settings = format!("{:?}", server.app.settings);
    assert!(!settings.contains("cw_0x689"), "{settings}");
}

#[tokio::test]
async fn without_the_key_of_its_secret_nothing_is_sent_to_a_webhook() {
    let (server, receiver) = (start().await, Receiver::start().await);
    let id = subscribe(&server, &receiver.url, &CREATED, json!({ "secret": "s" })).await;
    let seal = |tx: &mut trackway::db::Tx<'_>| {
        tx.execute(
            "update webhooks set secret = 'gAAAA', secret_sealed = true",
            &[],
        )
    };
    server.app.db.write(seal).await.unwrap();
    model(&server, "m").await;
    assert_eq!(deliver(&server).await, 1);
    assert!(receiver.take().is_empty());
    let delivery = newest(&server, &id).await;
    let path = format!("/api/1.0/webhooks/{id}/deliveries/{delivery}");
    let detail = server.get(&path).await.ok();
    let error = detail["attempts"][0]["error"].as_str().unwrap();
    assert!(error.contains("webhooks.secret_key"), "{error}");
    assert_eq!(detail["delivery"]["state"], "pending");
}
