//! What registering a version finds out about its files.

use super::{Logged, file_line, sha256, text};
use crate::server::{START_MS, TestServer};
use serde_json::{Value as Json, json};
use std::time::{SystemTime, UNIX_EPOCH};

#[tokio::test]
async fn a_version_has_the_digests_of_its_files() {
    let logged = Logged::start().await;
    logged
        .store(&[
            ("model/model.pkl", "weights"),
            ("model/MLmodel", "flavors: {}"),
            ("model/data/a%20b.csv", ""),
            ("model2/MLmodel", "another"),
            ("model.txt", "beside"),
        ])
        .await;
    let version = logged.register("model").await;
    let lines = [
        file_line("MLmodel", "flavors: {}"),
        file_line("data/a b.csv", ""),
        file_line("model.pkl", "weights"),
    ];
    assert_eq!(logged.lines(&version).await, lines.concat());
    assert_eq!(
        logged.manifest(&version).await,
        json!({
            "name": "churn",
            "version": "1",
            "state": "frozen",
            "digest": sha256(&lines.concat()),
            "files": 3,
            "bytes": 18,
            "note": "",
            "created_at": START_MS,
            "verified_at": null,
            "verified": null,
        })
    );
}

/// Sets the clock of a test to that of the machine, which dates the files.
fn catch_up(server: &TestServer) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    server.advance(now.as_millis() as i64 - START_MS + 60_000);
}

#[tokio::test]
async fn recorded_digests_are_taken_for_files_that_nobody_touched_since() {
    let logged = Logged::start_in_folder().await;
    catch_up(&logged.server);
    logged
        .store(&[("model/a", "one"), ("model/b", "two"), ("model/c", "three")])
        .await;
    // What is recorded is taken without a look at the file.
    let path = logged.at("model/a");
    let write = logged.server.app.db.write(move |tx| {
        tx.execute(
            "update artifacts set sha256 = 'recorded' where path = $1",
            trackway::params![&path],
        )
    });
    write.await.unwrap();
    // Another size is another file, and so is one that was written to later.
    std::fs::write(logged.on_disk("model/b"), "longer").unwrap();
    std::fs::write(logged.on_disk("model/c"), "THREE").unwrap();
    let later = SystemTime::now() + std::time::Duration::from_secs(120);
    let file = std::fs::File::options();
    let file = file
        .clone()
        .write(true)
        .open(logged.on_disk("model/c"))
        .unwrap();
    file.set_modified(later).unwrap();
    std::fs::write(logged.on_disk("model/d"), "by hand").unwrap();
    let version = logged.register("model").await;
    let lines = [
        "recorded  3  a\n".to_owned(),
        file_line("b", "longer"),
        file_line("c", "THREE"),
        file_line("d", "by hand"),
    ];
    assert_eq!(logged.lines(&version).await, lines.concat());
}

#[tokio::test]
async fn files_of_an_allowed_local_root_are_read() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().canonicalize().unwrap();
    let allowed = folder.clone();
    let server = TestServer::start_with(|config| {
        config.artifacts.allowed_local_roots = vec![allowed.display().to_string()];
    })
    .await;
    let location = folder.join("exp").display().to_string();
    let body = json!({ "name": "local", "artifact_location": location });
    let experiment = server.post("experiments/create", body).await.ok();
    let run_id = server.run(&text(&experiment["experiment_id"])).await;
    let mut logged = Logged::on(server).await;
    logged.run_id = run_id.clone();
    let files = folder.join(format!("exp/{run_id}/artifacts/model"));
    std::fs::create_dir_all(files.join("data")).unwrap();
    std::fs::write(files.join("MLmodel"), "x").unwrap();
    std::fs::write(files.join("data/w"), "y").unwrap();
    let lines = [file_line("MLmodel", "x"), file_line("data/w", "y")].concat();
    for source in [
        files.display().to_string(),
        format!("file://{}", files.display()),
        format!("runs:/{run_id}/model"),
    ] {
        let created = logged.try_register(&source).await.ok();
        let version = text(&created["model_version"]["version"]);
        assert_eq!(logged.lines(&version).await, lines, "{source}");
        assert_eq!(logged.manifest(&version).await["digest"], sha256(&lines));
    }
    let one = files.join("data/w").display().to_string();
    let created = logged.try_register(&one).await.ok();
    let version = text(&created["model_version"]["version"]);
    assert_eq!(logged.lines(&version).await, file_line("w", "y"));
}

#[tokio::test]
async fn the_source_of_a_version_may_be_one_file() {
    let logged = Logged::start().await;
    logged
        .store(&[("a/model.pkl", "x"), ("a/other", "y")])
        .await;
    let version = logged.register("a/model.pkl").await;
    assert_eq!(logged.lines(&version).await, file_line("model.pkl", "x"));
    assert_eq!(logged.put("a/model.pkl", "z").await.status, 409);
    logged
        .store(&[("a/model.pkl", "x"), ("a/other", "z")])
        .await;
    assert_eq!(logged.verify(&version).await.ok()["result"], "intact");
}

#[tokio::test]
async fn a_version_whose_files_are_out_of_reach_says_why_it_has_no_digest() {
    let logged = Logged::start().await;
    let model = json!({ "name": "prompt", "tags": [{ "key": "mlflow.prompt.is_prompt", "value": "true" }] });
    logged
        .server
        .post("registered-models/create", model)
        .await
        .ok();
    let note = async |body: Json| {
        let name = text(&body["name"]);
        let created = logged.server.post("model-versions/create", body).await.ok();
        let version = text(&created["model_version"]["version"]);
        let path = format!("/api/1.0/models/{name}/versions/{version}");
        let manifest = logged.server.get(&format!("{path}/manifest")).await.ok();
        assert_eq!(
            (&manifest["state"], &manifest["digest"]),
            (&json!("unmanaged"), &Json::Null)
        );
        assert_eq!(manifest["files"], 0);
        let verify = logged
            .server
            .post(&format!("{path}/verify"), json!({}))
            .await;
        assert_eq!(verify.refused().1, "INVALID_STATE");
        text(&manifest["note"])
    };
    let of = |source: &str| json!({ "name": "churn", "source": source, "run_id": logged.run_id });
    let mut notes = Vec::new();
    for source in ["s3://bucket/model", "dbfs:/model"] {
        notes.push(note(json!({ "name": "churn", "source": source })).await);
    }
    notes.push(note(of(&format!("runs:/{}/nothing", logged.run_id))).await);
    let unknown = json!({ "name": "churn", "source": "runs:/unknown/model", "run_id": "unknown" });
    notes.push(note(unknown).await);
    notes.push(
        note(json!({
            "name": "prompt",
            "source": "dummy-source",
            "tags": [{ "key": "mlflow.prompt.is_prompt", "value": "true" }],
        }))
        .await,
    );
    insta::assert_snapshot!(notes.join("\n"), @"
    This server does not reach artifacts at 's3://bucket/model'; read and write them there directly. The operator may allow it by artifacts.allowed_stores.
    This server does not reach artifacts at 'dbfs:/model'; read and write them there directly.
    There were no files at 'mlflow-artifacts:/1/00000000000000000000000000000003/artifacts/nothing'.
    No run is known for 'runs:/unknown/model'.
    A prompt has no files.
    ");
    // A copy of a version without a digest has none either, and says the same.
    assert_eq!(
        note(json!({ "name": "churn", "source": "models:/churn/1" })).await,
        notes[0]
    );
}

#[tokio::test]
async fn a_copy_has_the_manifest_of_its_original() {
    let logged = Logged::start_in_folder().await;
    logged.store(&[("model/MLmodel", "x")]).await;
    logged.register("model").await;
    logged
        .server
        .post("registered-models/create", json!({ "name": "copy" }))
        .await
        .ok();
    // Even what was tampered with since is not taken for the original.
    std::fs::write(logged.on_disk("model/MLmodel"), "tampered").unwrap();
    let body = json!({ "name": "copy", "source": "models:/churn/1" });
    logged.server.post("model-versions/create", body).await.ok();
    let manifest = logged
        .server
        .get("/api/1.0/models/copy/versions/1/manifest")
        .await
        .ok();
    assert_eq!(manifest["digest"], sha256(&file_line("MLmodel", "x")));
    let verify = "/api/1.0/models/copy/versions/1/verify";
    assert_eq!(
        logged.server.post(verify, json!({})).await.ok()["result"],
        "broken"
    );
}

#[tokio::test]
async fn files_are_listed_in_pages() {
    let logged = Logged::start().await;
    logged
        .store(&[("m/b", "1"), ("m/a/c", "2"), ("m/a.txt", "3"), ("m/B", "4")])
        .await;
    logged.register("m").await;
    let path = "/api/1.0/models/churn/versions/1/files";
    let mut seen = Vec::new();
    let mut token = String::new();
    loop {
        let query = format!("{path}?max_results=3&page_token={token}");
        let page = logged.server.get(&query).await.ok();
        let files = page["files"].as_array().unwrap();
        seen.extend(files.iter().map(|file| text(&file["path"])));
        match page["next_page_token"].as_str() {
            Some(next) => token = next.replace('=', "%3D"),
            None => break,
        }
    }
    assert_eq!(seen, ["B", "a.txt", "a/c", "b"]);
    for (query, status) in [
        ("max_results=0", 400),
        ("max_results=1001", 400),
        ("page_token=x", 400),
    ] {
        let answer = logged.server.get(&format!("{path}?{query}")).await;
        assert_eq!(answer.refused().0, status, "{query}");
    }
    for (version, status) in [("2", 404), ("x", 400)] {
        for what in ["manifest", "files"] {
            let path = format!("/api/1.0/models/churn/versions/{version}/{what}");
            assert_eq!(logged.server.get(&path).await.refused().0, status, "{path}");
        }
        assert_eq!(logged.verify(version).await.refused().0, status);
    }
}

#[tokio::test]
async fn the_manifests_of_a_deleted_model_go_with_it() {
    let logged = Logged::start().await;
    logged.store(&[("model/MLmodel", "x")]).await;
    logged.register("model").await;
    let body = json!({ "name": "churn" });
    let deleted = logged
        .server
        .send_json("DELETE", "registered-models/delete", body.clone())
        .await;
    deleted.ok();
    logged.store(&[("model/MLmodel", "y")]).await;
    logged
        .server
        .post("registered-models/create", body)
        .await
        .ok();
    // The version may get the id of the deleted one.
    let version = logged.register("model").await;
    assert_eq!(logged.lines(&version).await, file_line("MLmodel", "y"));
}
