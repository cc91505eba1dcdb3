//! Saved views of pages.

use crate::app::{App, Ctx};
use crate::error::Result;
use crate::http::file::Segments;
use crate::http::input::{Asked, Wire};
use crate::http::reply::{Empty, Reply};
use crate::http::router::{Access, Route, delete, get, patch, post};
use crate::http::wire::overview::NoQuery;
use crate::http::wire::view::{CreateView, ListViews, OneView, UpdateView, ViewReply, Views};
use crate::tracking::view;
use axum::extract::State;

pub(super) fn routes() -> Vec<Route> {
    use Access::{Edit, Read};
    vec![
        get("1.0/views", Read, list)
            .own()
            .tells("Lists the shared views of a page and your own.")
            .query::<ListViews>()
            .answers::<Views>(),
        post("1.0/views", Edit, create)
            .own()
            .audited("view.create", "view:{name}")
            .tells("Saves a new view.")
            .body::<CreateView>()
            .answers::<OneView>(),
        get("1.0/views/{view_id}", Read, find)
            .own()
            .tells("Finds a view by its id.")
            .answers::<OneView>(),
        patch("1.0/views/{view_id}", Edit, update)
            .own()
            .audited("view.update", "view:{view_id}")
            .tells("Changes a view of your own, or a shared one.")
            .body::<UpdateView>()
            .answers::<OneView>(),
        delete("1.0/views/{view_id}", Edit, remove)
            .own()
            .audited("view.delete", "view:{view_id}")
            .tells("Deletes a view of your own, or a shared one.")
            .answers::<Empty>(),
    ]
}

async fn list(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<ListViews>,
) -> Result<Reply<Views>> {
    let (experiment, kind) = request.check()?;
    let found = app
        .db
        .read(move |tx| view::list(tx, &ctx, experiment, kind.as_deref()))
        .await?;
    Ok(Reply(Views {
        views: found.into_iter().map(ViewReply::from).collect(),
    }))
}

async fn create(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<CreateView>,
) -> Result<Reply<OneView>> {
    let new = request.check()?;
    let ids = app.ids.clone();
    let view = app
        .change(ctx, move |tx, ctx| view::create(tx, ctx, &ids, &new))
        .await?;
    Ok(Reply(OneView { view: view.into() }))
}

async fn find(
    State(app): State<App>,
    Segments(uuid): Segments<String>,
    Wire(NoQuery {}): Wire<NoQuery>,
) -> Result<Reply<OneView>> {
    let view = app.db.read(move |tx| view::find(tx, &uuid)).await?;
    Ok(Reply(OneView { view: view.into() }))
}

async fn update(
    State(app): State<App>,
    ctx: Ctx,
    Segments(uuid): Segments<String>,
    Wire(request): Wire<UpdateView>,
) -> Result<Reply<OneView>> {
    let update = request.check()?;
    let view = app
        .change(ctx, move |tx, ctx| view::update(tx, ctx, &uuid, &update))
        .await?;
    Ok(Reply(OneView { view: view.into() }))
}

async fn remove(
    State(app): State<App>,
    ctx: Ctx,
    Segments(uuid): Segments<String>,
    Asked(NoQuery {}): Asked<NoQuery>,
) -> Result<Reply<Empty>> {
    app.change(ctx, move |tx, ctx| view::delete(tx, ctx, &uuid))
        .await?;
    Ok(Reply(Empty {}))
}
