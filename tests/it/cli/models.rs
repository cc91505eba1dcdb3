use super::{printed, run};
use crate::server::TestServer;
use serde_json::{Value as Json, json};

async fn registry() -> TestServer {
    let server = TestServer::start().await;
    server
        .post("registered-models/create", json!({ "name": "churn" }))
        .await
        .ok();
    for n in 1..=3 {
        let body = json!({ "name": "churn", "source": format!("s3://bucket/{n}") });
        server.post("model-versions/create", body).await.ok();
    }
    server
}

#[tokio::test(flavor = "multi_thread")]
async fn people_move_versions_and_see_what_happened() {
    let server = registry().await;
    let mut told = String::new();
    for line in [
        "models alias set churn champion 1",
        "models alias set churn champion 2 --reason better~recall",
        "models stage churn 2 production --reason it~won",
        "models stage churn 3 Production --archive-existing",
        "models alias set churn rival 3",
        "models alias delete churn rival --reason gone",
        "models list",
        "models show churn",
        "models history churn --limit 6",
        "models history churn --kind alias_set --version 2",
    ] {
        told.push_str(&format!("$ {line}\n{}", printed(&server, line).await));
    }
    insta::assert_snapshot!(told, @r"
    $ models alias set churn champion 1
    churn@champion is now version 1
    $ models alias set churn champion 2 --reason better~recall
    churn@champion is now version 2
    $ models stage churn 2 production --reason it~won
    version 2 of churn is now in Production
    $ models stage churn 3 Production --archive-existing
    version 3 of churn is now in Production
    not archived, an alias points there: churn/2 (champion)
    $ models alias set churn rival 3
    churn@rival is now version 3
    $ models alias delete churn rival --reason gone
    churn@rival is deleted
    $ models list
    NAME   LATEST  PRODUCTION  ALIASES     UPDATED
    churn  3       3           champion=2  2023-11-14T22:13:20Z
    $ models show churn
    churn
    aliases  champion=2
    VERSION  STAGE       CREATED               RUN  SOURCE
    3        Production  2023-11-14T22:13:20Z       s3://bucket/3
    2        Production  2023-11-14T22:13:20Z       s3://bucket/2
    1        None        2023-11-14T22:13:20Z       s3://bucket/1
    $ models history churn --limit 6
    TIME                  ACTOR      VERSION  CHANGE         KEY         FROM  TO          REASON
    2023-11-14T22:13:20Z  anonymous  3        alias_deleted  rival       3                 gone
    2023-11-14T22:13:20Z  anonymous  3        alias_set      rival             3
    2023-11-14T22:13:20Z  anonymous  3        stage_changed  Production  None  Production
    2023-11-14T22:13:20Z  anonymous  2        stage_changed  Production  None  Production  it won
    2023-11-14T22:13:20Z  anonymous  2        alias_set      champion    1     2           better recall
    2023-11-14T22:13:20Z  anonymous  1        alias_set      champion          1
    $ models history churn --kind alias_set --version 2
    TIME                  ACTOR      VERSION  CHANGE     KEY       FROM  TO  REASON
    2023-11-14T22:13:20Z  anonymous  2        alias_set  champion  1     2   better recall
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn programs_get_json() {
    let server = registry().await;
    let answer = printed(&server, "models show churn --json").await;
    let answer: Json = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["registered_model"]["name"], "churn");
    assert_eq!(answer["model_versions"].as_array().unwrap().len(), 3);
    let answer = printed(&server, "models alias set churn x 1 --json").await;
    assert_eq!(answer, "{}\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_say_what_the_server_said() {
    let server = registry().await;
    let outcome = run(&server, "models alias set churn champion 9").await;
    assert_eq!(outcome.exit, 1);
    assert_eq!(
        outcome.stderr,
        "error: Model Version (name=churn, version=9) not found\n"
    );
    let outcome = run(&server, "models show nobody").await;
    assert_eq!(
        outcome.stderr,
        "error: Registered Model with name=nobody not found\n"
    );
    let outcome = run(&server, "models list --url http://127.0.0.1:1").await;
    assert_eq!(outcome.exit, 1);
    assert!(
        outcome
            .stderr
            .contains("The server http://127.0.0.1:1 cannot be reached.")
    );
    let outcome = run(&server, "models list --url churn").await;
    assert_eq!(outcome.exit, 2);
    assert!(
        outcome
            .stderr
            .contains("'churn' is no address of a server.")
    );
}
