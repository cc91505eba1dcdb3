//! The spans of one transaction: all of it, and in it the waiting for its turn and the work.
//!
//! What is left of the whole after both is the commit. Work that begins again has a span each time.
//! Hundreds of transactions are compiled one by one, so that nothing here depends on their types.

use super::{Scope, Span, SpanKind, child};
use crate::error::{Error, Result};
use std::sync::{Arc, Mutex, PoisonError};

/// The span of a transaction, from the first wish to the answer; empty where nothing is traced.
pub struct Transaction {
    span: Option<Span>,
    steps: Steps,
}

impl Transaction {
    /// Begins to wait for its turn.
    pub fn begin(name: &'static str, system: &'static str) -> Self {
        let mut span = child(name, SpanKind::Client);
        if let Some(span) = &mut span {
            span.set("db.system.name", system);
        }
        let steps = Steps(span.as_ref().map(|span| {
            let scope = span.scope();
            let waiting = Mutex::new(scope.begin("db.wait", SpanKind::Internal));
            Arc::new(Inner { scope, waiting })
        }));
        Self { span, steps }
    }

    /// Gives what tells the work from the waiting, for whoever runs the work.
    pub fn steps(&self) -> Steps {
        self.steps.clone()
    }

    /// Gives back what came before its turn; where that is an error, it is the end.
    pub fn passed<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if let (Some(span), Err(error)) = (&mut self.span, &outcome) {
            span.judge(Some(error));
        }
        outcome
    }

    /// Ends, with the error if there is one.
    pub fn end(mut self, error: Option<&Error>) {
        self.steps.stop_waiting();
        if let Some(span) = &mut self.span {
            span.judge(error);
        }
    }
}

/// Tells the work from the waiting; cheap to clone.
#[derive(Clone)]
pub struct Steps(Option<Arc<Inner>>);

struct Inner {
    scope: Scope,
    waiting: Mutex<Option<Span>>,
}

impl Steps {
    /// Begins the work, which waits no more.
    pub fn begin(&self) -> Step {
        self.stop_waiting();
        let inner = self.0.as_ref();
        Step(inner.and_then(|inner| inner.scope.begin("db.work", SpanKind::Internal)))
    }

    fn stop_waiting(&self) {
        if let Some(inner) = &self.0 {
            let mut waiting = inner.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            *waiting = None;
        }
    }
}

/// The work under way.
pub struct Step(Option<Span>);

impl Step {
    /// Ends, with the error if there is one.
    pub fn end(mut self, error: Option<&Error>) {
        if let Some(span) = &mut self.0 {
            span.judge(error);
        }
    }
}
