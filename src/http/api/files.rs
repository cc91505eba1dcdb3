//! Artifacts as pages show them.
//!
//! Whoever can log a run can put any file there, so that a browser gets each one in a sandbox of no
//! origin: its scripts do not run, or run without this server's pages and without a network.

use crate::app::App;
use crate::artifacts::ArtifactPath;
use crate::error::Result;
use crate::http::file::Segments;
use crate::http::input::Wire;
use crate::http::mlflow::artifacts;
use crate::http::router::{Access, Route, get};
use crate::http::wire::manifest::version_of;
use crate::http::wire::preview::{Preview, Scripts};
use crate::registry::version;
use crate::tracking::artifact;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;

/// The header with the SHA-256 of the whole file, in hexadecimal, as the server recorded it.
const DIGEST: &str = "x-trackway-sha256";
/// What a file may do in a browser: be looked at.
const STILL: &str = "sandbox; default-src 'none'; img-src data: blob:; media-src data: blob:; \
    style-src 'unsafe-inline'; font-src data:; form-action 'none'; base-uri 'none'";
/// What a file may do whose scripts somebody wants to run: compute, and draw.
const LIVELY: &str = "sandbox allow-scripts; default-src 'none'; img-src data: blob:; \
    media-src data: blob:; style-src 'unsafe-inline'; font-src data:; \
    script-src 'unsafe-inline' 'unsafe-eval'; worker-src blob:; form-action 'none'; \
    base-uri 'none'";

pub(super) fn routes() -> Vec<Route> {
    use Access::Read;
    vec![
        get("1.0/runs/{run_id}/artifacts/{*path}", Read, run_file)
            .own()
            .transfer()
            .tells("Sends a file of a run for display, in a sandbox.")
            .query::<Preview>()
            .answers_as("*/*"),
        get(
            "1.0/models/{name}/versions/{version}/artifacts/{*path}",
            Read,
            version_file,
        )
        .own()
        .transfer()
        .tells("Sends a file of a model version for display, in a sandbox.")
        .query::<Preview>()
        .answers_as("*/*"),
    ]
}

async fn run_file(
    State(app): State<App>,
    Segments((uuid, path)): Segments<(String, String)>,
    headers: HeaderMap,
    Wire(request): Wire<Preview>,
) -> Result<Response> {
    let root = artifacts::run_uri(&app, uuid).await?;
    send(&app, (&root, &path), &headers, request).await
}

async fn version_file(
    State(app): State<App>,
    Segments((name, number, path)): Segments<(String, String, String)>,
    headers: HeaderMap,
    Wire(request): Wire<Preview>,
) -> Result<Response> {
    let at = version_of((name, number))?;
    let root = app.db.read(move |tx| version::find_files(tx, &at)).await?;
    send(&app, (&root, &path), &headers, request).await
}

async fn send(
    app: &App,
    (root, path): (&str, &str),
    headers: &HeaderMap,
    request: Preview,
) -> Result<Response> {
    let asked = request.check()?;
    let path = ArtifactPath::parse_file(path)?;
    let mut response = artifacts::send_below(app, root, &path, headers).await?;
    let digest = digest_of(app, root, &path).await?;
    let policy = match asked.scripts {
        Scripts::Still => STILL,
        Scripts::Run => LIVELY,
    };
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(policy),
    );
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    if let Some(digest) = digest.and_then(|digest| HeaderValue::from_str(&digest).ok()) {
        headers.insert(DIGEST, digest);
    }
    if !asked.download {
        headers.remove(header::CONTENT_DISPOSITION);
    }
    Ok(response)
}

/// Reads the SHA-256 that was recorded when the file came in, in hexadecimal; `None` for a file that
/// nobody has read yet, and for one that lies outside the server's own store.
async fn digest_of(app: &App, root: &str, path: &ArtifactPath) -> Result<Option<String>> {
    let site = app.artifacts.site(root, path).await?;
    let Some(own) = site.spot.own_path() else {
        return Ok(None);
    };
    let own = ArtifactPath::parse(own)?;
    app.db.read(move |tx| artifact::digest(tx, &own)).await
}
