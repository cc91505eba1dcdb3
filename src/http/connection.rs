//! Listens, and keeps what a client may do with a connection within bounds: how long the head of a
//! request may take, how long nothing may happen, how many connections there are.
//!
//! What is inside a request is not its business: `observe` watches the bodies.

use crate::config::Server;
use crate::error::{Code, Error};
use crate::http::reply::{error_body, retry_after_s};
use crate::http::socket::{Guarded, Line};
use crate::metrics;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

/// The largest head of a request, in bytes, and the most headers in it.
const MAX_HEAD: usize = 64 * 1024;
const MAX_HEADERS: usize = 128;
/// Requests that one connection of HTTP/2 may have under way.
const MAX_STREAMS: u32 = 128;
/// Connections beyond the limit that are told so at the same time, unless open files are few; further
/// ones are just closed.
const MAX_REFUSALS: usize = 1024;
/// How long such a client has to read the refusal.
const REFUSE_WITHIN: Duration = Duration::from_secs(1);
/// File descriptors that connections leave to the database, files and jobs.
const SPARE_FILES: u64 = 256;

/// The bounds of connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How many may be open.
    pub connections: usize,
    /// How many more are told at the same time that there is no room.
    pub refusals: usize,
    /// From the first byte of a request's head to its last.
    pub head: Duration,
    /// Between two requests.
    pub idle: Duration,
    /// For a client that takes nothing of an answer.
    pub stall: Duration,
}

impl Limits {
    /// Reads the bounds from the configuration, and raises the process's limit of open files as far
    /// as it may; where that is too low, fewer connections are allowed.
    pub fn new(server: &Server) -> Self {
        let files = raise_open_files();
        let room = usize::try_from(files.saturating_sub(SPARE_FILES)).unwrap_or(usize::MAX);
        let refusals = MAX_REFUSALS.min(room / 4).max(1);
        let connections = server.max_connections.min((room - room / 4).max(16));
        if connections < server.max_connections {
            tracing::warn!(
                connections,
                files,
                "the limit of open files allows fewer connections than server.max_connections"
            );
        }
        Self {
            connections,
            refusals,
            head: Duration::from_secs(server.header_timeout_s),
            idle: Duration::from_secs(server.idle_timeout_s),
            stall: Duration::from_secs(server.stall_timeout_s),
        }
    }
}

/// Raises the soft limit of open files to the hard one and gives it.
fn raise_open_files() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    let current = match setrlimit(Resource::Nofile, raised) {
        Ok(()) => raised.current,
        Err(_) => limit.current,
    };
    current.unwrap_or(u64::MAX)
}

/// Serves connections until it is told to stop, and then until the requests under way are answered.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    (limits, figures): (Limits, metrics::Http),
    stop: CancellationToken,
) {
    let open = Arc::new(Semaphore::new(limits.connections));
    let refusals = Arc::new(Semaphore::new(limits.refusals));
    let connections = TaskTracker::new();
    loop {
        let stream = tokio::select! {
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        let stream = match stream {
            Ok((stream, _)) => stream,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        match open.clone().try_acquire_owned() {
            Ok(permit) => {
                let one = Connection {
                    router: router.clone(),
                    limits,
                    figures: figures.clone(),
                    stop: stop.clone(),
                };
                connections.spawn(one.serve(stream, permit));
            }
            Err(_) => {
                figures.refused("connections");
                if let Ok(permit) = refusals.clone().try_acquire_owned() {
                    connections.spawn(refuse(stream, permit));
                }
            }
        }
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// A client that is gone already is no reason to wait; a process without free file descriptors is.
async fn pause_after(error: &io::Error) {
    use io::ErrorKind as Kind;
    let gone = [
        Kind::ConnectionRefused,
        Kind::ConnectionAborted,
        Kind::ConnectionReset,
    ];
    if !gone.contains(&error.kind()) {
        tracing::error!(%error, "a connection cannot be accepted");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Tells a client that there are too many connections.
async fn refuse(mut stream: TcpStream, _permit: OwnedSemaphorePermit) {
    let error = Error::new(
        Code::TooManyRequests,
        "The server has as many connections as server.max_connections allows. Connect again in a \
         moment.",
    );
    let body = error_body(&error);
    let head = format!(
        "HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: {}\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        retry_after_s(),
        body.len()
    );
    let tell = async {
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(&body).await?;
        stream.shutdown().await?;
        // Closing with bytes unread would take the answer away from the client.
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        io::Result::Ok(())
    };
    // A client that does not listen is left.
    let _ = tokio::time::timeout(REFUSE_WITHIN, tell).await;
}

struct Connection {
    router: Router,
    limits: Limits,
    figures: metrics::Http,
    stop: CancellationToken,
}

impl Connection {
    async fn serve(self, stream: TcpStream, _permit: OwnedSemaphorePermit) {
        // Answers are small: waiting to fill a packet would only add latency.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection cannot be set to send at once");
        }
        self.figures.connections.inc();
        let line = Line::new();
        let io = Guarded::new(stream, line.clone(), (self.limits, self.figures.clone()));
        let router = self.router;
        let service = service_fn(move |request: Request<Incoming>| {
            let mut request = request.map(Body::new);
            request.extensions_mut().insert(line.clone());
            router.clone().oneshot(request)
        });
        let builder = builder();
        let connection = builder.serve_connection(TokioIo::new(io), service);
        let mut connection = std::pin::pin!(connection);
        let outcome = tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = self.stop.cancelled() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = outcome {
            tracing::debug!(%error, "a connection ended early");
        }
        self.figures.connections.dec();
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .header_read_timeout(None);
    builder
        .http2()
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD as u32);
    builder
}
