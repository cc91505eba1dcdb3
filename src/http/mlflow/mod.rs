//! The handlers of MLflow's API; each file begins with its `routes()`.

pub(super) mod artifacts;
mod direct;
mod experiments;
mod inputs;
mod logged_models;
pub(super) mod metrics;
mod model_versions;
mod not_archived;
pub(super) mod register;
mod registered_models;
mod runs;
mod version_files;
mod webhooks;

use super::router::Route;

/// The rows of every group, by the name of the group.
pub(super) fn routes() -> Vec<(&'static str, Vec<Route>)> {
    let mut core = experiments::routes();
    core.extend(runs::routes());
    let mut registry = registered_models::routes();
    registry.extend(model_versions::routes());
    let mut files = artifacts::routes();
    files.extend(direct::routes());
    vec![
        ("tracking-core", core),
        ("metric-history", metrics::routes()),
        ("inputs-outputs", inputs::routes()),
        ("logged-models", logged_models::routes()),
        ("model-registry", registry),
        ("artifacts", files),
        ("webhooks", webhooks::routes()),
    ]
}
