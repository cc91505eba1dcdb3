//! Which addresses a webhook may reach: every public one, and the networks the operator allowed.
//!
//! It judges addresses alone: it never resolves a name and never opens a connection.

use crate::config::Network;
use std::net::{IpAddr, Ipv4Addr};

/// The IPv4 ranges that are not public, after IANA's special-purpose registry.
const SPECIAL_V4: &[(Network, &str)] = &[
    (Network::v4([0, 0, 0, 0], 8), "unspecified"),
    (Network::v4([10, 0, 0, 0], 8), "private"),
    (Network::v4([100, 64, 0, 0], 10), "carrier-grade NAT"),
    (Network::v4([127, 0, 0, 0], 8), "loopback"),
    (Network::v4([169, 254, 0, 0], 16), "link-local"),
    (Network::v4([172, 16, 0, 0], 12), "private"),
    (Network::v4([192, 0, 0, 0], 24), "protocol assignment"),
    (Network::v4([192, 0, 2, 0], 24), "documentation"),
    (Network::v4([192, 88, 99, 0], 24), "6to4 relay"),
    (Network::v4([192, 168, 0, 0], 16), "private"),
    (Network::v4([198, 18, 0, 0], 15), "benchmark"),
    (Network::v4([198, 51, 100, 0], 24), "documentation"),
    (Network::v4([203, 0, 113, 0], 24), "documentation"),
    (Network::v4([224, 0, 0, 0], 4), "multicast"),
    (Network::v4([255, 255, 255, 255], 32), "broadcast"),
    (Network::v4([240, 0, 0, 0], 4), "reserved"),
];

/// The IPv6 ranges that are not public and have a name; the first that holds an address counts.
const SPECIAL_V6: &[(Network, &str)] = &[
    (Network::v6([0, 0, 0, 0], 128), "unspecified"),
    (Network::LOOPBACK_V6, "loopback"),
    (Network::v6([0, 0, 0, 0], 96), "IPv4-compatible"),
    (Network::v6([0x64, 0xff9b, 1, 0], 48), "local NAT64"),
    (Network::v6([0x100, 0, 0, 0], 64), "discard-only"),
    (Network::v6([0x2001, 0, 0, 0], 23), "protocol assignment"),
    (Network::v6([0x2001, 0xdb8, 0, 0], 32), "documentation"),
    (Network::v6([0x3fff, 0, 0, 0], 20), "documentation"),
    (Network::v6([0xfc00, 0, 0, 0], 7), "private"),
    (Network::v6([0xfe80, 0, 0, 0], 10), "link-local"),
    (Network::v6([0xfec0, 0, 0, 0], 10), "site-local"),
    (Network::v6([0xff00, 0, 0, 0], 8), "multicast"),
];

/// The one range that IANA hands out as global unicast; what lies outside it is not public.
const GLOBAL_V6: Network = Network::v6([0x2000, 0, 0, 0], 3);
const SIX_TO_FOUR: Network = Network::v6([0x2002, 0, 0, 0], 16);
const NAT64: Network = Network::v6([0x64, 0xff9b, 0, 0], 96);

/// Says why the address may not be reached; `None` where it may.
///
/// An IPv6 address that stands for an IPv4 address (mapped, NAT64, 6to4) is judged as that one.
/// `allowed` lets in what is not public, by either form of the address.
pub fn complaint(address: IpAddr, allowed: &[Network]) -> Option<&'static str> {
    let meant = meant_by(address);
    let is_allowed = |network: &Network| network.contains(address) || network.contains(meant);
    if allowed.iter().any(is_allowed) {
        return None;
    }
    let special = if meant.is_ipv4() {
        SPECIAL_V4
    } else {
        SPECIAL_V6
    };
    let named = special.iter().find(|(network, _)| network.contains(meant));
    match named {
        Some((_, name)) => Some(name),
        None if meant.is_ipv6() && !GLOBAL_V6.contains(meant) => Some("reserved"),
        None => None,
    }
}

/// Gives the IPv4 address that an IPv6 address carries to its destination, or the address itself.
fn meant_by(address: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = address else {
        return address;
    };
    if let Some(v4) = v6.to_ipv4_mapped() {
        return v4.into();
    }
    let [_, _, a, b, c, d, _, _, _, _, _, _, w, x, y, z] = v6.octets();
    if SIX_TO_FOUR.contains(address) {
        return Ipv4Addr::new(a, b, c, d).into();
    }
    if NAT64.contains(address) {
        return Ipv4Addr::new(w, x, y, z).into();
    }
    address
}

#[cfg(test)]
#[path = "address_tests.rs"]
mod tests;
