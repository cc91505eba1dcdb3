//! What happened to a registered model, and what held at a moment.

use crate::app::{App, Ctx};
use crate::error::Result;
use crate::http::file::Segments;
use crate::http::input::Wire;
use crate::http::reply::Reply;
use crate::http::router::{Access, Route, get};
use crate::http::wire::registry_history::{
    AliasThenReply, AtTime, HistoryReply, ListHistory, StageThenReply,
};
use crate::registry::stage::Stage;
use crate::registry::{history, past};
use axum::extract::State;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get("1.0/models/{name}/history", Access::Read, list)
            .own()
            .tells("Lists what happened to a model, the newest first.")
            .query::<ListHistory>()
            .answers::<HistoryReply>(),
        get("1.0/models/{name}/aliases/{alias}", Access::Read, alias)
            .own()
            .tells("Says where an alias pointed at a moment.")
            .query::<AtTime>()
            .answers::<AliasThenReply>(),
        get("1.0/models/{name}/stages/{stage}", Access::Read, stage)
            .own()
            .tells("Says which versions were in a stage at a moment.")
            .query::<AtTime>()
            .answers::<StageThenReply>(),
    ]
}

async fn list(
    State(app): State<App>,
    Segments(name): Segments<String>,
    Wire(request): Wire<ListHistory>,
) -> Result<Reply<HistoryReply>> {
    let question = request.check(name)?;
    let page = app
        .db
        .read_anywhere(move |tx| history::list(tx, &question))
        .await?;
    Ok(Reply(page.into()))
}

async fn alias(
    State(app): State<App>,
    ctx: Ctx,
    Segments((name, alias)): Segments<(String, String)>,
    Wire(request): Wire<AtTime>,
) -> Result<Reply<AliasThenReply>> {
    let at = request.check(ctx.now)?;
    app.db
        .read(move |tx| {
            let then = past::alias(tx, &name, &alias, at)?;
            Ok(Reply(AliasThenReply::new((name, alias), at, then)))
        })
        .await
}

async fn stage(
    State(app): State<App>,
    ctx: Ctx,
    Segments((name, stage)): Segments<(String, String)>,
    Wire(request): Wire<AtTime>,
) -> Result<Reply<StageThenReply>> {
    let at = request.check(ctx.now)?;
    let stage = Stage::parse(&stage)?;
    app.db
        .read(move |tx| {
            let then = past::stage(tx, &name, stage, at)?;
            Ok(Reply(StageThenReply::new((name, stage), at, then)))
        })
        .await
}
