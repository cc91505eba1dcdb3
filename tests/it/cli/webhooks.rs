use super::{printed, run};
use crate::webhooks::receiver::Receiver;
use crate::webhooks::{deliver, start};
use serde_json::{Value as Json, json};

/// Gives the id in the second line of a table.
fn id(table: &str) -> String {
    let line = table.lines().nth(1).unwrap();
    line.split_whitespace().next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_webhook_is_created_tried_changed_and_deleted() {
    let (server, receiver) = (start().await, Receiver::start().await);
    let secret = server.folder.path().join("secret");
    std::fs::write(&secret, "s3cret\n").unwrap();
    let line = format!(
        "webhooks create ci {} --event model_version.created --event model_version_alias.moved \
         --secret-file {} --description tells~the~CI",
        receiver.url,
        secret.display()
    );
    let created = printed(&server, &line).await;
    let id = id(&created);
    let told = |text: String| {
        let text = text.replace(&receiver.url, "URL").replace(&id, "ID");
        let line = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        text.lines().map(line).collect::<Vec<_>>().join("\n")
    };
    insta::assert_snapshot!(told(created), @r"
    ID NAME STATUS FORMAT SIGNED URL EVENTS
    ID ci ACTIVE mlflow yes URL model_version.created, model_version_alias.moved
    ");
    assert_eq!(
        printed(&server, &format!("webhooks test {id}")).await,
        "the receiver took it: 200 the receiver's words\n"
    );
    assert!(
        receiver.take()[0]
            .header("x-mlflow-signature")
            .starts_with("v1,")
    );
    receiver.answer(&[500]);
    let outcome = run(
        &server,
        &format!("webhooks test {id} --event model_version.created"),
    )
    .await;
    assert_eq!(outcome.exit, 1);
    assert!(
        outcome
            .stdout
            .starts_with("the receiver did not take it: 500"),
        "{outcome:?}"
    );
    let line = "webhooks update ci --format slack --status DISABLED --name chat";
    printed(&server, line).await;
    insta::assert_snapshot!(told(printed(&server, "webhooks show chat").await), @r"
    id ID
    name chat
    description tells the CI
    status DISABLED
    format slack
    signed yes
    url URL
    events model_version.created, model_version_alias.moved
    created 2023-11-14T22:13:20Z
    updated 2023-11-14T22:13:20Z
    ");
    insta::assert_snapshot!(told(printed(&server, "webhooks list").await), @r"
    ID NAME STATUS FORMAT SIGNED URL EVENTS
    ID chat DISABLED slack yes URL model_version.created, model_version_alias.moved
    ");
    printed(
        &server,
        &format!("webhooks delete {id} --reason not~needed"),
    )
    .await;
    assert_eq!(printed(&server, "webhooks list").await.lines().count(), 1);
    let outcome = run(&server, &format!("webhooks show {id}")).await;
    assert_eq!(outcome.exit, 1);
    let audit = printed(&server, &format!("audit list --object webhook:{id} --json")).await;
    assert!(
        !audit.contains("s3cret") && !audit.contains("/hook"),
        "{audit}"
    );
    assert!(audit.contains("webhook_deleted") && audit.contains("not needed"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_names_no_webhook_or_several_is_refused() {
    let (server, receiver) = (start().await, Receiver::start().await);
    for name in ["chat", "twice", "twice"] {
        let event = "--event model_version.created";
        let line = format!("webhooks create {name} {} {event}", receiver.url);
        printed(&server, &line).await;
    }
    let outcome = run(&server, "webhooks test chat --event created").await;
    assert_eq!(outcome.exit, 2);
    assert!(
        outcome
            .stderr
            .contains("an event is written as model_version.created"),
        "{outcome:?}"
    );
    let outcome = run(&server, "webhooks show ci").await;
    assert_eq!(outcome.exit, 1);
    assert_eq!(
        outcome.stderr,
        "error: There is no webhook with the name or id 'ci'. `trackway webhooks list` lists them.\n"
    );
    let outcome = run(&server, "webhooks delete twice").await;
    assert_eq!(outcome.exit, 1);
    assert!(
        outcome
            .stderr
            .starts_with("error: Several webhooks have the name 'twice'. Name one by its id: "),
        "{outcome:?}"
    );
    assert_eq!(printed(&server, "webhooks list").await.lines().count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn deliveries_are_listed_shown_and_sent_again() {
    let (server, receiver) = (start().await, Receiver::start().await);
    let line = format!(
        "webhooks create w {} --event registered_model.created",
        receiver.url
    );
    let webhook = id(&printed(&server, &line).await);
    receiver.answer(&[404]);
    server
        .post("registered-models/create", json!({ "name": "churn" }))
        .await
        .ok();
    deliver(&server).await;
    let parked = printed(
        &server,
        &format!("webhooks deliveries {webhook} --state parked"),
    )
    .await;
    let delivery = id(&parked);
    printed(
        &server,
        &format!("webhooks redeliver {webhook} {delivery} --reason mended"),
    )
    .await;
    deliver(&server).await;
    let shown = printed(&server, &format!("webhooks delivery {webhook} {delivery}")).await;
    let rows: Vec<String> = shown
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert!(
        rows[1].ends_with("registered_model.created registered_model:churn delivered 1"),
        "{shown}"
    );
    assert!(
        rows[3].contains(" 404 ") && rows[4].contains(" 200 "),
        "{shown}"
    );
    let json = printed(
        &server,
        &format!("webhooks delivery {webhook} {delivery} --json"),
    )
    .await;
    let json: Json = serde_json::from_str(&json).unwrap();
    assert_eq!(json["payload"]["data"]["name"], "churn");
    assert_eq!(receiver.take().len(), 2);
}
