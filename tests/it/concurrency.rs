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
