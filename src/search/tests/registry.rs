//! Filters of registered models and model versions.

use super::{Target, accepts, refuses};

#[test]
fn models_accepted_as_in_mlflow() {
    accepts(
        Target::RegisteredModels,
        &[
            ("name = 'x'", "name = 'x'"),
            ("name like 'x'", "name LIKE 'x'"),
            ("name IN ('x','y')", "name IN ('x', 'y')"),
            ("name NOT IN ('x')", "name NOT IN ('x')"),
            ("attribute.name = 'x'", "name = 'x'"),
            ("tags.k = 'x'", "tags.`k` = 'x'"),
            ("tag.k ilike 'x'", "tags.`k` ILIKE 'x'"),
        ],
    );
}

#[test]
fn models_refused_as_in_mlflow() {
    refuses(
        Target::RegisteredModels,
        &[
            ("name > 'x'", "Invalid comparator for attribute: >"),
            (
                "name = 1",
                "Expected a quoted string value or a list of quoted string values for attributes. Got value 1",
            ),
            (
                "name IN (1)",
                "While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in list: (1,)",
            ),
            (
                "name = x",
                "Parameter value is either not quoted or unidentified quote types used for string value x. Use either single or double quotes.",
            ),
            (
                "attributes.name = 'x'",
                "Invalid entity type 'attributes'. Valid entity types are ('attribute', 'tag', 'tags')",
            ),
            (
                "creation_timestamp > 1",
                "Invalid attribute key 'creation_timestamp' specified. Valid keys are '{'name'}'",
            ),
            (
                "foo = 'x'",
                "Invalid attribute key 'foo' specified. Valid keys are '{'name'}'",
            ),
            ("tags.k > 'x'", "Invalid comparator for tag: >"),
            (
                "tags.k = 1",
                "Expected a quoted string value for tag (e.g. 'my-value'). Got value 1",
            ),
            (
                "params.p = 'x'",
                "Invalid entity type 'params'. Valid entity types are ('attribute', 'tag', 'tags')",
            ),
            ("name", "Invalid clause(s) in filter string: name"),
            ("name RLIKE 'x'", "Invalid comparator for attribute: RLIKE"),
        ],
    );
}

#[test]
fn models_accepted_beyond_mlflow() {
    accepts(
        Target::RegisteredModels,
        &[
            ("`name` = 'x'", "name = 'x'"),
            ("tags.k IN ('a')", "tags.`k` IN ('a')"),
            ("name = 'x' OR name = 'y'", "name = 'x' OR name = 'y'"),
            (
                "NOT tags.t = 'x' AND (name = 'a' OR name = 'b')",
                "NOT tags.`t` = 'x' AND (name = 'a' OR name = 'b')",
            ),
            ("tags.t NOT IN ('a')", "tags.`t` NOT IN ('a')"),
            ("tags.k IS NULL", "tags.`k` IS NULL"),
        ],
    );
}

#[test]
fn models_refused_in_our_own_words() {
    refuses(
        Target::RegisteredModels,
        &[(
            "name IS NULL",
            "IS NULL / IS NOT NULL is only supported for tags, not for attribute 'name'",
        )],
    );
}

#[test]
fn versions_accepted_as_in_mlflow() {
    accepts(
        Target::ModelVersions,
        &[
            ("name = 'x'", "name = 'x'"),
            ("name='m'", "name = 'm'"),
            ("run_id = 'x'", "run_id = 'x'"),
            ("run_id IN ('x')", "run_id IN ('x')"),
            ("source_path LIKE 'x'", "source_path LIKE 'x'"),
            ("version_number = 1", "version_number = 1"),
            ("version_number >= 1", "version_number >= 1"),
            ("version_number = '1'", "version_number = 1"),
            ("tags.k = 'x'", "tags.`k` = 'x'"),
        ],
    );
}

#[test]
fn versions_refused_as_in_mlflow() {
    refuses(
        Target::ModelVersions,
        &[
            ("run_id > 'x'", "Invalid comparator for attribute: >"),
            (
                "version_number = 'x'",
                "Invalid value for numeric attribute 'version_number': 'x'",
            ),
            (
                "version_number = 1.5",
                "Invalid value for numeric attribute 'version_number': 1.5",
            ),
            (
                "version_number LIKE 1",
                "Invalid comparator for attribute version_number: LIKE",
            ),
            (
                "name = 1",
                "Only the '{'creation_timestamp', 'last_updated_timestamp', 'version_number'}' attributes support comparison with numeric values.",
            ),
            (
                "foo = 1",
                "Invalid attribute key 'foo' specified. Valid keys are '{'name', 'run_id', 'source_path', 'version_number'}'",
            ),
            ("tags.k > 'x'", "Invalid comparator for tag: >"),
            (
                "attributes.name = 'x'",
                "Invalid entity type 'attributes'. Valid entity types are ('attribute', 'tag', 'tags')",
            ),
            (
                "creation_timestamp > 1",
                "Invalid attribute key 'creation_timestamp' specified. Valid keys are '{'name', 'run_id', 'source_path', 'version_number'}'",
            ),
            (
                "name IN ()",
                "While parsing a list in the query, expected a non-empty list of string values, but got empty list",
            ),
        ],
    );
}

#[test]
fn versions_accepted_beyond_mlflow() {
    accepts(
        Target::ModelVersions,
        &[
            ("source_path IN ('x')", "source_path IN ('x')"),
            ("version_number IN (1)", "version_number IN (1)"),
            ("version_number IN ('1')", "version_number IN (1)"),
            (
                "NOT (name = 'x' OR version_number > 3)",
                "NOT (name = 'x' OR version_number > 3)",
            ),
            ("tags.t IS NULL", "tags.`t` IS NULL"),
        ],
    );
}

#[test]
fn versions_refused_in_our_own_words() {
    refuses(
        Target::ModelVersions,
        &[
            (
                "version = 1",
                "Invalid attribute key 'version' specified. Valid keys are '{'name', 'run_id', 'source_path', 'version_number'}'",
            ),
            (
                "version_number NOT IN (1, '2')",
                "While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in list: (1, '2')",
            ),
            (
                "version_number IN ('x')",
                "Invalid value for numeric attribute 'version_number': 'x'",
            ),
            (
                "version_number IN (1.5)",
                "Invalid value for numeric attribute 'version_number': 1.5",
            ),
        ],
    );
}
