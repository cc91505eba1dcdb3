//! Artifacts: files of runs and models, through the server.

use crate::app::{App, Ctx};
use crate::artifacts::{ArtifactPath, Site, Spot, Stored};
use crate::db::Tx;
use crate::error::{Code, Error, Result};
use crate::http::file::{self, Segments, Tail};
use crate::http::input::{Query, Wire, read_body};
use crate::http::reply::{Empty, Reply};
use crate::http::router::{Access, Route, delete, get, post, put};
use crate::http::task::to_the_end;
use crate::http::wire::artifact::{ListArtifacts, ListModelFiles, ListOwn, Listing};
use crate::registry::version::{self, VersionRef};
use crate::registry::{self, freeze};
use crate::replicas::Claim;
use crate::tracking::logged_model::{self, Deleted};
use crate::tracking::{artifact, run, watch};
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, TryStreamExt};
use std::io;

/// Bytes of an upload through the route that the web UI uses.
const MAX_SMALL_UPLOAD: usize = 10 * 1024 * 1024;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get(
            "2.0/mlflow-artifacts/artifacts/{*path}",
            Access::Read,
            download,
        )
        .transfer(),
        put(
            "2.0/mlflow-artifacts/artifacts/{*path}",
            Access::Edit,
            upload,
        )
        .transfer()
        .audited("artifact.put", "artifact:{path}"),
        delete(
            "2.0/mlflow-artifacts/artifacts/{*path}",
            Access::Edit,
            remove,
        )
        .audited("artifact.delete", "artifact:{path}"),
        get("2.0/mlflow-artifacts/artifacts", Access::Read, list_own),
        get("2.0/mlflow/artifacts/list", Access::Read, list),
        get(
            "2.0/mlflow/logged-models/{model_id}/artifacts/directories",
            Access::Read,
            list_model,
        ),
        get(
            "2.0/mlflow/logged-models/{model_id}/artifacts/files",
            Access::Read,
            model_file,
        )
        .transfer()
        .ajax_only(),
        post("2.0/mlflow/upload-artifact", Access::Edit, small_upload)
            .audited("artifact.put", "artifact:{path}")
            .transfer()
            .ajax_only(),
        get("get-artifact", Access::Read, run_file)
            .transfer()
            .at_root(),
        get("model-versions/get-artifact", Access::Read, version_file)
            .transfer()
            .at_root(),
    ]
}

async fn download(State(app): State<App>, tail: Tail, headers: HeaderMap) -> Result<Response> {
    let store = app.artifacts.own()?;
    let path = ArtifactPath::parse_file(&tail.0)?;
    file::send_own(store, &path, &headers).await
}

async fn upload(State(app): State<App>, ctx: Ctx, tail: Tail, body: Body) -> Result<()> {
    app.artifacts.own()?;
    let path = ArtifactPath::parse_file(&tail.0)?;
    let site = app.artifacts.own_site(path).await?;
    let body = body.into_data_stream().map_err(io::Error::other);
    keep(app, ctx, site, body).await
}

/// Stores a file, unless a registered version forbids it, and records its digest if it is in the
/// own store.
///
/// A client that leaves must not separate the two, so they belong to a task of their own; its
/// leaving ends the body, and with it the upload.
async fn keep<S>(app: App, ctx: Ctx, site: Site, body: S) -> Result<()>
where
    S: Stream<Item = io::Result<Bytes>> + Send + 'static,
{
    let storing = async move {
        let allow = async |stored| allow(&app, &site.spot, stored).await;
        let (stored, claim) = site.store.put_when(&site.path, body, allow).await?;
        // A long upload is a write at its end, not at its start.
        let ctx = Ctx {
            now: app.clock.now(),
            ..ctx
        };
        let own = site.spot.own_path().map(ArtifactPath::parse).transpose()?;
        let proof = claim.proof();
        app.change(ctx, move |tx, ctx| {
            if !proof.is_alive(tx)? {
                freeze::check_upload(tx, &site.spot, stored)?;
            }
            match &own {
                Some(path) => artifact::record(tx, ctx, path, stored),
                None => {
                    artifact::note_stored(tx, site.spot.as_str(), None, stored);
                    Ok(())
                }
            }
        })
        .await?;
        drop(claim);
        Ok(())
    };
    to_the_end(storing).await
}

/// Waits for the right to change a path, and asks the registry whether this file may be there.
async fn allow(app: &App, spot: &Spot, stored: Stored) -> Result<Claim> {
    let claim = app.claim(spot).await?;
    let spot = spot.clone();
    app.db
        .read(move |tx| freeze::check_upload(tx, &spot, stored))
        .await?;
    Ok(claim)
}

async fn remove(State(app): State<App>, ctx: Ctx, tail: Tail) -> Result<Reply<Empty>> {
    let path = ArtifactPath::parse(&tail.0)?;
    let site = app.artifacts.own_site(path).await?;
    let removing = async move {
        let claim = app.claim(&site.spot).await?;
        let spot = site.spot.clone();
        app.db
            .read(move |tx| freeze::check_removal(tx, &spot))
            .await?;
        site.store.delete(&site.path).await?;
        app.change(ctx, move |tx, _| artifact::forget(tx, &site.path))
            .await?;
        drop(claim);
        Ok(Reply(Empty {}))
    };
    to_the_end(removing).await
}

async fn list_own(State(app): State<App>, Wire(request): Wire<ListOwn>) -> Result<Reply<Listing>> {
    let entries = app.artifacts.own()?.list(&request.check()?).await?;
    Ok(Reply(Listing::of_names(entries)))
}

async fn list(
    State(app): State<App>,
    Wire(request): Wire<ListArtifacts>,
) -> Result<Reply<Listing>> {
    list_of_run(&app, request).await.map(Reply)
}

/// Lists the files of a folder of a run.
pub(in crate::http) async fn list_of_run(app: &App, request: ListArtifacts) -> Result<Listing> {
    let (uuid, folder) = request.check()?;
    let root_uri = run_uri(app, uuid).await?;
    list_below(app, root_uri, folder).await
}

async fn list_model(
    State(app): State<App>,
    Segments(uuid): Segments<String>,
    Wire(request): Wire<ListModelFiles>,
) -> Result<Reply<Listing>> {
    let folder = request.check()?;
    let root_uri = model_uri(&app, uuid).await?;
    list_below(&app, root_uri, folder).await.map(Reply)
}

async fn list_below(app: &App, root_uri: String, folder: ArtifactPath) -> Result<Listing> {
    let (store, root) = app.artifacts.reach(&root_uri)?;
    let entries = store.list(&root.join(&folder)).await?;
    Ok(Listing::below(root_uri, &folder, entries))
}

async fn run_file(State(app): State<App>, query: Query, headers: HeaderMap) -> Result<Response> {
    let uuid = query.first("run_id").or(query.first("run_uuid"));
    let uuid = uuid.map(str::to_owned).ok_or_else(|| lacking("run_id"))?;
    let path = query.first("path").ok_or_else(|| lacking("path"))?;
    let path = ArtifactPath::parse_file(path)?;
    let root_uri = run_uri(&app, uuid).await?;
    send_below(&app, &root_uri, &path, &headers).await
}

async fn model_file(
    State(app): State<App>,
    Segments(uuid): Segments<String>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response> {
    let path = query
        .first("artifact_file_path")
        .ok_or_else(|| lacking("artifact_file_path"))?;
    let path = ArtifactPath::parse_file(path)?;
    let root_uri = model_uri(&app, uuid).await?;
    send_below(&app, &root_uri, &path, &headers).await
}

async fn version_file(
    State(app): State<App>,
    query: Query,
    headers: HeaderMap,
) -> Result<Response> {
    let given = |name| query.first(name).ok_or_else(|| lacking(name));
    let path = ArtifactPath::parse_file(given("path")?)?;
    let at = VersionRef {
        model: given("name")?.to_owned(),
        number: registry::rule::version_number(given("version")?)?,
    };
    registry::rule::check_model_name(&at.model)?;
    let files = app.db.read(move |tx| version::find_files(tx, &at)).await?;
    send_below(&app, &files, &path, &headers).await
}

pub(in crate::http) async fn send_below(
    app: &App,
    root_uri: &str,
    path: &ArtifactPath,
    headers: &HeaderMap,
) -> Result<Response> {
    let (store, root) = app.artifacts.reach(root_uri)?;
    file::send(&store, &root.join(path), headers).await
}

fn lacking(parameter: &str) -> Error {
    Error::invalid(format!("Request must specify {parameter}."))
}

/// The answer to a small upload: an empty body that says it is JSON, as MLflow's does.
type EmptyJson = ([(HeaderName, &'static str); 1], &'static str);
const EMPTY_JSON: EmptyJson = ([(header::CONTENT_TYPE, "application/json")], "");

async fn small_upload(
    State(app): State<App>,
    ctx: Ctx,
    query: Query,
    body: Body,
) -> Result<EmptyJson> {
    let given = |name| query.first(name).filter(|text| !text.is_empty());
    let uuid = given("run_uuid")
        .ok_or_else(|| lacking("run_uuid"))?
        .to_owned();
    let path = ArtifactPath::parse_file(given("path").ok_or_else(|| lacking("path"))?)?;
    let bytes = read_body(body, MAX_SMALL_UPLOAD)
        .await
        .map_err(|error| match error.code {
            Code::TooLarge => Error::invalid("Artifact size is too large. Max size is 10MB."),
            _ => error,
        })?;
    if bytes.is_empty() {
        return Err(lacking("data"));
    }
    let root_uri = run_uri(&app, uuid.clone()).await?;
    let site = app.artifacts.site(&root_uri, &path).await?;
    let is_elsewhere = site.spot.own_path().is_none();
    let body = futures_util::stream::iter([Ok(bytes)]);
    keep(app.clone(), ctx.clone(), site, body).await?;
    if is_elsewhere {
        app.db
            .write(move |tx| watch::note_write(tx, &ctx, &uuid))
            .await?;
    }
    Ok(EMPTY_JSON)
}

pub(in crate::http) async fn run_uri(app: &App, uuid: String) -> Result<String> {
    Ok(app
        .db
        .read(move |tx| run::find(tx, &uuid))
        .await?
        .artifact_uri)
}

pub(super) async fn model_uri(app: &App, uuid: String) -> Result<String> {
    let find = move |tx: &mut Tx<'_>| logged_model::find(tx, &uuid, Deleted::Refused);
    Ok(app.db.read(find).await?.artifact_uri)
}
