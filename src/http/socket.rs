//! A socket that gives up a client that is too slow, between requests and in the head of one, or in
//! taking an answer.

use crate::http::connection::Limits;
use crate::metrics;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep_until};

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
    pub(super) fn new() -> Self {
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
pub(super) struct Guarded {
    stream: TcpStream,
    line: Line,
    limits: Limits,
    figures: metrics::Http,
    reading: Reading,
    /// When the client last took something, and the timer that watches it.
    writing: Option<(Instant, Alarm)>,
}

impl Guarded {
    pub(super) fn new(
        stream: TcpStream,
        line: Line,
        (limits, figures): (Limits, metrics::Http),
    ) -> Self {
        Self {
            stream,
            line,
            limits,
            figures,
            reading: Reading::default(),
            writing: None,
        }
    }

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
