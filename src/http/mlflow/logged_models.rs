//! Logged models.

use crate::app::{App, Ctx};
use crate::error::Result;
use crate::http::file::Segments;
use crate::http::input::{Query, Wire};
use crate::http::reply::{Empty, Reply};
use crate::http::router::{Access, Route, delete, get, patch, post};
use crate::http::wire::logged_model::{
    CreateModel, FinalizeModel, ModelPage, ModelParams, ModelReply, ModelTags, OneModel,
    SearchModels,
};
use crate::registry::freeze;
use crate::tracking::logged_model::{self, Deleted};
use crate::tracking::search;
use axum::extract::State;

pub(super) fn routes() -> Vec<Route> {
    vec![
        post("2.0/mlflow/logged-models", Access::Edit, create)
            .audited("logged_model.create", "logged_model:{model_id}"),
        post("2.0/mlflow/logged-models/search", Access::Read, search_all),
        get("2.0/mlflow/logged-models/{model_id}", Access::Read, find),
        patch(
            "2.0/mlflow/logged-models/{model_id}",
            Access::Edit,
            finalize,
        )
        .audited("logged_model.finalize", "logged_model:{model_id}"),
        delete("2.0/mlflow/logged-models/{model_id}", Access::Edit, remove)
            .audited("logged_model.delete", "logged_model:{model_id}"),
        patch(
            "2.0/mlflow/logged-models/{model_id}/tags",
            Access::Edit,
            set_tags,
        )
        .audited("logged_model.set_tags", "logged_model:{model_id}"),
        delete(
            "2.0/mlflow/logged-models/{model_id}/tags/{tag_key}",
            Access::Edit,
            delete_tag,
        )
        .audited("logged_model.delete_tag", "logged_model:{model_id}"),
        post(
            "2.0/mlflow/logged-models/{model_id}/params",
            Access::Edit,
            log_params,
        )
        .audited("logged_model.log_params", "logged_model:{model_id}"),
    ]
}

async fn create(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<CreateModel>,
) -> Result<Reply<OneModel>> {
    let new = request.check()?;
    let ids = app.ids.clone();
    let model = app
        .change(ctx, move |tx, ctx| {
            logged_model::create(tx, ctx, &ids, &new)
        })
        .await?;
    Ok(Reply(OneModel {
        model: model.into(),
    }))
}

async fn search_all(
    State(app): State<App>,
    Wire(request): Wire<SearchModels>,
) -> Result<Reply<ModelPage>> {
    let search = request.check()?;
    let page = app
        .db
        .read_anywhere(move |tx| search::logged_models(tx, &search))
        .await?;
    Ok(Reply(ModelPage {
        models: page.items.into_iter().map(ModelReply::from).collect(),
        next_page_token: page.next,
    }))
}

async fn find(
    State(app): State<App>,
    Segments(uuid): Segments<String>,
    query: Query,
) -> Result<Reply<OneModel>> {
    let allowed = query
        .first("allow_deleted")
        .is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let deleted = if allowed {
        Deleted::Allowed
    } else {
        Deleted::Refused
    };
    let model = app
        .db
        .read(move |tx| logged_model::find(tx, &uuid, deleted))
        .await?;
    Ok(Reply(OneModel {
        model: model.into(),
    }))
}

async fn finalize(
    State(app): State<App>,
    ctx: Ctx,
    Segments(uuid): Segments<String>,
    Wire(request): Wire<FinalizeModel>,
) -> Result<Reply<OneModel>> {
    let status = request.check()?;
    let model = app
        .change(ctx, move |tx, ctx| {
            logged_model::finalize(tx, ctx, &uuid, status)
        })
        .await?;
    Ok(Reply(OneModel {
        model: model.into(),
    }))
}

async fn remove(
    State(app): State<App>,
    ctx: Ctx,
    Segments(uuid): Segments<String>,
) -> Result<Reply<Empty>> {
    app.change(ctx, move |tx, ctx| {
        freeze::delete_logged_model(tx, ctx, &uuid)
    })
    .await?;
    Ok(Reply(Empty {}))
}

async fn set_tags(
    State(app): State<App>,
    ctx: Ctx,
    Segments(uuid): Segments<String>,
    Wire(request): Wire<ModelTags>,
) -> Result<Reply<Empty>> {
    let tags = request.check()?;
    app.change(ctx, move |tx, _| logged_model::set_tags(tx, &uuid, &tags))
        .await?;
    Ok(Reply(Empty {}))
}

async fn delete_tag(
    State(app): State<App>,
    ctx: Ctx,
    Segments((uuid, key)): Segments<(String, String)>,
) -> Result<Reply<Empty>> {
    app.change(ctx, move |tx, _| logged_model::delete_tag(tx, &uuid, &key))
        .await?;
    Ok(Reply(Empty {}))
}

async fn log_params(
    State(app): State<App>,
    ctx: Ctx,
    Segments(uuid): Segments<String>,
    Wire(request): Wire<ModelParams>,
) -> Result<Reply<Empty>> {
    let params = request.check()?;
    app.change(ctx, move |tx, _| {
        logged_model::log_params(tx, &uuid, &params)
    })
    .await?;
    Ok(Reply(Empty {}))
}
