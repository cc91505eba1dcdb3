//! What the first pages show: counts, what is in production, experiments; and the OpenAPI document.

use crate::app::{App, Ctx};
use crate::db::Tx;
use crate::error::Result;
use crate::http::input::Wire;
use crate::http::reply::Reply;
use crate::http::router::{self, Access, Route, get};
use crate::http::wire::overview::{ListSummaries, NoQuery, ShowProduction};
use crate::insight::counts::{self, Counts, ServerFacts};
use crate::insight::experiments::{self, Summaries};
use crate::insight::production::{self, Production, Scope};
use axum::extract::State;
use serde_json::Value as Json;

pub(super) fn routes() -> Vec<Route> {
    use Access::Read;
    vec![
        get("1.0/counts", Read, count)
            .own()
            .tells("Counts what the server holds.")
            .answers::<Counts>(),
        get("1.0/production", Read, show_production)
            .own()
            .tells("Shows what is in production, and the runs under way.")
            .query::<ShowProduction>()
            .answers::<Production>(),
        get("1.0/experiments/summary", Read, list_experiments)
            .own()
            .tells("Lists experiments with their counts, their goal and their best run.")
            .query::<ListSummaries>()
            .answers::<Summaries>(),
        get("1.0/openapi.json", Read, describe)
            .own()
            .tells("Gives this document.")
            .answers::<serde_json::Map<String, Json>>(),
    ]
}

async fn count(
    State(app): State<App>,
    ctx: Ctx,
    Wire(NoQuery {}): Wire<NoQuery>,
) -> Result<Reply<Counts>> {
    let server = ServerFacts {
        version: env!("CARGO_PKG_VERSION"),
        time: ctx.now,
        authentication: false,
        user: ctx.actor,
        database: app.db.kind(),
    };
    let read = move |tx: &mut Tx<'_>| counts::count(tx, server);
    app.db.read(read).await.map(Reply)
}

async fn show_production(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<ShowProduction>,
) -> Result<Reply<Production>> {
    let scope = Scope {
        aliases: app.settings.production_aliases.clone(),
        now: ctx.now,
        stale_after_ms: app.settings.consumer_stale_after_ms,
        running: request.check()?,
    };
    let read = move |tx: &mut Tx<'_>| production::read(tx, &scope);
    app.db.read(read).await.map(Reply)
}

async fn list_experiments(
    State(app): State<App>,
    Wire(request): Wire<ListSummaries>,
) -> Result<Reply<Summaries>> {
    let question = request.check()?;
    let read = move |tx: &mut Tx<'_>| experiments::list(tx, &question);
    app.db.read(read).await.map(Reply)
}

async fn describe(Wire(NoQuery {}): Wire<NoQuery>) -> Reply<Json> {
    Reply(router::document())
}
