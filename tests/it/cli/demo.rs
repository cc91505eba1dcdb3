use super::{printed, run};
use crate::server::TestServer;
use serde_json::{Value as Json, json};

async fn demo(line: &str) -> (TestServer, Json) {
    let server = TestServer::start().await;
    let told = printed(&server, line).await;
    (server, serde_json::from_str(&told).unwrap())
}

async fn experiments(server: &TestServer) -> Vec<Json> {
    let body =
        json!({ "max_results": 100, "filter": "name != 'Default'", "order_by": ["name ASC"] });
    let found = server.post("experiments/search", body).await.ok();
    found["experiments"].as_array().unwrap().clone()
}

/// Gives the runs of an experiment without what differs between two servers.
async fn runs(server: &TestServer, experiment: &Json) -> Vec<Json> {
    let body = json!({
        "experiment_ids": [experiment["experiment_id"]], "max_results": 1000,
        "order_by": ["attributes.run_name ASC"],
    });
    let found = server.post("runs/search", body).await.ok();
    let runs = found["runs"].as_array().unwrap().iter();
    let mut told: Vec<Json> = runs
        .map(|run| {
            let metrics = run["data"]["metrics"].as_array().into_iter().flatten();
            let metrics: Vec<Json> = metrics
                .map(|one| json!([one["key"], one["value"], one["step"]]))
                .collect();
            json!([
                run["info"]["run_name"],
                run["info"]["status"],
                run["data"]["params"],
                metrics
            ])
        })
        .collect();
    told.sort_by_key(Json::to_string);
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn a_company_is_made_up_once() {
    let (server, told) = demo("demo --runs 60 --json").await;
    assert_eq!(told["experiments"], 5);
    assert_eq!(told["models"], 7);
    assert!(told["runs"].as_u64().unwrap() >= 60);
    assert!(told["points"].as_u64().unwrap() > 10_000);
    let found = experiments(&server).await;
    assert_eq!(found.len(), 5);
    let mut count = 0;
    for experiment in &found {
        count += runs(&server, experiment).await.len() as u64;
    }
    assert_eq!(count, told["runs"].as_u64().unwrap());
    let again = printed(&server, "demo --runs 60").await;
    assert!(
        again.starts_with("The server has the demo already ("),
        "{again}"
    );
    assert_eq!(experiments(&server).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_seed_makes_the_same_runs() {
    let (one, _) = demo("demo --runs 50 --seed 5 --json").await;
    let (two, _) = demo("demo --runs 50 --seed 5 --json").await;
    let all = async |server: &TestServer| {
        let mut told = Vec::new();
        for experiment in experiments(server).await {
            told.push(runs(server, &experiment).await);
        }
        told
    };
    assert_eq!(all(&one).await, all(&two).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn models_have_versions_with_files_and_a_history_with_reasons() {
    let (server, told) = demo("demo --runs 120 --json").await;
    let search = "model-versions/search?max_results=1000";
    let versions = server.get(search).await.ok();
    let versions = versions["model_versions"].as_array().unwrap();
    assert_eq!(versions.len() as u64, told["versions"].as_u64().unwrap());
    for version in versions {
        let (name, number) = (
            version["name"].as_str().unwrap(),
            version["version"].as_str().unwrap(),
        );
        let facts = printed(&server, &format!("models facts {name}/{number} --json")).await;
        let facts: Json = serde_json::from_str(&facts).unwrap();
        assert!(facts.to_string().contains("cloudpickle"), "{facts:#}");
    }
    let history = printed(&server, "models history churn-classifier --json").await;
    let history: Json = serde_json::from_str(&history).unwrap();
    let moves = history["entries"].as_array().unwrap().iter();
    let moves: Vec<_> = moves.filter(|entry| entry["kind"] == "alias_set").collect();
    assert!(moves.iter().any(|entry| entry["key"] == "champion"));
    assert!(
        moves
            .iter()
            .all(|entry| !entry["reason"].as_str().unwrap().is_empty())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn force_adds_the_demo_once_more() {
    let (server, told) = demo("demo --runs 50 --json").await;
    let again = printed(&server, "demo --runs 50 --seed 2 --force --json").await;
    let again: Json = serde_json::from_str(&again).unwrap();
    assert_eq!(again["added"], true);
    let mut count = 0;
    for experiment in experiments(&server).await {
        count += runs(&server, &experiment).await.len() as u64;
    }
    assert_eq!(
        count,
        told["runs"].as_u64().unwrap() + again["runs"].as_u64().unwrap()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_experiment_of_the_demo_is_named() {
    let server = TestServer::start().await;
    let id = server.experiment("churn-prediction").await;
    server
        .post("experiments/delete", json!({ "experiment_id": id }))
        .await
        .ok();
    let outcome = run(&server, "demo").await;
    assert_eq!(outcome.exit, 1);
    assert!(
        outcome.stderr.contains("churn-prediction was deleted"),
        "{}",
        outcome.stderr
    );
}
