//! The handlers of our own API, below `/api/1.0`; each file begins with its `routes()`.

mod aged;
mod audit;
mod consumers;
mod events;
mod export;
mod files;
mod manifests;
mod models;
mod overview;
mod resolve;
mod runs;
mod versions;
mod views;
mod webhooks;

use super::router::Route;

/// The rows of every group, by the name of the group.
pub(super) fn routes() -> Vec<(&'static str, Vec<Route>)> {
    vec![
        ("registry-history", models::routes()),
        ("registry-aged", aged::routes()),
        ("audit", audit::routes()),
        ("resolver", resolve::routes()),
        ("consumers", consumers::routes()),
        ("registry-versions", versions::routes()),
        ("model-manifests", manifests::routes()),
        ("webhook-deliveries", webhooks::routes()),
        ("events", events::routes()),
        ("overview", overview::routes()),
        ("runs", runs::routes()),
        ("files", files::routes()),
        ("run-files", export::routes()),
        ("views", views::routes()),
    ]
}
