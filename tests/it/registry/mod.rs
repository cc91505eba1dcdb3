//! The model registry and its history.

mod aliases;
mod consumers;
mod diff;
mod facts;
mod files;
mod freeze;
mod history;
mod manifests;
mod models;
mod past;
mod random;
mod resolve;
mod resolve_random;
mod search;
mod stages_policy;
mod stages_random;
mod verify;
mod versions;

use crate::server::{Answer, TestServer};
use axum::body::Body;
use axum::http::Request;
use serde_json::{Value as Json, json};

/// Creates a registered model.
async fn model(server: &TestServer, name: &str) {
    let body = json!({ "name": name });
    server.post("registered-models/create", body).await.ok();
}

/// Creates a version with a source in a bucket and gives its number.
async fn version(server: &TestServer, name: &str) -> String {
    let body = json!({ "name": name, "source": "s3://bucket/files" });
    let created = server.post("model-versions/create", body).await.ok();
    text(&created["model_version"]["version"])
}

/// Moves a version to a stage.
async fn stage(server: &TestServer, name: &str, version: &str, stage: &str) {
    let body = json!({ "name": name, "version": version, "stage": stage });
    let answer = server.post("model-versions/transition-stage", body).await;
    answer.ok();
}

/// Points an alias at a version, with a reason.
async fn point(server: &TestServer, name: &str, (alias, version): (&str, &str), why: &str) {
    let body = json!({ "name": name, "alias": alias, "version": version });
    let answer = because(server, "POST", "registered-models/alias", (body, why)).await;
    answer.ok();
}

/// Sends a request that says why it is made.
async fn because(
    server: &TestServer,
    method: &str,
    path: &str,
    (body, why): (Json, &str),
) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(format!("/api/2.0/mlflow/{path}"))
        .header("content-type", "application/json")
        .header("x-trackway-reason", why)
        .header("x-request-id", "req-1")
        .body(Body::from(body.to_string()))
        .unwrap();
    server.send(request).await
}

/// Gives the history of a name, oldest first, one line an entry: kind, version, key, from and to.
async fn told(server: &TestServer, name: &str) -> Vec<String> {
    let path = format!("/api/1.0/models/{name}/history?max_results=1000");
    let page = server.get(&path).await.ok();
    let mut lines: Vec<String> = entries(&page).iter().map(line).collect();
    lines.reverse();
    lines
}

fn entries(page: &Json) -> Vec<Json> {
    page["entries"].as_array().unwrap().clone()
}

fn line(entry: &Json) -> String {
    let parts = ["kind", "version", "key", "from", "to"].map(|name| match &entry[name] {
        Json::Null => "-".to_owned(),
        value => text(value),
    });
    parts.join(" ")
}

#[track_caller]
fn text(value: &Json) -> String {
    value.as_str().unwrap().to_owned()
}

/// A run, its experiment, and a registered model `churn`.
struct Logged {
    server: TestServer,
    experiment_id: String,
    run_id: String,
}

impl Logged {
    async fn start() -> Self {
        Self::on(TestServer::start().await).await
    }

    /// Starts with files in a folder, which a test can reach behind the server's back.
    pub(crate) async fn start_in_folder() -> Self {
        Self::on(TestServer::start_in_folder().await).await
    }

    async fn on(server: TestServer) -> Self {
        let experiment_id = server.experiment("e").await;
        let run_id = server.run(&experiment_id).await;
        model(&server, "churn").await;
        Self {
            server,
            experiment_id,
            run_id,
        }
    }

    /// Gives the same run and model by another server on the same database and artifacts; `None`
    /// on SQLite.
    async fn replica(&self) -> Option<Self> {
        Some(Self {
            server: self.server.replica().await?,
            experiment_id: self.experiment_id.clone(),
            run_id: self.run_id.clone(),
        })
    }

    /// Gives the path of one of the run's files below the artifact destination.
    fn at(&self, file: &str) -> String {
        format!("{}/{}/artifacts/{file}", self.experiment_id, self.run_id)
    }

    /// Gives where such a file is on the disk.
    fn on_disk(&self, file: &str) -> std::path::PathBuf {
        self.server
            .folder
            .path()
            .join("artifacts")
            .join(self.at(file))
    }

    async fn put(&self, file: &str, content: &str) -> Answer {
        self.server
            .put_file(&self.at(file), content.to_owned())
            .await
    }

    /// Uploads files that must be accepted.
    async fn store(&self, files: &[(&str, &str)]) {
        for (file, content) in files {
            self.put(file, content).await.text();
        }
    }

    /// Registers what is at a source in the run, and gives the answer.
    async fn try_register(&self, source: &str) -> Answer {
        let body = json!({ "name": "churn", "source": source, "run_id": self.run_id });
        self.server.post("model-versions/create", body).await
    }

    /// Registers a folder of the run, or the whole run, and gives the version's number.
    async fn register(&self, folder: &str) -> String {
        let source = format!("runs:/{}/{folder}", self.run_id);
        let created = self.try_register(&source).await.ok();
        text(&created["model_version"]["version"])
    }

    async fn delete_version(&self, version: &str) {
        let body = json!({ "name": "churn", "version": version });
        let answer = self
            .server
            .send_json("DELETE", "model-versions/delete", body)
            .await;
        answer.ok();
    }

    /// Gives the manifest of a version of `churn`.
    async fn manifest(&self, version: &str) -> Json {
        let path = format!("/api/1.0/models/churn/versions/{version}/manifest");
        self.server.get(&path).await.ok()
    }

    /// Gives the files of a version of `churn`, a line `<sha256>  <size>  <path>` each.
    async fn lines(&self, version: &str) -> String {
        let path = format!("/api/1.0/models/churn/versions/{version}/files");
        let page = self.server.get(&path).await.ok();
        let files = page["files"].as_array().unwrap();
        let line = |file: &Json| {
            let (sha256, path) = (text(&file["sha256"]), text(&file["path"]));
            format!("{sha256}  {}  {path}\n", file["size"])
        };
        files.iter().map(line).collect()
    }

    async fn verify(&self, version: &str) -> Answer {
        let path = format!("/api/1.0/models/churn/versions/{version}/verify");
        self.server.post(&path, json!({})).await
    }
}

/// Gives the SHA-256 of a text in hexadecimal.
fn sha256(text: &str) -> String {
    use sha2::Digest;
    let digest = sha2::Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Gives the line of a file as the digest over all files is made of.
fn file_line(path: &str, content: &str) -> String {
    format!("{}  {}  {path}\n", sha256(content), content.len())
}
