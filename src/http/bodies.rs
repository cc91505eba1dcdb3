//! Bodies that are watched while they move: a request's must go on arriving and find room, an
//! answer's ends the request.

use super::leftover::{self, Patience};
use crate::error::{Code, Error};
use axum::body::{Body, Bytes};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use prometheus::IntCounter;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// How much of a body must arrive before the time for standing still begins anew.
const PROGRESS: u64 = 1024;

/// What a request's body went through, for those who see the answer only.
#[derive(Debug, Default)]
pub(super) struct Fate {
    outcome: AtomicU8,
    received: AtomicU64,
}

const LATE: u8 = 1;
const NO_ROOM: u8 = 2;

impl Fate {
    /// Gives the error by which the body was given up.
    pub(super) fn error(&self) -> Option<Error> {
        match self.outcome.load(Ordering::Relaxed) {
            LATE => Some(Error::new(
                Code::Timeout,
                "The body of the request did not arrive in time. Send the request again; \
                 server.stall_timeout_s and server.body_timeout_s say how long it may take.",
            )),
            NO_ROOM => Some(Error::new(
                Code::TooManyRequests,
                "The bodies of the requests under way take all the memory that there is for them. \
                 Send the request again in a moment; server.max_bodies_mib says how much it is.",
            )),
            _ => None,
        }
    }

    /// Says whether the error is that it was late, and not that there was no room.
    pub(super) fn is_late(&self) -> bool {
        self.outcome.load(Ordering::Relaxed) == LATE
    }

    /// Gives how many bytes arrived.
    pub(super) fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }
}

/// Memory for bodies that all requests share; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Room {
    taken: Arc<AtomicUsize>,
    most: usize,
}

impl Room {
    /// Makes room for so many bytes.
    pub(super) fn of(most: usize) -> Self {
        let taken = Arc::default();
        Self { taken, most }
    }

    /// Takes nothing yet; what it takes later it gives back when it is dropped.
    pub(super) fn share(&self) -> Share {
        Share {
            room: self.clone(),
            bytes: AtomicUsize::new(0),
        }
    }
}

/// What one request has of the room.
#[derive(Debug)]
pub(super) struct Share {
    room: Room,
    bytes: AtomicUsize,
}

impl Share {
    fn take(&self, bytes: usize) -> bool {
        let before = self.room.taken.fetch_add(bytes, Ordering::Relaxed);
        if before.saturating_add(bytes) > self.room.most {
            self.room.taken.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        true
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let bytes = self.bytes.load(Ordering::Relaxed);
        self.room.taken.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// What a request's body must keep to.
#[derive(Debug, Clone, Default)]
pub(super) struct Rule {
    /// How long it may stand still.
    pub(super) stall: Duration,
    /// When it must be there whole; `None` for a body that may take long.
    pub(super) until: Option<Instant>,
    /// Where its memory comes from; `None` for a body that is passed on piece by piece.
    pub(super) share: Option<Arc<Share>>,
    /// Counts its bytes beside `Fate`.
    pub(super) counter: Option<IntCounter>,
    /// How to read on when the request is answered and bytes are left; `None` leaves them unread.
    pub(super) leftover: Option<Patience>,
}

/// A request's body under a rule.
pub(super) struct Incoming {
    inner: Body,
    rule: Rule,
    fate: Arc<Fate>,
    /// Runs while nothing arrives.
    alarm: Option<Pin<Box<Sleep>>>,
    since_alarm: u64,
    /// Whether nothing more can come.
    ended: bool,
}

impl Incoming {
    pub(super) fn new(inner: Body, rule: Rule, fate: Arc<Fate>) -> Self {
        Self {
            inner,
            rule,
            fate,
            alarm: None,
            since_alarm: 0,
            ended: false,
        }
    }

    /// Counts what arrived; says whether there is room for it.
    fn took(&mut self, bytes: usize) -> bool {
        self.fate
            .received
            .fetch_add(bytes as u64, Ordering::Relaxed);
        if let Some(counter) = &self.rule.counter {
            counter.inc_by(bytes as u64);
        }
        self.since_alarm += bytes as u64;
        if self.since_alarm >= PROGRESS {
            self.alarm = None;
        }
        self.rule
            .share
            .as_ref()
            .is_none_or(|share| share.take(bytes))
    }

    fn give_up(&self, why: u8) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.fate.outcome.store(why, Ordering::Relaxed);
        let text = "the body of the request was given up";
        Poll::Ready(Some(Err(axum::Error::new(std::io::Error::other(text)))))
    }
}

impl HttpBody for Incoming {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            let bytes = match &frame {
                Some(Ok(frame)) => frame.data_ref().map_or(0, Bytes::len),
                _ => 0,
            };
            self.ended = !matches!(frame, Some(Ok(_)));
            return match self.took(bytes) {
                true => Poll::Ready(frame),
                false => self.give_up(NO_ROOM),
            };
        }
        if self.alarm.is_none() {
            let still = Instant::now() + self.rule.stall;
            let at = self.rule.until.map_or(still, |until| until.min(still));
            self.alarm = Some(Box::pin(sleep_until(at)));
            self.since_alarm = 0;
        }
        if let Some(alarm) = &mut self.alarm {
            ready!(alarm.as_mut().poll(cx));
        }
        self.give_up(LATE)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Drop for Incoming {
    fn drop(&mut self) {
        // A client that was too slow has had its time.
        if self.ended || self.inner.is_end_stream() || self.fate.is_late() {
            return;
        }
        if let Some(patience) = self.rule.leftover.take() {
            leftover::discard(std::mem::take(&mut self.inner), patience);
        }
    }
}

/// An answer's body that tells how many bytes were sent, once it is sent or given up.
pub(super) struct Outgoing<E: FnOnce(u64) + Unpin> {
    inner: Body,
    sent: u64,
    counter: Option<IntCounter>,
    end: Option<E>,
}

impl<E: FnOnce(u64) + Unpin> Outgoing<E> {
    pub(super) fn new(inner: Body, counter: Option<IntCounter>, end: E) -> Self {
        Self {
            inner,
            sent: 0,
            counter,
            end: Some(end),
        }
    }
}

impl<E: FnOnce(u64) + Unpin> HttpBody for Outgoing<E> {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            let bytes = frame.data_ref().map_or(0, Bytes::len) as u64;
            self.sent += bytes;
            if let Some(counter) = &self.counter {
                counter.inc_by(bytes);
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl<E: FnOnce(u64) + Unpin> Drop for Outgoing<E> {
    fn drop(&mut self) {
        if let Some(end) = self.end.take() {
            end(self.sent);
        }
    }
}
