//! The sender against real sockets on this machine.
//!
//! Loopback is not public, so each test allows the one address that its receiver listens on.

mod bodies;
mod redirects;
mod refusals;
mod tls;

use super::*;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;

/// The name that tests resolve.
const NAME: &str = "receiver.example";

/// What a receiver does after it has read a request.
#[derive(Debug, Clone)]
enum Answering {
    /// Writes these bytes and closes.
    With(String),
    /// Writes these bytes and keeps the connection open for ever.
    Hanging(String),
    /// Writes the first bytes, and then the second ones without end.
    Endless(String, String),
}

impl Answering {
    fn status(status: &str) -> Self {
        Self::headers(status, "")
    }

    /// Each header ends with a line break.
    fn headers(status: &str, headers: &str) -> Self {
        Self::With(format!(
            "HTTP/1.1 {status}\r\n{headers}Content-Length: 2\r\n\r\nok"
        ))
    }

    async fn answer(&self, mut stream: impl AsyncWrite + AsyncRead + Unpin) {
        // The sender may hang up at any moment, which is no failure of the receiver.
        match self {
            Answering::With(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
            Answering::Hanging(text) => {
                let _ = stream.write_all(text.as_bytes()).await;
                let _ = stream.read_u8().await;
            }
            Answering::Endless(first, then) => {
                let _ = stream.write_all(first.as_bytes()).await;
                while stream.write_all(then.as_bytes()).await.is_ok() {}
            }
        }
    }
}

/// A receiver on an address of this machine.
struct Receiver {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Receiver {
    async fn start(answering: Answering) -> Self {
        Self::listen("127.0.0.1:0", answering).await
    }

    async fn listen(place: &str, answering: Answering) -> Self {
        let listener = TcpListener::bind(place).await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&requests);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (heard, answering) = (Arc::clone(&heard), answering.clone());
                tokio::spawn(async move {
                    let request = read_request(&mut stream).await;
                    heard.lock().unwrap().push(request);
                    answering.answer(stream).await;
                });
            }
        });
        Self { address, requests }
    }

    fn url(&self) -> String {
        format!("http://{}/hook?a=1", self.address)
    }

    /// Gives the receiver's URL under a name.
    fn named(&self) -> String {
        format!("http://{NAME}:{}/hook", self.address.port())
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }
}

/// Reads head and body of a request; what came until then when the other side stops.
async fn read_request(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut text = String::new();
    let mut buffer = [0; 1024];
    while let Ok(count) = stream.read(&mut buffer).await {
        text.push_str(&String::from_utf8_lossy(&buffer[..count]));
        let body = text.split_once("\r\n\r\n").map(|(_, body)| body.len());
        if count == 0 || body.is_some_and(|length| length >= parcel("").body.len()) {
            break;
        }
    }
    text
}

fn parcel(url: &str) -> Parcel {
    Parcel {
        url: url.to_owned(),
        headers: vec![("X-MLflow-Delivery-Id", "d-1".to_owned())],
        body: br#"{"entity":"model_version"}"#.to_vec(),
    }
}

/// Allows http, and the addresses.
fn allowing(addresses: &[&str]) -> Rules {
    Rules {
        schemes: vec!["http".to_owned(), "https".to_owned()],
        networks: addresses.iter().map(|text| text.parse().unwrap()).collect(),
        timeout: Duration::from_secs(20),
        ca_file: None,
    }
}

/// A sender for which every name resolves to the next of the answers, the last one again and again.
fn resolving(rules: Rules, answers: &[&[&str]]) -> (Sender, Arc<AtomicUsize>) {
    let parsed = |answer: &&[&str]| answer.iter().map(|text| text.parse().unwrap()).collect();
    let answers: Vec<Vec<IpAddr>> = answers.iter().map(parsed).collect();
    let asked = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&asked);
    let lookup = move |_: String| {
        let turn = count.fetch_add(1, Ordering::Relaxed);
        let answer = answers.get(turn).or(answers.last()).cloned();
        let none = || std::io::Error::other("no such host");
        let answer: BoxFuture<'static, _> = Box::pin(async move { answer.ok_or_else(none) });
        answer
    };
    let mut sender = Sender::new(rules).unwrap();
    sender.lookup = Arc::new(lookup);
    (sender, asked)
}

fn local() -> Sender {
    Sender::new(allowing(&["127.0.0.1"])).unwrap()
}

/// Checks that the attempt is given up, and that its error holds every part.
fn check_given_up(attempt: &Attempt, parts: &[&str]) {
    assert_eq!(attempt.verdict(), Verdict::GiveUp, "{attempt:?}");
    check_error(attempt, parts);
}

/// Checks that the attempt is worth another, and that its error holds every part.
fn check_retried(attempt: &Attempt, parts: &[&str]) {
    assert_eq!(attempt.verdict(), Verdict::Retry, "{attempt:?}");
    check_error(attempt, parts);
}

fn check_error(attempt: &Attempt, parts: &[&str]) {
    let error = attempt.error.as_deref().unwrap_or_default();
    for part in parts {
        assert!(error.contains(part), "{error:?} lacks {part:?}");
    }
}

#[tokio::test]
async fn a_post_arrives_as_it_was_packed() {
    let receiver = Receiver::start(Answering::status("200 OK")).await;
    let attempt = local().post(&parcel(&receiver.url())).await;
    let port = receiver.address.port().to_string();
    let request = receiver.requests().join("").replace(&port, "PORT");
    let request = request.replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!(request.replace('\r', ""), @r#"
    POST /hook?a=1 HTTP/1.1
    User-Agent: trackway/VERSION
    Accept: */*
    X-Mlflow-Delivery-Id: d-1
    Host: 127.0.0.1:PORT
    Connection: close
    Content-Length: 26

    {"entity":"model_version"}
    "#);
    assert_eq!(
        (attempt.status, attempt.response_head.as_str()),
        (Some(200), "ok")
    );
    assert_eq!((attempt.error.clone(), attempt.refused), (None, false));
    assert_eq!(attempt.verdict(), Verdict::Delivered);
}

#[tokio::test]
async fn the_status_decides() {
    for (status, verdict) in [
        ("200 OK", Verdict::Delivered),
        ("204 No Content", Verdict::Delivered),
        ("301 Moved Permanently", Verdict::GiveUp),
        ("400 Bad Request", Verdict::GiveUp),
        ("401 Unauthorized", Verdict::GiveUp),
        ("404 Not Found", Verdict::GiveUp),
        ("410 Gone", Verdict::GiveUp),
        ("429 Too Many Requests", Verdict::Retry),
        ("500 Internal Server Error", Verdict::Retry),
        ("501 Not Implemented", Verdict::GiveUp),
        ("502 Bad Gateway", Verdict::Retry),
        ("503 Service Unavailable", Verdict::Retry),
        ("504 Gateway Timeout", Verdict::Retry),
    ] {
        let receiver = Receiver::start(Answering::status(status)).await;
        let attempt = local().post(&parcel(&receiver.url())).await;
        assert_eq!(attempt.verdict(), verdict, "{status}: {attempt:?}");
        assert_eq!(
            attempt
                .status
                .map(|code| status.starts_with(&code.to_string())),
            Some(true)
        );
    }
}

#[tokio::test]
async fn the_wait_that_a_receiver_asks_for_is_read() {
    for (header, expected) in [
        ("", None),
        ("Retry-After: 120\r\n", Some(120_000)),
        ("Retry-After: 0\r\n", Some(0)),
        ("Retry-After: 99999999999\r\n", Some(86_400_000)),
        (
            "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\r\n",
            Some(86_400_000),
        ),
        ("Retry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n", Some(0)),
        ("Retry-After: soon\r\n", None),
        ("Retry-After: -1\r\n", None),
    ] {
        let answering = Answering::headers("503 Service Unavailable", header);
        let receiver = Receiver::start(answering).await;
        let attempt = local().post(&parcel(&receiver.url())).await;
        assert_eq!(attempt.retry_after_ms, expected, "{header}");
    }
}

#[tokio::test]
async fn a_receiver_that_is_not_there_is_tried_again() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let place = free.local_addr().unwrap();
    drop(free);
    let attempt = local().post(&parcel(&format!("http://{place}/"))).await;
    let port = place.port().to_string();
    check_retried(
        &attempt,
        &["Connecting to 127.0.0.1 port", &port, "refused"],
    );

    let (sender, _) = resolving(allowing(&[]), &[]);
    let attempt = sender.post(&parcel("http://gone.example/")).await;
    check_retried(
        &attempt,
        &["gone.example cannot be resolved", "no such host"],
    );

    let (sender, _) = resolving(allowing(&[]), &[&[]]);
    let attempt = sender.post(&parcel("http://gone.example/")).await;
    check_retried(&attempt, &["gone.example has no address"]);
}

#[tokio::test]
async fn the_next_address_is_tried_when_one_does_not_answer() {
    let receiver = Receiver::start(Answering::status("200 OK")).await;
    let rules = allowing(&["127.0.0.1", "127.0.0.9"]);
    let (sender, _) = resolving(rules, &[&["127.0.0.9", "127.0.0.1"]]);
    let attempt = sender.post(&parcel(&receiver.named())).await;
    assert_eq!(attempt.verdict(), Verdict::Delivered, "{attempt:?}");
}
