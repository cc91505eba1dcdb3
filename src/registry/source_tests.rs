use super::*;
use std::path::PathBuf;

const NOBODY: Claim<'static> = Claim {
    run_id: "",
    model_uuid: "",
};
const RUN: Claim<'static> = Claim {
    run_id: "r1",
    model_uuid: "",
};
const MODEL: Claim<'static> = Claim {
    run_id: "",
    model_uuid: "m-1",
};

#[test]
fn references_are_told_apart() {
    let check = |source: &str, expected: Option<Reference<'_>>| {
        assert_eq!(reference(source).ok(), expected, "{source}");
    };
    check("s3://b/x", Some(Reference::Nothing));
    check("models:/m-1", Some(Reference::LoggedModel("m-1")));
    check(
        "models:/churn/07",
        Some(Reference::Version("churn", Which::Number(7))),
    );
    check(
        "models:/churn/LATEST",
        Some(Reference::Version("churn", Which::Latest)),
    );
    check(
        "models:/churn/production",
        Some(Reference::Version("churn", Which::Stage("production"))),
    );
    check(
        "models:/a@b@champion",
        Some(Reference::Version("a@b", Which::Alias("champion"))),
    );
    check("models:/churn/1/2", None);
    check("models:/churn/", None);
    check("models:/churn@", None);
    check("models:/", None);
    check("models:churn", None);
    check("models://host/churn/1", None);
}

#[test]
fn sources_need_the_run_or_model_that_holds_them() {
    let check = |source: &str, claim: Claim<'_>, expected: Option<Container>| {
        assert_eq!(container(source, claim).ok(), expected, "{source}");
    };
    for source in [
        "/data/x",
        "file:///data/x",
        "mlflow-artifacts:/1/r1/artifacts",
    ] {
        check(source, NOBODY, None);
        check(source, RUN, Some(Container::Run));
        check(source, MODEL, Some(Container::Model));
    }
    let proxied = "https://h/p/api/2.0/mlflow-artifacts/artifacts/1";
    check(proxied, NOBODY, None);
    check(proxied, RUN, Some(Container::Run));
    check("https://h/x", NOBODY, Some(Container::Nothing));
    check("s3://b/x", NOBODY, Some(Container::Nothing));
    check("dbfs:/x", RUN, Some(Container::Nothing));
    check("runs:/r1/model", RUN, Some(Container::Nothing));
    check("runs:/r2/model", RUN, None);
    check("runs:/r1/model", MODEL, None);
    check("runs://h/r1/model", RUN, None);
    check("runs:/", RUN, None);
    check("models:/m-1", MODEL, Some(Container::Nothing));
    check("models:/m-2", MODEL, None);
    check("models:/m-1", RUN, None);
    check("models:/churn/1", RUN, Some(Container::Nothing));
}

#[test]
fn sources_that_lead_up_are_refused() {
    for source in [
        "s3://b/../x",
        "s3://b/a/%2e%2e/x",
        "s3://b/a/%252e%252e/x",
        "s3://b/a/./x",
        "s3://b/x?a/../b",
        "s3://b",
        "dbfs:x",
        "mlflow-artifacts://h:1/..%2f..%2fx",
        "s3://b/x%00",
    ] {
        let error = container(source, RUN).unwrap_err();
        assert!(
            error.message.contains("absolute path must be provided"),
            "{source}"
        );
    }
}

#[test]
fn sources_are_held_against_the_files_of_their_run() {
    let check = |source: &str, root: &str, expected: Option<&str>| {
        let outcome = check_inside(source, RUN, (root, Path::new("/srv")));
        let message = outcome.err().map(|error| error.message);
        match expected {
            None => assert_eq!(message, None, "{source}"),
            Some(part) => assert!(message.unwrap().contains(part), "{source}"),
        }
    };
    let root = "mlflow-artifacts:/1/r1/artifacts";
    check("mlflow-artifacts:/1/r1/artifacts/model", root, None);
    check("mlflow-artifacts:/1/r%31/artifacts", root, None);
    check(
        "mlflow-artifacts:/1/r1/artifactsX",
        root,
        Some("The run_id request"),
    );
    check(
        "mlflow-artifacts:/1/r2/artifacts",
        root,
        Some("The run_id request"),
    );
    check(
        "mlflow-artifacts://h/1/r1/artifacts/m",
        root,
        Some("The run_id request"),
    );
    check(
        "mlflow-artifacts:/1",
        "mlflow-artifacts:/",
        Some("The run_id request"),
    );
    check("/data/1/r1/m", "/data/1/r1", None);
    check("file:///data/1/r1/m", "/data/1/r1", None);
    check("/data/1/x/../r1/m", "file:///data/1/r1", None);
    check("data/r1/m", "/srv/data/r1", None);
    check(
        "/data/1/r1/../r2",
        "/data/1/r1",
        Some("source: '/data/1/r2'. To use a local"),
    );
    check("/data/1/r1%2f..%2fr2", "/data/1/r1", Some("To use a local"));
    check("/data/1/r1/m", root, Some("To use a local"));
}

#[test]
fn the_operators_pattern_and_prompts_are_checked_first() {
    let policy = LocationPolicy {
        max_length: 100,
        allowed_schemes: Vec::new(),
        trusted: Vec::new(),
        working_directory: PathBuf::from("/srv"),
    };
    let pattern = Regex::new("^s3://ours/").unwrap();
    let prompt = [Pair {
        key: rule::PROMPT_TAG.into(),
        value: "true".into(),
    }];
    let check = |source: &str, tags: &[Pair], pattern: Option<&Regex>, expected: Option<&str>| {
        let outcome = check_given(source, tags, (pattern, &policy));
        let message = outcome.err().map(|error| error.message);
        match expected {
            None => assert_eq!(message, None, "{source}"),
            Some(part) => assert!(message.unwrap().starts_with(part), "{source}"),
        }
    };
    check("s3://ours/x", &[], Some(&pattern), None);
    let refused = "Invalid model version source: 's3://other/x'.";
    check("s3://other/x", &[], Some(&pattern), Some(refused));
    check("dummy-source", &prompt, None, None);
    check(
        "s3://b/x",
        &prompt,
        None,
        Some("Invalid prompt source: 's3://b/x'."),
    );
    check(
        "http://h/x",
        &[],
        None,
        Some("'source' cannot use the 'http' scheme"),
    );
}
