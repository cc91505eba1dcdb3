//! Transfers between a client and the object store, for which the server only signs.

use super::artifacts::{model_uri, run_uri};
use crate::app::{App, Ctx};
use crate::artifacts::direct::SignedUrl;
use crate::artifacts::{ArtifactPath, ArtifactStore, Site};
use crate::error::{Code, Error, Result};
use crate::http::file::Tail;
use crate::http::input::Wire;
use crate::http::reply::{Empty, Reply};
use crate::http::router::{Access, Route, get, post};
use crate::http::task::to_the_end;
use crate::http::wire::artifact::{Owner, PresignDownload, PresignUpload};
use crate::http::wire::direct::{
    AbortParts, CompleteParts, CreateParts, OwnUrl, PartsReply, PresignedReply,
};
use crate::registry::freeze;
use crate::tracking::artifact;
use axum::extract::State;

pub(super) fn routes() -> Vec<Route> {
    vec![
        post(
            "2.0/mlflow-artifacts/mpu/create/{*path}",
            Access::Edit,
            create,
        )
        .audited("artifact.put", "artifact:{path}"),
        post(
            "2.0/mlflow-artifacts/mpu/complete/{*path}",
            Access::Edit,
            complete,
        )
        .audited("artifact.put", "artifact:{path}"),
        post(
            "2.0/mlflow-artifacts/mpu/abort/{*path}",
            Access::Edit,
            abort,
        )
        .audited("artifact.put", "artifact:{path}"),
        get(
            "2.0/mlflow-artifacts/presigned/{*path}",
            Access::Read,
            presigned,
        ),
        post(
            "2.0/mlflow/artifacts/presigned-upload-url",
            Access::Edit,
            presign_upload,
        )
        .audited("artifact.presign_upload", "artifact:{path}"),
        post(
            "2.0/mlflow/artifacts/presigned-download-url",
            Access::Read,
            presign_download,
        ),
    ]
}

/// Gives the own store, if clients can be sent to it.
fn direct<'a>(app: &'a App, tail: &Tail, what: &str) -> Result<&'a ArtifactStore> {
    let store = app.artifacts.own()?;
    ArtifactPath::parse(&tail.0)?;
    match store.is_direct() {
        true => Ok(store),
        false => Err(Error::new(
            Code::NotImplemented,
            format!("{what} is not supported for the current artifact repository"),
        )),
    }
}

/// Refuses a file of unknown content where a version forbids changes, and keeps the request in
/// the audit log.
async fn check_frozen(app: &App, ctx: Ctx, site: &Site) -> Result<()> {
    let spot = site.spot.clone();
    app.change(ctx, move |tx, _| freeze::check_unread_upload(tx, &spot))
        .await
}

async fn create(
    State(app): State<App>,
    ctx: Ctx,
    tail: Tail,
    Wire(request): Wire<CreateParts>,
) -> Result<Reply<PartsReply>> {
    let store = direct(&app, &tail, "Multipart upload")?;
    let (path, count) = request.check(&tail.0)?;
    let site = app.artifacts.own_site(path).await?;
    check_frozen(&app, ctx, &site).await?;
    let begun = store.begin_parts(&site.path, count, app.settings.part_url);
    Ok(Reply(PartsReply::new(begun.await?)))
}

async fn complete(
    State(app): State<App>,
    ctx: Ctx,
    tail: Tail,
    Wire(request): Wire<CompleteParts>,
) -> Result<Reply<Empty>> {
    direct(&app, &tail, "Multipart upload")?;
    let (path, upload_id, parts) = request.check(&tail.0)?;
    let site = app.artifacts.own_site(path).await?;
    let completing = async move {
        let claim = app.claim(&site.spot).await?;
        let spot = site.spot.clone();
        app.db
            .read(move |tx| freeze::check_unread_upload(tx, &spot))
            .await?;
        let completed = site.store.complete_parts(&site.path, &upload_id, &parts);
        let size = completed.await?;
        let ctx = Ctx {
            now: app.clock.now(),
            ..ctx
        };
        let proof = claim.proof();
        app.change(ctx, move |tx, ctx| {
            if !proof.is_alive(tx)? {
                freeze::check_unread_upload(tx, &site.spot)?;
            }
            artifact::record_unread(tx, ctx, &site.path, size)
        })
        .await?;
        drop(claim);
        Ok(Reply(Empty {}))
    };
    to_the_end(completing).await
}

async fn abort(
    State(app): State<App>,
    ctx: Ctx,
    tail: Tail,
    Wire(request): Wire<AbortParts>,
) -> Result<Reply<Empty>> {
    let store = direct(&app, &tail, "Multipart upload")?;
    let (path, upload_id) = request.check(&tail.0)?;
    store.abort_parts(&path, &upload_id).await?;
    app.change(ctx, |_, _| Ok(())).await?;
    Ok(Reply(Empty {}))
}

async fn presigned(State(app): State<App>, tail: Tail) -> Result<Reply<OwnUrl>> {
    let store = direct(&app, &tail, "Multipart download")?;
    let path = ArtifactPath::parse_file(&tail.0)?;
    let valid = app.settings.presigned_download;
    let (signed, size) = store.sign_get(&path, valid).await?;
    Ok(Reply(OwnUrl::new(signed, size)))
}

async fn presign_upload(
    State(app): State<App>,
    ctx: Ctx,
    Wire(request): Wire<PresignUpload>,
) -> Result<Reply<PresignedReply>> {
    let (owner, path, valid) = request.check()?;
    let uri = match owner {
        Owner::Run(uuid) => run_uri(&app, uuid).await?,
        Owner::Model(uuid) => model_uri(&app, uuid).await?,
    };
    let site = signable(&app, Presigned::Upload, &uri, &path).await?;
    check_frozen(&app, ctx, &site).await?;
    let signed: SignedUrl = site.store.sign_put(&site.path, valid).await?;
    Ok(Reply(PresignedReply::new(signed, None)))
}

async fn presign_download(
    State(app): State<App>,
    Wire(request): Wire<PresignDownload>,
) -> Result<Reply<PresignedReply>> {
    let (uuid, path, valid) = request.check(app.settings.presigned_download)?;
    let uri = run_uri(&app, uuid).await?;
    let site = signable(&app, Presigned::Download, &uri, &path).await?;
    let (signed, size) = site.store.sign_get(&site.path, valid).await?;
    Ok(Reply(PresignedReply::new(signed, Some(size))))
}

/// Which way a presigned URL would go.
enum Presigned {
    Upload,
    Download,
}

/// Finds a file of a run or model whose clients may be sent to the object store.
async fn signable(app: &App, what: Presigned, uri: &str, path: &ArtifactPath) -> Result<Site> {
    let scheme = uri.split_once(':').map_or("", |(scheme, _)| scheme);
    if matches!(scheme, "http" | "https" | "mlflow-artifacts") {
        return Err(Error::invalid(match what {
            Presigned::Upload => format!(
                "Presigned upload is not supported for proxied artifact storage (artifact URI \
                 scheme: {scheme}). This endpoint requires a direct cloud storage artifact URI."
            ),
            Presigned::Download => format!(
                "Presigned download is not supported for runs with proxied artifact storage \
                 (artifact URI scheme: {scheme}). This endpoint requires a run with a direct cloud \
                 storage artifact URI."
            ),
        }));
    }
    let site = app.artifacts.site(uri, path).await;
    match site {
        Ok(site) if site.store.is_direct() => Ok(site),
        Err(error) if error.code == Code::Invalid => Err(error),
        _ => Err(Error::new(
            Code::NotImplemented,
            format!("Presigned URLs are not supported for artifacts at '{uri}'."),
        )),
    }
}
