//! `mlflow-artifacts/..`: files through the proxy, and the ways of transfer that are not offered.

use crate::server::{Answer, TestServer};
use crate::support::PROXY;
use axum::body::{Body, Bytes};
use axum::http::{HeaderName, Request, header};
use serde_json::json;

/// The SHA-256 of `hello`, as any tool computes it.
pub(crate) const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

pub(crate) async fn fetch(server: &TestServer, path: &str) -> Answer {
    server.get(&format!("{PROXY}/{path}")).await
}

pub(crate) async fn list(server: &TestServer, folder: &str) -> String {
    let listing = server.get(&format!("{PROXY}?path={folder}")).await.ok();
    let files = listing["files"].as_array().cloned().unwrap_or_default();
    let names = files.iter().map(|file| {
        let name = file["path"].as_str().unwrap();
        match file["is_dir"].as_bool().unwrap() {
            true => format!("{name}/"),
            false => format!("{name}={}", file["file_size"].as_u64().unwrap_or(0)),
        }
    });
    names.collect::<Vec<_>>().join(" ")
}

#[tokio::test]
async fn a_stored_file_is_sent_back_as_an_attachment() {
    let server = TestServer::start().await;
    let stored = server.put_file("1/r/artifacts/page.html", "hello").await;
    assert_eq!(stored.text(), "");
    let file = fetch(&server, "1/r/artifacts/page.html").await;
    assert_eq!(file.text(), "hello");
    let headers = [
        "content-type",
        "content-length",
        "content-disposition",
        "x-content-type-options",
        "accept-ranges",
    ];
    let shown = headers.map(|name| format!("{name}: {}", file.header(name)));
    insta::assert_snapshot!(shown.join("\n"), @"
    content-type: text/html
    content-length: 5
    content-disposition: attachment; filename=page.html
    x-content-type-options: nosniff
    accept-ranges: bytes
    ");
    assert_eq!(
        server.digest("1/r/artifacts/page.html").await.as_deref(),
        Some(HELLO)
    );
}

#[tokio::test]
async fn an_overwritten_file_has_the_new_content_and_digest() {
    let server = TestServer::start().await;
    server.put_file("a.txt", "something longer").await.text();
    server.put_file("a.txt", "hello").await.text();
    assert_eq!(fetch(&server, "a.txt").await.text(), "hello");
    assert_eq!(server.digest("a.txt").await.as_deref(), Some(HELLO));
    assert_eq!(list(&server, "").await, "a.txt=5");
}

#[tokio::test]
async fn an_empty_file_is_a_file() {
    let server = TestServer::start().await;
    server.put_file("d/empty.bin", "").await.text();
    assert_eq!(fetch(&server, "d/empty.bin").await.text(), "");
    assert_eq!(list(&server, "d").await, "empty.bin=0");
    let range = format!("{PROXY}/d/empty.bin");
    let answer = server.get_with(&range, (header::RANGE, "bytes=0-")).await;
    assert_eq!(answer.status, 416);
}

#[tokio::test]
async fn ranges_are_honored() {
    let server = TestServer::start().await;
    server.put_file("a.bin", "0123456789").await.text();
    let path = format!("{PROXY}/a.bin");
    let part = async |range: &str| {
        let answer = server.get_with(&path, (header::RANGE, range)).await;
        let body = String::from_utf8(answer.body.clone()).unwrap();
        format!(
            "{} {} [{body}]",
            answer.status.as_u16(),
            answer.header("content-range")
        )
    };
    assert_eq!(part("bytes=2-4").await, "206 bytes 2-4/10 [234]");
    assert_eq!(part("bytes=7-").await, "206 bytes 7-9/10 [789]");
    assert_eq!(part("bytes=-3").await, "206 bytes 7-9/10 [789]");
    assert_eq!(part("bytes=8-99").await, "206 bytes 8-9/10 [89]");
    assert_eq!(part("bytes=-99").await, "206 bytes 0-9/10 [0123456789]");
    assert_eq!(part("bytes=10-").await, "416 bytes */10 []");
    for ignored in ["bytes=4-2", "bytes=0-1,3-4", "lines=1-2", "bytes=x-"] {
        assert_eq!(part(ignored).await, "200  [0123456789]", "{ignored}");
    }
}

#[tokio::test]
async fn head_answers_as_get_does_without_the_content() {
    let server = TestServer::start().await;
    server.put_file("a.txt", "hello").await.text();
    let head = server.bare("HEAD", &format!("{PROXY}/a.txt")).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (200, 0));
    assert_eq!(head.header("content-length"), "5");
    assert_eq!(
        head.header("content-disposition"),
        "attachment; filename=a.txt"
    );
    let missing = server.bare("HEAD", &format!("{PROXY}/none.txt")).await;
    assert_eq!((missing.status.as_u16(), missing.body.len()), (404, 0));
}

#[tokio::test]
async fn nested_and_unicode_names_are_kept_and_listed() {
    let server = TestServer::start().await;
    for (name, body) in [
        ("d/gr%C3%B6%C3%9Fe%20%26%20x.txt", "1"),
        ("d/%E6%97%A5%E6%9C%AC/deep/%F0%9F%98%80.png", "22"),
        ("d/b", "333"),
        ("d/a%2Bb%3D1", "4444"),
    ] {
        server.put_file(name, body).await.text();
        assert_eq!(fetch(&server, name).await.text(), body, "{name}");
    }
    assert_eq!(
        list(&server, "d").await,
        "a+b=1=4 b=3 größe & x.txt=1 日本/"
    );
    assert_eq!(list(&server, "d/%E6%97%A5%E6%9C%AC").await, "deep/");
    assert_eq!(
        list(&server, "d/%E6%97%A5%E6%9C%AC/deep/").await,
        "😀.png=2"
    );
    assert_eq!(list(&server, "").await, "d/");
    assert_eq!(list(&server, "none").await, "");
    assert_eq!(list(&server, "d/b").await, "");
}

#[tokio::test]
async fn a_missing_file_is_404_and_a_folder_no_file() {
    let server = TestServer::start_in_folder().await;
    server.put_file("d/a.txt", "x").await.text();
    insta::assert_snapshot!(fetch(&server, "zz").await.shown(), @r#"
    404
    {
      "error_class": "RESOURCE_NOT_FOUND",
      "error_code": "RESOURCE_DOES_NOT_EXIST",
      "message": "No such artifact: 'zz'",
      "sqlstate": "KAM00"
    }
    "#);
    insta::assert_snapshot!(fetch(&server, "d").await.shown(), @r#"
    400
    {
      "detail": "Artifact path refers to a directory, not a file: 'd'"
    }
    "#);
    insta::assert_snapshot!(server.put_file("d/", "x").await.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Artifact path must include a filename (cannot end with '/').",
      "sqlstate": "KAM00"
    }
    "#);
    assert_eq!(fetch(&server, "d/a.txt/below").await.refused().0, 404);
    for onto in ["d", "d/a.txt/below"] {
        let status = server.put_file(onto, "x").await.refused().0;
        assert!((400..500).contains(&status), "{onto}: {status}");
    }
    assert_eq!(fetch(&server, "d/a.txt").await.text(), "x");
}

#[tokio::test]
async fn deleting_takes_files_and_folders_and_their_digests() {
    let server = TestServer::start_in_folder().await;
    for name in ["d/a.txt", "d/e/b.txt", "d0.txt", "d-x.txt", "e.txt"] {
        server.put_file(name, "hello").await.text();
    }
    let delete = async |path: &str| server.bare("DELETE", &format!("{PROXY}/{path}")).await;
    insta::assert_snapshot!(delete("d").await.shown(), @"
    200
    {}
    ");
    delete("d").await.ok();
    delete("e.txt").await.ok();
    assert_eq!(list(&server, "").await, "d-x.txt=5 d0.txt=5");
    assert_eq!(fetch(&server, "d/e/b.txt").await.refused().0, 404);
    for (path, kept) in [
        ("d/a.txt", false),
        ("d/e/b.txt", false),
        ("e.txt", false),
        ("d0.txt", true),
        ("d-x.txt", true),
    ] {
        assert_eq!(server.digest(path).await.is_some(), kept, "{path}");
    }
}

#[tokio::test]
async fn an_upload_that_breaks_off_leaves_nothing() {
    let server = TestServer::start().await;
    server.put_file("a.txt", "before").await.text();
    let parts: [Result<Bytes, std::io::Error>; 2] = [
        Ok(Bytes::from_static(b"half of ")),
        Err(std::io::Error::other("the client went away")),
    ];
    let body = Body::from_stream(futures_util::stream::iter(parts));
    let answer = server.put_file("a.txt", body).await;
    assert_ne!(answer.status, 200);
    assert_eq!(fetch(&server, "a.txt").await.text(), "before");
    assert_eq!(list(&server, "").await, "a.txt=6");
}

#[tokio::test]
async fn multipart_and_presigned_transfers_are_not_offered() {
    let server = TestServer::start_in_folder().await;
    let run = server.run("0").await;
    for route in ["mpu/create", "mpu/complete", "mpu/abort"] {
        let path = format!("/api/2.0/mlflow-artifacts/{route}/a/b");
        let (status, code, _) = server.post(&path, json!({ "path": "b" })).await.refused();
        assert_eq!((status, code.as_str()), (501, "NOT_IMPLEMENTED"), "{route}");
    }
    let presigned = server.get("/api/2.0/mlflow-artifacts/presigned/a/b").await;
    insta::assert_snapshot!(presigned.shown(), @r#"
    501
    {
      "error_code": "NOT_IMPLEMENTED",
      "message": "Multipart download is not supported for the current artifact repository"
    }
    "#);
    let body = json!({ "run_id": run, "path": "a.txt" });
    let upload = server
        .post("artifacts/presigned-upload-url", body.clone())
        .await;
    insta::assert_snapshot!(upload.shown(), @r#"
    400
    {
      "error_class": "INVALID_PARAMETER_VALUE",
      "error_code": "INVALID_PARAMETER_VALUE",
      "message": "Presigned upload is not supported for proxied artifact storage (artifact URI scheme: mlflow-artifacts). This endpoint requires a direct cloud storage artifact URI.",
      "sqlstate": "KAM00"
    }
    "#);
    assert_eq!(
        server
            .post("artifacts/presigned-download-url", body)
            .await
            .refused()
            .0,
        400
    );
}

#[tokio::test]
async fn no_spelling_of_a_path_leads_out_of_the_store() {
    let server = TestServer::start().await;
    std::fs::write(server.folder.path().join("secret.txt"), "secret").unwrap();
    for path in [
        "../secret.txt",
        "a/../../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "%252e%252e%252fsecret.txt",
        "..%5csecret.txt",
        "%2fetc/passwd",
        "C:%5cx",
        "file:%2f%2f%2fetc%2fpasswd",
        "a%23b",
        "..%2f%00",
        "..%2f%ff",
    ] {
        for method in ["GET", "PUT", "DELETE"] {
            let answer = server.bare(method, &format!("{PROXY}/{path}")).await;
            let (status, code, message) = answer.refused();
            assert_eq!(
                (status, code.as_str()),
                (400, "INVALID_PARAMETER_VALUE"),
                "{path}"
            );
            assert_eq!(message, "Invalid path", "{method} {path}");
        }
        let listing = server.get(&format!("{PROXY}?path={path}")).await;
        assert_eq!(listing.refused().2, "Invalid path", "{path}");
    }
    let secret = std::fs::read_to_string(server.folder.path().join("secret.txt"));
    assert_eq!(secret.unwrap(), "secret");
    let type_of = HeaderName::from_static("content-type");
    let put = Request::put(format!("{PROXY}/ok.txt")).header(type_of, "text/plain");
    let put = server.send(put.body(Body::from("x")).unwrap()).await;
    assert_eq!(put.text(), "");
}
