//! Sending one HTTP POST to an address that a user chose, without lending the user our network.
//!
//! The name in the URL is resolved once for each connection, every address it resolves to is
//! judged, and the connection goes to one of exactly those addresses; what the socket then says it
//! is connected to is judged again. There is no pool, no proxy and no second resolver, so nothing
//! stands between the judgement and the connection.
//!
//! It knows nothing of webhooks, events or the database, signs nothing and repeats nothing.

mod address;
mod exchange;
mod target;
mod trust;

pub use crate::config::Network;

use crate::config;
use crate::error::{Error, Result};
use crate::traces::{self, Span, SpanKind};
use exchange::{Answer, Failure};
use futures_util::future::BoxFuture;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use target::Target;
use trust::Trust;

/// How many redirects of one POST are followed.
const MAX_REDIRECTS: usize = 3;

/// How long a check before a webhook is stored waits for the resolver.
const CHECK_PATIENCE: Duration = Duration::from_secs(5);

/// What a POST may reach and how long it may take.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The URL schemes, `https` or `http`.
    pub schemes: Vec<String>,
    /// The networks that may be reached though they are not public.
    pub networks: Vec<Network>,
    /// The longest time for the whole exchange: resolving, connecting, redirects and reading.
    pub timeout: Duration,
    /// A PEM file with certificate authorities that count beside the system's.
    pub ca_file: Option<PathBuf>,
}

impl Default for Rules {
    /// Gives https to public addresses within 30 seconds.
    fn default() -> Self {
        Self {
            schemes: vec!["https".to_owned()],
            networks: Vec::new(),
            timeout: Duration::from_secs(30),
            ca_file: None,
        }
    }
}

impl Rules {
    /// Reads the rules from the configuration; an error names the key.
    pub fn from_config(config: &config::Webhooks) -> Result<Self> {
        let mut networks = Vec::new();
        if config.allow_private_addresses {
            networks.extend(Network::ALL);
        }
        for text in &config.allowed_private_networks {
            let network = text.parse::<Network>().map_err(|reason| {
                let key = "webhooks.allowed_private_networks";
                Error::invalid(format!("The value of {key} is not allowed: {reason}."))
            })?;
            networks.push(network);
        }
        let ca_file = Some(&config.ca_file).filter(|path| !path.is_empty());
        Ok(Self {
            schemes: config.allowed_schemes.clone(),
            networks,
            timeout: Duration::from_secs(config.timeout_s),
            ca_file: ca_file.map(PathBuf::from),
        })
    }
}

/// One POST.
#[derive(Debug, Clone)]
pub struct Parcel {
    pub url: String,
    /// Names and values; `Host`, `Content-Length` and `Connection` are ours.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

/// What came of one POST.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Attempt {
    /// The status of the last answer; `None` where none came.
    pub status: Option<u16>,
    /// From the start to the end of the exchange, in milliseconds.
    pub latency_ms: i64,
    /// The beginning of the answer's body, at most 4 KiB of text without NUL.
    pub response_head: String,
    /// How long the receiver asks us to wait, in milliseconds, at most a day.
    pub retry_after_ms: Option<i64>,
    /// Why there is no answer that counts; `None` where the status says all.
    pub error: Option<String>,
    /// Whether the rules, or the parcel itself, forbid the POST: sending it again cannot help.
    pub refused: bool,
}

/// What to do after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Delivered,
    Retry,
    GiveUp,
}

impl Attempt {
    /// Judges the attempt: 2xx is delivered; 429, 500, 502, 503, 504 and no answer at all are worth
    /// another try; every other status and what the rules refuse are not.
    pub fn verdict(&self) -> Verdict {
        match self.status {
            _ if self.refused => Verdict::GiveUp,
            Some(200..=299) => Verdict::Delivered,
            Some(429 | 500 | 502 | 503 | 504) | None => Verdict::Retry,
            Some(_) => Verdict::GiveUp,
        }
    }
}

/// Gives the addresses of a host name.
type Lookup = Arc<dyn Fn(String) -> BoxFuture<'static, std::io::Result<Vec<IpAddr>>> + Send + Sync>;

/// Sends parcels under one set of rules; cheap to clone.
#[derive(Clone)]
pub struct Sender {
    rules: Arc<Rules>,
    trust: Arc<Trust>,
    lookup: Lookup,
}

impl std::fmt::Debug for Sender {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rules = &self.rules;
        f.debug_struct("Sender")
            .field("rules", rules)
            .finish_non_exhaustive()
    }
}

impl Sender {
    /// Makes a sender; an error names the file of certificate authorities that cannot be read.
    pub fn new(rules: Rules) -> Result<Self> {
        Ok(Self {
            trust: Arc::new(Trust::new(rules.ca_file.as_deref())?),
            rules: Arc::new(rules),
            lookup: Arc::new(|host| Box::pin(exchange::system_lookup(host))),
        })
    }

    /// Checks what can be known of a URL without the network: its form, its scheme, and its host
    /// where that is an address or `localhost`.
    pub fn check_url(&self, url: &str) -> Result<()> {
        let target = Target::parse(url, &self.rules.schemes).map_err(Error::invalid)?;
        if let Some(address) = target.literal() {
            self.judge(&target, address).map_err(Error::invalid)?;
        }
        Ok(())
    }

    /// Checks a URL as `check_url` does, and that its host does not resolve to a refused address
    /// now. A host that does not resolve is accepted: its receiver may come later, and every POST
    /// is checked anyway.
    pub async fn check_host(&self, url: &str) -> Result<()> {
        self.check_url(url)?;
        let target = Target::parse(url, &self.rules.schemes).map_err(Error::invalid)?;
        let resolving = tokio::time::timeout(CHECK_PATIENCE, self.resolve(&target)).await;
        match resolving {
            Ok(Err(failure)) if failure.refused => Err(Error::invalid(failure.text)),
            _ => Ok(()),
        }
    }

    /// Sends the parcel as `post` does, inside a span that it takes along in the header
    /// `traceparent`, where the caller has one.
    pub async fn post_traced(&self, parcel: &mut Parcel) -> Attempt {
        let Some(mut span) = traces::child("POST webhook", SpanKind::Client) else {
            return self.post(parcel).await;
        };
        parcel.headers.push(("traceparent", span.traceparent()));
        let attempt = self.post(parcel).await;
        self.describe(&mut span, parcel, &attempt);
        attempt
    }

    /// Tells the host only: the path of a webhook's URL is often its secret.
    fn describe(&self, span: &mut Span, parcel: &Parcel, attempt: &Attempt) {
        span.set("http.request.method", "POST");
        if let Ok(target) = Target::parse(&parcel.url, &self.rules.schemes) {
            span.set("server.address", target.host().to_owned());
            span.set("server.port", i64::from(target.port()));
        }
        if let Some(status) = attempt.status {
            span.set("http.response.status_code", i64::from(status));
        }
        match attempt.status {
            _ if attempt.refused => span.fail("refused"),
            Some(status) if status >= 400 => span.fail(status.to_string()),
            None => span.fail("no_answer"),
            Some(_) => {}
        }
    }

    /// Sends the parcel once; every failure is told in the attempt.
    pub async fn post(&self, parcel: &Parcel) -> Attempt {
        let started = Instant::now();
        let outcome = tokio::time::timeout(self.rules.timeout, self.follow(parcel)).await;
        let outcome = outcome.unwrap_or_else(|_| {
            let seconds = self.rules.timeout.as_secs_f64();
            let text = format!("The receiver did not answer within {seconds} s.");
            Err(Failure::passing(text))
        });
        let latency = started.elapsed().as_millis();
        let mut attempt = match outcome {
            Ok(attempt) => attempt,
            Err(failure) => Attempt {
                error: Some(failure.text),
                refused: failure.refused,
                ..Attempt::default()
            },
        };
        attempt.latency_ms = i64::try_from(latency).unwrap_or(i64::MAX);
        attempt
    }

    /// Posts, and posts again where the receiver sends us elsewhere with the method kept.
    async fn follow(&self, parcel: &Parcel) -> Result<Attempt, Failure> {
        let schemes = &self.rules.schemes;
        let mut target = Target::parse(&parcel.url, schemes).map_err(Failure::refused)?;
        let mut redirect: Option<(Answer, String)> = None;
        let mut followed = 0;
        loop {
            let answer = match (self.exchange(&target, parcel).await, redirect) {
                (Err(failure), Some((answer, place))) if failure.refused => {
                    return Ok(answer.not_followed(&place, &failure.text));
                }
                (outcome, _) => outcome?,
            };
            let Some(place) = answer.location() else {
                return Ok(answer.attempt);
            };
            match self.next(&target, &answer, followed) {
                Ok(next) => target = next,
                Err(reason) => return Ok(answer.not_followed(&place, &reason)),
            }
            redirect = Some((answer, place));
            followed += 1;
        }
    }

    /// Gives where a redirect leads, or why it is not followed.
    fn next(&self, from: &Target, answer: &Answer, followed: usize) -> Result<Target, String> {
        if !matches!(answer.attempt.status, Some(307 | 308)) {
            return Err("only 307 and 308 keep the POST and are followed.".to_owned());
        }
        if followed == MAX_REDIRECTS {
            return Err(format!(
                "no more than {MAX_REDIRECTS} redirects are followed."
            ));
        }
        let place = answer.location().unwrap_or_default();
        from.join(&place, &self.rules.schemes)
    }

    async fn exchange(&self, target: &Target, parcel: &Parcel) -> Result<Answer, Failure> {
        let request = exchange::request(target, parcel)?;
        let addresses = self.resolve(target).await?;
        let is_allowed = |address: IpAddr| self.judge(target, address);
        let stream = exchange::connect(target, &addresses, &is_allowed).await?;
        if !target.is_https() {
            return exchange::talk(stream, request).await;
        }
        let stream = self.trust.secure(target, stream).await?;
        exchange::talk(stream, request).await
    }

    /// Gives the addresses of the host, each of which may be reached.
    async fn resolve(&self, target: &Target) -> Result<Vec<IpAddr>, Failure> {
        let addresses = match target.address() {
            Some(address) => vec![address],
            None => (self.lookup)(target.host()).await.map_err(|error| {
                let host = target.host();
                Failure::passing(format!("The host {host} cannot be resolved: {error}."))
            })?,
        };
        if addresses.is_empty() {
            let host = target.host();
            return Err(Failure::passing(format!("The host {host} has no address.")));
        }
        for address in &addresses {
            self.judge(target, *address).map_err(Failure::refused)?;
        }
        Ok(addresses)
    }

    /// Says why an address of the host may not be reached.
    fn judge(&self, target: &Target, address: IpAddr) -> Result<(), String> {
        let Some(class) = address::complaint(address, &self.rules.networks) else {
            return Ok(());
        };
        Err(format!(
            "Webhook URL must not resolve to a non-public IP address. {} resolves to {address}. It \
             is a {class} address; add its network to webhooks.allowed_private_networks to allow \
             it.",
            crate::python::repr(&target.host())
        ))
    }
}

#[cfg(test)]
mod tests;
