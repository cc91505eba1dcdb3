//! The files of versions: what they were when they were registered, and whether they still are.

use crate::app::{App, Ctx};
use crate::artifacts::{ArtifactPath, Site, survey};
use crate::error::{Code, Result};
use crate::http::file::Segments;
use crate::http::input::Wire;
use crate::http::mlflow::register;
use crate::http::reply::Reply;
use crate::http::router::{Access, Route, get, post};
use crate::http::wire::manifest::{
    FilePage, ListFiles, ManifestReply, NoFields, VerifyReply, version_of,
};
use crate::registry::manifest::{FileDigest, MAX_FILES};
use crate::registry::verify::{self, Registered};
use axum::extract::State;
use std::sync::Arc;

pub(super) fn routes() -> Vec<Route> {
    vec![
        get(
            "1.0/models/{name}/versions/{version}/manifest",
            Access::Read,
            find,
        )
        .own()
        .tells("Gives the manifest of a version: what its files were.")
        .answers::<ManifestReply>(),
        get(
            "1.0/models/{name}/versions/{version}/files",
            Access::Read,
            list,
        )
        .own()
        .tells("Lists the files of a version with their digests.")
        .query::<ListFiles>()
        .answers::<FilePage>(),
        post(
            "1.0/models/{name}/versions/{version}/verify",
            Access::Edit,
            check,
        )
        .own()
        .audited("model_version.verify", "model_version:{name}/{version}")
        .tells("Reads the files of a version again and compares them.")
        .body::<NoFields>()
        .answers::<VerifyReply>(),
    ]
}

async fn find(
    State(app): State<App>,
    Segments(version): Segments<(String, String)>,
    Wire(NoFields {}): Wire<NoFields>,
) -> Result<Reply<ManifestReply>> {
    let at = version_of(version)?;
    app.db
        .read(move |tx| {
            let manifest = verify::find_manifest(tx, &at)?;
            Ok(Reply(ManifestReply::new(at, manifest)))
        })
        .await
}

async fn list(
    State(app): State<App>,
    Segments(version): Segments<(String, String)>,
    Wire(request): Wire<ListFiles>,
) -> Result<Reply<FilePage>> {
    let at = version_of(version)?;
    let (after, limit) = request.check()?;
    let files = app
        .db
        .read(move |tx| verify::find_files(tx, &at, (&after, limit + 1)))
        .await?;
    Ok(Reply(FilePage::new(files, limit)?))
}

async fn check(
    State(app): State<App>,
    ctx: Ctx,
    Segments(version): Segments<(String, String)>,
    Wire(NoFields {}): Wire<NoFields>,
) -> Result<Reply<VerifyReply>> {
    let at = version_of(version)?;
    let registered = Arc::new(app.db.read(move |tx| verify::find(tx, &at)).await?);
    let root = ArtifactPath::root();
    let site = app.artifacts.site(&registered.location, &root).await?;
    let found = read_again(&site, &registered).await?;
    let comparison = Arc::new(verify::compare(&registered, found));
    // Reading may have taken long; what it gave holds now.
    let ctx = Ctx {
        now: app.clock.now(),
        ..ctx
    };
    let at = ctx.now;
    let (compared, kept) = (comparison.clone(), registered.clone());
    app.change(ctx, move |tx, ctx| {
        verify::record(tx, ctx, &kept, &compared)
    })
    .await?;
    let comparison = Arc::unwrap_or_clone(comparison);
    Ok(Reply(VerifyReply::new(&registered, comparison, at)))
}

/// Reads the files of a version that are there now; one that vanishes meanwhile is not.
async fn read_again(site: &Site, registered: &Registered) -> Result<Vec<FileDigest>> {
    let survey = survey::list(site, MAX_FILES).await?;
    let mut found = Vec::with_capacity(survey.files.len());
    for file in &survey.files {
        if !registered.concerns(file.path.as_str()) {
            continue;
        }
        match register::read(site, &survey, file).await {
            Ok(file) => found.push(file),
            Err(error) if error.code == Code::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(found)
}
