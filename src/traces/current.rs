//! Which span the current task works for.
//!
//! It is the only thing that is handed on unseen. A task that is spawned does not have it, unless
//! `carried` says so.

use super::{Scope, Span, SpanKind};
use crate::error::Result;
use futures_util::future::Either;

tokio::task_local! {
    static CURRENT: Scope;
}

/// Begins a span below that of the current task; `None` where there is none that is sent.
pub fn child(name: &'static str, kind: SpanKind) -> Option<Span> {
    let begun = CURRENT.try_with(|scope| scope.begin(name, kind));
    begun.ok().flatten()
}

/// Runs work inside a scope, if there is one.
pub fn within<F: Future>(scope: Option<Scope>, work: F) -> impl Future<Output = F::Output> {
    match scope {
        Some(scope) => Either::Left(CURRENT.scope(scope, work)),
        None => Either::Right(work),
    }
}

/// Takes the scope of the current task along to the task that will run the work.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    within(CURRENT.try_with(Scope::clone).ok(), work)
}

/// Runs work inside a span of its own, with one attribute, below that of the current task.
pub async fn around<T>(
    name: &'static str,
    (key, value): (&'static str, &'static str),
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let mut span = child(name, SpanKind::Internal);
    if let Some(span) = &mut span {
        span.set(key, value);
    }
    let outcome = within(span.as_ref().map(Span::scope), work).await;
    if let Some(span) = &mut span {
        span.judge(outcome.as_ref().err());
    }
    outcome
}
