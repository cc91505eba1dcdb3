//! The table of routes, and the service made of it.
//!
//! Each file of handlers begins with its `routes()`. The same rows are mounted for clients, listed
//! by `trackway routes`, and tried by the tests.

use super::audited::{self, Audited};
use super::observe::{self, Class, Watch};
use super::openapi::{self, Answer, Doc, Operation};
use super::pages::{self, Found};
use super::{api, graphql, health, mlflow, security};
use crate::app::App;
use crate::config::Server;
use crate::ctx::Kept;
use crate::error::{Code, Error, Result};
use axum::Router;
use axum::extract::{Request, State};
use axum::handler::Handler;
use axum::http::{HeaderMap, HeaderName, Method, Uri};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{MethodFilter, MethodRouter, any, on};
use schemars::{JsonSchema, SchemaGenerator};
use std::sync::Arc;

/// The header that carries a request's id, both ways.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Which right a route asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Open to anybody who reaches the server.
    Open,
    Read,
    Edit,
}

impl Access {
    pub fn name(self) -> &'static str {
        match self {
            Access::Open => "open",
            Access::Read => "read",
            Access::Edit => "edit",
        }
    }
}

/// Under which prefixes a path is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mount {
    /// `/api` and `/ajax-api`.
    Both,
    /// `/api` alone: what is our own.
    Own,
    /// `/ajax-api` alone.
    Ajax,
    /// No prefix at all.
    Root,
}

/// One row of the table of routes.
pub struct Route {
    method: &'static str,
    path: &'static str,
    access: Access,
    mount: Mount,
    audited: Option<Audited>,
    class: Class,
    doc: Doc,
    handler: MethodRouter<App>,
}

impl Route {
    /// Says in one sentence what the route is for.
    pub fn tells(mut self, summary: &'static str) -> Self {
        self.doc.summary = summary;
        self
    }

    /// Names the message that the query is read as.
    pub fn query<M: JsonSchema>(mut self) -> Self {
        self.doc.query = Some(SchemaGenerator::subschema_for::<M>);
        self
    }

    /// Names the message that the body is read as.
    pub fn body<M: JsonSchema>(mut self) -> Self {
        self.doc.body = Some(SchemaGenerator::subschema_for::<M>);
        self
    }

    /// Names the message of the answer.
    pub fn answers<M: JsonSchema>(mut self) -> Self {
        self.doc.answer = Some(Answer::Json(SchemaGenerator::subschema_for::<M>));
        self
    }

    /// Names what stands in an answer that is no JSON.
    pub fn mentions<M: JsonSchema>(mut self) -> Self {
        self.doc.mentions = Some(SchemaGenerator::subschema_for::<M>);
        self
    }

    /// Names the content type of an answer that is no JSON.
    pub fn answers_as(mut self, content_type: &'static str) -> Self {
        self.doc.answer = Some(Answer::Other(content_type));
        self
    }

    /// Says that the route carries files: its bodies are never in memory whole, and take long.
    pub fn transfer(mut self) -> Self {
        self.class = Class::Transfer;
        self
    }

    /// Says that requests of the route wait for a change, with a bound of their own.
    pub fn waiting(mut self) -> Self {
        self.class = Class::Free;
        self
    }

    /// Serves the path under `/ajax-api` alone.
    pub fn ajax_only(mut self) -> Self {
        self.mount = Mount::Ajax;
        self
    }

    /// Serves the path under `/api` alone, as a route of our own API.
    pub fn own(mut self) -> Self {
        self.mount = Mount::Own;
        self
    }

    /// Serves the path as it stands, with no prefix but the server's own.
    pub fn at_root(mut self) -> Self {
        self.mount = Mount::Root;
        self
    }

    /// Names what the route does, and to what, for the audit log: each request is kept there. The
    /// names in braces are fields of the path, the query or the body.
    pub fn audited(mut self, action: &'static str, object: &'static str) -> Self {
        self.audited = Some(Audited {
            action,
            object,
            kept: Kept::Always,
        });
        self
    }

    /// As `audited`, for logging: what is sent to a run that is under way is not kept.
    pub fn logging(mut self, action: &'static str, object: &'static str) -> Self {
        self.audited = Some(Audited {
            action,
            object,
            kept: Kept::WhenNoted,
        });
        self
    }

    /// Says whether the route is there on a server that offers artifacts alone.
    fn serves_artifacts(&self) -> bool {
        self.access == Access::Open || self.path.contains("/mlflow-artifacts/")
    }

    fn paths(&self) -> Vec<String> {
        match self.mount {
            Mount::Both => {
                vec![
                    format!("/api/{}", self.path),
                    format!("/ajax-api/{}", self.path),
                ]
            }
            Mount::Own => vec![format!("/api/{}", self.path)],
            Mount::Ajax => vec![format!("/ajax-api/{}", self.path)],
            Mount::Root => vec![format!("/{}", self.path)],
        }
    }
}

macro_rules! method {
    ($name:ident, $method:ident) => {
        /// A row for this method; the path begins with the version, as in `2.0/mlflow/runs/get`.
        pub fn $name<H, T>(path: &'static str, access: Access, handler: H) -> Route
        where
            H: Handler<T, App>,
            T: 'static,
        {
            let handler = on(MethodFilter::$method, handler);
            Route {
                method: stringify!($method),
                path,
                access,
                mount: Mount::Both,
                audited: None,
                doc: Doc::default(),
                class: match access {
                    Access::Open => Class::Free,
                    Access::Read | Access::Edit => Class::Ordinary,
                },
                handler,
            }
        }
    };
}

method!(get, GET);
method!(post, POST);
method!(put, PUT);
method!(patch, PATCH);
method!(delete, DELETE);

fn rows() -> Vec<(&'static str, Vec<Route>)> {
    let mut rows = mlflow::routes();
    rows.extend(api::routes());
    rows.push(("graphql", graphql::routes()));
    rows.push(("server", health::routes()));
    rows
}

/// What `trackway routes` says of a route.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct RouteInfo {
    pub method: &'static str,
    pub path: String,
    pub access: &'static str,
    pub group: &'static str,
    /// What the audit log calls the requests; `None` where they change nothing.
    pub action: Option<&'static str>,
}

/// Describes the routes of our own API as an OpenAPI document.
pub fn document() -> serde_json::Value {
    let rows = rows();
    let own = rows.iter().flat_map(|(group, routes)| {
        let own = routes.iter().filter(|route| route.mount == Mount::Own);
        own.map(|route| Operation {
            method: route.method,
            path: route.paths().pop().unwrap_or_default(),
            group,
            changes: route.access == Access::Edit,
            doc: &route.doc,
        })
    });
    openapi::document(own)
}

/// Lists every route, in the order of the table.
pub fn table() -> Vec<RouteInfo> {
    let mut table = Vec::new();
    for (group, routes) in rows() {
        for route in routes {
            table.extend(route.paths().into_iter().map(|path| RouteInfo {
                method: route.method,
                path,
                access: route.access.name(),
                group,
                action: route.audited.map(|audited| audited.action),
            }));
        }
    }
    table
}

/// Builds the service: every path behind the static prefix, the security checks in front of them,
/// and before all that an id for the request.
pub fn service(app: App, server: &Server) -> Router {
    let static_prefix = &server.static_prefix;
    let mut router = Router::new();
    let mut watch = Watch::new(&app, server);
    for route in rows().into_iter().flat_map(|(_, routes)| routes) {
        let handler = match app.settings.only_artifacts && !route.serves_artifacts() {
            true => route
                .handler
                .clone()
                .route_layer(middleware::from_fn(switched_off)),
            false => route.handler.clone(),
        };
        let handler = match route.audited {
            Some(audited) => {
                let state = (app.clone(), audited);
                handler.route_layer(middleware::from_fn_with_state(state, audited::keep))
            }
            None => handler,
        };
        for path in route.paths() {
            let full = format!("{static_prefix}{path}");
            watch.add(&full, path, (route.method, route.class));
            router = router.route(&full, handler.clone());
        }
    }
    let router = router
        .fallback_service(any(unknown_route).with_state((app.clone(), static_prefix.clone())))
        .method_not_allowed_fallback(wrong_method)
        .with_state(app.clone());
    let watch = Arc::new(watch);
    security::apply(router, server).layer(middleware::from_fn_with_state(watch, observe::request))
}

/// Areas of MLflow's API that Trackway does not have.
const NOT_SERVED: [&str; 9] = [
    "traces",
    "gateway",
    "datasets",
    "scorers",
    "label-schemas",
    "review-queues",
    "prompt-optimization",
    "workspaces",
    "issues",
];

async fn unknown_route(
    State((app, prefix)): State<(App, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response> {
    let below = uri.path().strip_prefix(prefix.as_str());
    let below = below.filter(|_| !app.settings.only_artifacts);
    match below.and_then(|path| pages::find(&method, path, &headers)) {
        Some(Ok(Found::File(file))) => Ok(file),
        Some(Ok(Found::Index)) => Ok(pages::send_index(&app, &prefix).await),
        Some(Err(error)) => Err(error),
        None => Err(no_route(&method, &uri)),
    }
}

fn no_route(method: &Method, uri: &Uri) -> Error {
    let area = uri
        .path()
        .split_once("/mlflow/")
        .and_then(|(_, rest)| rest.split('/').next());
    if let Some(area) = area.filter(|area| NOT_SERVED.contains(area)) {
        return Error::new(
            Code::NotImplemented,
            format!(
                "{method} {}: this server does not have MLflow's {area} API.",
                uri.path()
            ),
        );
    }
    Error::new(
        Code::EndpointNotFound,
        format!(
            "There is no route {method} {}. `trackway routes` lists what there is.",
            uri.path()
        ),
    )
}

/// Stands before every route that a server of artifacts alone does not offer.
async fn switched_off(request: Request, _: Next) -> Error {
    Error::unavailable(format!(
        "Endpoint: {} disabled due to the mlflow server running in `--artifacts-only` mode. To \
         enable tracking server functionality, run `mlflow server` without `--artifacts-only`",
        request.uri().path()
    ))
}

async fn wrong_method(method: Method, uri: Uri) -> Error {
    Error::new(
        Code::MethodNotAllowed,
        format!("The method {method} is not allowed for {}.", uri.path()),
    )
}
