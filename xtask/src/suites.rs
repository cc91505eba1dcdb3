//! The test suites: one row each, in the order in which they run.

use crate::python::Environment;
use crate::suite::{Objects, Runner, Session, Store, Suite, Tool, Turn};

pub(crate) const MLFLOW_3: Environment = Environment {
    name: "mlflow3",
    minors: 10..=13,
};
// Its Arrow library was never published for a later Python.
const MLFLOW_2: Environment = Environment {
    name: "mlflow2",
    minors: 10..=12,
};

const API: Environment = Environment {
    name: "api",
    minors: 10..=13,
};

/// Every suite. A new one is a row here.
pub(crate) const SUITES: &[Suite] = &[
    Suite {
        name: "rust",
        group: "rust",
        title: "unit and integration tests of the workspace",
        runner: Runner::Cargo(&["--workspace"]),
        store: Store::Sqlite,
        turn: Turn::Always,
    },
    Suite {
        name: "postgres",
        group: "postgres",
        title: "the integration tests on PostgreSQL",
        runner: Runner::Cargo(&["--workspace", "--test", "it"]),
        store: Store::Postgres,
        turn: Turn::Always,
    },
    Suite {
        name: "pgbouncer",
        group: "postgres",
        title: "the integration tests through pgbouncer in transaction mode",
        // The odd requests take long, and few of them reach the database.
        runner: Runner::Cargo(&["--workspace", "--test", "it", "--", "--skip", "bad_input"]),
        store: Store::Pgbouncer,
        turn: Turn::Always,
    },
    Suite {
        name: "rust-s3",
        group: "rust",
        title: "what touches artifacts once more, with the artifacts in an S3 server",
        runner: Runner::CargoBeside(Objects::S3),
        store: Store::Sqlite,
        turn: Turn::Always,
    },
    Suite {
        name: "rust-azure",
        group: "rust",
        title: "what touches artifacts once more, with the artifacts in a blob server of Azure's kind",
        runner: Runner::CargoBeside(Objects::Azure),
        store: Store::Sqlite,
        turn: Turn::Always,
    },
    Suite {
        name: "compat-mlflow3",
        group: "compat",
        title: "the unmodified mlflow 3.17 client against the release binary",
        runner: Runner::Pytest(Session {
            folder: "tests/compat",
            environment: MLFLOW_3,
            marker: None,
            tool: Tool::None,
        }),
        store: Store::Sqlite,
        turn: Turn::Always,
    },
    Suite {
        name: "compat-mlflow2",
        group: "compat",
        title: "the unmodified mlflow 2.16 client against the release binary",
        runner: Runner::Pytest(Session {
            folder: "tests/compat",
            environment: MLFLOW_2,
            marker: Some("mlflow2"),
            tool: Tool::None,
        }),
        store: Store::Sqlite,
        turn: Turn::Always,
    },
    Suite {
        name: "compat-postgres",
        group: "compat",
        title: "the unmodified mlflow 3.17 client against a server on PostgreSQL behind pgbouncer",
        runner: Runner::Pytest(Session {
            folder: "tests/compat",
            environment: MLFLOW_3,
            marker: None,
            tool: Tool::None,
        }),
        store: Store::Pgbouncer,
        turn: Turn::Always,
    },
    Suite {
        name: "replicas",
        group: "replicas",
        title: "two servers on one PostgreSQL and one S3: jobs, files, events, a standby",
        runner: Runner::Pytest(Session {
            folder: "tests/replicas",
            environment: MLFLOW_3,
            marker: None,
            tool: Tool::Haproxy { replicas: 2 },
        }),
        store: Store::Postgres,
        turn: Turn::Always,
    },
    Suite {
        name: "compat-replicas",
        group: "replicas",
        title: "a part of the mlflow 3.17 client's tests against two servers behind haproxy",
        runner: Runner::Pytest(Session {
            folder: "tests/compat",
            environment: MLFLOW_3,
            marker: Some("replicas"),
            tool: Tool::Haproxy { replicas: 2 },
        }),
        store: Store::Postgres,
        turn: Turn::Always,
    },
    Suite {
        name: "compat-two-replicas",
        group: "compat",
        title: "the unmodified mlflow 3.17 client against two servers behind haproxy",
        runner: Runner::Pytest(Session {
            folder: "tests/compat",
            environment: MLFLOW_3,
            marker: None,
            tool: Tool::Haproxy { replicas: 2 },
        }),
        store: Store::Postgres,
        turn: Turn::OnRequest,
    },
    Suite {
        name: "compat-four-replicas",
        group: "compat",
        title: "the unmodified mlflow 3.17 client against four servers behind haproxy and pgbouncer",
        runner: Runner::Pytest(Session {
            folder: "tests/compat",
            environment: MLFLOW_3,
            marker: None,
            tool: Tool::Haproxy { replicas: 4 },
        }),
        store: Store::Pgbouncer,
        turn: Turn::OnRequest,
    },
    Suite {
        name: "api",
        group: "api",
        title: "requests made up from the OpenAPI document find no failure of the server",
        runner: Runner::Pytest(Session {
            folder: "tests/api",
            environment: API,
            marker: None,
            tool: Tool::None,
        }),
        store: Store::Sqlite,
        turn: Turn::Always,
    },
    Suite {
        name: "durability",
        group: "durability",
        title: "what was acknowledged survives kill -9 and a full disk",
        runner: Runner::Pytest(Session {
            folder: "tests/durability",
            environment: MLFLOW_3,
            marker: None,
            tool: Tool::None,
        }),
        store: Store::Sqlite,
        turn: Turn::Always,
    },
    Suite {
        name: "faults",
        group: "faults",
        title: "two replicas lose nothing when the database, the network or the store fails",
        runner: Runner::Pytest(Session {
            folder: "tests/faults",
            environment: MLFLOW_3,
            marker: None,
            tool: Tool::None,
        }),
        // The tests make clusters of their own; without PostgreSQL the suite is skipped.
        store: Store::Postgres,
        turn: Turn::Always,
    },
    Suite {
        name: "observability",
        group: "observability",
        title: "metrics, alert rules, dashboard, log lines and traces of the release binary",
        runner: Runner::Pytest(Session {
            folder: "tests/observability",
            environment: MLFLOW_3,
            marker: None,
            tool: Tool::Promtool,
        }),
        store: Store::Sqlite,
        turn: Turn::Always,
    },
    Suite {
        name: "ui-unit",
        group: "ui",
        title: "the parts of the web interface that need no browser",
        runner: Runner::UiUnit,
        store: Store::Sqlite,
        turn: Turn::Always,
    },
    Suite {
        name: "ui",
        group: "ui",
        title: "the pages of the release binary in Chromium",
        runner: Runner::UiBrowser,
        store: Store::Sqlite,
        turn: Turn::Always,
    },
    Suite {
        name: "deploy",
        group: "deploy",
        title: "the commands of docs/deploy.md: backup, restore, an upgrade under load",
        runner: Runner::Pytest(Session {
            folder: "tests/deploy",
            environment: MLFLOW_3,
            marker: None,
            tool: Tool::Deploy,
        }),
        store: Store::Postgres,
        turn: Turn::Always,
    },
    Suite {
        name: "soak",
        group: "soak",
        title: "ten minutes of training on two servers, one of which is killed every minute",
        runner: Runner::Pytest(Session {
            folder: "tests/soak",
            environment: MLFLOW_3,
            marker: None,
            tool: Tool::Haproxy { replicas: 2 },
        }),
        store: Store::Postgres,
        turn: Turn::OnRequest,
    },
];

/// Gives what `--only` accepts: every group and every name, each once.
pub(crate) fn names() -> Vec<&'static str> {
    let mut names: Vec<_> = SUITES
        .iter()
        .flat_map(|suite| [suite.group, suite.name])
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell;

    #[test]
    fn names_and_groups_select_suites() {
        let chosen = |wanted: &[&str]| -> Vec<&str> {
            let wanted: Vec<String> = wanted.iter().map(|name| name.to_string()).collect();
            SUITES
                .iter()
                .filter(|suite| suite.is_wanted(&wanted))
                .map(|suite| suite.name)
                .collect()
        };
        assert_eq!(chosen(&[]).len(), SUITES.len() - 3);
        assert!(!chosen(&[]).contains(&"soak"));
        assert_eq!(
            chosen(&["compat"]),
            [
                "compat-mlflow3",
                "compat-mlflow2",
                "compat-postgres",
                "compat-two-replicas",
                "compat-four-replicas"
            ]
        );
        assert_eq!(chosen(&["replicas"]), ["replicas", "compat-replicas"]);
        assert_eq!(chosen(&["postgres"]), ["postgres", "pgbouncer"]);
        assert_eq!(
            chosen(&["durability", "compat-mlflow2"]),
            ["compat-mlflow2", "durability"]
        );
    }

    #[test]
    fn lock_file_of_every_environment_is_there() {
        for suite in SUITES {
            if let Runner::Pytest(session) = &suite.runner {
                let name = format!(
                    "tests/compat/requirements/{}.lock",
                    session.environment.name
                );
                assert!(shell::root().join(&name).is_file(), "{name}");
            }
        }
    }
}
