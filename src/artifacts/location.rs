//! Artifact locations: the text stored with an experiment, a run or a model that says where its
//! files are.
//!
//! It checks what a client may store, derives a run's location from its experiment's, and tells how
//! the server reaches a stored one. It never opens a location.

use std::path::{Component, Path, PathBuf};

use percent_encoding::percent_decode_str;

use super::host;
use super::path::ArtifactPath;
use super::uri::{Uri, join_paths};
use crate::error::{Error, Result};

/// The route under which this server hands out its own artifacts.
const PROXY_ROUTE: &str = "/api/2.0/mlflow-artifacts/artifacts";

/// What an operator lets clients choose as the location of an experiment.
#[derive(Debug, Clone)]
pub struct LocationPolicy {
    /// The longest location, in characters; MLflow's default is 2048.
    pub max_length: usize,
    /// Schemes that may name any host.
    pub allowed_schemes: Vec<String>,
    /// The operator's own locations (default artifact root, destination), whose hosts are trusted.
    pub trusted: Vec<String>,
    /// The absolute folder against which a relative local path is resolved.
    pub working_directory: PathBuf,
}

/// Where the files of a run or model are, as this server sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// In the server's own artifact store, at this path.
    Proxied(ArtifactPath),
    /// In a folder of this machine.
    Local(PathBuf),
    /// Somewhere that only a storage client for this URI reaches.
    Remote(String),
}

impl LocationPolicy {
    /// Checks the `artifact_location` of a new experiment and gives the text to store: a relative
    /// local path becomes absolute, anything else stays as it is. Errors are 400 with MLflow's
    /// texts. The empty location means the default and must not be passed here.
    pub fn resolve(&self, raw: &str) -> Result<String> {
        if raw.chars().any(char::is_control) {
            return Err(Error::invalid(
                "'artifact_location' URL can't include control characters.",
            ));
        }
        let uri = Uri::split(raw);
        if !uri.fragment.is_empty() || !uri.parameters.is_empty() {
            return Err(Error::invalid(
                "'artifact_location' URL can't include fragments or params.",
            ));
        }
        check_query(uri.query)?;
        self.check_host("artifact_location", raw)?;
        if raw.starts_with("runs:") {
            return Err(Error::invalid(format!(
                "Artifact location cannot be a runs:/ URI. Given: '{raw}'"
            )));
        }
        self.check_length(raw)?;
        let resolved = resolve_local(raw, &self.working_directory)?;
        self.check_length(&resolved)?;
        // A location that could never be read would make every run below it useless.
        place(&resolved)?;
        Ok(resolved)
    }

    /// Refuses a location, given in this field of a request, that would make the server connect to
    /// a host it has no business with: 400 with MLflow's text.
    pub fn check_host(&self, field: &str, location: &str) -> Result<()> {
        host::check((field, location), &self.trusted, &self.allowed_schemes)
    }

    fn check_length(&self, location: &str) -> Result<()> {
        if location.chars().count() <= self.max_length {
            return Ok(());
        }
        Err(Error::invalid(format!(
            "Invalid artifact path length. The length of the artifact path cannot be greater than \
             {} characters. To configure this limit, please set the \
             MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable.",
            self.max_length
        )))
    }
}

/// Gives the location of an experiment that names none, below the server's default root.
pub fn of_experiment(default_root: &str, experiment_id: &str) -> Result<String> {
    append(default_root, &[experiment_id])
}

/// Gives the location of a run below that of its experiment.
pub fn of_run(experiment_location: &str, run_id: &str) -> Result<String> {
    append(experiment_location, &[run_id, "artifacts"])
}

/// Gives the location of a logged model below that of its experiment.
pub fn of_model(experiment_location: &str, model_id: &str) -> Result<String> {
    append(experiment_location, &["models", model_id, "artifacts"])
}

/// Appends path segments to a location, before its query if it has one.
///
/// The spelling is that of MLflow, which clients compare: `file:/a` becomes `file:///a/b`, and the
/// `?` of a plain path is a part of the path. A query that holds `..` is 400 `Invalid query string`.
pub fn append(location: &str, segments: &[&str]) -> Result<String> {
    let below = segments
        .iter()
        .fold(String::new(), |path, next| join_paths(&path, next));
    let uri = Uri::split(location);
    check_query(uri.query)?;
    if uri.scheme.is_empty() {
        return Ok(join_paths(location, &below));
    }
    Ok(uri.with_path(&join_paths(uri.path, &below)))
}

/// Makes a relative local location absolute: a plain path stays one, `file:` stays a URI.
///
/// Fails with 400 for a `file:` URI that names another machine.
pub fn resolve_local(location: &str, working_directory: &Path) -> Result<String> {
    let uri = Uri::split(location);
    if !is_local(location, &uri)? {
        return Ok(location.to_owned());
    }
    let path = local_path(location, &uri)?;
    if path.starts_with('/') {
        return Ok(location.to_owned());
    }
    let absolute = working_directory.join(without_dots(&path));
    let Some(absolute) = absolute.to_str() else {
        return Err(Error::invalid(
            "The server's working directory is not valid UTF-8",
        ));
    };
    let absolute = absolute.trim_end_matches('/');
    match uri.scheme.is_empty() {
        true => Ok(absolute.to_owned()),
        false => Ok(Uri {
            authority: "",
            ..uri
        }
        .with_path(absolute)),
    }
}

/// Tells where a stored location is.
///
/// `mlflow-artifacts:` and http URLs of the artifact route are the server's own store, whatever
/// host they name. Fails with 400 when a location of the own store leads out of it.
pub fn place(location: &str) -> Result<Place> {
    let uri = Uri::split(location);
    if is_local(location, &uri)? {
        return Ok(Place::Local(PathBuf::from(local_path(location, &uri)?)));
    }
    let below = match &*uri.scheme {
        "mlflow-artifacts" => Some(uri.path),
        "http" | "https" => below_proxy_route(uri.path),
        _ => None,
    };
    match below {
        Some(path) => ArtifactPath::parse(path.trim_start_matches('/')).map(Place::Proxied),
        None => Ok(Place::Remote(location.to_owned())),
    }
}

fn below_proxy_route(path: &str) -> Option<&str> {
    let (_, below) = path.split_once(PROXY_ROUTE)?;
    (below.is_empty() || below.starts_with('/')).then_some(below)
}

/// Tells whether a location is a path of a machine; a `file:` URI of another machine is a 400.
pub(crate) fn is_local(location: &str, uri: &Uri) -> Result<bool> {
    if uri.scheme != "file" {
        return Ok(uri.scheme.is_empty());
    }
    let host = uri.host();
    let own = ["", "."].contains(&&*host)
        || host.starts_with("localhost")
        || host.starts_with("127.0.0.1");
    match own {
        true => Ok(true),
        false => Err(Error::invalid(format!(
            "{location} is not a valid remote uri. For remote access on windows, please consider \
             using a different scheme such as SMB (e.g. smb://<hostname>/<path>)."
        ))),
    }
}

/// Gives the path of a local location, whose escapes MLflow decodes in plain paths too.
pub(crate) fn local_path(location: &str, uri: &Uri) -> Result<String> {
    let path = if uri.scheme.is_empty() {
        location
    } else {
        uri.path
    };
    match percent_decode_str(path).decode_utf8() {
        Ok(path) if !path.chars().any(char::is_control) => Ok(path.into_owned()),
        _ => Err(Error::invalid("Invalid path")),
    }
}

/// Drops `.` and empty segments, and keeps `..`: with symbolic links it means what the system says.
fn without_dots(path: &str) -> PathBuf {
    Path::new(path)
        .components()
        .filter(|part| *part != Component::CurDir)
        .collect()
}

/// Refuses a query that could become a part of the path once something is appended.
fn check_query(query: &str) -> Result<()> {
    let mut query = query.to_owned();
    loop {
        if query.contains("..") {
            return Err(Error::invalid("Invalid query string"));
        }
        let decoded = percent_decode_str(&query).decode_utf8_lossy().into_owned();
        if decoded == query {
            return Ok(());
        }
        query = decoded;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy() -> LocationPolicy {
        LocationPolicy {
            max_length: 60,
            allowed_schemes: Vec::new(),
            trusted: vec!["http://me:5000/api/2.0/mlflow-artifacts/artifacts".to_owned()],
            working_directory: PathBuf::from("/home/x"),
        }
    }

    fn check(raw: &str, expected: Result<&str, &str>) {
        let outcome = policy().resolve(raw);
        let outcome = outcome.as_deref().map_err(|error| {
            assert_eq!(error.code.status(), 400, "{raw}");
            &*error.message
        });
        assert_eq!(outcome, expected, "{raw}");
    }

    #[test]
    fn segments_are_appended_before_the_query() {
        // Recorded from MLflow's own client.
        for (location, expected) in [
            ("s3://b/p?x=1", "s3://b/p/r/artifacts?x=1"),
            ("s3://b?x=1", "s3://b/r/artifacts?x=1"),
            ("s3://b", "s3://b/r/artifacts"),
            ("s3://b/", "s3://b/r/artifacts"),
            ("s3://b/a;p?x", "s3://b/a;p/r/artifacts?x"),
            ("S3://B/x", "s3://B/x/r/artifacts"),
            ("mlflow-artifacts:/", "mlflow-artifacts:/r/artifacts"),
            ("mlflow-artifacts:/5", "mlflow-artifacts:/5/r/artifacts"),
            ("mlflow-artifacts:", "mlflow-artifacts:r/artifacts"),
            (
                "mlflow-artifacts://h:5000",
                "mlflow-artifacts://h:5000/r/artifacts",
            ),
            (
                "mlflow-artifacts://h:5000/a?q=1",
                "mlflow-artifacts://h:5000/a/r/artifacts?q=1",
            ),
            ("file:/foo", "file:///foo/r/artifacts"),
            ("file:///foo", "file:///foo/r/artifacts"),
            ("file://localhost/foo", "file://localhost/foo/r/artifacts"),
            ("file:foo", "file:foo/r/artifacts"),
            ("file://", "file:r/artifacts"),
            ("/abs/", "/abs/r/artifacts"),
            ("/abs", "/abs/r/artifacts"),
            ("rel?x", "rel?x/r/artifacts"),
            ("./rel", "./rel/r/artifacts"),
            ("hdfs:///x", "hdfs:/x/r/artifacts"),
            ("http://h:5/api?x#f", "http://h:5/api/r/artifacts?x#f"),
            ("http://h/a;p?x", "http://h/a/r/artifacts;p?x"),
            ("gs://b//x", "gs://b//x/r/artifacts"),
            (
                "wasbs://c@a.net/p?sv=1",
                "wasbs://c@a.net/p/r/artifacts?sv=1",
            ),
        ] {
            assert_eq!(of_run(location, "r").unwrap(), expected, "{location}");
        }
        assert_eq!(
            of_experiment("mlflow-artifacts:/", "7").unwrap(),
            "mlflow-artifacts:/7"
        );
        assert_eq!(
            of_model("/a/7", "m-1").unwrap(),
            "/a/7/models/m-1/artifacts"
        );
        let error = append("s3://b/p?x=%252e%2e/y", &["7"]).unwrap_err();
        assert_eq!(error.message, "Invalid query string");
    }

    #[test]
    fn relative_locations_are_resolved() {
        // Recorded from MLflow's own server.
        for (raw, expected) in [
            ("rel", "/home/x/rel"),
            ("./rel", "/home/x/rel"),
            ("../rel", "/home/x/../rel"),
            ("rel/", "/home/x/rel"),
            ("a//b", "/home/x/a/b"),
            ("a/./b", "/home/x/a/b"),
            ("my%20dir", "/home/x/my dir"),
            ("rel?x=1", "/home/x/rel?x=1"),
            (".", "/home/x"),
            ("file:rel", "file:///home/x/rel"),
            ("file:rel?x=1", "file:///home/x/rel?x=1"),
            ("file:./rel", "file:///home/x/rel"),
            ("file:", "file:///home/x"),
        ] {
            check(raw, Ok(expected));
        }
        for raw in [
            "/abs/",
            "/abs/../x",
            "file:///abs",
            "file:///a%20b",
            "file://localhost/x",
            "s3://b",
            "C:/x",
            "a:b",
            "file://./rel",
            "mlflow-artifacts:/5",
            "dbfs:/x",
            "http://me:5000/api/2.0/mlflow-artifacts/artifacts/5",
        ] {
            check(raw, Ok(raw));
        }
    }

    #[test]
    fn bad_locations_are_refused_with_the_texts_of_mlflow() {
        let fragments = "'artifact_location' URL can't include fragments or params.";
        for raw in [
            "s3://b/x#y",
            "file:///x#/../y",
            "http://h/x;p",
            "/x;p",
            "rel#y",
        ] {
            check(raw, Err(fragments));
        }
        for raw in [
            "s3://b/x?/../y",
            "s3://b/x?%2e%2e/y",
            "file:///x?%252e%252e/y",
            "/x?..",
        ] {
            check(raw, Err("Invalid query string"));
        }
        check(
            "runs:/x/y",
            Err("Artifact location cannot be a runs:/ URI. Given: 'runs:/x/y'"),
        );
        let too_long = "Invalid artifact path length. The length of the artifact path cannot be \
            greater than 60 characters. To configure this limit, please set the \
            MLFLOW_ARTIFACT_LOCATION_MAX_LENGTH environment variable.";
        check(&"ä".repeat(61), Err(too_long));
        check(&"a".repeat(60), Err(too_long));
        check(
            &format!("/{}", "ä".repeat(59)),
            Ok(&format!("/{}", "ä".repeat(59))),
        );
        check("mlflow-artifacts:/../x", Err("Invalid path"));
        check("mlflow-artifacts:/%2e%2e/x", Err("Invalid path"));
        check("file:///a%00b", Err("Invalid path"));
        check(
            "/a\0b",
            Err("'artifact_location' URL can't include control characters."),
        );
        let foreign = policy()
            .resolve("http://169.254.169.254/x")
            .unwrap_err()
            .message;
        assert!(
            foreign.starts_with("'artifact_location' cannot use the 'http' scheme: the 'http'")
        );
        let remote = policy().resolve("file://host/x").unwrap_err().message;
        assert!(remote.starts_with("file://host/x is not a valid remote uri."));
    }

    #[test]
    fn places_are_told_apart() {
        let proxied = |path: &str| Place::Proxied(ArtifactPath::parse(path).unwrap());
        let local = |path: &str| Place::Local(PathBuf::from(path));
        for (location, expected) in [
            ("mlflow-artifacts:/5/r/artifacts", proxied("5/r/artifacts")),
            ("mlflow-artifacts:/", proxied("")),
            ("mlflow-artifacts:5", proxied("5")),
            ("mlflow-artifacts://h:1/5/r", proxied("5/r")),
            ("mlflow-artifacts:/my%20dir/r", proxied("my dir/r")),
            (
                "http://h:1/api/2.0/mlflow-artifacts/artifacts/5/r",
                proxied("5/r"),
            ),
            (
                "https://h/pre/api/2.0/mlflow-artifacts/artifacts",
                proxied(""),
            ),
            (
                "http://h/api/2.0/mlflow-artifacts/artifactsX",
                Place::Remote("http://h/api/2.0/mlflow-artifacts/artifactsX".to_owned()),
            ),
            ("http://h/x", Place::Remote("http://h/x".to_owned())),
            ("s3://b/x", Place::Remote("s3://b/x".to_owned())),
            ("/a/b", local("/a/b")),
            ("/a%20b", local("/a b")),
            ("file:///a%20b/c?x", local("/a b/c")),
            ("file:/a", local("/a")),
        ] {
            assert_eq!(place(location).unwrap(), expected, "{location}");
        }
        assert_eq!(
            place("mlflow-artifacts:/a/../../b").unwrap_err().message,
            "Invalid path"
        );
    }
}
