use super::*;

const BASE: &str = "/srv/app";

fn check_sqlite(url: &str, expected: Result<&str, &str>) {
    let found = sqlite_path(url, Path::new(BASE));
    match expected {
        Ok(path) => assert_eq!(found, Ok(PathBuf::from(path)), "{url}"),
        Err(part) => {
            let error = found.expect_err(url);
            assert!(error.contains(part), "{url}: {error}");
        }
    }
}

#[test]
fn sqlite_urls_are_read_as_mlflow_spells_them() {
    check_sqlite("sqlite:///mlflow.db", Ok("/srv/app/mlflow.db"));
    check_sqlite("sqlite:///./a//b.db", Ok("/srv/app/a/b.db"));
    check_sqlite("sqlite:////var/lib/m.db", Ok("/var/lib/m.db"));
    check_sqlite("sqlite+pysqlite:////m%20.db", Ok("/m%20.db"));
    for url in ["sqlite://", "sqlite:///", "sqlite://m.db"] {
        check_sqlite(url, Err("it names no file"));
    }
    check_sqlite("sqlite:///:memory:", Err("in memory"));
    check_sqlite("sqlite:///file:m.db?mode=ro", Err("in memory"));
    check_sqlite("sqlite:///m.db?timeout=5", Err("options"));
    check_sqlite("mysql://h/db", Err("mysql is not a supported database"));
    check_sqlite("databricks://x", Err("databricks:// is not a supported"));
    check_sqlite("./mlruns", Err("a plain path is not a database URL"));
    check_sqlite("file:///mlruns", Err("file:// is not a supported database"));
}

fn check_root(text: &str, expected: &str) {
    let found = match ArtifactRoot::parse(text, Path::new(BASE)) {
        Ok(ArtifactRoot::Proxied { uri }) => format!("proxied {uri}"),
        Ok(ArtifactRoot::Local { uri, path }) => format!("local {uri} {}", path.display()),
        Ok(ArtifactRoot::External { uri }) => format!("external {uri}"),
        Err(reason) => format!("refused {reason}"),
    };
    assert!(found.starts_with(expected), "{text}: {found}");
}

#[test]
fn artifact_roots_are_read_in_every_form() {
    check_root("mlruns", "local /srv/app/mlruns /srv/app/mlruns");
    check_root("./a/./b/", "local /srv/app/a/b /srv/app/a/b");
    check_root("/", "local / /");
    check_root("C", "local /srv/app/C");
    check_root("file:///data/a%20b/", "local file:///data/a%20b /data/a b");
    check_root("file://localhost/data", "local file:///data /data");
    check_root("file:rel", "local file:///srv/app/rel /srv/app/rel");
    check_root("file://other/data", "refused a file:// URL names no host");
    check_root("file:", "refused the file: URL names no path");
    check_root("mlflow-artifacts:/", "proxied mlflow-artifacts:");
    check_root("MLFLOW-ARTIFACTS:/team", "proxied mlflow-artifacts:/team");
    check_root(
        "mlflow-artifacts://h:1/a",
        "proxied mlflow-artifacts://h:1/a",
    );
    check_root("mlflow-artifacts:a", "refused a path, file://");
    check_root(
        "http://127.0.0.1:5000/api/2.0/mlflow-artifacts/artifacts",
        "proxied http://127.0.0.1:5000/api/2.0/mlflow-artifacts/artifacts",
    );
    check_root(
        "https://h/x/api/2.0/mlflow-artifacts/artifacts/team/",
        "proxied https://h/x/api/2.0/mlflow-artifacts/artifacts/team",
    );
    for text in [
        "http://h/other",
        "http://h",
        "http:///api/2.0/mlflow-artifacts/artifacts",
        "https://h/api/2.0/mlflow-artifacts/artifactsx",
    ] {
        check_root(
            text,
            "refused an http artifact root is a tracking server's proxy",
        );
    }
    check_root("s3://bucket/path/", "external s3://bucket/path");
    check_root("s3://bucket?x=1", "refused an artifact root has no query");
    check_root("s3:bucket", "refused a path");
    check_root("runs:/abc", "refused a path");
}

#[test]
fn locations_of_experiments_lie_below_the_root() {
    for (root, expected) in [
        ("mlflow-artifacts:/", "mlflow-artifacts:/7"),
        ("mlflow-artifacts:/team", "mlflow-artifacts:/team/7"),
        ("/", "/7"),
        ("a", "/srv/app/a/7"),
        ("file:///d/", "file:///d/7"),
        ("s3://b", "s3://b/7"),
    ] {
        let root = ArtifactRoot::parse(root, Path::new(BASE)).expect(root);
        assert_eq!(root.location_of("7"), expected);
    }
}

#[test]
fn destinations_are_paths_or_file_urls() {
    let path = |text| local_path(text, Path::new(BASE));
    assert_eq!(path("a/../b"), Ok(PathBuf::from("/srv/app/a/../b")));
    assert_eq!(path("file:///x%C3%A9"), Ok(PathBuf::from("/xé")));
    assert!(path("file:///x%FF").is_err_and(|error| error.contains("UTF-8")));
    assert!(path("s3://bucket").is_err_and(|error| error.contains("s3: is not supported here")));
}

#[test]
fn passwords_are_hidden() {
    for (text, expected) in [
        ("postgresql://u:p@ss@h:1/d", "postgresql://u:***@h:1/d"),
        (
            "postgresql://h/d?user=u&password=x&sslmode=require",
            "postgresql://h/d?user=u&password=***&sslmode=require",
        ),
        ("mysql://u:p@h", "mysql://u:***@h"),
        ("sqlite:////a:b@c.db", "sqlite:////a:b@c.db"),
        ("https://user@h/x", "https://user@h/x"),
        ("plain", "plain"),
    ] {
        assert_eq!(without_password(text), expected);
    }
}

#[test]
fn prefixes_and_hosts_are_checked() {
    for good in ["", "/mlflow", "/a/b-c"] {
        assert_eq!(check_prefix(good), Ok(()), "{good}");
    }
    for bad in ["mlflow", "/", "/a/", "/{a}", "/a b", "/a?b", "/a\n"] {
        assert!(check_prefix(bad).is_err(), "{bad}");
    }
    for good in ["127.0.0.1", "::1", "[::1]", "host-1.example"] {
        assert_eq!(check_host(good), Ok(()), "{good}");
    }
    for bad in ["", "a b", "http://x"] {
        assert!(check_host(bad).is_err(), "{bad}");
    }
    assert!(check_directory("").is_err());
    assert!(check_directory("s3://b").is_err());
    assert_eq!(check_directory("../d"), Ok(()));
}
