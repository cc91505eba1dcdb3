use super::*;
use std::collections::BTreeSet;

#[test]
fn the_default_file_and_the_table_have_the_same_keys() {
    let defaults: toml::Table = toml::from_str(DEFAULT_TOML).expect("TOML");
    let mut in_file = BTreeSet::new();
    for (section, fields) in &defaults {
        for field in fields.as_table().expect("a section").keys() {
            in_file.insert(format!("{section}.{field}"));
        }
    }
    let in_table: BTreeSet<String> = KEYS.iter().map(|key| key.name.to_string()).collect();
    assert_eq!(in_file, in_table);
    assert_eq!(in_table.len(), KEYS.len(), "a key stands twice");
}

#[test]
fn every_key_is_documented_and_its_default_is_allowed() {
    let defaults: toml::Table = toml::from_str(DEFAULT_TOML).expect("TOML");
    for key in KEYS {
        let text = key.documentation();
        assert!(
            text.len() > 20 && text.ends_with('.'),
            "{}: {text:?}",
            key.name
        );
        let value = &defaults[key.section()][key.field()];
        assert_eq!(key.kind.check(value).as_ref(), Ok(value), "{}", key.name);
    }
}

#[test]
fn names_outside_the_file_are_unique() {
    let flags = KEYS.iter().filter_map(|key| key.flag);
    let mut names: Vec<String> = flags.map(|flag| flag.long.to_string()).collect();
    names.extend(
        KEYS.iter()
            .filter_map(|key| key.mlflow)
            .map(|alias| alias.name.to_string()),
    );
    let otel = KEYS.iter().flat_map(|key| key.otel);
    names.extend(otel.map(|variable| variable.name.to_string()));
    names.extend(KEYS.iter().map(Key::variable));
    let unique: BTreeSet<&String> = names.iter().collect();
    assert_eq!(unique.len(), names.len());
}

#[test]
fn defaults_put_everything_below_the_data_directory() {
    let config = Config::with_defaults().expect("defaults");
    let base = std::env::current_dir().expect("a directory");
    assert_eq!(config.data_dir().unwrap(), base.join("data"));
    assert_eq!(
        config.database_path().unwrap(),
        base.join("data/trackway.db")
    );
    assert_eq!(
        config.artifact_destination().unwrap(),
        Destination::Local(base.join("data/artifacts"))
    );
    let root = config.artifact_root().unwrap();
    assert_eq!(root.location_of("1"), "mlflow-artifacts:/1");
    assert_eq!(config.max_json_bytes(), 67_108_864);
    assert_eq!(config.shutdown_grace(), Duration::from_secs(30));
    let crate::db::Options::Sqlite(options) = config.database_options().unwrap() else {
        panic!("the default is SQLite");
    };
    assert_eq!(
        (options.durability, options.readers),
        (crate::db::Durability::Full, 4)
    );
}

#[test]
fn hosts_are_listened_on_without_brackets() {
    let mut config = Config::with_defaults().expect("defaults");
    for (host, expected) in [("[::1]", "::1"), ("::", "::"), ("localhost", "localhost")] {
        config.server.host = host.into();
        assert_eq!(config.listen_host(), expected);
    }
}

#[test]
fn without_serving_the_destination_is_the_root() {
    let mut config = Config::with_defaults().expect("defaults");
    config.artifacts.serve = false;
    config.artifacts.destination = "file:///var/a".into();
    let root = config.artifact_root().unwrap();
    assert_eq!(root.location_of("1"), "/var/a/1");
    config.artifacts.destination = "s3://bucket/p/".into();
    let root = config.artifact_root().unwrap();
    assert_eq!(root.location_of("1"), "s3://bucket/p/1");
    config.artifacts.default_root = "s3://bucket".into();
    assert_eq!(
        config.artifact_root().unwrap().location_of("1"),
        "s3://bucket/1"
    );
}

#[test]
fn the_data_directory_is_created_where_it_is_used() {
    let parent = tempfile::tempdir().unwrap();
    let mut config = Config::with_defaults().expect("defaults");
    config.server.data_dir = parent.path().join("a/b");
    config.database.url = "sqlite:////x.db".into();
    config.artifacts.destination = "/x".into();
    config.audit.key_file = "/k.pem".into();
    config.prepare_data_dir().unwrap();
    assert!(!parent.path().join("a").exists());
    config.database.url = String::new();
    config.prepare_data_dir().unwrap();
    config.prepare_data_dir().unwrap();
    let left = std::fs::read_dir(parent.path().join("a/b"))
        .unwrap()
        .count();
    assert_eq!(left, 0);
}

#[test]
fn a_data_directory_that_cannot_be_made_is_named() {
    let parent = tempfile::tempdir().unwrap();
    let file = parent.path().join("file");
    std::fs::write(&file, "x").unwrap();
    let mut config = Config::with_defaults().expect("defaults");
    config.server.data_dir = file.join("data");
    let message = config.prepare_data_dir().unwrap_err().message;
    assert!(message.contains(&file.display().to_string()), "{message}");
    assert!(
        message.contains("cannot be created") && message.contains("--data-dir"),
        "{message}"
    );
    let message = prove_writable(&file).unwrap_err().message;
    assert!(
        message.contains("cannot be written to") && message.contains("--data-dir"),
        "{message}"
    );
}

/// Writes the table of names as `docs/configuration.md` shows it.
fn table_of_names() -> String {
    let mut lines = vec![
        "| key | variable of MLflow or OpenTelemetry | flag |".to_string(),
        "|---|---|---|".to_string(),
    ];
    for key in KEYS {
        let alias = key.mlflow.map(|alias| {
            let inverted = if alias.inverts { " (inverted)" } else { "" };
            format!("`{}`{inverted}", alias.name)
        });
        let otel = key.otel.iter().map(|variable| match variable.path {
            "" => format!("`{}`", variable.name),
            path => format!("`{}` (with `{path}` behind it)", variable.name),
        });
        let alias = alias.into_iter().chain(otel).collect::<Vec<_>>().join(", ");
        let flag = key.flag.map(|flag| {
            let short = flag.short.map(|short| format!(", `-{short}`"));
            let short = short.unwrap_or_default();
            match flag.form {
                Form::Value => format!("`--{}`{short}", flag.long),
                Form::On => format!("`--{}` (sets true)", flag.long),
                Form::Off => format!("`--{}` (sets false)", flag.long),
                Form::OnOrOff(off) => format!("`--{}`, `--{off}`", flag.long),
            }
        });
        let flag = flag.unwrap_or_default();
        lines.push(format!("| `{}` | {alias} | {flag} |", key.name));
    }
    lines.join("\n") + "\n"
}

#[test]
fn the_documented_table_of_names_is_the_one_in_the_code() {
    let page = include_str!("../../docs/configuration.md");
    let rows: Vec<&str> = page.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.join("\n") + "\n", table_of_names());
}
