//! What symbolic links, and what is neither file nor folder, may do in a local folder: nothing
//! outside of it.

use std::os::unix::fs::symlink;

use super::*;

/// A store whose root has links out of it, and the folder they lead to.
async fn with_links() -> (ArtifactStore, TempDir, TempDir) {
    let (store, folder) = local();
    let outside = TempDir::new().unwrap();
    fs::write(outside.path().join("secret"), b"secret").unwrap();
    put(&store, "inside/f", b"inside").await.unwrap();
    let root = folder.path();
    symlink(outside.path(), root.join("out")).unwrap();
    symlink(outside.path().join("secret"), root.join("out_file")).unwrap();
    symlink("../..", root.join("inside/up")).unwrap();
    symlink("inside", root.join("within")).unwrap();
    symlink(outside.path().join("missing"), root.join("dangling")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    (store, folder, outside)
}

#[tokio::test]
async fn links_out_of_the_root_are_not_followed() {
    let (store, _folder, outside) = with_links().await;
    for at in [
        "out/secret",
        "out_file",
        "out",
        "inside/up",
        "loop",
        "loop/x",
    ] {
        let error = store.get(&path(at), None).await.unwrap_err();
        assert_eq!((error.code, at), (Code::Invalid, at));
        let text = "Invalid path: resolved path is outside the artifact directory";
        assert_eq!(error.message, text);
        assert_eq!(store.list(&path(at)).await.unwrap_err().code, Code::Invalid);
        assert_eq!(put(&store, at, b"x").await.unwrap_err().code, Code::Invalid);
    }
    for at in ["out/new", "out/new/f", "dangling/f"] {
        assert_eq!(
            put(&store, at, b"x").await.unwrap_err().code,
            Code::Invalid,
            "{at}"
        );
    }
    assert_eq!(
        store.delete(&path("out/secret")).await.unwrap_err().code,
        Code::Invalid
    );
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
    assert_eq!(fs::read(outside.path().join("secret")).unwrap(), b"secret");
}

#[tokio::test]
async fn links_inside_the_root_are_followed_and_only_they_are_listed() {
    let (store, _folder, _outside) = with_links().await;
    assert_eq!(get(&store, "within/f").await, b"inside");
    put(&store, "within/g", b"x").await.unwrap();
    assert_eq!(names(&store, "inside").await, ["f", "g"]);
    assert_eq!(names(&store, "").await, ["inside", "within"]);
}

#[tokio::test]
async fn a_link_is_deleted_or_replaced_and_what_it_leads_to_is_kept() {
    let (store, folder, outside) = with_links().await;
    store.delete(&path("out")).await.unwrap();
    store.delete(&path("out_file")).await.unwrap();
    store.delete(&path("within")).await.unwrap();
    put(&store, "dangling", b"x").await.unwrap();
    assert_eq!(get(&store, "dangling").await, b"x");
    assert!(!outside.path().join("missing").exists());
    assert!(outside.path().join("secret").exists());
    assert!(!folder.path().join("out").exists());
    assert_eq!(get(&store, "inside/f").await, b"inside");
}

#[tokio::test]
async fn what_is_no_plain_file_is_not_opened() {
    let (store, folder) = local();
    let _listener = std::os::unix::net::UnixListener::bind(folder.path().join("s")).unwrap();
    assert_eq!(
        store.get(&path("s"), None).await.unwrap_err().code,
        Code::NotFound
    );
}
