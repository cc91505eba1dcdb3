use super::{printed, run};
use crate::server::TestServer;
use serde_json::{Value as Json, json};
use trackway::params;

async fn log() -> TestServer {
    let server = TestServer::start().await;
    for n in 0..6 {
        server.experiment(&format!("e{n}")).await;
    }
    let body = json!({ "name": "e0" });
    server.post("experiments/create", body).await.refused();
    server
}

fn database(server: &TestServer) -> String {
    format!("audit verify --database {}", server.database_url())
}

#[tokio::test(flavor = "multi_thread")]
async fn people_read_the_log() {
    let server = log().await;
    let mut told = String::new();
    for line in [
        "audit list --limit 3",
        "audit list --result refused",
        "audit show 2",
    ] {
        told.push_str(&format!("$ {line}\n{}", printed(&server, line).await));
    }
    insta::assert_snapshot!(told, @r#"
    $ audit list --limit 3
    POSITION  TIME                  ACTOR      ACTION             OBJECT        RESULT   REASON
    7         2023-11-14T22:13:20Z  anonymous  experiment.create  experiment    refused  Experiment(name=e0) already exists.
    6         2023-11-14T22:13:20Z  anonymous  experiment.create  experiment:6  done
    5         2023-11-14T22:13:20Z  anonymous  experiment.create  experiment:5  done
    $ audit list --result refused
    POSITION  TIME                  ACTOR      ACTION             OBJECT      RESULT   REASON
    7         2023-11-14T22:13:20Z  anonymous  experiment.create  experiment  refused  Experiment(name=e0) already exists.
    $ audit show 2
    {
      "action": "experiment.create",
      "actor": "anonymous",
      "at": 1700000000000,
      "changes": [
        {
          "after": "e1",
          "change": "experiment_created",
          "object": "experiment:2"
        }
      ],
      "method": "POST",
      "object": "experiment:2",
      "path": "/api/2.0/mlflow/experiments/create",
      "reason": "",
      "request": {
        "name": "e1"
      },
      "request_id": "00000000000000000000000000000002",
      "result": "done"
    }
    proven to be entry 2 of 8 under the signed head
    "#);
    let json = printed(&server, "audit list --json --limit 1").await;
    let json: Json = serde_json::from_str(&json).unwrap();
    assert_eq!(json["entries"][0]["entry"]["result"], "refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_whole_log_passes_by_both_ways() {
    let server = log().await;
    let told = printed(&server, "audit verify").await;
    assert_eq!(
        told,
        "The audit log is whole: 8 entries, 1 signed head, the newest good one over 8 entries.\n"
    );
    assert_eq!(printed(&server, &database(&server)).await, told);
    let json = printed(&server, "audit verify --json").await;
    let json: Json = serde_json::from_str(&json).unwrap();
    assert_eq!(json["findings"], json!([]));
    assert_eq!(json["vouched"], 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_changed_byte_is_named_and_exits_with_one() {
    let server = log().await;
    let change = |tx: &mut trackway::db::Tx<'_>| {
        tx.execute(
            "update audit_entries set entry = replace(entry, '\"e3\"', '\"e9\"')
             where position = $1",
            params![4],
        )
    };
    assert_eq!(server.app.db.write(change).await.unwrap(), 1);
    for line in ["audit verify", &database(&server)] {
        let outcome = run(&server, line).await;
        assert_eq!(outcome.exit, 1);
        assert!(
            outcome.stdout.starts_with(
                "entry 4: the entry is not the one that was written: its hash is another\n"
            ),
            "{}",
            outcome.stdout
        );
    }
}

/// SQLite keeps any bytes as text, so one changed bit can make a text that is none.
#[tokio::test(flavor = "multi_thread")]
async fn a_byte_that_is_no_text_is_named_and_the_rest_is_still_read() {
    let server = log().await;
    if !server.database_url().starts_with("sqlite") {
        return;
    }
    printed(&server, "audit head").await;
    let change = |tx: &mut trackway::db::Tx<'_>| {
        let sql = "update audit_entries set entry = cast(x'ff' || entry as text),
                       actor = cast(x'ff' as text) where position = $1";
        tx.execute(sql, params![4])
    };
    assert_eq!(server.app.db.write(change).await.unwrap(), 1);
    for line in ["audit verify", &database(&server)] {
        let outcome = run(&server, line).await;
        assert_eq!(outcome.exit, 1, "{outcome:?}");
        let told = "entry 4: the entry is not the one that was written: its hash is another\n";
        assert!(outcome.stdout.starts_with(told), "{outcome:?}");
    }
    let listed = printed(&server, "audit list").await;
    assert_eq!(listed.lines().count(), 9, "{listed}");
    let exported = server.get("/api/1.0/audit/export").await.text();
    assert_eq!(exported.lines().count(), 8, "{exported}");
    let outcome = run(&server, "audit show 4").await;
    assert_eq!(outcome.exit, 1);
    assert!(
        outcome
            .stderr
            .contains("Entry 4 is not what the log's signed head"),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_head_is_told_by_both_ways() {
    for damage in ["no checkpoint", ""] {
        let server = log().await;
        printed(&server, "audit head").await;
        let change = move |tx: &mut trackway::db::Tx<'_>| {
            let sql = "update audit_heads set note = $1 where size = 8";
            tx.execute(sql, params![damage])
        };
        assert_eq!(server.app.db.write(change).await.unwrap(), 1);
        for line in ["audit verify", &database(&server)] {
            let outcome = run(&server, line).await;
            assert_eq!(outcome.exit, 1, "{outcome:?}");
            let told = "the signed head of 8 entries: The text is no checkpoint";
            assert!(outcome.stdout.starts_with(told), "{outcome:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_subtree_is_found_in_the_database() {
    let server = log().await;
    printed(&server, "audit head").await;
    let change = |tx: &mut trackway::db::Tx<'_>| {
        tx.execute(
            "update audit_nodes set hash = (select hash from audit_nodes where level = 1 and
                 position = 0) where level = 2 and position = $1",
            params![1],
        )
    };
    assert_eq!(server.app.db.write(change).await.unwrap(), 1);
    let outcome = run(&server, &database(&server)).await;
    assert_eq!(outcome.exit, 1);
    assert!(
        outcome
            .stdout
            .contains("entry 4: the stored hash over entries 4 to 7 is not"),
        "{}",
        outcome.stdout
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_saved_checkpoint_is_compared_with_the_log_of_later() {
    let (server, other) = (log().await, log().await);
    let saved = server.folder.path().join("saved");
    let saved = saved.display();
    printed(&server, &format!("audit head --save {saved}")).await;
    server.experiment("later").await;
    let line = format!("audit verify --since {saved}");
    assert!(
        printed(&server, &line)
            .await
            .contains("is whole: 9 entries")
    );
    let outcome = run(&other, &line).await;
    assert_eq!(outcome.exit, 1);
    assert!(
        outcome
            .stderr
            .contains("No known key signed the checkpoint"),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_written_to_a_file() {
    let server = log().await;
    let file = server.folder.path().join("export");
    printed(&server, &format!("audit export -o {}", file.display())).await;
    let text = std::fs::read_to_string(file).unwrap();
    assert_eq!(text.lines().count(), 8);
    assert!(
        text.lines()
            .all(|line| serde_json::from_str::<Json>(line).is_ok())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_is_not_there_is_not_made() {
    let server = log().await;
    let path = server.folder.path().join("none.db");
    let outcome = run(
        &server,
        &format!("audit verify --database {}", path.display()),
    )
    .await;
    assert_eq!(outcome.exit, 1);
    assert!(
        outcome.stderr.contains("There is no database"),
        "{}",
        outcome.stderr
    );
    assert!(!path.exists());
}
