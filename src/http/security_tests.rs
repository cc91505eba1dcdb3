use super::*;
use crate::config::Config;
use axum::routing::get;
use tower::ServiceExt;

fn server(hosts: &[&str], origins: &[&str]) -> Server {
    let mut server = Config::with_defaults().expect("defaults").server;
    server.allowed_hosts = hosts.iter().map(|host| host.to_string()).collect();
    server.cors_allowed_origins = origins.iter().map(|origin| origin.to_string()).collect();
    server
}

fn check_hosts(allowed: &[&str], good: &[&str], bad: &[&str]) {
    let rules = Rules::new(&server(allowed, &[]));
    for host in good {
        assert!(rules.allows_host(host), "{host:?} with {allowed:?}");
    }
    for host in bad {
        assert!(!rules.allows_host(host), "{host:?} with {allowed:?}");
    }
}

#[test]
fn hosts_of_this_machine_and_private_addresses_are_allowed() {
    check_hosts(
        &[],
        &[
            "localhost",
            "localhost:5000",
            "LocalHost:5000",
            "localhost:",
            "127.0.0.1",
            "127.0.0.1:65535",
            "0.0.0.0:5000",
            "[::1]",
            "[::1]:5000",
            "[0:0:0:0:0:0:0:1]:5000",
            "10.1.2.3",
            "192.168.0.1:80",
            "172.16.0.1",
            "172.31.255.255:5000",
            "[fc00::1]",
            "[fd12:3456::1]:5000",
        ],
        &[
            "",
            " ",
            "evil.com",
            "127.0.0.1.evil.com",
            "127.0.0.2",
            "127.1",
            "0177.0.0.1",
            "0x7f.0.0.1",
            "2130706433",
            "localhost.",
            "localhost.evil.com",
            "localhost:80@evil",
            "localhost@evil.com",
            "evil.com:localhost",
            "localhost:80:80",
            "localhost:+80",
            "localhost:65536",
            "localhost:port",
            "localhost/evil.com",
            "localhost,evil.com",
            "10.evil.com",
            "192.168.evil.com",
            "172.15.0.1",
            "172.32.0.1",
            "11.0.0.1",
            "::1",
            "[::1",
            "[::1]evil",
            "[::1].evil.com",
            "[::1%25lo]",
            "[::]",
            "[::ffff:127.0.0.1]",
            "[fe80::1]",
            "[2001:db8::1]",
            "fd00::1",
            "127.0.0.1\u{0}",
        ],
    );
}

#[test]
fn listed_hosts_replace_the_defaults() {
    check_hosts(
        &["mlflow.corp.com", "app-*.corp.com:80", "*.lab"],
        &[
            "mlflow.corp.com",
            "MLFLOW.corp.com",
            "app-1.corp.com:80",
            "app-.corp.com:80",
            "a.b.lab",
        ],
        &[
            "localhost",
            "127.0.0.1:5000",
            "mlflow.corp.com:5000",
            "mlflow.corp.com.",
            "xmlflow.corp.com",
            "app-1.corp.com:8080",
            "app-1.evil.com:80",
            "lab",
            "x.lab.evil",
            "x@y.lab",
            "",
        ],
    );
    check_hosts(&["[::1]:*"], &["[::1]:1"], &["[::1]", "::1:1"]);
    check_hosts(&["a", "*"], &["evil.com", "", "x@y"], &[]);
}

#[test]
fn stars_stand_for_any_characters() {
    for (pattern, text, expected) in [
        ("a*b*c", "a-b-c", true),
        ("a*b*c", "abc", true),
        ("a*b*c", "a-c", false),
        ("a*b*c", "a-b-cd", false),
        ("a*a", "a", false),
        ("*ab*ab", "ab", false),
        ("**", "", true),
        ("a?", "ab", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}

#[test]
fn origins_of_localhost_and_listed_ones_may_change() {
    let check = |origins: &[&str], origin: &str, expected: bool| {
        let rules = Rules::new(&server(&[], origins));
        assert_eq!(rules.allows_change_from(origin), expected, "{origin}");
    };
    for origin in [
        "http://localhost",
        "http://localhost:3000",
        "https://127.0.0.1:1",
        "http://[::1]:8",
        "vscode-webview://localhost",
    ] {
        check(&[], origin, true);
    }
    for origin in [
        "null",
        "localhost",
        "http://localhost.evil.com",
        "http://127.0.0.1.evil.com",
        "http://localhost:1@evil.com",
        "http://localhost/x",
        "http://0.0.0.0",
        "http://10.0.0.1",
        "https://a.com",
        "://",
    ] {
        check(&[], origin, false);
    }
    check(&["https://a.com"], "https://a.com", true);
    check(&["https://a.com"], "http://a.com", false);
    check(&["https://a.com"], "https://a.com:81", false);
    check(&["https://a.com"], "http://localhost:3000", true);
    check(&["https://*.a.com"], "https://x.a.com", true);
    check(&["https://*.a.com"], "https://x.a.com.evil", false);
    check(&["*"], "null", true);
}

/// Sends one request and shows status, the headers that matter, and the body.
async fn exchange(server: &Server, request: axum::http::request::Builder) -> String {
    let handler = || async { ([(header::VARY, "Accept")], "handled") };
    let routes = Router::new()
        .route("/api/x", get(handler).post(handler))
        .route("/health", get(handler))
        .route("/pre/version", get(handler));
    let request = request.body(Body::empty()).expect("a request");
    let answer = apply(routes, server)
        .oneshot(request)
        .await
        .expect("an answer");
    let mut lines = vec![answer.status().as_u16().to_string()];
    let skipped = [header::CONTENT_LENGTH, header::ALLOW];
    for (name, value) in answer.headers() {
        if !skipped.contains(name) {
            lines.push(format!("{name}: {}", value.to_str().expect("text")));
        }
    }
    let body = axum::body::to_bytes(answer.into_body(), 1000)
        .await
        .expect("a body");
    lines.push(String::from_utf8(body.to_vec()).expect("text"));
    lines.join("\n")
}

fn to(method: &str, uri: &str) -> axum::http::request::Builder {
    Request::builder().method(method).uri(uri)
}

#[tokio::test]
async fn answers_carry_the_security_headers() {
    let request = to("GET", "/api/x").header("host", "localhost:5000");
    insta::assert_snapshot!(exchange(&server(&[], &[]), request).await, @r"
    200
    content-type: text/plain; charset=utf-8
    vary: Accept
    vary: Origin
    x-content-type-options: nosniff
    x-frame-options: SAMEORIGIN
    handled
    ");
    let mut framed = server(&[], &[]);
    framed.x_frame_options = FrameOptions::None;
    let request = to("GET", "/none").header("host", "localhost");
    let answer = exchange(&framed, request).await;
    assert!(answer.starts_with("404"), "{answer}");
    assert!(
        answer.contains("nosniff") && !answer.contains("x-frame-options"),
        "{answer}"
    );
    framed.x_frame_options = FrameOptions::Deny;
    let request = to("GET", "/api/x").header("host", "localhost");
    assert!(
        exchange(&framed, request)
            .await
            .contains("x-frame-options: DENY")
    );
}

#[tokio::test]
async fn a_host_that_is_not_allowed_is_refused() {
    let defaults = server(&[], &[]);
    let request = to("GET", "/api/x").header("host", "evil.com");
    insta::assert_snapshot!(exchange(&defaults, request).await, @r"
    403
    content-type: text/plain
    Invalid Host header - possible DNS rebinding attack detected
    ");
    let refused = [
        to("GET", "/api/x"),
        to("GET", "/api/x").header("host", ""),
        to("GET", "/api/x").header("host", [0xff].as_slice()),
        to("GET", "/api/x")
            .header("host", "localhost")
            .header("host", "evil.com"),
        to("GET", "http://evil.com/api/x"),
        to("GET", "http://evil.com/api/x").header("host", "localhost"),
        to("GET", "http://localhost/api/x").header("host", "evil.com"),
        to("GET", "http://localhost:80@evil.com/api/x"),
        to("GET", "/none").header("host", "evil.com"),
        to("GET", "/health/").header("host", "evil.com"),
    ];
    for request in refused {
        let shown = format!("{request:?}");
        let answer = exchange(&defaults, request).await;
        assert!(answer.starts_with("403"), "{shown}: {answer}");
    }
}

#[tokio::test]
async fn http_2_names_the_host_in_the_uri() {
    let request = to("GET", "http://localhost:5000/api/x").version(axum::http::Version::HTTP_2);
    assert!(
        exchange(&server(&[], &[]), request)
            .await
            .starts_with("200")
    );
}

#[tokio::test]
async fn health_and_version_answer_every_host() {
    let mut prefixed = server(&[], &[]);
    let request = to("GET", "/health").header("host", "evil.com");
    assert!(exchange(&prefixed, request).await.starts_with("200"));
    prefixed.static_prefix = "/pre".into();
    let request = to("GET", "/pre/version").header("host", "evil.com");
    assert!(exchange(&prefixed, request).await.starts_with("200"));
    let request = to("GET", "/health").header("host", "evil.com");
    assert!(exchange(&prefixed, request).await.starts_with("403"));
}

#[tokio::test]
async fn a_change_from_another_origin_is_refused() {
    let defaults = server(&[], &[]);
    let from = |method: &str, origin: &str| {
        to(method, "/api/x")
            .header("host", "localhost")
            .header("origin", origin)
    };
    insta::assert_snapshot!(exchange(&defaults, from("POST", "http://evil.com")).await, @r"
    403
    content-type: text/plain
    x-content-type-options: nosniff
    x-frame-options: SAMEORIGIN
    vary: Origin
    access-control-expose-headers: *
    access-control-allow-credentials: true
    Cross-origin request blocked
    ");
    for method in ["PUT", "DELETE", "PATCH"] {
        let answer = exchange(&defaults, from(method, "null")).await;
        assert!(answer.starts_with("403"), "{method}: {answer}");
    }
    insta::assert_snapshot!(exchange(&defaults, from("POST", "http://localhost:3000")).await, @r"
    200
    content-type: text/plain; charset=utf-8
    vary: Accept
    vary: Origin
    x-content-type-options: nosniff
    x-frame-options: SAMEORIGIN
    access-control-expose-headers: *
    access-control-allow-credentials: true
    access-control-allow-origin: http://localhost:3000
    handled
    ");
    let read = exchange(&defaults, from("GET", "http://evil.com")).await;
    assert!(
        read.starts_with("200") && !read.contains("allow-origin"),
        "{read}"
    );
    let any = exchange(&server(&[], &["*"]), from("POST", "http://evil.com")).await;
    assert!(
        any.starts_with("200") && any.contains("allow-origin: *"),
        "{any}"
    );
    assert!(!any.contains("credentials"), "{any}");
}

fn preflight(origin: &str, method: &str) -> axum::http::request::Builder {
    to("OPTIONS", "/api/x")
        .header("host", "localhost")
        .header("origin", origin)
        .header("access-control-request-method", method)
}

#[tokio::test]
async fn preflights_are_answered() {
    let defaults = server(&[], &[]);
    let request = preflight("http://localhost:3000", "POST")
        .header("access-control-request-headers", "content-type,x-a");
    insta::assert_snapshot!(exchange(&defaults, request).await, @r"
    200
    content-type: text/plain; charset=utf-8
    vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network
    access-control-allow-methods: GET, POST, PUT, DELETE, OPTIONS, PATCH
    access-control-max-age: 600
    access-control-allow-credentials: true
    access-control-allow-origin: http://localhost:3000
    access-control-allow-headers: content-type,x-a
    OK
    ");
    let any = exchange(&server(&[], &["*"]), preflight("http://evil.com", "QUERY")).await;
    insta::assert_snapshot!(any, @r"
    200
    content-type: text/plain; charset=utf-8
    vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network
    access-control-allow-methods: DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT, QUERY
    access-control-max-age: 600
    access-control-allow-origin: *
    OK
    ");
}

#[tokio::test]
async fn refused_preflights_say_what_is_not_allowed() {
    let check = async |request, expected: &str| {
        let answer = exchange(&server(&[], &["https://a.com"]), request).await;
        assert!(
            answer.starts_with("400") && answer.ends_with(expected),
            "{answer}"
        );
    };
    check(
        preflight("http://evil.com", "POST"),
        "\nDisallowed CORS origin",
    )
    .await;
    check(
        preflight("https://localhost", "POST"),
        "\nDisallowed CORS origin",
    )
    .await;
    check(
        preflight("https://a.com", "TRACE"),
        "\nDisallowed CORS method",
    )
    .await;
    check(
        preflight("null", "TRACE"),
        "\nDisallowed CORS origin, method",
    )
    .await;
    let private =
        preflight("https://a.com", "POST").header("access-control-request-private-network", "true");
    check(private, "\nDisallowed CORS private-network").await;
}

#[tokio::test]
async fn switched_off_checks_let_everything_in() {
    let mut off = server(&[], &[]);
    off.security_checks = false;
    let request = to("POST", "/api/x")
        .header("host", "evil.com")
        .header("origin", "http://e.com");
    let answer = exchange(&off, request).await;
    assert!(
        answer.starts_with("200") && !answer.contains("nosniff"),
        "{answer}"
    );
}
