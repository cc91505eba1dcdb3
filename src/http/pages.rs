//! Serves the web interface: its files as they were built, and its first page for every address
//! that belongs to it.
//!
//! A release has the files in it; a debug build reads `ui/dist` from the disk, so that a page that
//! was built anew is there at once.

use crate::app::App;
use crate::error::{Code, Error, Result};
use axum::body::Body;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{Method, Response, StatusCode};
use rust_embed::{Embed, EmbeddedFile};
use std::time::Duration;

/// What was built of the web interface; empty where it was not built.
#[derive(Embed)]
#[folder = "$CARGO_MANIFEST_DIR/ui/dist"]
struct Built;

const INDEX: &str = "index.html";
/// Files with a hash of their content in their names.
const HASHED: &str = "assets/";
/// What the first page says of the place it is served at.
const BASE: &str = "<base href=\"/\">";
/// How long the first page waits to learn where everything stands.
const MARK_PATIENCE: Duration = Duration::from_millis(500);
/// Encodings of files that were packed when they were built, the better one first.
const PACKED: [(&str, &str); 2] = [("br", "br"), ("gzip", "gz")];
/// Places of the server that are no pages.
const NO_PAGES: [&str; 9] = [
    "api",
    "ajax-api",
    "graphql",
    "get-artifact",
    "model-versions",
    "health",
    "ready",
    "metrics",
    "version",
];
/// What the pages may do: nothing but with this server, and in no frame of others.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; frame-src 'self'; \
    worker-src 'self' blob:; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/// What is told where the web interface was not built.
const MISSING: &str = concat!(
    "Trackway ",
    env!("CARGO_PKG_VERSION"),
    " is running, and this binary was built without its web pages. Build them with \
     `cd ui && npm ci && npm run build`, and then build or start Trackway again. Clients can use \
     this server already, as in mlflow.set_tracking_uri(\"http://127.0.0.1:5000\").\n"
);

/// What an address of the web interface gives.
pub(super) enum Found {
    File(Response<Body>),
    /// The first page, which then shows what the address says.
    Index,
}

/// Finds a file or a page of the web interface; `None` for what belongs to no page. The path is the
/// one below the static prefix.
pub(super) fn find(method: &Method, path: &str, headers: &HeaderMap) -> Option<Result<Found>> {
    let path = path.trim_start_matches('/');
    let first = path.split('/').next().unwrap_or("");
    if NO_PAGES.contains(&first) || ![Method::GET, Method::HEAD].contains(method) {
        return None;
    }
    let is_file = path != INDEX && !path.is_empty() && !is_packed(path);
    if is_file && let Some(file) = Built::get(path) {
        return Some(Ok(Found::File(send_file(path, file, headers))));
    }
    if path.starts_with(HASHED) {
        let text = format!("There is no file {path} in this version. Load the page again.");
        return Some(Err(Error::new(Code::EndpointNotFound, text)));
    }
    let accepted = headers
        .get(header::ACCEPT)
        .and_then(|accept| accept.to_str().ok());
    let wants_page = path.is_empty() || accepted.is_some_and(|types| types.contains("text/html"));
    wants_page.then_some(Ok(Found::Index))
}

/// Says whether a file is the packed form of another one.
fn is_packed(path: &str) -> bool {
    let unpacked = PACKED
        .iter()
        .find_map(|(_, ending)| path.strip_suffix(ending)?.strip_suffix('.'));
    unpacked.is_some_and(|path| Built::get(path).is_some())
}

fn send_file(path: &str, file: EmbeddedFile, headers: &HeaderMap) -> Response<Body> {
    let etag = etag(&file);
    let accepted = headers.get(header::ACCEPT_ENCODING);
    let accepted = accepted.and_then(|list| list.to_str().ok()).unwrap_or("");
    let packed = PACKED.iter().find_map(|(encoding, ending)| {
        let packed = takes(accepted, encoding).then(|| Built::get(&format!("{path}.{ending}")))?;
        Some((*encoding, packed?))
    });
    let known = headers
        .get(header::IF_NONE_MATCH)
        .and_then(|tag| tag.to_str().ok());
    let is_known = known.is_some_and(|tags| tags.split(',').any(|tag| tag.trim() == etag));
    let (encoding, body) = match packed {
        _ if is_known => (None, Body::empty()),
        Some((encoding, packed)) => (Some(encoding), Body::from(packed.data.into_owned())),
        None => (None, Body::from(file.data.into_owned())),
    };
    let mut response = Response::new(body);
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    }
    let caching = match path.starts_with(HASHED) {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let kind = match kind.type_() == mime_guess::mime::TEXT {
        true => format!("{}; charset=utf-8", kind.essence_str()),
        false => kind.essence_str().to_owned(),
    };
    set(&mut response, header::CONTENT_TYPE, &kind);
    set(&mut response, header::CACHE_CONTROL, caching);
    set(&mut response, header::ETAG, &etag);
    response
        .headers_mut()
        .append(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    if let Some(encoding) = encoding {
        set(&mut response, header::CONTENT_ENCODING, encoding);
    }
    protect(&mut response);
    response
}

/// Says whether a client takes an encoding; a quality of 0 refuses it.
fn takes(accepted: &str, encoding: &str) -> bool {
    accepted.split(',').any(|entry| {
        let mut parts = entry.split(';').map(str::trim);
        let named = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        let refused = parts.any(|part| {
            let quality = part.strip_prefix("q=").and_then(|q| q.parse::<f64>().ok());
            quality == Some(0.0)
        });
        named && !refused
    })
}

fn etag(file: &EmbeddedFile) -> String {
    let hash = file.metadata.sha256_hash();
    let digits: String = hash
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("\"{digits}\"")
}

/// Sends the first page. It says where everything stood before it was sent, so that the stream of
/// events tells the page what happened while it was loaded.
pub(super) async fn send_index(app: &App, prefix: &str) -> Response<Body> {
    let Some(file) = Built::get(INDEX) else {
        let mut response = Response::new(Body::from(MISSING));
        set(
            &mut response,
            header::CONTENT_TYPE,
            "text/plain; charset=utf-8",
        );
        set(&mut response, header::CACHE_CONTROL, "no-store");
        return response;
    };
    let text = String::from_utf8_lossy(&file.data);
    // A prefix is checked to be a path when the configuration is read.
    let mark = tokio::time::timeout(MARK_PATIENCE, app.streams.mark()).await;
    // Without a mark the page is as good, but for what happens while it is loaded.
    let mark = match mark {
        Ok(Ok(mark)) => format!("\n    <meta name=\"mark\" content=\"{}\">", mark.id()),
        _ => String::new(),
    };
    let text = text.replace(BASE, &format!("<base href=\"{prefix}/\">{mark}"));
    let mut response = Response::new(Body::from(text));
    set(
        &mut response,
        header::CONTENT_TYPE,
        "text/html; charset=utf-8",
    );
    set(&mut response, header::CACHE_CONTROL, "no-cache");
    protect(&mut response);
    response
}

fn protect(response: &mut Response<Body>) {
    set(response, header::CONTENT_SECURITY_POLICY, POLICY);
    set(response, header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(response, header::REFERRER_POLICY, "same-origin");
}

fn set(response: &mut Response<Body>, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

#[cfg(test)]
mod tests {
    use super::takes;

    #[test]
    fn an_encoding_is_taken_unless_its_quality_is_zero() {
        for (accepted, expected) in [
            ("gzip, deflate, br", true),
            ("BR;q=0.5", true),
            ("br;q=0, gzip", false),
            ("gzip", false),
            ("", false),
            ("brotli", false),
        ] {
            assert_eq!(takes(accepted, "br"), expected, "{accepted}");
        }
    }
}
