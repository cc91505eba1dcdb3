//! Who is changing which files: one holder at a time for a file or folder, what is below it, and
//! the folders above it.
//!
//! An upload holds its path from its last byte until its digest is recorded, and so the content and
//! the digest of a path always come from the same upload; a registration holds the folder of its
//! files while it freezes them. It knows the holders of this process only;
//! those of other servers are the business of `replicas::claim`.

use super::path::ArtifactPath;
use std::collections::BTreeMap;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Notify;

/// The one name of a file or folder, by whatever location or link it was reached: its path in the
/// server's own store, its absolute path on this machine, or its URL in another object store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spot(String);

impl Spot {
    /// Takes a path of the own store, or an absolute path without links.
    pub fn new(path: &Path) -> Self {
        Self(path.to_string_lossy().into_owned())
    }

    /// Takes a bucket, as `s3://bucket`, and a path in it.
    pub(super) fn in_bucket(bucket: &str, path: &ArtifactPath) -> Self {
        match path.is_root() {
            true => Self(bucket.to_owned()),
            false => Self(format!("{bucket}/{path}")),
        }
    }

    /// Gives the path; one of the own store has no slash in front.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Gives the last name of the path.
    pub fn name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or_default()
    }

    /// Gives the path in the own store; `None` for a place elsewhere.
    pub fn own_path(&self) -> Option<&str> {
        (!self.0.starts_with('/') && self.host_end() == 0).then_some(&self.0)
    }

    /// Gives what clients may be shown: a place elsewhere on this machine is only a name to them.
    pub fn shown(&self) -> &str {
        match self.0.starts_with('/') {
            true => self.name(),
            false => &self.0,
        }
    }

    /// Gives the path itself and the folders above it, up to a bucket, but not the root of the own
    /// store or of this machine.
    pub fn lineage(&self) -> impl Iterator<Item = &str> {
        fn above<'p>(path: &&'p str) -> Option<&'p str> {
            path.rsplit_once('/').map(|(above, _)| above)
        }
        let least = self.host_end();
        std::iter::successors(Some(self.as_str()), above).take_while(move |path| path.len() > least)
    }

    /// Gives where the scheme of a URL and its slashes end; 0 for a path, since no path has two
    /// slashes in a row.
    fn host_end(&self) -> usize {
        self.0.find("://").map_or(0, |at| at + "://".len())
    }

    fn holds(&self, other: &Self) -> bool {
        match other.0.strip_prefix(&self.0) {
            Some(rest) => rest.is_empty() || self.0.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }
}

/// The holders and those who wait, in the order in which they came; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Claims {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    left: Notify,
}

#[derive(Default)]
struct Queue {
    next: u64,
    spots: BTreeMap<u64, Spot>,
}

/// The right to change a file or folder; it ends when it is dropped.
pub struct Claim {
    shared: Arc<Shared>,
    ticket: u64,
}

impl Claims {
    /// Waits until nobody who came earlier holds or wants the spot, a part of it, or a folder
    /// above it.
    pub(super) async fn hold(&self, spot: &Spot) -> Claim {
        let claim = self.enter(spot);
        loop {
            let mut left = pin!(self.shared.left.notified());
            // Whoever leaves between the look and the wait is not missed.
            left.as_mut().enable();
            if self.shared.is_first(claim.ticket, spot) {
                return claim;
            }
            left.await;
        }
    }

    fn enter(&self, spot: &Spot) -> Claim {
        let mut queue = self
            .shared
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let ticket = queue.next;
        queue.next += 1;
        queue.spots.insert(ticket, spot.clone());
        Claim {
            shared: self.shared.clone(),
            ticket,
        }
    }
}

impl Shared {
    fn is_first(&self, ticket: u64, spot: &Spot) -> bool {
        let queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        let mut earlier = queue.spots.range(..ticket).map(|(_, other)| other);
        !earlier.any(|other| other.holds(spot) || spot.holds(other))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let queue = self.shared.queue.lock();
        queue
            .unwrap_or_else(PoisonError::into_inner)
            .spots
            .remove(&self.ticket);
        self.shared.left.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn spot(path: &str) -> Spot {
        Spot::new(Path::new(path))
    }

    #[test]
    fn the_lineage_goes_up_to_the_root() {
        let check = |path: &str, expected: &[&str]| {
            assert_eq!(spot(path).lineage().collect::<Vec<_>>(), expected, "{path}");
        };
        check("a/b/c", &["a/b/c", "a/b", "a"]);
        check("/a/b", &["/a/b", "/a"]);
        check("a", &["a"]);
        check("", &[]);
        check("c:/x", &["c:/x", "c:"]);
        check("s3://b/c/d", &["s3://b/c/d", "s3://b/c", "s3://b"]);
        check("s3://b", &["s3://b"]);
    }

    #[test]
    fn only_paths_of_the_own_store_are_its_own() {
        let bucket = Spot::in_bucket("s3://b", &ArtifactPath::parse("x/y").unwrap());
        assert_eq!((bucket.as_str(), bucket.own_path()), ("s3://b/x/y", None));
        assert_eq!((bucket.shown(), bucket.name()), ("s3://b/x/y", "y"));
        assert_eq!((spot("/a/b").own_path(), spot("/a/b").shown()), (None, "b"));
        assert_eq!(spot("c:/b").own_path(), Some("c:/b"));
    }

    #[tokio::test]
    async fn only_overlapping_claims_wait_for_each_other() {
        let claims = Claims::default();
        let waits = async |path: &str| {
            let wait = Duration::from_millis(20);
            tokio::time::timeout(wait, claims.hold(&spot(path)))
                .await
                .is_err()
        };
        let held = claims.hold(&spot("a/b")).await;
        for (path, expected) in [
            ("a/b", true),
            ("a/b/c", true),
            ("a", true),
            ("", true),
            ("a/bc", false),
            ("a/c", false),
            ("/a/b", false),
        ] {
            assert_eq!(waits(path).await, expected, "{path}");
        }
        drop(held);
        assert!(!waits("a").await);
    }

    #[tokio::test]
    async fn who_waits_goes_before_those_who_come_later() {
        let claims = Claims::default();
        let first = claims.hold(&spot("a/1")).await;
        let folder = tokio::spawn({
            let claims = claims.clone();
            async move { claims.hold(&spot("a")).await }
        });
        while claims.shared.queue.lock().unwrap().spots.len() < 2 {
            tokio::task::yield_now().await;
        }
        let late = tokio::spawn({
            let claims = claims.clone();
            async move { claims.hold(&spot("a/2")).await }
        });
        tokio::task::yield_now().await;
        assert!(!late.is_finished());
        drop(first);
        let folder = folder.await.unwrap();
        assert!(!late.is_finished());
        drop(folder);
        late.await.unwrap();
    }
}
