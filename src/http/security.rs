//! The Host and Origin checks that keep web pages of strangers away from the server.
//!
//! A page of another site can make a browser send requests here: by a name that it points at this
//! machine (DNS rebinding, stopped by the Host check) or in the user's name (stopped by the Origin
//! check). Who the user is, and what the user may do, is never decided here.

use crate::config::{FrameOptions, Server};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use axum::http::{Method, Response, StatusCode, Uri};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::IntoResponse;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

const INVALID_HOST: &str = "Invalid Host header - possible DNS rebinding attack detected";
const BLOCKED_ORIGIN: &str = "Cross-origin request blocked";
const LISTED_METHODS: &str = "GET, POST, PUT, DELETE, OPTIONS, PATCH";
const ALL_METHODS: &str = "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY";
const PREFLIGHT_VARY: &str = "Origin, Access-Control-Request-Method, \
     Access-Control-Request-Headers, Access-Control-Request-Private-Network";
const REQUEST_PRIVATE_NETWORK: HeaderName =
    HeaderName::from_static("access-control-request-private-network");

/// Which hosts and origins are let in, made once from the configuration.
#[derive(Debug)]
pub struct Rules {
    hosts: Hosts,
    origins: Origins,
    frame_options: Option<HeaderValue>,
    /// Paths that load balancers ask by any host name.
    exempt: [String; 3],
}

#[derive(Debug)]
enum Hosts {
    Any,
    /// This machine and private addresses, on any port.
    Local,
    /// Lower case patterns for the whole header.
    Listed(Vec<String>),
}

#[derive(Debug)]
enum Origins {
    Any,
    /// Localhost and these patterns.
    Listed(Vec<String>),
}

/// Puts the checks before all routes of a router, or leaves it as it is when they are off.
pub fn apply(router: Router, server: &Server) -> Router {
    match server.security_checks {
        true => router.layer(from_fn_with_state(Arc::new(Rules::new(server)), guard)),
        false => router,
    }
}

impl Rules {
    /// Reads the rules from the configuration.
    pub fn new(server: &Server) -> Self {
        let any = |list: &[String]| list.iter().any(|entry| entry == "*");
        let prefix = &server.static_prefix;
        let hosts = &server.allowed_hosts;
        let origins = &server.cors_allowed_origins;
        Self {
            hosts: match hosts.is_empty() {
                true => Hosts::Local,
                false if any(hosts) => Hosts::Any,
                false => Hosts::Listed(hosts.iter().map(|host| host.to_lowercase()).collect()),
            },
            origins: match any(origins) {
                true => Origins::Any,
                false => Origins::Listed(origins.clone()),
            },
            frame_options: match server.x_frame_options {
                FrameOptions::Sameorigin => Some(HeaderValue::from_static("SAMEORIGIN")),
                FrameOptions::Deny => Some(HeaderValue::from_static("DENY")),
                FrameOptions::None => None,
            },
            exempt: ["health", "ready", "version"].map(|path| format!("{prefix}/{path}")),
        }
    }

    /// Says whether a Host header, or the authority of a URI, names this server.
    pub fn allows_host(&self, host: &str) -> bool {
        match &self.hosts {
            Hosts::Any => true,
            _ if host.is_empty() || host.contains(['@', '/', '\\', ',', ' ']) => false,
            Hosts::Local => is_local_or_private(host),
            Hosts::Listed(patterns) => {
                let host = host.to_lowercase();
                patterns.iter().any(|pattern| matches(pattern, &host))
            }
        }
    }

    /// Says whether a page of this origin may send a request that changes something.
    pub fn allows_change_from(&self, origin: &str) -> bool {
        self.allows_listed(origin)
            || origin
                .split_once("://")
                .is_some_and(|(_, host)| is_localhost(host))
    }

    /// Says whether a request that changes something comes from a page of this very server: its
    /// origin is the host that the request itself is for.
    ///
    /// The host was checked before. Where every name is allowed, a stranger could have pointed one
    /// at this machine and would be its own origin then; an address cannot be pointed anywhere.
    fn is_own(&self, origin: &HeaderValue, uri: &Uri, headers: &HeaderMap) -> bool {
        let Some((scheme, from)) = origin.to_str().ok().and_then(|text| text.split_once("://"))
        else {
            return false;
        };
        let host = match uri.authority() {
            Some(authority) => Some(authority.as_str()),
            None => headers
                .get(header::HOST)
                .and_then(|host| host.to_str().ok()),
        };
        let is_same = host.is_some_and(|host| {
            let plain = |text: &str| {
                let default = if scheme == "https" { ":443" } else { ":80" };
                text.strip_suffix(default)
                    .unwrap_or(text)
                    .to_ascii_lowercase()
            };
            plain(host) == plain(from)
        });
        let is_address = || {
            without_port(from)
                .is_some_and(|name| name.parse::<Ipv4Addr>().is_ok() || bracketed(name).is_some())
        };
        ["http", "https"].contains(&scheme)
            && is_same
            && (!matches!(self.hosts, Hosts::Any) || is_address())
    }

    /// Says whether a browser may show the answer to a page of this origin.
    fn allows_reading_from(&self, origin: &str) -> bool {
        self.allows_listed(origin) || origin.strip_prefix("http://").is_some_and(is_localhost)
    }

    fn allows_listed(&self, origin: &str) -> bool {
        match &self.origins {
            Origins::Any => true,
            Origins::Listed(patterns) => patterns.iter().any(|pattern| matches(pattern, origin)),
        }
    }

    /// Checks every name that the request gives the server: HTTP/2 has it in the URI, HTTP/1.1 in
    /// the Host header, and a request to a proxy in both.
    fn allows_request(&self, uri: &Uri, headers: &HeaderMap) -> bool {
        if matches!(self.hosts, Hosts::Any) || self.exempt.iter().any(|path| path == uri.path()) {
            return true;
        }
        let mut named = false;
        if let Some(authority) = uri.authority() {
            named = true;
            if !self.allows_host(authority.as_str()) {
                return false;
            }
        }
        for host in headers.get_all(header::HOST) {
            named = true;
            if !host.to_str().is_ok_and(|host| self.allows_host(host)) {
                return false;
            }
        }
        named
    }

    fn preflight(&self, headers: &HeaderMap, origin: &HeaderValue) -> Response<Body> {
        let any = matches!(self.origins, Origins::Any);
        let methods = if any { ALL_METHODS } else { LISTED_METHODS };
        let mut answer = HeaderMap::new();
        answer.insert(header::VARY, HeaderValue::from_static(PREFLIGHT_VARY));
        answer.insert(
            header::ACCESS_CONTROL_ALLOW_METHODS,
            HeaderValue::from_static(methods),
        );
        answer.insert(
            header::ACCESS_CONTROL_MAX_AGE,
            HeaderValue::from_static("600"),
        );
        let mut refused = Vec::new();
        if !any {
            answer.insert(
                header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
        match self.origin_to_name(origin) {
            Some(allowed) => _ = answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed),
            None => refused.push("origin"),
        }
        let method = headers.get(header::ACCESS_CONTROL_REQUEST_METHOD);
        let method = method.and_then(|method| method.to_str().ok());
        if !method.is_some_and(|method| methods.split(", ").any(|known| known == method)) {
            refused.push("method");
        }
        if let Some(wanted) = headers.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted.clone());
        }
        if headers.contains_key(REQUEST_PRIVATE_NETWORK) {
            refused.push("private-network");
        }
        if refused.is_empty() {
            return (StatusCode::OK, answer, "OK").into_response();
        }
        let text = format!("Disallowed CORS {}", refused.join(", "));
        (StatusCode::BAD_REQUEST, answer, text).into_response()
    }

    /// Gives what `Access-Control-Allow-Origin` says to an origin, if it is allowed to read.
    fn origin_to_name(&self, origin: &HeaderValue) -> Option<HeaderValue> {
        if matches!(self.origins, Origins::Any) {
            return Some(HeaderValue::from_static("*"));
        }
        let allowed = origin
            .to_str()
            .is_ok_and(|text| self.allows_reading_from(text));
        allowed.then(|| origin.clone())
    }

    fn add_headers(&self, answer: &mut HeaderMap, origin: Option<&HeaderValue>) {
        answer.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        if let Some(frame_options) = &self.frame_options {
            answer.insert(header::X_FRAME_OPTIONS, frame_options.clone());
        }
        answer.append(header::VARY, HeaderValue::from_static("Origin"));
        let Some(origin) = origin else { return };
        answer.insert(
            header::ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("*"),
        );
        if !matches!(self.origins, Origins::Any) {
            answer.insert(
                header::ACCESS_CONTROL_ALLOW_CREDENTIALS,
                HeaderValue::from_static("true"),
            );
        }
        if let Some(allowed) = self.origin_to_name(origin) {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
        }
    }
}

async fn guard(State(rules): State<Arc<Rules>>, request: Request, next: Next) -> Response<Body> {
    let headers = request.headers();
    if !rules.allows_request(request.uri(), headers) {
        let host = headers.get(header::HOST).map(HeaderValue::as_bytes);
        let host = String::from_utf8_lossy(host.unwrap_or_default());
        let authority = request
            .uri()
            .authority()
            .map_or("", |authority| authority.as_str());
        tracing::warn!(
            http.host = ?host,
            http.authority = ?authority,
            "refused a request with a Host that is not allowed"
        );
        return plain(INVALID_HOST);
    }
    let origin = headers.get(header::ORIGIN).cloned();
    let is_preflight = request.method() == Method::OPTIONS
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
    let mut answer = match &origin {
        Some(origin) if is_preflight => return rules.preflight(headers, origin),
        Some(origin)
            if changes(request.method())
                && !may_change(&rules, origin)
                && !rules.is_own(origin, request.uri(), headers) =>
        {
            tracing::warn!(http.origin = ?origin, "refused a request of another origin");
            plain(BLOCKED_ORIGIN)
        }
        _ => next.run(request).await,
    };
    rules.add_headers(answer.headers_mut(), origin.as_ref());
    answer
}

fn may_change(rules: &Rules, origin: &HeaderValue) -> bool {
    origin.is_empty()
        || origin
            .to_str()
            .is_ok_and(|text| rules.allows_change_from(text))
}

fn changes(method: &Method) -> bool {
    [Method::POST, Method::PUT, Method::DELETE, Method::PATCH].contains(method)
}

fn plain(text: &'static str) -> Response<Body> {
    let kind = [(header::CONTENT_TYPE, "text/plain")];
    (StatusCode::FORBIDDEN, kind, text).into_response()
}

/// Says whether `host[:port]` is this machine or an address of a private range (RFC 1918, RFC
/// 4193). Only an address can be in a range: `10.example.com` is a name that anybody can own.
fn is_local_or_private(host: &str) -> bool {
    let Some(name) = without_port(host) else {
        return false;
    };
    if let Some(address) = bracketed(name) {
        return address.is_loopback() || address.is_unique_local();
    }
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<Ipv4Addr>().is_ok_and(|address| {
            address == Ipv4Addr::LOCALHOST || address.is_unspecified() || address.is_private()
        })
}

fn is_localhost(host: &str) -> bool {
    without_port(host).is_some_and(|name| {
        name.eq_ignore_ascii_case("localhost")
            || name == "127.0.0.1"
            || bracketed(name).is_some_and(|address| address.is_loopback())
    })
}

fn bracketed(name: &str) -> Option<Ipv6Addr> {
    name.strip_prefix('[')?.strip_suffix(']')?.parse().ok()
}

/// Takes the port off a host; `None` where what follows the name is no port.
fn without_port(host: &str) -> Option<&str> {
    let end = match host.starts_with('[') {
        true => host.find(']')? + 1,
        false => host.find(':').unwrap_or(host.len()),
    };
    let (name, rest) = host.split_at_checked(end)?;
    let is_port = |port: &str| {
        port.bytes().all(|digit| digit.is_ascii_digit())
            && (port.is_empty() || port.parse::<u16>().is_ok())
    };
    let valid = rest.is_empty() || rest.strip_prefix(':').is_some_and(is_port);
    valid.then_some(name)
}

/// Compares a text with a pattern in which `*` stands for any characters.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut text) = text.strip_prefix(first) else {
        return false;
    };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some((_, after)) = text.split_once(part) else {
            return false;
        };
        text = after;
    }
    text.ends_with(last)
}

#[cfg(test)]
#[path = "security_tests.rs"]
mod tests;
