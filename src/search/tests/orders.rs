//! Orders of all targets.

use super::{Target, print};
use crate::error::Code;
use crate::search::{LoggedModelOrder, MetricDataset, parse_logged_model_order, parse_order};

fn answer(target: Target, clauses: &[&str]) -> String {
    let clauses: Vec<_> = clauses.iter().map(|&clause| clause.to_owned()).collect();
    match parse_order(target, &clauses) {
        Ok(order) => print::order(target, &order),
        Err(error) if error.code == Code::Invalid => format!("400 {error}"),
        Err(error) => format!("{error:?}"),
    }
}

fn check(target: Target, cases: &[(&str, &str)]) {
    let wrong = cases.iter().filter_map(|(input, expected)| {
        let found = answer(target, &[input]);
        (found != *expected)
            .then(|| format!("{input}\n  expected {expected}\n  found    {found}\n"))
    });
    let wrong: String = wrong.collect();
    assert!(wrong.is_empty(), "{target:?}\n{wrong}");
}

const RUNS_ARE_ORDERED_AS_IN_MLFLOW: &[(&str, &str)] = &[
    ("start_time", "start_time ASC, run_id ASC"),
    ("start_time DESC", "start_time DESC, run_id ASC"),
    ("start_time desc", "start_time DESC, run_id ASC"),
    ("start_time Desc", "start_time DESC, run_id ASC"),
    ("start_time  DESC", "start_time DESC, run_id ASC"),
    (
        "start_time DESC NULLS LAST",
        "400 Invalid order_by clause 'start_time DESC NULLS LAST'. Could not be parsed.",
    ),
    ("", "400 Invalid order_by clause ''. Could not be parsed."),
    (" ", "400 Invalid order_by clause ' '. Could not be parsed."),
    ("metrics.m", "metrics.`m` ASC, start_time DESC, run_id ASC"),
    (
        "metrics.`a b` DESC",
        "metrics.`a b` DESC, start_time DESC, run_id ASC",
    ),
    (
        r#"metrics."a b" ASC"#,
        "metrics.`a b` ASC, start_time DESC, run_id ASC",
    ),
    (
        "metrics.`a b`",
        "metrics.`a b` ASC, start_time DESC, run_id ASC",
    ),
    (
        r#"metrics."a b""#,
        "metrics.`a b` ASC, start_time DESC, run_id ASC",
    ),
    (
        "metrics.'a b' ASC",
        "metrics.`a b` ASC, start_time DESC, run_id ASC",
    ),
    (
        "params.p ASC",
        "params.`p` ASC, start_time DESC, run_id ASC",
    ),
    (
        "tags.a.b DESC",
        "tags.`a.b` DESC, start_time DESC, run_id ASC",
    ),
    (
        "tags.`a.b` DESC",
        "tags.`a.b` DESC, start_time DESC, run_id ASC",
    ),
    (
        "foo",
        "400 Invalid attribute key 'foo' specified. Valid keys are '{'Created', 'artifact_uri', 'created', 'end_time', 'run_id', 'run_name', 'start_time', 'status', 'user_id'}'",
    ),
    (
        "foo.bar",
        "400 Invalid entity type 'foo'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']",
    ),
    (
        "foo bar",
        "400 Invalid ordering key in order_by clause 'foo bar'.",
    ),
    (
        "foo bar baz",
        "400 Invalid order_by clause 'foo bar baz'. Could not be parsed.",
    ),
    (
        "metrics.m FOO",
        "400 Invalid ordering key in order_by clause 'metrics.m FOO'.",
    ),
    ("created", "start_time ASC, run_id ASC"),
    ("Created DESC", "start_time DESC, run_id ASC"),
    (
        "`Run name` ASC",
        "400 Invalid attribute key 'Run name' specified. Valid keys are '{'Created', 'artifact_uri', 'created', 'end_time', 'run_id', 'run_name', 'start_time', 'status', 'user_id'}'",
    ),
    (
        r#""run name""#,
        "400 Invalid attribute key 'run name' specified. Valid keys are '{'Created', 'artifact_uri', 'created', 'end_time', 'run_id', 'run_name', 'start_time', 'status', 'user_id'}'",
    ),
    ("attributes.start_time", "start_time ASC, run_id ASC"),
    (
        "attr.end_time DESC",
        "end_time DESC, start_time DESC, run_id ASC",
    ),
    ("dataset.name", "400 Invalid identifier type 'dataset'"),
    (
        "dataset.foo",
        "400 Invalid dataset key 'foo' specified. Valid keys are '{'context', 'digest', 'name'}'",
    ),
    (
        "start_time, end_time",
        "400 Invalid order_by clause 'start_time, end_time'. Could not be parsed.",
    ),
    (
        "start_time; end_time",
        "400 Invalid order_by clause 'start_time; end_time'. Could not be parsed.",
    ),
    (
        "start_time;",
        "400 Invalid order_by clause 'start_time;'. Could not be parsed.",
    ),
    ("1", "400 Invalid order_by clause '1'. Could not be parsed."),
    (
        "'x'",
        "400 Invalid order_by clause ''x''. Could not be parsed.",
    ),
    (
        "metrics.m = 1",
        "400 Invalid order_by clause 'metrics.m = 1'. Could not be parsed.",
    ),
    (
        "metrics.a-b",
        "400 Invalid order_by clause 'metrics.a-b'. Could not be parsed.",
    ),
    (
        "metrics.`a",
        "400 Invalid order_by clause 'metrics.`a'. Could not be parsed.",
    ),
    (
        "metrics.a/b",
        "400 Invalid order_by clause 'metrics.a/b'. Could not be parsed.",
    ),
    (
        "metrics.key DESC",
        "metrics.`key` DESC, start_time DESC, run_id ASC",
    ),
    ("run_name", "run_name ASC, start_time DESC, run_id ASC"),
    ("status", "status ASC, start_time DESC, run_id ASC"),
    (
        "experiment_id",
        "400 Invalid attribute key 'experiment_id' specified. Valid keys are '{'Created', 'artifact_uri', 'created', 'end_time', 'run_id', 'run_name', 'start_time', 'status', 'user_id'}'",
    ),
    (
        "desc",
        "400 Invalid order_by clause 'desc'. Could not be parsed.",
    ),
    (
        "(start_time)",
        "400 Invalid order_by clause '(start_time)'. Could not be parsed.",
    ),
];

#[test]
fn runs_are_ordered_as_in_mlflow() {
    check(Target::Runs, RUNS_ARE_ORDERED_AS_IN_MLFLOW);
}

#[test]
fn experiments_are_ordered_as_in_mlflow() {
    check(
        Target::Experiments,
        &[
            ("name", "name ASC, experiment_id DESC"),
            ("name DESC", "name DESC, experiment_id DESC"),
            ("attribute.name", "name ASC, experiment_id DESC"),
            (
                "attributes.name",
                "400 Invalid entity type 'attributes'. Valid entity types are ('attribute', 'tag', 'tags')",
            ),
            ("tags.k", "400 Invalid order_by entity: tag"),
            (
                "foo",
                "400 Invalid attribute key 'foo' specified. Valid keys are '{'creation_time', 'experiment_id', 'last_update_time', 'name'}'",
            ),
            (
                "last_update_time ASC",
                "last_update_time ASC, experiment_id DESC",
            ),
            (
                "metrics.m",
                "400 Invalid entity type 'metrics'. Valid entity types are ('attribute', 'tag', 'tags')",
            ),
            ("`name`", "name ASC, experiment_id DESC"),
            ("`name` ASC", "name ASC, experiment_id DESC"),
        ],
    );
}

#[test]
fn registered_models_are_ordered_as_in_mlflow() {
    check(
        Target::RegisteredModels,
        &[
            ("name", "name ASC"),
            ("timestamp", "timestamp ASC, name ASC"),
            ("timestamp DESC", "timestamp DESC, name ASC"),
            ("last_updated_timestamp ASC", "timestamp ASC, name ASC"),
            (
                "creation_timestamp",
                "400 Invalid order by key 'creation_timestamp' specified. Valid keys are '{'name', 'timestamp'}'",
            ),
            (
                "foo",
                "400 Invalid order by key 'foo' specified. Valid keys are '{'name', 'timestamp'}'",
            ),
            ("`name` DESC", "name DESC"),
            (
                "attribute.name",
                "400 Invalid order by key 'attribute.name' specified. Valid keys are '{'name', 'timestamp'}'",
            ),
        ],
    );
}

#[test]
fn model_versions_are_ordered_as_in_mlflow() {
    check(
        Target::ModelVersions,
        &[
            ("name", "name ASC, version_number DESC"),
            ("version_number DESC", "version_number DESC, name ASC"),
            (
                "creation_timestamp",
                "creation_timestamp ASC, name ASC, version_number DESC",
            ),
            (
                "last_updated_timestamp ASC",
                "last_updated_timestamp ASC, name ASC, version_number DESC",
            ),
            (
                "foo",
                "400 Invalid attribute key 'foo' specified. Valid keys are '{'creation_timestamp', 'last_updated_timestamp', 'name', 'version_number'}'",
            ),
            (
                "tags.k",
                "400 Invalid order by key 'k' specified. Valid keys are {'creation_timestamp', 'last_updated_timestamp', 'name', 'version_number'}",
            ),
            ("attribute.name", "name ASC, version_number DESC"),
            (
                "run_id",
                "400 Invalid attribute key 'run_id' specified. Valid keys are '{'creation_timestamp', 'last_updated_timestamp', 'name', 'version_number'}'",
            ),
        ],
    );
}

#[test]
fn clauses_may_be_spelled_more_freely_than_in_mlflow() {
    check(
        Target::Runs,
        &[
            (" start_time", "start_time ASC, run_id ASC"),
            ("start_time DESC ", "start_time DESC, run_id ASC"),
            ("metrics.1", "metrics.`1` ASC, start_time DESC, run_id ASC"),
        ],
    );
    let text =
        "400 Invalid order by key 'Timestamp' specified. Valid keys are '{'name', 'timestamp'}'";
    check(
        Target::RegisteredModels,
        &[("`name`", "name ASC"), ("Timestamp DESC", text)],
    );
}

#[test]
fn ties_are_broken_as_in_mlflow() {
    assert_eq!(answer(Target::Runs, &[]), "start_time DESC, run_id ASC");
    assert_eq!(
        answer(Target::Runs, &["run_id DESC"]),
        "run_id DESC, start_time DESC"
    );
    assert_eq!(
        answer(Target::Experiments, &[]),
        "creation_time DESC, experiment_id ASC"
    );
    assert_eq!(
        answer(Target::Experiments, &["name"]),
        "name ASC, experiment_id DESC"
    );
    assert_eq!(answer(Target::RegisteredModels, &[]), "name ASC");
    assert_eq!(
        answer(Target::ModelVersions, &[]),
        "last_updated_timestamp DESC, name ASC, version_number DESC"
    );
    assert_eq!(
        answer(Target::ModelVersions, &["name"]),
        "name ASC, version_number DESC"
    );
    assert_eq!(
        answer(Target::LoggedModels, &["metrics.m DESC"]),
        "metrics.`m` DESC, creation_timestamp_ms DESC, model_id ASC"
    );
}

#[test]
fn several_clauses_keep_their_order() {
    assert_eq!(
        answer(
            Target::Runs,
            &["metrics.m DESC", "params.p", "tags.`a b` desc"]
        ),
        "metrics.`m` DESC, params.`p` ASC, tags.`a b` DESC, start_time DESC, run_id ASC"
    );
}

#[test]
fn a_field_named_twice_is_a_mistake_where_mlflow_fails() {
    let text = "400 `order_by` contains duplicate fields: ['start_time', 'created DESC']";
    assert_eq!(answer(Target::Runs, &["start_time", "created DESC"]), text);
    let text = "400 `order_by` contains duplicate fields: ['timestamp', 'last_updated_timestamp']";
    assert_eq!(
        answer(
            Target::RegisteredModels,
            &["timestamp", "last_updated_timestamp"]
        ),
        text
    );
    let text = "400 `order_by` contains duplicate fields: ['name', 'name']";
    assert_eq!(answer(Target::ModelVersions, &["name", "name"]), text);
    assert_eq!(
        answer(Target::Experiments, &["name", "name DESC"]),
        "name ASC, experiment_id DESC"
    );
}

#[test]
fn the_number_and_length_of_clauses_are_bounded() {
    let many = vec!["start_time"; 51];
    let text = "400 `order_by` has 51 clauses, at most 50 are accepted.";
    assert_eq!(answer(Target::Runs, &many), text);
    let long = format!("metrics.{}", "x".repeat(crate::search::MAX_FILTER_BYTES));
    let text = "400 An `order_by` clause is too long or contains NUL.";
    assert_eq!(answer(Target::Runs, &[&long]), text);
    assert_eq!(answer(Target::Runs, &["metrics.`a\0b`"]), text);
}

fn step(field_name: &str) -> LoggedModelOrder {
    let field_name = field_name.to_owned();
    LoggedModelOrder {
        field_name,
        ascending: true,
        dataset: MetricDataset::default(),
    }
}

fn on(mut step: LoggedModelOrder, name: &str, digest: &str) -> LoggedModelOrder {
    let dataset = MetricDataset {
        name: Some(name.to_owned()),
        digest: Some(digest.to_owned()),
    };
    step.dataset = dataset;
    step
}

fn models(steps: &[LoggedModelOrder]) -> String {
    match parse_logged_model_order(steps) {
        Ok(order) => print::order(Target::LoggedModels, &order),
        Err(error) => error.message,
    }
}

#[test]
fn logged_models_are_ordered_by_columns_and_metrics() {
    let ties = "creation_timestamp_ms DESC, model_id ASC";
    assert_eq!(models(&[]), ties);
    assert_eq!(models(&[step("name")]), format!("name ASC, {ties}"));
    assert_eq!(
        models(&[step("creation_time"), step("model_id")]),
        "creation_timestamp_ms ASC, model_id ASC"
    );
    assert_eq!(
        models(&[step("metrics.a b")]),
        format!("metrics.`a b` ASC, {ties}")
    );
    let downward = LoggedModelOrder {
        ascending: false,
        ..step("metrics.m")
    };
    assert_eq!(
        models(&[
            on(downward.clone(), "d", ""),
            on(downward.clone(), "d", "1"),
            downward
        ]),
        format!("metrics.`m` DESC on d, metrics.`m` DESC on d on 1, metrics.`m` DESC, {ties}")
    );
    assert_eq!(
        models(&[step("name"), step("name")]),
        format!("name ASC, {ties}")
    );
    assert_eq!(
        models(&[on(step("name"), "d", "")]),
        format!("name ASC, {ties}")
    );
}

#[test]
fn logged_models_are_not_ordered_by_anything_else() {
    for name in ["foo", "", "tags"] {
        assert_eq!(
            models(&[step(name)]),
            format!("Invalid order by field name: {name}")
        );
    }
    for name in ["params.p", "tags.t", "attributes.name", "foo.bar"] {
        let text = format!("Invalid order by field name: {name}. Only metrics are supported.");
        assert_eq!(models(&[step(name)]), text);
    }
}
