use super::*;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanProcessor};
use std::sync::Mutex;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// The sampled spans that have ended, in that order.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Kept {
    fn on_start(&self, _: &mut trace::Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        if span.span_context.is_sampled() {
            self.0.lock().unwrap().push(span);
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Makes spans that are kept here.
fn kept(sampling: Sampling) -> (Traces, Kept) {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(sampling.sampler())
        .with_span_processor(kept.clone())
        .build();
    (Traces::of(provider), kept)
}

fn always() -> Sampling {
    Sampling {
        root: Root::Always,
        follows_parent: true,
    }
}

fn headers(traceparent: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let value = HeaderValue::from_str(traceparent).expect("a header");
    headers.insert("traceparent", value);
    headers
}

/// Gives the spans that have ended, by name.
fn ended(kept: &Kept) -> Vec<(String, SpanData)> {
    let spans = kept.0.lock().unwrap().clone();
    let named = |span: SpanData| (span.name.to_string(), span);
    spans.into_iter().map(named).collect()
}

#[test]
fn samplers_decide_with_and_without_a_caller() {
    let check = |(root, follows_parent), caller: &str, expected: bool| {
        let (traces, kept) = kept(Sampling {
            root,
            follows_parent,
        });
        drop(traces.serve("request", &headers(caller)));
        assert_eq!(ended(&kept).len() == 1, expected, "{root:?} {caller}");
    };
    let (yes, no) = (
        format!("00-{TRACE}-00f067aa0ba902b7-01"),
        format!("00-{TRACE}-00f067aa0ba902b7-00"),
    );
    check((Root::Always, true), &yes, true);
    check((Root::Always, true), &no, false);
    check((Root::Always, true), "nonsense", true);
    check((Root::Always, false), &no, true);
    check((Root::Never, true), &yes, true);
    check((Root::Never, true), "nonsense", false);
    check((Root::Never, false), &yes, false);
    check((Root::Share(0.0), true), "nonsense", false);
    check((Root::Share(1.0), false), &no, true);
}

#[test]
fn a_request_is_part_of_the_trace_of_its_caller() {
    let (traces, kept) = kept(always());
    let caller = format!("00-{TRACE}-00f067aa0ba902b7-01");
    let span = traces.serve("request", &headers(&caller)).expect("a span");
    assert_eq!(span.trace_id(), TRACE);
    let sent = span.traceparent();
    drop(span);
    let (_, span) = ended(&kept).remove(0);
    assert_eq!(span.parent_span_id.to_string(), "00f067aa0ba902b7");
    assert!(span.parent_span_is_remote);
    let id = span.span_context.span_id();
    assert_eq!(sent, format!("00-{TRACE}-{id}-01"));
}

#[tokio::test]
async fn calls_are_children_of_the_span_that_the_task_works_for() {
    let (traces, kept) = kept(always());
    let request = traces.serve("request", &HeaderMap::new()).expect("a span");
    let work = async {
        let call = around("call", ("key", "value"), async {
            let trace = Transaction::begin("db.write", "sqlite");
            let (step, error) = (trace.steps().begin(), Error::unavailable("full"));
            step.end(Some(&error));
            trace.end(Some(&error));
            Err::<(), _>(error)
        });
        tokio::spawn(carried(call)).await.expect("no panic")
    };
    let outcome = within(Some(request.scope()), work).await;
    assert!(outcome.is_err());
    drop(request);
    let spans = ended(&kept);
    let names: Vec<&str> = spans.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["db.wait", "db.work", "db.write", "call", "request"]);
    let parent = |child: &str| {
        let find = |name: &str| {
            spans
                .iter()
                .find(|(other, _)| other == name)
                .expect("a span")
        };
        let id = find(child).1.parent_span_id;
        let parent = spans
            .iter()
            .find(|(_, span)| span.span_context.span_id() == id);
        parent.map(|(name, _)| name.as_str())
    };
    assert_eq!(parent("db.wait"), Some("db.write"));
    assert_eq!(parent("db.work"), Some("db.write"));
    assert_eq!(parent("db.write"), Some("call"));
    assert_eq!(parent("call"), Some("request"));
    assert_eq!(parent("request"), None);
    let failed = |(name, span): &(String, SpanData)| {
        matches!(span.status, Status::Error { .. }).then(|| name.clone())
    };
    let failed: Vec<String> = spans.iter().filter_map(failed).collect();
    assert_eq!(failed, ["db.work", "db.write", "call"]);
}

#[tokio::test]
async fn nothing_is_made_where_nothing_is_sent() {
    let off = Traces::default();
    assert!(!off.are_on() && off.apart().is_none());
    assert!(off.serve("request", &HeaderMap::new()).is_none());
    assert!(child("call", SpanKind::Internal).is_none());
    let (traces, kept) = kept(always());
    let caller = format!("00-{TRACE}-00f067aa0ba902b7-00");
    let request = traces.serve("request", &headers(&caller)).expect("a span");
    within(Some(request.scope()), async {
        assert!(child("call", SpanKind::Internal).is_none());
    })
    .await;
    drop(request);
    assert!(ended(&kept).is_empty());
}

#[test]
fn a_refusal_by_a_rule_is_no_failure() {
    let (traces, kept) = kept(always());
    let mut span = traces.serve("request", &HeaderMap::new()).expect("a span");
    span.judge(Some(&Error::not_found("no run")));
    drop(span);
    assert_eq!(ended(&kept).remove(0).1.status, Status::Unset);
}
