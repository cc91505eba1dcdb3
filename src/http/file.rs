//! Sends a stored file, and reads the path of one from a request.

use crate::app::App;
use crate::artifacts::range::{ByteRange, content_range, unsatisfied_range};
use crate::artifacts::{ArtifactPath, ArtifactStore, Found, media};
use crate::error::{Error, Result};
use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequestParts, Path};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::de::DeserializeOwned;

/// The rest of a route's path, still percent-encoded: the artifact path checks decode it.
pub struct Tail(pub String);

impl FromRequestParts<App> for Tail {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self> {
        let path = parts.uri.path();
        let tail = path.split_once("/mlflow-artifacts/").and_then(|(_, rest)| {
            [
                "artifacts/",
                "mpu/create/",
                "mpu/complete/",
                "mpu/abort/",
                "presigned/",
            ]
            .iter()
            .find_map(|route| rest.strip_prefix(route))
        });
        Ok(Tail(tail.unwrap_or("").to_owned()))
    }
}

/// The named segments of a route's path.
pub struct Segments<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<App> for Segments<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self> {
        let Path(segments) = Path::<T>::from_request_parts(parts, app)
            .await
            .map_err(|error| {
                Error::invalid(format!("The path of the request cannot be read: {error}."))
            })?;
        Ok(Segments(segments))
    }
}

/// Answers with the file at `path`, or with the part of it that the request asks for; a folder is
/// a 400 in MLflow's error shape.
pub async fn send(
    store: &ArtifactStore,
    path: &ArtifactPath,
    headers: &HeaderMap,
) -> Result<Response> {
    let range = headers
        .get(header::RANGE)
        .and_then(|range| range.to_str().ok())
        .and_then(ByteRange::parse);
    let download = match store.get(path, range).await? {
        Found::File(download) => download,
        Found::Folder => return Err(Error::invalid(folder_text(path))),
        Found::OutOfRange { size } => {
            let range = (header::CONTENT_RANGE, unsatisfied_range(size));
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, [range]).into_response());
        }
    };
    let status = if range.is_some() {
        StatusCode::PARTIAL_CONTENT
    } else {
        StatusCode::OK
    };
    let length = download.range.end - download.range.start;
    let mut response = Response::new(Body::from_stream(download.stream));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    let mut set = |name, text: &str| {
        if let Ok(value) = HeaderValue::from_str(text) {
            headers.insert(name, value);
        }
    };
    set(header::CONTENT_TYPE, media::content_type(path.name()));
    set(header::CONTENT_LENGTH, &length.to_string());
    set(header::CONTENT_DISPOSITION, &media::attachment(path.name()));
    set(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(header::ACCEPT_RANGES, "bytes");
    if range.is_some() {
        set(
            header::CONTENT_RANGE,
            &content_range(&download.range, download.size),
        );
    }
    Ok(response)
}

/// Answers as `send` does, but a folder with the body that this one route of MLflow has.
pub async fn send_own(
    store: &ArtifactStore,
    path: &ArtifactPath,
    headers: &HeaderMap,
) -> Result<Response> {
    match send(store, path, headers).await {
        Err(error) if error.message == folder_text(path) => {
            let body = Json(serde_json::json!({ "detail": error.message }));
            Ok((StatusCode::BAD_REQUEST, body).into_response())
        }
        answer => answer,
    }
}

fn folder_text(path: &ArtifactPath) -> String {
    format!("Artifact path refers to a directory, not a file: '{path}'")
}
