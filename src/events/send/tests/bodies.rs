//! Receivers that hang, never end or speak no HTTP.

use super::*;

fn within(timeout_ms: u64) -> Sender {
    let mut rules = allowing(&["127.0.0.1"]);
    rules.timeout = Duration::from_millis(timeout_ms);
    Sender::new(rules).unwrap()
}

#[tokio::test]
async fn a_receiver_that_hangs_is_left_after_the_timeout() {
    for text in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nX-A: b\r\n"] {
        let receiver = Receiver::start(Answering::Hanging(text.to_owned())).await;
        let attempt = within(150).post(&parcel(&receiver.url())).await;
        check_retried(&attempt, &["did not answer within 0.15 s"]);
        assert!(attempt.latency_ms >= 150, "{attempt:?}");
        assert_eq!(attempt.status, None);
    }
}

#[tokio::test]
async fn a_body_without_end_is_cut_off() {
    let head = "HTTP/1.1 200 OK\r\nContent-Length: 999999999999\r\n\r\n".to_owned();
    let receiver = Receiver::start(Answering::Endless(head, "x".repeat(8192))).await;
    let attempt = local().post(&parcel(&receiver.url())).await;
    assert_eq!(attempt.verdict(), Verdict::Delivered, "{attempt:?}");
    assert_eq!(attempt.response_head, "x".repeat(4096));
}

#[tokio::test]
async fn a_body_that_never_comes_does_not_undo_the_status() {
    let text = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart";
    let receiver = Receiver::start(Answering::Hanging(text.to_owned())).await;
    let attempt = local().post(&parcel(&receiver.url())).await;
    assert_eq!(attempt.verdict(), Verdict::Delivered, "{attempt:?}");
    assert_eq!(attempt.response_head, "part");
    assert!(attempt.latency_ms < 15_000, "{attempt:?}");
}

#[tokio::test]
async fn a_body_that_breaks_off_does_not_undo_the_status() {
    let text = "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 100\r\n\r\npart";
    let receiver = Receiver::start(Answering::With(text.to_owned())).await;
    let attempt = local().post(&parcel(&receiver.url())).await;
    assert_eq!(
        (attempt.status, attempt.response_head.as_str()),
        (Some(500), "part")
    );
}

#[tokio::test]
async fn a_head_without_end_is_no_answer() {
    let head = "HTTP/1.1 200 OK\r\n".to_owned();
    for line in ["X-A: b\r\n".to_owned(), "x".repeat(4096)] {
        let receiver = Receiver::start(Answering::Endless(head.clone(), line)).await;
        let attempt = local().post(&parcel(&receiver.url())).await;
        check_retried(&attempt, &["The receiver gave no HTTP answer"]);
    }
}

#[tokio::test]
async fn interim_answers_without_end_are_stopped_by_the_timeout() {
    let line = "HTTP/1.1 103 Early Hints\r\n\r\n".to_owned();
    let receiver = Receiver::start(Answering::Endless(String::new(), line)).await;
    let attempt = within(150).post(&parcel(&receiver.url())).await;
    check_retried(&attempt, &["did not answer within"]);
}

#[tokio::test]
async fn what_is_no_http_is_no_answer() {
    for text in ["", "SSH-2.0-OpenSSH_9.6\r\n", "HTTP/9.9 200 OK\r\n\r\n"] {
        let receiver = Receiver::start(Answering::With(text.to_owned())).await;
        let attempt = local().post(&parcel(&receiver.url())).await;
        check_retried(&attempt, &["The receiver gave no HTTP answer"]);
    }
}

#[tokio::test]
async fn a_body_of_any_bytes_becomes_text_of_the_same_bound() {
    assert_eq!(exchange::readable(b"a\0b\xff"), "a\u{fffd}b\u{fffd}");
    let text = exchange::readable(&[0xff; 4096]);
    assert!(text.len() <= 4096 && text.starts_with('\u{fffd}'));
}
