//! Listens, and keeps what a client may do with a connection within bounds: how long the head of a
//! request may take, how long nothing may happen, how many connections there are.
//!
//! What is inside a request is not its business: `observe` watches the bodies.

use crate::config::Server;
use crate::error::{Code, Error};
use crate::http::reply::{error_body, retry_after_s};
use crate::metrics;
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, Sleep, sleep_until};
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
        let io = Guarded {
            stream,
            line: line.clone(),
            limits: self.limits,
            figures: self.figures.clone(),
            reading: Reading::default(),
            writing: None,
        };
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

/// What the requests of one connection and its socket know of each other; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Line(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// Requests whose answer is not sent whole.
    underway: AtomicUsize,
    /// Requests that ever began.
    begun: AtomicU64,
}

/// A request on a line, until its answer is sent.
#[derive(Debug)]
pub(super) struct Call(Arc<Shared>);

impl Drop for Call {
    fn drop(&mut self) {
        self.0.underway.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Line {
    fn new() -> Self {
        Self(Arc::default())
    }

    /// Counts a request for as long as the call lives.
    pub(super) fn begin(&self) -> Call {
        self.0.underway.fetch_add(1, Ordering::Relaxed);
        self.0.begun.fetch_add(1, Ordering::Relaxed);
        Call(self.0.clone())
    }

    fn is_busy(&self) -> bool {
        self.0.underway.load(Ordering::Relaxed) > 0
    }

    fn begun(&self) -> u64 {
        self.0.begun.load(Ordering::Relaxed)
    }
}

/// What is known of the bytes that were read since the last request.
#[derive(Default)]
struct Reading {
    alarm: Option<Alarm>,
    /// The number of requests that had begun, to see that another one has.
    begun: u64,
    /// When the first byte of the next head arrived.
    head_since: Option<Instant>,
    /// Since when there is no request.
    idle_since: Option<Instant>,
}

/// A timer that is moved only when it must ring earlier, or has rung too early.
struct Alarm {
    sleep: Pin<Box<Sleep>>,
}

impl Alarm {
    fn at(deadline: Instant) -> Self {
        Self {
            sleep: Box::pin(sleep_until(deadline)),
        }
    }

    /// Says whether the deadline has passed; otherwise the task is woken when it does.
    fn has_passed(&mut self, deadline: Instant, cx: &mut Context<'_>) -> bool {
        if self.sleep.deadline() > deadline {
            self.sleep.as_mut().reset(deadline);
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
            if Instant::now() >= deadline {
                return true;
            }
            self.sleep.as_mut().reset(deadline);
        }
        false
    }
}

/// A socket that is given up when its client is too slow.
struct Guarded {
    stream: TcpStream,
    line: Line,
    limits: Limits,
    figures: metrics::Http,
    reading: Reading,
    /// When the client last took something, and the timer that watches it.
    writing: Option<(Instant, Alarm)>,
}

impl Guarded {
    /// Gives until when something must be read, and what is late then; `None` while a request is
    /// under way, whose body has rules of its own.
    fn deadline(&mut self) -> Option<(Instant, &'static str)> {
        let begun = self.line.begun();
        if begun != self.reading.begun {
            self.reading.begun = begun;
            self.reading.head_since = None;
            self.reading.idle_since = None;
        }
        if self.line.is_busy() {
            self.reading.idle_since = None;
            return None;
        }
        if let Some(since) = self.reading.head_since {
            return Some((since + self.limits.head, "head"));
        }
        let since = *self.reading.idle_since.get_or_insert_with(Instant::now);
        Some((since + self.limits.idle, "idle"))
    }

    fn too_slow(&self, of: &'static str) -> io::Error {
        self.figures.late(of);
        io::Error::new(io::ErrorKind::TimedOut, format!("late: {of}"))
    }

    /// Watches a write that the client does not take.
    fn watch_write<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.writing = None;
            return outcome;
        }
        let stall = self.limits.stall;
        let (since, alarm) = self.writing.get_or_insert_with(|| {
            let now = Instant::now();
            (now, Alarm::at(now + stall))
        });
        match alarm.has_passed(*since + stall, cx) {
            true => Poll::Ready(Err(self.too_slow("answer"))),
            false => Poll::Pending,
        }
    }
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(cx, buffer);
        let deadline = self.deadline();
        if outcome.is_ready() {
            if deadline.is_some() && buffer.filled().len() > before {
                self.reading.head_since.get_or_insert_with(Instant::now);
            }
            return outcome;
        }
        let Some((deadline, of)) = deadline else {
            return Poll::Pending;
        };
        let alarm = &mut self.reading.alarm;
        let alarm = alarm.get_or_insert_with(|| Alarm::at(deadline));
        match alarm.has_passed(deadline, cx) {
            true => Poll::Ready(Err(self.too_slow(of))),
            false => Poll::Pending,
        }
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch_write(outcome, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        pieces: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, pieces);
        self.watch_write(outcome, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = Pin::new(&mut self.stream).poll_flush(cx);
        self.watch_write(outcome, cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
