//! Redirects: followed where the POST stays a POST and every hop is allowed.

use super::*;

fn to(status: &str, place: &str) -> Answering {
    Answering::headers(status, &format!("Location: {place}\r\n"))
}

#[tokio::test]
async fn a_redirect_that_keeps_the_method_is_followed() {
    for status in ["307 Temporary Redirect", "308 Permanent Redirect"] {
        let last = Receiver::start(Answering::status("200 OK")).await;
        let first = Receiver::start(to(status, &last.url())).await;
        let attempt = local().post(&parcel(&first.url())).await;
        assert_eq!(attempt.verdict(), Verdict::Delivered, "{attempt:?}");
        let request = last.requests().join("");
        assert!(
            request.starts_with("POST /hook?a=1 HTTP/1.1\r\n"),
            "{request}"
        );
        assert!(request.contains("d-1") && request.ends_with("\"model_version\"}"));
        assert!(
            request.contains(&format!("Host: {}\r\n", last.address)),
            "{request}"
        );
    }
}

#[tokio::test]
async fn a_redirect_that_changes_the_method_is_a_failure_that_names_it() {
    for status in ["301 Moved Permanently", "302 Found", "303 See Other"] {
        let last = Receiver::start(Answering::status("200 OK")).await;
        let first = Receiver::start(to(status, &last.url())).await;
        let attempt = local().post(&parcel(&first.url())).await;
        check_given_up(&attempt, &[&last.url(), &status[..3], "only 307 and 308"]);
        assert!(last.requests().is_empty());
    }
}

#[tokio::test]
async fn a_redirect_to_a_private_address_is_refused() {
    for place in [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.2:1/",
        "http://[::ffff:10.0.0.1]/",
        "//0x7f000002/",
    ] {
        let first = Receiver::start(to("307 Temporary Redirect", place)).await;
        let attempt = local().post(&parcel(&first.url())).await;
        assert_eq!(attempt.status, Some(307));
        check_given_up(
            &attempt,
            &[place, "with 307", "webhooks.allowed_private_networks"],
        );
    }
}

#[tokio::test]
async fn a_redirect_to_a_name_of_a_private_address_is_refused() {
    let first = Receiver::start(to("308 Permanent Redirect", "http://inner.example/")).await;
    let rules = allowing(&["127.0.0.1"]);
    let (sender, _) = resolving(rules, &[&["127.0.0.1"], &["10.0.0.7"]]);
    let attempt = sender.post(&parcel(&first.named())).await;
    check_given_up(&attempt, &["inner.example", "resolves to 10.0.0.7"]);
}

#[tokio::test]
async fn a_redirect_to_what_the_rules_refuse_is_refused() {
    for (place, reason) in [
        ("ftp://example.com/", "Invalid webhook URL scheme: 'ftp'"),
        ("file:///etc/passwd", "Invalid webhook URL scheme: 'file'"),
        ("http://u:p@example.com/", "must not carry a user name"),
        ("http://[/", "Invalid webhook URL"),
    ] {
        let first = Receiver::start(to("307 Temporary Redirect", place)).await;
        let attempt = local().post(&parcel(&first.url())).await;
        check_given_up(&attempt, &[place, reason]);
    }
}

#[tokio::test]
async fn a_receiver_that_redirects_to_itself_is_left_after_three_redirects() {
    let receiver = Receiver::start(to("307 Temporary Redirect", "/again")).await;
    let attempt = local().post(&parcel(&receiver.url())).await;
    check_given_up(&attempt, &["/again with 307", "no more than 3 redirects"]);
    assert_eq!(receiver.requests().len(), 4);
}

#[tokio::test]
async fn a_redirect_to_a_receiver_that_is_not_there_is_tried_again() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = format!("http://{}/", free.local_addr().unwrap());
    drop(free);
    let first = Receiver::start(to("307 Temporary Redirect", &gone)).await;
    let attempt = local().post(&parcel(&first.url())).await;
    check_retried(&attempt, &["Connecting to 127.0.0.1 port"]);
}
