//! Two servers on one database: who does which job, who has which files, and whose keys are known.
//!
//! On SQLite one server has the database for itself, and there is little to show.

use crate::postgres::TestDatabase;
use crate::server::TestServer;
use crate::webhooks::receiver::Receiver;
use crate::webhooks::{connected, deliver};
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};
use trackway::app::{Clock, Ids};
use trackway::artifacts::Spot;
use trackway::audit::checkpoint::Head;
use trackway::audit::key::PublicKey;
use trackway::config::Config;
use trackway::error::Code;
use trackway::events::send::Attempt;
use trackway::events::sending::{self, Claim, Made};
use trackway::jobs::Jobs;
use trackway::params;
use trackway::replicas::Tenure;
use trackway::replicas::lease::Task;

/// Gives the tokens of the jobs that a server has at this moment.
fn tokens(server: &TestServer) -> Vec<i64> {
    let leases = &server.app.leases;
    let tenures = Task::ALL.map(|task| leases.tenure(task));
    let owned = tenures.iter().flatten();
    owned.map(|tenure| tenure.token).collect()
}

/// Lets the leases and claims of a server end, as if it had not renewed them for long.
async fn stand_still(server: &TestServer) {
    let expire = server.app.db.write(|tx| {
        tx.execute("update leases set expires_at = 1 where owner <> ''", &[])?;
        tx.execute("update artifact_claims set expires_at = 1", &[])
    });
    expire.await.unwrap();
}

async fn two() -> Option<(TestServer, TestServer)> {
    let one = TestServer::start().await;
    let other = one.replica().await?;
    Some((one, other))
}

#[tokio::test]
async fn a_server_alone_has_every_job_from_the_start() {
    let server = TestServer::start().await;
    assert_eq!(tokens(&server), Vec::<i64>::new());
    server.app.leases.look().await.unwrap();
    assert_eq!(tokens(&server), [1; Task::ALL.len()]);
    server.app.leases.look().await.unwrap();
    assert_eq!(tokens(&server), [1; Task::ALL.len()]);
}

#[tokio::test]
async fn a_job_has_one_owner_until_that_one_renews_it_no_more() {
    let Some((one, other)) = two().await else {
        return;
    };
    one.app.leases.look().await.unwrap();
    other.app.leases.look().await.unwrap();
    assert_eq!(tokens(&one).len(), Task::ALL.len());
    assert_eq!(tokens(&other), Vec::<i64>::new());
    stand_still(&one).await;
    other.app.leases.look().await.unwrap();
    assert_eq!(tokens(&other), [2; Task::ALL.len()]);
    // It learns that it lost them when it looks, and not before.
    one.app.leases.look().await.unwrap();
    assert_eq!(tokens(&one), Vec::<i64>::new());
}

#[tokio::test]
async fn who_stops_gives_the_jobs_up_at_once() {
    let Some((one, other)) = two().await else {
        return;
    };
    let config = Config::with_defaults().unwrap();
    let jobs = Jobs::start(&one.app, &config.tracking);
    until(|| tokens(&one).len() == Task::ALL.len()).await;
    other.app.leases.look().await.unwrap();
    assert_eq!(tokens(&other), Vec::<i64>::new());
    jobs.stop().await;
    assert_eq!(tokens(&one), Vec::<i64>::new());
    other.app.leases.look().await.unwrap();
    assert_eq!(tokens(&other).len(), Task::ALL.len());
}

async fn until(holds: impl Fn() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !holds() {
        assert!(Instant::now() < deadline, "it never came");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Writes something as the owner of a job, and gives whether that was committed.
async fn works(server: &TestServer, tenure: Tenure) -> bool {
    let written = tenure
        .write(&server.app.db, |tx| {
            tx.execute(
                "update experiments set updated_at = updated_at where id = 0",
                &[],
            )
        })
        .await;
    match written {
        Ok(_) => true,
        Err(error) if error.code == Code::Conflict => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn an_owner_that_stood_still_and_wakes_up_writes_nothing() {
    let Some((one, other)) = two().await else {
        return;
    };
    one.app.leases.look().await.unwrap();
    let before = one.app.leases.tenure(Task::FOLD).unwrap();
    assert!(works(&one, before).await);
    stand_still(&one).await;
    // As long as nobody has taken over, the work is still its own.
    assert!(works(&one, before).await);
    other.app.leases.look().await.unwrap();
    let after = other.app.leases.tenure(Task::FOLD).unwrap();
    assert!(!works(&one, before).await);
    assert!(works(&other, after).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_a_job_over_while_its_owner_is_in_a_transaction() {
    let Some((one, other)) = two().await else {
        return;
    };
    one.app.leases.look().await.unwrap();
    let tenure = one.app.leases.tenure(Task::FOLD).unwrap();
    stand_still(&one).await;
    let (inside, wait) = tokio::sync::oneshot::channel();
    let (go, gate) = std::sync::mpsc::channel();
    let signals = std::sync::Mutex::new(Some((inside, gate)));
    let db = one.app.db.clone();
    let working = tokio::spawn(async move {
        let work = move |tx: &mut trackway::db::Tx<'_>| {
            tenure.check(tx)?;
            if let Some((inside, gate)) = signals.lock().unwrap().take() {
                inside.send(()).unwrap();
                gate.recv().unwrap();
            }
            Ok(())
        };
        db.write(work).await
    });
    wait.await.unwrap();
    other.app.leases.look().await.unwrap();
    assert_eq!(other.app.leases.tenure(Task::FOLD), None);
    assert!(other.app.leases.tenure(Task::SIGN).is_some());
    // Its owner may renew it meanwhile.
    one.app.leases.look().await.unwrap();
    assert_eq!(one.app.leases.tenure(Task::FOLD), Some(tenure));
    go.send(()).unwrap();
    working.await.unwrap().unwrap();
}

/// Adds a tag to a registered model, which is an event.
async fn change(server: &TestServer, value: &str) {
    let body = json!({ "name": "m", "key": "k", "value": value });
    let answer = server.post("registered-models/set-tag", body).await;
    answer.ok();
}

fn values(receiver: &Receiver) -> Vec<String> {
    let letters = receiver.take();
    let value = |letter: &crate::webhooks::receiver::Letter| {
        letter.json()["data"]["value"].as_str().unwrap().to_owned()
    };
    letters.iter().map(value).collect()
}

#[tokio::test]
async fn what_an_earlier_owner_records_late_of_a_delivery_is_left_out() {
    let (one, receiver, id) = connected(&["registered_model_tag.set"]).await;
    let Some(other) = one.replica().await else {
        return;
    };
    let model = json!({ "name": "m" });
    one.post("registered-models/create", model).await.ok();
    change(&one, "1").await;
    one.app.leases.look().await.unwrap();
    let token = one.app.leases.tenure(Task::DELIVER).unwrap().token;
    let now = one.app.clock.now();
    let claim = Claim {
        now,
        until: now + 10_000,
        token,
        room: 10,
        room_for_each: 5,
        under_way: Default::default(),
    };
    let claiming = one.app.db.write(move |tx| sending::claim(tx, &claim));
    let claimed = claiming.await.unwrap();
    let refused = trackway::jobs::deliver::deliver_due(&other.app).await;
    assert_eq!(refused.unwrap_err().code, Code::Conflict);
    stand_still(&one).await;
    assert_eq!(deliver(&other).await, 1);
    assert_eq!(values(&receiver), ["1"]);
    let late = Made {
        delivery_id: claimed[0].id,
        token,
        sent_at: now,
        now,
        attempt: Attempt {
            status: Some(500),
            ..Attempt::default()
        },
        request_headers: "{}".into(),
        request_digest: String::new(),
        jitter: 0.0,
    };
    let policy = one.app.settings.events.policy;
    let recording = one
        .app
        .db
        .write(move |tx| sending::record(tx, policy, &late));
    recording.await.unwrap();
    let path = format!("/api/1.0/webhooks/{id}/deliveries");
    let page: Json = other.get(&path).await.ok();
    assert_eq!(page["deliveries"][0]["state"], "delivered");
    assert_eq!(page["deliveries"][0]["attempts"], 1, "{page}");
    assert_eq!(deliver(&other).await, 0);
}

#[tokio::test]
async fn files_of_a_server_that_died_become_free() {
    let Some((one, other)) = two().await else {
        return;
    };
    let folder = Spot::new(std::path::Path::new("1/run/artifacts"));
    let file = Spot::new(std::path::Path::new("1/run/artifacts/model/x"));
    let held = one.app.claim(&folder).await.unwrap();
    let proof = held.proof();
    let waiting = tokio::spawn({
        let (app, file) = (other.app.clone(), file.clone());
        async move { app.claim(&file).await }
    });
    let elsewhere = Spot::new(std::path::Path::new("1/run/other"));
    drop(other.app.claim(&elsewhere).await.unwrap());
    assert!(!waiting.is_finished());
    assert!(
        one.app
            .db
            .write(move |tx| proof.is_alive(tx))
            .await
            .unwrap()
    );
    stand_still(&one).await;
    let taken = waiting.await.unwrap().unwrap();
    let lost = one.app.db.write(move |tx| proof.is_alive(tx));
    assert!(!lost.await.unwrap());
    let proof = taken.proof();
    let alive = other.app.db.write(move |tx| proof.is_alive(tx));
    assert!(alive.await.unwrap());
    // What is given back leaves nothing behind.
    drop((held, taken));
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let left = one.app.db.read(|tx| {
            tx.query_one("select count(*) from artifact_claims", &[], |row| {
                row.get::<i64>(0)
            })
        });
        if left.await.unwrap() == 0 {
            return;
        }
        assert!(Instant::now() < deadline, "a claim was not given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn four_servers_start_together_on_an_empty_database() {
    let Some(database) = TestDatabase::create_empty().await else {
        return;
    };
    let starting: Vec<_> = (0..4)
        .map(|_| {
            let url = database.url.clone();
            tokio::spawn(async move {
                let folder = tempfile::tempdir().unwrap();
                let mut config = Config::with_defaults().unwrap();
                config.server.data_dir = folder.path().to_owned();
                config.database.url = url;
                config.database.pool = 2;
                let opened = trackway::server::open(&config, Clock::system(), Ids::random()).await;
                (opened.unwrap(), folder)
            })
        })
        .collect();
    let mut apps = Vec::new();
    for start in starting {
        apps.push(start.await.unwrap());
    }
    let count = |sql: &'static str| {
        let db = apps[0].0.db.clone();
        async move {
            let read = db.read(move |tx| tx.query_one(sql, params![], |row| row.get::<i64>(0)));
            read.await.unwrap()
        }
    };
    // Each has a key of its own, and all are known.
    assert_eq!(count("select count(*) from audit_keys").await, 4);
    assert_eq!(count("select count(*) from experiments").await, 1);
    // No step was applied twice, and none is missing.
    let steps = count("select count(*) from schema_steps").await;
    assert_eq!(
        count("select count(distinct version) from schema_steps").await,
        steps
    );
    assert_eq!(count("select max(version) from schema_steps").await, steps);
    let state = apps[0].0.db.migration_state().await.unwrap();
    assert_eq!(state.pending, [] as [String; 0]);
}

#[tokio::test]
async fn heads_that_different_servers_signed_are_all_believed() {
    let Some((one, other)) = two().await else {
        return;
    };
    let mut known = Vec::new();
    for server in [&one, &other] {
        server.experiment(&format!("e{}", known.len())).await;
        let told = server.get("/api/1.0/audit/head").await.ok();
        known.push(told["checkpoint"].clone());
    }
    assert_ne!(known[0], known[1]);
    let keys = other.get("/api/1.0/audit/head").await.ok()["keys"].clone();
    let keys: Vec<_> = keys
        .as_array()
        .unwrap()
        .iter()
        .map(|key| PublicKey::from_pem(key["public_key"].as_str().unwrap()).unwrap())
        .collect();
    assert_eq!(keys.len(), 2);
    for note in &known {
        let note = note.as_str().unwrap();
        assert!(Head::open(note, &keys).is_ok());
        // Each was signed by one of them.
        let signers = keys
            .iter()
            .filter(|key| Head::open(note, &[(*key).clone()]).is_ok());
        assert_eq!(signers.count(), 1);
    }
}
