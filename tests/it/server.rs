//! A whole server in the test's own process: a fresh database and artifact folder, a clock and
//! ids that count, and requests that take the same way as those of a socket.

use crate::postgres::TestDatabase;
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value as Json;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use tempfile::TempDir;
use tower::ServiceExt;
use trackway::app::{App, Clock, Ids};
use trackway::config::Config;
use trackway::http::router;

/// The first moment of a test's clock: 14 November 2023, 22:13:20 UTC.
pub(crate) const START_MS: i64 = 1_700_000_000_000;

/// A server that ends with the test.
pub(crate) struct TestServer {
    pub(crate) app: App,
    router: Router,
    now: Arc<AtomicI64>,
    /// Holds the artifacts, and the database where it is SQLite; deleted at the end.
    pub(crate) folder: TempDir,
    /// Of its own; `None` for SQLite, and for a replica of another server.
    pub(crate) database: Option<TestDatabase>,
    config: Config,
}

/// What the server answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// Gives the body as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Json {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&self.body));
        })
    }

    /// Gives the JSON body of a 200.
    #[track_caller]
    pub(crate) fn ok(&self) -> Json {
        assert_eq!(self.status, 200, "{}", String::from_utf8_lossy(&self.body));
        self.json()
    }

    /// Gives the status, the `error_code` and the message of a refusal.
    #[track_caller]
    pub(crate) fn refused(&self) -> (u16, String, String) {
        assert!(
            self.status.is_client_error() || self.status.is_server_error(),
            "{self:?}"
        );
        let body = self.json();
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        (self.status.as_u16(), text("error_code"), text("message"))
    }
}

impl TestServer {
    /// Starts a server with the default configuration.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// Starts a server with some settings changed.
    ///
    /// It keeps its artifacts in a folder, or below a place of its own in the object store that
    /// `TRACKWAY_TEST_ARTIFACTS` names.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_as(change, |_| {}).await
    }

    /// Starts a server that keeps its artifacts in a folder, for what is true of folders alone.
    pub(crate) async fn start_in_folder() -> Self {
        Self::start_with(|config| config.artifacts.destination.clear()).await
    }

    /// Starts a server with some settings changed, and then parts of it replaced.
    pub(crate) async fn start_as(
        change: impl FnOnce(&mut Config),
        replace: impl FnOnce(&mut App),
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut config = Config::with_defaults().unwrap();
        config.server.data_dir = folder.path().to_owned();
        config.database.pool = 8;
        let database = TestDatabase::create().await;
        if let Some(database) = &database {
            config.database.url.clone_from(&database.url);
        }
        if let Some(place) = remote_place() {
            config.artifacts.destination = place;
        }
        change(&mut config);
        Self::open(config, (folder, database), 1, replace).await
    }

    /// Starts another server on the same PostgreSQL database and the same artifacts, with a data
    /// directory of its own; `None` on SQLite, which one server has for itself.
    pub(crate) async fn replica(&self) -> Option<Self> {
        self.database.as_ref()?;
        let folder = tempfile::tempdir().unwrap();
        let mut config = self.config.clone();
        if config.artifacts.destination.is_empty() {
            let artifacts = self.folder.path().join("artifacts");
            config.artifacts.destination = artifacts.display().to_string();
        }
        config.server.data_dir = folder.path().to_owned();
        // Ids that count must not meet those of the other server.
        Some(Self::open(config, (folder, None), 1 << 40, |_| {}).await)
    }

    async fn open(
        config: Config,
        (folder, database): (TempDir, Option<TestDatabase>),
        first_id: u64,
        replace: impl FnOnce(&mut App),
    ) -> Self {
        let now = Arc::new(AtomicI64::new(START_MS));
        let clock = now.clone();
        let clock = Clock::from_fn(move || clock.load(Ordering::Relaxed));
        let next = AtomicU64::new(first_id);
        let ids = Ids::from_fn(move || u128::from(next.fetch_add(1, Ordering::Relaxed)));
        let mut app = trackway::server::open(&config, clock, ids).await.unwrap();
        replace(&mut app);
        let router = router::service(app.clone(), &config.server);
        Self {
            app,
            router,
            now,
            folder,
            database,
            config,
        }
    }

    /// Gives the URL of the database.
    pub(crate) fn database_url(&self) -> String {
        match &self.database {
            Some(database) => database.url.clone(),
            None => format!("sqlite:///{}/trackway.db", self.folder.path().display()),
        }
    }

    /// Listens on a free port of this machine until the test ends, and gives the address.
    pub(crate) async fn listen(&self) -> String {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = self.router.clone();
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}")
    }

    /// Lets time pass.
    pub(crate) fn advance(&self, milliseconds: i64) {
        self.now.fetch_add(milliseconds, Ordering::Relaxed);
    }

    /// Sends a request as it is, and gives the answer before its body has come; a Host header of
    /// localhost is added where there is none.
    pub(crate) async fn respond(&self, mut request: Request<Body>) -> Response<Body> {
        let host = "localhost:5000".parse().unwrap();
        request.headers_mut().entry("host").or_insert(host);
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends a request as `respond` does, and gives the whole answer.
    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.respond(request).await;
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Sends a GET; a path without a leading slash is one of MLflow's API.
    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(full(path)).body(Body::empty()).unwrap())
            .await
    }

    /// Sends a JSON body with POST.
    pub(crate) async fn post(&self, path: &str, body: Json) -> Answer {
        self.send_json("POST", path, body).await
    }

    /// Sends a JSON body with any method.
    pub(crate) async fn send_json(&self, method: &str, path: &str, body: Json) -> Answer {
        self.send_text(method, path, body.to_string()).await
    }

    /// Sends any text as a JSON body.
    pub(crate) async fn send_text(
        &self,
        method: &str,
        path: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(full(path))
            .header("content-type", "application/json")
            .body(body.into())
            .unwrap();
        self.send(request).await
    }

    /// Creates an experiment and gives its id.
    pub(crate) async fn experiment(&self, name: &str) -> String {
        let answer = self
            .post("experiments/create", serde_json::json!({ "name": name }))
            .await;
        answer.ok()["experiment_id"].as_str().unwrap().to_owned()
    }

    /// Creates a run and gives its id.
    pub(crate) async fn run(&self, experiment_id: &str) -> String {
        let body = serde_json::json!({ "experiment_id": experiment_id, "run_name": "r" });
        let answer = self.post("runs/create", body).await;
        answer.ok()["run"]["info"]["run_id"]
            .as_str()
            .unwrap()
            .to_owned()
    }
}

/// Gives a place that nobody else uses in the object store of `TRACKWAY_TEST_ARTIFACTS`, if there
/// is one.
pub(crate) fn remote_place() -> Option<String> {
    let url = std::env::var("TRACKWAY_TEST_ARTIFACTS").ok()?;
    Some(format!("{url}/{}", uuid::Uuid::new_v4().simple()))
}

fn full(path: &str) -> String {
    if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/api/2.0/mlflow/{path}")
    }
}
