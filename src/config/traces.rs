//! The section `traces`: where spans go, and of which requests there are any.

use crate::error::{Error, Result};
use crate::traces::{Options, Root, Sampling};
use hyper::header::{HeaderName, HeaderValue};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use url::Url;

/// The samplers, as OpenTelemetry names them.
pub(super) const SAMPLERS: &[&str] = &[
    "always_on",
    "always_off",
    "traceidratio",
    "parentbased_always_on",
    "parentbased_always_off",
    "parentbased_traceidratio",
];

/// Where spans are sent, and of which requests there are any.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Traces {
    pub endpoint: String,
    pub headers: Vec<String>,
    pub service_name: String,
    pub sampler: Sampler,
    pub sampler_arg: f64,
}

/// Without the headers, which may be secrets.
impl std::fmt::Debug for Traces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Traces")
            .field("endpoint", &self.endpoint)
            .field("service_name", &self.service_name)
            .field("sampler", &self.sampler)
            .field("sampler_arg", &self.sampler_arg)
            .finish_non_exhaustive()
    }
}

/// Which requests get spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sampler {
    AlwaysOn,
    AlwaysOff,
    Traceidratio,
    ParentbasedAlwaysOn,
    ParentbasedAlwaysOff,
    ParentbasedTraceidratio,
}

impl Traces {
    /// Gives how spans are made and sent; `None` where they are off.
    pub fn options(&self) -> Result<Option<Options>> {
        if self.endpoint.is_empty() {
            return Ok(None);
        }
        let headers = self.headers.iter().map(|text| header(text));
        Ok(Some(Options {
            endpoint: self.endpoint.clone(),
            headers: headers
                .collect::<Result<_, _>>()
                .map_err(|reason| Error::invalid(format!("traces.headers: {reason}.")))?,
            service_name: self.service_name.clone(),
            sampling: self.sampling(),
        }))
    }

    fn sampling(&self) -> Sampling {
        let share = Root::Share(self.sampler_arg);
        let (root, follows_parent) = match self.sampler {
            Sampler::AlwaysOn => (Root::Always, false),
            Sampler::AlwaysOff => (Root::Never, false),
            Sampler::Traceidratio => (share, false),
            Sampler::ParentbasedAlwaysOn => (Root::Always, true),
            Sampler::ParentbasedAlwaysOff => (Root::Never, true),
            Sampler::ParentbasedTraceidratio => (share, true),
        };
        Sampling {
            root,
            follows_parent,
        }
    }
}

/// Accepts the URL of a collector, or nothing. What is secret belongs into a header: the log names
/// the URL.
pub(super) fn check_endpoint(text: &str) -> Result<(), String> {
    let is_usable = |url: Url| {
        matches!(url.scheme(), "http" | "https")
            && url.has_host()
            && text.trim() == text
            && url.username().is_empty()
            && url.password().is_none()
            && url.query().is_none()
            && url.fragment().is_none()
    };
    match text.is_empty() || Url::parse(text).is_ok_and(is_usable) {
        true => Ok(()),
        false => Err(
            "an http or https URL is needed, as \"http://127.0.0.1:4318/v1/traces\", without user, \
             password, query and fragment"
                .to_owned(),
        ),
    }
}

/// Accepts a header, as `authorization=Bearer%20abc`.
pub(super) fn check_header(text: &str) -> Result<(), String> {
    header(text).map(drop)
}

/// Reads a header; the reason of a refusal does not show it.
fn header(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let read = || {
        let (name, value) = text.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        let mut value = HeaderValue::from_str(&value).ok()?;
        value.set_sensitive(true);
        Some((HeaderName::try_from(name.trim()).ok()?, value))
    };
    read().ok_or_else(|| {
        "NAME=VALUE is needed, with the value percent-encoded, as \"authorization=Bearer%20abc\""
            .to_owned()
    })
}

pub(super) fn check_service_name(text: &str) -> Result<(), String> {
    match text.trim().is_empty() || text.len() > 255 {
        true => Err("a name of 1 to 255 bytes is needed".to_owned()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_urls_without_secrets() {
        for good in [
            "",
            "http://127.0.0.1:4318/v1/traces",
            "https://collector.example",
            "http://[::1]:4318/v1/traces",
        ] {
            assert_eq!(check_endpoint(good), Ok(()), "{good}");
        }
        for bad in [
            "collector:4318",
            "127.0.0.1:4318",
            "grpc://collector:4317",
            "http://",
            " http://collector",
            "http://user:password@collector/v1/traces",
            "http://collector/v1/traces?key=secret",
            "http://collector/v1/traces#x",
        ] {
            assert!(check_endpoint(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn headers_are_decoded_and_never_shown() {
        let (name, value) = header(" Authorization = Bearer%20a%3Db ").unwrap();
        assert_eq!(
            (name.as_str(), value.as_bytes()),
            ("authorization", &b"Bearer a=b"[..])
        );
        for bad in [
            "",
            "secret",
            "=secret",
            "a b=secret",
            "a=secret%0A",
            "a=secret%ff",
        ] {
            let reason = check_header(bad).unwrap_err();
            assert!(
                reason.contains("NAME=VALUE") && !reason.contains("secret"),
                "{bad}"
            );
        }
    }
}
