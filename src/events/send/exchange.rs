//! One connection, one request, one answer.
//!
//! It connects only to addresses it is handed, and asks again about the address the socket reports
//! before a byte is sent. It keeps the beginning of the answer and drops the rest.

use super::target::Target;
use super::{Attempt, Parcel};
use bytes::Bytes;
use futures_util::future::{Either, select};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use std::net::IpAddr;
use std::pin::pin;
use std::time::{Duration, SystemTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;

/// How much of an answer's body is kept, in bytes.
const HEAD_BYTES: usize = 4 * 1024;

/// How much of an answer's body is read, in bytes, so that a receiver is not cut off mid-answer.
const READ_BYTES: usize = 64 * 1024;

/// How long is waited for the body once the status is known.
const BODY_PATIENCE: Duration = Duration::from_secs(2);

/// The largest head of an answer, in bytes.
const HEADER_BYTES: usize = 64 * 1024;

/// How many addresses of one host are tried, and how long for each.
const MAX_ADDRESSES: usize = 8;
const CONNECT_PATIENCE: Duration = Duration::from_secs(10);

/// The longest wait that a receiver may ask for.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Why no answer came.
#[derive(Debug)]
pub struct Failure {
    pub text: String,
    /// Whether the rules forbid the POST, so that it would fail again.
    pub refused: bool,
}

impl Failure {
    pub fn passing(text: String) -> Self {
        let refused = false;
        Self { text, refused }
    }

    pub fn refused(text: String) -> Self {
        let refused = true;
        Self { text, refused }
    }
}

/// An answer, and where it sends us.
#[derive(Debug)]
pub struct Answer {
    pub attempt: Attempt,
    location: Option<String>,
}

impl Answer {
    /// Gives where a redirect leads; `None` where the answer is none.
    pub fn location(&self) -> Option<String> {
        let is_redirect = matches!(self.attempt.status, Some(301 | 302 | 303 | 307 | 308));
        self.location.clone().filter(|_| is_redirect)
    }

    /// Turns the redirect into a failure that names where it leads and why it is not followed.
    pub fn not_followed(self, place: &str, reason: &str) -> Attempt {
        let status = self.attempt.status.unwrap_or_default();
        let place: String = place.chars().take(200).collect();
        let error = format!("The receiver redirects to {place} with {status}: {reason}");
        Attempt {
            error: Some(error),
            refused: true,
            ..self.attempt
        }
    }
}

/// Asks the system's resolver.
pub async fn system_lookup(host: String) -> std::io::Result<Vec<IpAddr>> {
    let found = tokio::net::lookup_host((host.as_str(), 0)).await?;
    Ok(found.map(|address| address.ip()).collect())
}

/// Builds the request; a header that HTTP cannot carry is refused.
pub fn request(target: &Target, parcel: &Parcel) -> Result<Request<Full<Bytes>>, Failure> {
    let unusable = |what: &str| Failure::refused(format!("{what} cannot be sent over HTTP."));
    let mut request = Request::post(target.path())
        .body(Full::new(Bytes::copy_from_slice(&parcel.body)))
        .map_err(|_| unusable("The path of the URL"))?;
    let headers = request.headers_mut();
    let agent = concat!("trackway/", env!("CARGO_PKG_VERSION"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
    headers.insert(header::ACCEPT, HeaderValue::from_static("*/*"));
    for (name, value) in &parcel.headers {
        let shown = || unusable(&format!("The header {name}"));
        let key = HeaderName::try_from(*name).map_err(|_| shown())?;
        let value = HeaderValue::try_from(value).map_err(|_| shown())?;
        headers.insert(key, value);
    }
    let host = HeaderValue::try_from(target.authority()).map_err(|_| unusable("The host"))?;
    headers.insert(header::HOST, host);
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    headers.insert(header::CONTENT_LENGTH, parcel.body.len().into());
    Ok(request)
}

/// Connects to the first of the addresses that answers, and judges what the socket is connected to.
pub async fn connect(
    target: &Target,
    addresses: &[IpAddr],
    judge: &(dyn Fn(IpAddr) -> Result<(), String> + Sync),
) -> Result<TcpStream, Failure> {
    let mut failure = Failure::passing(format!("The host {} has no address.", target.host()));
    for address in addresses.iter().take(MAX_ADDRESSES) {
        let place = (*address, target.port());
        let connecting = tokio::time::timeout(CONNECT_PATIENCE, TcpStream::connect(place)).await;
        let reason = match connecting {
            Ok(Ok(stream)) => {
                check_peer(&stream, judge)?;
                return Ok(stream);
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no answer within {} s", CONNECT_PATIENCE.as_secs()),
        };
        let port = target.port();
        let text = format!("Connecting to {address} port {port} failed: {reason}.");
        failure = Failure::passing(text);
    }
    Err(failure)
}

fn check_peer(
    stream: &TcpStream,
    judge: &(dyn Fn(IpAddr) -> Result<(), String> + Sync),
) -> Result<(), Failure> {
    let peer = stream
        .peer_addr()
        .map_err(|error| Failure::passing(format!("The connection broke at once: {error}.")))?;
    judge(peer.ip()).map_err(Failure::refused)
}

/// Sends the request and reads the status and the beginning of the body.
pub async fn talk<S>(stream: S, request: Request<Full<Bytes>>) -> Result<Answer, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let broken = |error: hyper::Error| {
        Failure::passing(format!("The receiver gave no HTTP answer: {error}."))
    };
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEADER_BYTES).title_case_headers(true);
    let (mut sender, connection) = builder
        .handshake(TokioIo::new(stream))
        .await
        .map_err(broken)?;
    let answer = pin!(async move {
        let response = sender.send_request(request).await.map_err(broken)?;
        Ok(read(response).await)
    });
    match select(answer, pin!(connection)).await {
        Either::Left((answer, _)) => answer,
        // The connection may end with the answer's last byte still to be taken.
        Either::Right((_, answer)) => answer.await,
    }
}

async fn read(response: Response<Incoming>) -> Answer {
    let (parts, body) = response.into_parts();
    let text = |name: HeaderName| Some(parts.headers.get(name)?.to_str().ok()?.to_owned());
    Answer {
        location: text(header::LOCATION),
        attempt: Attempt {
            status: Some(parts.status.as_u16()),
            response_head: read_head(body).await,
            retry_after_ms: retry_after(&parts.headers, SystemTime::now()),
            ..Attempt::default()
        },
    }
}

/// Reads the beginning of the body; how the body goes on or breaks off changes nothing.
async fn read_head(mut body: Incoming) -> String {
    let mut head = Vec::new();
    let mut count = 0;
    let reading = async {
        while let Some(Ok(frame)) = body.frame().await {
            let data = frame.into_data().unwrap_or_default();
            let room = HEAD_BYTES.saturating_sub(head.len());
            head.extend(data.iter().take(room));
            count += data.len();
            if count >= READ_BYTES {
                return;
            }
        }
    };
    // Running out of patience leaves what was read until then.
    let _ = tokio::time::timeout(BODY_PATIENCE, reading).await;
    readable(&head)
}

/// Turns bytes into at most as many bytes of text that a database takes.
pub fn readable(head: &[u8]) -> String {
    let mut text = String::from_utf8_lossy(head).replace('\0', "\u{fffd}");
    text.truncate(text.floor_char_boundary(HEAD_BYTES));
    text
}

/// Reads `Retry-After`, in seconds or as a date, in milliseconds from now.
fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<i64> {
    let text = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => {
            let until = httpdate::parse_http_date(text).ok()?;
            until.duration_since(now).unwrap_or_default()
        }
    };
    i64::try_from(wait.min(MAX_RETRY_AFTER).as_millis()).ok()
}
