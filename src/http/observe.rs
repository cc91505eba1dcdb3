//! Stands around every request: it gives it an id, lets it in or puts it off, watches its bodies,
//! and counts and logs its answer.

use super::bodies::{Fate, Incoming, Outgoing, Room, Rule};
use super::input::RequestId;
use super::leftover::Patience;
use super::router::REQUEST_ID;
use super::socket::{Call, Line};
use super::traced;
use crate::app::App;
use crate::config::Server;
use crate::ctx::ANONYMOUS;
use crate::error::{Code, Error};
use crate::metrics::Endpoint;
use crate::traces::{self, Span};
use axum::body::Body;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::EXPECT;
use axum::http::{HeaderValue, Method, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hyper::body::Body as _;
use prometheus::IntGauge;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tracing::Instrument;

/// The longest request id that is taken over from a client.
const MAX_REQUEST_ID: usize = 128;

/// How paths that are no route are called.
pub(super) const UNKNOWN: &str = "unknown";

/// Which bounds hold for the requests of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// A bounded number at once, with bodies in bounded memory.
    Ordinary,
    /// Files: a bounded number at once, for as long as they go on moving.
    Transfer,
    /// Never put off: it costs little, or has a bound of its own.
    Free,
}

/// What is known of the routes, and the bounds that all requests share.
pub(super) struct Watch {
    app: App,
    routes: HashMap<String, Known>,
    unknown: Known,
    requests: Arc<Semaphore>,
    transfers: Arc<Semaphore>,
    bodies: Room,
    stall: Duration,
    whole_body: Duration,
}

/// A path and what holds for each of its methods.
struct Known {
    endpoint: Arc<Endpoint>,
    classes: Vec<(&'static str, Class)>,
}

impl Known {
    fn new(path: String) -> Self {
        Self {
            endpoint: Endpoint::new(path),
            classes: Vec::new(),
        }
    }

    /// Gives the class of a request; one with a method that is not served costs little.
    fn class(&self, method: &Method) -> Class {
        let method = match method.as_str() {
            "HEAD" => "GET",
            other => other,
        };
        let found = self.classes.iter().find(|(served, _)| *served == method);
        found.map_or(Class::Ordinary, |(_, class)| *class)
    }
}

impl Watch {
    pub(super) fn new(app: &App, server: &Server) -> Self {
        Self {
            app: app.clone(),
            routes: HashMap::new(),
            unknown: Known::new(UNKNOWN.to_owned()),
            requests: Arc::new(Semaphore::new(server.max_requests)),
            transfers: Arc::new(Semaphore::new(server.max_transfers)),
            bodies: Room::of(server.max_bodies_mib.saturating_mul(1024 * 1024)),
            stall: Duration::from_secs(server.stall_timeout_s),
            whole_body: Duration::from_secs(server.body_timeout_s),
        }
    }

    /// Adds a route, by its path with the static prefix; the metrics name it without.
    pub(super) fn add(&mut self, full: &str, path: String, row: (&'static str, Class)) {
        let known = self.routes.entry(full.to_owned());
        known.or_insert_with(|| Known::new(path)).classes.push(row);
    }

    fn find(&self, request: &Request) -> &Known {
        let path = request.extensions().get::<MatchedPath>();
        path.and_then(|path| self.routes.get(path.as_str()))
            .unwrap_or(&self.unknown)
    }

    fn admit(&self, class: Class) -> Result<Option<OwnedSemaphorePermit>, Error> {
        let (places, limit) = match class {
            Class::Ordinary => (&self.requests, "requests"),
            Class::Transfer => (&self.transfers, "transfers"),
            Class::Free => return Ok(None),
        };
        places.clone().try_acquire_owned().map(Some).map_err(|_| {
            self.app.metrics.http.refused(limit);
            Error::new(
                Code::TooManyRequests,
                format!(
                    "The server works on as many {limit} as server.max_{limit} allows. Send the \
                     request again in a moment."
                ),
            )
        })
    }

    /// Says how to read what is left of a body once its request is answered. A stream of HTTP/2 loses
    /// nothing by its end, and a client that waits to be asked for the body sends none.
    fn patience(&self, request: &Request) -> Option<Patience> {
        let sends_anyway = !request.headers().contains_key(EXPECT);
        (sends_anyway && request.version() <= Version::HTTP_11).then(|| Patience {
            still: self.stall,
            whole: self.whole_body,
            line: request.extensions().get::<Line>().cloned(),
        })
    }

    /// Puts the body of a request under the rule of its class.
    fn guard(&self, request: Request, class: Class) -> (Request, Option<Arc<Fate>>) {
        if request.body().is_end_stream() {
            return (request, None);
        }
        let fate = Arc::new(Fate::default());
        let leftover = self.patience(&request);
        let rule = match class {
            Class::Transfer => Rule {
                stall: self.stall,
                counter: Some(self.app.metrics.artifacts.received.clone()),
                leftover,
                ..Rule::default()
            },
            Class::Ordinary | Class::Free => Rule {
                stall: self.stall,
                until: Some(Instant::now() + self.whole_body),
                share: Some(Arc::new(self.bodies.share())),
                counter: None,
                leftover,
            },
        };
        let watched = fate.clone();
        let request = request.map(|body| Body::new(Incoming::new(body, rule, watched)));
        (request, Some(fate))
    }
}

/// What holds as long as the answer is not sent whole.
struct Underway {
    _permit: Option<OwnedSemaphorePermit>,
    _call: Option<Call>,
    in_flight: IntGauge,
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.in_flight.dec();
    }
}

/// What the log says of a request.
struct Entry {
    id: String,
    method: Method,
    endpoint: Arc<Endpoint>,
    path: String,
    status: u16,
    took: Duration,
    fate: Option<Arc<Fate>>,
    trace: Option<Span>,
}

/// Answers a request.
pub(super) async fn request(
    State(watch): State<Arc<Watch>>,
    mut request: Request,
    next: Next,
) -> Response {
    let started = Instant::now();
    let app = &watch.app;
    let known = watch.find(&request);
    let (class, endpoint) = (known.class(request.method()), known.endpoint.clone());
    let id = id_of(&request, app);
    request.extensions_mut().insert(RequestId(id.clone()));
    let in_flight = app.metrics.http.in_flight.clone();
    in_flight.inc();
    let mut underway = Underway {
        _permit: None,
        _call: request.extensions().get::<Line>().map(Line::begin),
        in_flight,
    };
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let mut trace = traced::begin(&app.traces, &request, (endpoint.route(), &id));
    let span = tracing::info_span!("request", id = %id);
    let (request, fate) = watch.guard(request, class);
    let response = match watch.admit(class) {
        Ok(permit) => {
            underway._permit = permit;
            let answering = next.run(request).instrument(span.clone());
            traces::within(trace.as_ref().map(Span::scope), answering).await
        }
        Err(error) => span.in_scope(|| error.into_response()),
    };
    let mut response = given_up(&watch, fate.as_deref()).unwrap_or(response);
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    if let Some(trace) = &mut trace {
        traced::answered(trace, &response);
    }
    let entry = Entry {
        id,
        method,
        endpoint,
        path,
        status: response.status().as_u16(),
        took: started.elapsed(),
        fate,
        trace,
    };
    count(app, &entry, class);
    send(app, (response, class), entry, underway)
}

fn id_of(request: &Request, app: &App) -> String {
    request
        .headers()
        .get(&REQUEST_ID)
        .and_then(|id| id.to_str().ok())
        .filter(|id| !id.is_empty() && id.len() <= MAX_REQUEST_ID)
        .map_or_else(|| app.ids.next(), str::to_owned)
}

/// Gives the answer to a request whose body was given up, whatever its handler made of that.
fn given_up(watch: &Watch, fate: Option<&Fate>) -> Option<Response> {
    let fate = fate?;
    let error = fate.error()?;
    match fate.is_late() {
        true => watch.app.metrics.http.late("body"),
        false => watch.app.metrics.http.refused("bodies"),
    }
    Some(error.into_response())
}

fn count(app: &App, entry: &Entry, class: Class) {
    let answer = (entry.method.as_str(), entry.status);
    app.metrics
        .http
        .answered(&entry.endpoint, answer, entry.took);
    if class == Class::Transfer && entry.status >= 500 && entry.status != 501 {
        let direction = match entry.method {
            Method::GET | Method::HEAD => "download",
            _ => "upload",
        };
        app.metrics.artifacts.failed(direction);
    }
}

/// Lets the answer go, and logs it once it has gone.
fn send(
    app: &App,
    (response, class): (Response, Class),
    entry: Entry,
    underway: Underway,
) -> Response {
    let access = app.settings.access_log;
    let counter = (class == Class::Transfer && entry.method == Method::GET && entry.status < 300)
        .then(|| app.metrics.artifacts.sent.clone());
    response.map(|body| {
        Body::new(Outgoing::new(body, counter, move |sent| {
            drop(underway);
            log(&entry, sent, access);
        }))
    })
}

fn log(entry: &Entry, bytes_out: u64, access: bool) {
    let duration_ms = entry.took.as_secs_f64() * 1000.0;
    let (method, status, path) = (&entry.method, entry.status, &entry.path);
    if access {
        tracing::info!(
            target: "trackway::access",
            request_id = %entry.id,
            trace_id = entry.trace.as_ref().map(Span::trace_id),
            %method,
            route = entry.endpoint.route(),
            status,
            duration_ms,
            bytes_in = entry.fate.as_ref().map_or(0, |fate| fate.received()),
            bytes_out,
            actor = ANONYMOUS,
            "answered a request"
        );
    } else {
        tracing::debug!(request_id = %entry.id, %method, path, status, duration_ms, "answered a request");
    }
}
