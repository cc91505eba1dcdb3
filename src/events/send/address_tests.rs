use super::*;

fn check(address: &str, expected: Option<&str>) {
    let found = complaint(address.parse().unwrap(), &[]);
    assert_eq!(found, expected, "{address}");
}

#[test]
fn public_addresses_may_be_reached() {
    for address in [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "2a00:1450::1",
        "::ffff:1.1.1.1",
        "64:ff9b::1.1.1.1",
        "2002:101:101::1",
    ] {
        check(address, None);
    }
}

#[test]
fn every_other_ipv4_class_is_named() {
    for (address, name) in [
        ("0.0.0.0", "unspecified"),
        ("0.1.2.3", "unspecified"),
        ("10.0.0.1", "private"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.168.255.255", "private"),
        ("100.64.0.1", "carrier-grade NAT"),
        ("100.127.255.255", "carrier-grade NAT"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("169.254.169.254", "link-local"),
        ("192.0.0.170", "protocol assignment"),
        ("192.0.2.1", "documentation"),
        ("198.51.100.1", "documentation"),
        ("203.0.113.1", "documentation"),
        ("192.88.99.1", "6to4 relay"),
        ("198.18.0.1", "benchmark"),
        ("198.19.255.255", "benchmark"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.250", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "broadcast"),
    ] {
        check(address, Some(name));
    }
}

#[test]
fn every_other_ipv6_class_is_named() {
    for (address, name) in [
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::127.0.0.1", "IPv4-compatible"),
        ("::1.1.1.1", "IPv4-compatible"),
        ("::ffff:0:7f00:1", "reserved"),
        ("64:ff9b:1::7f00:1", "local NAT64"),
        ("100::1", "discard-only"),
        ("2001::1", "protocol assignment"),
        ("2001:20::1", "protocol assignment"),
        ("2001:db8::1", "documentation"),
        ("3fff:fff::1", "documentation"),
        ("fc00::1", "private"),
        ("fd00:ec2::254", "private"),
        ("fe80::1", "link-local"),
        ("fec0::1", "site-local"),
        ("ff02::1", "multicast"),
        ("5f00::1", "reserved"),
        ("4000::1", "reserved"),
    ] {
        check(address, Some(name));
    }
}

#[test]
fn an_ipv4_address_inside_an_ipv6_address_is_judged_as_itself() {
    for (address, name) in [
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:169.254.169.254", "link-local"),
        ("64:ff9b::10.0.0.1", "private"),
        ("64:ff9b::127.0.0.1", "loopback"),
        ("2002:7f00:1::", "loopback"),
        ("2002:a9fe:a9fe::1", "link-local"),
        ("2002:c0a8:101::1", "private"),
    ] {
        check(address, Some(name));
    }
}

#[test]
fn an_allowed_network_lets_in_its_own_addresses_alone() {
    let allowed: Vec<Network> = ["10.1.0.0/16", "fd00::/8", "127.0.0.1"]
        .iter()
        .map(|text| text.parse().unwrap())
        .collect();
    for (address, expected) in [
        ("10.1.2.3", None),
        ("::ffff:10.1.2.3", None),
        ("64:ff9b::10.1.2.3", None),
        ("10.2.0.1", Some("private")),
        ("fd12::1", None),
        ("fc00::1", Some("private")),
        ("127.0.0.1", None),
        ("127.0.0.2", Some("loopback")),
        ("::1", Some("loopback")),
    ] {
        let found = complaint(address.parse().unwrap(), &allowed);
        assert_eq!(found, expected, "{address}");
    }
    let everything = ["0.0.0.0/0".parse().unwrap(), "::/0".parse().unwrap()];
    for address in ["169.254.169.254", "::1", "255.255.255.255"] {
        assert_eq!(complaint(address.parse().unwrap(), &everything), None);
    }
}
