use super::*;
use serde_json::Value;

fn trackway(arguments: &[&str]) -> Outcome {
    let arguments = std::iter::once("trackway").chain(arguments.iter().copied());
    run(arguments.map(OsString::from), Vec::new())
}

/// Runs `trackway config --json` with the flags and gives its document.
fn configured(flags: &[&str]) -> Value {
    let outcome = trackway(&[&["config", "--json"], flags].concat());
    assert_eq!(
        (outcome.exit, outcome.stderr.lines().count()),
        (0, count_warnings(&outcome))
    );
    serde_json::from_str(&outcome.stdout).expect("JSON")
}

fn count_warnings(outcome: &Outcome) -> usize {
    let document: Value = serde_json::from_str(&outcome.stdout).expect(&outcome.stderr);
    document["warnings"].as_array().expect("a list").len()
}

fn check_flag(flags: &[&str], key: &str, expected: Value) {
    let document = configured(flags);
    let values = document["values"].as_array().expect("a list");
    let entry = values.iter().find(|entry| entry["key"] == key);
    let entry = entry.expect(key);
    assert_eq!(entry["value"], expected, "{flags:?}");
    assert!(
        entry["source"]
            .as_str()
            .expect("text")
            .starts_with("flag --"),
        "{entry}"
    );
}

#[test]
fn every_flag_sets_its_key() {
    check_flag(&["--data-dir", "d"], "server.data_dir", "d".into());
    check_flag(&["--host", "0.0.0.0"], "server.host", "0.0.0.0".into());
    check_flag(&["-h", "0.0.0.0"], "server.host", "0.0.0.0".into());
    check_flag(&["--port", "80"], "server.port", 80.into());
    check_flag(&["-p", "80"], "server.port", 80.into());
    check_flag(&["--port=80"], "server.port", 80.into());
    check_flag(&["--workers", "4"], "server.workers", 4.into());
    check_flag(&["-w", "4"], "server.workers", 4.into());
    check_flag(
        &["--static-prefix", "/m"],
        "server.static_prefix",
        "/m".into(),
    );
    let hosts = serde_json::json!(["a.com", "b.com:80"]);
    check_flag(
        &["--allowed-hosts", "a.com,b.com:80"],
        "server.allowed_hosts",
        hosts,
    );
    let origins = serde_json::json!(["https://a.com"]);
    check_flag(
        &["--cors-allowed-origins", "https://a.com"],
        "server.cors_allowed_origins",
        origins,
    );
    check_flag(
        &["--disable-security-middleware"],
        "server.security_checks",
        false.into(),
    );
    check_flag(
        &["--x-frame-options", "deny"],
        "server.x_frame_options",
        "DENY".into(),
    );
    check_flag(&["--max-json-mib", "1"], "server.max_json_mib", 1.into());
    check_flag(
        &["--shutdown-grace", "1"],
        "server.shutdown_grace_s",
        1.into(),
    );
    let url = "sqlite:////m.db";
    check_flag(&["--backend-store-uri", url], "database.url", url.into());
    check_flag(
        &["--durability", "relaxed"],
        "database.durability",
        "relaxed".into(),
    );
    check_flag(
        &["--default-artifact-root", "file:///r"],
        "artifacts.default_root",
        "file:///r".into(),
    );
    check_flag(
        &["--artifacts-destination", "./a"],
        "artifacts.destination",
        "./a".into(),
    );
    check_flag(&["--serve-artifacts"], "artifacts.serve", true.into());
    check_flag(&["--no-serve-artifacts"], "artifacts.serve", false.into());
    check_flag(&["--artifacts-only"], "artifacts.only", true.into());
}

#[test]
fn every_flag_of_ours_sets_its_key() {
    check_flag(
        &["--stale-after", "60"],
        "tracking.stale_after_s",
        60.into(),
    );
    check_flag(
        &["--end-stale-after", "21601"],
        "tracking.end_stale_after_s",
        21_601.into(),
    );
    check_flag(
        &["--audit-key-file", "k.pem"],
        "audit.key_file",
        "k.pem".into(),
    );
    check_flag(&["--log-format", "json"], "log.format", "json".into());
    check_flag(
        &["--log-level", "info,hyper=warn"],
        "log.level",
        "info,hyper=warn".into(),
    );
}

#[test]
fn the_last_of_repeated_flags_counts() {
    check_flag(&["--port", "1", "-p", "2"], "server.port", 2.into());
    check_flag(
        &["--serve-artifacts", "--no-serve-artifacts"],
        "artifacts.serve",
        false.into(),
    );
    check_flag(
        &["--no-serve-artifacts", "--serve-artifacts"],
        "artifacts.serve",
        true.into(),
    );
}

#[test]
fn paths_are_shown_resolved() {
    let resolved = &configured(&["--data-dir", "/srv/t"])["resolved"];
    assert_eq!(resolved["database"], "/srv/t/trackway.db");
    assert_eq!(resolved["artifacts"], "/srv/t/artifacts");
    assert_eq!(resolved["artifact_root"], "mlflow-artifacts:/EXPERIMENT_ID");
}

#[test]
fn flags_of_mlflow_without_effect_are_warned_of() {
    let all = [
        "--gunicorn-opts=--timeout 60",
        "--uvicorn-opts",
        "--log-level debug",
        "--waitress-opts",
        "x",
        "--app-name",
        "basic-auth",
        "--dev",
        "--disable-workspaces",
        "--secrets-cache-ttl",
        "60",
        "--secrets-cache-max-size",
        "10",
    ];
    let outcome = trackway(&[&["config"], all.as_slice()].concat());
    assert_eq!(outcome.exit, 0);
    assert_eq!(outcome.stderr.lines().count(), 8, "{}", outcome.stderr);
    let first = "warning: The flag --gunicorn-opts of MLflow has no effect here.";
    assert_eq!(outcome.stderr.lines().next(), Some(first));
}

#[test]
fn the_flag_of_mlflow_for_metrics_turns_them_on() {
    let flags = ["config", "--no-metrics", "--expose-prometheus", "/m"];
    let outcome = trackway(&flags);
    assert_eq!((outcome.exit, outcome.stderr.as_str()), (0, ""));
    let line = outcome
        .stdout
        .lines()
        .find(|line| line.starts_with("server.metrics "))
        .unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words[1..], ["true", "flag", "--expose-prometheus"]);
}

#[test]
fn mistakes_exit_with_two_and_say_what_to_do() {
    for (arguments, part) in [
        (
            vec!["server", "--enable-workspaces"],
            "Trackway has no workspaces. Leave it out.",
        ),
        (
            vec!["server", "--workspace-store-uri", "x"],
            "--workspace-store-uri cannot be used",
        ),
        (
            vec!["server", "--read-replica-backend-store-uri", "x"],
            "postgresql://USER",
        ),
        (
            vec!["server", "--trace-archival-config", "x"],
            "does not archive traces",
        ),
        (
            vec!["server", "--port", "x"],
            "The value \"x\" of server.port (flag --port)",
        ),
        (
            vec!["server", "--registry-store-uri", "sqlite:///r.db"],
            "leave the registry store out",
        ),
        (
            vec!["server", "--config", "/nowhere.toml"],
            "/nowhere.toml cannot be read",
        ),
        (
            vec!["server", "--backend-store-uri", "./mlruns"],
            "not a database URL",
        ),
        (vec!["server", "--prot", "1"], "'--port'"),
        (vec!["sever"], "'server'"),
        (vec![], "Usage: trackway"),
    ] {
        let outcome = trackway(&arguments);
        assert_eq!(
            (outcome.exit, outcome.stdout.as_str()),
            (2, ""),
            "{arguments:?}"
        );
        assert!(
            outcome.stderr.contains(part),
            "{arguments:?}: {}",
            outcome.stderr
        );
    }
}

#[test]
fn a_server_that_cannot_start_exits_with_one() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let directory = file.join("data").display().to_string();
    let outcome = trackway(&["migrate", "--data-dir", &directory]);
    assert_eq!(outcome.exit, 1);
    assert!(
        outcome.stderr.contains("cannot be created"),
        "{}",
        outcome.stderr
    );
}

#[test]
fn help_and_version_answer_on_standard_output() {
    let version = trackway(&["--version"]);
    let expected = format!("trackway {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((version.exit, version.stdout), (0, expected));
    let help = trackway(&["server", "--help"]);
    assert_eq!((help.exit, help.stderr.as_str()), (0, ""));
    for part in [
        "-h, --host <VALUE>",
        "TCP port to listen on, 0 to 65535.",
        "[server.port, env: TRACKWAY_SERVER_PORT or MLFLOW_PORT]",
        "--no-serve-artifacts",
    ] {
        assert!(help.stdout.contains(part), "{part}: {}", help.stdout);
    }
    assert!(!help.stdout.contains("gunicorn"), "{}", help.stdout);
}

#[test]
fn people_get_a_table_of_values_and_sources() {
    let outcome = trackway(&["config", "--data-dir", "/srv/t", "--port", "80"]);
    assert_eq!(outcome.exit, 0);
    insta::assert_snapshot!(outcome.stdout);
}

#[test]
fn the_database_is_migrated_once() {
    let parent = tempfile::tempdir().unwrap();
    let directory = parent.path().join("data").display().to_string();
    let migrate =
        |flags: &[&str]| trackway(&[&["migrate", "--data-dir", &directory], flags].concat());
    let missing = migrate(&["--check"]);
    assert_eq!(missing.exit, 1);
    assert!(
        missing.stderr.contains("is not there"),
        "{}",
        missing.stderr
    );
    assert!(!parent.path().join("data").exists());
    let first = migrate(&[]);
    assert_eq!((first.exit, first.stderr.as_str()), (0, ""));
    assert!(
        first.stdout.starts_with("applied 0001_init\n"),
        "{}",
        first.stdout
    );
    let second = migrate(&["--check"]);
    assert_eq!(second.exit, 0);
    assert!(
        second.stdout.starts_with("The database is up to date"),
        "{}",
        second.stdout
    );
    let document: Value = serde_json::from_str(&migrate(&["--json"]).stdout).expect("JSON");
    assert_eq!(document["applied"][0], "0001_init");
    assert_eq!(document["newly_applied"], serde_json::json!([]));
    assert_eq!(document["pending"], serde_json::json!([]));
}

#[test]
fn a_database_with_missing_steps_fails_the_check() {
    let parent = tempfile::tempdir().unwrap();
    std::fs::write(parent.path().join("trackway.db"), "").unwrap();
    let directory = parent.path().display().to_string();
    let outcome = trackway(&["migrate", "--check", "--data-dir", &directory]);
    assert_eq!(outcome.exit, 1);
    assert!(
        outcome.stdout.starts_with("missing 0001_init\n"),
        "{}",
        outcome.stdout
    );
}
