//! What is never connected to.

use super::*;

fn check_url(url: &str, expected: &str) {
    let found = Sender::new(Rules::default()).unwrap().check_url(url);
    let found = found.err().map(|error| error.message).unwrap_or_default();
    assert!(
        found.starts_with(expected),
        "{url}: {found:?} is not {expected:?}"
    );
    assert_eq!(found.is_empty(), expected.is_empty(), "{url}: {found:?}");
}

#[test]
fn a_url_is_checked_by_its_text() {
    for (url, expected) in [
        ("https://example.com/hook", ""),
        ("HTTPS://EXAMPLE.com:8443/hook?a=b#c", ""),
        ("https://[2606:4700::1111]/", ""),
        ("https://xn--bcher-kva.example/", ""),
        ("https://example.com./", ""),
        ("", "Webhook URL cannot be empty or just whitespace: ''"),
        ("  ", "Webhook URL cannot be empty or just whitespace: '  '"),
        (
            "example.com",
            "Invalid webhook URL scheme: ''. Allowed schemes are: https.",
        ),
        (
            "http://example.com",
            "Invalid webhook URL scheme: 'http'. Allowed schemes are: https.",
        ),
        (
            "file:///etc/passwd",
            "Invalid webhook URL scheme: 'file'. Allowed",
        ),
        (
            "gopher://example.com",
            "Invalid webhook URL scheme: 'gopher'. Allowed",
        ),
        ("https:", "Webhook URL must include a hostname: 'https:'"),
        (
            "https://",
            "Webhook URL must include a hostname: 'https://'",
        ),
        (
            "https:///path",
            "Webhook URL must include a hostname: 'https:///path'",
        ),
        (
            "https:example.com",
            "Webhook URL must include a hostname: 'https:example.com'",
        ),
        (
            "https://:443/",
            "Webhook URL must include a hostname: 'https://:443/'",
        ),
        (
            "https://example.com:0/",
            "Webhook URL must include a hostname and a port from 1",
        ),
        (
            "https://example.com:99999/",
            "Invalid webhook URL 'https://example.com:99999/'",
        ),
        ("https://[::1/", "Invalid webhook URL"),
        (
            "https://u:p@example.com/",
            "Webhook URL must not carry a user name or a password",
        ),
        (
            "https://u@example.com/",
            "Webhook URL must not carry a user name or a password",
        ),
        (
            "https://@example.com\\@10.0.0.1/",
            "Webhook URL must not hold control characters",
        ),
        (
            "https://exam\nple.com/",
            "Webhook URL must not hold control characters",
        ),
        (
            "https://example.com/\r\nHost: a",
            "Webhook URL must not hold control characters",
        ),
    ] {
        check_url(url, expected);
    }
}

#[test]
fn an_address_is_refused_in_every_spelling() {
    for (host, address) in [
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("127.0.0.1.", "127.0.0.1"),
        ("0x7f.0.0.1", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("0177.0.0.1", "127.0.0.1"),
        ("017700000001", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("%31%32%37.0.0.1", "127.0.0.1"),
        ("①②⑦.0.0.1", "127.0.0.1"),
        ("0", "0.0.0.0"),
        ("169.254.169.254", "169.254.169.254"),
        ("0xA9FEA9FE", "169.254.169.254"),
        ("[::1]", "::1"),
        ("[::]", "::"),
        ("[::ffff:127.0.0.1]", "::ffff:127.0.0.1"),
        ("[::ffff:a9fe:a9fe]", "::ffff:169.254.169.254"),
        ("[64:ff9b::a00:1]", "64:ff9b::a00:1"),
        ("[2002:7f00:1::]", "2002:7f00:1::"),
        ("[fd00:ec2::254]", "fd00:ec2::254"),
        ("localhost", "127.0.0.1"),
        ("LOCALHOST.", "127.0.0.1"),
        ("a.localhost", "127.0.0.1"),
    ] {
        let found = Sender::new(Rules::default()).unwrap();
        let found = found
            .check_url(&format!("https://{host}/"))
            .unwrap_err()
            .message;
        let expected = format!(" resolves to {address}. It is a ");
        assert!(found.contains(&expected), "{host}: {found}");
    }
    for host in [
        "127.0.0.256",
        "1.2.3.4.5",
        "0x7g.1",
        "[fe80::1%25eth0]",
        "256.256.256.256",
    ] {
        check_url(&format!("https://{host}/"), "Invalid webhook URL");
    }
}

#[tokio::test]
async fn a_name_of_any_private_address_is_refused_with_the_key_that_allows_it() {
    for (address, class) in [
        ("127.0.0.1", "loopback"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("192.168.0.1", "private"),
        ("169.254.169.254", "link-local"),
        ("100.64.0.1", "carrier-grade NAT"),
        ("224.0.0.1", "multicast"),
        ("0.0.0.0", "unspecified"),
        ("198.18.0.1", "benchmark"),
        ("192.0.2.1", "documentation"),
        ("255.255.255.255", "broadcast"),
        ("::1", "loopback"),
        ("fd00::1", "private"),
        ("fe80::1", "link-local"),
        ("::ffff:10.0.0.1", "private"),
        ("64:ff9b::10.0.0.1", "private"),
        ("2002:a00:1::", "private"),
        ("::10.0.0.1", "IPv4-compatible"),
    ] {
        let (sender, _) = resolving(Rules::default(), &[&[address]]);
        let url = format!("https://{NAME}/");
        let attempt = sender.post(&parcel(&url)).await;
        let address = address.parse::<IpAddr>().unwrap().to_string();
        let class = format!("It is a {class} address");
        let parts = [NAME, &address, &class, "webhooks.allowed_private_networks"];
        check_given_up(&attempt, &parts);
        let error = sender.check_host(&url).await.unwrap_err();
        assert_eq!(Some(error.message), attempt.error);
    }
}

#[tokio::test]
async fn a_name_of_this_machine_is_refused_by_the_system_s_own_resolver() {
    let receiver = Receiver::start(Answering::status("200 OK")).await;
    let url = format!("http://localhost:{}/", receiver.address.port());
    let attempt = Sender::new(allowing(&[]))
        .unwrap()
        .post(&parcel(&url))
        .await;
    check_given_up(
        &attempt,
        &["'localhost' resolves to ", "It is a loopback address"],
    );
    assert!(receiver.requests().is_empty());
}

#[tokio::test]
async fn one_private_address_among_public_ones_refuses_the_name() {
    let receiver = Receiver::start(Answering::status("200 OK")).await;
    let (sender, _) = resolving(allowing(&["127.0.0.1"]), &[&["127.0.0.1", "10.0.0.1"]]);
    let attempt = sender.post(&parcel(&receiver.named())).await;
    check_given_up(&attempt, &["resolves to 10.0.0.1"]);
    assert!(receiver.requests().is_empty());
}

#[tokio::test]
async fn a_name_that_changes_its_address_is_judged_by_the_address_connected_to() {
    let good = Receiver::start(Answering::status("200 OK")).await;
    let place = format!("127.0.0.2:{}", good.address.port());
    let inner = Receiver::listen(&place, Answering::status("200 OK")).await;
    let answers: [&[&str]; 3] = [&["127.0.0.1"], &["127.0.0.1"], &["127.0.0.2"]];
    let (sender, asked) = resolving(allowing(&["127.0.0.1"]), &answers);

    sender.check_host(&good.named()).await.unwrap();
    let attempt = sender.post(&parcel(&good.named())).await;
    assert_eq!(attempt.verdict(), Verdict::Delivered, "{attempt:?}");
    assert_eq!(
        asked.load(Ordering::Relaxed),
        2,
        "a POST asks the resolver once"
    );
    let attempt = sender.post(&parcel(&good.named())).await;
    check_given_up(&attempt, &["resolves to 127.0.0.2"]);
    assert_eq!((good.requests().len(), inner.requests().len()), (1, 0));
}

#[tokio::test]
async fn the_address_of_the_socket_is_judged_before_a_byte_is_sent() {
    let receiver = Receiver::start(Answering::status("200 OK")).await;
    let target = Target::parse(&receiver.url(), &["http".to_owned()]).unwrap();
    let judge = |address: IpAddr| Err(format!("{address} is refused"));
    let outcome = exchange::connect(&target, &[receiver.address.ip()], &judge).await;
    let failure = outcome.unwrap_err();
    assert_eq!(
        (failure.text.as_str(), failure.refused),
        ("127.0.0.1 is refused", true)
    );
}

#[tokio::test]
async fn a_host_that_does_not_resolve_yet_may_be_stored() {
    let (sender, _) = resolving(Rules::default(), &[]);
    sender.check_host("https://later.example/").await.unwrap();
    let error = sender.check_host("https://localhost/").await.unwrap_err();
    assert!(error.message.contains("127.0.0.1"), "{error}");
}

#[tokio::test]
async fn what_http_cannot_carry_is_given_up() {
    let receiver = Receiver::start(Answering::status("200 OK")).await;
    let mut broken = parcel(&receiver.url());
    broken
        .headers
        .push(("X-Break", "a\r\nX-Other: b".to_owned()));
    let attempt = local().post(&broken).await;
    check_given_up(&attempt, &["The header X-Break cannot be sent over HTTP."]);
    assert!(receiver.requests().is_empty());
}

#[test]
fn the_rules_are_read_from_the_configuration() {
    let mut config = crate::config::Config::with_defaults().unwrap().webhooks;
    let rules = Rules::from_config(&config).unwrap();
    assert_eq!(rules.schemes, ["https"]);
    assert_eq!((rules.networks, rules.ca_file), (vec![], None));
    assert_eq!(rules.timeout, Duration::from_secs(30));

    config.allow_private_addresses = true;
    let sender = Sender::new(Rules::from_config(&config).unwrap()).unwrap();
    sender.check_url("https://169.254.169.254/").unwrap();
    sender.check_url("https://[::1]/").unwrap();

    config.allowed_private_networks = vec!["10.0.0.0/64".to_owned()];
    let error = Rules::from_config(&config).unwrap_err();
    assert!(
        error.message.contains("webhooks.allowed_private_networks"),
        "{error}"
    );
}
