//! Which stores this server reads and writes for its clients.
//!
//! A run's location is text that a client may have chosen. Only the server's own store, and what is
//! below the roots that the operator named, folders and places in object stores, is ever opened.

use super::claims::{Claim, Claims, Spot};
use super::location::{self, Place};
use super::{Access, ArtifactPath, ArtifactStore};
use crate::config::StoreUrl;
use crate::error::{Code, Error, Result};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// The stores of this server; cheap to clone.
#[derive(Clone)]
pub struct Shelf {
    store: Option<ArtifactStore>,
    local_roots: Arc<[PathBuf]>,
    stores: Arc<Stores>,
    claims: Claims,
}

/// The places in object stores that the server may reach.
#[derive(Default)]
pub struct Stores {
    /// Where the server's own store is, if it is in an object store.
    own: Option<StoreUrl>,
    roots: Vec<StoreRoot>,
    /// Azure's account of a URL that names none.
    account: String,
}

struct StoreRoot {
    url: StoreUrl,
    /// The whole bucket.
    bucket: ArtifactStore,
}

impl Stores {
    /// Begins with the server's own place, and with what the environment tells.
    pub fn new(own: Option<StoreUrl>, access: &Access) -> Self {
        let account = access.azure_account();
        Self {
            own: own.map(|url| url.in_account(&account)),
            roots: Vec::new(),
            account,
        }
    }

    /// Allows what is below a place.
    ///
    /// # Errors
    /// 400 for a store whose credentials are missing.
    pub fn allow(&mut self, url: StoreUrl, access: &Access) -> Result<()> {
        let url = url.in_account(&self.account);
        let whole = StoreUrl {
            bucket: url.bucket.clone(),
            prefix: String::new(),
        };
        let bucket = ArtifactStore::at(&whole, access)?;
        self.roots.push(StoreRoot { url, bucket });
        Ok(())
    }

    /// Finds the place that a location names, unless it is a spelling that no client of this server
    /// could ask for.
    fn find(&self, location: &str) -> Option<StoreUrl> {
        let url = StoreUrl::parse(location)?.ok()?.in_account(&self.account);
        let path = ArtifactPath::parse(&url.prefix).ok()?;
        (path.as_str() == url.prefix).then_some(url)
    }
}

/// A store, a path in it, and the bucket it is in if it is not the server's own.
type Reached = (ArtifactStore, ArtifactPath, Option<String>);

/// A file or folder that this server may reach, and its one name.
#[derive(Debug, Clone)]
pub struct Site {
    pub store: ArtifactStore,
    pub path: ArtifactPath,
    pub spot: Spot,
}

impl Shelf {
    /// Takes the server's own store (none where it serves no artifacts) and the absolute folders
    /// below which a run's local location may be reached.
    pub fn new(store: Option<ArtifactStore>, local_roots: Vec<PathBuf>) -> Self {
        Self {
            store,
            local_roots: local_roots.into(),
            stores: Arc::default(),
            claims: Claims::default(),
        }
    }

    /// Adds the places in object stores.
    pub fn with_stores(mut self, stores: Stores) -> Self {
        self.stores = Arc::new(stores);
        self
    }

    /// Gives the server's own store.
    pub fn own(&self) -> Result<&ArtifactStore> {
        self.store.as_ref().ok_or_else(|| {
            Error::unavailable(
                "Artifact serving is disabled. Start the server with `--serve-artifacts` to \
                 enable it, or reach the artifacts at their own location.",
            )
        })
    }

    /// Gives the store and the path below which the files of a run or model are.
    pub fn reach(&self, artifact_uri: &str) -> Result<(ArtifactStore, ArtifactPath)> {
        let (store, path, _) = self.find(artifact_uri)?;
        Ok((store, path))
    }

    fn find(&self, artifact_uri: &str) -> Result<Reached> {
        match location::place(artifact_uri)? {
            Place::Proxied(path) => Ok((self.own()?.clone(), path, None)),
            Place::Local(folder) if self.may_reach(&folder) => {
                Ok((ArtifactStore::local(folder), ArtifactPath::root(), None))
            }
            Place::Local(folder) => Err(Error::denied(format!(
                "This server does not read or write files in '{}'. The operator may allow it by \
                 artifacts.allowed_local_roots.",
                folder.display()
            ))),
            Place::Remote(uri) => self.find_remote(&uri),
        }
    }

    fn find_remote(&self, uri: &str) -> Result<Reached> {
        let unreached = || {
            let text = format!(
                "This server does not reach artifacts at '{uri}'; read and write them there \
                 directly."
            );
            let more = match StoreUrl::parse(uri) {
                Some(_) => " The operator may allow it by artifacts.allowed_stores.",
                None => "",
            };
            Error::new(Code::NotImplemented, text + more)
        };
        let url = self.stores.find(uri).ok_or_else(unreached)?;
        let own = self.stores.own.as_ref().zip(self.store.as_ref());
        if let Some((root, store)) = own
            && let Some(below) = url.below_root(root)
        {
            return Ok((store.clone(), ArtifactPath::parse(below)?, None));
        }
        let holds = |root: &&StoreRoot| url.below_root(&root.url).is_some();
        let root = self.stores.roots.iter().find(holds);
        let root = root.ok_or_else(unreached)?;
        let path = ArtifactPath::parse(&url.prefix)?;
        Ok((root.bucket.clone(), path, Some(url.bucket.to_string())))
    }

    fn may_reach(&self, folder: &Path) -> bool {
        let plain = folder.is_absolute()
            && !folder
                .components()
                .any(|part| matches!(part, Component::ParentDir));
        // A link inside a root must not lead out of it, so that the real places are compared.
        let real = existing(folder);
        plain
            && self
                .local_roots
                .iter()
                .any(|root| folder.starts_with(root) && real.starts_with(existing(root)))
    }

    /// Finds what is at `below` in the files of a run, model or version; a location that is a file
    /// of this machine is that file.
    pub async fn site(&self, location: &str, below: &ArtifactPath) -> Result<Site> {
        let (store, root, bucket) = self.find(location)?;
        let path = root.join(below);
        match bucket {
            Some(bucket) => Ok(Site {
                spot: Spot::in_bucket(&bucket, &path),
                store,
                path,
            }),
            None => self.resolved(store, path).await,
        }
    }

    /// Finds what is at a path of the server's own store.
    pub async fn own_site(&self, path: ArtifactPath) -> Result<Site> {
        self.resolved(self.own()?.clone(), path).await
    }

    /// Waits until nobody else in this process is changing the spot, what is below it, or a folder
    /// above it. `App::claim` asks the other servers, too.
    pub async fn claim(&self, spot: &Spot) -> Claim {
        self.claims.hold(spot).await
    }

    async fn resolved(&self, store: ArtifactStore, path: ArtifactPath) -> Result<Site> {
        let own = self.store.as_ref().and_then(ArtifactStore::folder);
        let own = own.map(Path::to_owned);
        let resolve = move || {
            let (store, path) = file_in_folder(&store, &path).unwrap_or((store, path));
            let spot = match store.folder() {
                Some(folder) => spot_of(&folder.join(path.as_str()), own.as_deref()),
                None => Spot::new(Path::new(path.as_str())),
            };
            Site { store, path, spot }
        };
        tokio::task::spawn_blocking(resolve)
            .await
            .map_err(|error| Error::unavailable("The server is shutting down").with_cause(error))
    }
}

/// Sees a location that is a file as that file in its folder; blocks for a moment.
fn file_in_folder(
    store: &ArtifactStore,
    path: &ArtifactPath,
) -> Option<(ArtifactStore, ArtifactPath)> {
    let file = store.folder().filter(|_| path.is_root())?;
    let folder = file.parent().filter(|_| file.is_file())?;
    let name = ArtifactPath::parse_file(file.file_name()?.to_str()?).ok()?;
    Some((ArtifactStore::local(folder.to_owned()), name))
}

/// Names a path of this machine, whatever links lead to it; blocks for a moment.
fn spot_of(path: &Path, own: Option<&Path>) -> Spot {
    let real = existing(path);
    let own = own.map(existing);
    let below_own = own.and_then(|own| Some(real.strip_prefix(own).ok()?.to_owned()));
    Spot::new(&below_own.unwrap_or(real))
}

/// Resolves the links of the longest part of a path that exists; blocks for a moment.
fn existing(path: &Path) -> PathBuf {
    let mut missing = Vec::new();
    for ancestor in path.ancestors() {
        if let Ok(real) = ancestor.canonicalize() {
            return missing
                .iter()
                .rev()
                .fold(real, |real, name| real.join(name));
        }
        missing.extend(ancestor.file_name());
    }
    path.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_folders_below_the_roots_are_reached() {
        let root = tempfile::tempdir().unwrap();
        let inside = root.path().join("0/run/artifacts");
        std::os::unix::fs::symlink("/etc", root.path().join("link")).unwrap();
        let shelf = Shelf::new(None, vec![root.path().to_owned()]);
        let check = |path: String, expected: bool| {
            assert_eq!(shelf.reach(&path).is_ok(), expected, "{path}");
        };
        check(inside.display().to_string(), true);
        check(format!("file://{}", inside.display()), true);
        check("/etc".into(), false);
        check(format!("{}x", root.path().display()), false);
        check(format!("{}/../etc", root.path().display()), false);
        check(format!("{}/link/ssh", root.path().display()), false);
        check("relative".into(), false);
        check("s3://bucket/x".into(), false);
        check("mlflow-artifacts:/0".into(), false);
    }

    #[tokio::test]
    async fn places_in_object_stores_have_one_name_each() {
        let variable = |name: &str| {
            let known = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"].contains(&name);
            known.then(|| "x".to_owned())
        };
        let access = Access {
            variable: Arc::new(variable),
            timeout: std::time::Duration::from_secs(1),
            may_ask_metadata: false,
        };
        let url = |text: &str| StoreUrl::parse(text).unwrap().unwrap();
        let mut stores = Stores::new(Some(url("s3://own/p")), &access);
        stores.allow(url("s3://other/q"), &access).unwrap();
        let own = ArtifactStore::at(&url("s3://own/p"), &access).unwrap();
        let shelf = Shelf::new(Some(own), Vec::new()).with_stores(stores);
        let check = async |location: &str, expected: Result<&str, u16>| {
            let below = ArtifactPath::parse("f/g").unwrap();
            let site = shelf.site(location, &below).await;
            let spot = site.as_ref().map(|site| site.spot.as_str());
            let outcome = spot.map_err(|error| error.code.status());
            assert_eq!(outcome, expected, "{location}");
        };
        check("mlflow-artifacts:/0/r", Ok("0/r/f/g")).await;
        check("s3://own/p/0/r", Ok("0/r/f/g")).await;
        check("s3://own/p/", Ok("f/g")).await;
        check("S3://other/q/0", Ok("s3://other/q/0/f/g")).await;
        check("s3://other/q", Ok("s3://other/q/f/g")).await;
        check("s3://other/qq", Err(501)).await;
        check("s3://other/q/../x", Err(501)).await;
        check("s3://other/q/a%20b", Err(501)).await;
        check("s3://other/q?x", Err(501)).await;
        check("s3://own/x", Err(501)).await;
        check("gs://other/q", Err(501)).await;
    }

    #[tokio::test]
    async fn one_file_has_one_name_by_whatever_way_it_is_reached() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        std::fs::create_dir_all(root.join("own/0/run")).unwrap();
        std::fs::create_dir_all(root.join("other")).unwrap();
        std::fs::write(root.join("other/model.bin"), "x").unwrap();
        std::os::unix::fs::symlink("0/run", root.join("own/link")).unwrap();
        std::os::unix::fs::symlink(&root, root.join("other/back")).unwrap();
        let shelf = Shelf::new(
            Some(ArtifactStore::local(root.join("own"))),
            vec![root.clone()],
        );
        let check = async |location: &str, below: &str, expected: &str| {
            let below = ArtifactPath::parse(below).unwrap();
            let site = shelf.site(location, &below).await.unwrap();
            assert_eq!(site.spot.as_str(), expected, "{location} {below}");
        };
        let local = root.display();
        check("mlflow-artifacts:/0/run", "f", "0/run/f").await;
        check("mlflow-artifacts:/link", "f/g", "0/run/f/g").await;
        check(&format!("file://{local}/own/0"), "run/f", "0/run/f").await;
        let back = format!("{local}/other/back/own/0");
        check(&back, "run", "0/run").await;
        let file = format!("{local}/other/model.bin");
        check(&file, "", &file).await;
        check(&format!("{local}/other"), "a", &format!("{local}/other/a")).await;
    }
}
