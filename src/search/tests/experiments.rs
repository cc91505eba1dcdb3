//! Filters of experiments.

use super::{Target, accepts, refuses};

#[test]
fn accepted_as_in_mlflow() {
    accepts(
        Target::Experiments,
        &[
            ("AND", ""),
            ("name = 'x'", "name = 'x'"),
            ("name LIKE 'x'", "name LIKE 'x'"),
            ("name ILIKE 'x'", "name ILIKE 'x'"),
            ("attribute.name = 'x'", "name = 'x'"),
            ("`name` = 'x'", "name = 'x'"),
            (r#""name" = 'x'"#, "name = 'x'"),
            ("experiment_id = '1'", "experiment_id = '1'"),
            ("experiment_id = ' 1 '", "experiment_id = '1'"),
            ("experiment_id IN ('1', '2')", "experiment_id IN ('1', '2')"),
            ("experiment_id NOT IN ('1')", "experiment_id NOT IN ('1')"),
            ("creation_time > 1", "creation_time > 1"),
            ("last_update_time <= -1", "last_update_time <= -1"),
            ("tags.k = 'x'", "tags.`k` = 'x'"),
            ("tag.k = 'x'", "tags.`k` = 'x'"),
            ("tags.`a b` = 'x'", "tags.`a b` = 'x'"),
            ("tags.k IS NULL", "tags.`k` IS NULL"),
            ("tags.k is not null", "tags.`k` IS NOT NULL"),
        ],
    );
}

const REFUSED_AS_IN_MLFLOW: &[(&str, &str)] = &[
    (
        "name > 'x'",
        "Invalid comparator '>' not one of '{'!=', '=', 'ILIKE', 'IN', 'LIKE', 'NOT IN'}'",
    ),
    (
        "name RLIKE 'x'",
        "Invalid comparator 'RLIKE' not one of '{'!=', '=', 'ILIKE', 'IN', 'LIKE', 'NOT IN'}'",
    ),
    (
        "name = 1",
        "Expected a quoted string value for attributes. Got value 1",
    ),
    (
        "name = x",
        "Parameter value is either not quoted or unidentified quote types used for string value x. Use either single or double quotes.",
    ),
    (
        "name IS NULL",
        "IS NULL / IS NOT NULL is only supported for tags, not for attribute 'name'",
    ),
    (
        "attributes.name = 'x'",
        "Invalid entity type 'attributes'. Valid entity types are ('attribute', 'tag', 'tags')",
    ),
    (
        "attr.name = 'x'",
        "Invalid entity type 'attr'. Valid entity types are ('attribute', 'tag', 'tags')",
    ),
    (
        "foo = 'x'",
        "Invalid attribute key 'foo' specified. Valid keys are '{'creation_time', 'experiment_id', 'last_update_time', 'name'}'",
    ),
    (
        "experiment_id = 1",
        "Expected a quoted string value for attributes. Got value 1",
    ),
    (
        "experiment_id = 'abc'",
        "Invalid experiment ID 'abc'. Experiment ID must be a valid integer.",
    ),
    (
        "experiment_id IN ('a')",
        "Invalid experiment ID 'a'. Experiment ID must be a valid integer.",
    ),
    (
        "experiment_id LIKE '1'",
        "Invalid comparator for experiment_id: LIKE",
    ),
    (
        "experiment_id > '1'",
        "Invalid comparator for experiment_id: >",
    ),
    (
        "creation_time > 1.5",
        "Invalid value for numeric attribute 'creation_time': '1.5'",
    ),
    (
        "creation_time > '1'",
        "Expected numeric value type for numeric attribute: creation_time. Found '1'",
    ),
    (
        "creation_time LIKE 1",
        "Invalid comparator 'LIKE' not one of '{'!=', '=', 'ILIKE', 'IN', 'LIKE', 'NOT IN'}",
    ),
    ("tags.k > 'x'", "Invalid comparator for tag: >"),
    (
        "tags.k = 1",
        "Expected a quoted string value for tag (e.g. 'my-value'). Got value 1",
    ),
    (
        "metrics.m = 1",
        "Invalid entity type 'metrics'. Valid entity types are ('attribute', 'tag', 'tags')",
    ),
    (
        "params.p = 'x'",
        "Invalid entity type 'params'. Valid entity types are ('attribute', 'tag', 'tags')",
    ),
    (
        "`tags`.k = 'x'",
        "Invalid entity type '`tags`'. Valid entity types are ('attribute', 'tag', 'tags')",
    ),
    ("name", "Invalid clause(s) in filter string: name"),
    ("name = 'x';", "Invalid clause(s) in filter string: ;"),
    (
        "name = 'x'; name = 'y'",
        r#"Search filter contained multiple expression "name = 'x'; name = 'y'". Provide AND-ed expression list."#,
    ),
    (" ", "Invalid filter ' '. Could not be parsed."),
    (
        "1 = 1",
        "Invalid comparison clause. Expected 'Identifier' found '1'",
    ),
    (
        "experiment_id IN (1)",
        "While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in list: (1,)",
    ),
    (
        "creation_time IN ('1')",
        "Expected numeric value type for numeric attribute: creation_time. Found ('1')",
    ),
    ("tags.t RLIKE 'x'", "Invalid comparator for tag: RLIKE"),
];

#[test]
fn refused_as_in_mlflow() {
    refuses(Target::Experiments, REFUSED_AS_IN_MLFLOW);
}

#[test]
fn accepted_beyond_mlflow() {
    accepts(
        Target::Experiments,
        &[
            ("name like 'x'", "name LIKE 'x'"),
            ("name ilike 'x'", "name ILIKE 'x'"),
            ("name IN ('x')", "name IN ('x')"),
            ("experiment_id in ('1', '2')", "experiment_id IN ('1', '2')"),
            ("creation_time IN (1)", "creation_time IN (1)"),
            ("tags.k like 'x'", "tags.`k` LIKE 'x'"),
            ("tags.k IN ('a')", "tags.`k` IN ('a')"),
            ("name = 'x' OR name = 'y'", "name = 'x' OR name = 'y'"),
            ("NOT name = 'x'", "NOT name = 'x'"),
            (
                "(name = 'x' OR tags.t = 'y') AND creation_time > 5",
                "(name = 'x' OR tags.`t` = 'y') AND creation_time > 5",
            ),
            ("creation_time NOT IN (1, 2)", "creation_time NOT IN (1, 2)"),
            ("tags.t NOT IN ('a')", "tags.`t` NOT IN ('a')"),
            (
                "creation_time >= 9223372036854775808",
                "creation_time >= 9.223372036854776e18",
            ),
        ],
    );
}

#[test]
fn refused_in_our_own_words() {
    refuses(
        Target::Experiments,
        &[
            ("name foo", "Invalid clause(s) in filter string: name, foo"),
            (
                "creation_time IN (1.5)",
                "Invalid value for numeric attribute 'creation_time': '1.5'",
            ),
            (
                "name = 'a' AND (OR)",
                "Invalid clause(s) in filter string: OR",
            ),
        ],
    );
}
