//! Versions of registered models.

use super::{not_archived, register};
use crate::app::{App, Ctx};
use crate::error::Result;
use crate::http::input::Wire;
use crate::http::reply::{Empty, Reply};
use crate::http::router::{Access, Route, delete, get, patch, post};
use crate::http::wire::model_version::{
    CreateVersion, DownloadUri, OneVersion, SearchRegistry, TransitionStage, UpdateVersion,
    VersionByNumber, VersionPage, VersionReply, VersionTag,
};
use crate::registry::{search, stage, tag, version};
use axum::extract::State;
use axum::http::HeaderMap;

pub(super) fn routes() -> Vec<Route> {
    use Access::{Edit, Read};
    vec![
        post("2.0/mlflow/model-versions/create", Edit, create)
            .audited("model_version.create", "model_version:{name}/{version}"),
        patch("2.0/mlflow/model-versions/update", Edit, update)
            .audited("model_version.update", "model_version:{name}/{version}"),
        post(
            "2.0/mlflow/model-versions/transition-stage",
            Edit,
            transition,
        )
        .audited(
            "model_version.transition_stage",
            "model_version:{name}/{version}",
        ),
        delete("2.0/mlflow/model-versions/delete", Edit, remove)
            .audited("model_version.delete", "model_version:{name}/{version}"),
        get("2.0/mlflow/model-versions/get", Read, find),
        get("2.0/mlflow/model-versions/search", Read, find_many),
        get(
            "2.0/mlflow/model-versions/get-download-uri",
            Read,
            download_uri,
        ),
        post("2.0/mlflow/model-versions/set-tag", Edit, set_tag)
            .audited("model_version.set_tag", "model_version:{name}/{version}"),
        delete("2.0/mlflow/model-versions/delete-tag", Edit, delete_tag)
            .audited("model_version.delete_tag", "model_version:{name}/{version}"),
    ]
}

async fn create(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<CreateVersion>,
) -> Result<Reply<OneVersion>> {
    let policy = &app.settings.location_policy;
    let new = request.check(app.settings.source_pattern.as_ref(), policy)?;
    let created = register::create(&app, ctx, new).await?;
    Ok(Reply(created.into()))
}

async fn update(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<UpdateVersion>,
) -> Result<Reply<OneVersion>> {
    let (at, description) = request.check()?;
    let updated = app
        .change(ctx, move |tx, ctx| {
            version::describe(tx, ctx, &at, description.as_deref())
        })
        .await?;
    Ok(Reply(updated.into()))
}

async fn transition(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<TransitionStage>,
) -> Result<(HeaderMap, Reply<OneVersion>)> {
    let asked = request.check()?;
    let settings = app.settings.clone();
    let moved = app
        .change(ctx, move |tx, ctx| {
            stage::transition(tx, ctx, &settings.stages, &asked)
        })
        .await?;
    let told = not_archived::header(&moved.kept);
    Ok((told, Reply(moved.version.into())))
}

async fn remove(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<VersionByNumber>,
) -> Result<Reply<Empty>> {
    let at = request.check()?;
    let settings = app.settings.clone();
    app.change(ctx, move |tx, ctx| {
        version::delete(tx, ctx, &settings.stages, &at)
    })
    .await?;
    Ok(Reply(Empty {}))
}

async fn find(
    State(app): State<App>,
    Wire(request): Wire<VersionByNumber>,
) -> Result<Reply<OneVersion>> {
    let at = request.check()?;
    let found = app.db.read(move |tx| version::find(tx, &at)).await?;
    Ok(Reply(found.into()))
}

async fn find_many(
    State(app): State<App>,
    Wire(request): Wire<SearchRegistry>,
) -> Result<Reply<VersionPage>> {
    let asked = request.check_versions()?;
    let page = app
        .db
        .read_anywhere(move |tx| search::versions(tx, &asked))
        .await?;
    Ok(Reply(VersionPage {
        model_versions: page.items.into_iter().map(VersionReply::from).collect(),
        next_page_token: page.next,
    }))
}

async fn download_uri(
    State(app): State<App>,
    Wire(request): Wire<VersionByNumber>,
) -> Result<Reply<DownloadUri>> {
    let at = request.check_leniently()?;
    let found = app.db.read(move |tx| version::find(tx, &at)).await?;
    Ok(Reply(DownloadUri {
        artifact_uri: found.storage_location,
    }))
}

async fn set_tag(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<VersionTag>,
) -> Result<Reply<Empty>> {
    let (at, new) = request.check()?;
    app.change(ctx, move |tx, ctx| tag::set_on_version(tx, ctx, &at, &new))
        .await?;
    Ok(Reply(Empty {}))
}

async fn delete_tag(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<VersionTag>,
) -> Result<Reply<Empty>> {
    let (at, key) = request.check_key()?;
    app.change(ctx, move |tx, ctx| {
        tag::delete_on_version(tx, ctx, &at, &key)
    })
    .await?;
    Ok(Reply(Empty {}))
}
