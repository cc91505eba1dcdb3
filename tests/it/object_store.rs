//! Object stores: one that does not answer, and what clients do at the store themselves.
//!
//! The second part needs a real one, whose URL is in `TRACKWAY_TEST_ARTIFACTS`; without it those
//! tests see to it that a local folder says so.

mod signed;

use crate::artifacts::{fetch, list};
use crate::server::{Answer, START_MS, TestServer, remote_place};
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};
use trackway::app::{App, Parts};
use trackway::artifacts::{Access, ArtifactStore, Shelf};
use trackway::config::StoreUrl;
use trackway::jobs::uploads;

/// The longest silence that the servers of these tests wait for.
const PATIENCE: Duration = Duration::from_millis(400);

/// A server whose artifacts are in a bucket at this endpoint.
async fn server_at(endpoint: String) -> TestServer {
    let variable = move |name: &str| match name {
        "MLFLOW_S3_ENDPOINT_URL" => Some(endpoint.clone()),
        "AWS_ACCESS_KEY_ID" | "AWS_SECRET_ACCESS_KEY" => Some("x".to_owned()),
        _ => None,
    };
    let access = Access {
        variable: Arc::new(variable),
        timeout: PATIENCE,
        may_ask_metadata: false,
    };
    let url = StoreUrl::parse("s3://bucket/p").unwrap().unwrap();
    let store = ArtifactStore::at(&url, &access).unwrap();
    let replace = |app: &mut App| {
        let artifacts = Shelf::new(Some(store), Vec::new());
        *app = App::from(Parts {
            artifacts,
            ..Parts::clone(app)
        });
    };
    TestServer::start_as(|_| {}, replace).await
}

/// Tries every verb, and expects a 503 that names the store within a bounded time.
async fn check_unavailable(server: &TestServer) {
    let check = |answer: &Answer, begun: Instant, what: &str| {
        let (status, code, message) = answer.refused();
        assert_eq!(
            (status, code.as_str()),
            (503, "TEMPORARILY_UNAVAILABLE"),
            "{what}"
        );
        assert!(message.contains("s3://bucket"), "{what}: {message}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{what}");
    };
    let large = vec![7_u8; 9 << 20];
    for (what, body) in [("small", vec![7_u8; 10]), ("large", large)] {
        let begun = Instant::now();
        let answer = server.put_file("0/r/artifacts/f", body).await;
        check(&answer, begun, what);
        assert_eq!(server.digest("0/r/artifacts/f").await, None);
    }
    let begun = Instant::now();
    check(&fetch(server, "0/r/artifacts/f").await, begun, "get");
    let begun = Instant::now();
    let listed = server
        .get("/api/2.0/mlflow-artifacts/artifacts?path=0")
        .await;
    check(&listed, begun, "list");
    let begun = Instant::now();
    let path = "/api/2.0/mlflow-artifacts/artifacts/0/r";
    check(&server.bare("DELETE", path).await, begun, "delete");
    let begun = Instant::now();
    let path = "/api/2.0/mlflow-artifacts/mpu/create/0/r";
    let body = json!({ "path": "f", "num_parts": 2 });
    check(&server.post(path, body).await, begun, "mpu");
    assert_eq!(
        server.get("experiments/get?experiment_id=0").await.status,
        200
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_down_is_a_503_that_names_it() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", port.local_addr().unwrap());
    drop(port);
    check_unavailable(&server_at(endpoint).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_never_answers_is_a_503_that_names_it() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let held: Vec<_> = listener.incoming().collect();
        drop(held);
    });
    check_unavailable(&server_at(endpoint).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_refuses_the_keys_is_a_503_that_says_so() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for connection in listener.incoming() {
            std::thread::spawn(move || refuse(connection.unwrap()));
        }
    });
    let server = server_at(endpoint).await;
    let refused = server.put_file("0/f", "x").await.refused();
    assert_eq!(refused.0, 503);
    insta::assert_snapshot!(
        refused.2,
        @"The artifact store s3://bucket refused the server's credentials. The operator has to see to its keys and policies."
    );
}

#[tokio::test]
async fn a_path_that_no_store_takes_is_a_mistake_of_the_client() {
    // Nothing listens there, so that nothing was asked of the store.
    let server = server_at("http://127.0.0.1:9".into()).await;
    let path = vec!["x".repeat(200); 6].join("/");
    let refused = server.put_file(&path, "x").await.refused();
    assert_eq!(refused.0, 400);
    insta::assert_snapshot!(
        refused.2,
        @"Invalid path: its name in the artifact store has more than 1024 bytes"
    );
}

fn refuse(mut connection: TcpStream) {
    let mut buffer = [0; 4096];
    while connection.read(&mut buffer).is_ok_and(|count| count > 0) {
        let answer = b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n";
        if connection.write_all(answer).is_err() {
            return;
        }
    }
}

const MPU: &str = "/api/2.0/mlflow-artifacts/mpu";

async fn create(server: &TestServer, folder: &str, parts: usize) -> Answer {
    let body = json!({ "path": "/home/me/big.bin", "num_parts": parts });
    server.post(&format!("{MPU}/create/{folder}"), body).await
}

/// Sends the parts of an upload to their URLs, and gives them as a client tells of them.
async fn send_parts(begun: &Json, content: &[&[u8]]) -> Json {
    let mut parts = Vec::new();
    for (credential, content) in begun["credentials"].as_array().unwrap().iter().zip(content) {
        let (url, content) = (
            credential["url"].as_str().unwrap().to_owned(),
            content.to_vec(),
        );
        let sending = tokio::task::spawn_blocking(move || {
            let answer = ureq::put(&url).send(&content[..]).unwrap();
            let etag = answer.headers().get("etag");
            etag.map_or(String::new(), |etag| etag.to_str().unwrap().to_owned())
        });
        let etag = sending.await.unwrap();
        parts.push(json!({ "part_number": credential["part_number"], "etag": etag }));
    }
    parts.into()
}

async fn complete(server: &TestServer, folder: &str, begun: &Json, parts: Json) -> Answer {
    let body = json!({ "path": "big.bin", "upload_id": begun["upload_id"], "parts": parts });
    server.post(&format!("{MPU}/complete/{folder}"), body).await
}

async fn is_direct(server: &TestServer) -> bool {
    let info = server.get("/api/3.0/mlflow/server-info").await.ok();
    assert_eq!(
        info["multipart_uploads_enabled"],
        info["multipart_downloads_enabled"]
    );
    let is_direct = info["multipart_uploads_enabled"] == true;
    let is_s3 = remote_place().is_some_and(|place| place.starts_with("s3:"));
    assert_eq!(is_direct, is_s3);
    is_direct
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_become_a_file_when_the_upload_is_completed() {
    let server = TestServer::start().await;
    if !is_direct(&server).await {
        assert_eq!(create(&server, "0/r", 2).await.refused().0, 501);
        return;
    }
    let begun = create(&server, "0/r/artifacts", 2).await.ok();
    let first = vec![b'a'; 5 << 20];
    let parts = send_parts(&begun, &[&first, b"end"]).await;
    assert_eq!(list(&server, "0/r/artifacts").await, "");
    let wrong = json!([{ "part_number": 2, "etag": "x" }]);
    let gap = complete(&server, "0/r/artifacts", &begun, wrong).await;
    assert_eq!(gap.refused().0, 400);
    let unknown = json!([{ "part_number": 1, "etag": "\"00000000000000000000000000000000\"" }]);
    let refused = complete(&server, "0/r/artifacts", &begun, unknown).await;
    assert_eq!(refused.refused().0, 400);
    complete(&server, "0/r/artifacts", &begun, parts).await.ok();
    assert_eq!(list(&server, "0/r/artifacts").await, "big.bin=5242883");

    assert_eq!(server.digest("0/r/artifacts/big.bin").await, None);
    assert_eq!(uploads::read(&server.app).await.unwrap(), 1);
    assert_eq!(uploads::read(&server.app).await.unwrap(), 0);
    let digest = server.digest("0/r/artifacts/big.bin").await.unwrap();
    let whole = fetch(&server, "0/r/artifacts/big.bin").await.body;
    assert_eq!(digest, trackway::artifacts::hexadecimal(&sha256(&whole)));
}

fn sha256(content: &[u8]) -> Vec<u8> {
    use sha2::Digest as _;
    sha2::Sha256::digest(content).to_vec()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_aborted_or_abandoned_upload_leaves_nothing() {
    let server = TestServer::start().await;
    if !is_direct(&server).await {
        assert_eq!(
            server
                .app
                .artifacts
                .own()
                .unwrap()
                .sweep_parts(i64::MAX)
                .await
                .unwrap(),
            0
        );
        return;
    }
    let store = server.app.artifacts.own().unwrap();
    let begun = create(&server, "0/r", 1).await.ok();
    let body = json!({ "path": "big.bin", "upload_id": begun["upload_id"] });
    server
        .post(&format!("{MPU}/abort/0/r"), body.clone())
        .await
        .ok();
    server.post(&format!("{MPU}/abort/0/r"), body).await.ok();
    let parts = json!([{ "part_number": 1, "etag": "\"x\"" }]);
    assert_eq!(
        complete(&server, "0/r", &begun, parts).await.refused().0,
        400
    );

    let begun = create(&server, "0/r", 1).await.ok();
    send_parts(&begun, &[b"x"]).await;
    assert_eq!(store.sweep_parts(START_MS).await.unwrap(), 0);
    let later = START_MS * 2;
    assert_eq!(store.sweep_parts(later).await.unwrap(), 1);
    assert_eq!(store.sweep_parts(later).await.unwrap(), 0);
    assert_eq!(list(&server, "0/r").await, "");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signed_url_gives_the_file() {
    let server = TestServer::start().await;
    server
        .put_file(
            "0/r/artifacts/ä b.txt"
                .replace(' ', "%20")
                .replace('ä', "%C3%A4")
                .as_str(),
            "hello",
        )
        .await
        .text();
    let route = "/api/2.0/mlflow-artifacts/presigned/0/r/artifacts";
    let signed = server.get(&format!("{route}/%C3%A4%20b.txt")).await;
    if !is_direct(&server).await {
        assert_eq!(signed.refused().0, 501);
        return;
    }
    let signed = signed.ok();
    assert_eq!(
        (&signed["file_size"], &signed["headers"]),
        (&json!(5), &json!({}))
    );
    let url = signed["url"].as_str().unwrap().to_owned();
    let fetching = tokio::task::spawn_blocking(move || {
        ureq::get(&url)
            .call()
            .unwrap()
            .body_mut()
            .read_to_string()
            .unwrap()
    });
    assert_eq!(fetching.await.unwrap(), "hello");
    assert_eq!(
        server.get(&format!("{route}/nothing")).await.refused().0,
        404
    );
    assert_eq!(
        server.get(&format!("{route}/..%2fx")).await.refused().0,
        400
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_of_a_version_do_not_change_by_parts_either() {
    let server = TestServer::start().await;
    if !is_direct(&server).await {
        return;
    }
    let run = server.run("0").await;
    let folder = format!("0/{run}/artifacts/model");
    server
        .put_file(&format!("{folder}/MLmodel"), "flavors: {}")
        .await
        .text();
    let begun = create(&server, &folder, 1).await.ok();
    let parts = send_parts(&begun, &[b"hello"]).await;
    let body = json!({ "name": "m" });
    server.post("registered-models/create", body).await.ok();
    let body = json!({ "name": "m", "source": format!("runs:/{run}/model"), "run_id": run });
    server.post("model-versions/create", body).await.ok();
    assert_eq!(
        complete(&server, &folder, &begun, parts).await.refused().0,
        409
    );
    assert_eq!(create(&server, &folder, 1).await.refused().0, 409);
    assert_eq!(list(&server, &folder).await, "MLmodel=11");
}
