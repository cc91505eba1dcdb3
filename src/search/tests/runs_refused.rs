//! Filters of runs that are refused, and the texts.

use super::{Target, refuses};

const REFUSED_AS_IN_MLFLOW: &[(&str, &str)] = &[
    (
        "metrics.m > 'x'",
        "Expected numeric value type for metric. Found 'x'",
    ),
    (
        "metrics.m > +1",
        "Invalid clause(s) in filter string: 'metrics.m', '>', '+', '1'",
    ),
    (
        "metrics.m > - 1",
        "Invalid clause(s) in filter string: 'metrics.m', '>', '-', '1'",
    ),
    (
        "metrics.m > 1_000",
        "Expected numeric value type for metric. Found 1_000",
    ),
    (
        "metrics.m > nan",
        "Expected numeric value type for metric. Found nan",
    ),
    (
        "metrics.m > inf",
        "Expected numeric value type for metric. Found inf",
    ),
    (
        "metrics.m > NULL",
        "Expected numeric value type for metric. Found NULL",
    ),
    (
        "metrics.m LIKE 'x'",
        "Expected numeric value type for metric. Found 'x'",
    ),
    (
        "metrics.m LIKE 3",
        "Invalid comparator 'LIKE' not one of '{'!=', '<', '<=', '=', '>', '>='}",
    ),
    (
        "metrics.m <> 3",
        "Invalid comparator '<>' not one of '{'!=', '<', '<=', '=', '>', '>='}",
    ),
    (
        "metrics.m == 3",
        "Invalid comparator '==' not one of '{'!=', '<', '<=', '=', '>', '>='}",
    ),
    (
        "metrics.m IS NULL",
        "IS NULL / IS NOT NULL is only supported for tags and params, not for 'metric' 'm'",
    ),
    (
        "metrics.m BETWEEN 1 AND 2",
        "Invalid clause(s) in filter string: 'metrics.m', 'BETWEEN', '1', '2'",
    ),
    (
        "metrics.m",
        "Invalid clause(s) in filter string: 'metrics.m'",
    ),
    ("metrics", "Invalid clause(s) in filter string: 'metrics'"),
    ("(metrics.m = 1", "Invalid clause(s) in filter string: '('"),
    ("metrics.m = 1)", "Invalid clause(s) in filter string: ')'"),
    ("metrics.m = 1;", "Invalid clause(s) in filter string: ';'"),
    (
        "metrics.m = 1; metrics.n = 2",
        "Search filter contained multiple expression 'metrics.m = 1; metrics.n = 2'. Provide AND-ed expression list.",
    ),
    (";", "Invalid clause(s) in filter string: ';'"),
    (
        ";metrics.m = 1",
        "Search filter contained multiple expression ';metrics.m = 1'. Provide AND-ed expression list.",
    ),
    (" ", "Invalid filter ' '. Could not be parsed."),
    ("   \n", "Invalid filter '   \n'. Could not be parsed."),
    (
        "metrics.m = 1 -- hello",
        "Invalid clause(s) in filter string: '-- hello'",
    ),
    (
        "metrics.m = 1 /* hello */",
        "Invalid clause(s) in filter string: '/* hello */'",
    ),
    (
        "metrics.m = 1 # hello",
        "Invalid clause(s) in filter string: '# hello'",
    ),
    (
        "1 = 1",
        "Invalid comparison clause. Expected 'Identifier' found '1'",
    ),
    (
        "1 = metrics.m",
        "Invalid comparison clause. Expected 'Identifier' found '1'",
    ),
    (
        "'x' = params.p",
        "Invalid comparison clause. Expected 'Identifier' found ''x''",
    ),
    (
        "params.p = x",
        "Parameter value is either not quoted or unidentified quote types used for string value x. Use either single or double quotes.",
    ),
    (
        "params.p = `x`",
        "Parameter value is either not quoted or unidentified quote types used for string value `x`. Use either single or double quotes.",
    ),
    (
        "params.p = 1",
        "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 1",
    ),
    (
        "params.p = 'x",
        "Invalid clause(s) in filter string: 'params.p', '=', ''', 'x'",
    ),
    (
        r#"params.p = "x"#,
        r#"Invalid clause(s) in filter string: 'params.p', '=', '"', 'x'"#,
    ),
    (
        "params.p RLIKE 'x%'",
        "Invalid comparator 'RLIKE' not one of '{'!=', '=', 'ILIKE', 'IS NOT NULL', 'IS NULL', 'LIKE'}'",
    ),
    (
        "params.p NOT LIKE 'x%'",
        "Invalid comparator 'NOT LIKE' not one of '{'!=', '=', 'ILIKE', 'IS NOT NULL', 'IS NULL', 'LIKE'}'",
    ),
    (
        "params.p > 'x'",
        "Invalid comparator '>' not one of '{'!=', '=', 'ILIKE', 'IS NOT NULL', 'IS NULL', 'LIKE'}'",
    ),
    (
        "params.p IS",
        "Invalid clause(s) in filter string: 'params.p', 'IS'",
    ),
    (
        "params.p IS NOT",
        "Invalid clause(s) in filter string: 'params.p', 'IS', 'NOT'",
    ),
    (
        "params.p IS 'x'",
        "Invalid clause(s) in filter string: 'params.p', 'IS', ''x''",
    ),
    (
        "params.p = NULL",
        "Expected a quoted string value for parameter (e.g. 'my-value'). Got value NULL",
    ),
    (
        "Params.p = 'x'",
        "Invalid entity type 'Params'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']",
    ),
    (
        "tags.a-b = 'x'",
        "Invalid comparison clause. Expected 'Identifier' found 'tags.a-b'",
    ),
    (
        "tags.a/b = 'x'",
        "Invalid comparison clause. Expected 'Identifier' found 'tags.a/b'",
    ),
    (
        "tags.a b = 'x'",
        "Invalid clause(s) in filter string: 'tags.a'",
    ),
    (
        "tags.a:b = 'x'",
        "Invalid clause(s) in filter string: 'tags.a', ':'",
    ),
    (
        "tags.a@b = 'x'",
        "Invalid comparison clause. Expected 'Identifier' found 'tags.a@b'",
    ),
    (
        "tags.@a = 'x'",
        "Invalid comparison clause. Expected 'Identifier' found 'tags.@a'",
    ),
    (
        "tags.#a = 'x'",
        "Invalid comparison clause. Expected 'Identifier' found 'tags.#a'",
    ),
    (
        r#""tags".a = 'x'"#,
        r#"Invalid entity type '"tags"'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']"#,
    ),
    (
        "foo.a = 'x'",
        "Invalid entity type 'foo'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']",
    ),
    (
        "dataset.foo = 'x'",
        "Invalid dataset key 'foo' specified. Valid keys are '{'context', 'digest', 'name'}'",
    ),
    (
        "dataset.name = 1",
        "Expected a quoted string value for dataset attributes. Got value 1",
    ),
    (
        "dataset.name > 'x'",
        "Invalid comparator '>' not one of '{'!=', '=', 'ILIKE', 'IN', 'LIKE', 'NOT IN'}",
    ),
    (
        "dataset.name IS NULL",
        "IS NULL / IS NOT NULL is only supported for tags and params, not for 'dataset' 'name'",
    ),
    (
        "run.foo = 'x'",
        "Invalid attribute key 'foo' specified. Valid keys are '{'Created', 'Run Name', 'Run name', 'artifact_uri', 'created', 'end_time', 'run name', 'run_id', 'run_name', 'start_time', 'status', 'user_id'}'",
    ),
    (
        "foo = 'x'",
        "Invalid attribute key 'foo' specified. Valid keys are '{'Created', 'Run Name', 'Run name', 'artifact_uri', 'created', 'end_time', 'run name', 'run_id', 'run_name', 'start_time', 'status', 'user_id'}'",
    ),
    (
        "run_id IN ()",
        "While parsing a list in the query, expected a non-empty list of string values, but got empty list",
    ),
    (
        "run_id IN (1, 2)",
        "While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in list: (1, 2)",
    ),
    (
        "run_id IN ('a', 1)",
        "While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in list: ('a', 1)",
    ),
    (
        "run_id IN 'a'",
        "Invalid clause(s) in filter string: 'run_id', 'IN', ''a''",
    ),
    (
        "run_id NOT IN",
        "Invalid clause(s) in filter string: 'run_id', 'NOT', 'IN'",
    ),
    (
        "run_id IN",
        "Invalid clause(s) in filter string: 'run_id', 'IN'",
    ),
    (
        "run_id > 'a'",
        "Invalid comparator '>' not one of '{'!=', '=', 'ILIKE', 'IN', 'LIKE', 'NOT IN'}'",
    ),
    (
        "run_id = 1",
        "Expected a quoted string value for attributes. Got value 1",
    ),
    (
        "start_time > '1'",
        "Expected numeric value type for numeric attribute: start_time. Found '1'",
    ),
    (
        "start_time LIKE 1",
        "Invalid comparator 'LIKE' not one of '{'!=', '=', 'ILIKE', 'IN', 'LIKE', 'NOT IN'}",
    ),
    (
        "start_time IS NULL",
        "IS NULL / IS NOT NULL is only supported for tags and params, not for 'attribute' 'start_time'",
    ),
    (
        "CREATED > 5",
        "Invalid attribute key 'CREATED' specified. Valid keys are '{'Created', 'Run Name', 'Run name', 'artifact_uri', 'created', 'end_time', 'run name', 'run_id', 'run_name', 'start_time', 'status', 'user_id'}'",
    ),
    (
        "run name = 'x'",
        "Invalid clause(s) in filter string: 'run'",
    ),
    (
        "lifecycle_stage = 'active'",
        "Invalid attribute key 'lifecycle_stage' specified. Valid keys are '{'Created', 'Run Name', 'Run name', 'artifact_uri', 'created', 'end_time', 'run name', 'run_id', 'run_name', 'start_time', 'status', 'user_id'}'",
    ),
    (
        "experiment_id = '0'",
        "Invalid attribute key 'experiment_id' specified. Valid keys are '{'Created', 'Run Name', 'Run name', 'artifact_uri', 'created', 'end_time', 'run name', 'run_id', 'run_name', 'start_time', 'status', 'user_id'}'",
    ),
    (
        "run_name IS NULL",
        "IS NULL / IS NOT NULL is only supported for tags and params, not for 'attribute' 'run_name'",
    ),
    ("()", "Invalid clause(s) in filter string: '()'"),
    (
        "metrics.m = 1 AND ()",
        "Invalid clause(s) in filter string: '()'",
    ),
    (
        "metrics.m LIKE 3 AND foo.x = 1",
        "Invalid entity type 'foo'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']",
    ),
    (
        "foo.x = 1 AND metrics.m",
        "Invalid clause(s) in filter string: 'metrics.m'",
    ),
    (
        "params.p = 'a' 'b'",
        "Invalid clause(s) in filter string: ''b''",
    ),
    (
        "metrics.m > 1 - 2",
        "Expected numeric value type for metric. Found 1 - 2",
    ),
    (
        "NULL = 1",
        "Invalid comparison clause. Expected 'Identifier' found 'NULL'",
    ),
    (
        "params.p = 1.5",
        "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 1.5",
    ),
    (
        "params.p = ('a')",
        "Expected a quoted string value for parameter (e.g. 'my-value'). Got value ('a')",
    ),
    (
        "metrics.m !> 1",
        "Invalid comparator '!>' not one of '{'!=', '<', '<=', '=', '>', '>='}",
    ),
    (
        "metrics.m =! 1",
        "Invalid comparator '=!' not one of '{'!=', '<', '<=', '=', '>', '>='}",
    ),
    (
        "params.p != 'x' OR",
        "Invalid clause(s) in filter string: 'OR'",
    ),
    (
        "dataset.name = x",
        "Parameter value is either not quoted or unidentified quote types used for string value x. Use either single or double quotes.",
    ),
    (
        "status = RUNNING",
        "Parameter value is either not quoted or unidentified quote types used for string value RUNNING. Use either single or double quotes.",
    ),
    (
        "start_time = ('a')",
        "Expected numeric value type for numeric attribute: start_time. Found ('a')",
    ),
    (
        "status = `x`",
        "Parameter value is either not quoted or unidentified quote types used for string value `x`. Use either single or double quotes.",
    ),
    (
        "run_id IN (,)",
        "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.",
    ),
    (
        "run_id IN ('a',,'b')",
        "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.",
    ),
    (
        "run_id IN (1)",
        "While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in list: (1,)",
    ),
    (
        "run_id IN (1.5, -2, 'it''s')",
        "While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in list: (1.5, -2, 'its')",
    ),
    (
        "foo IS NULL",
        "Invalid attribute key 'foo' specified. Valid keys are '{'Created', 'Run Name', 'Run name', 'artifact_uri', 'created', 'end_time', 'run name', 'run_id', 'run_name', 'start_time', 'status', 'user_id'}'",
    ),
    (
        "1 IS NULL",
        "Invalid clause(s) in filter string: '1', 'IS', 'NULL'",
    ),
    (
        "params.p IN ('a') AND metrics.m",
        "Invalid clause(s) in filter string: 'metrics.m'",
    ),
    (
        "metrics.a:b > 1",
        "Invalid clause(s) in filter string: 'metrics.a', ':'",
    ),
    ("metrics.m > 1,", "Invalid clause(s) in filter string: ','"),
    (
        "attributes. = 'x'",
        "Invalid attribute key '' specified. Valid keys are '{'Created', 'Run Name', 'Run name', 'artifact_uri', 'created', 'end_time', 'run name', 'run_id', 'run_name', 'start_time', 'status', 'user_id'}'",
    ),
    (
        "metrics.m IN ('a')",
        "Expected numeric value type for metric. Found ('a')",
    ),
    (
        "metrics.a = 1 OR",
        "Invalid clause(s) in filter string: 'OR'",
    ),
    (
        "OR metrics.a = 1",
        "Invalid clause(s) in filter string: 'OR'",
    ),
    ("NOT", "Invalid clause(s) in filter string: 'NOT'"),
    (
        "NOT AND metrics.a = 1",
        "Invalid clause(s) in filter string: 'NOT'",
    ),
    (
        "metrics.a = 1 AND NOT",
        "Invalid clause(s) in filter string: 'NOT'",
    ),
    (
        "metrics.a = 1 AND (metrics.b = 2",
        "Invalid clause(s) in filter string: '('",
    ),
    (
        "metrics.m = 1; ;",
        "Search filter contained multiple expression 'metrics.m = 1; ;'. Provide AND-ed expression list.",
    ),
    (
        "metrics.m = 1;  ",
        "Invalid clause(s) in filter string: ';'",
    ),
    (
        "end_time IN ('1')",
        "Expected numeric value type for numeric attribute: end_time. Found ('1')",
    ),
];

#[test]
fn refused_as_in_mlflow() {
    refuses(Target::Runs, REFUSED_AS_IN_MLFLOW);
}

const REFUSED_IN_OUR_OWN_WORDS: &[(&str, &str)] = &[
    (
        "run_id IN ('a', ('b'))",
        "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.",
    ),
    (
        "tags. a = 'x'",
        "Invalid clause(s) in filter string: 'tags.'",
    ),
    (
        "metrics.m > 0x1F",
        "Expected numeric value type for metric. Found 0x1F",
    ),
    (
        "tags.$a = 'x'",
        "Invalid clause(s) in filter string: 'tags.', '$'",
    ),
    (
        "tags . a = 'x'",
        "Invalid clause(s) in filter string: 'tags', '.'",
    ),
    (
        "run_id IN ('a', 'b'",
        "Invalid clause(s) in filter string: 'run_id', 'IN', '(', ''a'', ',', ''b''",
    ),
    (
        "foo bar",
        "Invalid clause(s) in filter string: 'foo', 'bar'",
    ),
    (
        "metrics.m metrics.n",
        "Invalid clause(s) in filter string: 'metrics.m', 'metrics.n'",
    ),
    (
        "metrics.m, metrics.n",
        "Invalid clause(s) in filter string: 'metrics.m', ',', 'metrics.n'",
    ),
    (
        "params.p = true",
        "Parameter value is either not quoted or unidentified quote types used for string value true. Use either single or double quotes.",
    ),
    (
        r"params.p = 'a\' AND params.q = 'b'",
        "Invalid clause(s) in filter string: 'b', '''",
    ),
    (
        "params.p = [1]",
        "Invalid clause(s) in filter string: 'params.p', '=', '[', '1', ']'",
    ),
    (
        "'a' IN ('b')",
        "Invalid clause(s) in filter string: ''a'', 'IN', ''b''",
    ),
    (
        "metrics.m = 1 metrics.n",
        "Invalid clause(s) in filter string: 'metrics.n'",
    ),
    (
        "metrics.m IN ()",
        "While parsing a list in the query, expected a non-empty list of string values, but got empty list",
    ),
    (
        "metrics.a = 1 OR OR metrics.b = 1",
        "Invalid clause(s) in filter string: 'OR'",
    ),
    (
        "(metrics.a = 1 OR) AND metrics.b = 1",
        "Invalid clause(s) in filter string: 'OR'",
    ),
    ("(OR)", "Invalid clause(s) in filter string: 'OR'"),
    (
        "tags.t IN ('a', 1)",
        "While parsing a list in the query, expected string value, punctuation, or whitespace, but got different type in list: ('a', 1)",
    ),
    (
        "run_id IN (a, b)",
        "While parsing a list in the query, expected a non-empty list of string values, but got ill-formed list.",
    ),
    (
        "run_id = ('a')",
        "Expected a quoted string value for attributes. Got value ('a')",
    ),
    (
        "run_id != ('a', 'b')",
        "Expected a quoted string value for attributes. Got value ('a', 'b')",
    ),
    (
        "run_id LIKE ('a')",
        "Expected a quoted string value for attributes. Got value ('a')",
    ),
];

#[test]
fn refused_in_our_own_words() {
    refuses(Target::Runs, REFUSED_IN_OUR_OWN_WORDS);
}
