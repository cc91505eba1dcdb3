//! Filters of logged models.

use super::{Target, accepts, refuses};

#[test]
fn accepted_as_in_mlflow() {
    accepts(
        Target::LoggedModels,
        &[
            ("AND", ""),
            ("name = 'x'", "name = 'x'"),
            ("name = x", "name = 'x'"),
            (r#"name = "x""#, r#"name = '"x"'"#),
            ("name = 5", "name = '5'"),
            ("name like 'x'", "name LIKE 'x'"),
            ("name IN ('a','b')", "name IN ('a', 'b')"),
            ("name IN ('a')", "name IN ('a')"),
            ("name NOT IN ('a')", "name NOT IN ('a')"),
            ("name IN ()", "name IN ()"),
            ("`name` = 'x'", "name = 'x'"),
            ("attributes.name = 'x'", "name = 'x'"),
            ("metrics.m = 1", "metrics.`m` = 1.0"),
            ("metrics.`a b` > 1", "metrics.`a b` > 1.0"),
            ("params.lr = 0.01", "params.`lr` = '0.01'"),
            ("params.lr = '0.01'", "params.`lr` = '0.01'"),
            ("tags.k ILIKE '%a%'", "tags.`k` ILIKE '%a%'"),
            ("creation_timestamp > 1", "creation_timestamp_ms > 1"),
            ("creation_timestamp_ms > 1", "creation_timestamp_ms > 1"),
            ("creation_time > 1", "creation_timestamp_ms > 1"),
            (
                "last_updated_timestamp > 1.5",
                "last_updated_timestamp_ms > 1.5",
            ),
            (
                "attributes.creation_timestamp_ms > 1",
                "creation_timestamp_ms > 1",
            ),
            ("status = 'READY'", "status = 'READY'"),
            ("experiment_id = '0'", "experiment_id = '0'"),
            ("name = 'it''s'", "name = 'it''s'"),
            ("params.`a.b` = 'x'", "params.`a.b` = 'x'"),
            ("params.lr NOT IN ()", "params.`lr` NOT IN ()"),
            ("name LIKE 'a%' AND", "name LIKE 'a%'"),
            ("metrics.m < inf", "metrics.`m` < inf"),
            (
                "lifecycle_stage = 'active' AND status_message = 'm' AND model_type = 't' AND source_run_id = 'r' AND artifact_location = 'u'",
                "lifecycle_stage = 'active' AND status_message = 'm' AND model_type = 't' AND source_run_id = 'r' AND artifact_location = 'u'",
            ),
            ("experiment_id IN ('1')", "experiment_id IN ('1')"),
        ],
    );
}

const REFUSED_AS_IN_MLFLOW: &[(&str, &str)] = &[
    (
        "name > 'x'",
        "Invalid comparison operator for attributes.name: '>'. Expected one of ('=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN').",
    ),
    (
        "name IS NULL",
        "Invalid comparison: nameIS NULL. Expected a comparison with 3 tokens.",
    ),
    (
        "name RLIKE 'x'",
        "Invalid comparison operator for attributes.name: 'RLIKE'. Expected one of ('=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN').",
    ),
    (
        "attribute.name = 'x'",
        "Invalid entity type: 'attribute'. Expected one of ['attributes', 'metrics', 'params', 'tags'].",
    ),
    (
        "metric.m = 1",
        "Invalid entity type: 'metric'. Expected one of ['attributes', 'metrics', 'params', 'tags'].",
    ),
    (
        "metrics.m LIKE 1",
        "Invalid comparison operator for metrics.m: 'LIKE'. Expected one of ('<', '<=', '>', '>=', '=', '!=').",
    ),
    (
        "params.lr > 1",
        "Invalid comparison operator for params.lr: '>'. Expected one of ('=', '!=', 'LIKE', 'ILIKE', 'IN', 'NOT IN').",
    ),
    (
        "tags.k IS NULL",
        "Invalid comparison: tags.kIS NULL. Expected a comparison with 3 tokens.",
    ),
    (
        "tags.k IS NOT NULL",
        "Invalid comparison: tags.kIS NOT NULL. Expected a comparison with 3 tokens.",
    ),
    (
        "creation_time LIKE 1",
        "Invalid comparison operator for attributes.creation_timestamp_ms: 'LIKE'. Expected one of ('<', '<=', '>', '>=', '=', '!=').",
    ),
    (
        "foo.bar = 'x'",
        "Invalid entity type: 'foo'. Expected one of ['attributes', 'metrics', 'params', 'tags'].",
    ),
    (
        "name = 'x';",
        r#"Invalid filter string: "name = 'x';". Expected a list of comparisons separated by 'AND' (e.g. 'metrics.loss > 0.1 AND params.lr = 0.01')."#,
    ),
    (
        "name = 'x'; name = 'y'",
        r#"Invalid filter string: "name = 'x'; name = 'y'". Expected a single SQL expression."#,
    ),
    (
        " ",
        "Invalid filter string: ' '. Expected a single SQL expression.",
    ),
    (
        "name",
        "Invalid filter string: 'name'. Expected a list of comparisons separated by 'AND' (e.g. 'metrics.loss > 0.1 AND params.lr = 0.01').",
    ),
    (
        "name = 'a' AND 'b'",
        r#"Invalid filter string: "name = 'a' AND 'b'". Expected a list of comparisons separated by 'AND' (e.g. 'metrics.loss > 0.1 AND params.lr = 0.01')."#,
    ),
    (
        r#"name = "it's" OR x"#,
        r#"Invalid filter string: 'name = "it\'s" OR x'. Expected a list of comparisons separated by 'AND' (e.g. 'metrics.loss > 0.1 AND params.lr = 0.01')."#,
    ),
    (
        "NOT",
        "Invalid filter string: 'NOT'. Expected a list of comparisons separated by 'AND' (e.g. 'metrics.loss > 0.1 AND params.lr = 0.01').",
    ),
    (
        "name = 'x' OR",
        r#"Invalid filter string: "name = 'x' OR". Expected a list of comparisons separated by 'AND' (e.g. 'metrics.loss > 0.1 AND params.lr = 0.01')."#,
    ),
];

#[test]
fn refused_as_in_mlflow() {
    refuses(Target::LoggedModels, REFUSED_AS_IN_MLFLOW);
}

#[test]
fn accepted_beyond_mlflow() {
    accepts(
        Target::LoggedModels,
        &[
            (r#"metrics."a b" > 1"#, "metrics.`a b` > 1.0"),
            ("metrics.m IN (1)", "metrics.`m` IN (1.0)"),
            ("name = 'x' OR name = 'y'", "name = 'x' OR name = 'y'"),
            ("(name = 'x')", "name = 'x'"),
            ("NOT name = 'x'", "NOT name = 'x'"),
            (
                "(name = 'x' OR metrics.m > 1) AND params.p = 'y'",
                "(name = 'x' OR metrics.`m` > 1.0) AND params.`p` = 'y'",
            ),
            ("metrics.m NOT IN (1, 2)", "metrics.`m` NOT IN (1.0, 2.0)"),
            (
                "creation_timestamp IN (1, 2)",
                "creation_timestamp_ms IN (1, 2)",
            ),
            ("name in (1)", "name IN ('1')"),
            (r#""name" = 'x'"#, "name = 'x'"),
            (
                "attributes.creation_timestamp > 1",
                "creation_timestamp_ms > 1",
            ),
            ("params.lr IN (0.1, 'b')", "params.`lr` IN ('0.1', 'b')"),
        ],
    );
}

#[test]
fn refused_in_our_own_words() {
    refuses(
        Target::LoggedModels,
        &[
            (
                "metrics.m > nan",
                "Expected numeric value type for metric. Found nan",
            ),
            (
                "last_updated_time > 1",
                "Invalid attribute key 'last_updated_time' specified. Valid keys are '{'artifact_location', 'creation_time', 'creation_timestamp', 'creation_timestamp_ms', 'experiment_id', 'last_updated_timestamp', 'last_updated_timestamp_ms', 'lifecycle_stage', 'model_id', 'model_type', 'name', 'source_run_id', 'status', 'status_message'}'",
            ),
            (
                "metrics.m IN ('a')",
                "Expected numeric value type for metric. Found ('a')",
            ),
            (
                "name IN (a)",
                "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.",
            ),
            (
                "metrics.m > 'x'",
                "Expected numeric value type for metric. Found 'x'",
            ),
            (
                "metrics.m > x",
                "Expected numeric value type for metric. Found x",
            ),
            (
                "foo = 'x'",
                "Invalid attribute key 'foo' specified. Valid keys are '{'artifact_location', 'creation_time', 'creation_timestamp', 'creation_timestamp_ms', 'experiment_id', 'last_updated_timestamp', 'last_updated_timestamp_ms', 'lifecycle_stage', 'model_id', 'model_type', 'name', 'source_run_id', 'status', 'status_message'}'",
            ),
            (
                "1 = 1",
                "Invalid attribute key '1' specified. Valid keys are '{'artifact_location', 'creation_time', 'creation_timestamp', 'creation_timestamp_ms', 'experiment_id', 'last_updated_timestamp', 'last_updated_timestamp_ms', 'lifecycle_stage', 'model_id', 'model_type', 'name', 'source_run_id', 'status', 'status_message'}'",
            ),
            (
                "Metrics.m = 1",
                "Invalid attribute key 'Metrics.m' specified. Valid keys are '{'artifact_location', 'creation_time', 'creation_timestamp', 'creation_timestamp_ms', 'experiment_id', 'last_updated_timestamp', 'last_updated_timestamp_ms', 'lifecycle_stage', 'model_id', 'model_type', 'name', 'source_run_id', 'status', 'status_message'}'",
            ),
            (
                "name = ('a')",
                "Expected a quoted string value for attributes. Got value ('a')",
            ),
            (
                "params.p = ('a')",
                "Expected a quoted string value for parameter (e.g. 'my-value'). Got value ('a')",
            ),
        ],
    );
}
