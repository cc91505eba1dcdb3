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
        "error: Model Version (name=churn, version=9) not found\n\
         hint: `trackway models show churn` lists its versions.\n"
    );
    let outcome = run(&server, "models show nobody").await;
    assert_eq!(
        outcome.stderr,
        "error: Registered Model with name=nobody not found\n\
         hint: `trackway models list` lists the models.\n"
    );
    let outcome = run(&server, "models alias delete churn nobody").await;
    assert_eq!(outcome.exit, 1);
    assert_eq!(
        outcome.stderr,
        "error: Registered model alias nobody not found.\n\
         hint: `trackway models show NAME` lists the aliases of a model.\n"
    );
    let outcome = run(&server, "models show churn@nobody").await;
    assert_eq!(outcome.exit, 1);
    assert!(outcome.stderr.contains("'nobody'"), "{outcome:?}");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_version_is_shown_by_number_alias_and_stage() {
    let server = registry().await;
    printed(&server, "models alias set churn champion 2").await;
    printed(&server, "models stage churn 2 Production").await;
    let tag = json!({ "name": "churn", "version": "2", "key": "team", "value": "growth" });
    server.post("model-versions/set-tag", tag).await.ok();
    let shown = printed(&server, "models show churn/2").await;
    // Why the server has no digest is for the tests of manifests.
    let (told, files) = shown.split_once("files    ").unwrap();
    insta::assert_snapshot!(told, @r"
    churn/2
    stage    Production
    aliases  champion
    tags     team=growth
    created  2023-11-14T22:13:20Z
    updated  2023-11-14T22:13:20Z
    source   s3://bucket/2
    ");
    assert!(files.starts_with("unmanaged: "), "{files}");
    for other in [
        "churn@champion",
        "churn/Production",
        "models:/churn@champion",
    ] {
        let line = format!("models show {other}");
        assert_eq!(printed(&server, &line).await, shown, "{other}");
    }
    let json = printed(&server, "models show churn@champion --json").await;
    let json: Json = serde_json::from_str(&json).unwrap();
    assert_eq!(json["model_version"]["version"], "2");
    assert_eq!(json["manifest"]["state"], "unmanaged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_with_an_at_sign_in_its_name_is_shown() {
    let server = registry().await;
    let body = json!({ "name": "team@churn" });
    server.post("registered-models/create", body).await.ok();
    insta::assert_snapshot!(printed(&server, "models show team@churn").await, @r"
    team@churn
    It has no versions.
    ");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_empty_is_told_in_words() {
    let server = TestServer::start().await;
    let mut told = String::new();
    for line in [
        "models list",
        "models list --filter name='x'",
        "webhooks list",
        "audit list --actor eve",
        "models consumers churn",
        "models history churn --kind alias_set",
    ] {
        if line == "models consumers churn" {
            let body = json!({ "name": "churn" });
            server.post("registered-models/create", body).await.ok();
        }
        told.push_str(&format!("$ {line}\n{}", printed(&server, line).await));
    }
    insta::assert_snapshot!(told, @r"
    $ models list
    There are no registered models.
    $ models list --filter name='x'
    No registered model matches the filter.
    $ webhooks list
    There are no webhooks. `trackway webhooks create --help` says how to make one.
    $ audit list --actor eve
    No entry matches.
    $ models consumers churn
    No consumer of churn has reported yet. Serving processes report with POST /api/1.0/consumers.
    $ models history churn --kind alias_set
    No change matches.
    ");
}
