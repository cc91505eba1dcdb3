use super::{printed, run};
use crate::server::TestServer;
use serde_json::{Value as Json, json};

/// Two versions of one model: another commit, another value of a metric, another file.
async fn two() -> (TestServer, Vec<String>) {
    let server = TestServer::start().await;
    server
        .post("registered-models/create", json!({ "name": "churn" }))
        .await
        .ok();
    let mut paths = Vec::new();
    for (commit, auc) in [("0123abc", 0.90), ("4567def", 0.92)] {
        let run = server.run("0").await;
        let whole = server.whole_run(&run).await;
        let root = whole["info"]["artifact_uri"].as_str().unwrap().to_owned();
        let folder = root.strip_prefix("mlflow-artifacts:/").unwrap().to_owned();
        let batch = json!({ "run_id": run,
            "params": [{ "key": "depth", "value": "3" }],
            "tags": [{ "key": "mlflow.source.git.commit", "value": commit }],
            "metrics": [{ "key": "auc", "value": auc, "timestamp": 1, "step": 0 }] });
        server.post("runs/log-batch", batch).await.ok();
        let path = format!("{folder}/model/weights.bin");
        assert_eq!(server.put_file(&path, commit).await.status, 200);
        paths.push(path);
        let body = json!({ "name": "churn", "source": format!("{root}/model"), "run_id": run });
        server.post("model-versions/create", body).await.ok();
    }
    (server, paths)
}

#[tokio::test(flavor = "multi_thread")]
async fn people_compare_two_versions() {
    let (server, _) = two().await;
    let mut told = String::new();
    for line in ["models diff churn 1 2", "models diff churn 1 latest --full"] {
        told.push_str(&format!("$ {line}\n{}", printed(&server, line).await));
    }
    // Ids of runs and models' folders hold counters, digests do not change.
    insta::assert_snapshot!(told, @r"
    $ models diff churn 1 2
    1 of 1 metrics differ from churn/1 to churn/2: auc 0.9 -> 0.92 (+2.2 %).
    They may predict differently. What differs, the likeliest cause first: code.
    The code differs: commit 0123abc -> 4567def.
    The files differ: weights.bin.
    The params are the same: 1 of 1.
    Whether the data is the same is not known: churn/1 and churn/2 record no dataset.
    Whether the packages are the same is not known: churn/1 and churn/2 record no packages.
    Whether chance began at the same point is not known: churn/1 and churn/2 record no seed.
    Whether the signature is the same is not known: churn/1 and churn/2 record no signature.
    $ models diff churn 1 latest --full
    1 of 1 metrics differ from churn/1 to churn/2: auc 0.9 -> 0.92 (+2.2 %).
    They may predict differently. What differs, the likeliest cause first: code.
    The code differs: commit 0123abc -> 4567def.
    The files differ: weights.bin.
    The params are the same: 1 of 1.
    Whether the data is the same is not known: churn/1 and churn/2 record no dataset.
    Whether the packages are the same is not known: churn/1 and churn/2 record no packages.
    Whether chance began at the same point is not known: churn/1 and churn/2 record no seed.
    Whether the signature is the same is not known: churn/1 and churn/2 record no signature.

    metrics: 0 equal
      auc  changed  0.9  0.92  delta +0.02

    datasets: 0 equal

    code: 0 equal
      commit  changed  0123abc  4567def

    packages: 0 equal (No packages are known of a and b.)

    environment: 0 equal

    seeds: 0 equal

    params: 1 equal

    signature: 0 equal (Neither has a signature.)

    files: 0 equal
      weights.bin  changed  d22ec3d900a8a525d81d390fe519c894a3890b5578ab2f2a975239f247cad0bf  38c9d25001fefe0aa157260b3a1fa11fb4e77691d5be45411c45b8f8bdfde3d2

    flavors: 0 equal

    run_tags: 0 equal

    version_tags: 0 equal

    origin: 3 equal
      files  changed  mlflow-artifacts:/0/00000000000000000000000000000003/artifacts/model  mlflow-artifacts:/0/00000000000000000000000000000009/artifacts/model
      run    changed  00000000000000000000000000000003                                      00000000000000000000000000000009
    ");
    let json = printed(&server, "models diff churn 1 2 --json").await;
    let json: Json = serde_json::from_str(&json).unwrap();
    assert_eq!(json["metrics"]["differ"][0]["key"], "auc");
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_files_are_told_and_exit_with_one() {
    let (server, paths) = two().await;
    let told = printed(&server, "models verify churn/1").await;
    assert!(
        told.starts_with("churn/1 is what was registered: 1 file, 7 bytes, digest "),
        "{told}"
    );
    let file = server.folder.path().join("artifacts").join(&paths[0]);
    std::fs::write(&file, "tampered").unwrap();
    let outcome = run(&server, "models verify churn/1").await;
    assert_eq!(outcome.exit, 1, "{outcome:?}");
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(
        lines[1].starts_with("weights.bin  changed  "),
        "{outcome:?}"
    );
    assert!(lines[2].starts_with("churn/1 is not what was registered: 1 file differs."));
    std::fs::remove_file(&file).unwrap();
    let outcome = run(&server, "models verify churn/1 --json").await;
    assert_eq!(outcome.exit, 1);
    let answer: Json = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(answer["missing"][0]["path"], "weights.bin");
    assert!(
        printed(&server, "models verify churn/2")
            .await
            .contains("is what was registered")
    );
    printed(&server, "models alias set churn champion 2").await;
    assert!(
        printed(&server, "models verify churn@champion")
            .await
            .starts_with("churn/2 is what was registered")
    );
    let shown = printed(&server, "models show churn/1").await;
    assert!(shown.contains("verified  broken at 2023-"), "{shown}");
    let outcome = run(&server, "models verify churn").await;
    assert_eq!(outcome.exit, 2);
    assert!(
        outcome
            .stderr
            .contains("it names no version of a model. Write it as NAME/VERSION"),
        "{outcome:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_resolver_and_consumers_are_shown() {
    let (server, _) = two().await;
    let facts = printed(&server, "models facts churn/2").await;
    assert!(
        facts.contains("4567def") && facts.contains("missing dataset: "),
        "{facts}"
    );
    printed(&server, "models alias set churn champion 2").await;
    let told = printed(&server, "models resolve models:/churn@champion").await;
    let version = told.lines().find(|line| line.starts_with("version "));
    assert!(version.is_some_and(|line| line.ends_with(" 2")), "{told}");
    let body = json!({ "consumer": "scorer", "uri": "models:/churn@champion",
        "state": "loaded", "loaded_version": "1" });
    server
        .send_json("POST", "/api/1.0/consumers", body)
        .await
        .ok();
    insta::assert_snapshot!(printed(&server, "models consumers churn").await, @r"
    CONSUMER  INSTANCE  URI                     STATUS  DESIRED  LOADED  SINCE                 REASON
    scorer              models:/churn@champion  behind  2        1       2023-11-14T22:13:20Z  It serves version 1 and should serve 2.
    ");
}
