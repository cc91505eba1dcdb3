//! Many clients at once: no error, nothing lost, nobody pays for another's mistake.

use crate::server::TestServer;
use crate::support::pairs;
use serde_json::{Value as Json, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Runs `count` tasks at once and gives what they gave, in their order.
async fn at_once<T, F>(count: usize, task: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = (0..count).map(|index| tokio::spawn(task(index))).collect();
    let mut given = Vec::new();
    for task in tasks {
        given.push(task.await.unwrap());
    }
    given
}

/// Puts numbers in an order of their own for each `seed`.
fn shuffled(count: usize, seed: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|number| (number * 7919 + seed * 104_729) % 1009);
    order
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_that_log_to_one_run_with_shuffled_keys_lose_nothing() {
    const CLIENTS: usize = 64;
    const KEYS: usize = 20;
    let server = Arc::new(TestServer::start().await);
    let run = server.run("0").await;
    let statuses = at_once(CLIENTS, |client| {
        let (server, run) = (server.clone(), run.clone());
        async move {
            let order = shuffled(KEYS, client);
            let metrics: Vec<Json> = order
                .iter()
                .map(|key| {
                    let value = client * KEYS + key;
                    json!({ "key": format!("m{key}"), "value": value, "timestamp": client,
                        "step": client })
                })
                .collect();
            let pair = |key: &usize| json!({ "key": format!("k{key}"), "value": key.to_string() });
            let pairs: Vec<Json> = order.iter().map(pair).collect();
            let body = json!({ "run_id": run, "metrics": metrics, "params": pairs, "tags": pairs });
            let batch = server.post("runs/log-batch", body).await.status.as_u16();
            let metric = json!({ "run_id": run, "key": "alone", "value": client,
                "timestamp": client });
            let metric = server.post("runs/log-metric", metric).await.status.as_u16();
            [batch, metric]
        }
    })
    .await;
    assert!(
        statuses.iter().flatten().all(|status| *status == 200),
        "{statuses:?}"
    );
    for key in 0..KEYS {
        let history = server.history(&run, &format!("m{key}")).await;
        let values: Vec<_> = history
            .iter()
            .map(|(value, ..)| value.as_f64().unwrap())
            .collect();
        let expected: Vec<_> = (0..CLIENTS)
            .map(|client| (client * KEYS + key) as f64)
            .collect();
        assert_eq!(values, expected, "m{key}");
    }
    assert_eq!(server.history(&run, "alone").await.len(), CLIENTS);
    let data = server.whole_run(&run).await["data"].take();
    assert_eq!(pairs(&data["params"]).as_object().unwrap().len(), KEYS);
    let latest = data["metrics"].as_array().unwrap();
    assert_eq!(latest.len(), KEYS + 1);
    assert!(
        latest
            .iter()
            .filter(|one| one["key"] != "alone")
            .all(|one| one["step"] == 63)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_that_log_one_new_dataset_are_all_served() {
    let server = Arc::new(TestServer::start().await);
    for round in 0..10 {
        let statuses = at_once(4, |_| {
            let server = server.clone();
            async move {
                let run = server.run("0").await;
                let dataset = json!({ "name": format!("d{round}"), "digest": "1",
                    "source_type": "local", "source": "{}" });
                let body = json!({ "run_id": run, "datasets": [{ "dataset": dataset }] });
                server.post("runs/log-inputs", body).await.status.as_u16()
            }
        })
        .await;
        assert_eq!(statuses, [200; 4]);
    }
    let rows = server.app.db.read(|tx| {
        let count = |row: &trackway::db::Row<'_>| row.get::<i64>(0);
        let datasets = tx.query_one("select count(*) from datasets", &[], count)?;
        Ok((
            datasets,
            tx.query_one("select count(*) from run_datasets", &[], count)?,
        ))
    });
    assert_eq!(rows.await.unwrap(), (10, 40));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_creators_of_an_experiment_wins_and_the_others_are_told() {
    let server = Arc::new(TestServer::start().await);
    let answers = at_once(16, |_| {
        let server = server.clone();
        async move {
            server
                .post("experiments/create", json!({ "name": "e" }))
                .await
        }
    })
    .await;
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 200);
    assert_eq!((won.len(), lost.len()), (1, 15));
    for answer in lost {
        let (status, code, _) = answer.refused();
        assert_eq!((status, code.as_str()), (400, "RESOURCE_ALREADY_EXISTS"));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_of_many_values_of_a_param_is_kept_and_the_others_are_refused() {
    let server = Arc::new(TestServer::start().await);
    let run = server.run("0").await;
    let answers = at_once(16, |client| {
        let (server, run) = (server.clone(), run.clone());
        async move {
            let body = json!({ "run_id": run, "key": "p", "value": client.to_string() });
            server
                .post("runs/log-parameter", body)
                .await
                .status
                .as_u16()
        }
    })
    .await;
    assert_eq!(answers.iter().filter(|status| **status == 200).count(), 1);
    let winner = answers.iter().position(|status| *status == 200).unwrap();
    let found = server.whole_run(&run).await;
    assert_eq!(
        pairs(&found["data"]["params"]),
        json!({ "p": winner.to_string() })
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_write_that_fails_in_a_group_does_not_take_its_neighbors_with_it() {
    const CLIENTS: usize = 96;
    let server = Arc::new(TestServer::start().await);
    let run = server.run("0").await;
    let taken = json!({ "run_id": run, "key": "taken", "value": "1" });
    server.post("runs/log-parameter", taken).await.ok();
    // Every third client fails after it has written a metric's row and a tag's key.
    let fails = |client: usize| client.is_multiple_of(3);
    let statuses = at_once(CLIENTS, |client| {
        let (server, run) = (server.clone(), run.clone());
        async move {
            let value = if fails(client) { "2" } else { "1" };
            let body = json!({
                "run_id": run,
                "metrics": [{ "key": "m", "value": client, "timestamp": client }],
                "params": [
                    { "key": format!("p{client}"), "value": "1" },
                    { "key": "taken", "value": value },
                ],
                "tags": [{ "key": format!("t{client}"), "value": "1" }],
            });
            server.post("runs/log-batch", body).await.status.as_u16()
        }
    })
    .await;
    let expected: Vec<u16> = (0..CLIENTS)
        .map(|client| if fails(client) { 400 } else { 200 })
        .collect();
    assert_eq!(statuses, expected);
    let stored: BTreeSet<i64> = server
        .history(&run, "m")
        .await
        .iter()
        .map(|(_, timestamp, _)| *timestamp)
        .collect();
    let kept: BTreeSet<i64> = (0..CLIENTS)
        .filter(|client| !fails(*client))
        .map(|client| client as i64)
        .collect();
    assert_eq!(stored, kept);
    let found = server.whole_run(&run).await;
    let names = |list: &str, prefix: &str| -> BTreeSet<String> {
        let pairs = pairs(&found["data"][list]);
        let names = pairs.as_object().unwrap().keys();
        names
            .filter_map(|name| name.strip_prefix(prefix)?.parse::<i64>().ok())
            .map(|number| number.to_string())
            .collect()
    };
    let kept: BTreeSet<String> = kept.iter().map(i64::to_string).collect();
    assert_eq!(
        (names("params", "p"), names("tags", "t")),
        (kept.clone(), kept)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn uploads_to_one_path_leave_one_whole_file_and_its_digest() {
    let server = Arc::new(TestServer::start().await);
    let statuses = at_once(16, |client| {
        let server = server.clone();
        let body = vec![b'a' + client as u8; 100_000 + client];
        async move { server.put_file("d/one.bin", body).await.status.as_u16() }
    })
    .await;
    assert_eq!(statuses, [200; 16]);
    let path = format!("{}/d/one.bin", crate::support::PROXY);
    let file = server.get(&path).await.body;
    let client = usize::from(file[0] - b'a');
    assert_eq!(file, vec![b'a' + client as u8; 100_000 + client]);
    let digest = server.digest("d/one.bin").await.unwrap();
    server.put_file("d/two.bin", file).await.text();
    assert_eq!(server.digest("d/two.bin").await.unwrap(), digest);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn histories_are_whole_while_they_are_folded() {
    let server = Arc::new(TestServer::start().await);
    let run = server.run("0").await;
    let sizes = at_once(9, |client| {
        let (server, run) = (server.clone(), run.clone());
        async move {
            let mut sizes = Vec::new();
            for step in 0..20 {
                match client {
                    0 => drop(server.fold(&run).await),
                    1 => sizes.push(server.history(&run, "m").await.len()),
                    writer => {
                        let step = writer as i64 * 1000 + step;
                        server
                            .log_metrics(&run, &[("m", json!(1), step, step)])
                            .await;
                    }
                }
            }
            sizes
        }
    })
    .await;
    assert!(
        sizes[1].is_sorted(),
        "a history never shrinks: {:?}",
        sizes[1]
    );
    assert_eq!(server.history(&run, "m").await.len(), 7 * 20);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn clients_that_log_new_keys_to_many_runs_in_any_order_are_all_served() {
    const CLIENTS: usize = 64;
    const KEYS: usize = 15;
    let server = Arc::new(TestServer::start().await);
    let statuses = at_once(CLIENTS, |client| {
        let server = server.clone();
        async move {
            let run = server.run("0").await;
            let order = shuffled(KEYS, client);
            let pair = |key: &usize| json!({ "key": format!("k{key}"), "value": "v" });
            let tag = |key: &usize| json!({ "key": format!("k{}", KEYS - key), "value": "v" });
            let metric = |key: &usize| {
                json!({ "key": format!("k{}", key * 7 % KEYS), "value": 1, "timestamp": 1 })
            };
            let body = json!({
                "run_id": run,
                "params": order.iter().map(pair).collect::<Vec<_>>(),
                "tags": order.iter().map(tag).collect::<Vec<_>>(),
                "metrics": order.iter().map(metric).collect::<Vec<_>>(),
            });
            server.post("runs/log-batch", body).await.status.as_u16()
        }
    })
    .await;
    assert_eq!(statuses, vec![200; CLIENTS]);
    let named = server.app.db.read(|tx| {
        tx.query_one(
            "select count(*), count(distinct name) from keys where name like 'k%'",
            &[],
            |row| Ok((row.get::<i64>(0)?, row.get::<i64>(1)?)),
        )
    });
    assert_eq!(named.await.unwrap(), (KEYS as i64 + 1, KEYS as i64 + 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn one_model_its_versions_and_aliases_keep_their_numbers_among_many_writers() {
    const CLIENTS: i64 = 24;
    let server = Arc::new(TestServer::start().await);
    let created = at_once(CLIENTS as usize, |_| {
        let server = server.clone();
        async move {
            let body = json!({ "name": "m" });
            let created = server.post("registered-models/create", body).await;
            let body = json!({ "name": "m", "source": "s3://b/x" });
            let version = server.post("model-versions/create", body).await.ok();
            let version = version["model_version"]["version"]
                .as_str()
                .unwrap()
                .to_owned();
            let body = json!({ "name": "m", "alias": "a", "version": version });
            server.post("registered-models/alias", body).await.ok();
            let number: i64 = version.parse().unwrap();
            (created.status.as_u16(), number)
        }
    })
    .await;
    let winners = created.iter().filter(|(status, _)| *status == 200).count();
    assert_eq!(winners, 1, "{created:?}");
    assert!(
        created
            .iter()
            .all(|(status, _)| matches!(status, 200 | 400))
    );
    let numbers: BTreeSet<i64> = created.iter().map(|(_, number)| *number).collect();
    assert_eq!(numbers, (1..=CLIENTS).collect());
    let moves = server.app.db.read(|tx| {
        tx.query(
            "select generation from registry_history where kind = 'alias_set' order by id",
            &[],
            |row| row.get::<i64>(0),
        )
    });
    let expected: Vec<i64> = (1..=CLIENTS).collect();
    assert_eq!(moves.await.unwrap(), expected);
    let entries = server.app.db.read(|tx| {
        tx.query_one(
            "select count(*), max(position) + 1, (select size from audit_tree) from audit_entries",
            &[],
            |row| Ok([row.get::<i64>(0)?, row.get(1)?, row.get(2)?]),
        )
    });
    let [entries, last, size] = entries.await.unwrap();
    assert_eq!((entries, last), (size, size));
}
