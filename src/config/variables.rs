//! The variables of the environment that set keys: MLflow's, OpenTelemetry's and our own.

use super::keys::{KEYS, Key};
use super::kind;
use super::layers::{Setting, Source, nearest};
use crate::error::{Error, Result};

/// Takes MLflow's variables; an empty one counts as not set, as it does for MLflow.
pub(super) fn of_mlflow(environment: &[(String, String)]) -> Vec<Setting> {
    let setting = |key: &'static Key| {
        let alias = key.mlflow?;
        let (name, text) = environment
            .iter()
            .find(|(name, text)| name == alias.name && !text.trim().is_empty())?;
        if is_service_link(name, text) {
            return None;
        }
        let inverted = alias.inverts.then(|| kind::parse_bool(text));
        let text = match inverted.flatten() {
            Some(value) => (!value).to_string(),
            None => text.clone(),
        };
        let source = Source::Variable(name.clone());
        Some(Setting { key, text, source })
    };
    KEYS.iter().filter_map(setting).collect()
}

/// Takes OpenTelemetry's variables; an empty one counts as not set, as its specification says.
pub(super) fn of_otel(environment: &[(String, String)]) -> Vec<Setting> {
    let setting = |key: &'static Key| {
        key.otel.iter().find_map(|variable| {
            let (name, text) = environment
                .iter()
                .find(|(name, text)| name == variable.name && !text.trim().is_empty())?;
            let text = match variable.path {
                "" => text.trim().to_owned(),
                path => format!("{}{path}", text.trim().trim_end_matches('/')),
            };
            let source = Source::Variable(name.clone());
            Some(Setting { key, text, source })
        })
    };
    KEYS.iter().filter_map(setting).collect()
}

/// Variables of ours that are no key of the configuration: the file with the keys, and the server
/// that `trackway models` and its like ask. Who exports one may start a server in the same shell.
const NO_KEYS: [&str; 2] = ["TRACKWAY_CONFIG", "TRACKWAY_URL"];

/// Takes our own variables; one that names no key is refused.
pub(super) fn of_own(environment: &[(String, String)]) -> Result<Vec<Setting>> {
    let ours = environment.iter().filter(|(name, text)| {
        name.starts_with("TRACKWAY_")
            && !NO_KEYS.contains(&name.as_str())
            && !is_service_link(name, text)
    });
    ours.map(|(name, text)| {
        let source = Source::Variable(name.clone());
        let key = KEYS.iter().find(|key| key.variable() == *name);
        let key = key.ok_or_else(|| unknown_variable(name))?;
        let text = text.clone();
        Ok(Setting { key, text, source })
    })
    .collect()
}

/// Tells the variables that Kubernetes makes for a service named `trackway` or `mlflow`, such as
/// `TRACKWAY_PORT=tcp://10.0.0.1:5000`: they are nobody's setting and must not stop a pod.
fn is_service_link(name: &str, text: &str) -> bool {
    let is_address = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    let is_part = name.split_once("_PORT_").is_some_and(|(_, rest)| {
        rest.split('_')
            .next()
            .is_some_and(|port| port.parse::<u16>().is_ok())
    });
    let is_service = name.ends_with("_SERVICE_HOST")
        || name.ends_with("_SERVICE_PORT")
        || name.contains("_SERVICE_PORT_");
    (is_address && name.ends_with("_PORT")) || is_part || is_service
}

fn unknown_variable(name: &str) -> Error {
    let near = nearest(name, KEYS.iter().map(Key::variable));
    Error::invalid(format!(
        "There is no key for the environment variable {name}. The nearest one is {near}; \
         `trackway config` lists all."
    ))
}
