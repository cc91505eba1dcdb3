//! Reading the files of a version again.

use super::{Logged, file_line, sha256, told};
use serde_json::{Value as Json, json};

#[tokio::test]
async fn intact_files_are_told_and_noted() {
    let logged = Logged::start().await;
    logged
        .store(&[("model/MLmodel", "x"), ("model/w", "yz")])
        .await;
    logged.register("model").await;
    logged.server.advance(1_000);
    let answer = logged.verify("1").await;
    insta::assert_snapshot!(answer.shown(), @r#"
    200
    {
      "bytes": 3,
      "changed": [],
      "digest": "09063492f2899bef1dc875799839c308386b20c38ff48b1a50a3f2e8156f4801",
      "extra": [],
      "files": 2,
      "found_digest": "09063492f2899bef1dc875799839c308386b20c38ff48b1a50a3f2e8156f4801",
      "missing": [],
      "name": "churn",
      "result": "intact",
      "verified_at": 1700000001000,
      "version": "1"
    }
    "#);
    let manifest = logged.manifest("1").await;
    let verified = answer.ok();
    assert_eq!(manifest["verified"], "intact");
    assert_eq!(manifest["verified_at"], verified["verified_at"]);
    let digest = sha256(&[file_line("MLmodel", "x"), file_line("w", "yz")].concat());
    let last = told(&logged.server, "churn").await.pop().unwrap();
    assert_eq!(last, format!("version_verified 1 - - {digest}"));
}

#[tokio::test]
async fn tampering_on_the_disk_is_found() {
    let logged = Logged::start_in_folder().await;
    let files = ["kept", "changed", "gone", "grown"].map(|name| (format!("model/{name}"), name));
    for (path, content) in &files {
        logged.store(&[(path, content)]).await;
    }
    logged.register("model").await;
    // The same size and the same time of the last write hide nothing.
    let changed = logged.on_disk("model/changed");
    let modified = std::fs::metadata(&changed).unwrap().modified().unwrap();
    std::fs::write(&changed, "CHANGED").unwrap();
    let file = std::fs::File::options().write(true).open(&changed).unwrap();
    file.set_modified(modified).unwrap();
    std::fs::remove_file(logged.on_disk("model/gone")).unwrap();
    std::fs::write(logged.on_disk("model/grown"), "grown and grown").unwrap();
    std::fs::create_dir(logged.on_disk("model/new")).unwrap();
    std::fs::write(logged.on_disk("model/new/code.py"), "evil").unwrap();
    let answer = logged.verify("1").await;
    insta::assert_snapshot!(answer.shown(), @r#"
    200
    {
      "bytes": 20,
      "changed": [
        {
          "found_sha256": "b6f00f283e24783b68eb63deb8c6f492dfafd29a45a11fa7c2725869596f81f4",
          "found_size": 7,
          "path": "changed",
          "sha256": "d67e2e944994496c8d8ec76eed0cf9f09679448d584b532bebf941852a37f5ed",
          "size": 7
        },
        {
          "found_sha256": "7413a6b6b045d9692574b288c2ad69982e8d27cb80a41504fc0308a7b921daa7",
          "found_size": 15,
          "path": "grown",
          "sha256": "599c4643aacf6ea004f1705b82886c50f55bb88970dbb7a0bbb7dad40777a628",
          "size": 5
        }
      ],
      "digest": "84258db3744deb40d5be6675d1fc0734da6378e0961f5add869dc362656181b9",
      "extra": [
        {
          "path": "new/code.py",
          "sha256": "b5c1fb2efc6d6b4674c2fdcc48ce01b43a3b7c03763c0c3355de0099ee0f8c73",
          "size": 4
        }
      ],
      "files": 4,
      "found_digest": "a38f88e73a95acd059da0f409b24d4c550134bfe70f03e68c563a6d482ace00d",
      "missing": [
        {
          "path": "gone",
          "sha256": "283bb9deef02e6843abfb538efa1eca70801bd8a701c3f98191e123496339247",
          "size": 4
        }
      ],
      "name": "churn",
      "result": "broken",
      "verified_at": 1700000000000,
      "version": "1"
    }
    "#);
    let found = answer.ok();
    let lines = [
        file_line("changed", "CHANGED"),
        file_line("grown", "grown and grown"),
        file_line("kept", "kept"),
        file_line("new/code.py", "evil"),
    ];
    assert_eq!(found["found_digest"], sha256(&lines.concat()));
    assert_eq!(logged.manifest("1").await["verified"], "broken");
    let last = told(&logged.server, "churn").await.pop().unwrap();
    let (from, to) = (found["digest"].as_str().unwrap(), sha256(&lines.concat()));
    assert_eq!(
        last,
        format!("version_broken 1 1 missing, 2 changed, 1 extra {from} {to}")
    );
}

#[tokio::test]
async fn files_that_are_all_gone_are_all_missing() {
    let logged = Logged::start_in_folder().await;
    logged.store(&[("model/a", "x"), ("model/b", "y")]).await;
    logged.register("model").await;
    std::fs::remove_dir_all(logged.on_disk("model")).unwrap();
    let found = logged.verify("1").await.ok();
    let missing = found["missing"].as_array().unwrap();
    let paths: Vec<&Json> = missing.iter().map(|file| &file["path"]).collect();
    assert_eq!(
        (found["result"].as_str(), paths),
        (Some("broken"), vec![&json!("a"), &json!("b")])
    );
    assert_eq!(found["found_digest"], sha256(""));
}
