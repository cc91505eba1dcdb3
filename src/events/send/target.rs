//! A URL read once: whom to resolve, where to connect, what to ask for.
//!
//! It judges the URL's form and scheme. It never resolves a name; addresses are judged elsewhere.

use crate::python;
use std::net::{IpAddr, Ipv4Addr};
use url::{Host, Url};

/// A URL that a POST may be sent to, as far as its text tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    url: Url,
}

impl Target {
    /// Reads a URL; the error says what is wrong, in MLflow's words where MLflow has them.
    pub fn parse(text: &str, schemes: &[String]) -> Result<Self, String> {
        let shown = python::repr(text);
        if text.trim().is_empty() {
            return Err(format!(
                "Webhook URL cannot be empty or just whitespace: {shown}"
            ));
        }
        let (scheme, rest) = split_scheme(text);
        if !schemes.contains(&scheme) {
            return Err(format!(
                "Invalid webhook URL scheme: {}. Allowed schemes are: {}.",
                python::repr(&scheme),
                schemes.join(", ")
            ));
        }
        if text.chars().any(|c| c.is_control() || c == '\\') {
            return Err(format!(
                "Webhook URL must not hold control characters or backslashes: {shown}"
            ));
        }
        let authority = rest.strip_prefix("//").unwrap_or_default();
        if authority.is_empty() || authority.starts_with(['/', '?', '#', ':']) {
            return Err(format!("Webhook URL must include a hostname: {shown}"));
        }
        let url =
            Url::parse(text).map_err(|error| format!("Invalid webhook URL {shown}: {error}"))?;
        Self::from_url(url)
    }

    /// Reads where a redirect leads, seen from this URL.
    pub fn join(&self, place: &str, schemes: &[String]) -> Result<Self, String> {
        let shown = python::repr(place);
        let joined = self.url.join(place);
        let joined = joined.map_err(|error| format!("Invalid webhook URL {shown}: {error}"))?;
        Self::parse(joined.as_str(), schemes)
    }

    fn from_url(url: Url) -> Result<Self, String> {
        if !url.username().is_empty() || url.password().is_some() {
            return Err(
                "Webhook URL must not carry a user name or a password; leave out what stands \
                 before the @."
                    .to_owned(),
            );
        }
        if url.host().is_none() || url.port() == Some(0) {
            return Err(
                "Webhook URL must include a hostname and a port from 1 to 65535.".to_owned(),
            );
        }
        Ok(Self { url })
    }

    pub fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }

    /// Gives the host, an IPv6 address without brackets.
    pub fn host(&self) -> String {
        match self.url.host() {
            Some(Host::Domain(name)) => name.to_owned(),
            Some(Host::Ipv4(address)) => address.to_string(),
            Some(Host::Ipv6(address)) => address.to_string(),
            None => String::new(),
        }
    }

    pub fn port(&self) -> u16 {
        self.url.port_or_known_default().unwrap_or(443)
    }

    /// Gives the address where the host is one, in whatever spelling: `127.1`, `0x7f000001` and
    /// `017700000001` all are 127.0.0.1.
    pub fn address(&self) -> Option<IpAddr> {
        match self.url.host()? {
            Host::Domain(_) => None,
            Host::Ipv4(address) => Some(address.into()),
            Host::Ipv6(address) => Some(address.into()),
        }
    }

    /// Gives the address that is known without a resolver: of an address, or of `localhost`.
    pub fn literal(&self) -> Option<IpAddr> {
        let host = self.host();
        let name = host.trim_end_matches('.');
        let is_local = name == "localhost" || name.ends_with(".localhost");
        let local = is_local.then_some(IpAddr::V4(Ipv4Addr::LOCALHOST));
        self.address().or(local)
    }

    /// Gives the `Host` header.
    pub fn authority(&self) -> String {
        let host = self.url.host_str().unwrap_or_default();
        match self.url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }
    }

    /// Gives path and query, as the request line names them.
    pub fn path(&self) -> String {
        match self.url.query() {
            Some(query) => format!("{}?{query}", self.url.path()),
            None => self.url.path().to_owned(),
        }
    }
}

/// Splits off the scheme, in lower case; it is empty where there is none.
fn split_scheme(text: &str) -> (String, &str) {
    let Some((scheme, rest)) = text.trim_start().split_once(':') else {
        return (String::new(), text);
    };
    let is_scheme = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "+.-".contains(c));
    if is_scheme {
        (scheme.to_ascii_lowercase(), rest)
    } else {
        (String::new(), text)
    }
}
