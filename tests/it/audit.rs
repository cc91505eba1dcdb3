//! The audit log: what gets into it, what does not, its proofs, and how tampering shows.

use crate::server::{START_MS, TestServer};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};
use trackway::audit::check::{Check, Finding, Report};
use trackway::audit::checkpoint::{self, Head};
use trackway::audit::key::PublicKey;
use trackway::audit::log;
use trackway::audit::tree::{self, Hash};
use trackway::db::{Tx, Value};
use trackway::http::router;
use trackway::http::wire::audit::{HeadReply, HeadsReply, RecordsReply, decode};
use trackway::params;

/// Gives the entries, oldest first, without the one about the key.
async fn entries(server: &TestServer) -> Vec<Json> {
    let found = server
        .get("/api/1.0/audit/entries?max_results=1000")
        .await
        .ok();
    let mut entries: Vec<Json> = found["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["entry"].clone())
        .filter(|entry| entry["action"] != "audit.introduce_key")
        .collect();
    entries.reverse();
    entries
}

fn lines(values: &[Json]) -> String {
    values.iter().map(|value| format!("{value}\n")).collect()
}

fn shown(entries: &[Json]) -> String {
    serde_json::to_string_pretty(entries).unwrap()
}

#[test]
fn every_route_that_changes_something_is_audited_and_no_other() {
    for route in router::table() {
        let audited = route.action.is_some();
        let told = format!("{} {} {}", route.method, route.path, route.access);
        assert_eq!(audited, route.access == "edit", "{told}");
    }
}

/// Asks every route that changes something for a thing that is not there.
#[tokio::test]
async fn every_route_that_changes_something_leaves_one_entry_for_each_request() {
    let server = TestServer::start().await;
    let mut tried = 0;
    for route in router::table() {
        let Some(action) = route.action else { continue };
        let before = entries(&server).await.len();
        let segments = route
            .path
            .split('/')
            .map(|segment| match segment.starts_with('{') {
                true => "nobody",
                false => segment,
            });
        let path = segments.collect::<Vec<_>>().join("/");
        let answer = server.send_json(route.method, &path, json!({})).await;
        let told = format!("{} {path}: {answer:?}", route.method);
        // A folder offers no multipart upload, so nothing was decided on.
        if answer.status == 501 {
            continue;
        }
        tried += 1;
        let entries = entries(&server).await;
        assert_eq!(entries.len(), before + 1, "{told}");
        let last = &entries[before];
        assert_eq!(last["action"], action, "{told}");
        assert_eq!(last["result"] == "refused", answer.status != 200, "{told}");
        assert_eq!(last["request_id"], answer.header("x-request-id"), "{told}");
    }
    assert!(tried > 80, "{tried}");
    assert_eq!(check(&server).await.findings, []);
}

#[tokio::test]
async fn a_change_tells_who_what_before_after_and_why() {
    let server = TestServer::start().await;
    server
        .post("registered-models/create", json!({ "name": "churn" }))
        .await
        .ok();
    for source in ["s3://b/1", "s3://b/2"] {
        let body = json!({ "name": "churn", "source": source });
        server.post("model-versions/create", body).await.ok();
    }
    for (version, why) in [("1", ""), ("2", "better%20recall")] {
        let body = json!({ "name": "churn", "alias": "champion", "version": version });
        let request = Request::post("/api/2.0/mlflow/registered-models/alias")
            .header("content-type", "application/json")
            .header("x-trackway-reason", why)
            .header("x-request-id", "req-7");
        let request = request.body(Body::from(body.to_string())).unwrap();
        server.send(request).await.ok();
    }
    let entries = entries(&server).await;
    assert_eq!(entries.len(), 5);
    insta::assert_snapshot!(shown(&entries[4..]), @r#"
    [
      {
        "action": "registered_model.set_alias",
        "actor": "anonymous",
        "at": 1700000000000,
        "changes": [
          {
            "after": "2",
            "before": "1",
            "change": "alias_set",
            "generation": 2,
            "key": "champion",
            "object": "model_version:churn/2"
          }
        ],
        "method": "POST",
        "object": "registered_model:churn",
        "path": "/api/2.0/mlflow/registered-models/alias",
        "reason": "better recall",
        "request": {
          "alias": "champion",
          "name": "churn",
          "version": "2"
        },
        "request_id": "req-7",
        "result": "done"
      }
    ]
    "#);
}

#[tokio::test]
async fn a_request_that_changes_nothing_says_so() {
    let server = TestServer::start().await;
    let id = server.experiment("e").await;
    let body = json!({ "experiment_id": id, "key": "k", "value": "v" });
    for expected in ["done", "unchanged"] {
        server
            .post("experiments/set-experiment-tag", body.clone())
            .await
            .ok();
        let entries = entries(&server).await;
        assert_eq!(entries.last().unwrap()["result"], expected);
    }
}

#[tokio::test]
async fn refusals_are_kept_with_their_reasons() {
    let server = TestServer::start().await;
    let body = json!({ "name": "nobody", "version": "4", "stage": "Production" });
    server
        .post("model-versions/transition-stage", body)
        .await
        .refused();
    server
        .post("registered-models/create", json!({}))
        .await
        .refused();
    server
        .send_text("POST", "runs/delete", "no json")
        .await
        .refused();
    let request = Request::post("/api/2.0/mlflow/registered-models/create")
        .header("content-type", "application/json")
        .header("x-trackway-reason", "%ff");
    let request = request
        .body(Body::from(json!({ "name": "m" }).to_string()))
        .unwrap();
    server.send(request).await.refused();
    let entries = entries(&server).await;
    let told: Vec<Json> = entries
        .iter()
        .map(|entry| {
            json!([
                entry["action"],
                entry["object"],
                entry["request"],
                entry["refusal"]
            ])
        })
        .collect();
    insta::assert_snapshot!(lines(&told), @r#"
    ["model_version.transition_stage","model_version:nobody/4",{"name":"nobody","stage":"Production","version":"4"},{"error_code":"RESOURCE_DOES_NOT_EXIST","message":"Model Version (name=nobody, version=4) not found","status":404}]
    ["registered_model.create","registered_model",null,{"error_code":"INVALID_PARAMETER_VALUE","message":"Missing value for required parameter 'name'. See the API docs for more information about request parameters.","status":400}]
    ["run.delete","run",null,{"error_code":"INVALID_PARAMETER_VALUE","message":"Missing value for required parameter 'run_id'. See the API docs for more information about request parameters.","status":400}]
    ["registered_model.create","registered_model",null,{"error_code":"INVALID_PARAMETER_VALUE","message":"The header x-trackway-reason is not percent-encoded UTF-8.","status":400}]
    "#);
}

#[tokio::test]
async fn logging_to_a_running_run_is_left_out_and_to_an_ended_one_is_not() {
    let server = TestServer::start().await;
    let run = server.run("0").await;
    let log = async |n: i64| {
        let metric = json!({ "run_id": run, "key": "m", "value": n, "timestamp": n, "step": n });
        server.post("runs/log-metric", metric).await.ok();
        let pair = json!({ "run_id": run, "key": format!("p{n}"), "value": "1" });
        server.post("runs/log-parameter", pair.clone()).await.ok();
        server.post("runs/set-tag", pair.clone()).await.ok();
        server.post("runs/delete-tag", pair).await.ok();
        let metric = json!({ "key": "n", "value": 1, "timestamp": 1, "step": 1 });
        let batch = json!({ "run_id": run, "metrics": [metric] });
        server.post("runs/log-batch", batch).await.ok();
        let refused = json!({ "run_id": run, "key": format!("p{n}"), "value": "2" });
        server.post("runs/log-parameter", refused).await.refused();
        let refused = json!({ "run_id": run, "key": "", "value": "2" });
        server.post("runs/set-tag", refused).await.refused();
    };
    log(1).await;
    let body = json!({ "run_id": run, "status": "FINISHED", "end_time": START_MS });
    server.post("runs/update", body).await.ok();
    log(2).await;
    let nowhere = json!({ "run_id": "nobody", "key": "k", "value": "1" });
    server.post("runs/set-tag", nowhere).await.refused();
    let entries = entries(&server).await;
    let told: Vec<String> = entries
        .iter()
        .map(|entry| match entry["result"] == "refused" {
            true => format!("{} refused: {}", entry["action"], entry["object"]),
            false => format!("{} {}", entry["action"], entry["changes"][0]["change"]),
        })
        .map(|line| line.replace(&run, "RUN"))
        .collect();
    insta::assert_snapshot!(told.join("\n"), @r#"
    "run.create" "run_created"
    "run.update" "run_updated"
    "run.log_metric" "run_logged_late"
    "run.log_param" "param_logged_late"
    "run.set_tag" "tag_set_late"
    "run.delete_tag" "tag_deleted_late"
    "run.log_batch" "run_logged_late"
    "run.log_param" refused: "run:RUN"
    "run.set_tag" refused: "run:RUN"
    "run.set_tag" refused: "run:nobody"
    "#);
}

#[tokio::test]
async fn entries_are_found_by_who_what_and_when() {
    let server = TestServer::start().await;
    for name in ["a", "b"] {
        server
            .post("registered-models/create", json!({ "name": name }))
            .await
            .ok();
        server
            .post("registered-models/create", json!({ "name": name }))
            .await
            .refused();
        server.advance(1_000);
    }
    let count = async |query: &str| {
        let path = format!("/api/1.0/audit/entries?{query}");
        server.get(&path).await.ok()["entries"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count("action=registered_model.create").await, 4);
    assert_eq!(count("object=registered_model:a").await, 2);
    assert_eq!(count("object=registered_model:a&result=refused").await, 1);
    let newest = server.get("/api/1.0/audit/entries").await.ok()["entries"][0].clone();
    let request = newest["entry"]["request_id"].as_str().unwrap();
    assert_eq!(count(&format!("request_id={request}")).await, 1);
    assert_eq!(count("request_id=of-nobody").await, 0);
    assert_eq!(count("actor=anonymous").await, 4);
    assert_eq!(
        count(&format!("actor=anonymous&since={}", START_MS + 1)).await,
        2
    );
    assert_eq!(count(&format!("actor=anonymous&until={START_MS}")).await, 2);
    let mut path = "/api/1.0/audit/entries?actor=anonymous&max_results=3".to_owned();
    let first = server.get(&path).await.ok();
    path.push_str(&format!(
        "&page_token={}",
        first["next_page_token"].as_str().unwrap()
    ));
    let second = server.get(&path).await.ok();
    assert_eq!(second["entries"].as_array().unwrap().len(), 1);
    assert_eq!(second["next_page_token"], Json::Null);
    let answer = server
        .get(&path.replace("actor=anonymous", "actor=x"))
        .await;
    assert!(answer.refused().2.contains("another search"));
    let answer = server.get("/api/1.0/audit/entries?result=fine").await;
    assert_eq!(
        answer.refused().2,
        "result is 'fine', and is one of done, unchanged, refused."
    );
}

/// Reads the signed head of now, and checks its signature.
async fn head(server: &TestServer) -> (Head, HeadReply) {
    let reply: HeadReply =
        serde_json::from_value(server.get("/api/1.0/audit/head").await.ok()).unwrap();
    let keys: Vec<PublicKey> = keys(&reply);
    (Head::open(&reply.head.checkpoint, &keys).unwrap(), reply)
}

fn keys(reply: &HeadReply) -> Vec<PublicKey> {
    let keys = reply.keys.iter();
    keys.map(|key| PublicKey::from_pem(&key.public_key).unwrap())
        .collect()
}

fn hashes(list: &Json) -> Vec<Hash> {
    let list = list.as_array().unwrap().iter();
    list.map(|hash| decode(hash.as_str().unwrap()).unwrap())
        .collect()
}

#[tokio::test]
async fn every_entry_is_proven_to_be_in_the_signed_tree() {
    let server = TestServer::start().await;
    let mut heads = vec![head(&server).await.0];
    for n in 0..20 {
        server.experiment(&format!("e{n}")).await;
        heads.push(head(&server).await.0);
    }
    let last = heads.last().unwrap();
    assert_eq!(last.size, 21);
    for position in 0..last.size {
        let path = format!("/api/1.0/audit/entries/{position}?tree_size={}", last.size);
        let entry = server.get(&path).await.ok();
        let leaf = tree::leaf_hash(entry["leaf"].as_str().unwrap().as_bytes());
        let proof = hashes(&entry["inclusion_path"]);
        assert!(tree::includes(
            leaf,
            (position, last.size),
            &proof,
            &last.root
        ));
    }
    for first in &heads {
        let sizes = format!("first={}&second={}", first.size, last.size);
        let path = format!("/api/1.0/audit/consistency?{sizes}");
        let proof = server.get(&path).await.ok();
        let proof = hashes(&proof["consistency_path"]);
        let (first, second) = ((first.size, &first.root), (last.size, &last.root));
        assert!(tree::is_consistent(first, second, &proof));
    }
    for wrong in [
        "entries/21",
        "entries/x",
        "entries/3?tree_size=3",
        "consistency?first=0",
        "consistency?first=22",
        "consistency",
    ] {
        server
            .get(&format!("/api/1.0/audit/{wrong}"))
            .await
            .refused();
    }
}

#[tokio::test]
async fn an_export_is_the_leaves_of_the_tree() {
    let server = TestServer::start().await;
    for n in 0..9 {
        server.experiment(&format!("e{n}")).await;
    }
    let text = server.get("/api/1.0/audit/export").await.text();
    let mut frontier = tree::Frontier::default();
    for line in text.lines() {
        frontier.push(tree::leaf_hash(line.as_bytes()));
    }
    assert_eq!(frontier.root(), head(&server).await.0.root);
    assert_eq!(
        server
            .get("/api/1.0/audit/export?from=8")
            .await
            .text()
            .lines()
            .count(),
        2
    );
}

#[tokio::test]
async fn racing_requests_get_an_entry_each() {
    let server = TestServer::start().await;
    let requests = (0..64).map(|n| {
        let body = json!({ "name": format!("m{}", n / 2) });
        server.post("registered-models/create", body)
    });
    futures_util::future::join_all(requests).await;
    let entries = entries(&server).await;
    let of = |result: &str| {
        entries
            .iter()
            .filter(|entry| entry["result"] == result)
            .count()
    };
    assert_eq!((of("done"), of("refused"), entries.len()), (32, 32, 64));
    assert_eq!(check(&server).await.findings, []);
}

/// Checks the log as a client does: with what the API tells, and its own arithmetic.
async fn check(server: &TestServer) -> Report {
    let reply: HeadReply =
        serde_json::from_value(server.get("/api/1.0/audit/head").await.ok()).unwrap();
    let mut check = Check::new(keys(&reply));
    let heads = server
        .get("/api/1.0/audit/heads?max_results=1000")
        .await
        .ok();
    let heads: HeadsReply = serde_json::from_value(heads).unwrap();
    for head in heads.heads {
        check.head(&head.into());
    }
    let records = server
        .get("/api/1.0/audit/records?max_results=1000")
        .await
        .ok();
    let records: RecordsReply = serde_json::from_value(records).unwrap();
    for record in records.records {
        check.entry(&record.into());
    }
    check.finish(reply.head.tree_size)
}

#[tokio::test]
async fn tampering_is_found_and_named() {
    let cases = [
        (
            "update audit_entries set entry = replace(entry, '\"e4\"', '\"x4\"') where position = $1",
            "5: the entry is not the one that was written",
        ),
        (
            "update audit_entries set entry = replace(entry, '}', ' }') where position = $1",
            "5: the entry is not the one that was written",
        ),
        (
            "update audit_entries set actor = 'eve' where position = $1",
            "5: the column actor says 'eve'",
        ),
        (
            "update audit_entries set at = at + 1 where position = $1",
            "5: the column at says",
        ),
        (
            "update audit_entries set result = 'refused' where position = $1",
            "5: the column result says",
        ),
        (
            "update audit_entries set leaf_hash = (select leaf_hash from audit_entries where
              position = 1) where position = $1",
            "5: the entry is not the one",
        ),
        (
            "delete from audit_entries where position = $1",
            "5: the entry is missing",
        ),
        (
            "delete from audit_entries where position >= $1",
            "5: the log says it has 9",
        ),
        (
            "update audit_heads set note = replace(note, 'trackway', 'trackwax') where size > $1",
            "-: the signed head of 9 entries",
        ),
    ];
    for (sql, expected) in cases {
        let server = TestServer::start().await;
        for n in 0..8 {
            server.experiment(&format!("e{n}")).await;
        }
        assert_eq!(check(&server).await.findings, []);
        let tampered = server.app.db.write(move |tx| tx.execute(sql, params![5]));
        assert!(tampered.await.unwrap() > 0, "{sql}");
        let report = check(&server).await;
        let told: Vec<String> = report
            .findings
            .iter()
            .map(|finding| {
                let position = finding.position.map(|position| position.to_string());
                format!("{}: {}", position.unwrap_or("-".into()), finding.what)
            })
            .collect();
        assert!(
            told.iter().any(|line| line.starts_with(expected)),
            "{sql}: {told:?}"
        );
    }
}

/// The columns of an entry that hold text.
const TEXTS: [&str; 6] = ["actor", "action", "object", "result", "request_id", "entry"];

/// One way of changing the entry at `TAMPERED` with a database tool.
struct Tampering {
    sql: String,
    value: Value<'static>,
}

const TAMPERED: u64 = 3;

/// Every single byte of an entry and of the columns beside it, changed in one bit.
fn tamperings(record: &log::Record, on_sqlite: bool) -> Vec<Tampering> {
    let set = |column: &str, to: &str, value: Value<'static>| Tampering {
        sql: format!("update audit_entries set {column} = {to} where position = $1"),
        value,
    };
    let mut all = Vec::new();
    for column in TEXTS {
        let text = match column {
            "actor" => &record.actor,
            "action" => &record.action,
            "object" => &record.object,
            "result" => &record.result,
            "request_id" => &record.request_id,
            _ => &record.leaf,
        };
        assert!(text.is_ascii() && !text.is_empty(), "{column}: {text}");
        for index in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[index] ^= 1;
            let valid = String::from_utf8(changed.clone()).unwrap();
            all.push(set(column, "$2", Value::from(valid)));
            // PostgreSQL lets nobody store text that is none.
            if on_sqlite {
                changed[index] ^= 0x81;
                all.push(set(
                    column,
                    "cast($2 as text)",
                    Value::Bytes(changed.into()),
                ));
            }
        }
    }
    for index in 0..record.leaf_hash.len() {
        let mut changed = record.leaf_hash.clone();
        changed[index] ^= 0x80;
        all.push(set("leaf_hash", "$2", Value::Bytes(changed.into())));
    }
    for bit in 0..41 {
        all.push(set("at", "$2", Value::Int(record.at.unwrap() ^ (1 << bit))));
    }
    for position in [1_000, i64::MAX, -4] {
        all.push(set("position", "$2", Value::Int(position)));
    }
    if on_sqlite {
        let text = || Value::from("1x");
        all.push(set("position", "$2", text()));
        all.push(set("at", "$2", text()));
        all.push(set("leaf_hash", "$2", text()));
    }
    all
}

#[tokio::test]
async fn every_changed_byte_of_an_entry_is_found_and_its_entry_named() {
    let server = TestServer::start().await;
    for n in 0..6 {
        server.experiment(&format!("e{n}")).await;
    }
    let on_sqlite = server.database_url().starts_with("sqlite");
    let try_all = move |tx: &mut Tx<'_>| {
        let record = log::read(tx, TAMPERED, 1)?.remove(0);
        let mut missed = Vec::new();
        for tampering in tamperings(&record, on_sqlite) {
            let row = params![TAMPERED as i64, tampering.value.clone()];
            assert_eq!(tx.execute(&tampering.sql, row)?, 1, "{}", tampering.sql);
            // The entries alone must tell; to check a signature for each change would take minutes.
            let mut check = Check::new(Vec::new());
            let records = log::read(tx, 0, 1_000)?;
            records.iter().for_each(|record| drop(check.entry(record)));
            let findings = check.finish(7).findings;
            let is_named = |finding: &Finding| finding.position == Some(TAMPERED);
            if !findings.iter().any(is_named) {
                missed.push(format!(
                    "{} {:?}: {findings:?}",
                    tampering.sql, tampering.value
                ));
            }
            tx.execute(
                "delete from audit_entries where position = $1 or position < 0 or position > 6",
                params![TAMPERED as i64],
            )?;
            tx.execute(
                "insert into audit_entries
                     (position, at, actor, action, object, result, request_id, entry, leaf_hash)
                 values ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
                params![
                    TAMPERED as i64,
                    record.at,
                    &record.actor,
                    &record.action,
                    &record.object,
                    &record.result,
                    &record.request_id,
                    &record.leaf,
                    &record.leaf_hash
                ],
            )?;
        }
        Ok(missed)
    };
    let missed = server.app.db.write(try_all).await.unwrap();
    assert_eq!(missed, Vec::<String>::new());
    assert_eq!(check(&server).await.findings, []);
}

/// Who can write to the database can make entry, hash and tree agree, but cannot sign them.
#[tokio::test]
async fn a_rewritten_log_does_not_agree_with_what_was_signed() {
    let server = TestServer::start().await;
    for n in 0..8 {
        server.experiment(&format!("e{n}")).await;
    }
    head(&server).await;
    let rewrite = |tx: &mut trackway::db::Tx<'_>| {
        let record = log::read(tx, 5, 1)?.remove(0);
        let leaf = record.leaf.replace("\"e4\"", "\"x4\"");
        assert_ne!(leaf, record.leaf);
        let hash = tree::leaf_hash(leaf.as_bytes());
        tx.execute(
            "update audit_entries set entry = $2, leaf_hash = $3 where position = $1",
            params![5, &leaf, &hash[..]],
        )
    };
    server.app.db.write(rewrite).await.unwrap();
    let findings = check(&server).await.findings;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert!(
        findings[0]
            .what
            .contains("the root is not the one that was signed")
    );
}

#[tokio::test]
async fn a_head_is_signed_once_for_each_size() {
    let server = TestServer::start().await;
    let first = head(&server).await.1.head.checkpoint;
    assert_eq!(head(&server).await.1.head.checkpoint, first);
    assert!(!server.app.db.read(checkpoint::is_due).await.unwrap());
    server.experiment("e").await;
    assert!(server.app.db.read(checkpoint::is_due).await.unwrap());
    assert_ne!(head(&server).await.1.head.checkpoint, first);
}
