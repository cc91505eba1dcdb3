//! Where the answers are meant to differ from the recorded ones, and why.
//!
//! The rules hold for every exchange; the table names single ones. An entry of the table that is
//! no longer needed is reported as a difference, so that the table stays true.

use serde_json::Value;

/// What is expected in the place of the recorded answer.
#[derive(Debug, Clone, Copy)]
#[allow(
    dead_code,
    reason = "which kinds the table uses changes with the server"
)]
pub(crate) enum Expectation {
    /// This status; the body is not compared.
    Status(u16),
    /// This status and this JSON; placeholders such as `{run}` are filled.
    Answer(u16, &'static str),
    /// The recorded status and error code, with this message; placeholders are filled.
    Message(&'static str),
}

use Expectation::{Message, Status};

/// A reason to differ, what is expected, and the exchanges that it holds for.
pub(crate) struct Difference {
    #[allow(
        dead_code,
        reason = "read by people, and by the test of the documentation"
    )]
    pub(crate) why: &'static str,
    pub(crate) expect: Expectation,
    pub(crate) labels: &'static [&'static str],
}

/// The documented differences; docs/compatibility.md gives each reason to users.
pub(crate) const DIFFERENCES: &[Difference] = &[
    Difference {
        why: "OR, NOT, parentheses and IN are part of the grammar everywhere",
        expect: Status(200),
        labels: &[
            "search runs OR",
            "experiments filter: \"name = 'search' OR name = 'x'\"",
            "experiments filter: \"(name = 'search')\"",
            "experiments filter: \"name IN ('search')\"",
            "runs filter: \"(tags.env = 'Prod')\"",
            "runs filter: \"NOT tags.env = 'Prod'\"",
            "runs filter: \"status IN ('FINISHED', 'FAILED')\"",
            "runs filter: \"run_name IN ('alpha', 'Beta')\"",
            "runs filter: \"params.lr IN ('0.1')\"",
            "runs filter: \"tags.env IN ('Prod')\"",
            "runs filter: 'metrics.acc IN (0.5)'",
            "runs filter: 'start_time IN (1003)'",
            "models filter: \"name = 'alpha' OR name = 'beta'\"",
            "models filter: \"(name = 'alpha')\"",
        ],
    },
    Difference {
        why: "The AI gateway is not there, and the server says so",
        expect: Status(200),
        labels: &["golden 27 server info", "server-info", "server-info ajax"],
    },
    Difference {
        why: "Metrics are served unless they are switched off; MLflow's server has a flag for them",
        expect: Status(200),
        labels: &["metrics"],
    },
    Difference {
        why: "Tells the missing experiment or the tag given twice, where MLflow shows its SQL",
        expect: Status(400),
        labels: &[
            "create run no body",
            "create run dup tag keys",
            "run experiment empty",
            "experiment tag twice",
        ],
    },
    Difference {
        why: "A name that is taken is RESOURCE_ALREADY_EXISTS on renaming, too",
        expect: Status(400),
        labels: &["rename dup"],
    },
    Difference {
        why: "A bare Infinity is kept; MLflow drops it and the fields behind it",
        expect: Status(200),
        labels: &["search runs", "search runs double quoted"],
    },
    Difference {
        why: "The texts about a filter that cannot be read name other parts of it",
        expect: Status(400),
        labels: &[
            "runs filter: \"tags.env = 'Prod' & params.lr = '0.1'\"",
            "runs filter: \"tags.env = 'Prod', params.lr = '0.1'\"",
            "experiments filter: 'name = search'",
        ],
    },
    Difference {
        why: "Page tokens are of another kind, and so are the texts about bad ones",
        expect: Status(400),
        labels: &["runs token text offset"],
    },
    Difference {
        why: "A value of the wrong type is refused and named; MLflow drops it in silence, or names what that leaves missing",
        expect: Status(400),
        labels: &[
            "runs experiment_ids int",
            "runs max_results float",
            "runs max_results huge",
            "experiments max_results float",
            "experiment tags of texts",
            "experiment tag int value",
            "run tags text",
            "run tags of texts",
            "run tag int value",
            "metric value 1e400",
            "metric time float",
            "metric time huge",
            "metric step float",
            "batch metric int key",
            "batch metric text value",
            "batch metric text time",
            "batch metric float step",
            "batch param int value",
            "batch tag int value",
            "history: max_results text",
            "inputs: name int",
            "inputs: datasets of texts",
            "outputs: of texts",
            "model: params of texts",
            "model: param int value",
            "model: finalize bad",
            "model: finalize 99",
            "model: finalize unspecified",
            "model: params text",
            "model: params int value",
            "models max_results -1",
        ],
    },
    Difference {
        why: "Follows from the values that were refused above",
        expect: Status(200),
        labels: &[
            "values of the run",
            "batches in the run",
            "inputs: get",
            "inputs: search",
            "outputs: get",
            "outputs: search",
            "model: get after all",
        ],
    },
    Difference {
        why: "What has no name cannot be found again: datasets, models and keys must be named",
        expect: Status(400),
        labels: &[
            "inputs: dataset without name",
            "inputs: dataset without digest",
            "inputs: dataset without source_type",
            "inputs: dataset without source",
            "inputs: name empty",
            "inputs: dataset missing",
            "inputs: model without id",
            "outputs: without id",
            "model: param without key",
            "model: tag without key",
            "model: params without key",
            "model: tags without key",
        ],
    },
    Difference {
        why: "Both spellings of a field are read everywhere, also of a required one",
        expect: Status(200),
        labels: &[
            "experiment get camelCase",
            "param run_id camelCase",
            "batch camelCase",
        ],
    },
    Difference {
        why: "A null list is an empty list; MLflow fails",
        expect: Status(200),
        labels: &["batch metrics null"],
    },
    Difference {
        why: "The missing field is named",
        expect: Status(400),
        labels: &["batch run_uuid only"],
    },
    Difference {
        why: "Keys of more than 250 characters are refused when a run is created, as they are later",
        expect: Status(400),
        labels: &["run tag key 251"],
    },
    Difference {
        why: "Values of more than 8000 characters are cut when a run is created, as they are later",
        expect: Status(200),
        labels: &["run tag value 8001"],
    },
    Difference {
        why: "A digest may have up to 128 characters, so that a whole SHA-256 fits",
        expect: Status(200),
        labels: &["inputs: digest over 36"],
    },
    Difference {
        why: "The last value of a tag given twice is kept; MLflow shows its SQL",
        expect: Status(200),
        labels: &["inputs: tag twice", "model: tag twice"],
    },
    Difference {
        why: "A retried request changes nothing; MLflow shows its SQL",
        expect: Status(200),
        labels: &[
            "outputs: again",
            "outputs: step text",
            "outputs: without step",
        ],
    },
    Difference {
        why: "A param of a logged model that changes is named; MLflow shows its SQL",
        expect: Status(400),
        labels: &["model: param twice", "model: params again"],
    },
    Difference {
        why: "The model of the URL is the one that is meant; MLflow wants it in the body again and follows the body",
        expect: Status(200),
        labels: &[
            "model: finalize without id",
            "model: finalize other id in body",
            "model: params",
            "model: params same again",
            "model: params none",
            "model: params key 251",
            "model: params bad key",
        ],
    },
    Difference {
        why: "The same, where more is missing",
        expect: Status(400),
        labels: &["model: finalize nothing"],
    },
    Difference {
        why: "An unknown logged model is a 404; MLflow shows its SQL or names the body's model_id",
        expect: Status(404),
        labels: &[
            "model: params unknown model",
            "model: metric of an unknown model",
        ],
    },
    Difference {
        why: "The status of a logged model is compared by its name; MLflow compares it with a number and finds nothing",
        expect: Status(200),
        labels: &[
            "models filter: \"status = 'READY'\"",
            "models filter: \"status = 'PENDING'\"",
            "models filter: \"status != 'READY'\"",
        ],
    },
    Difference {
        why: "A NaN of a logged model's metric is no 0",
        expect: Status(200),
        labels: &[
            "models filter: 'metrics.acc < 0.6'",
            "models order: [{'field_name': 'metrics.acc'}]",
        ],
    },
    Difference {
        why: "A dataset without a digest means any digest; MLflow's server means metrics that have none",
        expect: Status(200),
        labels: &[
            "models datasets: [{'dataset_name': 'train'}]",
            "models datasets: [{'dataset_name': 'test'}]",
            "models datasets: [{'dataset_name': 'train', 'dataset_digest': 'd1'}, {'dataset_name': 'test'}]",
        ],
    },
    Difference {
        why: "A dataset's digest without its name orders nothing",
        expect: Status(400),
        labels: &["models order: [{'field_name': 'metrics.acc', 'dataset_digest': 'd1'}]"],
    },
    Difference {
        why: "The error class is that of the error code",
        expect: Status(400),
        labels: &[
            "models order: [{'field_name': 'foo'}]",
            "models order: [{}]",
            "models order: [{'field_name': 5}]",
            "models order: ['name']",
        ],
    },
    Difference {
        why: "A path that names no file is an unknown route",
        expect: Status(404),
        labels: &["artifact: put nothing", "artifact: get nothing"],
    },
    Difference {
        why: "Errors have MLflow's error shape here, too",
        expect: Status(400),
        labels: &["artifact: put trailing slash", "model artifacts: no path"],
    },
    Difference {
        why: "A compressed file is not announced as what is inside it; names keep a mark for each letter that ASCII lacks",
        expect: Status(200),
        labels: &["artifact: type of x.tar.gz", "artifact: get unicode"],
    },
    Difference {
        why: "A Range that is malformed or has several parts is ignored, as RFC 9110 allows",
        expect: Status(200),
        labels: &[
            "artifact: range bytes=5-2",
            "artifact: range bytes=0-1,4-5",
            "artifact: range lines=1-2",
            "artifact: range bytes=x",
        ],
    },
    Difference {
        why: "A Range that lies outside has no body",
        expect: Status(416),
        labels: &["artifact: range bytes=10-"],
    },
    Difference {
        why: "A dot in a path stands for its folder",
        expect: Status(404),
        labels: &[
            "artifact: get outside ./x",
            "artifact: get outside a/./b",
            "model artifacts: file outside ./x",
            "model artifacts: file outside a/./b",
        ],
    },
    Difference {
        why: "A dot in a path stands for its folder, where MLflow fails or looks elsewhere",
        expect: Status(200),
        labels: &[
            "upload: outside ./x",
            "upload: outside a/./b",
            "get-artifact: outside ./x",
            "get-artifact: outside a/./b",
            "run artifacts: list",
        ],
    },
    Difference {
        why: "The parameter that is missing is named",
        expect: Status(400),
        labels: &["get-artifact: no run"],
    },
    Difference {
        why: "Multipart upload is not there for a local folder, whatever else is missing",
        expect: Status(501),
        labels: &["mpu: create without fields"],
    },
    Difference {
        why: "Host names are compared without regard to case",
        expect: Status(200),
        labels: &["host LOCALHOST"],
    },
    Difference {
        why: "Backslashes that step and absolute paths have no place in an artifact's path",
        expect: Status(400),
        labels: &[
            "artifact: get outside ..%5Cx",
            "artifact: get outside %5Cetc",
            "artifact: put outside ..%5Cx",
            "artifact: put outside %5Cetc",
            "artifact: delete outside /etc/passwd",
            "artifact: delete outside ..%5Cx",
            "artifact: delete outside %5Cetc",
            "artifact: delete outside %2Fetc%2Fpasswd",
            "artifact: list outside ..%5Cx",
            "artifact: list outside %5Cetc",
            "upload: outside ..%5Cx",
            "upload: outside %5Cetc",
            "run artifacts: list outside ..%5Cx",
            "run artifacts: list outside %5Cetc",
            "get-artifact: outside ..%5Cx",
            "get-artifact: outside %5Cetc",
            "model artifacts: list outside ..%5Cx",
            "model artifacts: list outside %5Cetc",
            "model artifacts: file outside ..%5Cx",
            "model artifacts: file outside %5Cetc",
        ],
    },
    Difference {
        why: "OR, NOT, parentheses and IN are part of the grammar everywhere",
        expect: Status(200),
        labels: &[
            "reg: versions source_path IN ('s3://b/1')",
            "reg: versions version_number IN (1, 2)",
        ],
    },
    Difference {
        why: "Both spellings of a field are read on every route",
        expect: Status(404),
        labels: &["reg: rename in camel case"],
    },
    Difference {
        why: "No message shows SQL",
        expect: Message("Registered Model (name=twice) already exists."),
        labels: &["reg: rename to a taken name"],
    },
    Difference {
        why: "A search names the key that is wrong",
        expect: Message("Invalid attribute key 'timestamp' specified. Valid keys are '{'name'}'"),
        labels: &["reg: models timestamp > 1"],
    },
    Difference {
        why: "A page has no negative number of results",
        expect: Status(400),
        labels: &["reg: models of -1"],
    },
    Difference {
        why: "A refused address of a webhook comes with the key that allows it",
        expect: Message(
            "Webhook URL must not resolve to a non-public IP address. '127.0.0.1' resolves to \
             127.0.0.1. It is a loopback address; add its network to \
             webhooks.allowed_private_networks to allow it.",
        ),
        labels: &["wh create private"],
    },
    Difference {
        why: "Webhooks can ask for events that MLflow lacks, such as the deletion of a version",
        expect: Status(200),
        labels: &["wh bad combo"],
    },
];

/// Finds the documented difference of a label.
pub(crate) fn find(label: &str) -> Option<Expectation> {
    DIFFERENCES
        .iter()
        .find(|difference| difference.labels.contains(&label))
        .map(|difference| difference.expect)
}

/// Cuts the text of an SQL error off a recorded message: no other database says it so.
///
/// Gives the part to be compared, and whether something was cut.
pub(crate) fn without_sql(message: &str) -> (&str, bool) {
    let marks = [
        " Error: (sqlite3.",
        "(raised as a result of Query-invoked",
        "(sqlite3.",
    ];
    let cut = marks.iter().filter_map(|mark| message.find(mark)).min();
    cut.map_or((message, false), |at| (&message[..at], true))
}

/// True for a NaN that a logged model keeps, where MLflow gives 0 back.
pub(crate) fn is_kept_nan(at: &str, expected: &Value, have: &Value) -> bool {
    at.starts_with(".model") && at.ends_with(".value") && *expected == 0.0 && have == "NaN"
}

/// True for a recorded page of HTML that says an error or a new address: our errors are MLflow's
/// JSON errors, so that only the status is compared.
pub(crate) fn is_error_page(status: u16, content_type: Option<&str>) -> bool {
    status >= 300 && content_type.is_some_and(|kind| kind.starts_with("text/html"))
}

/// True for a recorded 500: a user's mistake is a 4xx with us, whichever fits.
pub(crate) fn is_server_error(status: u16) -> bool {
    status == 500
}
