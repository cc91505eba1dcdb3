//! Bad input on every route of the table: never a failure of the server, always an answer that a
//! client can read, and no file outside the data folder.

use crate::server::{Answer, TestServer};
use axum::body::Body;
use axum::http::Request;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use trackway::config::{Config, Durability};
use trackway::http::router::{self, RouteInfo};

/// Lies beside the data folder, and must never be sent, changed or deleted.
const SECRET: &str = "nobody may read this";

/// The routes to try: those under `/ajax-api` only where they have no twin under `/api`.
fn routes() -> Vec<RouteInfo> {
    let table = router::table();
    let has_twin = |route: &RouteInfo| {
        let twin = route.path.replacen("/ajax-api/", "/api/", 1);
        twin != route.path
            && table
                .iter()
                .any(|other| other.method == route.method && other.path == twin)
    };
    let (twins, rest): (Vec<_>, Vec<_>) = table.iter().cloned().partition(has_twin);
    assert!(
        twins.len() > 30 && rest.len() > 40,
        "{} and {}",
        twins.len(),
        rest.len()
    );
    rest
}

/// Routes whose body is a file, or of which none is read.
fn takes_json(route: &RouteInfo) -> bool {
    matches!(route.method, "POST" | "PATCH")
        && !route.path.contains("/mpu/")
        && !route.path.ends_with("/upload-artifact")
}

/// A server whose data folder is one of two things in its temporary folder.
async fn server() -> TestServer {
    let server = TestServer::start_with(|c| {
        std::fs::write(c.server.data_dir.join("secret.txt"), SECRET).unwrap();
        c.server.data_dir = c.server.data_dir.join("data");
        std::fs::create_dir(&c.server.data_dir).unwrap();
        c.database.durability = Durability::Relaxed;
        allow_local_webhooks(c);
    });
    server.await
}

/// What is tried out fails at once, and nothing leaves this machine.
fn allow_local_webhooks(config: &mut Config) {
    config.webhooks.allowed_private_networks = vec!["127.0.0.0/8".into()];
}

fn names_in(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// Checks that nothing happened beside the data folder.
fn check_outside(server: &TestServer) {
    let folder = server.folder.path();
    assert_eq!(names_in(folder), ["data", "secret.txt"]);
    assert_eq!(
        std::fs::read_to_string(folder.join("secret.txt")).unwrap(),
        SECRET
    );
    let mut inside = names_in(&folder.join("data"));
    inside.retain(|name| !name.starts_with("trackway.db"));
    inside.retain(|name| name != "audit-key.pem");
    assert!(inside.iter().all(|name| name == "artifacts"), "{inside:?}");
}

/// Checks what every answer must be, however bad the request was.
#[track_caller]
fn check(answer: &Answer, route: &RouteInfo, what: &str) {
    let body = String::from_utf8_lossy(&answer.body);
    let status = answer.status.as_u16();
    let told = format!(
        "{} {} with {what}: {status} {body:.300}",
        route.method, route.path
    );
    assert!(status < 500 || status == 501, "{told}");
    assert!(!body.contains(SECRET), "{told}");
    if status < 400 {
        return;
    }
    let body: Json = serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("{told}"));
    let said = |name: &str| body[name].as_str().is_some_and(|text| !text.is_empty());
    assert!(
        said("error_code") && said("message") || said("detail"),
        "{told}"
    );
    assert_eq!(answer.header("content-type"), "application/json", "{told}");
}

/// Things that the requests name: made anew for each route, as some routes delete them.
struct Things {
    experiment: String,
    run: String,
    model: String,
    webhook: String,
}

/// Where nobody listens.
const URL: &str = "https://127.0.0.1:9/x";

impl Things {
    async fn new(server: &TestServer, name: &str) -> Self {
        let experiment = server.experiment(name).await;
        let run = server.run(&experiment).await;
        let body = json!({ "experiment_id": experiment, "name": "m" });
        let model = server.post("logged-models", body).await.ok();
        let model = model["model"]["info"]["model_id"]
            .as_str()
            .unwrap()
            .to_owned();
        let events = json!([{ "entity": "MODEL_VERSION", "action": "CREATED" }]);
        let body = json!({ "name": "w", "url": URL, "events": events });
        let webhook = server.post("webhooks", body).await.ok();
        let webhook = webhook["webhook"]["webhook_id"]
            .as_str()
            .unwrap()
            .to_owned();
        Self {
            experiment,
            run,
            model,
            webhook,
        }
    }

    fn path(&self, route: &RouteInfo) -> String {
        route
            .path
            .replace("{model_id}", &self.model)
            .replace("{webhook_id}", &self.webhook)
            .replace("{tag_key}", "k")
            .replace("{*path}", "d/a.txt")
    }

    /// A body for a route: the status of a webhook is no number.
    fn body_for(&self, route: &RouteInfo) -> Json {
        let mut body = self.body();
        if route.path.contains("/webhooks") {
            body["status"] = "ACTIVE".into();
        }
        body
    }

    /// A body with every field that any route reads, all of the right type.
    fn body(&self) -> Json {
        let pairs = json!([{ "key": "k", "value": "1" }]);
        let dataset = json!({ "name": "d", "digest": "1", "source_type": "local", "source": "{}",
            "schema": "{}", "profile": "{}" });
        let metric = json!({ "key": "k", "value": 1, "timestamp": 1, "step": 1,
            "model_id": self.model, "dataset_name": "d", "dataset_digest": "1" });
        let parts = [
            json!({ "experiment_id": self.experiment, "experiment_ids": [self.experiment],
                "experiment_name": "Default", "name": "n", "new_name": "n2",
                "artifact_location": "mlflow-artifacts:/place", "tags": pairs, "params": pairs }),
            json!({ "run_id": self.run, "run_uuid": self.run, "run_ids": [self.run],
                "user_id": "u", "run_name": "r", "start_time": 1, "end_time": 2, "status": 3,
                "key": "k", "value": "1", "timestamp": 1, "step": 1 }),
            json!({ "metrics": [metric], "metric_key": "k", "start_step": 0, "end_step": 9,
                "dataset_name": "d", "dataset_digest": "1", "datasets": [{ "dataset": dataset,
                "tags": pairs }], "models": [{ "model_id": self.model, "step": 1 }] }),
            json!({ "model_id": self.model, "model_type": "t", "source_run_id": self.run,
                "model_json": "{}", "path": "d", "expiration": 60, "page_token": "",
                "artifact_directory_path": "d", "artifact_file_path": "d/a.txt" }),
            json!({ "url": URL, "description": "d", "secret": "s", "format": "slack",
                "event": { "entity": "PROMPT", "action": "CREATED" },
                "events": [{ "entity": 2, "action": "CREATED" }], "state": "parked" }),
            json!({ "max_results": 5, "filter": "", "filter_string": "", "order_by": [],
                "view_type": 1, "run_view_type": 1 }),
        ];
        let fields = parts.into_iter().flat_map(|part| match part {
            Json::Object(fields) => fields,
            _ => unreachable!("every part is an object"),
        });
        Json::Object(fields.collect())
    }
}

/// Gives the JSON pointers of everything in a value, the value itself left out.
fn pointers(value: &Json) -> Vec<String> {
    let children: Vec<(String, &Json)> = match value {
        Json::Object(fields) => fields
            .iter()
            .map(|(name, child)| (name.clone(), child))
            .collect(),
        Json::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, child)| (index.to_string(), child))
            .collect(),
        _ => Vec::new(),
    };
    let with_their_own = children.into_iter().flat_map(|(name, child)| {
        let below = pointers(child)
            .into_iter()
            .map(|pointer| format!("/{name}{pointer}"));
        std::iter::once(format!("/{name}")).chain(below.collect::<Vec<_>>())
    });
    with_their_own.collect()
}

/// One value of each type that JSON has, and some that are odd. No field takes both of the first
/// `TELLING`.
fn odd_values() -> Vec<Json> {
    vec![
        json!({ "key": { "key": [1] } }),
        json!(true),
        Json::Null,
        json!(-7),
        json!(0.5),
        json!(1e300),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(""),
        json!("text"),
        json!("a\u{0}b/../\u{202e}😀"),
        json!([]),
        json!([null, 7, "x", [], {}]),
        json!({}),
    ]
}

/// After so many of the odd values a field that refused none is one that the route does not read.
const TELLING: usize = 2;

/// Gives a name that no other experiment has, where the body creates or renames one.
fn unique(mut body: Json, number: usize) -> Json {
    for field in ["name", "new_name"] {
        if body[field]
            .as_str()
            .is_some_and(|name| name.starts_with('n') && name.len() < 3)
        {
            body[field] = format!("n-{number}").into();
        }
    }
    body
}

/// Gives how many requests were accepted and how many were refused.
async fn try_every_field(server: &TestServer, route: &RouteInfo) -> [usize; 2] {
    let things = Things::new(server, &format!("{} {}", route.method, route.path)).await;
    let (path, good) = (things.path(route), things.body_for(route));
    let good_answer = server.send_json(route.method, &path, good.clone()).await;
    check(&good_answer, route, "all fields");
    let mut number = 0;
    let mut outcomes = [0, 0];
    for pointer in pointers(&good) {
        let mut refused = false;
        for (tried, odd) in odd_values().into_iter().enumerate() {
            if tried == TELLING && !refused {
                break;
            }
            let mut body = good.clone();
            *body.pointer_mut(&pointer).unwrap() = odd.clone();
            number += 1;
            let body = unique(body, number);
            let answer = server.send_json(route.method, &path, body).await;
            check(&answer, route, &format!("{pointer} = {odd}"));
            refused |= answer.status == 400;
            outcomes[usize::from(answer.status != 200)] += 1;
        }
        // Long texts are dear to send: only where the route looks at the field.
        if refused && good_answer.status == 200 {
            let mut body = good.clone();
            *body.pointer_mut(&pointer).unwrap() = "ä/".repeat(34_000).into();
            let answer = server.send_json(route.method, &path, body).await;
            check(&answer, route, &format!("100 KB of {pointer}"));
        }
    }
    let mut body = unique(good, number + 1);
    body["no_such_field"] = json!({ "a": [1] });
    let answer = server.send_json(route.method, &path, body).await;
    check(&answer, route, "an unknown field");
    outcomes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_field_of_any_type_is_answered() {
    let server = Arc::new(server().await);
    let mut tasks = tokio::task::JoinSet::new();
    for route in routes().into_iter().filter(|route| route.method != "GET") {
        let server = server.clone();
        tasks.spawn(async move { try_every_field(&server, &route).await });
    }
    let outcomes = tasks.join_all().await;
    let sum = |kind: usize| outcomes.iter().map(|counts| counts[kind]).sum::<usize>();
    assert!(
        sum(0) > 1000 && sum(1) > 1000,
        "{} accepted, {} refused",
        sum(0),
        sum(1)
    );
    check_outside(&server);
}

/// Bodies that are no message at all.
fn broken_bodies(things: &Things) -> Vec<(&'static str, Vec<u8>)> {
    let deep = 10_000;
    let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(deep), close.repeat(deep));
    let in_field = format!(
        "{{\"tags\":{},\"run_id\":\"{}\"}}",
        nested("[", "]"),
        things.run
    );
    let twice = format!("{{\"run_id\":\"{0}\",\"runId\":\"{0}\"}}", things.run);
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("no body", Vec::new()),
        ("an array", text("[1, {\"run_id\": \"x\"}]")),
        ("a text", text("\"run_id\"")),
        ("a number", text("7")),
        ("a huge number", text(&"9".repeat(10_000))),
        ("null", text("null")),
        ("half an object", text("{\"run_id\": \"x\", ")),
        ("two objects", text("{} {}")),
        ("deep arrays", nested("[", "]").into_bytes()),
        ("deep objects", nested("{\"run_id\":", "}").into_bytes()),
        ("a deep field", in_field.into_bytes()),
        ("both spellings", twice.into_bytes()),
        (
            "bad UTF-8",
            b"{\"run_id\": \"\xff\xfe\", \"name\": \"\xc3\x28\"}".to_vec(),
        ),
        (
            "bad escapes",
            text("{\"run_id\": \"\\ud800\", \"name\": \"\\x\"}"),
        ),
        ("a NUL byte", b"{\"run_id\":\0\"x\"}".to_vec()),
        (
            "odd numbers",
            text("{\"timestamp\": 1e999, \"max_results\": -1e999, \"step\": NaN}"),
        ),
        ("a form", text("run_id=x&name=y")),
    ]
}

#[tokio::test]
async fn a_body_that_is_no_message_is_answered() {
    let server = server().await;
    for route in routes() {
        let things = Things::new(&server, &format!("{} {}", route.method, route.path)).await;
        let path = things.path(&route);
        for (what, body) in broken_bodies(&things) {
            for kind in [
                "application/json",
                "text/plain",
                "application/json; charset=utf-8",
                "",
            ] {
                let mut request = Request::builder().method(route.method).uri(&path);
                if !kind.is_empty() {
                    request = request.header("content-type", kind);
                }
                let request = request.body(Body::from(body.clone())).unwrap();
                let answer = server.send(request).await;
                check(&answer, &route, &format!("{what} as {kind:?}"));
                if route.method == "POST" && takes_json(&route) && !kind.contains("json") {
                    let (status, _, message) = answer.refused();
                    let told = format!("{path} {kind:?}: {message}");
                    assert_eq!(status, 400, "{told}");
                    assert!(message.starts_with("Bad Request. Content-Type"), "{told}");
                }
            }
        }
    }
    check_outside(&server);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_413() {
    let server = TestServer::start_with(|c| {
        c.server.max_json_mib = 1;
        allow_local_webhooks(c);
    });
    let server = server.await;
    let mut tried = 0;
    for route in routes().into_iter().filter(takes_json) {
        let things = Things::new(&server, &route.path).await;
        let body = json!({ "run_id": "x".repeat(1024 * 1024) });
        let answer = server
            .send_json(route.method, &things.path(&route), body)
            .await;
        check(&answer, &route, "a body over the limit");
        let (status, code, message) = answer.refused();
        assert_eq!(
            (status, code.as_str()),
            (413, "INVALID_PARAMETER_VALUE"),
            "{}",
            route.path
        );
        assert!(message.contains("server.max_json_mib"), "{message}");
        tried += 1;
    }
    assert!(tried > 20, "{tried}");
    let fits = json!({ "name": "e", "more": "x".repeat(1024 * 1024 - 1000) });
    server.post("experiments/create", fits).await.ok();
}

/// Texts that a parameter of a query may have.
const ODD_TEXTS: [&str; 17] = [
    "",
    "x",
    "-1",
    "0",
    "1.5",
    "NaN",
    "true",
    "99999999999999999999",
    "%00",
    "%ff%fe",
    "%",
    "%zz",
    "a+b%20c",
    "%7B%7D",
    "[]",
    "..",
    "%2e%2e%2f",
];

/// Gives how many parameters the route reads.
async fn try_every_parameter(server: &TestServer, route: &RouteInfo) -> usize {
    let things = Things::new(server, &route.path).await;
    let path = things.path(route);
    let good = things.body();
    let all: Vec<(String, String)> = good
        .as_object()
        .unwrap()
        .iter()
        .filter_map(|(name, value)| match value {
            Json::String(text) => Some((name.clone(), text.clone())),
            Json::Number(number) => Some((name.clone(), number.to_string())),
            Json::Array(items) => Some((name.clone(), items.first()?.as_str()?.to_owned())),
            _ => None,
        })
        .collect();
    let query = |changed: &str, value: &str| {
        let pairs = all.iter().map(|(name, good)| match name == changed {
            true => format!("{name}={value}&{name}={value}"),
            false => format!("{name}={}", utf8_percent_encode(good, NON_ALPHANUMERIC)),
        });
        pairs.collect::<Vec<_>>().join("&")
    };
    let plain = server.bare("GET", &path).await;
    let long = "x".repeat(20_000);
    let mut read = 0;
    for (name, _) in &all {
        // A route that reads a parameter says something else to this one.
        let alone = server.bare("GET", &format!("{path}?{name}=x")).await;
        check(&alone, route, &format!("{name}=x alone"));
        if (alone.status, &alone.body) == (plain.status, &plain.body) {
            continue;
        }
        read += 1;
        for value in ODD_TEXTS.into_iter().chain([long.as_str()]) {
            let answer = server
                .bare("GET", &format!("{path}?{}", query(name, value)))
                .await;
            check(&answer, route, &format!("{name}={value:.20}"));
            let alone = server.bare("GET", &format!("{path}?{name}={value}")).await;
            check(&alone, route, &format!("{name}={value:.20} alone"));
        }
    }
    for bare in [
        "?",
        "?&&==&",
        "?=x",
        "?run_id",
        "?%ff=%ff",
        "?run_id[]=x&run_ids[]=y",
    ] {
        check(
            &server.bare("GET", &format!("{path}{bare}")).await,
            route,
            bare,
        );
    }
    read
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_of_any_kind_is_answered() {
    let server = Arc::new(server().await);
    let mut tasks = tokio::task::JoinSet::new();
    for route in routes().into_iter().filter(|route| route.method == "GET") {
        let server = server.clone();
        tasks.spawn(async move { try_every_parameter(&server, &route).await });
    }
    let read: usize = tasks.join_all().await.into_iter().sum();
    assert!(read > 40, "{read} parameters were read");
    check_outside(&server);
}

/// Texts that want to lead out of a folder.
const ESCAPES: [&str; 18] = [
    "..",
    "../secret.txt",
    "../../secret.txt",
    "../../../secret.txt",
    "a/../../../secret.txt",
    "/etc/passwd",
    "//etc/passwd",
    "..\\..\\secret.txt",
    "\\\\host\\share",
    "C:\\secret.txt",
    "C:/secret.txt",
    "file:///etc/passwd",
    "%2e%2e/%2e%2e/secret.txt",
    "%252e%252e%252fsecret.txt",
    "..%2f..%2fsecret.txt",
    "a#b",
    "a\u{0}b",
    "~/secret.txt",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_path_and_no_field_leads_out_of_the_data_folder() {
    let server = server().await;
    let here = std::env::current_dir().unwrap();
    let before = names_in(&here);
    let mut looked_at = 0;
    let fields = [
        "path",
        "artifact_file_path",
        "artifact_directory_path",
        "run_id",
        "run_uuid",
        "model_id",
        "artifact_location",
        "source_run_id",
    ];
    for route in routes() {
        let things = Things::new(&server, &format!("{} {}", route.method, route.path)).await;
        let (path, good) = (things.path(&route), things.body());
        let mut read = Vec::new();
        for field in fields {
            if is_read(&server, &route, &path, field, &good).await {
                read.push(field);
            }
        }
        looked_at += read.len();
        for escape in ESCAPES {
            let once = utf8_percent_encode(escape, NON_ALPHANUMERIC).to_string();
            let twice = utf8_percent_encode(&once, NON_ALPHANUMERIC).to_string();
            for written in [&once, &twice] {
                for parameter in ["{model_id}", "{tag_key}", "{*path}"] {
                    if route.path.contains(parameter) {
                        let uri = route.path.replace(parameter, written);
                        let answer = server.bare(route.method, &things_in(&things, &uri)).await;
                        check(&answer, &route, &format!("{written} in its path"));
                    }
                }
            }
            for field in &read {
                let field = *field;
                let run = &things.run;
                let query = match field {
                    "run_id" | "run_uuid" => format!("{field}={once}&path=secret.txt"),
                    _ => format!("run_id={run}&run_uuid={run}&{field}={once}"),
                };
                let mut body = good.clone();
                body[field] = escape.into();
                let uri = format!("{path}?{query}");
                let answer = server.send_json(route.method, &uri, body).await;
                check(&answer, &route, &format!("{escape:?} as {field}"));
            }
        }
    }
    assert!(looked_at > 60, "{looked_at} fields were read");
    check_outside(&server);
    assert_eq!(names_in(&here), before);
}

/// Tells whether a route reads a field, in its body or its query.
async fn is_read(
    server: &TestServer,
    route: &RouteInfo,
    path: &str,
    field: &str,
    good: &Json,
) -> bool {
    let mut body = good.clone();
    body[field] = odd_values().swap_remove(0);
    if server.send_json(route.method, path, body).await.status == 400 {
        return true;
    }
    let plain = server.bare(route.method, path).await;
    let asked = server
        .bare(route.method, &format!("{path}?{field}=x"))
        .await;
    (plain.status, plain.body) != (asked.status, asked.body)
}

/// Fills the parameters that are still in a path.
fn things_in(things: &Things, path: &str) -> String {
    path.replace("{model_id}", &things.model)
        .replace("{webhook_id}", &things.webhook)
        .replace("{tag_key}", "k")
        .replace("{*path}", "a")
}

#[tokio::test]
async fn no_location_of_an_experiment_leads_out_of_the_data_folder() {
    let server = server().await;
    let here = std::env::current_dir().unwrap();
    let before = names_in(&here);
    let beside = server.folder.path().join("beside");
    let data = server.folder.path().join("data/artifacts");
    let mut locations: Vec<String> = ESCAPES.iter().map(|text| (*text).to_owned()).collect();
    for root in [
        "mlflow-artifacts:/",
        "mlflow-artifacts:",
        "file://",
        "file:",
        "s3://b/",
    ] {
        locations.extend(ESCAPES.iter().map(|escape| format!("{root}{escape}")));
    }
    locations.push(beside.display().to_string());
    locations.push(format!("file://{}", beside.display()));
    locations.push(format!("{}/../../beside", data.display()));
    locations.push(format!("{}/%2e%2e/%2e%2e/beside", data.display()));
    let mut stored = 0;
    for (number, location) in locations.iter().enumerate() {
        let body = json!({ "name": format!("e{number}"), "artifact_location": location });
        let created = server.post("experiments/create", body).await;
        if created.status != 200 {
            assert_eq!(created.refused().0, 400, "{location}");
            continue;
        }
        let run = server
            .run(created.json()["experiment_id"].as_str().unwrap())
            .await;
        for (method, path) in [
            (
                "POST",
                format!("/ajax-api/2.0/mlflow/upload-artifact?run_uuid={run}&path=a.txt"),
            ),
            ("GET", format!("/get-artifact?run_id={run}&path=secret.txt")),
            (
                "GET",
                format!("/api/2.0/mlflow/artifacts/list?run_id={run}"),
            ),
        ] {
            let request = Request::builder().method(method).uri(path);
            let answer = server.send(request.body(Body::from("x")).unwrap()).await;
            let body = String::from_utf8_lossy(&answer.body);
            let status = answer.status.as_u16();
            assert!(
                status < 500 || status == 501,
                "{location:?}: {status} {body}"
            );
            assert!(!body.contains(SECRET), "{location:?}: {body}");
            stored += usize::from(status == 200);
        }
        check_outside(&server);
    }
    assert!(stored > 0, "some locations are in the server's own store");
    assert_eq!(names_in(&here), before);
}
