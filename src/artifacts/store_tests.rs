//! What every artifact store must do, tried on a local folder and on an object store, and what the
//! local folder must do besides.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{self, Stream, StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use proptest::prelude::*;
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use tokio::sync::oneshot;

use super::connect::Access;
use super::failure::failed;
use super::path::ArtifactPath;
use super::range::ByteRange;
use super::staged::{self, StagedFile};
use super::store::{ArtifactStore, Download, Entry, Found, Stored};
use crate::config::StoreUrl;
use crate::config::location::Destination;
use crate::error::{Code, Error, Result};

#[cfg(unix)]
mod links;

fn path(raw: &str) -> ArtifactPath {
    ArtifactPath::parse(raw).unwrap()
}

fn body(content: &[u8]) -> impl Stream<Item = io::Result<Bytes>> + Send + use<> {
    let chunks: Vec<_> = content
        .chunks(1000)
        .map(Bytes::copy_from_slice)
        .map(Ok)
        .collect();
    stream::iter(chunks)
}

/// A body that gives `content` and then fails.
fn broken(content: &[u8], error: io::Error) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::iter([Ok(Bytes::copy_from_slice(content)), Err(error)])
}

async fn put(store: &ArtifactStore, at: &str, content: &[u8]) -> Result<()> {
    let stored = store.put(&path(at), body(content)).await?;
    assert_eq!(stored.size, content.len() as u64);
    assert_eq!(stored.sha256[..], Sha256::digest(content)[..]);
    Ok(())
}

async fn open(store: &ArtifactStore, at: &str) -> Download {
    match store.get(&path(at), None).await.unwrap() {
        Found::File(download) => download,
        other => panic!("{at} is {other:?}"),
    }
}

async fn content(download: Download) -> Vec<u8> {
    let parts: Vec<Bytes> = download.stream.try_collect().await.unwrap();
    parts.concat()
}

async fn get(store: &ArtifactStore, at: &str) -> Vec<u8> {
    content(open(store, at).await).await
}

async fn names(store: &ArtifactStore, at: &str) -> Vec<String> {
    store
        .list(&path(at))
        .await
        .unwrap()
        .into_iter()
        .map(|entry| entry.name)
        .collect()
}

/// The stores every behavior below holds for; the folder lives as long as its guard. One is the
/// object store at `TRACKWAY_TEST_ARTIFACTS`, if that is set, below a prefix of its own.
fn stores() -> Vec<(ArtifactStore, Option<TempDir>)> {
    let (store, folder) = local();
    let bucket = || Arc::new(InMemory::new());
    let mut stores = vec![
        (store, Some(folder)),
        (ArtifactStore::objects(bucket(), ArtifactPath::root()), None),
        (
            ArtifactStore::objects(bucket(), path("a prefix/of keys")),
            None,
        ),
    ];
    if let Some(store) = remote() {
        stores.push((store, None));
    }
    stores
}

/// The place of artifacts outside this process, for the suites that have one.
const REMOTE: &str = "TRACKWAY_TEST_ARTIFACTS";

fn has_remote() -> bool {
    std::env::var_os(REMOTE).is_some()
}

pub(super) fn remote() -> Option<ArtifactStore> {
    let url = std::env::var(REMOTE).ok()?;
    let access = Access::of_process(Duration::from_secs(20), false);
    let url = format!("{url}/a prefix/{:032x}", rand::random::<u128>());
    let url = StoreUrl::parse(&url).unwrap().unwrap();
    let url = url.in_account(&access.azure_account());
    Some(ArtifactStore::at(&url, &access).unwrap())
}

fn open_folder(folder: &Path) -> ArtifactStore {
    let access = Access::of_process(Duration::from_secs(1), false);
    ArtifactStore::open(&Destination::Local(folder.to_owned()), &access).unwrap()
}

fn local() -> (ArtifactStore, TempDir) {
    let folder = TempDir::new().unwrap();
    (open_folder(folder.path()), folder)
}

/// Waits for what a background thread does soon.
async fn eventually(condition: impl Fn() -> bool) {
    let waiting = async {
        while !condition() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), waiting)
        .await
        .unwrap();
}

fn uploads_in(folder: &Path) -> usize {
    fs::read_dir(folder.join(staged::FOLDER)).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_stored_file_is_read_back() {
    for (store, _folder) in stores() {
        for size in [0, 1, 1000, 300_000, 9 << 20] {
            let content: Vec<u8> = (0..size).map(|n: u32| (n % 251) as u8).collect();
            put(&store, "run/model/weights.bin", &content)
                .await
                .unwrap();
            let download = open(&store, "run/model/weights.bin").await;
            assert_eq!(
                (download.size, &download.range),
                (size.into(), &(0..size.into()))
            );
            assert!(self::content(download).await == content, "{size}");
        }
    }
}

#[tokio::test]
async fn ranges_give_the_bytes_asked_for() {
    for (store, _folder) in stores() {
        let content: Vec<u8> = (0..600_000_u32).map(|n| (n % 253) as u8).collect();
        put(&store, "f", &content).await.unwrap();
        for (header, range) in [
            ("bytes=0-0", 0..1),
            ("bytes=599999-", 599_999..600_000),
            ("bytes=-300001", 299_999..600_000),
            ("bytes=1-262145", 1..262_146),
        ] {
            let found = store
                .get(&path("f"), ByteRange::parse(header))
                .await
                .unwrap();
            let Found::File(download) = found else {
                panic!("{header} is {found:?}")
            };
            assert_eq!((download.size, &download.range), (600_000, &range));
            let range = range.start as usize..range.end as usize;
            assert!(self::content(download).await == content[range], "{header}");
        }
        let found = store
            .get(&path("f"), ByteRange::parse("bytes=600000-"))
            .await
            .unwrap();
        assert!(
            matches!(found, Found::OutOfRange { size: 600_000 }),
            "{found:?}"
        );
    }
}

#[tokio::test]
async fn a_missing_file_is_not_found_and_a_folder_is_told_apart() {
    for (store, _folder) in stores() {
        put(&store, "a/b", b"x").await.unwrap();
        for missing in ["zz", "a/c", "a/b/c", "A/b/c/d"] {
            let error = store.get(&path(missing), None).await.unwrap_err();
            assert_eq!(error.code, Code::NotFound);
            assert_eq!(error.message, format!("No such artifact: '{missing}'"));
            assert!(!store.exists(&path(missing)).await.unwrap());
        }
        for folder in ["a", ""] {
            assert!(matches!(
                store.get(&path(folder), None).await.unwrap(),
                Found::Folder
            ));
            assert!(store.exists(&path(folder)).await.unwrap());
        }
        assert!(store.exists(&path("a/b")).await.unwrap());
    }
}

#[tokio::test]
async fn listings_are_sorted_and_name_what_is_directly_there() {
    for (store, _folder) in stores() {
        for at in ["b", "a/z/y", "a/x", "B", "a.txt", "ä", "z z"] {
            put(&store, at, at.as_bytes()).await.unwrap();
        }
        assert_eq!(
            names(&store, "").await,
            ["B", "a", "a.txt", "b", "z z", "ä"]
        );
        let entry = |name: &str, is_dir, size| Entry {
            name: name.to_owned(),
            is_dir,
            size,
            modified_ns: 0,
        };
        let mut listed = store.list(&path("a")).await.unwrap();
        for one in &mut listed {
            assert!(one.is_dir || one.modified_ns > 1_600_000_000_000_000_000);
            one.modified_ns = 0;
        }
        assert_eq!(listed, [entry("x", false, 3), entry("z", true, 0)]);
        for nothing in ["zz", "b", "b/c"] {
            assert_eq!(
                names(&store, nothing).await,
                Vec::<String>::new(),
                "{nothing}"
            );
        }
    }
}

#[tokio::test]
async fn an_upload_that_is_not_allowed_leaves_everything_as_it_was() {
    for (store, folder) in stores() {
        put(&store, "a/f", b"old").await.unwrap();
        let refuse = async |stored: Stored| {
            assert_eq!(stored.size, 3);
            assert_eq!(stored.sha256[..], Sha256::digest("new")[..]);
            Err::<(), _>(Error::denied("no"))
        };
        for at in ["a/f", "a/g"] {
            let outcome = store.put_when(&path(at), body(b"new"), refuse).await;
            assert_eq!(outcome.unwrap_err().code, Code::Denied);
        }
        assert_eq!(get(&store, "a/f").await, b"old");
        assert_eq!(names(&store, "a").await, ["f"]);
        if let Some(folder) = &folder {
            eventually(|| uploads_in(folder.path()) == 0).await;
        }
        let allow = async |_| Ok("allowed");
        let (_, given) = store
            .put_when(&path("a/f"), body(b"new"), allow)
            .await
            .unwrap();
        assert_eq!(
            (given, get(&store, "a/f").await),
            ("allowed", b"new".to_vec())
        );
    }
}

#[tokio::test]
async fn files_and_whole_folders_are_deleted() {
    for (store, _folder) in stores() {
        for at in ["a/b/c", "a/b/d", "a/e", "ab"] {
            put(&store, at, b"x").await.unwrap();
        }
        store.delete(&path("a/b/c")).await.unwrap();
        assert_eq!(names(&store, "a/b").await, ["d"]);
        store.delete(&path("a")).await.unwrap();
        assert_eq!(names(&store, "a/b").await, Vec::<String>::new());
        // Some S3 servers go on listing emptied folders.
        if !has_remote() {
            assert_eq!(names(&store, "a").await, Vec::<String>::new());
            assert_eq!(names(&store, "").await, ["ab"]);
        }
        for missing in ["a", "zz/y", "ab/c"] {
            store.delete(&path(missing)).await.unwrap();
        }
        assert_eq!(get(&store, "ab").await, b"x");
        let error = store.delete(&ArtifactPath::root()).await.unwrap_err();
        assert_eq!(error.code, Code::Invalid);
    }
}

#[tokio::test]
async fn names_are_listed_and_read_exactly_as_they_were_sent() {
    for (store, folder) in stores() {
        let mut sent = vec![
            "ä b%zz.txt",
            "100%",
            "*?[]~{}",
            "a'b\"c",
            "日本/ж.bin",
            "x&y=z;w+v",
            "...",
            "<>|",
            " lead",
            "trail ",
            "n̈",
            "😀",
            "c:d",
            "%",
            "%%2",
            "q?x=1",
        ];
        // The servers of the tests take a backslash for a slash.
        if !has_remote() {
            sent.push("a\\b");
        }
        for name in sent.clone() {
            put(&store, name, name.as_bytes()).await.unwrap();
            assert_eq!(get(&store, name).await, name.as_bytes());
            if let Some(folder) = &folder {
                assert_eq!(fs::read(folder.path().join(name)).unwrap(), name.as_bytes());
            }
        }
        let mut expected: Vec<&str> = sent.iter().map(|n| n.split('/').next().unwrap()).collect();
        expected.sort_unstable();
        assert_eq!(names(&store, "").await, expected);
    }
}

#[tokio::test]
async fn a_broken_upload_leaves_everything_as_it_was() {
    for (store, folder) in stores() {
        put(&store, "a/f", b"old").await.unwrap();
        // Enough for an object store to have begun a multipart upload.
        let much = vec![7; 20 << 20];
        for at in ["a/f", "new/folder/f"] {
            let error = store
                .put(&path(at), broken(&much, io::Error::other("gone")))
                .await;
            assert_eq!(error.unwrap_err().code, Code::Invalid);
        }
        let own = io::Error::other(Error::new(Code::TooLarge, "at most 10 MiB"));
        let error = store
            .put(&path("a/f"), broken(b"x", own))
            .await
            .unwrap_err();
        assert_eq!(
            (error.code, &*error.message),
            (Code::TooLarge, "at most 10 MiB")
        );
        assert_eq!(get(&store, "a/f").await, b"old");
        assert_eq!(names(&store, "").await, ["a"]);
        if let Some(folder) = &folder {
            eventually(|| uploads_in(folder.path()) == 0).await;
            assert!(!folder.path().join("new").exists());
        }
    }
}

#[tokio::test]
async fn a_dropped_upload_leaves_everything_as_it_was() {
    for (store, folder) in stores() {
        put(&store, "f", b"old").await.unwrap();
        let (reached, at_the_end) = oneshot::channel();
        let endless =
            stream::iter([Ok(Bytes::from(vec![7; 20 << 20]))]).chain(stream::once(async move {
                reached.send(()).unwrap();
                std::future::pending().await
            }));
        let uploader = store.clone();
        let upload = tokio::spawn(async move { uploader.put(&path("f"), endless).await });
        at_the_end.await.unwrap();
        if let Some(folder) = &folder {
            assert_eq!(uploads_in(folder.path()), 1);
            assert_eq!(
                names(&store, "").await,
                ["f"],
                "a file on its way in is not listed"
            );
        }
        upload.abort();
        assert!(upload.await.unwrap_err().is_cancelled());
        assert_eq!(get(&store, "f").await, b"old");
        if let Some(folder) = &folder {
            eventually(|| uploads_in(folder.path()) == 0).await;
        }
    }
}

#[tokio::test]
async fn a_file_that_is_replaced_or_deleted_stays_whole_for_its_readers() {
    let (store, _folder) = local();
    let old = vec![1; 3 << 20];
    put(&store, "f", &old).await.unwrap();
    let (first, second) = (open(&store, "f").await, open(&store, "f").await);
    put(&store, "f", b"new").await.unwrap();
    assert!(content(first).await == old);
    store.delete(&path("f")).await.unwrap();
    assert!(content(second).await == old);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_uploads_to_one_name_one_wins_whole() {
    for (store, folder) in stores() {
        let uploads = (0..16_u8).map(|n| {
            let store = store.clone();
            tokio::spawn(async move { put(&store, "a/b/f", &vec![n; 200_000]).await })
        });
        for upload in uploads.collect::<Vec<_>>() {
            upload.await.unwrap().unwrap();
        }
        let won = get(&store, "a/b/f").await;
        assert_eq!(won.len(), 200_000);
        assert!(won.iter().all(|byte| *byte == won[0]));
        if let Some(folder) = &folder {
            assert_eq!(uploads_in(folder.path()), 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uploads_into_a_folder_under_deletion_are_stored_or_refused_for_now() {
    let (store, _folder) = local();
    let deleting = store.clone();
    let deletions = tokio::spawn(async move {
        for _ in 0..100 {
            deleting.delete(&path("a")).await.unwrap();
        }
    });
    for n in 0..50 {
        if let Err(error) = put(&store, &format!("a/b/{n}"), b"x").await {
            assert_eq!(error.code, Code::Unavailable, "{error:?}");
        }
    }
    deletions.await.unwrap();
    put(&store, "a/b/last", b"x").await.unwrap();
    assert_eq!(get(&store, "a/b/last").await, b"x");
}

#[tokio::test]
async fn files_and_folders_do_not_take_each_others_place() {
    let (store, folder) = local();
    put(&store, "a/f", b"x").await.unwrap();
    for (at, text) in [
        (
            "a",
            "Invalid path: 'a' is a folder, so no file can take its place",
        ),
        (
            "a/f/g",
            "Invalid path: 'a/f' is a file, so nothing can be stored below it",
        ),
        (
            "a/f/g/h",
            "Invalid path: 'a/f' is a file, so nothing can be stored below it",
        ),
    ] {
        let error = put(&store, at, b"y").await.unwrap_err();
        assert_eq!((error.code, &*error.message), (Code::Invalid, text));
    }
    assert_eq!(uploads_in(folder.path()), 0);
    assert_eq!(get(&store, "a/f").await, b"x");
}

#[tokio::test]
async fn names_too_long_for_the_disk_are_refused() {
    let (store, _folder) = local();
    let longest = "n".repeat(255);
    put(&store, &longest, b"x").await.unwrap();
    assert_eq!(get(&store, &longest).await, b"x");
    let too_long = ["n".repeat(256), format!("ok/{}/f", "ä".repeat(128))];
    let too_deep = [vec!["n".repeat(200); 30].join("/")];
    for at in too_long.iter().chain(&too_deep) {
        for error in [
            put(&store, at, b"x").await.unwrap_err(),
            store.get(&path(at), None).await.unwrap_err(),
            store.list(&path(at)).await.unwrap_err(),
            store.delete(&path(at)).await.unwrap_err(),
        ] {
            assert_eq!(error.code, Code::Invalid);
            assert!(error.message.starts_with("Invalid path: "), "{error}");
        }
    }
}

#[tokio::test]
async fn the_folder_of_uploads_cannot_be_reached() {
    let (store, _folder) = local();
    for at in [
        ".trackway-uploads",
        ".trackway-uploads/x",
        ".Trackway-Uploads/x",
    ] {
        assert_eq!(put(&store, at, b"x").await.unwrap_err().code, Code::Invalid);
        assert_eq!(
            store.get(&path(at), None).await.unwrap_err().code,
            Code::Invalid
        );
        assert_eq!(
            store.delete(&path(at)).await.unwrap_err().code,
            Code::Invalid
        );
    }
    put(&store, "run/.trackway-uploads", b"x").await.unwrap();
    assert_eq!(names(&store, "run").await, [".trackway-uploads"]);
}

#[tokio::test]
async fn opening_removes_what_a_crash_left_and_nothing_else() {
    let (store, folder) = local();
    put(&store, "a/f.part", b"x").await.unwrap();
    let mut alive = StagedFile::create(folder.path()).unwrap();
    alive.write(&[Bytes::from_static(b"alive")]).unwrap();
    let left = folder.path().join(staged::FOLDER).join("left.part");
    fs::write(&left, b"half").unwrap();
    let store = open_folder(folder.path());
    assert!(!left.exists());
    assert_eq!(uploads_in(folder.path()), 1);
    assert_eq!(get(&store, "a/f.part").await, b"x");
    alive.publish(&folder.path().join("done")).unwrap();
    assert_eq!(get(&store, "done").await, b"alive");
}

#[tokio::test]
async fn a_folder_of_a_run_is_made_by_its_first_upload_and_holds_nothing_else() {
    let folder = TempDir::new().unwrap();
    let root = folder.path().join("experiment/run/artifacts");
    let store = ArtifactStore::local(root.clone());
    assert_eq!(names(&store, "").await, Vec::<String>::new());
    assert_eq!(
        store.get(&path("f"), None).await.unwrap_err().code,
        Code::NotFound
    );
    store.delete(&path("f")).await.unwrap();
    assert!(!root.exists());
    put(&store, "f", b"x").await.unwrap();
    assert_eq!(fs::read_dir(&root).unwrap().count(), 1);
}

#[test]
fn a_full_disk_is_said_to_be_full() {
    for kind in [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded] {
        let error = failed("store the artifact", io::Error::from(kind));
        assert_eq!(error.code, Code::Unavailable);
        assert!(error.message.contains("disk space"), "{error}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn accepted_paths_are_kept_inside_the_root_under_their_own_names(
        raw in prop::collection::vec(r"([./\\%:a]|%2e|%2f|%25|\PC){1,12}", 1..8)
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let around = TempDir::new().unwrap();
            let root = around.path().join("root");
            let store = open_folder(&root);
            let mut expected = BTreeMap::new();
            for at in raw.iter().filter_map(|raw| ArtifactPath::parse_file(raw).ok()) {
                if store.put(&at, body(at.as_str().as_bytes())).await.is_ok() {
                    expected.insert(at.as_str().to_owned(), at);
                }
            }
            for (name, at) in &expected {
                assert_eq!(get(&store, name).await, name.as_bytes());
                assert!(names(&store, at.parent().as_str()).await.iter().any(|n| n == at.name()));
            }
            assert_eq!(fs::read_dir(around.path()).unwrap().count(), 1);
        });
    }
}
