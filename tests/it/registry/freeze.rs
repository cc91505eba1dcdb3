//! What registered versions protect, and until when.

use super::{Logged, file_line, sha256, text};
use crate::server::TestServer;
use axum::body::Body;
use axum::http::Request;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Uploads a file through the route of the web UI.
async fn upload_by_ui(logged: &Logged, file: &str, content: &str) -> crate::server::Answer {
    let path = format!(
        "/ajax-api/2.0/mlflow/upload-artifact?run_uuid={}&path={file}",
        logged.run_id
    );
    let request = Request::post(path).body(Body::from(content.to_owned()));
    logged.server.send(request.unwrap()).await
}

#[tokio::test]
async fn no_route_changes_or_deletes_the_files_of_a_version() {
    let logged = Logged::start_in_folder().await;
    logged
        .store(&[
            ("model/MLmodel", "x"),
            ("model/data/w", "y"),
            ("other", "z"),
        ])
        .await;
    logged.register("model").await;
    logged.register("model").await;
    let mut told = Vec::new();
    for (file, content) in [
        ("model/MLmodel", "X"),
        ("model/new", "n"),
        ("model/data/w", "longer"),
    ] {
        told.push(logged.put(file, content).await.shown());
        told.push(upload_by_ui(&logged, file, content).await.shown());
    }
    for path in ["model/MLmodel", "model/data", "model", ""] {
        let url = format!("{}/{}", crate::support::PROXY, logged.at(path));
        told.push(logged.server.bare("DELETE", &url).await.shown());
    }
    let url = format!("{}/{}", crate::support::PROXY, logged.experiment_id);
    told.push(logged.server.bare("DELETE", &url).await.shown());
    let messages: Vec<String> = told
        .iter()
        .map(|told| {
            let (status, body) = told.split_once('\n').unwrap();
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert_eq!(
                (status, &body["error_code"]),
                ("409", &json!("RESOURCE_CONFLICT"))
            );
            text(&body["message"])
        })
        .collect();
    insta::assert_snapshot!(messages.join("\n"), @"
    '1/00000000000000000000000000000003/artifacts/model/MLmodel' cannot be stored: the files of the registered model versions churn/1, churn/2 do not change any more. Log a new model, or delete these versions first.
    '1/00000000000000000000000000000003/artifacts/model/MLmodel' cannot be stored: the files of the registered model versions churn/1, churn/2 do not change any more. Log a new model, or delete these versions first.
    '1/00000000000000000000000000000003/artifacts/model/new' cannot be stored: the files of the registered model versions churn/1, churn/2 do not change any more. Log a new model, or delete these versions first.
    '1/00000000000000000000000000000003/artifacts/model/new' cannot be stored: the files of the registered model versions churn/1, churn/2 do not change any more. Log a new model, or delete these versions first.
    '1/00000000000000000000000000000003/artifacts/model/data/w' cannot be stored: the files of the registered model versions churn/1, churn/2 do not change any more. Log a new model, or delete these versions first.
    '1/00000000000000000000000000000003/artifacts/model/data/w' cannot be stored: the files of the registered model versions churn/1, churn/2 do not change any more. Log a new model, or delete these versions first.
    '1/00000000000000000000000000000003/artifacts/model/MLmodel' cannot be deleted: it belongs to the files of the registered model versions churn/1, churn/2, or holds some of them. Delete these versions first.
    '1/00000000000000000000000000000003/artifacts/model/data' cannot be deleted: it belongs to the files of the registered model versions churn/1, churn/2, or holds some of them. Delete these versions first.
    '1/00000000000000000000000000000003/artifacts/model' cannot be deleted: it belongs to the files of the registered model versions churn/1, churn/2, or holds some of them. Delete these versions first.
    '1/00000000000000000000000000000003/artifacts' cannot be deleted: it belongs to the files of the registered model versions churn/1, churn/2, or holds some of them. Delete these versions first.
    '1' cannot be deleted: it belongs to the files of the registered model versions churn/1, churn/2, or holds some of them. Delete these versions first.
    ");
    assert_eq!(
        std::fs::read_to_string(logged.on_disk("model/MLmodel")).unwrap(),
        "x"
    );
    assert!(!logged.on_disk("model/new").exists());
    for version in ["1", "2"] {
        assert_eq!(logged.verify(version).await.ok()["result"], "intact");
    }
}

#[tokio::test]
async fn the_same_bytes_may_come_again_and_mend_a_file() {
    let logged = Logged::start_in_folder().await;
    logged.store(&[("model/MLmodel", "x")]).await;
    logged.register("model").await;
    logged.store(&[("model/MLmodel", "x")]).await;
    upload_by_ui(&logged, "model/MLmodel", "x").await.text();
    std::fs::remove_file(logged.on_disk("model/MLmodel")).unwrap();
    assert_eq!(logged.verify("1").await.ok()["result"], "broken");
    logged.store(&[("model/MLmodel", "x")]).await;
    assert_eq!(logged.verify("1").await.ok()["result"], "intact");
}

#[tokio::test]
async fn what_is_beside_the_files_of_a_version_stays_free() {
    let logged = Logged::start().await;
    logged
        .store(&[("model/MLmodel", "x"), ("model-b", "y"), ("a/f", "z")])
        .await;
    logged.register("model").await;
    logged
        .store(&[
            ("model-b", "other"),
            ("model2/MLmodel", "x"),
            ("plots/roc.png", "p"),
        ])
        .await;
    for path in ["model-b", "a", "model2"] {
        let url = format!("{}/{}", crate::support::PROXY, logged.at(path));
        logged.server.bare("DELETE", &url).await.ok();
    }
}

#[tokio::test]
async fn a_run_that_was_registered_as_a_whole_may_grow() {
    let logged = Logged::start().await;
    logged.store(&[("MLmodel", "x"), ("data/w", "y")]).await;
    logged.register("").await;
    assert_eq!(logged.manifest("1").await["state"], "growing");
    logged
        .store(&[("plots/roc.png", "p"), ("metrics.json", "m")])
        .await;
    logged.store(&[("metrics.json", "again")]).await;
    for (file, content) in [("MLmodel", "X"), ("data/w", "Y")] {
        assert_eq!(logged.put(file, content).await.status, 409, "{file}");
    }
    let delete = async |file: &str| {
        let url = format!("{}/{}", crate::support::PROXY, logged.at(file));
        logged.server.bare("DELETE", &url).await.status.as_u16()
    };
    let answers = [
        delete("plots").await,
        delete("data").await,
        delete("").await,
    ];
    assert_eq!(answers, [200, 409, 409]);
    let verified = logged.verify("1").await.ok();
    assert_eq!(
        (&verified["result"], &verified["extra"]),
        (&json!("intact"), &json!([]))
    );
}

#[tokio::test]
async fn deleted_versions_protect_nothing() {
    let logged = Logged::start().await;
    logged.store(&[("model/MLmodel", "x")]).await;
    let (first, second) = (
        logged.register("model").await,
        logged.register("model").await,
    );
    logged.delete_version(&first).await;
    let refused = logged.put("model/MLmodel", "y").await.refused().2;
    assert!(
        refused.contains("the registered model version churn/2 do"),
        "{refused}"
    );
    logged.delete_version(&second).await;
    logged
        .store(&[("model/MLmodel", "y"), ("model/new", "n")])
        .await;
}

#[tokio::test]
async fn a_refusal_names_ten_versions() {
    let logged = Logged::start().await;
    logged.store(&[("model/MLmodel", "x")]).await;
    for _ in 0..12 {
        logged.register("model").await;
    }
    let refused = logged.put("model/MLmodel", "y").await.refused().2;
    assert!(
        refused.contains("churn/9, churn/10 and others do not change"),
        "{refused}"
    );
}

#[tokio::test]
async fn files_in_a_local_root_are_protected_by_whatever_name() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().canonicalize().unwrap();
    let allowed = folder.clone();
    let server = TestServer::start_with(|config| {
        config.artifacts.allowed_local_roots = vec![allowed.display().to_string()];
    })
    .await;
    let mut run_ids = Vec::new();
    std::os::unix::fs::symlink(&folder, folder.join("link")).unwrap();
    for (name, location) in [("a", "exp"), ("b", "link/exp")] {
        let location = folder.join(location).display().to_string();
        let body = json!({ "name": name, "artifact_location": location });
        let experiment = server.post("experiments/create", body).await.ok();
        run_ids.push(server.run(&text(&experiment["experiment_id"])).await);
    }
    let mut logged = Logged::on(server).await;
    for run_id in run_ids {
        logged.run_id = run_id;
        upload_by_ui(&logged, "model/MLmodel", "x").await.text();
        let version = logged.register("model").await;
        upload_by_ui(&logged, "model/MLmodel", "x").await.text();
        let (status, _, message) = upload_by_ui(&logged, "model/MLmodel", "y").await.refused();
        assert_eq!(status, 409, "{message}");
        assert!(message.contains(&format!("churn/{version}")), "{message}");
        assert!(
            !message.contains("exp"),
            "a path of the server is shown: {message}"
        );
    }
}

#[tokio::test]
async fn the_run_experiment_and_logged_model_of_a_version_are_kept() {
    let logged = Logged::start().await;
    let server = &logged.server;
    logged.store(&[("model/MLmodel", "x")]).await;
    logged.register("model").await;
    let body = json!({ "experiment_id": logged.experiment_id, "name": "lm" });
    let created = server.post("logged-models", body).await.ok();
    let model_id = text(&created["model"]["info"]["model_id"]);
    let body =
        json!({ "name": "churn", "source": format!("models:/{model_id}"), "model_id": model_id });
    server.post("model-versions/create", body).await.ok();
    let copied = json!({ "name": "churn", "source": "models:/churn/2" });
    server.post("model-versions/create", copied).await.ok();
    let run = json!({ "run_id": logged.run_id });
    let experiment = json!({ "experiment_id": logged.experiment_id });
    let model = format!("logged-models/{model_id}");
    let answers = [
        server.post("runs/delete", run.clone()).await,
        server.post("experiments/delete", experiment.clone()).await,
        server.send_json("DELETE", &model, json!({})).await,
    ];
    let told = answers.map(|answer| {
        let (status, code, message) = answer.refused();
        format!("{status} {code} {message}")
    });
    insta::assert_snapshot!(told.join("\n"), @"
    409 RESOURCE_CONFLICT The run '00000000000000000000000000000003' cannot be deleted: it is the origin of the registered model version churn/1. Delete this version first.
    409 RESOURCE_CONFLICT The experiment 1 cannot be deleted: it is the origin of the registered model versions churn/1, churn/2, churn/3. Delete these versions first.
    409 RESOURCE_CONFLICT The logged model 'm-00000000000000000000000000000008' cannot be deleted: it is the origin of the registered model versions churn/2, churn/3. Delete these versions first.
    ");
    server
        .get(&format!("runs/get?run_id={}", logged.run_id))
        .await
        .ok();

    logged.delete_version("1").await;
    server.post("runs/delete", run).await.ok();
    logged.delete_version("2").await;
    assert_eq!(
        server.send_json("DELETE", &model, json!({})).await.status,
        409
    );
    assert_eq!(
        server
            .post("experiments/delete", experiment.clone())
            .await
            .status,
        409
    );
    logged.delete_version("3").await;
    server.send_json("DELETE", &model, json!({})).await.ok();
    server.post("experiments/delete", experiment).await.ok();
}

/// Numbers the folders of races.
static NEXT: AtomicUsize = AtomicUsize::new(0);

/// Uploads again and again until it is refused, and gives how many uploads were accepted.
async fn upload_until_refused(
    logged: Arc<Logged>,
    name_and_content: impl Fn(usize) -> (String, String),
) -> usize {
    for number in 0..1_000 {
        let (file, content) = name_and_content(number);
        match logged.put(&file, &content).await.status.as_u16() {
            200 => {}
            409 => return number,
            other => panic!("{file} gives {other}"),
        }
    }
    panic!("nothing was refused");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn uploads_and_a_registration_at_once_never_disagree() {
    let logged = Arc::new(Logged::start().await);
    race(&logged, &logged, 30).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn uploads_and_a_registration_by_two_servers_never_disagree() {
    let logged = Arc::new(Logged::start().await);
    let Some(other) = logged.replica().await else {
        return;
    };
    let other = Arc::new(other);
    race(&logged, &other, 15).await;
    race(&other, &logged, 15).await;
}

/// Uploads by one server while another registers, again and again.
async fn race(uploading: &Arc<Logged>, registering: &Arc<Logged>, rounds: usize) {
    let logged = uploading;
    for round in 0..rounds {
        let folder = format!("m{round}-{}", NEXT.fetch_add(1, Relaxed));
        let weights = format!("{folder}/weights");
        logged
            .store(&[(&format!("{folder}/MLmodel"), "x"), (&weights, "-")])
            .await;
        let change = tokio::spawn(upload_until_refused(logged.clone(), move |number| {
            (weights.clone(), number.to_string())
        }));
        let below = folder.clone();
        let add = tokio::spawn(upload_until_refused(logged.clone(), move |number| {
            (format!("{below}/added/{number:03}"), String::new())
        }));
        let version = registering.register(&folder).await;
        let (changed, added) = (change.await.unwrap(), add.await.unwrap());
        let mut lines = file_line("MLmodel", "x");
        lines.extend((0..added).map(|number| file_line(&format!("added/{number:03}"), "")));
        let last = changed
            .checked_sub(1)
            .map_or("-".to_owned(), |last| last.to_string());
        lines.push_str(&file_line("weights", &last));
        assert_eq!(
            logged.lines(&version).await,
            lines,
            "round {round}: {changed} {added}"
        );
        assert_eq!(logged.manifest(&version).await["digest"], sha256(&lines));
        let verified = registering.verify(&version).await.ok();
        assert_eq!(verified["result"], "intact", "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deletion_and_a_registration_at_once_never_disagree() {
    let logged = Arc::new(Logged::start().await);
    let other = logged.replica().await.map(Arc::new);
    let deleting = other.as_ref().unwrap_or(&logged);
    for round in 0..40 {
        let folder = format!("m{round}");
        logged
            .store(&[(&format!("{folder}/a"), "a"), (&format!("{folder}/b"), "b")])
            .await;
        let delete = tokio::spawn({
            let logged = deleting.clone();
            let url = format!(
                "{}/{}",
                crate::support::PROXY,
                logged.at(&format!("{folder}/a"))
            );
            async move { logged.server.bare("DELETE", &url).await.status.as_u16() }
        });
        let register = tokio::spawn({
            let (logged, folder) = (logged.clone(), folder.clone());
            async move { logged.register(&folder).await }
        });
        let deleted = delete.await.unwrap() == 200;
        let version = register.await.unwrap();
        let a = if deleted {
            String::new()
        } else {
            file_line("a", "a")
        };
        let lines = format!("{a}{}", file_line("b", "b"));
        assert_eq!(logged.lines(&version).await, lines, "round {round}");
        assert_eq!(
            logged.verify(&version).await.ok()["result"],
            "intact",
            "round {round}"
        );
    }
}
