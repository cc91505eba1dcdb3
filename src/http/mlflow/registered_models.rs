//! Registered models, their tags and aliases.

use super::not_archived;
use crate::app::{App, Ctx};
use crate::error::Result;
use crate::http::input::Wire;
use crate::http::reply::{Empty, Reply};
use crate::http::router::{Access, Route, delete, get, patch, post};
use crate::http::wire::model_version::{
    LatestVersions, OneVersion, SearchRegistry, VersionPage, VersionReply,
};
use crate::http::wire::registered_model::{
    AliasByName, CreateRegisteredModel, ModelByName, OneRegisteredModel, RegisteredModelPage,
    RegisteredModelReply, RegisteredModelTag, RenameRegisteredModel, SetAlias,
    UpdateRegisteredModel,
};
use crate::registry::{alias, model, search, tag, version};
use axum::extract::State;
use axum::http::HeaderMap;

pub(super) fn routes() -> Vec<Route> {
    use Access::{Edit, Read};
    vec![
        post("2.0/mlflow/registered-models/create", Edit, create)
            .audited("registered_model.create", "registered_model:{name}"),
        post("2.0/mlflow/registered-models/rename", Edit, rename)
            .audited("registered_model.rename", "registered_model:{name}"),
        patch("2.0/mlflow/registered-models/update", Edit, update)
            .audited("registered_model.update", "registered_model:{name}"),
        delete("2.0/mlflow/registered-models/delete", Edit, remove)
            .audited("registered_model.delete", "registered_model:{name}"),
        get("2.0/mlflow/registered-models/get", Read, find),
        get("2.0/mlflow/registered-models/search", Read, find_many),
        post(
            "2.0/mlflow/registered-models/get-latest-versions",
            Read,
            latest,
        ),
        get(
            "2.0/mlflow/registered-models/get-latest-versions",
            Read,
            latest,
        ),
        post("2.0/mlflow/registered-models/set-tag", Edit, set_tag)
            .audited("registered_model.set_tag", "registered_model:{name}"),
        delete("2.0/mlflow/registered-models/delete-tag", Edit, delete_tag)
            .audited("registered_model.delete_tag", "registered_model:{name}"),
        post("2.0/mlflow/registered-models/alias", Edit, set_alias)
            .audited("registered_model.set_alias", "registered_model:{name}"),
        delete("2.0/mlflow/registered-models/alias", Edit, delete_alias)
            .audited("registered_model.delete_alias", "registered_model:{name}"),
        get("2.0/mlflow/registered-models/alias", Read, find_by_alias),
    ]
}

async fn create(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<CreateRegisteredModel>,
) -> Result<Reply<OneRegisteredModel>> {
    let new = request.check()?;
    let created = app
        .change(ctx, move |tx, ctx| model::create(tx, ctx, &new))
        .await?;
    Ok(Reply(created.into()))
}

async fn rename(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<RenameRegisteredModel>,
) -> Result<Reply<OneRegisteredModel>> {
    let (name, new_name) = request.check()?;
    let renamed = app
        .change(ctx, move |tx, ctx| model::rename(tx, ctx, &name, &new_name))
        .await?;
    Ok(Reply(renamed.into()))
}

async fn update(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<UpdateRegisteredModel>,
) -> Result<Reply<OneRegisteredModel>> {
    let (name, description) = request.check()?;
    let updated = app
        .change(ctx, move |tx, ctx| {
            model::describe(tx, ctx, &name, &description)
        })
        .await?;
    Ok(Reply(updated.into()))
}

async fn remove(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<ModelByName>,
) -> Result<Reply<Empty>> {
    let name = request.check()?;
    app.change(ctx, move |tx, ctx| model::delete(tx, ctx, &name))
        .await?;
    Ok(Reply(Empty {}))
}

async fn find(
    State(app): State<App>,
    Wire(request): Wire<ModelByName>,
) -> Result<Reply<OneRegisteredModel>> {
    let name = request.check()?;
    let found = app.db.read(move |tx| model::find_full(tx, &name)).await?;
    Ok(Reply(found.into()))
}

async fn find_many(
    State(app): State<App>,
    Wire(request): Wire<SearchRegistry>,
) -> Result<Reply<RegisteredModelPage>> {
    let asked = request.check_models()?;
    let page = app
        .db
        .read_anywhere(move |tx| search::models(tx, &asked))
        .await?;
    Ok(Reply(RegisteredModelPage {
        registered_models: page
            .items
            .into_iter()
            .map(RegisteredModelReply::from)
            .collect(),
        next_page_token: page.next,
    }))
}

async fn latest(
    State(app): State<App>,
    Wire(request): Wire<LatestVersions>,
) -> Result<Reply<VersionPage>> {
    let (name, stages) = request.check()?;
    let latest = app
        .db
        .read(move |tx| version::latest_in(tx, &name, &stages))
        .await?;
    Ok(Reply(VersionPage {
        model_versions: latest.into_iter().map(VersionReply::from).collect(),
        next_page_token: None,
    }))
}

async fn set_tag(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<RegisteredModelTag>,
) -> Result<Reply<Empty>> {
    let (name, new) = request.check()?;
    app.change(ctx, move |tx, ctx| tag::set_on_model(tx, ctx, &name, &new))
        .await?;
    Ok(Reply(Empty {}))
}

async fn delete_tag(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<RegisteredModelTag>,
) -> Result<Reply<Empty>> {
    let (name, key) = request.check_key()?;
    app.change(ctx, move |tx, ctx| {
        tag::delete_on_model(tx, ctx, &name, &key)
    })
    .await?;
    Ok(Reply(Empty {}))
}

async fn set_alias(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<SetAlias>,
) -> Result<(HeaderMap, Reply<Empty>)> {
    let (at, name) = request.check()?;
    let settings = app.settings.clone();
    let kept = app
        .change(ctx, move |tx, ctx| {
            alias::set(tx, ctx, &settings.stages, (&at, &name))
        })
        .await?;
    Ok((not_archived::header(&kept), Reply(Empty {})))
}

async fn delete_alias(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<AliasByName>,
) -> Result<Reply<Empty>> {
    let (model, name) = request.check()?;
    let settings = app.settings.clone();
    app.change(ctx, move |tx, ctx| {
        alias::delete(tx, ctx, &settings.stages, (&model, &name))
    })
    .await?;
    Ok(Reply(Empty {}))
}

async fn find_by_alias(
    State(app): State<App>,
    Wire(request): Wire<AliasByName>,
) -> Result<Reply<OneVersion>> {
    let (model, name) = request.check()?;
    let found = app
        .db
        .read(move |tx| alias::find_version(tx, &model, &name))
        .await?;
    Ok(Reply(found.into()))
}
