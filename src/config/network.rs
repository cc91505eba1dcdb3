//! Networks and schemes as the configuration names them, for what the server calls by itself.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses, as `10.0.0.0/8`; an address alone is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    base: IpAddr,
    /// How many leading bits an address must share, 0 to 32 or to 128.
    bits: u32,
}

impl Network {
    /// Every address of both families.
    pub const ALL: [Self; 2] = [Self::v4([0; 4], 0), Self::v6([0; 4], 0)];

    /// `::1` alone.
    pub const LOOPBACK_V6: Self = Self {
        base: IpAddr::V6(Ipv6Addr::LOCALHOST),
        bits: 128,
    };

    /// Gives the IPv4 addresses that share their first `bits` bits, 0 to 32.
    pub const fn v4(octets: [u8; 4], bits: u32) -> Self {
        let [a, b, c, d] = octets;
        let base = IpAddr::V4(Ipv4Addr::new(a, b, c, d));
        Self { base, bits }
    }

    /// Gives the IPv6 addresses that share their first `bits` bits, 0 to 128; the last four of the
    /// eight groups are zero.
    pub const fn v6(groups: [u16; 4], bits: u32) -> Self {
        let [a, b, c, d] = groups;
        let base = IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0));
        Self { base, bits }
    }

    /// Tells whether the address lies in the range; a range of one family holds none of the other.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let differing = u32::from(base) ^ u32::from(address);
                differing.checked_shr(32 - self.bits).unwrap_or(0) == 0
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let differing = u128::from(base) ^ u128::from(address);
                differing.checked_shr(128 - self.bits).unwrap_or(0) == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    /// Reads `ADDRESS/BITS` or `ADDRESS`; the error says what is wrong.
    fn from_str(text: &str) -> Result<Self, String> {
        let needed = || {
            format!(
                "\"{text}\" is no network; one as 10.0.0.0/8, fd00::/8 or 192.168.1.7 is needed"
            )
        };
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let base: IpAddr = address.trim().parse().map_err(|_| needed())?;
        let most = if base.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) => bits.trim().parse::<u32>().map_err(|_| needed())?,
            None => most,
        };
        if bits > most {
            return Err(needed());
        }
        Ok(Self { base, bits })
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.bits)
    }
}

/// Accepts a network.
pub fn check(text: &str) -> Result<(), String> {
    text.parse::<Network>().map(|_| ())
}

/// Accepts a URL scheme that the server can speak.
pub fn check_scheme(text: &str) -> Result<(), String> {
    match text {
        "http" | "https" => Ok(()),
        _ => Err(format!(
            "\"{text}\" is no scheme of webhooks; http or https is needed"
        )),
    }
}

/// Checks an address and a port to listen on, as `127.0.0.1:9464`; empty is none.
pub(super) fn check_listen_address(text: &str) -> Result<(), String> {
    if text.is_empty() || text.parse::<std::net::SocketAddr>().is_ok() {
        return Ok(());
    }
    Err("an address and a port, as \"127.0.0.1:9464\" or \"[::1]:9464\", is needed".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_strictly() {
        for text in [
            "",
            "10",
            "10.0.0.0/33",
            "::/129",
            "10.0.0.0/-1",
            "10.0.0.0/",
            "a/8",
            "10.0.0/8",
            "0x7f.0.0.1",
            "010.0.0.0/8",
        ] {
            let found = text.parse::<Network>();
            assert!(
                found.is_err_and(|reason| reason.contains("is no network")),
                "{text}"
            );
        }
        assert_eq!(
            "fd00::/8".parse::<Network>().unwrap().to_string(),
            "fd00::/8"
        );
        assert_eq!(
            "10.0.0.7".parse::<Network>().unwrap().to_string(),
            "10.0.0.7/32"
        );
    }
}
