//! What the databases promise alike, and what becomes of requests while PostgreSQL is away.

use crate::postgres::TestDatabase;
use crate::server::TestServer;
use proptest::strategy::{Strategy, ValueTree};
use serde_json::json;
use std::path::Path;
use std::time::Duration;
use trackway::config::Config;
use trackway::db::{Db, Insert, Options, PostgresOptions, PostgresUrl, Value, like};
use trackway::params;

#[tokio::test]
async fn patterns_match_as_the_program_matches_them() {
    let server = TestServer::start().await;
    let texts = proptest::collection::vec("[aAbBzZ%_\\\\éÉßıK.\n ]{0,6}", 2..=2);
    let mut runner = proptest::test_runner::TestRunner::default();
    let pairs: Vec<Vec<String>> = (0..400)
        .map(|_| texts.new_tree(&mut runner).unwrap().current())
        .collect();
    for pair in pairs {
        let (text, pattern) = (pair[0].clone(), pair[1].clone());
        let found = server.app.db.read(move |tx| {
            tx.query_one(
                "select matches_like($1, $2), matches_ilike($1, $2), matches_like(null, $2)",
                params![&pair[0], &pair[1]],
                |row| {
                    Ok((
                        row.get::<bool>(0)?,
                        row.get::<bool>(1)?,
                        row.get::<bool>(2)?,
                    ))
                },
            )
        });
        let expected = (
            like::like(&text, &pattern),
            like::ilike(&text, &pattern),
            false,
        );
        assert_eq!(found.await.unwrap(), expected, "{text:?} like {pattern:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_servers_migrate_one_database_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::create_empty().await;
    let mut config = Config::with_defaults().unwrap();
    config.server.data_dir = folder.path().to_owned();
    config.database.pool = 1;
    if let Some(database) = &database {
        config.database.url.clone_from(&database.url);
    }
    let tasks: Vec<_> = (0..6)
        .map(|_| {
            let options = config.database_options().unwrap();
            tokio::spawn(async move {
                let db = Db::open(options).await?;
                let report = db.migrate().await;
                db.close().await?;
                report
            })
        })
        .collect();
    let mut applied = 0;
    for task in tasks {
        let report = task.await.unwrap().unwrap();
        assert!(report.pending.is_empty(), "{report:?}");
        if !report.newly_applied.is_empty() {
            assert_eq!(report.newly_applied, report.applied);
            applied += 1;
        }
    }
    assert_eq!(applied, 1, "one of them does all of it");
}

#[tokio::test]
async fn a_database_that_is_away_is_named_without_its_password() {
    let url = "postgresql://me:secret@127.0.0.1:1/runs";
    let options = Options::Postgres(PostgresOptions {
        url: PostgresUrl::parse(url, Path::new("/")).unwrap(),
        connections: 1,
        wait: Duration::from_secs(1),
        start_wait: Duration::ZERO,
    });
    let Err(error) = Db::open(options).await else {
        panic!("nobody listens there");
    };
    assert_eq!(error.code.status(), 503);
    assert!(
        error
            .message
            .starts_with("The database postgresql://127.0.0.1:1/runs cannot be reached: "),
        "{error}"
    );
    assert!(!format!("{error:?}").contains("secret"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn texts_that_no_database_stores_are_refused_by_name() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let body = json!({ "run_id": run, "tags": [{ "key": "a", "value": "b" },
        { "key": "c", "value": "d\0" }] });
    let refused = server.post("runs/log-batch", body).await.refused();
    assert_eq!(
        refused,
        (
            400,
            "INVALID_PARAMETER_VALUE".to_owned(),
            "Invalid value for parameter 'tags[1].value': it contains a NUL character, which \
             cannot be stored. Remove it."
                .to_owned()
        )
    );
    let refused = server.get("runs/get?run_id=a%00b").await.refused();
    assert!(refused.2.contains("'run_id'"), "{refused:?}");
}

/// Ends all connections to the test's database but the one that asks.
async fn cut_all(database: &TestDatabase) -> i64 {
    let sql = "select count(pg_terminate_backend(pid)) from pg_stat_activity
         where datname = $1 and pid <> pg_backend_pid()";
    let client = crate::postgres::admin().await;
    client
        .query_one(sql, &[&database.name])
        .await
        .unwrap()
        .get(0)
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_and_reads_outlive_their_connections() {
    let server = TestServer::start().await;
    let Some(database) = &server.database else {
        // SQLite has no connection that could be lost: the run is simply there.
        let run = server.run("0").await;
        assert_eq!(server.whole_run(&run).await["info"]["run_id"], *run);
        return;
    };
    for _ in 0..5 {
        let run = server.run("0").await;
        assert!(cut_all(database).await > 0);
        assert_eq!(server.whole_run(&run).await["info"]["run_id"], *run);
        assert!(cut_all(database).await > 0);
        server.log_metrics(&run, &[("m", json!(1.0), 1, 1)]).await;
        assert_eq!(server.history(&run, "m").await.len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_loses_its_connection_begins_again() {
    let server = TestServer::start().await;
    let Some(database) = server
        .database
        .as_ref()
        .map(|database| database.name.clone())
    else {
        return several_attempts_are_not_seen(&server).await;
    };
    let attempts = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counted = attempts.clone();
    let run = server.run("0").await;
    let write = server.app.db.write(move |tx| {
        tx.execute("update runs set name = 'new'", &[])?;
        if counted.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0 {
            // The server ends this very connection.
            tx.query(
                "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1",
                params![&database],
                |_| Ok(()),
            )?;
        }
        tx.execute("update runs set user_id = 'new'", &[])
    });
    assert_eq!(write.await.unwrap(), 1);
    assert_eq!(attempts.load(std::sync::atomic::Ordering::Relaxed), 2);
    several_attempts_are_not_seen(&server).await;
    let info = server.whole_run(&run).await["info"].take();
    assert_eq!(info["user_id"], "new");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_finds_no_free_connection_is_told_so() {
    let server = TestServer::start_with(|config| {
        config.database.pool = 1;
        config.database.pool_wait_s = 1;
    })
    .await;
    let (started, begun) = std::sync::mpsc::channel::<()>();
    let (release, held) = std::sync::mpsc::channel::<()>();
    let held = std::sync::Mutex::new(held);
    let db = server.app.db.clone();
    let write = tokio::spawn(async move {
        db.write(move |_| {
            // Whoever waits for these is gone when the test has failed.
            let _ = started.send(());
            let _ = held.lock().unwrap().recv();
            Ok(())
        })
        .await
    });
    tokio::task::spawn_blocking(move || begun.recv())
        .await
        .unwrap()
        .unwrap();
    let answer = server.get("experiments/get?experiment_id=0").await;
    release.send(()).unwrap();
    write.await.unwrap().unwrap();
    match server.database {
        // On SQLite a writer keeps no reader waiting.
        None => assert_eq!(answer.status, 200),
        Some(_) => {
            let (status, _, message) = answer.refused();
            assert_eq!(status, 503);
            assert!(
                message.starts_with("All 1 connections to the database postgresql://"),
                "{message}"
            );
        }
    }
    server.get("experiments/get?experiment_id=0").await.ok();
}

/// Each run is there once.
async fn several_attempts_are_not_seen(server: &TestServer) {
    let runs = server.app.db.read(|tx| {
        tx.query_one(
            "select count(*), count(distinct uuid) from runs",
            &[],
            |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)),
        )
    });
    let (all, distinct) = runs.await.unwrap();
    assert_eq!(all, distinct);
}

#[tokio::test(flavor = "multi_thread")]
async fn statements_that_are_sent_keep_their_order_and_fail_with_their_transaction() {
    let server = TestServer::start().await;
    let names = |like: &'static str| {
        server.app.db.read(move |tx| {
            let sql = "select name from keys where name like $1 order by id";
            tx.query(sql, params![like], |row| row.get::<String>(0))
        })
    };
    let insert = "insert into keys (name) values ($1)";
    let kept = server.app.db.write(move |tx| {
        tx.send(insert, params!["kept-1"])?;
        tx.send(
            "update keys set name = 'kept-2' where name = $1",
            params!["kept-1"],
        )?;
        let insert = Insert {
            table: "keys",
            columns: &["name"],
            conflict: "",
        };
        tx.send_many(
            &insert,
            ["kept-3", "kept-4"].map(|name| [Value::from(name)]),
        )?;
        let seen = tx.query_one(
            "select count(*) from keys where name like 'kept-%'",
            &[],
            |row| row.get::<i64>(0),
        )?;
        tx.send("delete from keys where name = $1", params!["kept-3"])?;
        Ok(seen)
    });
    assert_eq!(kept.await.unwrap(), 3, "a query sees what was sent before");
    assert_eq!(names("kept-%").await.unwrap(), ["kept-2", "kept-4"]);

    // The same name again: the failure shows at the commit, or at the next query.
    for asks in [false, true] {
        let refused = server.app.db.write(move |tx| {
            tx.send(insert, params!["lost"])?;
            tx.send(insert, params!["kept-4"])?;
            tx.send(insert, params!["lost, too"])?;
            match asks {
                true => tx.query_one("select count(*) from keys", &[], |row| row.get::<i64>(0)),
                false => Ok(0),
            }
        });
        assert!(refused.await.is_err());
        assert_eq!(names("lost%").await.unwrap(), Vec::<String>::new());
    }
    let run = server.run("0").await;
    server
        .post(
            "runs/set-tag",
            json!({ "run_id": run, "key": "a", "value": "b" }),
        )
        .await
        .ok();
}
