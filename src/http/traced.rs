//! The span of a request, by OpenTelemetry's conventions for HTTP servers, without what a client
//! chose: no path, no query, no header but the id of the request.

use super::observe::UNKNOWN;
use super::reply::Refused;
use crate::traces::{Span, Traces};
use axum::extract::Request;
use axum::http::{Method, Version};
use axum::response::Response;
use std::borrow::Cow;

/// Begins the span of a request, by its route and id; `None` where there are no spans.
pub(super) fn begin(traces: &Traces, request: &Request, (route, id): (&str, &str)) -> Option<Span> {
    if !traces.are_on() {
        return None;
    }
    let method = known(request.method());
    let route = Some(route).filter(|route| *route != UNKNOWN);
    let mut span = traces.serve(name(method, route), request.headers())?;
    span.set("http.request.method", method.unwrap_or("_OTHER"));
    if let Some(route) = route {
        span.set("http.route", route.to_owned());
    }
    span.set("url.scheme", "http");
    if let Some(version) = version(request.version()) {
        span.set("network.protocol.version", version);
    }
    span.set("trackway.request_id", id.to_owned());
    Some(span)
}

/// Tells the span how the request was answered. A client's mistake is no failure.
pub(super) fn answered(span: &mut Span, response: &Response) {
    let status = response.status();
    span.set("http.response.status_code", i64::from(status.as_u16()));
    if status.is_server_error() {
        let refused = response.extensions().get::<Refused>();
        match refused {
            Some(refused) => span.fail(refused.error_code),
            None => span.fail(status.as_str().to_owned()),
        }
    }
}

fn name(method: Option<&'static str>, route: Option<&str>) -> Cow<'static, str> {
    match (method.unwrap_or("HTTP"), route) {
        (method, Some(route)) => format!("{method} {route}").into(),
        (method, None) => method.into(),
    }
}

/// Gives the method if it is one of those that the conventions list.
fn known(method: &Method) -> Option<&'static str> {
    const METHODS: [&str; 9] = [
        "CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE",
    ];
    METHODS.into_iter().find(|known| *known == method.as_str())
}

fn version(version: Version) -> Option<&'static str> {
    match version {
        Version::HTTP_10 => Some("1.0"),
        Version::HTTP_11 => Some("1.1"),
        Version::HTTP_2 => Some("2"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_named_by_method_and_route() {
        let check = |method: &str, route: Option<&str>, expected: &str| {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            assert_eq!(name(known(&method), route), expected);
        };
        check("GET", Some("/health"), "GET /health");
        check("GET", None, "GET");
        check("PROPFIND", Some("/health"), "HTTP /health");
        check("get", None, "HTTP");
    }
}
