use super::*;
use std::io::Write;

fn pairs(variables: &[(&str, &str)]) -> Vec<(String, String)> {
    let pair = |(name, text): &(&str, &str)| (name.to_string(), text.to_string());
    variables.iter().map(pair).collect()
}

fn flag(key: &str, text: &str) -> Setting {
    let key = find(key).expect("a key");
    let source = Source::Flag(format!("--{}", key.flag.expect("a flag").long));
    let text = text.into();
    Setting { key, text, source }
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file");
    file.write_all(text.as_bytes()).expect("written");
    file
}

/// Shows one key of a configuration made from variables as `value from source`.
fn shown(loaded: &Loaded, name: &str) -> String {
    let found = loaded.values.iter().find(|value| value.key.name == name);
    let found = found.expect(name);
    format!("{} from {}", found.value, found.source)
}

fn from_variables(variables: &[(&str, &str)]) -> Result<Loaded> {
    load(&Inputs {
        environment: pairs(variables),
        ..Inputs::default()
    })
}

fn from_file(text: &str) -> Result<Loaded> {
    let file = file(text);
    load(&Inputs {
        file: Some(file.path().into()),
        ..Inputs::default()
    })
}

fn check_refused(outcome: Result<Loaded>, parts: &[&str]) {
    let message = outcome.expect_err(parts[0]).message;
    for part in parts {
        assert!(message.contains(part), "{message:?} lacks {part:?}");
    }
}

#[test]
fn each_layer_wins_over_the_one_below() {
    let file = file("[server]\nport = 1\n");
    let mut inputs = Inputs::default();
    let port = |inputs: &Inputs| {
        let loaded = load(inputs).expect("a configuration");
        (loaded.config.server.port, shown(&loaded, "server.port"))
    };
    assert_eq!(port(&inputs), (5000, "5000 from default".into()));
    inputs.file = Some(file.path().into());
    let from_file = format!("1 from file {}", file.path().display());
    assert_eq!(port(&inputs), (1, from_file));
    inputs.environment = pairs(&[("MLFLOW_PORT", "2")]);
    assert_eq!(port(&inputs), (2, "2 from environment MLFLOW_PORT".into()));
    inputs
        .environment
        .extend(pairs(&[("TRACKWAY_SERVER_PORT", "3")]));
    assert_eq!(
        port(&inputs),
        (3, "3 from environment TRACKWAY_SERVER_PORT".into())
    );
    inputs.flags = vec![flag("server.port", "4"), flag("server.port", "5")];
    assert_eq!(port(&inputs), (5, "5 from flag --port".into()));
}

#[test]
fn layers_mix_key_by_key() {
    let file = file("[server]\nport = 1\nhost = \"h\"\n[log]\nformat = \"JSON\"\n");
    let loaded = load(&Inputs {
        file: Some(file.path().into()),
        environment: pairs(&[("TRACKWAY_SERVER_HOST", "e"), ("PATH", "/bin")]),
        ..Inputs::default()
    });
    let config = loaded.expect("a configuration").config;
    assert_eq!((config.server.port, config.server.host.as_str()), (1, "e"));
    assert_eq!(config.log.format, crate::config::LogFormat::Json);
    assert_eq!(config.database.readers, 4);
}

/// Loads with one variable, and with the one beside it that it has no meaning without.
fn set_alone(key: &Key, variable: &str, text: &str) -> Loaded {
    let mut set = vec![(variable, text)];
    if key.name == "database.read_url" {
        set.push(("TRACKWAY_DATABASE_URL", "postgresql://h/d"));
    }
    from_variables(&set).expect(key.name)
}

#[test]
fn a_standby_needs_a_primary() {
    let url = "postgresql://standby/d";
    for more in [vec![], vec![("TRACKWAY_DATABASE_URL", "sqlite:///x.db")]] {
        let mut set = vec![("TRACKWAY_DATABASE_READ_URL", url)];
        set.extend(more);
        let Err(error) = from_variables(&set) else {
            panic!("it was accepted");
        };
        assert!(error.message.contains("only PostgreSQL"), "{error}");
    }
}

#[test]
fn every_variable_of_ours_sets_its_key() {
    for key in super::KEYS {
        let text = sample(key);
        let loaded = set_alone(key, &key.variable(), text);
        let source = format!("from environment {}", key.variable());
        assert!(shown(&loaded, key.name).ends_with(&source), "{}", key.name);
    }
}

/// Who tells `trackway models` which server to ask, and starts a server in the same shell.
#[test]
fn the_variable_that_names_a_server_to_ask_is_no_key() {
    let loaded = from_variables(&[("TRACKWAY_URL", "http://models.example.com")]);
    assert_eq!(loaded.expect("a configuration").config.server.port, 5000);
}

#[test]
fn every_variable_of_mlflow_sets_its_key() {
    for key in super::KEYS {
        let Some(alias) = key.mlflow else { continue };
        let loaded = set_alone(key, alias.name, sample(key));
        let found = shown(&loaded, key.name);
        assert!(
            found.ends_with(&format!("from environment {}", alias.name)),
            "{found}"
        );
        assert_eq!(found.starts_with("false"), alias.inverts, "{found}");
    }
}

#[test]
fn every_variable_of_opentelemetry_sets_its_key() {
    for key in super::KEYS {
        for variable in key.otel {
            let loaded = set_alone(key, variable.name, sample(key));
            let found = shown(&loaded, key.name);
            let source = format!("from environment {}", variable.name);
            assert!(found.ends_with(&source), "{found}");
        }
    }
}

#[test]
fn the_variable_for_traces_counts_before_the_one_for_all_and_ours_before_both() {
    let all = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318/");
    let traces = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces/x");
    let check = |variables: &[(&str, &str)], expected: &str| {
        let config = from_variables(variables).expect("a configuration").config;
        assert_eq!(config.traces.endpoint, expected);
    };
    check(&[all], "http://all:4318/v1/traces");
    check(&[all, traces], "http://traces/x");
    check(&[all, (traces.0, " ")], "http://all:4318/v1/traces");
    check(&[all, traces, ("TRACKWAY_TRACES_ENDPOINT", "")], "");
}

#[test]
fn bad_settings_of_traces_are_refused_by_name_and_secrets_are_not_shown() {
    for (variable, value, key) in [
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "collector:4317",
            "traces.endpoint",
        ),
        ("OTEL_TRACES_SAMPLER", "xray", "traces.sampler"),
        ("OTEL_TRACES_SAMPLER_ARG", "50%", "traces.sampler_arg"),
    ] {
        check_refused(
            from_variables(&[(variable, value)]),
            &[variable, value, key],
        );
    }
    let refused = from_variables(&[("OTEL_EXPORTER_OTLP_HEADERS", "key=a,swordfish")]);
    check_refused(refused, &["traces.headers", "(hidden)", "NAME=VALUE"]);
    let refused = from_variables(&[("OTEL_EXPORTER_OTLP_HEADERS", "key=a,swordfish")]);
    assert!(!refused.unwrap_err().message.contains("swordfish"));
    let loaded = from_variables(&[("OTEL_EXPORTER_OTLP_HEADERS", "key=swordfish")]);
    let shown = format!("{:?}", loaded.unwrap().config.traces);
    assert!(!shown.contains("swordfish"), "{shown}");
    check_refused(
        from_file("[traces]\nsampler_arg = 2\n"),
        &["traces.sampler_arg"],
    );
}

/// Gives a value that is allowed, and is true for a truth value.
fn sample(key: &Key) -> &'static str {
    match key.name {
        "artifacts.allowed_host_schemes" | "server.allowed_hosts" => "a, b",
        "server.cors_allowed_origins" => "https://a.com",
        "server.data_dir" | "artifacts.destination" | "artifacts.default_root" => "dir",
        "artifacts.allowed_stores" => "s3://a, gs://b/c",
        "artifacts.part_url_s" => "60",
        "server.static_prefix" => "/mlflow",
        "server.metrics_listen" => "127.0.0.1:9464",
        "server.host" => "0.0.0.0",
        "server.x_frame_options" => "deny",
        "database.url" => "sqlite:////m.db",
        "database.read_url" => "postgresql://standby/d",
        "database.durability" => "relaxed",
        "log.format" => "json",
        "log.level" => "debug",
        "tracking.end_stale_after_s" => "21600",
        "webhooks.allowed_schemes" => "http, https",
        "webhooks.secret_key" => "cw_0x689RpI-jtRR7oE8h_eQsKImvJapLeSbXpwF4e4=",
        "server.public_url" => "https://models.example.com",
        "webhooks.allowed_private_networks" => "10.0.0.0/8, fd00::/8",
        "traces.endpoint" => "http://collector:4318",
        "traces.headers" => "a=b, c=d%20e",
        "traces.sampler" => "traceidratio",
        "traces.sampler_arg" => "0.5",
        "registry.stage_aliases" => "Production=live, Staging=next!",
        name => match key.kind {
            crate::config::kind::Kind::Bool => "true",
            _ if name.ends_with("_ms") => "500",
            _ => "7",
        },
    }
}

#[test]
fn inverted_variables_and_lists_are_read() {
    let disable = "MLFLOW_SERVER_DISABLE_SECURITY_MIDDLEWARE";
    for (text, expected) in [("true", false), ("1", false), ("false", true), ("", true)] {
        let loaded = from_variables(&[(disable, text)]).expect(text);
        assert_eq!(loaded.config.server.security_checks, expected, "{text:?}");
    }
    check_refused(
        from_variables(&[(disable, "maybe")]),
        &["maybe", disable, "true or false"],
    );
    let hosts = ("MLFLOW_SERVER_ALLOWED_HOSTS", "a.com, *.b.com");
    let loaded = from_variables(&[hosts]).expect("hosts");
    assert_eq!(loaded.config.server.allowed_hosts, ["a.com", "*.b.com"]);
    let loaded = from_variables(&[hosts, ("TRACKWAY_SERVER_ALLOWED_HOSTS", "")]).expect("hosts");
    assert!(loaded.config.server.allowed_hosts.is_empty());
}

#[test]
fn wrong_values_name_key_value_source_and_what_is_allowed() {
    check_refused(
        from_variables(&[("MLFLOW_PORT", "http")]),
        &[
            "\"http\"",
            "server.port",
            "environment MLFLOW_PORT",
            "from 0 to 65535",
        ],
    );
    check_refused(
        from_file("[server]\nport = \"5000\"\n"),
        &["\"5000\"", "server.port", "(file ", "a whole number"],
    );
}

#[test]
fn more_wrong_values_name_key_value_source_and_what_is_allowed() {
    check_refused(
        from_file("[database]\nurl = \"postgresql://u:secret@h/d?sslmode=no\"\n"),
        &["postgresql://u:***@h/d", "database.url", "verify-full"],
    );
    let flags = vec![flag("database.url", "mysql://u:secret@h/d")];
    let inputs = Inputs {
        flags,
        ..Inputs::default()
    };
    check_refused(
        load(&inputs),
        &[
            "mysql://u:***@h/d",
            "flag --backend-store-uri",
            "sqlite:///",
        ],
    );
    for (variable, text, part) in [
        (
            "TRACKWAY_DATABASE_DURABILITY",
            "none",
            "one of full, relaxed",
        ),
        (
            "TRACKWAY_SERVER_STATIC_PREFIX",
            "x",
            "must begin with a '/'",
        ),
        (
            "TRACKWAY_SERVER_STATIC_PREFIX",
            "/x/",
            "must not end with a '/'",
        ),
        ("TRACKWAY_SERVER_WORKERS", "1025", "from 0 to 1024"),
        (
            "TRACKWAY_ARTIFACTS_DESTINATION",
            "http://b",
            "a path, a file:// URL or s3://BUCKET/PREFIX",
        ),
        (
            "TRACKWAY_ARTIFACTS_DEFAULT_ROOT",
            "http://h/",
            "a tracking server's proxy",
        ),
        (
            "TRACKWAY_SERVER_X_FRAME_OPTIONS",
            "ALLOW",
            "SAMEORIGIN, DENY, NONE",
        ),
        ("MLFLOW_WEBHOOK_ALLOWED_SCHEMES", "ftp", "http or https"),
        (
            "TRACKWAY_WEBHOOKS_ALLOWED_PRIVATE_NETWORKS",
            "10.0.0.0/33",
            "one as 10.0.0.0/8",
        ),
        ("MLFLOW_WEBHOOK_REQUEST_TIMEOUT", "0", "from 1 to 600"),
        ("TRACKWAY_LOG_LEVEL", "inf", "off, error, warn"),
        ("TRACKWAY_ARTIFACTS_SERVE", "2", "true or false"),
        ("TRACKWAY_SERVER_DATA_DIR", "", "the path of a directory"),
    ] {
        check_refused(from_variables(&[(variable, text)]), &[variable, part, text]);
    }
}

#[test]
fn unknown_keys_name_the_nearest() {
    check_refused(
        from_file("[server]\nprot = 1\n"),
        &["server.prot ", "is server.port;", "file "],
    );
    check_refused(
        from_file("[databse]\nurl = \"\"\n"),
        &["databse ", "database.url"],
    );
    check_refused(from_file("port = 1\n"), &["There is no key port "]);
    check_refused(
        from_variables(&[("TRACKWAY_SERVER_PROT", "1")]),
        &["TRACKWAY_SERVER_PROT.", "TRACKWAY_SERVER_PORT;"],
    );
    check_refused(
        from_variables(&[("TRACKWAY_PORT", "1")]),
        &["TRACKWAY_SERVER_PORT"],
    );
    for (left, right, expected) in [("kitten", "sitting", 3), ("", "ab", 2), ("a", "a", 0)] {
        assert_eq!(distance(left, right), expected);
    }
}

#[test]
fn variables_that_kubernetes_makes_are_passed_over() {
    let loaded = from_variables(&[
        ("TRACKWAY_PORT", "tcp://10.0.0.1:5000"),
        ("TRACKWAY_PORT_5000_TCP", "tcp://10.0.0.1:5000"),
        ("TRACKWAY_PORT_5000_TCP_ADDR", "10.0.0.1"),
        ("TRACKWAY_SERVICE_HOST", "10.0.0.1"),
        ("TRACKWAY_SERVICE_PORT", "5000"),
        ("TRACKWAY_SERVICE_PORT_HTTP", "5000"),
        ("TRACKWAY_SERVER_PORT", "tcp://10.0.0.1:5000"),
        ("MLFLOW_PORT", "tcp://10.0.0.2:5000"),
    ]);
    assert_eq!(loaded.expect("a configuration").config.server.port, 5000);
}

#[test]
fn files_are_found_and_read() {
    let file = file("[server]\nport = 9\n");
    let path = file.path().display().to_string();
    let loaded = from_variables(&[("TRACKWAY_CONFIG", &path)]).expect("a file");
    assert_eq!(loaded.config.server.port, 9);
    let other = from_variables(&[("TRACKWAY_CONFIG", "/nowhere/t.toml")]);
    check_refused(other, &["/nowhere/t.toml cannot be read", "--config"]);
    let inputs = Inputs {
        file: Some(file.path().into()),
        environment: pairs(&[("TRACKWAY_CONFIG", "/nowhere/t.toml")]),
        ..Inputs::default()
    };
    assert_eq!(load(&inputs).expect("the flag wins").config.server.port, 9);
    check_refused(from_file("[server\n"), &["is not TOML", "line 1"]);
    assert!(from_file(DEFAULT_TOML).is_ok());
}

#[test]
fn keys_that_contradict_each_other_are_refused() {
    check_refused(
        from_variables(&[
            ("MLFLOW_ARTIFACTS_ONLY", "true"),
            ("MLFLOW_BACKEND_STORE_URI", "sqlite:///m.db"),
        ]),
        &[
            "MLFLOW_ARTIFACTS_ONLY",
            "MLFLOW_BACKEND_STORE_URI",
            "contradict",
        ],
    );
    check_refused(
        from_file("[artifacts]\nonly = true\nserve = false\n"),
        &["artifacts.only", "artifacts.serve"],
    );
    for text in [
        "stale_after_s = 0\nend_stale_after_s = 5",
        "end_stale_after_s = 5",
    ] {
        let outcome = from_file(&format!("[tracking]\n{text}\n"));
        check_refused(
            outcome,
            &[
                "tracking.end_stale_after_s",
                "tracking.stale_after_s (",
                "5",
            ],
        );
    }
}

#[test]
fn stages_and_aliases_are_named_once() {
    let variable = "TRACKWAY_REGISTRY_STAGE_ALIASES";
    for (text, part) in [
        ("None=x", "Staging and Production"),
        ("Production", "STAGE=alias"),
        ("Production=a,production=b!", "the stage Production twice"),
        ("Production=a,Staging=a", "the alias a twice"),
    ] {
        check_refused(from_variables(&[(variable, text)]), &[variable, part]);
    }
    let loaded = from_variables(&[(variable, "Production=a!, Staging=b")]);
    let aliases = loaded.expect("two entries").config.registry.stage_aliases;
    assert_eq!(aliases, ["Production=a!", "Staging=b"]);
    let age = "TRACKWAY_REGISTRY_PRODUCTION_MAX_AGE_DAYS";
    check_refused(from_variables(&[(age, "-1")]), &[age, "from 0 to 36500"]);
}

#[test]
fn the_registry_store_is_the_database() {
    let check = |registry: &str, backend: &str| {
        load(&Inputs {
            environment: pairs(&[("MLFLOW_BACKEND_STORE_URI", backend)]),
            registry_store_uri: Some(registry.into()),
            ..Inputs::default()
        })
    };
    assert!(check("sqlite:///m.db", "sqlite:///./m.db").is_ok());
    check_refused(
        check("sqlite:///r.db", "sqlite:///m.db"),
        &[
            "sqlite:///r.db",
            "--registry-store-uri",
            "m.db",
            "leave the registry store out",
        ],
    );
    let variable = ("MLFLOW_REGISTRY_STORE_URI", "postgresql://u:secret@h/d");
    check_refused(
        from_variables(&[variable]),
        &["u:***@h", "MLFLOW_REGISTRY_STORE_URI"],
    );
}

#[test]
fn open_doors_are_warned_of() {
    let warnings = |variables| from_variables(variables).expect("a configuration").warnings;
    assert!(warnings(&[]).is_empty());
    let off = warnings(&[("TRACKWAY_SERVER_SECURITY_CHECKS", "false")]);
    assert!(
        off.len() == 1 && off[0].contains("security checks are off"),
        "{off:?}"
    );
    let open = warnings(&[
        ("TRACKWAY_SERVER_ALLOWED_HOSTS", "*"),
        ("TRACKWAY_SERVER_CORS_ALLOWED_ORIGINS", "a,*"),
    ]);
    assert!(open.len() == 2 && open[0].contains("hosts") && open[1].contains("origins"));
    let outward = warnings(&[("MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS", "true")]);
    assert!(
        outward.len() == 1 && outward[0].contains("webhooks"),
        "{outward:?}"
    );
}
