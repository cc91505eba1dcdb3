use super::facts::{put, register, trained};
use super::{model, point, stage, version};
use crate::server::TestServer;
use serde_json::{Value as Json, json};

async fn diff(server: &TestServer, query: &str) -> Json {
    let path = format!("/api/1.0/models/m/diff?{query}");
    server.get(&path).await.ok()
}

/// Registers two versions with the same metrics, whose data, commit and packages differ.
async fn two(server: &TestServer) {
    model(server, "m").await;
    for (digest, commit, numpy) in [("aa", "0123", "1.26.4"), ("bb", "4567", "2.1.0")] {
        let run = trained(server, digest).await;
        let body = json!({ "run_id": run.1,
            "tags": [{"key": "mlflow.source.git.commit", "value": commit}] });
        server.post("runs/log-batch", body).await.ok();
        put(
            server,
            &run,
            (
                "model/requirements.txt",
                &format!("numpy=={numpy}\nsix==1.0\n"),
            ),
        )
        .await;
        register(server, "m", &run.1).await;
    }
}

#[tokio::test]
async fn equal_metrics_and_other_predictions_are_explained_by_data_code_and_packages() {
    let server = TestServer::start().await;
    two(&server).await;
    let answer = diff(&server, "a=1&b=2").await;
    let summary = serde_json::to_string_pretty(&answer["summary"]).unwrap();
    insta::assert_snapshot!(summary, @r#"
    [
      "m/1 and m/2 have the same metrics: 1 of 1 are equal.",
      "Although the metrics are equal, they may predict differently. What differs, the likeliest cause first: data, code, environment.",
      "The data differs: train (training) aa -> bb.",
      "The code differs: commit 0123 -> 4567.",
      "The environment differs: numpy 1.26.4 -> 2.1.0.",
      "The seeds are the same.",
      "The params are the same: 2 of 2.",
      "Whether the signature is the same is not known: m/1 and m/2 record no signature.",
      "Whether the files are the same is not known: m/1 and m/2 have none but those that describe the model."
    ]
    "#);
    for (section, expected) in [
        ("metrics", json!([])),
        (
            "datasets",
            json!([{"key": "train (training)", "change": "changed", "a": "aa", "b": "bb"}]),
        ),
        (
            "code",
            json!([{"key": "commit", "change": "changed", "a": "0123", "b": "4567"}]),
        ),
        (
            "packages",
            json!([{"key": "numpy", "change": "changed", "a": "1.26.4", "b": "2.1.0"}]),
        ),
        ("params", json!([])),
        ("seeds", json!([])),
    ] {
        assert_eq!(answer[section]["differ"], expected, "{section}");
    }
    assert_eq!(answer["metrics"]["equal"], 1);
    assert_eq!(answer["packages"]["equal"], 1);
    assert_eq!(answer["a"]["version"], "1");
    assert_eq!(answer["b"]["run_id"].as_str().unwrap().len(), 32);
}

#[tokio::test]
async fn files_are_compared_by_their_digests() {
    let server = TestServer::start().await;
    model(&server, "m").await;
    for (digest, weights, numpy) in [("aa", "w1", "1"), ("bb", "w1", "2"), ("cc", "w2", "2")] {
        let run = trained(&server, digest).await;
        put(&server, &run, ("model/model.pkl", weights)).await;
        put(
            &server,
            &run,
            ("model/requirements.txt", &format!("numpy=={numpy}")),
        )
        .await;
        register(&server, "m", &run.1).await;
    }
    let answer = diff(&server, "a=1&b=2").await;
    assert_eq!(
        answer["summary"][1],
        "The files are the same, so only the environment can make them predict differently."
    );
    assert_eq!(answer["files"]["equal"], 1);
    assert_eq!(answer["files"]["differ"][0]["key"], "requirements.txt");
    let answer = diff(&server, "a=2&b=3").await;
    let files = answer["files"]["differ"].as_array().unwrap();
    assert_eq!((files.len(), &files[0]["key"]), (1, &json!("model.pkl")));
    assert_eq!(files[0]["a"].as_str().unwrap().len(), 64);
    let causes = answer["causes"].as_array().unwrap();
    let last = &causes[causes.len() - 1];
    assert_eq!(
        last,
        &json!({"area": "files", "verdict": "differs", "sentence": "The files differ: model.pkl."})
    );
}

#[tokio::test]
async fn versions_are_named_by_number_alias_stage_latest_or_another_model() {
    let server = TestServer::start().await;
    two(&server).await;
    model(&server, "other").await;
    version(&server, "other").await;
    point(&server, "m", ("champion", "1"), "first").await;
    stage(&server, "m", "1", "Production").await;
    for (query, expected) in [
        ("a=1&b=2", ("m/1", "m/2")),
        ("a=@champion&b=latest", ("m/1", "m/2")),
        ("a=%40champion&b=production", ("m/1", "m/1")),
        ("a=other/1&b=models:/m@champion", ("other/1", "m/1")),
        ("a=other/latest&b=m/Production", ("other/1", "m/1")),
    ] {
        let answer = diff(&server, query).await;
        let name = |side: &str| {
            let text = |field: &str| answer[side][field].as_str().unwrap().to_owned();
            format!("{}/{}", text("model"), text("version"))
        };
        assert_eq!((&*name("a"), &*name("b")), expected, "{query}");
    }
}

#[tokio::test]
async fn a_version_does_not_differ_from_itself() {
    let server = TestServer::start().await;
    two(&server).await;
    let answer = diff(&server, "a=1&b=1").await;
    for (name, section) in answer.as_object().unwrap() {
        if let Some(rows) = section["differ"].as_array() {
            assert_eq!(rows.len(), 0, "{name}");
        }
    }
}

#[tokio::test]
async fn what_names_no_version_is_refused() {
    let server = TestServer::start().await;
    two(&server).await;
    let mut told = Vec::new();
    for query in [
        "a=1",
        "b=1",
        "a=&b=1",
        "a=1&b=a/b/c",
        "a=1&b=@",
        "a=1&b=9",
        "a=1&b=@zz",
        "a=1&b=Staging",
        "a=1&b=nostage",
        "a=1&b=zz/1",
    ] {
        let path = format!("/api/1.0/models/m/diff?{query}");
        let (status, _, message) = server.get(&path).await.refused();
        told.push(format!("{query}: {status} {message}"));
    }
    insta::assert_snapshot!(told.join("\n"), @r#"
    a=1: 400 Missing value for required parameter 'b'. See the API docs for more information about request parameters.
    b=1: 400 Missing value for required parameter 'a'. See the API docs for more information about request parameters.
    a=&b=1: 400 Missing value for required parameter 'a'. See the API docs for more information about request parameters.
    a=1&b=a/b/c: 400 The parameter b names a version as 3, @champion, Production or latest, with other-model/ before it for a version of another model, and is 'a/b/c'.
    a=1&b=@: 400 The parameter b names a version as 3, @champion, Production or latest, with other-model/ before it for a version of another model, and is '@'.
    a=1&b=9: 404 Model Version (name=m, version=9) not found
    a=1&b=@zz: 400 Registered model alias zz not found.
    a=1&b=Staging: 404 No version of the registered model 'm' is in the stage Staging.
    a=1&b=nostage: 400 Invalid Model Version stage: nostage. Value must be one of None, Staging, Production, Archived.
    a=1&b=zz/1: 404 Model Version (name=zz, version=1) not found
    "#);
}
