//! What serving processes have loaded, and what they were told.

use crate::app::{App, Ctx};
use crate::error::Result;
use crate::http::file::Segments;
use crate::http::input::{Asked, Wire};
use crate::http::reply::Reply;
use crate::http::router::{Access, Route, delete, get, post};
use crate::http::wire::consumer::{
    ConsumerReply, ConsumersReply, ForgetConsumer, ForgottenReply, ListConsumers, ListResolutions,
    ReportLoaded, ResolutionsReply,
};
use crate::registry::{consumer, resolution};
use axum::extract::State;

pub(super) fn routes() -> Vec<Route> {
    use Access::{Edit, Read};
    vec![
        // A serving process has the right to read what it loads, and this is no change of it.
        post("1.0/consumers", Read, report)
            .own()
            .tells("Takes what a serving process has loaded.")
            .body::<ReportLoaded>()
            .answers::<ConsumerReply>(),
        delete("1.0/consumers/{consumer}", Edit, forget)
            .own()
            .audited("consumer.forget", "consumer:{consumer}")
            .tells("Forgets what a consumer reported.")
            .query::<ForgetConsumer>()
            .answers::<ForgottenReply>(),
        get("1.0/models/{name}/consumers", Read, list)
            .own()
            .tells("Lists what serving processes have loaded, and what they should have.")
            .query::<ListConsumers>()
            .answers::<ConsumersReply>(),
        get("1.0/models/{name}/resolutions", Read, resolutions)
            .own()
            .tells("Lists who asked where a URI leads.")
            .query::<ListResolutions>()
            .answers::<ResolutionsReply>(),
    ]
}

async fn report(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<ReportLoaded>,
) -> Result<Reply<ConsumerReply>> {
    let report = request.check()?;
    let times = (ctx.now, app.settings.consumer_stale_after_ms);
    let (stored, desired) = app
        .db
        .write(move |tx| consumer::report(tx, &ctx, &report))
        .await?;
    Ok(Reply(ConsumerReply::new(stored, desired, times)))
}

async fn list(
    State(app): State<App>,
    ctx: Ctx,
    Segments(name): Segments<String>,
    Wire(request): Wire<ListConsumers>,
) -> Result<Reply<ConsumersReply>> {
    let (question, stale_after) = request.check(name, app.settings.consumer_stale_after_ms)?;
    let page = app.db.read(move |tx| consumer::list(tx, &question)).await?;
    Ok(Reply(ConsumersReply::new(page, (ctx.now, stale_after))))
}

async fn forget(
    State(app): State<App>,
    ctx: Ctx,
    Segments(consumer): Segments<String>,
    Asked(request): Asked<ForgetConsumer>,
) -> Result<Reply<ForgottenReply>> {
    let what = request.check(consumer)?;
    let forgotten = app
        .change(ctx, move |tx, _| consumer::forget(tx, &what))
        .await?;
    Ok(Reply(ForgottenReply { forgotten }))
}

async fn resolutions(
    State(app): State<App>,
    Segments(name): Segments<String>,
    Wire(request): Wire<ListResolutions>,
) -> Result<Reply<ResolutionsReply>> {
    let question = request.check(name)?;
    let page = app
        .db
        .read(move |tx| resolution::list(tx, &question))
        .await?;
    Ok(Reply(page.into()))
}
